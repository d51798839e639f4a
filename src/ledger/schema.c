#include "ledger/schema.h"

#include <stdio.h>

#include "ledger/statement.h"

#if SQLITE_VERSION_NUMBER < 3037000
#error "STRICT tables need SQLite 3.37 or later"
#endif

/*
 * Types. Paths and file names are BLOBs: they are bytes that some server chose, not always UTF-8,
 * and a BLOB gives back exactly these bytes and compares them with memcmp. Names from the
 * configuration and words of ours are TEXT. Sizes and offsets are uint64_t kept in SQLite's signed
 * integers bit for bit: they are compared for equality only. Moments are microseconds since the
 * epoch, UTC. States are stored by name, so that the order of an enum means nothing to a file.
 *
 * transfers.name and outputs.name are the last components of their paths: whoever looks for a path
 * looks up its name first, so that one index serves both questions.
 *
 * tallies counts the transfers by route and state. Counting rows would take longer with every year
 * of history; triggers keep the sums in the same transaction.
 *
 * The two partial indices hold the open transfers alone, those that recovery, the scheduler or an
 * operator still has to deal with: they stay small while history grows.
 */
static const char VERSION_1[] =
    "CREATE TABLE transfers ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* never given twice: people write it down */
    " state TEXT NOT NULL CHECK (state = 'settled' OR state = 'delivered' OR state = 'skipped'"
    "  OR state = 'gone' OR state = 'seen' OR state = 'ready' OR state = 'fetching'"
    "  OR state = 'staged' OR state = 'processed' OR state = 'published' OR state = 'held'"
    "  OR state = 'failed'),"
    " route TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 4096),"
    " size INTEGER NOT NULL,"
    " mtime INTEGER NOT NULL,"
    " checkpoint INTEGER NOT NULL,"
    " sha256 BLOB CHECK (length(sha256) = 32),"
    " source_removed INTEGER NOT NULL DEFAULT 0 CHECK (source_removed IN (0, 1)),"
    " attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 4294967295),"
    " retry_us INTEGER NOT NULL DEFAULT 0,"
    " seen_us INTEGER NOT NULL,"
    " changed_us INTEGER NOT NULL,"
    " trouble TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX transfers_key ON transfers (route, path, size, mtime);"
    "CREATE INDEX transfers_route ON transfers (route);"
    "CREATE INDEX transfers_name ON transfers (name);"
    "CREATE INDEX transfers_open ON transfers (state) WHERE " STATEMENT_OPEN ";"
    "CREATE INDEX transfers_open_route ON transfers (route, state) WHERE " STATEMENT_OPEN ";"

    "CREATE TABLE outputs ("
    " transfer INTEGER NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,"
    " n INTEGER NOT NULL CHECK (n BETWEEN 0 AND 4294967295),"
    " folder TEXT NOT NULL,"
    " staging_name BLOB NOT NULL CHECK (length(staging_name) BETWEEN 1 AND 255),"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 4096),"
    " PRIMARY KEY (transfer, n)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX outputs_place ON outputs (folder, path, transfer);"
    "CREATE INDEX outputs_name ON outputs (name, transfer);"

    "CREATE TABLE events ("
    " id INTEGER PRIMARY KEY,"
    " transfer INTEGER REFERENCES transfers (id) ON DELETE CASCADE," /* NULL: of no transfer */
    " at_us INTEGER NOT NULL,"
    " what TEXT NOT NULL,"
    " detail TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX events_transfer ON events (transfer);"

    "CREATE TABLE tallies ("
    " route TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " n INTEGER NOT NULL CHECK (n >= 0),"
    " PRIMARY KEY (route, state)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER tally_new AFTER INSERT ON transfers BEGIN"
    " INSERT INTO tallies VALUES (new.route, new.state, 1)"
    "  ON CONFLICT (route, state) DO UPDATE SET n = n + 1;"
    " END;"
    "CREATE TRIGGER tally_move AFTER UPDATE OF state ON transfers WHEN old.state <> new.state BEGIN"
    " UPDATE tallies SET n = n - 1 WHERE route = old.route AND state = old.state;"
    " INSERT INTO tallies VALUES (new.route, new.state, 1)"
    "  ON CONFLICT (route, state) DO UPDATE SET n = n + 1;"
    " END;"
    "CREATE TRIGGER tally_old AFTER DELETE ON transfers BEGIN"
    " UPDATE tallies SET n = n - 1 WHERE route = old.route AND state = old.state;"
    " END;";

/*
 * What accounts leave behind, and take. Rows of files that may be gone by now (a person has moved
 * them): what is done with them looks first.
 *
 * partials: private files that can be gone on with. holdings: what accounts have put into folders
 * and is still there; usages are their sums, kept by triggers and held below 2^62, so that no lie
 * about a size is a failure of ours. deliveries: which version of a file an account has taken.
 * disposals: delivered, and to be removed or archived.
 */
static const char VERSION_2[] =
    "CREATE TABLE partials ("
    " id INTEGER PRIMARY KEY,"
    " folder TEXT NOT NULL,"
    " staging_name BLOB NOT NULL CHECK (length(staging_name) BETWEEN 1 AND 255),"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " account TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " since_us INTEGER NOT NULL,"
    " UNIQUE (folder, staging_name)"
    ") STRICT;"

    "CREATE TABLE holdings ("
    " id INTEGER PRIMARY KEY,"
    " folder TEXT NOT NULL,"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " account TEXT NOT NULL,"
    " size INTEGER NOT NULL CHECK (size BETWEEN 0 AND 2305843009213693952),"
    " UNIQUE (folder, path)"
    ") STRICT;"
    "CREATE INDEX holdings_account ON holdings (account);"
    "CREATE TABLE usages ("
    " account TEXT NOT NULL PRIMARY KEY,"
    " bytes INTEGER NOT NULL,"
    " files INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER usage_new AFTER INSERT ON holdings BEGIN"
    " INSERT INTO usages VALUES (new.account, new.size, 1) ON CONFLICT (account) DO UPDATE"
    "  SET bytes = min(bytes + new.size, 2305843009213693952), files = files + 1;"
    " END;"
    "CREATE TRIGGER usage_other AFTER UPDATE OF account, size ON holdings BEGIN"
    " UPDATE usages SET bytes = max(bytes - old.size, 0), files = files - 1"
    "  WHERE account = old.account;"
    " INSERT INTO usages VALUES (new.account, new.size, 1) ON CONFLICT (account) DO UPDATE"
    "  SET bytes = min(bytes + new.size, 2305843009213693952), files = files + 1;"
    " END;"
    "CREATE TRIGGER usage_old AFTER DELETE ON holdings BEGIN"
    " UPDATE usages SET bytes = max(bytes - old.size, 0), files = files - 1"
    "  WHERE account = old.account;"
    " END;"

    "CREATE TABLE deliveries ("
    " id INTEGER PRIMARY KEY,"
    " transfer INTEGER REFERENCES transfers (id) ON DELETE CASCADE," /* NULL: of no transfer */
    " folder TEXT NOT NULL,"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " inode INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL,"
    " account TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL,"
    " UNIQUE (folder, path, inode, size, mtime_ns, account)"
    ") STRICT;"
    "CREATE INDEX deliveries_transfer ON deliveries (transfer);"

    "CREATE TABLE disposals ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* names a file in staging: never given twice */
    " transfer INTEGER REFERENCES transfers (id) ON DELETE CASCADE,"
    " folder TEXT NOT NULL,"
    " path BLOB NOT NULL CHECK (length(path) BETWEEN 1 AND 4096),"
    " inode INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL,"
    " archive INTEGER NOT NULL CHECK (archive IN (0, 1)),"
    " UNIQUE (folder, path, inode, size, mtime_ns)"
    ") STRICT;"
    "CREATE INDEX disposals_transfer ON disposals (transfer);";

const struct migration SCHEMA_MIGRATIONS[] = {
    {1, VERSION_1},
    {2, VERSION_2},
};
const size_t SCHEMA_N_MIGRATIONS = ARRAY_LEN(SCHEMA_MIGRATIONS);

/* The first number of the first row of a query. */
static int
query_number(sqlite3 *db, const char *sql, int *ret_number)
{
	sqlite3_stmt *s = NULL;

	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret_number = sqlite3_column_int(s, 0);
	return sqlite3_finalize(s);
}

int
schema_identify(sqlite3 *db, const struct migration *steps, size_t n_steps,
    enum schema_kind *ret_kind, int *ret_version)
{
	int application = 0, n_objects = 0, version = 0;

	int rc = query_number(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = query_number(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = query_number(db, "SELECT count(*) FROM sqlite_schema", &n_objects);
	if (rc != SQLITE_OK)
		return rc;
	*ret_version = version;
	if (application == 0 && version == 0 && n_objects == 0)
		*ret_kind = SCHEMA_EMPTY;
	else if (application != SCHEMA_APPLICATION_ID || version <= 0)
		*ret_kind = SCHEMA_FOREIGN;
	else
		*ret_kind = version > steps[n_steps - 1].version ? SCHEMA_NEWER : SCHEMA_OURS;
	return SQLITE_OK;
}

/* The file's version, as part of the open transaction. A PRAGMA takes no bound parameters. */
static int
set_version(sqlite3 *db, int version)
{
	char sql[128];

	(void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    SCHEMA_APPLICATION_ID, version);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int
schema_upgrade(sqlite3 *db, const struct migration *steps, size_t n_steps, int version)
{
	if (version == steps[n_steps - 1].version)
		return SQLITE_OK;
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (size_t i = 0; i < n_steps && rc == SQLITE_OK; i++) {
		if (steps[i].version > version)
			rc = sqlite3_exec(db, steps[i].sql, NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = set_version(db, steps[n_steps - 1].version);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	/* The code is the failure's; the connection forgets what came before it on a rollback. */
	if (rc != SQLITE_OK && sqlite3_get_autocommit(db) == 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}
