#include "fixture.h"
#include "ledger/holdings.h"

static void
put(struct fixture *f, const char *path, const char *account, uint64_t size)
{
	struct holding h = {.folder = "in", .size = size};

	(void)snprintf(h.path, sizeof h.path, "%s", path);
	(void)snprintf(h.account, sizeof h.account, "%s", account);
	assert_ok(ledger_holding_put(f->l, &h));
}

static void
check_usage(struct fixture *f, const char *account, uint64_t bytes, uint64_t files)
{
	uint64_t got_bytes, got_files;

	assert_ok(ledger_usage(f->l, account, &got_bytes, &got_files));
	assert_int_equal(got_bytes, bytes);
	assert_int_equal(got_files, files);
}

static bool
is_held(struct fixture *f, const char *path)
{
	struct holding h;
	enum err e = ledger_holding_get(f->l, "in", path, &h);

	assert_true(e == ERR_OK || e == ERR_NOENT);
	return e == ERR_OK;
}

static void
test_sums_follow(void **state)
{
	struct fixture *f = *state;

	check_usage(f, "a", 0, 0);
	put(f, "x", "a", 10);
	put(f, "y", "a", 5);
	check_usage(f, "a", 15, 2);
	put(f, "x", "a", 7); /* replaced by its owner */
	check_usage(f, "a", 12, 2);
	put(f, "x", "b", 1); /* and by another */
	check_usage(f, "a", 5, 1);
	check_usage(f, "b", 1, 1);
	assert_ok(ledger_holding_drop(f->l, "in", "y"));
	assert_ok(ledger_holding_drop(f->l, "in", "y"));
	check_usage(f, "a", 0, 0);
	assert_ok(ledger_commit(f->l));
	put(f, "z", "b", 100);
	ledger_rollback(f->l);
	fixture_reopen(f);
	check_usage(f, "b", 1, 1);
}

/* No size that a session may claim makes the sums, or the ledger, fail. */
static void
test_lies_about_sizes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		char path[16];
		(void)snprintf(path, sizeof path, "%d", i);
		put(f, path, "liar", i % 2 == 0 ? UINT64_MAX : (uint64_t)INT64_MAX);
	}
	check_usage(f, "liar", LEDGER_HOLDING_MAX, 20);
	for (int i = 0; i < 20; i++) {
		char path[16];
		(void)snprintf(path, sizeof path, "%d", i);
		assert_ok(ledger_holding_drop(f->l, "in", path));
	}
	check_usage(f, "liar", 0, 0);
	assert_ok(ledger_commit(f->l));
}

static void
test_renames(void **state)
{
	struct fixture *f = *state;

	put(f, "dir/a", "a", 1);
	put(f, "dir/sub/b", "a", 2);
	put(f, "dir", "a", 4); /* a stale row: it is a directory now */
	put(f, "dir0", "a", 8);
	put(f, "dirt/c", "a", 16);
	put(f, "new", "a", 32);
	assert_ok(ledger_holding_rename(f->l, "in", "dir", "new"));
	check_usage(f, "a", 1 + 2 + 4 + 8 + 16, 5);
	assert_true(is_held(f, "new") && is_held(f, "new/a") && is_held(f, "new/sub/b"));
	assert_true(is_held(f, "dir0") && is_held(f, "dirt/c"));
	assert_false(is_held(f, "dir") || is_held(f, "dir/a"));
	/* Onto what is held by another, beneath a directory, too: it is counted off. */
	put(f, "other/a", "b", 64);
	assert_ok(ledger_holding_rename(f->l, "in", "new", "other"));
	check_usage(f, "b", 0, 0);
	check_usage(f, "a", 31, 5);
	assert_ok(ledger_holding_rename(f->l, "in", "nothing", "nowhere"));
	assert_ok(ledger_holding_rename(f->l, "in", "other", "other"));
	check_usage(f, "a", 31, 5);
}

static void
test_rename_past_the_limit(void **state)
{
	struct fixture *f = *state;
	char path[LEDGER_PATH_MAX + 1], longer[64];

	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	path[1] = '/';
	put(f, path, "a", 1);
	memset(longer, 'y', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_ok(ledger_holding_rename(f->l, "in", "x", longer));
	assert_true(is_held(f, path));
	assert_ok(ledger_commit(f->l));
}

struct names {
	char text[64];
	struct ledger *drop_in;
};

static enum err
collect(void *ctx, const struct holding *h)
{
	struct names *n = ctx;
	size_t len = strlen(n->text);

	(void)snprintf(n->text + len, sizeof n->text - len, "%s ", h->path);
	return n->drop_in == NULL ? ERR_OK : ledger_holding_drop(n->drop_in, h->folder, h->path);
}

static void
test_each_of_one_account(void **state)
{
	struct fixture *f = *state;
	struct names n = {.drop_in = f->l}, none = {.drop_in = NULL};

	put(f, "1", "a", 1);
	put(f, "2", "b", 1);
	put(f, "3", "a", 1);
	assert_ok(ledger_each_holding(f->l, "a", collect, &n));
	assert_string_equal(n.text, "1 3 ");
	assert_ok(ledger_each_holding(f->l, "a", collect, &none));
	assert_string_equal(none.text, "");
	check_usage(f, "b", 1, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sums_follow, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_lies_about_sizes, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_renames, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_rename_past_the_limit, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_each_of_one_account, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
