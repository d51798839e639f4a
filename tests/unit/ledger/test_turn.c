/* Group commit: all or nothing, and a lost turn that can't be overlooked. */
#include <errno.h>

#include "fixture.h"
#include "ledger/store.h"

static uint64_t
count_all(struct ledger *l)
{
	uint64_t counts[TRANSFER_N_STATES], sum = 0;

	assert_ok(ledger_count(l, "r", counts));
	for (size_t i = 0; i < TRANSFER_N_STATES; i++)
		sum += counts[i];
	return sum;
}

static void
test_nothing_to_commit(void **state)
{
	struct fixture *f = *state;
	struct transfer t;

	assert_false(ledger_dirty(f->l));
	assert_ok(ledger_commit(f->l));
	ledger_rollback(f->l);
	assert_err(ledger_get(f->l, 1, &t), ERR_NOENT);
	assert_false(ledger_dirty(f->l));
}

static void
test_commit_and_rollback(void **state)
{
	struct fixture *f = *state;
	uint64_t id = see(f->l, "r", "/a");

	assert_true(ledger_dirty(f->l));
	assert_ok(ledger_commit(f->l));
	assert_false(ledger_dirty(f->l));
	assert_ok(ledger_move(f->l, id, TRANSFER_MATCHED, NULL, "", 1));
	(void)see(f->l, "r", "/b");
	assert_int_equal(count_all(f->l), 2);
	ledger_rollback(f->l);
	assert_false(ledger_dirty(f->l));
	assert_int_equal(count_all(f->l), 1);
	assert_int_equal(state_of(f->l, id), TRANSFER_SEEN);
}

static void
test_close_drops_the_turn(void **state)
{
	struct fixture *f = *state;
	uint64_t kept = see(f->l, "r", "/a");
	struct transfer t;

	assert_ok(ledger_commit(f->l));
	uint64_t dropped = see(f->l, "r", "/b");
	fixture_reopen(f);
	assert_int_equal(state_of(f->l, kept), TRANSFER_SEEN);
	assert_err(ledger_get(f->l, dropped, &t), ERR_NOENT);
	assert_int_equal(count_all(f->l), 1);
}

/* An outcome isn't a failure: the turn goes on. */
static void
test_outcomes_keep_the_turn(void **state)
{
	struct fixture *f = *state;
	uint64_t id = see(f->l, "r", "/a");
	struct transfer_output out = output_of(id + 1, 0, "f", "s", "p");
	struct transfer t;

	assert_err(ledger_put_output(f->l, &out), ERR_NOENT);
	assert_err(ledger_note(f->l, id + 1, "what", "", 1), ERR_NOENT);
	assert_err(ledger_move(f->l, id + 1, TRANSFER_MATCHED, NULL, "", 1), ERR_NOENT);
	assert_err(ledger_get(f->l, id + 1, &t), ERR_NOENT);
	assert_ok(ledger_move(f->l, id, TRANSFER_MATCHED, NULL, "", 1));
	assert_ok(ledger_commit(f->l));
	assert_int_equal(state_of(f->l, id), TRANSFER_READY);
}

static void
limit_pages(struct ledger *l, int n_pages)
{
	char sql[64];

	(void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", n_pages);
	assert_int_equal(sqlite3_exec(l->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Fills the ledger until it refuses; the number of transfers that found room. */
static uint64_t
fill_up(struct ledger *l)
{
	struct transfer t = transfer_of("r", "/a", 1, 1);
	uint64_t id, n = 0;
	enum err e;

	memset(t.path, 'x', LEDGER_PATH_MAX);
	t.path[LEDGER_PATH_MAX] = '\0';
	while ((e = ledger_see(l, &t, 1, &id)) == ERR_OK)
		assert_true(++n < 10000);
	assert_err(e, ERR_NOSPACE);
	return n;
}

static void
test_full(void **state)
{
	struct fixture *f = *state;
	struct transfer t = transfer_of("r", "/late", 1, 1);
	struct transfer_output out = output_of(1, 0, "f", "s", "p");
	uint64_t id = see(f->l, "r", "/kept"), other;

	assert_ok(ledger_commit(f->l));
	limit_pages(f->l, 100);
	assert_true(fill_up(f->l) > 0);
	/* Lost as a whole, and no change gets in before somebody has been told. */
	assert_true(ledger_dirty(f->l));
	assert_int_equal(count_all(f->l), 1);
	limit_pages(f->l, 1000000);
	assert_err(ledger_see(f->l, &t, 1, &other), ERR_NOSPACE);
	assert_err(ledger_move(f->l, id, TRANSFER_MATCHED, NULL, "", 1), ERR_NOSPACE);
	assert_err(ledger_checkpoint(f->l, id, 1), ERR_NOSPACE);
	assert_err(ledger_note(f->l, id, "what", "", 1), ERR_NOSPACE);
	assert_err(ledger_put_output(f->l, &out), ERR_NOSPACE);
	assert_err(ledger_upload(f->l, &t, &out, 1, &other), ERR_NOSPACE);
	assert_int_equal(state_of(f->l, id), TRANSFER_SEEN);
	assert_err(ledger_commit(f->l), ERR_NOSPACE);
	/* Now it works again. */
	assert_false(ledger_dirty(f->l));
	assert_ok(ledger_commit(f->l));
	assert_ok(ledger_move(f->l, id, TRANSFER_MATCHED, NULL, "", 1));
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_int_equal(state_of(f->l, id), TRANSFER_READY);
	assert_int_equal(count_all(f->l), 1);
}

static void
test_full_then_rollback(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	limit_pages(f->l, 100);
	(void)fill_up(f->l);
	ledger_rollback(f->l);
	assert_false(ledger_dirty(f->l));
	assert_int_equal(count_all(f->l), 0);
	id = see(f->l, "r", "/a");
	assert_ok(ledger_commit(f->l));
	assert_int_equal(state_of(f->l, id), TRANSFER_SEEN);
}

/* A thousand moves share one commit. */
static void
test_many_moves(void **state)
{
	enum { N = 1000 };
	struct fixture *f = *state;
	uint64_t counts[TRANSFER_N_STATES];

	for (int i = 0; i < N; i++)
		bring_to(f->l, see(f->l, "r", "/a"), TRANSFER_READY);
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_ok(ledger_count(f->l, "r", counts));
	assert_int_equal(counts[TRANSFER_READY], N);
	assert_int_equal(counts[TRANSFER_SEEN], 0);
}

static const struct {
	int rc;
	int errno_value;
	enum err err;
} MAPPED[] = {
    {SQLITE_FULL, 0, ERR_NOSPACE},
    {SQLITE_IOERR_WRITE, 0, ERR_IO},
    {SQLITE_IOERR_WRITE, EIO, ERR_IO},
    {SQLITE_IOERR_WRITE, ENOENT, ERR_IO},
    {SQLITE_IOERR_FSYNC, ENOSPC, ERR_NOSPACE},
    {SQLITE_IOERR_WRITE, EDQUOT, ERR_QUOTA},
    {SQLITE_IOERR_WRITE, EROFS, ERR_READONLY},
    {SQLITE_IOERR_NOMEM, 0, ERR_NOMEM},
    {SQLITE_NOMEM, 0, ERR_NOMEM},
    {SQLITE_CORRUPT, 0, ERR_FORMAT},
    {SQLITE_CORRUPT_INDEX, ENOSPC, ERR_FORMAT},
    {SQLITE_NOTADB, 0, ERR_FORMAT},
    {SQLITE_BUSY, EAGAIN, ERR_AGAIN},
    {SQLITE_BUSY_RECOVERY, 0, ERR_AGAIN},
    {SQLITE_READONLY, 0, ERR_READONLY},
    {SQLITE_CANTOPEN, 0, ERR_ACCESS},
    {SQLITE_CANTOPEN, EMFILE, ERR_NOFILES},
    {SQLITE_CONSTRAINT_CHECK, 0, ERR_FORMAT},
};

static void
test_mapping(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MAPPED); i++)
		assert_err(store_err(MAPPED[i].rc, MAPPED[i].errno_value), MAPPED[i].err);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_nothing_to_commit),
	    T(test_commit_and_rollback),
	    T(test_close_drops_the_turn),
	    T(test_outcomes_keep_the_turn),
	    T(test_full),
	    T(test_full_then_rollback),
	    T(test_many_moves),
	    cmocka_unit_test(test_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
