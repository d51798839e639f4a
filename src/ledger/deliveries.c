#include "ledger/deliveries.h"

#include "ledger/store.h"

static enum err
file_check(const struct delivered_file *f)
{
	struct slice checked;

	enum err e = store_string(f->folder, 1, LEDGER_NAME_MAX, &checked);
	return e == ERR_OK ? store_string(f->path, 1, LEDGER_PATH_MAX, &checked) : e;
}

/* Which version of which file, from parameter `at` on. */
static void
bind_version(struct run *r, int at, const struct delivered_file *f)
{
	run_text(r, at, slice_str(f->folder));
	run_blob(r, at + 1, slice_str(f->path));
	run_u64(r, at + 2, f->inode);
	run_u64(r, at + 3, f->size);
	run_i64(r, at + 4, f->mtime_ns);
}

enum err
ledger_delivery_add(struct ledger *l, const struct delivered_file *f, const char *account,
    uint64_t bytes, int64_t now_us, bool *ret_new)
{
	struct run r _cleanup_(run_fini);
	struct slice name;

	*ret_new = false;
	run_init(&r, l, STATEMENT_DELIVERY_INSERT);
	enum err e = file_check(f);
	if (e == ERR_OK)
		e = store_string(account, 1, LEDGER_NAME_MAX, &name);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	if (f->transfer != 0)
		run_u64(&r, 1, f->transfer);
	bind_version(&r, 2, f);
	run_text(&r, 7, name);
	run_u64(&r, 8, bytes);
	run_i64(&r, 9, now_us);
	run_i64(&r, 10, f->born_us);
	e = run_change(&r);
	*ret_new = e == ERR_OK && sqlite3_changes(l->db) > 0;
	return e;
}

enum err
ledger_delivery_find(
    struct ledger *l, const struct delivered_file *f, const char *account, bool *ret_found)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_DELIVERY_FIND);
	bind_version(&r, 1, f);
	run_text(&r, 6, slice_str(account));
	run_i64(&r, 7, f->born_us);
	return run_step(&r, ret_found);
}

enum err
ledger_disposal_add(struct ledger *l, const struct disposal *d, uint64_t *ret_id)
{
	struct run r _cleanup_(run_fini);

	*ret_id = 0;
	run_init(&r, l, STATEMENT_DISPOSAL_INSERT);
	enum err e = file_check(&d->file);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	if (d->file.transfer != 0)
		run_u64(&r, 1, d->file.transfer);
	bind_version(&r, 2, &d->file);
	run_u64(&r, 7, d->archive ? 1 : 0);
	e = run_change(&r);
	if (e == ERR_OK && sqlite3_changes(l->db) > 0)
		*ret_id = (uint64_t)sqlite3_last_insert_rowid(l->db);
	return e;
}

static enum err
disposal_row(struct run *r, struct disposal *ret_d)
{
	bool row;

	enum err e = run_step(r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	struct delivered_file *f = &ret_d->file;
	ret_d->id = run_get_u64(r, 0);
	f->transfer = run_get_u64(r, 1);
	run_get_string(r, 2, f->folder, sizeof f->folder);
	run_get_string(r, 3, f->path, sizeof f->path);
	f->inode = run_get_u64(r, 4);
	f->size = run_get_u64(r, 5);
	f->mtime_ns = run_get_i64(r, 6);
	ret_d->archive = run_get_u64(r, 7) != 0;
	return run_row_done(r);
}

enum err
ledger_disposal_get(struct ledger *l, uint64_t id, struct disposal *ret_d)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_DISPOSAL_GET);
	run_u64(&r, 1, id);
	return disposal_row(&r, ret_d);
}

enum err
ledger_disposal_drop(struct ledger *l, uint64_t id)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_DISPOSAL_DROP);
	enum err e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_u64(&r, 1, id);
	return run_change(&r);
}

static enum err
disposal_next(struct ledger *l, uint64_t last, struct disposal *ret_d)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_DISPOSAL_NEXT);
	run_u64(&r, 1, last);
	return disposal_row(&r, ret_d);
}

enum err
ledger_each_disposal(struct ledger *l, ledger_disposal_fn *fn, void *ctx)
{
	struct disposal d = {.id = 0};

	for (;;) {
		enum err e = disposal_next(l, d.id, &d);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &d);
		if (e != ERR_OK)
			return e;
	}
}
