#include "roles/bucket.h"

#include "base/clock.h"

enum {
	PIECE_MAX = 32 * 1024, /* less than that isn't moved, where the rate gives it soon */
	PIECES_PER_SECOND = 10,
	BURST_PIECES = 4
};

/* A tenth of a second's worth, so that slow sessions still move often; at least a byte. */
static int64_t
piece(const struct bucket *b)
{
	uint64_t tenth = b->rate / PIECES_PER_SECOND;

	return tenth > PIECE_MAX ? PIECE_MAX : (int64_t)(tenth + 1);
}

/* A tenth of a second's worth, and some pieces for slow ones. */
static int64_t
burst(const struct bucket *b)
{
	uint64_t tenth = b->rate / PIECES_PER_SECOND;
	int64_t pieces = BURST_PIECES * piece(b);

	return tenth > INT64_MAX / 2 || (int64_t)tenth < pieces ? pieces : (int64_t)tenth;
}

static void
fill(struct bucket *b, int64_t now_us)
{
	double elapsed_s = (double)(now_us - b->at_us) / (double)US_PER_SEC;
	double more = elapsed_s * (double)b->rate;
	int64_t room = burst(b) - b->tokens;

	/* Less than a byte is left to the next time, or slow rates would never fill. */
	if (more < 1)
		return;
	b->at_us = now_us;
	b->tokens = more >= (double)room ? b->tokens + room : b->tokens + (int64_t)more;
}

void
bucket_set_rate(struct bucket *b, uint64_t rate, int64_t now_us)
{
	if (b->rate == rate)
		return;
	if (b->rate == 0 || rate == 0)
		*b = (struct bucket){.at_us = now_us};
	else
		fill(b, now_us);
	b->rate = rate;
	if (rate != 0 && b->tokens > burst(b))
		b->tokens = burst(b);
}

size_t
bucket_allows(struct bucket *b, int64_t now_us)
{
	if (b->rate == 0)
		return SIZE_MAX;
	fill(b, now_us);
	return b->tokens >= piece(b) ? (size_t)b->tokens : 0;
}

void
bucket_take(struct bucket *b, size_t n, int64_t now_us)
{
	if (b->rate == 0)
		return;
	fill(b, now_us);
	b->tokens -= (int64_t)n;
}

int64_t
bucket_wait_us(struct bucket *b, int64_t now_us)
{
	if (bucket_allows(b, now_us) > 0)
		return 0;
	double missing = (double)(piece(b) - b->tokens);
	return (int64_t)(missing / (double)b->rate * (double)US_PER_SEC) + 1;
}
