/*
 * SQLite's n-th allocation fails, for every n: the ledger says that memory ran out, loses the turn
 * as a whole, and works again with the next one.
 */
#include "disk.h"
#include "ledger/fixture.h"
#include "ledger/store.h"
#include "turns.h"

static struct {
	sqlite3_mem_methods real;
	unsigned left; /* allocations until one fails; 0: none does */
	bool struck;
} memory;

static bool
runs_out(void)
{
	if (memory.left == 0 || --memory.left > 0)
		return false;
	memory.struck = true;
	return true;
}

static void *
memory_malloc(int len)
{
	return runs_out() ? NULL : memory.real.xMalloc(len);
}

static void *
memory_realloc(void *p, int len)
{
	return runs_out() ? NULL : memory.real.xRealloc(p, len);
}

static void
memory_install(void)
{
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	sqlite3_mem_methods methods = memory.real;
	methods.xMalloc = memory_malloc;
	methods.xRealloc = memory_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
}

static void
memory_arm(unsigned n)
{
	memory.left = n;
	memory.struck = false;
}

/* Every allocation of an opening, of a new file and of an old one. */
static bool
open_without(unsigned n)
{
	struct fixture f;
	struct story story = {""};
	bool struck = false;

	fixture_init(&f);
	for (int old = 0; old < 2; old++) {
		memory_arm(n);
		enum err e = ledger_open(f.path, &f.l, &story);
		struck |= memory.struck;
		memory_arm(0);
		if (e != ERR_OK) {
			assert_null(f.l);
			assert_string_equal(err_name(e), err_name(ERR_NOMEM));
			assert_non_null(strstr(story.text, "out of memory"));
			fixture_open(&f);
		}
		(void)see(f.l, "r", "/a");
		assert_ok(ledger_commit(f.l));
		ledger_close(f.l);
		f.l = NULL;
	}
	fixture_fini(&f);
	return struck;
}

static void
test_open(void **state)
{
	unsigned n = 1;
	bool struck = true;

	(void)state;
	/* Preparing is the same work for each statement: every allocation at first, then some. */
	for (; struck; n += n < 300 ? 1 : 37) {
		assert_true(n < 100000);
		struck = open_without(n);
	}
	assert_true(n > 300);
}

static bool
play_without(struct ledger *l, unsigned k, unsigned n)
{
	memory_arm(n);
	enum err played = turns_play(l, k);
	enum err e = ledger_commit(l);
	bool struck = memory.struck;
	memory_arm(0);
	assert_true(played == ERR_OK || e == played);
	assert_true(e == ERR_OK || struck);
	if (e != ERR_OK) {
		assert_string_equal(err_name(e), err_name(ERR_NOMEM));
		turns_check(l, k);
		assert_ok(turns_play(l, k));
		assert_ok(ledger_commit(l));
	}
	turns_check(l, k + 1);
	return struck;
}

static void
test_turns(void **state)
{
	struct fixture f;
	unsigned n = 0;
	bool struck = true;

	(void)state;
	while (struck) {
		struck = false;
		n++;
		fixture_init(&f);
		assert_ok(turns_open(f.path, &f.l, NULL));
		for (unsigned k = 0; k < N_TURNS; k++)
			struck |= play_without(f.l, k, n);
		ledger_close(f.l);
		f.l = NULL;
		turns_check_file(f.path);
		fixture_fini(&f);
	}
	assert_true(n > 20);
	print_message("# %u allocations\n", n - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open),
	    cmocka_unit_test(test_turns),
	};

	memory_install();
	disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
