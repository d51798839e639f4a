/*
 * Opening the ledger: the file, the connection's settings, whose file it is, its version, and every
 * statement prepared.
 *
 * One owner: locking_mode=EXCLUSIVE takes SQLite's own lock on the file for as long as the
 * connection lives, and the kernel gives it back when the process dies. It also keeps the WAL's
 * index in the heap: no -shm file, no mapping that a full disk could turn into SIGBUS, no reader
 * from outside that keeps the WAL from being reset and lets it grow without end.
 *
 * What is checked of an existing file is what costs the same for any size: its header, its length
 * against the header's page count (SQLite does), that it is ours, its version, and that every
 * statement finds its tables, columns and indices. quick_check reads the whole file, minutes for
 * a long history, at the moment when partners wait; pages are checked when they are read
 * (cell_size_check), and a damaged one is ERR_FORMAT then.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "ledger/schema.h"
#include "ledger/store.h"

enum {
	LOCK_PATIENCE_MS = 1000, /* a predecessor that is just ending */
	FILE_NAME_MAX = 4096,
};

/* What an opening talks about: the connection and its name for people. */
struct opening {
	const char *path;
	sqlite3 *db;
	struct story *story;
	char name[512]; /* escaped */
};

static enum err
open_fail(struct opening *o, enum err e, const char *reason)
{
	return story_fail(o->story, e, "ledger: %s: %s", o->name, reason);
}

/* SQLite's code as an error, with its story. */
static enum err
open_fail_sqlite(struct opening *o, int rc)
{
	enum err e = store_err(rc, sqlite3_system_errno(o->db));

	if (e == ERR_AGAIN)
		return open_fail(o, e,
		    "another process has it open (is drayd running already, or a database shell?)");
	if (e == ERR_FORMAT)
		return story_fail(o->story, e,
		    "ledger: %s: not a ledger, or a damaged one: %s (restore it from a backup, or "
		    "move it away to start a new one)",
		    o->name, sqlite3_errmsg(o->db));
	return story_fail(
	    o->story, e, "ledger: %s: %s (%s)", o->name, err_text(e), sqlite3_errmsg(o->db));
}

/* The directory that holds path, so that a new file's name in it is durable. */
static enum err
sync_directory_of(const char *path)
{
	char directory[FILE_NAME_MAX] = ".";
	const char *slash = strrchr(path, '/');

	/* With its slash: "/" stays "/". */
	if (slash != NULL &&
	    !slice_copy(slice_of(path, (size_t)(slash - path) + 1), directory, sizeof directory))
		return ERR_NAMETOOLONG;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_last();
	enum err e = fsync(fd) == 0 ? ERR_OK : err_last();
	close(fd);
	return e;
}

/*
 * The file is there afterwards, durably, with our mode. An existing one is only looked at: closing
 * any descriptor of it would drop the locks that this process may hold on it.
 */
static enum err
open_file(struct opening *o)
{
	struct stat st;
	enum err e = ERR_OK;

	int fd = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		e = err_last();
	else if (stat(o->path, &st) != 0)
		e = err_last();
	else if (S_ISDIR(st.st_mode))
		e = ERR_ISDIR;
	else if (!S_ISREG(st.st_mode))
		e = ERR_INVALID;
	else if (st.st_size == 1)
		/* SQLite takes it for an empty file (a habit of its own),
		 * and would overwrite it. */
		return open_fail(o, ERR_FORMAT, "not a ledger");
	/* Even for an old file: the last attempt may have died between the two. */
	if (e == ERR_OK)
		e = sync_directory_of(o->path);
	return e == ERR_OK ? ERR_OK : open_fail(o, e, err_text(e));
}

static enum err
open_database(struct opening *o)
{
	char name[FILE_NAME_MAX];
	const char *prefix = o->path[0] == '/' ? "" : "./";

	/* A relative name must not be one that SQLite has a meaning for: ":memory:", "file:…". */
	if (snprintf(name, sizeof name, "%s%s", prefix, o->path) >= (int)sizeof name)
		return open_fail(o, ERR_NAMETOOLONG, err_text(ERR_NAMETOOLONG));
	int rc = sqlite3_open_v2(name, &o->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
		SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (rc != SQLITE_OK)
		return open_fail_sqlite(o, rc);
	/* What may not be written is opened for reading without a word. */
	if (sqlite3_db_readonly(o->db, "main") != 0)
		return open_fail(o, ERR_READONLY, "it can't be written to");
	return ERR_OK;
}

static const struct {
	int option;
	int value;
} DB_CONFIG[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
};

static const struct {
	int limit;
	int value;
} LIMITS[] = {
    {SQLITE_LIMIT_LENGTH, 1 << 20}, /* the longest row is two paths and change */
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 4},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static int
configure(sqlite3 *db)
{
	int rc = sqlite3_busy_timeout(db, LOCK_PATIENCE_MS);

	for (size_t i = 0; i < ARRAY_LEN(DB_CONFIG) && rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(db, DB_CONFIG[i].option, DB_CONFIG[i].value, NULL);
	for (size_t i = 0; i < ARRAY_LEN(LIMITS); i++)
		(void)sqlite3_limit(db, LIMITS[i].limit, LIMITS[i].value);
	return rc;
}

struct pragma {
	const char *sql;
	const char *want; /* what it must answer, or NULL */
};

/* Before the file is read. */
static const struct pragma PRAGMAS_FIRST[] = {
    {"PRAGMA locking_mode = EXCLUSIVE", "exclusive"}, {"PRAGMA cell_size_check = ON", NULL},
    {"PRAGMA mmap_size = 0", NULL}, /* a failing disk is an error, not a signal */
    {"PRAGMA temp_store = MEMORY", NULL}, {"PRAGMA cache_size = -16384", NULL}, /* KiB */
};

/* Once it is known to be ours. */
static const struct pragma PRAGMAS_OURS[] = {
    {"PRAGMA journal_mode = WAL", "wal"},
    {"PRAGMA synchronous = FULL", NULL}, /* fsync of the WAL in each commit */
    /* 16 MiB of WAL, then its pages go to the file: with 4 KiB pages a few thousand moves. */
    {"PRAGMA wal_autocheckpoint = 4096", "4096"},
    /* After a burst the WAL gives back what is past this. */
    {"PRAGMA journal_size_limit = 67108864", "67108864"},
    {"PRAGMA secure_delete = FAST", NULL},
    /* A row that OR REPLACE takes away is counted off by its trigger. None of them recurses. */
    {"PRAGMA recursive_triggers = ON", NULL},
};

/* Runs one; *ret_kept tells whether the answer was the wanted one. */
static int
pragma_run(sqlite3 *db, const struct pragma *p, bool *ret_kept)
{
	sqlite3_stmt *s = NULL;

	*ret_kept = p->want == NULL;
	int rc = sqlite3_prepare_v2(db, p->sql, -1, &s, NULL);
	if (rc != SQLITE_OK)
		return rc;
	if (sqlite3_step(s) == SQLITE_ROW && p->want != NULL)
		*ret_kept = slice_is(slice_str((const char *)sqlite3_column_text(s, 0)), p->want);
	return sqlite3_finalize(s);
}

static enum err
run_pragmas(struct opening *o, const struct pragma *pragmas, size_t n_pragmas)
{
	bool kept;

	for (size_t i = 0; i < n_pragmas; i++) {
		int rc = pragma_run(o->db, &pragmas[i], &kept);
		if (rc != SQLITE_OK)
			return open_fail_sqlite(o, rc);
		if (!kept)
			return story_fail(o->story, ERR_UNSUPPORTED,
			    "ledger: %s: the file system or the SQLite library refuses \"%s\"",
			    o->name, pragmas[i].sql);
	}
	return ERR_OK;
}

/* Nothing is written before the file is known to be ours, or empty. */
static enum err
open_identify(struct opening *o, int *ret_version)
{
	enum schema_kind kind = SCHEMA_FOREIGN;

	int rc = schema_identify(o->db, SCHEMA_MIGRATIONS, SCHEMA_N_MIGRATIONS, &kind, ret_version);
	if (rc != SQLITE_OK)
		return open_fail_sqlite(o, rc);
	if (kind == SCHEMA_FOREIGN)
		return open_fail(o, ERR_FORMAT, "a database of another program, not a ledger");
	if (kind == SCHEMA_NEWER)
		return story_fail(o->story, ERR_UNSUPPORTED,
		    "ledger: %s: written by a later release (version %d; this one knows %d)",
		    o->name, *ret_version, SCHEMA_MIGRATIONS[SCHEMA_N_MIGRATIONS - 1].version);
	return ERR_OK;
}

static enum err
open_connection(struct opening *o, struct ledger *l)
{
	int version = 0;

	enum err e = open_database(o);
	l->db = o->db;
	if (e != ERR_OK)
		return e;
	int rc = configure(o->db);
	if (rc != SQLITE_OK)
		return open_fail_sqlite(o, rc);
	e = run_pragmas(o, PRAGMAS_FIRST, ARRAY_LEN(PRAGMAS_FIRST));
	if (e == ERR_OK)
		e = open_identify(o, &version);
	if (e == ERR_OK)
		e = run_pragmas(o, PRAGMAS_OURS, ARRAY_LEN(PRAGMAS_OURS));
	if (e != ERR_OK)
		return e;
	rc = schema_upgrade(o->db, SCHEMA_MIGRATIONS, SCHEMA_N_MIGRATIONS, version);
	if (rc == SQLITE_OK)
		rc = statements_prepare(o->db, l->statements);
	return rc == SQLITE_OK ? ERR_OK : open_fail_sqlite(o, rc);
}

enum err
ledger_open(const char *path, struct ledger **ret_l, struct story *story)
{
	struct opening o = {.path = path, .story = story};

	text_escape(slice_str(path), o.name, sizeof o.name);
	enum err e = open_file(&o);
	if (e != ERR_OK)
		return e;
	struct ledger *l = calloc(1, sizeof *l);
	if (l == NULL)
		return open_fail(&o, ERR_NOMEM, err_text(ERR_NOMEM));
	e = open_connection(&o, l);
	if (e != ERR_OK)
		ledger_close(l);
	else
		*ret_l = l;
	return e;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	/* An open turn ends with the connection, and SQLite rolls it back. */
	statements_finalize(l->statements);
	BUG_ON(sqlite3_close(l->db) != SQLITE_OK);
	free(l);
}
