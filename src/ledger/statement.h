/*
 * Every SQL statement of the ledger, in one table, prepared once when it is opened; and a run, one
 * execution of one of them with a sticky error: bind, bind, step. Values are always bound, never
 * part of the text. Private to src/ledger.
 *
 * A run is over before a caller's callback is called: walks go from key to key (WHERE id > ?1 …
 * LIMIT 1) and keep no cursor open, so that the callback may change what is being walked over.
 */
#ifndef LEDGER_STATEMENT_H
#define LEDGER_STATEMENT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * The transfers that somebody still has to deal with. A partial index serves a query only when the
 * query has the index's condition in it, word for word. (IN would build a table of its list each
 * time, three times the cost of the whole move.)
 */
#define STATEMENT_OPEN \
	"state <> 'settled' AND state <> 'delivered' AND state <> 'skipped' AND state <> 'gone'"

/* The walks over transfers: two statements each, downwards (newest first) and upwards. */
#define STATEMENT_WALK(name) STATEMENT_WALK_##name##_DOWN, STATEMENT_WALK_##name##_UP

enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_TRANSFER_INSERT,
	STATEMENT_TRANSFER_GET,
	STATEMENT_TRANSFER_FIND,
	STATEMENT_TRANSFER_STATE,
	STATEMENT_TRANSFER_MOVE,
	STATEMENT_TRANSFER_RESIZE,
	STATEMENT_TRANSFER_CHECKPOINT,
	STATEMENT_OUTPUT_PUT,
	STATEMENT_OUTPUT_NEXT,
	STATEMENT_OUTPUT_FIND,
	STATEMENT_EVENT_INSERT,
	STATEMENT_EVENT_NEXT,
	STATEMENT_TALLY,
	STATEMENT_PARTIAL_PUT,
	STATEMENT_PARTIAL_FIND,
	STATEMENT_PARTIAL_DROP,
	STATEMENT_PARTIAL_NEXT,
	STATEMENT_HOLDING_PUT,
	STATEMENT_HOLDING_GET,
	STATEMENT_HOLDING_DROP,
	STATEMENT_HOLDING_RENAME,
	STATEMENT_HOLDING_RENAME_BENEATH,
	STATEMENT_HOLDING_NEXT,
	STATEMENT_USAGE,
	STATEMENT_DELIVERY_INSERT,
	STATEMENT_DELIVERY_FIND,
	STATEMENT_DISPOSAL_INSERT,
	STATEMENT_DISPOSAL_GET,
	STATEMENT_DISPOSAL_DROP,
	STATEMENT_DISPOSAL_NEXT,
	STATEMENT_WALK(ALL),
	STATEMENT_WALK(ROUTE),
	STATEMENT_WALK(OPEN),
	STATEMENT_WALK(OPEN_ROUTE),
	STATEMENT_WALK(WHAT),
	STATEMENT_N
};

struct ledger;

/* Prepares them all; the result is SQLite's code. Finalize also after a failure. */
int statements_prepare(sqlite3 *db, sqlite3_stmt *statements[STATEMENT_N]) must_check;
void statements_finalize(sqlite3_stmt *statements[STATEMENT_N]);

struct run {
	struct ledger *l;
	sqlite3_stmt *stmt;
	int rc;       /* the first failure, or SQLITE_OK */
	bool garbled; /* a column held what it can't hold */
};

/* struct run r _cleanup_(run_fini); run_init(&r, …) before anything else. */
void run_init(struct run *r, struct ledger *l, enum statement which);
void run_fini(struct run *r);

/*
 * Values for the parameters ?1, ?2, …; one that isn't bound is NULL. Bytes are borrowed until
 * run_fini. A parameter that the statement doesn't have is passed over, so that the statements of a
 * walk can be bound alike.
 */
void run_u64(struct run *r, int at, uint64_t v);
void run_i64(struct run *r, int at, int64_t v);
void run_text(struct run *r, int at, struct slice s);
void run_blob(struct run *r, int at, struct slice s);

/* The next row, or none. On an error the turn's changes are gone (store_fail). */
enum err run_step(struct run *r, bool *ret_row) must_check;

/* As run_step, for a statement that gives no rows. */
enum err run_change(struct run *r) must_check;

/* The row's columns, counted from 0. What doesn't fit its place is noted for run_row_done. */
uint64_t run_get_u64(struct run *r, int column);
int64_t run_get_i64(struct run *r, int column);
struct slice run_get_bytes(struct run *r, int column); /* borrowed until the next step */
void run_get_string(struct run *r, int column, char *dst, size_t dst_len);

/* ERR_OK when every column was what it should be; else ERR_FORMAT: a damaged ledger. */
enum err run_row_done(struct run *r) must_check;

#endif
