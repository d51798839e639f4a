/* What may stand where the ledger should be, and who else may want it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixture.h"
#include "ledger/schema.h"
#include "ledger/store.h"

static int
plain_setup(void **state)
{
	struct fixture *f = malloc(sizeof *f);

	if (f == NULL)
		return -1;
	fixture_init(f);
	*state = f;
	return 0;
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* The whole file; the caller frees. */
static uint8_t *
read_file(const char *path, size_t *ret_len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return bytes;
}

/* Opening fails so, with the object and this word in the story. */
static void
refuse(const char *path, enum err want, const char *word)
{
	struct story story = {""};
	struct ledger *l = NULL;

	assert_err(ledger_open(path, &l, &story), want);
	assert_null(l);
	if (strstr(story.text, "ledger: ") != story.text || strstr(story.text, word) == NULL)
		fail_msg("story without \"%s\": %s", word, story.text);
	/* And nobody needs to listen. */
	assert_err(ledger_open(path, &l, NULL), want);
}

static void
test_new_file(void **state)
{
	struct fixture *f = *state;
	char name[400];
	struct stat st;

	mode_t mask = umask(0);
	fixture_open(f);
	(void)see(f->l, "r", "/a");
	assert_ok(ledger_commit(f->l));
	umask(mask);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(name, sizeof name, "%s-wal", f->path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* The index of the WAL is in our memory alone. */
	(void)snprintf(name, sizeof name, "%s-shm", f->path);
	assert_int_equal(stat(name, &st), -1);
}

static const struct {
	const char *pragma;
	const char *value;
} SETTINGS[] = {
    {"journal_mode", "wal"},
    {"synchronous", "2"},
    {"foreign_keys", "1"},
    {"trusted_schema", "0"},
    {"locking_mode", "exclusive"},
    {"cell_size_check", "1"},
    {"busy_timeout", "1000"},
    {"mmap_size", "0"},
    {"wal_autocheckpoint", "4096"},
    {"journal_size_limit", "67108864"},
    {"application_id", "1148346745"},
};

static void
test_settings(void **state)
{
	struct fixture *f = *state;
	char sql[100];
	sqlite3_stmt *s;
	int on;

	fixture_open(f);
	for (size_t i = 0; i < ARRAY_LEN(SETTINGS); i++) {
		(void)snprintf(sql, sizeof sql, "PRAGMA %s", SETTINGS[i].pragma);
		assert_int_equal(sqlite3_prepare_v2(f->l->db, sql, -1, &s, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(s, 0), SETTINGS[i].value);
		sqlite3_finalize(s);
	}
	assert_int_equal(
	    sqlite3_db_config(f->l->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &on), SQLITE_OK);
	assert_int_equal(on, 1);
}

/* Relative names are files, whatever they mean to SQLite. */
static void
test_relative_names(void **state)
{
	static const char *const NAMES[] = {
	    "plain.db", ":memory:", "file:x.db?mode=memory", "a b%20?#.db", "\xff\xfe.db"};
	struct fixture *f = *state;
	char old[4096];
	struct stat st;

	assert_non_null(getcwd(old, sizeof old));
	assert_int_equal(chdir(f->directory), 0);
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		struct ledger *l;
		struct story story = {""};
		assert_ok(ledger_open(NAMES[i], &l, &story));
		uint64_t id = see(l, "r", "/a");
		assert_ok(ledger_commit(l));
		ledger_close(l);
		assert_int_equal(stat(NAMES[i], &st), 0);
		assert_ok(ledger_open(NAMES[i], &l, &story));
		assert_int_equal(state_of(l, id), TRANSFER_SEEN);
		ledger_close(l);
	}
	assert_int_equal(chdir(old), 0);
}

static void
test_no_place(void **state)
{
	struct fixture *f = *state;
	char name[700];

	refuse(f->directory, ERR_ISDIR, "is a directory");
	(void)snprintf(name, sizeof name, "%s/none/ledger.db", f->directory);
	refuse(name, ERR_NOENT, "no such file or directory");
	write_file(f->path, "x", 1);
	(void)snprintf(name, sizeof name, "%s/ledger.db", f->path);
	refuse(name, ERR_NOTDIR, "not a directory");
	(void)snprintf(name, sizeof name, "%s/fifo", f->directory);
	assert_int_equal(mkfifo(name, 0600), 0);
	refuse(name, ERR_INVALID, "invalid");
	(void)snprintf(name, sizeof name, "%s/\x1b[31m\n/x", f->directory);
	refuse(name, ERR_NOENT, "\\x1b[31m\\x0a/x");
	memset(name, 'n', 300);
	name[300] = '\0';
	refuse(name, ERR_NAMETOOLONG, "too long");
	refuse("", ERR_NOENT, "no such file");
}

/* As for a user who may only read it: run without root's powers. */
static void
test_read_only(void **state)
{
	struct fixture *f = *state;
	int status;

	fixture_open(f);
	ledger_close(f->l);
	f->l = NULL;
	assert_int_equal(chmod(f->path, 0444), 0);
	assert_int_equal(chmod(f->directory, 0755), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct story story = {""};
		struct ledger *l;
		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(9);
		enum err e = ledger_open(f->path, &l, &story);
		_exit(e == ERR_READONLY && strstr(story.text, "can't be written") != NULL
			  ? 0
			  : 1 + (int)e);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Files that aren't ours are left as they are, to the byte. */
static void
refuse_untouched(struct fixture *f, enum err want, const char *word)
{
	size_t before_len, after_len;

	uint8_t *before = read_file(f->path, &before_len);
	refuse(f->path, want, word);
	uint8_t *after = read_file(f->path, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, before_len);
	free(before);
	free(after);
}

static void
make_database(const char *path, const char *sql)
{
	sqlite3 *db;

	(void)unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
test_not_ours(void **state)
{
	struct fixture *f = *state;
	uint8_t junk[5000];

	memset(junk, 'j', sizeof junk);
	write_file(f->path, junk, sizeof junk);
	refuse_untouched(f, ERR_FORMAT, "not a ledger");
	write_file(f->path, junk, 1);
	refuse_untouched(f, ERR_FORMAT, "not a ledger");
	make_database(f->path, "CREATE TABLE cookies (x)");
	refuse_untouched(f, ERR_FORMAT, "another program");
	make_database(f->path, "PRAGMA application_id = 1; PRAGMA user_version = 1");
	refuse_untouched(f, ERR_FORMAT, "another program");
	make_database(f->path, "PRAGMA application_id = 1148346745; PRAGMA user_version = 99");
	refuse_untouched(f, ERR_UNSUPPORTED, "later release");
	/* It says that it is ours, and has nothing of what it should. */
	make_database(f->path, "PRAGMA application_id = 1148346745; PRAGMA user_version = 1");
	refuse(f->path, ERR_FORMAT, "damaged");
}

static void
test_empty_file(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "", 0);
	fixture_open(f);
	(void)see(f->l, "r", "/a");
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_int_equal(state_of(f->l, 1), TRANSFER_SEEN);
}

static void
test_second_opener_here(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	(void)see(f->l, "r", "/a");
	refuse(f->path, ERR_AGAIN, "another process has it open");
	assert_ok(ledger_commit(f->l));
	/* The refused one took nothing away from the owner. */
	refuse(f->path, ERR_AGAIN, "another process has it open");
	fixture_reopen(f);
	assert_int_equal(state_of(f->l, 1), TRANSFER_SEEN);
}

/* In another process: says "r" when it owns the ledger with one commit and one open turn. */
static pid_t
start_owner(const char *path)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ledger *l;
		struct transfer t = transfer_of("r", "/a", 1, 1);
		uint64_t id;
		if (ledger_open(path, &l, NULL) != ERR_OK || ledger_see(l, &t, 1, &id) != ERR_OK ||
		    ledger_commit(l) != ERR_OK || ledger_see(l, &t, 1, &id) != ERR_OK ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void
test_second_process(void **state)
{
	struct fixture *f = *state;
	struct transfer t;
	int status;

	pid_t pid = start_owner(f->path);
	refuse(f->path, ERR_AGAIN, "drayd running already");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The lock died with its owner; so did what wasn't committed. */
	fixture_open(f);
	assert_int_equal(state_of(f->l, 1), TRANSFER_SEEN);
	assert_err(ledger_get(f->l, 2, &t), ERR_NOENT);
}

/* A ledger with something in it, as bytes; the caller frees. */
static uint8_t *
sample(struct fixture *f, size_t *ret_len)
{
	fixture_open(f);
	for (unsigned s = 0; s < TRANSFER_N_STATES; s++) {
		uint64_t id = see(f->l, "r", "/dir/file.csv");
		struct transfer_output out = output_of(id, 0, "f", "s", "p");
		assert_ok(ledger_put_output(f->l, &out));
		bring_to(f->l, id, (enum transfer_state)s);
	}
	assert_ok(ledger_commit(f->l));
	ledger_close(f->l);
	f->l = NULL;
	return read_file(f->path, ret_len);
}

static enum err
ignore_transfer(void *ctx, const struct transfer *t)
{
	(void)t;
	return ++*(unsigned *)ctx > 1000 ? ERR_LIMIT : ERR_OK;
}

static enum err
ignore_output(void *ctx, const struct transfer_output *out)
{
	(void)out;
	return ++*(unsigned *)ctx > 1000 ? ERR_LIMIT : ERR_OK;
}

static enum err
ignore_event(void *ctx, const struct ledger_event *event)
{
	(void)event;
	return ++*(unsigned *)ctx > 1000 ? ERR_LIMIT : ERR_OK;
}

/* Reads and writes whatever there is. True when not a single error came up. */
static bool
use_all(struct ledger *l)
{
	static const char *const WHATS[] = {NULL, "p", "file.csv"};
	uint64_t counts[TRANSFER_N_STATES], id;
	struct transfer t = transfer_of("r", "/dir/file.csv", 10, 20), got;
	unsigned n = 0;
	bool good = ledger_count(l, "r", counts) == ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(WHATS); i++) {
		const struct ledger_filter filter = {.what = WHATS[i]};
		n = 0;
		good &= ledger_each(l, &filter, ignore_transfer, &n) == ERR_OK;
	}
	for (uint64_t i = 1; i <= TRANSFER_N_STATES; i++) {
		n = 0;
		good &= ledger_each_output(l, i, ignore_output, &n) == ERR_OK;
		good &= ledger_each_event(l, i, ignore_event, &n) == ERR_OK;
	}
	good &= ledger_find(l, "r", "/dir/file.csv", 10, 20, &got) == ERR_OK;
	good &= ledger_find_published(l, "f", "p", &id) == ERR_OK;
	good &= ledger_see(l, &t, 1, &id) == ERR_OK;
	good &= ledger_commit(l) == ERR_OK;
	return good;
}

/*
 * Damage: no end of the process, no reading past the end; an error, or an answer. True when the
 * damage was noticed.
 */
static bool
survive(struct fixture *f, const uint8_t *bytes, size_t len)
{
	char wal[400];
	struct ledger *l = NULL;
	struct story story = {""};

	(void)snprintf(wal, sizeof wal, "%s-wal", f->path);
	(void)unlink(wal);
	write_file(f->path, bytes, len);
	enum err e = ledger_open(f->path, &l, &story);
	if (e != ERR_OK) {
		assert_null(l);
		assert_true(strlen(story.text) > 0);
		return true;
	}
	bool good = use_all(l);
	ledger_close(l);
	return !good;
}

static void
test_truncations(void **state)
{
	struct fixture *f = *state;
	size_t len;
	uint8_t *bytes = sample(f, &len);

	assert_false(survive(f, bytes, len));
	/*
	 * Of an empty file a new ledger is made, which lacks the old one's content. Whole pages
	 * that are missing are noticed at once; a piece of the last one when it is read.
	 */
	for (size_t cut = 0; cut < len; cut += 1021) {
		bool noticed = survive(f, bytes, cut);
		assert_true(noticed || cut > len - 4096);
	}
	free(bytes);
}

static void
test_bit_flips(void **state)
{
	struct fixture *f = *state;
	size_t len;
	uint8_t *bytes = sample(f, &len);

	/* Every bit of the header, then one in 1997: each takes a new file. */
	for (size_t bit = 0; bit < len * 8; bit += bit < 800 ? 1 : 1997) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		(void)survive(f, bytes, len);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_false(survive(f, bytes, len));
	free(bytes);
}

static void
test_close_null(void **state)
{
	(void)state;
	ledger_close(NULL);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, plain_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_new_file),
	    T(test_settings),
	    T(test_relative_names),
	    T(test_no_place),
	    T(test_read_only),
	    T(test_not_ours),
	    T(test_empty_file),
	    T(test_second_opener_here),
	    T(test_second_process),
	    T(test_truncations),
	    T(test_bit_flips),
	    cmocka_unit_test(test_close_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
