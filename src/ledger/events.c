#include "ledger/store.h"

enum err
ledger_note(
    struct ledger *l, uint64_t transfer, const char *what, const char *detail, int64_t now_us)
{
	struct run r _cleanup_(run_fini);
	struct slice word;

	run_init(&r, l, STATEMENT_EVENT_INSERT);
	enum err e = store_string(what, 1, LEDGER_NAME_MAX, &word);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	if (transfer != 0)
		run_u64(&r, 1, transfer);
	run_i64(&r, 2, now_us);
	run_text(&r, 3, word);
	run_text(&r, 4, store_cut(detail));
	return run_change(&r);
}

/* The transfer's first event with a row number past *last, which moves on to it; or ERR_NOENT. */
static enum err
event_next(struct ledger *l, uint64_t transfer, int64_t *last, struct ledger_event *ret_event)
{
	struct run r _cleanup_(run_fini);
	bool row;

	run_init(&r, l, STATEMENT_EVENT_NEXT);
	if (transfer != 0)
		run_u64(&r, 1, transfer);
	run_i64(&r, 2, *last);
	enum err e = run_step(&r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	*last = run_get_i64(&r, 0);
	*ret_event = (struct ledger_event){
	    .transfer = run_get_u64(&r, 1),
	    .at_us = run_get_i64(&r, 2),
	};
	run_get_string(&r, 3, ret_event->what, sizeof ret_event->what);
	run_get_string(&r, 4, ret_event->detail, sizeof ret_event->detail);
	return run_row_done(&r);
}

enum err
ledger_each_event(struct ledger *l, uint64_t transfer, ledger_event_fn *fn, void *ctx)
{
	struct ledger_event event;
	int64_t last = 0;

	for (;;) {
		enum err e = event_next(l, transfer, &last, &event);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &event);
		if (e != ERR_OK)
			return e;
	}
}
