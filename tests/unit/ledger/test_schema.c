/* Older files become current ones, or stay as they were. */
#include "fixture.h"
#include "ledger/partials.h"
#include "ledger/schema.h"

static const struct migration STEPS[] = {
    {1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
    {2, "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'two';"},
    {5, "CREATE TABLE b (z INTEGER) STRICT; INSERT INTO b SELECT x + 4 FROM a;"},
};

static const struct migration BROKEN[] = {
    {1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
    {2, "CREATE TABLE half (x INTEGER) STRICT; INSERT INTO half VALUES ('no number');"},
};

static sqlite3 *
memory_db(void)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	return db;
}

static int
number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int n = sqlite3_column_int(s, 0);
	assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	return n;
}

static enum schema_kind
identify(sqlite3 *db, int *ret_version)
{
	enum schema_kind kind;

	assert_int_equal(
	    schema_identify(db, STEPS, ARRAY_LEN(STEPS), &kind, ret_version), SQLITE_OK);
	return kind;
}

/* From each older version to the newest. */
static void
test_from_each_version(void **state)
{
	static const int VERSIONS[] = {0, 1, 2, 5};
	int version;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
		sqlite3 *db = memory_db();
		/* The first i steps alone make the older file. */
		if (i > 0)
			assert_int_equal(schema_upgrade(db, STEPS, i, 0), SQLITE_OK);
		assert_int_equal(identify(db, &version), i == 0 ? SCHEMA_EMPTY : SCHEMA_OURS);
		assert_int_equal(version, VERSIONS[i]);
		assert_int_equal(schema_upgrade(db, STEPS, ARRAY_LEN(STEPS), version), SQLITE_OK);
		assert_int_equal(identify(db, &version), SCHEMA_OURS);
		assert_int_equal(version, 5);
		assert_int_equal(number(db, "SELECT count(*) FROM a WHERE y = 'two'"), 1);
		assert_int_equal(number(db, "SELECT z FROM b"), 5);
		assert_int_equal(number(db, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
		sqlite3_close(db);
	}
}

static void
test_broken_step(void **state)
{
	sqlite3 *db = memory_db();
	int version;

	(void)state;
	assert_int_equal(
	    schema_upgrade(db, BROKEN, ARRAY_LEN(BROKEN), 0) & 0xff, SQLITE_CONSTRAINT);
	assert_int_equal(identify(db, &version), SCHEMA_EMPTY);
	assert_int_equal(schema_upgrade(db, BROKEN, 1, 0), SQLITE_OK);
	assert_int_equal(
	    schema_upgrade(db, BROKEN, ARRAY_LEN(BROKEN), 1) & 0xff, SQLITE_CONSTRAINT);
	assert_int_equal(identify(db, &version), SCHEMA_OURS);
	assert_int_equal(version, 1);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 1);
	sqlite3_close(db);
}

static const struct {
	const char *sql;
	enum schema_kind kind;
} KINDS[] = {
    {"", SCHEMA_EMPTY},
    {"CREATE TABLE t (x)", SCHEMA_FOREIGN},
    {"PRAGMA user_version = 1", SCHEMA_FOREIGN},
    {"PRAGMA user_version = -1", SCHEMA_FOREIGN},
    {"PRAGMA application_id = 1148346745", SCHEMA_FOREIGN}, /* ours, but of no version */
    {"PRAGMA application_id = 1148346745; PRAGMA user_version = -1", SCHEMA_FOREIGN},
    {"PRAGMA application_id = 1; PRAGMA user_version = 1", SCHEMA_FOREIGN},
    {"PRAGMA application_id = 1148346745; PRAGMA user_version = 1", SCHEMA_OURS},
    {"PRAGMA application_id = 1148346745; PRAGMA user_version = 5", SCHEMA_OURS},
    {"PRAGMA application_id = 1148346745; PRAGMA user_version = 6", SCHEMA_NEWER},
};

static void
test_kinds(void **state)
{
	int version;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		sqlite3 *db = memory_db();
		assert_int_equal(sqlite3_exec(db, KINDS[i].sql, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(identify(db, &version), KINDS[i].kind);
		sqlite3_close(db);
	}
}

/* The real steps: rising, and each state of the enum has its place in the table's CHECK. */
static void
test_real_steps(void **state)
{
	char sql[512];
	sqlite3 *db = memory_db();

	(void)state;
	for (size_t i = 0; i < SCHEMA_N_MIGRATIONS; i++)
		assert_true(
		    SCHEMA_MIGRATIONS[i].version > (i == 0 ? 0 : SCHEMA_MIGRATIONS[i - 1].version));
	assert_int_equal(schema_upgrade(db, SCHEMA_MIGRATIONS, SCHEMA_N_MIGRATIONS, 0), SQLITE_OK);
	for (size_t i = 0; i <= TRANSFER_N_STATES; i++) {
		const char *name = i < TRANSFER_N_STATES ? TRANSFER_STATE_NAMES[i] : "lost";
		(void)snprintf(sql, sizeof sql,
		    "INSERT INTO transfers (state, route, source, path, name, size, mtime,"
		    " checkpoint, seen_us, changed_us)"
		    " VALUES ('%s', '', '', x'61', x'61', 0, 0, 0, 0, 0)",
		    name);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL),
		    i < TRANSFER_N_STATES ? SQLITE_OK : SQLITE_CONSTRAINT);
	}
	/* Deleting history keeps the sums and leaves no orphans. */
	assert_int_equal(
	    sqlite3_exec(db,
		"PRAGMA foreign_keys = ON; INSERT INTO outputs VALUES (1, 0, '', x'61', x'61',"
		" x'61'); INSERT INTO events VALUES (NULL, 1, 0, 'x', ''); DELETE FROM transfers",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(number(db, "SELECT sum(n) FROM tallies"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM outputs"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM events"), 0);
	sqlite3_close(db);
}

/* A file of the first release, with a life behind it, serves on. */
static void
test_a_file_of_version_1(void **state)
{
	struct fixture f;
	struct transfer t;
	struct partial_row p = {
	    .folder = "in", .staging_name = "up.a.1", .path = "x", .account = "a"};
	sqlite3 *db = NULL;

	(void)state;
	fixture_init(&f);
	assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
	assert_int_equal(schema_upgrade(db, SCHEMA_MIGRATIONS, 1, 0), SQLITE_OK);
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(sqlite3_exec(db,
			     "INSERT INTO transfers (state, route, source, path, name, size, mtime,"
			     " checkpoint, seen_us, changed_us)"
			     " VALUES ('settled', '', 'erp', x'61', x'61', 5, 0, 5, 1, 2);"
			     "INSERT INTO outputs VALUES (1, 0, 'in', x'61', x'62', x'62');"
			     "INSERT INTO events VALUES (NULL, 1, 1, 'uploaded', 'erp')",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);

	fixture_open(&f);
	assert_ok(ledger_get(f.l, 1, &t));
	assert_int_equal(t.state, TRANSFER_SETTLED);
	assert_int_equal(t.size, 5);
	assert_ok(ledger_partial_put(f.l, &p));
	assert_ok(ledger_commit(f.l));
	ledger_close(f.l);
	f.l = NULL;
	assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
	assert_int_equal(number(db, "PRAGMA user_version"), 2);
	assert_int_equal(number(db, "SELECT n FROM tallies WHERE state = 'settled'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM partials"), 1);
	sqlite3_close(db);
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_from_each_version),
	    cmocka_unit_test(test_broken_step),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_real_steps),
	    cmocka_unit_test(test_a_file_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
