#include "ledger/store.h"

#include "base/bug.h"

static const struct {
	int primary;
	enum err err;
} FROM_SQLITE[] = {
    {SQLITE_FULL, ERR_NOSPACE},
    {SQLITE_NOMEM, ERR_NOMEM},
    {SQLITE_IOERR, ERR_IO},
    {SQLITE_PROTOCOL, ERR_IO},
    {SQLITE_INTERNAL, ERR_IO},
    {SQLITE_ABORT, ERR_IO},
    {SQLITE_CORRUPT, ERR_FORMAT},
    {SQLITE_NOTADB, ERR_FORMAT},
    {SQLITE_FORMAT, ERR_FORMAT},
    {SQLITE_ERROR, ERR_FORMAT}, /* a table or an index that should be there isn't */
    {SQLITE_SCHEMA, ERR_FORMAT},
    {SQLITE_CONSTRAINT, ERR_FORMAT}, /* rows that can't be: our own are checked before */
    {SQLITE_MISMATCH, ERR_FORMAT},
    {SQLITE_TOOBIG, ERR_FORMAT},
    {SQLITE_NOTFOUND, ERR_UNSUPPORTED},
    {SQLITE_NOLFS, ERR_QUOTA},
    {SQLITE_BUSY, ERR_AGAIN},
    {SQLITE_LOCKED, ERR_AGAIN},
    {SQLITE_READONLY, ERR_READONLY},
    {SQLITE_CANTOPEN, ERR_ACCESS},
    {SQLITE_PERM, ERR_ACCESS},
    {SQLITE_AUTH, ERR_ACCESS},
};

/*
 * What errno may make of a failed input or output. Others don't count: errno is left over from
 * whatever failed last, and SQLite asks for files that need not be there.
 */
static const enum err DEVICE_ERRORS[] = {ERR_NOSPACE, ERR_QUOTA, ERR_NOMEM, ERR_READONLY};

static enum err
err_of_device(int rc, int errno_value)
{
	enum err e = err_from_errno(errno_value);

	if (rc == SQLITE_IOERR_NOMEM)
		return ERR_NOMEM;
	for (size_t i = 0; i < ARRAY_LEN(DEVICE_ERRORS); i++) {
		if (DEVICE_ERRORS[i] == e)
			return e;
	}
	return ERR_IO;
}

enum err
store_err(int rc, int errno_value)
{
	int primary = rc & 0xff;

	for (size_t i = 0; i < ARRAY_LEN(FROM_SQLITE); i++) {
		if (FROM_SQLITE[i].primary != primary)
			continue;
		if (primary == SQLITE_IOERR)
			return err_of_device(rc, errno_value);
		if (primary == SQLITE_CANTOPEN && errno_value != 0)
			return err_from_errno(errno_value);
		return FROM_SQLITE[i].err;
	}
	/* MISUSE, RANGE, INTERRUPT, or no failure at all. */
	BUG("an error that SQLite can't have here");
}

static void
store_drop(struct ledger *l)
{
	sqlite3_stmt *rollback = l->statements[STATEMENT_ROLLBACK];

	/* A failed COMMIT, a full disk and a lack of memory may have rolled back already. */
	if (sqlite3_get_autocommit(l->db) == 0) {
		(void)sqlite3_step(rollback);
		(void)sqlite3_reset(rollback);
	}
	BUG_ON(sqlite3_get_autocommit(l->db) == 0);
	l->changing = false;
}

enum err
store_fail(struct ledger *l, int rc, int errno_value)
{
	if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return ERR_NOENT;
	enum err e = store_err(rc, errno_value);
	if (l->changing) {
		store_drop(l);
		l->failed = e;
	}
	return e;
}

static enum err
store_do(struct ledger *l, enum statement which)
{
	struct run r _cleanup_(run_fini);

	run_init(&r, l, which);
	return run_change(&r);
}

enum err
store_change(struct ledger *l)
{
	if (l->failed != ERR_OK || l->changing)
		return l->failed;
	/* Before the deed, so that its failure is a lost turn like any other. */
	l->changing = true;
	return store_do(l, STATEMENT_BEGIN);
}

enum err
ledger_commit(struct ledger *l)
{
	enum err e = l->failed;

	if (e == ERR_OK && l->changing)
		e = store_do(l, STATEMENT_COMMIT);
	l->changing = false;
	l->failed = ERR_OK;
	return e;
}

void
ledger_rollback(struct ledger *l)
{
	if (l->changing)
		store_drop(l);
	l->failed = ERR_OK;
}

bool
ledger_dirty(const struct ledger *l)
{
	return l->changing || l->failed != ERR_OK;
}

enum err
store_string(const char *s, size_t min, size_t max, struct slice *ret_s)
{
	*ret_s = slice_of(s, strnlen(s, max + 1));
	if (ret_s->len > max)
		return ERR_NAMETOOLONG;
	return ret_s->len < min ? ERR_INVALID : ERR_OK;
}

struct slice
store_name_of(struct slice path)
{
	const uint8_t *slash = path.len == 0 ? NULL : memrchr(path.ptr, '/', path.len);

	if (slash == NULL || slash == path.ptr + path.len - 1)
		return path;
	return slice_of(slash + 1, (size_t)(path.ptr + path.len - slash) - 1);
}

static bool
is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

struct slice
store_cut(const char *s)
{
	size_t len = strnlen(s, LEDGER_TEXT_MAX);

	if (len < LEDGER_TEXT_MAX)
		return slice_of(s, len);
	len = LEDGER_TEXT_MAX - 1;
	size_t start = len;
	/* A UTF-8 character has at most three continuation bytes; more of them are no text. */
	while (start > len - 3 && is_continuation((uint8_t)s[start]))
		start--;
	return slice_of(s, is_continuation((uint8_t)s[start]) ? len : start);
}
