#include "ledger/row.h"
#include "ledger/store.h"

/* How a walk finds its transfers: the statement, and what its parameters are bound to. */
struct walk {
	enum statement statement;
	const struct ledger_filter *filter;
	struct slice what_name;
	uint64_t last; /* the id that was met last */
};

/* The states of STATEMENT_OPEN: what the partial indices know. */
static const bool IS_OPEN[TRANSFER_N_STATES] = {
    [TRANSFER_SEEN] = true,
    [TRANSFER_READY] = true,
    [TRANSFER_FETCHING] = true,
    [TRANSFER_STAGED] = true,
    [TRANSFER_PROCESSED] = true,
    [TRANSFER_PUBLISHED] = true,
    [TRANSFER_HELD] = true,
    [TRANSFER_FAILED] = true,
};

/* The statement that visits the fewest rows for the filter. */
static enum statement
walk_statement(const struct ledger_filter *f)
{
	bool by_open_state = f->state != NULL && IS_OPEN[*f->state];

	if (f->what != NULL)
		return f->oldest_first ? STATEMENT_WALK_WHAT_UP : STATEMENT_WALK_WHAT_DOWN;
	if (by_open_state && f->route != NULL)
		return f->oldest_first ? STATEMENT_WALK_OPEN_ROUTE_UP
				       : STATEMENT_WALK_OPEN_ROUTE_DOWN;
	if (by_open_state)
		return f->oldest_first ? STATEMENT_WALK_OPEN_UP : STATEMENT_WALK_OPEN_DOWN;
	if (f->route != NULL)
		return f->oldest_first ? STATEMENT_WALK_ROUTE_UP : STATEMENT_WALK_ROUTE_DOWN;
	return f->oldest_first ? STATEMENT_WALK_ALL_UP : STATEMENT_WALK_ALL_DOWN;
}

static void
walk_bind(const struct walk *w, struct run *r)
{
	const struct ledger_filter *f = w->filter;

	run_u64(r, 1, w->last);
	if (f->route != NULL)
		run_text(r, 2, slice_str(f->route));
	if (f->state != NULL)
		run_text(r, 3, slice_str(transfer_state_name(*f->state)));
	if (f->what == NULL)
		return;
	run_blob(r, 4, w->what_name);
	/* A bare name is looked for in every directory, a path only where it is. */
	if (w->what_name.len < strlen(f->what))
		run_blob(r, 5, slice_str(f->what));
}

/* The next transfer, or ERR_NOENT after the last. */
static enum err
walk_next(struct walk *w, struct ledger *l, struct transfer *ret_t)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, w->statement);
	walk_bind(w, &r);
	enum err e = row_one_transfer(&r, ret_t);
	if (e == ERR_OK)
		w->last = ret_t->id;
	return e;
}

enum err
ledger_each(struct ledger *l, const struct ledger_filter *filter, ledger_transfer_fn *fn, void *ctx)
{
	struct walk w = {
	    .statement = walk_statement(filter),
	    .filter = filter,
	    .what_name = store_name_of(slice_str(filter->what)),
	    .last = filter->oldest_first ? 0 : INT64_MAX,
	};
	struct transfer t;

	if (filter->beyond > 0 && filter->beyond < INT64_MAX)
		w.last = filter->beyond;
	for (uint64_t n = 0; filter->limit == 0 || n < filter->limit; n++) {
		enum err e = walk_next(&w, l, &t);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &t);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err
ledger_count(struct ledger *l, const char *route, uint64_t ret_counts[TRANSFER_N_STATES])
{
	struct run r _cleanup_(run_fini);
	enum transfer_state state;
	bool row;

	for (size_t i = 0; i < TRANSFER_N_STATES; i++)
		ret_counts[i] = 0;
	run_init(&r, l, STATEMENT_TALLY);
	run_text(&r, 1, slice_str(route));
	for (;;) {
		enum err e = run_step(&r, &row);
		if (e != ERR_OK)
			return e;
		if (!row)
			return run_row_done(&r);
		if (transfer_state_parse(run_get_bytes(&r, 0), &state))
			ret_counts[state] = run_get_u64(&r, 1);
		else
			r.garbled = true;
	}
}
