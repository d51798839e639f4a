#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fixture.h"

static void
test_see_and_get(void **state)
{
	struct fixture *f = *state;
	struct transfer t = transfer_of("acme-invoices", "/outbox/a.csv", 4096, 1700000000), got;
	uint64_t id = 0;

	assert_ok(ledger_see(f->l, &t, 1234567, &id));
	assert_true(id > 0);
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_ok(ledger_get(f->l, id, &got));
	assert_int_equal(got.id, id);
	assert_int_equal(got.state, TRANSFER_SEEN);
	assert_string_equal(got.route, "acme-invoices");
	assert_string_equal(got.source, "acme");
	assert_string_equal(got.path, "/outbox/a.csv");
	assert_int_equal(got.size, 4096);
	assert_int_equal(got.mtime, 1700000000);
	assert_int_equal(got.checkpoint, 0);
	assert_false(got.has_sha256);
	assert_false(got.source_removed);
	assert_int_equal(got.attempts, 0);
	assert_int_equal(got.retry_us, 0);
	assert_int_equal(got.seen_us, 1234567);
	assert_int_equal(got.changed_us, 1234567);
	assert_string_equal(got.trouble, "");
}

static void
test_get_nothing(void **state)
{
	static const uint64_t IDS[] = {0, 1, 2, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	struct fixture *f = *state;
	struct transfer t;

	for (size_t i = 0; i < ARRAY_LEN(IDS); i++) {
		assert_err(ledger_get(f->l, IDS[i], &t), ERR_NOENT);
		assert_err(ledger_move(f->l, IDS[i], TRANSFER_MATCHED, NULL, "", 1), ERR_NOENT);
		assert_err(ledger_checkpoint(f->l, IDS[i], 1), ERR_NOENT);
	}
	assert_ok(ledger_commit(f->l));
}

/* The newest of several generations, and no other key. */
static void
test_find_newest(void **state)
{
	struct fixture *f = *state;
	struct transfer t = transfer_of("r", "/a", 10, 20), got;
	uint64_t first, second;

	assert_err(ledger_find(f->l, "r", "/a", 10, 20, &got), ERR_NOENT);
	assert_ok(ledger_see(f->l, &t, 1, &first));
	assert_ok(ledger_find(f->l, "r", "/a", 10, 20, &got));
	assert_int_equal(got.id, first);
	assert_ok(ledger_see(f->l, &t, 2, &second));
	assert_true(second > first);
	bring_to(f->l, first, TRANSFER_SETTLED);
	assert_ok(ledger_find(f->l, "r", "/a", 10, 20, &got));
	assert_int_equal(got.id, second);
	assert_err(ledger_find(f->l, "R", "/a", 10, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "", "/a", 10, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "/A", 10, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "/a/", 10, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "a", 10, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "/a", 11, 20, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "/a", 10, 21, &got), ERR_NOENT);
	assert_err(ledger_find(f->l, "r", "/a", 10, -20, &got), ERR_NOENT);
}

/* What a strange server may call a file, or say of it. */
static const struct {
	const char *path;
	uint64_t size;
	int64_t mtime;
} HOSTILE[] = {
    {"/it's", 0, 0},
    {"/\"; DROP TABLE transfers; --", 1, -1},
    {"/?1 :name @x $y", UINT64_MAX, INT64_MIN},
    {"/\xff\xfe\x80 latin-1 \xe4", (uint64_t)INT64_MAX + 1, INT64_MAX},
    {"/\xed\xa0\x80 surrogate", 5, 1},
    {"/\xc0\xaf overlong", 5, 1},
    {"/\n\r\t\x1b[31m", 5, 1},
    {"/e\xcc\x81", 5, 1}, /* decomposed: not the same name as … */
    {"/\xc3\xa9", 5, 1},  /* … composed */
    {"/trailing ", 5, 1},
    {"/trailing", 5, 1},
    {"/%s%n%_", 5, 1},
    {"relative", 5, 1},
    {"/dir/", 5, 1},
    {"/", 5, 1},
    {"//", 5, 1},
    {"x'00'", 5, 1},
    {"123", 5, 1},
    {"NULL", 5, 1},
};

static void
test_hostile_round_trip(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[ARRAY_LEN(HOSTILE)];
	struct transfer got;

	for (size_t i = 0; i < ARRAY_LEN(HOSTILE); i++) {
		struct transfer t =
		    transfer_of("r", HOSTILE[i].path, HOSTILE[i].size, HOSTILE[i].mtime);
		assert_ok(ledger_see(f->l, &t, 1, &ids[i]));
	}
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	for (size_t i = 0; i < ARRAY_LEN(HOSTILE); i++) {
		assert_ok(ledger_find(
		    f->l, "r", HOSTILE[i].path, HOSTILE[i].size, HOSTILE[i].mtime, &got));
		assert_int_equal(got.id, ids[i]);
		assert_string_equal(got.path, HOSTILE[i].path);
		assert_true(got.size == HOSTILE[i].size);
		assert_true(got.mtime == HOSTILE[i].mtime);
	}
}

/* Every byte value that can be in a path, alone as a name. */
static void
test_each_byte(void **state)
{
	struct fixture *f = *state;
	struct transfer got;
	char path[] = "/?";

	for (unsigned c = 1; c < 256; c++) {
		path[1] = (char)c;
		uint64_t id = see(f->l, "r", path);
		assert_ok(ledger_get(f->l, id, &got));
		assert_string_equal(got.path, path);
		assert_ok(ledger_find(f->l, "r", path, 10, 20, &got));
		assert_int_equal(got.id, id);
	}
}

static void
fill(char *dst, size_t len, char c)
{
	memset(dst, c, len);
	dst[len] = '\0';
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct transfer t = {.size = 1}, got;
	uint64_t id;

	fill(t.route, LEDGER_NAME_MAX, 'r');
	fill(t.source, LEDGER_NAME_MAX, 's');
	fill(t.path, LEDGER_PATH_MAX, 'p');
	assert_ok(ledger_see(f->l, &t, 1, &id));
	assert_ok(ledger_find(f->l, t.route, t.path, 1, 0, &got));
	assert_int_equal(got.id, id);
	assert_string_equal(got.route, t.route);
	assert_string_equal(got.source, t.source);
	assert_string_equal(got.path, t.path);
	assert_ok(ledger_commit(f->l));
}

/* Strings past their ends, and none: refused before anything is touched. */
static void
test_past_the_limits(void **state)
{
	struct fixture *f = *state;
	struct transfer good = transfer_of("r", "/a", 1, 1), t;
	uint64_t id = 77;

	t = good;
	memset(t.route, 'r', sizeof t.route);
	assert_err(ledger_see(f->l, &t, 1, &id), ERR_NAMETOOLONG);
	t = good;
	memset(t.source, 's', sizeof t.source);
	assert_err(ledger_see(f->l, &t, 1, &id), ERR_NAMETOOLONG);
	t = good;
	memset(t.path, 'p', sizeof t.path);
	assert_err(ledger_see(f->l, &t, 1, &id), ERR_NAMETOOLONG);
	t = good;
	t.path[0] = '\0';
	assert_err(ledger_see(f->l, &t, 1, &id), ERR_INVALID);
	assert_int_equal(id, 77);
	assert_false(ledger_dirty(f->l));
	assert_ok(ledger_see(f->l, &good, 1, &id));
	assert_int_equal(id, 1);
}

static void
test_upload(void **state)
{
	struct fixture *f = *state;
	struct transfer t = transfer_of("", "/inbox/x.csv", 300, 400), got;
	struct transfer_output out = output_of(0, 0, "invoices", "u-1", "x.csv");
	uint64_t id, found;

	memset(t.sha256, 0xab, sizeof t.sha256);
	t.has_sha256 = true;
	assert_ok(ledger_upload(f->l, &t, &out, 5000, &id));
	assert_ok(ledger_get(f->l, id, &got));
	assert_int_equal(got.state, TRANSFER_PROCESSED);
	assert_string_equal(got.route, "");
	assert_int_equal(got.size, 300);
	assert_int_equal(got.checkpoint, 300);
	assert_true(got.has_sha256);
	assert_memory_equal(got.sha256, t.sha256, sizeof t.sha256);
	assert_err(ledger_find_published(f->l, "invoices", "x.csv", &found), ERR_NOENT);
	assert_ok(ledger_move(f->l, id, TRANSFER_PLACED, NULL, "", 5001));
	assert_ok(ledger_find_published(f->l, "invoices", "x.csv", &found));
	assert_int_equal(found, id);
}

/* An upload whose output is past a limit leaves nothing at all. */
static void
test_upload_refused(void **state)
{
	struct fixture *f = *state;
	struct transfer t = transfer_of("", "/inbox/x.csv", 300, 400), got;
	struct transfer_output out = output_of(0, 0, "invoices", "", "x.csv");
	uint64_t id = 77;

	assert_err(ledger_upload(f->l, &t, &out, 5000, &id), ERR_INVALID);
	out = output_of(0, 0, "invoices", "u", "x.csv");
	memset(out.path, 'x', sizeof out.path);
	assert_err(ledger_upload(f->l, &t, &out, 5000, &id), ERR_NAMETOOLONG);
	assert_false(ledger_dirty(f->l));
	assert_err(ledger_find(f->l, "", "/inbox/x.csv", 300, 400, &got), ERR_NOENT);
	assert_int_equal(id, 77);
}

static void
test_move_with_change(void **state)
{
	struct fixture *f = *state;
	uint8_t sha256[32];
	uint64_t size = UINT64_MAX, checkpoint = 99, id = see(f->l, "r", "/a");
	uint32_t attempts = UINT32_MAX;
	int64_t retry_us = INT64_MIN;
	bool removed = true;
	struct transfer got;

	memset(sha256, 0, sizeof sha256);
	const struct transfer_change change = {.size = &size,
	    .checkpoint = &checkpoint,
	    .sha256 = sha256,
	    .source_removed = &removed,
	    .attempts = &attempts,
	    .retry_us = &retry_us,
	    .trouble = "the line was cut"};
	assert_ok(ledger_move(f->l, id, TRANSFER_MATCHED, &change, "why", 3000));
	/* What isn't given stays. */
	assert_ok(ledger_move(f->l, id, TRANSFER_FETCH_BEGAN, NULL, "", 4000));
	assert_ok(ledger_get(f->l, id, &got));
	assert_int_equal(got.state, TRANSFER_FETCHING);
	assert_true(got.size == UINT64_MAX);
	assert_int_equal(got.checkpoint, 99);
	assert_true(got.has_sha256);
	assert_memory_equal(got.sha256, sha256, sizeof sha256);
	assert_true(got.source_removed);
	assert_true(got.attempts == UINT32_MAX);
	assert_true(got.retry_us == INT64_MIN);
	assert_string_equal(got.trouble, "the line was cut");
	assert_int_equal(got.seen_us, 1000);
	assert_int_equal(got.changed_us, 4000);
	assert_err(ledger_find(f->l, "r", "/a", 10, 20, &got), ERR_NOENT);
	assert_ok(ledger_find(f->l, "r", "/a", UINT64_MAX, 20, &got));

	removed = false;
	attempts = 0;
	retry_us = 0;
	const struct transfer_change back = {.source_removed = &removed,
	    .attempts = &attempts,
	    .retry_us = &retry_us,
	    .trouble = ""};
	assert_ok(ledger_move(f->l, id, TRANSFER_INTERRUPTED, &back, "", 5000));
	assert_ok(ledger_get(f->l, id, &got));
	assert_false(got.source_removed);
	assert_int_equal(got.attempts, 0);
	assert_int_equal(got.retry_us, 0);
	assert_string_equal(got.trouble, "");
}

static void
test_checkpoint(void **state)
{
	struct fixture *f = *state;
	uint64_t id = see(f->l, "r", "/a");
	struct transfer got;

	assert_err(ledger_checkpoint(f->l, id, 5), ERR_NOENT);
	bring_to(f->l, id, TRANSFER_FETCHING);
	assert_ok(ledger_checkpoint(f->l, id, 5));
	assert_ok(ledger_checkpoint(f->l, id, UINT64_MAX));
	assert_ok(ledger_checkpoint(f->l, id, 7));
	assert_ok(ledger_move(f->l, id, TRANSFER_INTERRUPTED, NULL, "", 1));
	assert_err(ledger_checkpoint(f->l, id, 8), ERR_NOENT);
	assert_ok(ledger_get(f->l, id, &got));
	assert_int_equal(got.checkpoint, 7);
}

/* The process must end at once, without a word to the file. */
static void
expect_abort(struct ledger *l, uint64_t id, enum transfer_event event)
{
	int status;

	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		if (dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) < 0)
			_exit(2);
		_exit(ledger_move(l, id, event, NULL, "", 1) == ERR_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static enum err
keep_last(void *ctx, const struct ledger_event *event)
{
	*(struct ledger_event *)ctx = *event;
	return ERR_OK;
}

static enum err
count_event(void *ctx, const struct ledger_event *event)
{
	(void)event;
	(*(unsigned *)ctx)++;
	return ERR_OK;
}

/* The same words again are no news; other words, and none, are. */
static void
test_trouble(void **state)
{
	static const struct {
		const char *trouble;
		unsigned n_events;
	} STEPS[] = {{"", 1}, {"no route to host", 2}, {"no route to host", 2}, {"denied", 3},
	    {"", 4}, {"", 4}};
	struct fixture *f = *state;
	uint64_t id = see(f->l, "r", "/a");
	char lengthy[LEDGER_TEXT_MAX + 100];
	struct transfer t;

	for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
		unsigned n = 0;
		assert_ok(ledger_trouble(f->l, id, STEPS[i].trouble, 7000));
		assert_ok(ledger_get(f->l, id, &t));
		assert_string_equal(t.trouble, STEPS[i].trouble);
		assert_int_equal(t.state, TRANSFER_SEEN);
		assert_ok(ledger_each_event(f->l, id, count_event, &n));
		assert_int_equal(n, STEPS[i].n_events);
	}
	fill(lengthy, sizeof lengthy - 1, 'l');
	for (int i = 0; i < 2; i++) {
		unsigned n = 0;
		assert_ok(ledger_trouble(f->l, id, lengthy, 7000));
		assert_ok(ledger_each_event(f->l, id, count_event, &n));
		assert_int_equal(n, 5);
	}
	assert_err(ledger_trouble(f->l, id + 1, "x", 1), ERR_NOENT);
}

static void
try_move(struct ledger *l, enum transfer_state from, enum transfer_event event)
{
	enum transfer_state to;
	struct ledger_event last = {.at_us = -1};
	uint64_t id = see(l, "r", "/a");

	bring_to(l, id, from);
	assert_int_equal(state_of(l, id), from);
	if (!transfer_next(from, event, &to)) {
		expect_abort(l, id, event);
		return;
	}
	assert_ok(ledger_move(l, id, event, NULL, "detail", 9000));
	assert_int_equal(state_of(l, id), to);
	assert_ok(ledger_each_event(l, id, keep_last, &last));
	assert_string_equal(last.what, transfer_event_name(event));
	assert_string_equal(last.detail, "detail");
	assert_int_equal(last.at_us, 9000);
}

/* Every state, every event: the legal ones move and are noted, the others are bugs. */
static void
test_walk_all(void **state)
{
	struct fixture *f = *state;

	for (unsigned from = 0; from < TRANSFER_N_STATES; from++) {
		for (unsigned event = 0; event < TRANSFER_N_EVENTS; event++)
			try_move(f->l, (enum transfer_state)from, (enum transfer_event)event);
	}
	assert_ok(ledger_commit(f->l));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_see_and_get),
	    T(test_get_nothing),
	    T(test_find_newest),
	    T(test_hostile_round_trip),
	    T(test_each_byte),
	    T(test_limits),
	    T(test_past_the_limits),
	    T(test_upload),
	    T(test_upload_refused),
	    T(test_move_with_change),
	    T(test_checkpoint),
	    T(test_trouble),
	    T(test_walk_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
