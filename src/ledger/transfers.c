#include "base/bug.h"
#include "ledger/row.h"
#include "ledger/store.h"

enum err
row_transfer(struct run *r, struct transfer *ret_t)
{
	struct transfer *t = ret_t;

	*t = (struct transfer){.id = run_get_u64(r, 0)};
	if (!transfer_state_parse(run_get_bytes(r, 1), &t->state))
		r->garbled = true;
	run_get_string(r, 2, t->route, sizeof t->route);
	run_get_string(r, 3, t->source, sizeof t->source);
	run_get_string(r, 4, t->path, sizeof t->path);
	t->size = run_get_u64(r, 5);
	t->mtime = run_get_i64(r, 6);
	t->checkpoint = run_get_u64(r, 7);
	struct slice sha256 = run_get_bytes(r, 8);
	t->has_sha256 = sha256.len == sizeof t->sha256;
	if (t->has_sha256)
		memcpy(t->sha256, sha256.ptr, sha256.len);
	t->source_removed = run_get_u64(r, 9) != 0;
	t->attempts = (uint32_t)run_get_u64(r, 10);
	t->retry_us = run_get_i64(r, 11);
	t->seen_us = run_get_i64(r, 12);
	t->changed_us = run_get_i64(r, 13);
	run_get_string(r, 14, t->trouble, sizeof t->trouble);
	return run_row_done(r);
}

enum err
row_one_transfer(struct run *r, struct transfer *ret_t)
{
	bool row;

	enum err e = run_step(r, &row);
	if (e != ERR_OK)
		return e;
	return row ? row_transfer(r, ret_t) : ERR_NOENT;
}

enum err
ledger_get(struct ledger *l, uint64_t id, struct transfer *ret_t)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_TRANSFER_GET);
	run_u64(&r, 1, id);
	return row_one_transfer(&r, ret_t);
}

enum err
ledger_find(struct ledger *l, const char *route, const char *path, uint64_t size, int64_t mtime,
    struct transfer *ret_t)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_TRANSFER_FIND);
	run_text(&r, 1, slice_str(route));
	run_blob(&r, 2, slice_str(path));
	run_u64(&r, 3, size);
	run_i64(&r, 4, mtime);
	return row_one_transfer(&r, ret_t);
}

/* The strings of a new row, measured before anything is touched. */
struct new_transfer {
	struct slice route, source, path;
};

static enum err
new_transfer_check(const struct transfer *t, struct new_transfer *ret_n)
{
	enum err e = store_string(t->route, 0, LEDGER_NAME_MAX, &ret_n->route);

	if (e == ERR_OK)
		e = store_string(t->source, 0, LEDGER_NAME_MAX, &ret_n->source);
	if (e == ERR_OK)
		e = store_string(t->path, 1, LEDGER_PATH_MAX, &ret_n->path);
	return e;
}

static enum err
transfer_insert(struct ledger *l, enum transfer_state state, const struct transfer *t,
    const struct new_transfer *n, int64_t now_us)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_TRANSFER_INSERT);
	run_text(&r, 1, slice_str(transfer_state_name(state)));
	run_text(&r, 2, n->route);
	run_text(&r, 3, n->source);
	run_blob(&r, 4, n->path);
	run_blob(&r, 5, store_name_of(n->path));
	run_u64(&r, 6, t->size);
	run_i64(&r, 7, t->mtime);
	/* An upload is in staging as a whole; of what was only seen there is nothing. */
	run_u64(&r, 8, state == TRANSFER_SEEN ? 0 : t->size);
	if (state != TRANSFER_SEEN && t->has_sha256)
		run_blob(&r, 9, slice_of(t->sha256, sizeof t->sha256));
	run_i64(&r, 10, now_us);
	return run_change(&r);
}

/* The new row and its event. */
static enum err
transfer_add(struct ledger *l, enum transfer_state state, const struct transfer *t,
    const char *event, int64_t now_us, uint64_t *ret_id)
{
	struct new_transfer n;

	enum err e = new_transfer_check(t, &n);
	if (e == ERR_OK)
		e = store_change(l);
	if (e == ERR_OK)
		e = transfer_insert(l, state, t, &n, now_us);
	if (e != ERR_OK)
		return e;
	uint64_t id = (uint64_t)sqlite3_last_insert_rowid(l->db);
	e = ledger_note(l, id, event, t->source, now_us);
	if (e == ERR_OK)
		*ret_id = id;
	return e;
}

enum err
ledger_see(struct ledger *l, const struct transfer *t, int64_t now_us, uint64_t *ret_id)
{
	return transfer_add(l, TRANSFER_SEEN, t, "seen", now_us, ret_id);
}

enum err
ledger_upload(struct ledger *l, const struct transfer *t, const struct transfer_output *out,
    int64_t now_us, uint64_t *ret_id)
{
	struct transfer_output own = *out;

	enum err e = row_output_check(out);
	if (e == ERR_OK)
		e = transfer_add(l, TRANSFER_PROCESSED, t, "uploaded", now_us, &own.transfer);
	if (e == ERR_OK)
		e = ledger_put_output(l, &own);
	if (e == ERR_OK)
		*ret_id = own.transfer;
	return e;
}

/* The state that the transfer is in now. */
static enum err
transfer_state_of(struct ledger *l, uint64_t id, enum transfer_state *ret_state)
{
	struct run r _cleanup_(run_fini);
	bool row;

	run_init(&r, l, STATEMENT_TRANSFER_STATE);
	run_u64(&r, 1, id);
	enum err e = run_step(&r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	if (!transfer_state_parse(run_get_bytes(&r, 0), ret_state))
		r.garbled = true;
	return run_row_done(&r);
}

static enum err
transfer_set(struct ledger *l, uint64_t id, enum transfer_state to,
    const struct transfer_change *change, int64_t now_us)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, STATEMENT_TRANSFER_MOVE);
	run_u64(&r, 1, id);
	run_text(&r, 2, slice_str(transfer_state_name(to)));
	run_i64(&r, 3, now_us);
	if (change->checkpoint != NULL)
		run_u64(&r, 4, *change->checkpoint);
	if (change->sha256 != NULL)
		run_blob(&r, 5, slice_of(change->sha256, 32));
	if (change->source_removed != NULL)
		run_u64(&r, 6, *change->source_removed ? 1 : 0);
	if (change->attempts != NULL)
		run_u64(&r, 7, *change->attempts);
	if (change->retry_us != NULL)
		run_i64(&r, 8, *change->retry_us);
	if (change->trouble != NULL)
		run_text(&r, 9, store_cut(change->trouble));
	return run_change(&r);
}

static enum err
transfer_set_number(struct ledger *l, enum statement which, uint64_t id, uint64_t value)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, which);
	run_u64(&r, 1, id);
	run_u64(&r, 2, value);
	return run_change(&r);
}

enum err
ledger_move(struct ledger *l, uint64_t id, enum transfer_event event,
    const struct transfer_change *change, const char *detail, int64_t now_us)
{
	static const struct transfer_change NO_CHANGE;
	enum transfer_state from, to;

	if (change == NULL)
		change = &NO_CHANGE;
	enum err e = store_change(l);
	if (e == ERR_OK)
		e = transfer_state_of(l, id, &from);
	if (e != ERR_OK)
		return e;
	BUG_ON(!transfer_next(from, event, &to));
	e = transfer_set(l, id, to, change, now_us);
	if (e == ERR_OK && change->size != NULL)
		e = transfer_set_number(l, STATEMENT_TRANSFER_RESIZE, id, *change->size);
	if (e == ERR_OK)
		e = ledger_note(l, id, transfer_event_name(event), detail, now_us);
	return e;
}

enum err
ledger_trouble(struct ledger *l, uint64_t id, const char *trouble, int64_t now_us)
{
	const struct transfer_change change = {.trouble = trouble};
	struct transfer t;

	enum err e = store_change(l);
	if (e == ERR_OK)
		e = ledger_get(l, id, &t);
	if (e != ERR_OK || slice_is(store_cut(trouble), t.trouble))
		return e;
	e = transfer_set(l, id, t.state, &change, now_us);
	return e == ERR_OK ? ledger_note(l, id, "trouble", trouble, now_us) : e;
}

enum err
ledger_checkpoint(struct ledger *l, uint64_t id, uint64_t length)
{
	enum err e = store_change(l);

	if (e == ERR_OK)
		e = transfer_set_number(l, STATEMENT_TRANSFER_CHECKPOINT, id, length);
	if (e == ERR_OK && sqlite3_changes(l->db) == 0)
		e = ERR_NOENT;
	return e;
}
