#include "sftp/budget.h"

#include "base/bug.h"
#include "base/clock.h"

/* What a fast line is taken to carry in a second, before it is known. */
#define LINE_RATE (UINT64_C(256) << 20)

static uint64_t
line_holds(int64_t round_trip_us)
{
	/* A minute is no round trip: it must not overflow. */
	int64_t us = round_trip_us < 60 * US_PER_SEC ? round_trip_us : 60 * US_PER_SEC;

	return us <= 0 ? 0 : (uint64_t)us * (LINE_RATE / US_PER_SEC);
}

void
sftp_budget_init(struct sftp_budget *b, int64_t round_trip_us, uint64_t window)
{
	uint64_t size = line_holds(round_trip_us);
	uint64_t max = window == 0 ? SFTP_BUDGET_MAX : window;

	if (size < SFTP_BUDGET_MIN)
		size = SFTP_BUDGET_MIN;
	*b = (struct sftp_budget){
	    .size = size < max ? size : max, .max = max, .round_trip_us = round_trip_us};
}

void
sftp_budget_init_fixed(struct sftp_budget *b, uint64_t size)
{
	*b = (struct sftp_budget){.size = size, .max = size};
}

uint64_t
sftp_budget_free(const struct sftp_budget *b)
{
	return b->in_flight < b->size ? b->size - b->in_flight : 0;
}

bool
sftp_budget_fits(const struct sftp_budget *b, uint64_t own, uint64_t more)
{
	uint32_t n_users = b->n_users == 0 ? 1 : b->n_users;

	return b->in_flight + more <= b->size || own + more <= b->size / n_users;
}

void
sftp_budget_charge(struct sftp_budget *b, uint64_t bytes)
{
	b->in_flight += bytes;
}

/* A whole budget in a round trip and a half: what is under way was the bound, not the line. */
static void
measure(struct sftp_budget *b, uint64_t bytes, int64_t now_us)
{
	if (b->since_us == 0) {
		b->since_us = now_us;
		b->delivered = 0;
		return;
	}
	b->delivered += bytes;
	if (b->delivered < b->size)
		return;
	if (now_us - b->since_us <= b->round_trip_us + b->round_trip_us / 2)
		b->size = b->size * 2 < b->max ? b->size * 2 : b->max;
	b->since_us = 0;
}

void
sftp_budget_credit(struct sftp_budget *b, uint64_t bytes, int64_t now_us)
{
	BUG_ON(bytes > b->in_flight);
	b->in_flight -= bytes;
	if (b->size < b->max)
		measure(b, bytes, now_us);
}
