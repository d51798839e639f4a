#include "ledger/holdings.h"

#include <stdio.h>

#include "ledger/store.h"

enum err
ledger_holding_put(struct ledger *l, const struct holding *h)
{
	struct run r _cleanup_(run_fini);
	struct slice folder, path, account;

	run_init(&r, l, STATEMENT_HOLDING_PUT);
	enum err e = store_string(h->folder, 1, LEDGER_NAME_MAX, &folder);
	if (e == ERR_OK)
		e = store_string(h->path, 1, LEDGER_PATH_MAX, &path);
	if (e == ERR_OK)
		e = store_string(h->account, 1, LEDGER_NAME_MAX, &account);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_text(&r, 1, folder);
	run_blob(&r, 2, path);
	run_text(&r, 3, account);
	run_u64(&r, 4, h->size < LEDGER_HOLDING_MAX ? h->size : LEDGER_HOLDING_MAX);
	return run_change(&r);
}

static enum err
holding_row(struct run *r, struct holding *ret_h)
{
	bool row;

	enum err e = run_step(r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	ret_h->id = run_get_u64(r, 0);
	run_get_string(r, 1, ret_h->folder, sizeof ret_h->folder);
	run_get_string(r, 2, ret_h->path, sizeof ret_h->path);
	run_get_string(r, 3, ret_h->account, sizeof ret_h->account);
	ret_h->size = run_get_u64(r, 4);
	return run_row_done(r);
}

enum err
ledger_holding_get(struct ledger *l, const char *folder, const char *path, struct holding *ret_h)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_HOLDING_GET);
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(path));
	return holding_row(&r, ret_h);
}

enum err
ledger_holding_drop(struct ledger *l, const char *folder, const char *path)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_HOLDING_DROP);
	enum err e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(path));
	return run_change(&r);
}

static enum err
rename_one(struct ledger *l, const char *folder, const char *from, const char *to)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_HOLDING_RENAME);
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(from));
	run_blob(&r, 3, slice_str(to));
	return run_change(&r);
}

static enum err
rename_beneath(struct ledger *l, const char *folder, const char *from, const char *to)
{
	struct run r _cleanup_(run_fini);
	char first[LEDGER_PATH_MAX + 2], past[LEDGER_PATH_MAX + 2];

	/* Everything that begins with "from/" lies between that and "from0": '0' follows '/'. */
	(void)snprintf(first, sizeof first, "%s/", from);
	(void)snprintf(past, sizeof past, "%s0", from);
	run_init(&r, l, STATEMENT_HOLDING_RENAME_BENEATH);
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(from));
	run_blob(&r, 3, slice_str(to));
	run_blob(&r, 4, slice_str(first));
	run_blob(&r, 5, slice_str(past));
	return run_change(&r);
}

enum err
ledger_holding_rename(struct ledger *l, const char *folder, const char *from, const char *to)
{
	struct slice checked;

	if (strcmp(from, to) == 0)
		return ERR_OK;
	enum err e = store_string(from, 1, LEDGER_PATH_MAX, &checked);
	if (e == ERR_OK)
		e = store_string(to, 1, LEDGER_PATH_MAX, &checked);
	/* By itself, so that its trigger sees it go. */
	if (e == ERR_OK)
		e = ledger_holding_drop(l, folder, to);
	if (e == ERR_OK)
		e = rename_one(l, folder, from, to);
	return e == ERR_OK ? rename_beneath(l, folder, from, to) : e;
}

enum err
ledger_usage(struct ledger *l, const char *account, uint64_t *ret_bytes, uint64_t *ret_files)
{
	struct run r _cleanup_(run_fini);
	bool row;

	*ret_bytes = *ret_files = 0;
	run_init(&r, l, STATEMENT_USAGE);
	run_text(&r, 1, slice_str(account));
	enum err e = run_step(&r, &row);
	if (e != ERR_OK || !row)
		return e;
	*ret_bytes = run_get_u64(&r, 0);
	*ret_files = run_get_u64(&r, 1);
	return run_row_done(&r);
}

static enum err
holding_next(struct ledger *l, const char *account, uint64_t last, struct holding *ret_h)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_HOLDING_NEXT);
	run_text(&r, 1, slice_str(account));
	run_u64(&r, 2, last);
	return holding_row(&r, ret_h);
}

enum err
ledger_each_holding(struct ledger *l, const char *account, ledger_holding_fn *fn, void *ctx)
{
	struct holding h = {.id = 0};

	for (;;) {
		enum err e = holding_next(l, account, h.id, &h);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &h);
		if (e != ERR_OK)
			return e;
	}
}
