#include "ledger/statement.h"

#include <errno.h>

#include "base/bug.h"
#include "ledger/store.h"

#define TRANSFER_COLUMNS                                                                    \
	"id, state, route, source, path, size, mtime, checkpoint, sha256, source_removed, " \
	"attempts, retry_us, seen_us, changed_us, trouble"

#define DISPOSAL_COLUMNS "id, coalesce(transfer, 0), folder, path, inode, size, mtime_ns, archive"

/*
 * A walk's parameters: ?1 the last id, ?2 route, ?3 state, ?4 name, ?5 path. INDEXED BY is a
 * contract: preparing fails when the index can't serve, instead of a scan of all history one day.
 */
#define WALK(name, from_where)                                                                    \
	[STATEMENT_WALK_##name##_DOWN] = "SELECT " TRANSFER_COLUMNS " FROM transfers " from_where \
					 " AND id < ?1 ORDER BY id DESC LIMIT 1",                 \
	[STATEMENT_WALK_##name##_UP] = "SELECT " TRANSFER_COLUMNS " FROM transfers " from_where   \
				       " AND id > ?1 ORDER BY id LIMIT 1"

/* By name: the nearer of the next transfer with that name and the next with such an output. */
#define WALK_WHAT(nearer, compare, order)                                                       \
	"SELECT " TRANSFER_COLUMNS " FROM transfers WHERE id = (SELECT " nearer "(id) FROM ("   \
	" SELECT * FROM (SELECT id FROM transfers INDEXED BY transfers_name"                    \
	"  WHERE name = ?4 AND (?5 IS NULL OR path = ?5) AND (?2 IS NULL OR route = ?2)"        \
	"  AND (?3 IS NULL OR state = ?3) AND id " compare " ?1 ORDER BY id " order " LIMIT 1)" \
	" UNION ALL"                                                                            \
	" SELECT * FROM (SELECT t.id FROM outputs AS o INDEXED BY outputs_name"                 \
	"  CROSS JOIN transfers AS t ON t.id = o.transfer"                                      \
	"  WHERE o.name = ?4 AND (?5 IS NULL OR o.path = ?5) AND (?2 IS NULL OR t.route = ?2)"  \
	"  AND (?3 IS NULL OR t.state = ?3) AND o.transfer " compare " ?1"                      \
	"  ORDER BY o.transfer " order " LIMIT 1)))"

static const char *const SQL[STATEMENT_N] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",

    [STATEMENT_TRANSFER_INSERT] =
	"INSERT INTO transfers (state, route, source, path, name, size, mtime, checkpoint, sha256,"
	" seen_us, changed_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
    [STATEMENT_TRANSFER_GET] = "SELECT " TRANSFER_COLUMNS " FROM transfers WHERE id = ?1",
    [STATEMENT_TRANSFER_FIND] =
	"SELECT " TRANSFER_COLUMNS " FROM transfers INDEXED BY transfers_key"
	" WHERE route = ?1 AND path = ?2 AND size = ?3 AND mtime = ?4 ORDER BY id DESC LIMIT 1",
    [STATEMENT_TRANSFER_STATE] = "SELECT state FROM transfers WHERE id = ?1",
    [STATEMENT_TRANSFER_MOVE] =
	"UPDATE transfers SET state = ?2, changed_us = ?3, checkpoint = coalesce(?4, checkpoint),"
	" sha256 = coalesce(?5, sha256), source_removed = coalesce(?6, source_removed),"
	" attempts = coalesce(?7, attempts), retry_us = coalesce(?8, retry_us),"
	" trouble = coalesce(?9, trouble) WHERE id = ?1",
    /* On its own: the size is in the key's index, which most moves need not touch. */
    [STATEMENT_TRANSFER_RESIZE] = "UPDATE transfers SET size = ?2 WHERE id = ?1",
    [STATEMENT_TRANSFER_CHECKPOINT] =
	"UPDATE transfers SET checkpoint = ?2 WHERE id = ?1 AND state = 'fetching'",

    [STATEMENT_OUTPUT_PUT] =
	"INSERT INTO outputs (transfer, n, folder, staging_name, path, name)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (transfer, n) DO UPDATE SET"
	" folder = ?3, staging_name = ?4, path = ?5, name = ?6",
    [STATEMENT_OUTPUT_NEXT] = "SELECT transfer, n, folder, staging_name, path FROM outputs"
			      " WHERE transfer = ?1 AND n > ?2 ORDER BY n LIMIT 1",
    [STATEMENT_OUTPUT_FIND] =
	"SELECT o.transfer FROM outputs AS o INDEXED BY outputs_place"
	" CROSS JOIN transfers AS t ON t.id = o.transfer WHERE o.folder = ?1 AND o.path = ?2"
	" AND t.state IN ('published', 'settled', 'delivered') ORDER BY o.transfer DESC LIMIT 1",

    [STATEMENT_EVENT_INSERT] =
	"INSERT INTO events (transfer, at_us, what, detail) VALUES (?1, ?2, ?3, ?4)",
    [STATEMENT_EVENT_NEXT] =
	"SELECT id, coalesce(transfer, 0), at_us, what, detail FROM events"
	" INDEXED BY events_transfer WHERE transfer IS ?1 AND id > ?2 ORDER BY id LIMIT 1",

    [STATEMENT_TALLY] = "SELECT state, n FROM tallies WHERE route = ?1",

    [STATEMENT_PARTIAL_PUT] =
	"INSERT INTO partials (folder, staging_name, path, account, size, since_us)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (folder, staging_name) DO UPDATE SET"
	" path = ?3, account = ?4, size = ?5, since_us = ?6",
    [STATEMENT_PARTIAL_FIND] = "SELECT id FROM partials WHERE folder = ?1 AND staging_name = ?2",
    [STATEMENT_PARTIAL_DROP] = "DELETE FROM partials WHERE folder = ?1 AND staging_name = ?2",
    [STATEMENT_PARTIAL_NEXT] =
	"SELECT id, folder, staging_name, path, account, size, since_us FROM partials"
	" WHERE id > ?1 ORDER BY id LIMIT 1",

    [STATEMENT_HOLDING_PUT] =
	"INSERT INTO holdings (folder, path, account, size) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (folder, path) DO UPDATE SET account = ?3, size = ?4",
    [STATEMENT_HOLDING_GET] =
	"SELECT id, folder, path, account, size FROM holdings WHERE folder = ?1 AND path = ?2",
    [STATEMENT_HOLDING_DROP] = "DELETE FROM holdings WHERE folder = ?1 AND path = ?2",
    [STATEMENT_HOLDING_RENAME] =
	"UPDATE OR REPLACE holdings SET path = ?3 WHERE folder = ?1 AND path = ?2",
    /* ?4 and ?5: the first and the last possible beginning of a path beneath ?2. */
    [STATEMENT_HOLDING_RENAME_BENEATH] =
	"UPDATE OR REPLACE holdings SET path = CAST(?3 || substr(path, length(?2) + 1) AS BLOB)"
	" WHERE folder = ?1 AND path > ?4 AND path < ?5 AND length(?3) + length(path) -"
	" length(?2) <= 4096",
    [STATEMENT_HOLDING_NEXT] =
	"SELECT id, folder, path, account, size FROM holdings INDEXED BY holdings_account"
	" WHERE account = ?1 AND id > ?2 ORDER BY id LIMIT 1",
    [STATEMENT_USAGE] = "SELECT bytes, files FROM usages WHERE account = ?1",

    [STATEMENT_DELIVERY_INSERT] =
	"INSERT INTO deliveries (transfer, folder, path, inode, size, mtime_ns, account, bytes,"
	" at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (folder, path, inode, "
	"size,"
	" mtime_ns, account) DO UPDATE SET transfer = ?1, bytes = ?8, at_us = ?9 WHERE at_us < ?10",
    [STATEMENT_DELIVERY_FIND] =
	"SELECT id FROM deliveries WHERE folder = ?1 AND path = ?2 AND inode = ?3 AND size = ?4"
	" AND mtime_ns = ?5 AND account = ?6 AND at_us >= ?7",
    [STATEMENT_DISPOSAL_INSERT] =
	"INSERT INTO disposals (transfer, folder, path, inode, size, mtime_ns, archive)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    [STATEMENT_DISPOSAL_GET] = "SELECT " DISPOSAL_COLUMNS " FROM disposals WHERE id = ?1",
    [STATEMENT_DISPOSAL_DROP] = "DELETE FROM disposals WHERE id = ?1",
    [STATEMENT_DISPOSAL_NEXT] =
	"SELECT " DISPOSAL_COLUMNS " FROM disposals WHERE id > ?1 ORDER BY id LIMIT 1",

    WALK(ALL, "WHERE (?3 IS NULL OR state = ?3)"),
    WALK(ROUTE, "INDEXED BY transfers_route WHERE route = ?2 AND (?3 IS NULL OR state = ?3)"),
    WALK(OPEN, "INDEXED BY transfers_open WHERE state = ?3 AND " STATEMENT_OPEN),
    WALK(OPEN_ROUTE,
	"INDEXED BY transfers_open_route WHERE route = ?2 AND state = ?3 AND " STATEMENT_OPEN),
    [STATEMENT_WALK_WHAT_DOWN] = WALK_WHAT("max", "<", "DESC"),
    [STATEMENT_WALK_WHAT_UP] = WALK_WHAT("min", ">", "ASC"),
};

int
statements_prepare(sqlite3 *db, sqlite3_stmt *statements[STATEMENT_N])
{
	for (size_t i = 0; i < STATEMENT_N; i++) {
		int rc = sqlite3_prepare_v3(
		    db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

void
statements_finalize(sqlite3_stmt *statements[STATEMENT_N])
{
	for (size_t i = 0; i < STATEMENT_N; i++) {
		(void)sqlite3_finalize(statements[i]);
		statements[i] = NULL;
	}
}

void
run_init(struct run *r, struct ledger *l, enum statement which)
{
	*r = (struct run){.l = l, .stmt = l->statements[which], .rc = SQLITE_OK};
	/* Two runs of one statement at a time would step on each other. */
	BUG_ON(sqlite3_stmt_busy(r->stmt) != 0);
}

void
run_fini(struct run *r)
{
	/* The code is the last step's, which has been told already. */
	(void)sqlite3_reset(r->stmt);
	(void)sqlite3_clear_bindings(r->stmt);
}

/* True when there is something to bind: no failure yet, and the statement has the parameter. */
static bool
run_wants(const struct run *r, int at)
{
	return r->rc == SQLITE_OK && at <= sqlite3_bind_parameter_count(r->stmt);
}

void
run_i64(struct run *r, int at, int64_t v)
{
	if (run_wants(r, at))
		r->rc = sqlite3_bind_int64(r->stmt, at, v);
}

void
run_u64(struct run *r, int at, uint64_t v)
{
	run_i64(r, at, (int64_t)v);
}

/* SQLite takes a NULL pointer for the value NULL: the empty text has an address, too. */
static const char *
bytes_of(struct slice s)
{
	return s.len == 0 ? "" : (const char *)s.ptr;
}

void
run_text(struct run *r, int at, struct slice s)
{
	if (run_wants(r, at))
		r->rc = sqlite3_bind_text64(
		    r->stmt, at, bytes_of(s), s.len, SQLITE_STATIC, SQLITE_UTF8);
}

void
run_blob(struct run *r, int at, struct slice s)
{
	if (run_wants(r, at))
		r->rc = sqlite3_bind_blob64(r->stmt, at, bytes_of(s), s.len, SQLITE_STATIC);
}

enum err
run_step(struct run *r, bool *ret_row)
{
	*ret_row = false;
	/* SQLite doesn't keep the errno of a failed COMMIT: taken here, at the step. */
	errno = 0;
	if (r->rc == SQLITE_OK) {
		int rc = sqlite3_step(r->stmt);
		if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
			*ret_row = rc == SQLITE_ROW;
			return ERR_OK;
		}
		r->rc = rc;
	}
	int errno_value = errno;
	int rc = r->rc;
	/* A statement that is still under way would stand in the way of the rollback. */
	run_fini(r);
	return store_fail(r->l, rc, errno_value);
}

enum err
run_change(struct run *r)
{
	bool row;

	enum err e = run_step(r, &row);
	BUG_ON(e == ERR_OK && row);
	return e;
}

int64_t
run_get_i64(struct run *r, int column)
{
	if (sqlite3_column_type(r->stmt, column) != SQLITE_INTEGER)
		r->garbled = true;
	return sqlite3_column_int64(r->stmt, column);
}

uint64_t
run_get_u64(struct run *r, int column)
{
	return (uint64_t)run_get_i64(r, column);
}

struct slice
run_get_bytes(struct run *r, int column)
{
	/* Not column_text: that would end the bytes with a terminator, by a copy. */
	const void *bytes = sqlite3_column_blob(r->stmt, column);
	int len = sqlite3_column_bytes(r->stmt, column);

	if (bytes == NULL && len > 0) {
		r->garbled = true;
		len = 0;
	}
	return slice_of(bytes, (size_t)len);
}

void
run_get_string(struct run *r, int column, char *dst, size_t dst_len)
{
	if (!slice_copy(run_get_bytes(r, column), dst, dst_len))
		r->garbled = true;
}

enum err
run_row_done(struct run *r)
{
	if (!r->garbled)
		return ERR_OK;
	run_fini(r);
	return store_fail(r->l, SQLITE_CORRUPT, 0);
}
