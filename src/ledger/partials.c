#include "ledger/partials.h"

#include "ledger/store.h"

struct partial_strings {
	struct slice folder, staging_name, path, account;
};

static enum err
partial_check(const struct partial_row *p, struct partial_strings *ret_s)
{
	enum err e = store_string(p->folder, 1, LEDGER_NAME_MAX, &ret_s->folder);

	if (e == ERR_OK)
		e = store_string(p->staging_name, 1, LEDGER_FILE_NAME_MAX, &ret_s->staging_name);
	if (e == ERR_OK)
		e = store_string(p->path, 1, LEDGER_PATH_MAX, &ret_s->path);
	if (e == ERR_OK)
		e = store_string(p->account, 1, LEDGER_NAME_MAX, &ret_s->account);
	return e;
}

enum err
ledger_partial_put(struct ledger *l, const struct partial_row *p)
{
	struct run r _cleanup_(run_fini);
	struct partial_strings s;

	run_init(&r, l, STATEMENT_PARTIAL_PUT);
	enum err e = partial_check(p, &s);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_text(&r, 1, s.folder);
	run_blob(&r, 2, s.staging_name);
	run_blob(&r, 3, s.path);
	run_text(&r, 4, s.account);
	run_u64(&r, 5, p->size);
	run_i64(&r, 6, p->since_us);
	return run_change(&r);
}

enum err
ledger_partial_find(struct ledger *l, const char *folder, const char *staging_name, bool *ret_found)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_PARTIAL_FIND);
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(staging_name));
	return run_step(&r, ret_found);
}

enum err
ledger_partial_drop(struct ledger *l, const char *folder, const char *staging_name)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_PARTIAL_DROP);
	enum err e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(staging_name));
	return run_change(&r);
}

/* The first row with a number past *last, which moves on to it; or ERR_NOENT. */
static enum err
partial_next(struct ledger *l, uint64_t *last, struct partial_row *ret_p)
{
	struct run r _cleanup_(run_fini);
	bool row;

	run_init(&r, l, STATEMENT_PARTIAL_NEXT);
	run_u64(&r, 1, *last);
	enum err e = run_step(&r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	*last = run_get_u64(&r, 0);
	run_get_string(&r, 1, ret_p->folder, sizeof ret_p->folder);
	run_get_string(&r, 2, ret_p->staging_name, sizeof ret_p->staging_name);
	run_get_string(&r, 3, ret_p->path, sizeof ret_p->path);
	run_get_string(&r, 4, ret_p->account, sizeof ret_p->account);
	ret_p->size = run_get_u64(&r, 5);
	ret_p->since_us = run_get_i64(&r, 6);
	return run_row_done(&r);
}

enum err
ledger_each_partial(struct ledger *l, ledger_partial_fn *fn, void *ctx)
{
	struct partial_row p;
	uint64_t last = 0;

	for (;;) {
		enum err e = partial_next(l, &last, &p);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &p);
		if (e != ERR_OK)
			return e;
	}
}
