/*
 * The n-th change of a file fails, for every n: the turn that it hit is lost as a whole, what was
 * committed before is there, and once the device works again so does the ledger.
 */
#include <errno.h>

#include "disk.h"
#include "ledger/fixture.h"
#include "turns.h"

struct device {
	enum disk_fault fault;
	int errno_value;
	enum err err; /* what a commit must call it */
};

static const struct device DEVICES[] = {
    {DISK_ONCE, EIO, ERR_IO},
    {DISK_ONCE, EDQUOT, ERR_QUOTA},
    {DISK_TORN, EIO, ERR_IO},
    {DISK_FROM_NOW_ON, ENOSPC, ERR_NOSPACE},
};

/*
 * Opens; when that fails, says why, and the next attempt on a working device succeeds. True when
 * the fault struck.
 */
static bool
open_anyway(struct fixture *f)
{
	struct story story = {""};

	if (turns_open(f->path, &f->l, &story) == ERR_OK)
		return false;
	assert_null(f->l);
	assert_true(strlen(story.text) > 0);
	assert_true(disk_disarm());
	assert_int_equal(turns_open(f->path, &f->l, &story), ERR_OK);
	return true;
}

static enum err
play_and_commit(struct ledger *l, unsigned k)
{
	enum err played = turns_play(l, k);
	bool dirty = ledger_dirty(l);
	enum err e = ledger_commit(l);

	/* A turn that failed on its way can't be committed, but is told of once more. */
	assert_true(dirty);
	assert_true(played == ERR_OK || e == played);
	assert_false(ledger_dirty(l));
	return e;
}

/* True when it took more than one attempt: from then on the device works. */
static bool
play_until_it_works(struct ledger *l, unsigned k, const struct device *d)
{
	enum err e = play_and_commit(l, k);

	if (e == ERR_OK) {
		turns_check(l, k + 1);
		return false;
	}
	assert_int_equal(e, d->err);
	turns_check(l, k);
	if (d->fault == DISK_FROM_NOW_ON) {
		assert_int_equal(play_and_commit(l, k), d->err);
		turns_check(l, k);
	}
	assert_true(disk_disarm());
	assert_int_equal(play_and_commit(l, k), ERR_OK);
	turns_check(l, k + 1);
	return true;
}

/* One run with the n-th change failing; false when there were fewer changes than that. */
static bool
run_with_fault(const struct device *d, unsigned n)
{
	struct fixture f;

	fixture_init(&f);
	disk_arm(d->fault, n, d->errno_value, n);
	bool struck = open_anyway(&f);
	for (unsigned k = 0; k < N_TURNS; k++)
		struck |= play_until_it_works(f.l, k, d);
	ledger_close(f.l);
	f.l = NULL;
	/* In a checkpoint, or on closing: nobody needs to hear of it. */
	struck |= disk_disarm();
	assert_int_equal(turns_open(f.path, &f.l, NULL), ERR_OK);
	turns_check(f.l, N_TURNS);
	ledger_close(f.l);
	f.l = NULL;
	turns_check_file(f.path);
	fixture_fini(&f);
	return struck;
}

static void
test_sweep(void **state)
{
	unsigned total = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(DEVICES); i++) {
		unsigned n = 1;
		while (run_with_fault(&DEVICES[i], n))
			assert_true(++n < 2000);
		assert_true(n > 80);
		total += n;
	}
	print_message("# %u runs\n", total);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sweep),
	};

	disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
