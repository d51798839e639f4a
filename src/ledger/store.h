/*
 * The connection and its turn. A turn is what happens between two commits: all of it becomes
 * durable, or nothing. Private to src/ledger.
 *
 * After a failure the turn is lost and the ledger refuses every further change with the same error,
 * until the caller has heard of it by ledger_commit or ledger_rollback: else what comes after a
 * failure that somebody overlooked would be committed without what came before it. Reading goes on;
 * it shows what was committed last.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"
#include "ledger/ledger.h"
#include "ledger/statement.h"

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_N];
	bool changing;   /* a turn is open */
	enum err failed; /* why the turn was lost; ERR_OK when it wasn't */
};

/* Must come before a change: opens the turn, or gives the error that it was lost with. */
enum err store_change(struct ledger *l) must_check;

/*
 * What SQLite's code stands for. The open turn, if there is one, is rolled back and counts as lost;
 * but a foreign key that leads nowhere is the caller's wrong number: ERR_NOENT, and the turn is as
 * it was before the statement.
 */
enum err store_fail(struct ledger *l, int rc, int errno_value) must_check;

/*
 * The translation alone. errno_value is what errno was after the failure, if that is known, else 0:
 * it tells a full disk from a broken one where SQLite's code doesn't. Codes that only a bug can
 * cause abort.
 */
enum err store_err(int rc, int errno_value) must_check;

/* A member of a struct as a slice; ERR_NAMETOOLONG when it is longer than max, ERR_INVALID when it
 * is shorter than min. */
enum err store_string(const char *s, size_t min, size_t max, struct slice *ret_s) must_check;

/* The last component of a path, or all of it when it ends in a slash. */
struct slice store_name_of(struct slice path);

/* s cut to at most LEDGER_TEXT_MAX - 1 bytes, between two characters where it is UTF-8. */
struct slice store_cut(const char *s);

#endif
