#include "fixture.h"
#include "ledger/deliveries.h"

static struct delivered_file
file_of(uint64_t transfer)
{
	return (struct delivered_file){.transfer = transfer,
	    .folder = "in",
	    .path = "dir/a",
	    .inode = 1,
	    .size = 2,
	    .mtime_ns = 3};
}

static void
test_each_account_once_for_each_version(void **state)
{
	struct fixture *f = *state;
	struct delivered_file file = file_of(see(f->l, "r", "/a"));
	bool is_new, found;

	assert_ok(ledger_delivery_add(f->l, &file, "erp", 2, 9, &is_new));
	assert_true(is_new);
	assert_ok(ledger_delivery_add(f->l, &file, "erp", 2, 10, &is_new));
	assert_false(is_new);
	assert_ok(ledger_delivery_add(f->l, &file, "bank", 2, 11, &is_new));
	assert_true(is_new);
	assert_ok(ledger_delivery_find(f->l, &file, "erp", &found));
	assert_true(found);
	assert_ok(ledger_delivery_find(f->l, &file, "else", &found));
	assert_false(found);
	/* Another file, with the same numbers: who has taken it before has not taken this one. */
	struct delivered_file later = file;
	later.born_us = 11;
	assert_ok(ledger_delivery_find(f->l, &later, "erp", &found));
	assert_false(found);
	assert_ok(ledger_delivery_find(f->l, &later, "bank", &found));
	assert_true(found);
	assert_ok(ledger_delivery_add(f->l, &later, "erp", 2, 12, &is_new));
	assert_true(is_new);
	assert_ok(ledger_delivery_find(f->l, &later, "erp", &found));
	assert_true(found);
	/* Any of the three numbers makes it another version. */
	struct delivered_file others[3] = {file, file, file};
	others[0].inode++;
	others[1].size++;
	others[2].mtime_ns++;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_ok(ledger_delivery_find(f->l, &others[i], "erp", &found));
		assert_false(found);
		assert_ok(ledger_delivery_add(f->l, &others[i], "erp", 2, 12, &is_new));
		assert_true(is_new);
	}
}

static enum err
count_and_drop(void *ctx, const struct disposal *d)
{
	struct fixture *f = ctx;

	assert_string_equal(d->file.path, "dir/a");
	return ledger_disposal_drop(f->l, d->id);
}

static void
test_disposals(void **state)
{
	struct fixture *f = *state;
	struct disposal d = {.file = file_of(0), .archive = true}, got;
	uint64_t first, again, other;

	assert_ok(ledger_disposal_add(f->l, &d, &first));
	assert_true(first > 0);
	assert_ok(ledger_disposal_add(f->l, &d, &again));
	assert_int_equal(again, 0);
	d.file.mtime_ns++;
	d.archive = false;
	assert_ok(ledger_disposal_add(f->l, &d, &other));
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_ok(ledger_disposal_get(f->l, first, &got));
	assert_true(got.archive);
	assert_int_equal(got.file.transfer, 0);
	assert_int_equal(got.file.inode, 1);
	assert_int_equal(got.file.size, 2);
	assert_int_equal(got.file.mtime_ns, 3);
	assert_ok(ledger_disposal_get(f->l, other, &got));
	assert_false(got.archive);
	assert_ok(ledger_each_disposal(f->l, count_and_drop, f));
	assert_err(ledger_disposal_get(f->l, first, &got), ERR_NOENT);
	assert_err(ledger_disposal_get(f->l, other, &got), ERR_NOENT);
	/* Its number names a file in staging: it never comes again. */
	assert_ok(ledger_disposal_add(f->l, &d, &again));
	assert_true(again > other);
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct delivered_file file = file_of(0), no_path = file, wrong = file_of(12345);
	struct disposal d = {.file = file};
	char name[LEDGER_NAME_MAX + 2];
	uint64_t id;
	bool is_new;

	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	no_path.path[0] = '\0';
	assert_err(ledger_delivery_add(f->l, &file, name, 0, 0, &is_new), ERR_NAMETOOLONG);
	assert_err(ledger_delivery_add(f->l, &file, "", 0, 0, &is_new), ERR_INVALID);
	assert_err(ledger_delivery_add(f->l, &no_path, "erp", 0, 0, &is_new), ERR_INVALID);
	d.file = no_path;
	assert_err(ledger_disposal_add(f->l, &d, &id), ERR_INVALID);
	assert_false(ledger_dirty(f->l));
	/* A transfer that isn't there is the caller's mistake; the turn goes on. */
	assert_err(ledger_delivery_add(f->l, &wrong, "erp", 0, 0, &is_new), ERR_NOENT);
	d.file = wrong;
	assert_err(ledger_disposal_add(f->l, &d, &id), ERR_NOENT);
	assert_ok(ledger_delivery_add(f->l, &file, "erp", UINT64_MAX, 0, &is_new));
	assert_ok(ledger_commit(f->l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_each_account_once_for_each_version, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_disposals, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
