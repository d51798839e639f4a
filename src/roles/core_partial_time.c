/*
 * The timer of private files: what has been open for a second gets its row, and what nobody has
 * gone on with for its folder's keep_partial is removed. It also tries again what could not be done
 * with delivered files.
 */
#include "base/clock.h"
#include "roles/core_partial.h"
#include "transfer/delivery.h"
#include "transfer/partials.h"

/* An upload that is over sooner needs no row: the many small ones cost one transaction each. */
#define OPEN_UNWRITTEN_MAX US_PER_SEC
#define PAUSE_MAX          (60 * US_PER_SEC)
#define PAUSE_MIN          (US_PER_SEC / 10)

static bool
is_due(const struct core *c, const struct core_partial *p, int64_t now_us, int64_t *ret_due_us)
{
	*ret_due_us = INT64_MAX;
	if (p->session != 0 && !p->in_ledger)
		*ret_due_us = p->since_us + OPEN_UNWRITTEN_MAX;
	if (p->session == 0)
		*ret_due_us = partial_expires_us(&c->gateway, p->folder, p->since_us);
	return *ret_due_us <= now_us;
}

static enum err
attend(struct core *c, struct core_partial *p)
{
	return p->session != 0 ? core_partial_write(c, p)
			       : core_partial_expire(c, p, "nobody has gone on with it");
}

static enum err
attend_all(struct core *c)
{
	int64_t now_us = time_now_us(), due_us;
	struct core_partial *p, *next;
	enum err e = ERR_OK;

	for (p = TAILQ_FIRST(&c->partials); p != NULL && e == ERR_OK; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (is_due(c, p, now_us, &due_us))
			e = attend(c, p);
	}
	if (e == ERR_OK && now_us - c->disposals_tried_us >= PAUSE_MAX) {
		c->disposals_tried_us = now_us;
		e = delivery_resume(&c->gateway);
	}
	return e;
}

static int
on_timer(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;
	enum err e = c->stuck ? ERR_OK : attend_all(c);

	c->partials_due_us = INT64_MAX;
	if (e != ERR_OK)
		core_ledger_failed(c, e);
	core_partials_watch(c);
	return 0;
}

void
core_partials_watch(struct core *c)
{
	int64_t now_us = time_now_us(), next_us = now_us + PAUSE_MAX;
	const struct core_partial *p;

	TAILQ_FOREACH (p, &c->partials, entry) {
		int64_t due_us;
		(void)is_due(c, p, now_us, &due_us);
		next_us = due_us < next_us ? due_us : next_us;
	}
	if (next_us < now_us + PAUSE_MIN)
		next_us = now_us + PAUSE_MIN;
	if (c->partials_timer != NULL && next_us >= c->partials_due_us)
		return;
	c->partials_due_us = next_us;
	core_after(c, &c->partials_timer, next_us - now_us, on_timer, c);
}
