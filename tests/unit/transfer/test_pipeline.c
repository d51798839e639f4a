#include "world.h"

#include "base/clock.h"

static void
a_file_goes_its_way(void **state)
{
	struct world *w = *state;
	uint64_t id = world_staged(w, "r", "/out/a.csv", "content");

	assert_int_equal(w->n_worked, 1);
	assert_int_equal(world_state(w, id), TRANSFER_STAGED);
	world_work(w, "r", id, "A.csv");
	/* Before the commit nothing is visible. */
	assert_int_equal(world_count(w, "home/folders/one"), 0);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/one/A.csv"), "content");
	assert_string_equal(world_read(w, "home/folders/two/A.csv"), "content");
	assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
	assert_int_equal(w->n_removed, 1);
	assert_int_equal(world_count(w, "home/staging/incoming/acme"), 0);
	assert_int_equal(world_count(w, "home/staging/one"), 1);
	struct pipeline_report done = {.route = "r", .transfer = id, .outcome = IPC_OUTCOME_DONE};
	assert_int_equal(pipeline_source_answered(&w->gateway, &done, WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
}

static void
a_left_file_settles_by_itself(void **state)
{
	struct world *w = *state;
	uint64_t id = world_staged(w, "left", "/left/a", "x");

	world_work(w, "left", id, "a");
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
	assert_int_equal(w->n_removed, 0);
}

static void
a_taken_name_gets_a_number(void **state)
{
	struct world *w = *state;
	uint64_t id = world_staged(w, "r", "/out/a.csv", "new");

	world_write(w, "home/folders/one/a.csv", "old");
	world_write(w, "home/folders/one/a.2.csv", "older");
	world_work(w, "r", id, "a.csv");
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/one/a.csv"), "old");
	assert_string_equal(world_read(w, "home/folders/one/a.2.csv"), "older");
	assert_string_equal(world_read(w, "home/folders/one/a.3.csv"), "new");
	assert_string_equal(world_read(w, "home/folders/two/a.csv"), "new");
	assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
	uint64_t found;
	assert_int_equal(
	    ledger_find_published(w->gateway.ledger, "one", "a.3.csv", &found), ERR_OK);
	assert_int_equal(found, id);
}

/* What each outcome of a fetch makes of the transfer, and whether it counts as a try. */
static void
fetches_end_in_different_ways(void **state)
{
	static const struct {
		enum ipc_file_outcome outcome;
		enum transfer_state want;
		uint32_t attempts;
	} CASES[] = {
	    {IPC_OUTCOME_GONE, TRANSFER_GONE, 1},
	    {IPC_OUTCOME_CHANGED, TRANSFER_GONE, 1},
	    {IPC_OUTCOME_REFUSED, TRANSFER_READY, 1},
	    {IPC_OUTCOME_LINE_LOST, TRANSFER_READY, 0},
	    {IPC_OUTCOME_NO_SPACE, TRANSFER_READY, 0},
	    {IPC_OUTCOME_LOCAL_FAILURE, TRANSFER_READY, 1},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct transfer t;
		char path[32];
		(void)snprintf(path, sizeof path, "/out/%zu.csv", i);
		uint64_t id = world_fetching(w, "r", path, "half");
		assert_int_equal(world_fetched(w, "r", id, CASES[i].outcome), ERR_OK);
		world_end_turn(w);
		assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
		assert_int_equal(t.state, CASES[i].want);
		assert_int_equal(t.attempts, CASES[i].attempts);
		if (t.state == TRANSFER_READY) {
			assert_true(t.retry_us > WORLD_NOW);
			assert_string_equal(t.trouble, "so it is");
		}
	}
	assert_int_equal(w->n_worked, 0);
}

static void
tries_are_used_up(void **state)
{
	struct world *w = *state;
	uint64_t id = world_ready(w, "r", "/out/a.csv", 4);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_state(w, id), TRANSFER_READY);
		assert_int_equal(pipeline_fetch_began(&w->gateway, id, WORLD_NOW), ERR_OK);
		assert_int_equal(world_fetched(w, "r", id, IPC_OUTCOME_REFUSED), ERR_OK);
		world_end_turn(w);
	}
	assert_int_equal(world_state(w, id), TRANSFER_FAILED);
}

static void
reports_about_others_are_not_believed(void **state)
{
	struct world *w = *state;
	uint64_t fetching = world_fetching(w, "r", "/out/a.csv", "x");
	uint64_t staged = world_staged(w, "r", "/out/b.csv", "x");
	struct pipeline_report report = {.route = "left", .transfer = fetching};
	uint8_t sha256[32] = {0};

	assert_int_equal(
	    pipeline_fetch_ended(&w->gateway, &report, 1, slice_of(sha256, 32), WORLD_NOW),
	    ERR_FORMAT);
	assert_int_equal(pipeline_checkpoint(&w->gateway, "left", fetching, 1), ERR_FORMAT);
	assert_int_equal(pipeline_checkpoint(&w->gateway, "r", fetching, 2), ERR_FORMAT);
	assert_int_equal(pipeline_checkpoint(&w->gateway, "r", staged, 1), ERR_FORMAT);
	assert_int_equal(pipeline_checkpoint(&w->gateway, "r", 4711, 1), ERR_FORMAT);
	report = (struct pipeline_report){.route = "r", .transfer = staged};
	assert_int_equal(
	    pipeline_fetch_ended(&w->gateway, &report, 1, slice_of(sha256, 32), WORLD_NOW),
	    ERR_FORMAT);
	assert_int_equal(pipeline_source_answered(&w->gateway, &report, WORLD_NOW), ERR_FORMAT);
	/* The right one, but with another length than was listed, or without a whole hash. */
	report.transfer = fetching;
	assert_int_equal(
	    pipeline_fetch_ended(&w->gateway, &report, 2, slice_of(sha256, 32), WORLD_NOW),
	    ERR_FORMAT);
	assert_int_equal(
	    pipeline_fetch_ended(&w->gateway, &report, 1, slice_of(sha256, 31), WORLD_NOW),
	    ERR_FORMAT);
	assert_int_equal(world_state(w, fetching), TRANSFER_FETCHING);
}

static void
a_source_that_refuses_is_asked_again(void **state)
{
	static const enum ipc_file_outcome KEPT[] = {
	    IPC_OUTCOME_REFUSED, IPC_OUTCOME_LINE_LOST, IPC_OUTCOME_LOCAL_FAILURE};
	struct world *w = *state;
	uint64_t id = world_staged(w, "r", "/out/a.csv", "x");
	struct pipeline_report report = {
	    .route = "r", .transfer = id, .story = slice_str("no\x1b")};

	world_work(w, "r", id, "a.csv");
	world_end_turn(w);
	for (size_t i = 0; i < ARRAY_LEN(KEPT); i++) {
		struct transfer t;
		report.outcome = KEPT[i];
		assert_int_equal(pipeline_source_answered(&w->gateway, &report, WORLD_NOW), ERR_OK);
		assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
		assert_int_equal(t.state, TRANSFER_PUBLISHED);
		assert_string_equal(t.trouble, "no\\x1b");
	}
	report.outcome = IPC_OUTCOME_GONE;
	assert_int_equal(pipeline_source_answered(&w->gateway, &report, WORLD_NOW), ERR_OK);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
}

/* A folder that was replaced must not look like one whose files were all taken. */
static void
another_staging_directory_proves_nothing(void **state)
{
	struct world *w = *state;
	char from[256], to[256];
	uint64_t id = world_staged(w, "r", "/out/a.csv", "precious");

	world_work(w, "r", id, "a.csv");
	assert_int_equal(ledger_commit(w->gateway.ledger), ERR_OK);
	turn_fini(&w->gateway.turn);
	assert_int_equal(
	    rename(world_path(w, "home/staging/one", from), world_path(w, "away", to)), 0);
	world_use_config(w, WORLD_CONFIG);
	assert_int_equal(pipeline_place(&w->gateway, id, WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_PROCESSED);
	assert_int_equal(w->n_removed, 0);
	/* Brought back, it goes on. */
	char uploads[256];
	assert_int_equal(rmdir(world_path(w, "home/staging/one/uploads", uploads)), 0);
	assert_int_equal(rmdir(from), 0);
	assert_int_equal(rename(to, from), 0);
	world_use_config(w, WORLD_CONFIG);
	assert_int_equal(pipeline_place(&w->gateway, id, WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/one/a.csv"), "precious");
	assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
}

static void
a_folder_that_was_removed_is_no_proof_either(void **state)
{
	struct world *w = *state;
	char path[256];
	uint64_t id = world_staged(w, "left", "/left/a", "precious");

	assert_int_equal(rmdir(world_path(w, "home/folders/one", path)), 0);
	world_work(w, "left", id, "a");
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_PROCESSED);
	assert_int_equal(world_count(w, "home/staging/one"), 2);
}

/* Each destination has a file of its own: what an account does to one's times shows in no other. */
static void
outputs_share_no_inode(void **state)
{
	struct world *w = *state;
	struct stat one, two;
	char path[256];
	uint64_t id = world_staged(w, "r", "/out/a.csv", "x");

	world_work(w, "r", id, "a.csv");
	world_end_turn(w);
	assert_int_equal(stat(world_path(w, "home/folders/one/a.csv", path), &one), 0);
	assert_int_equal(stat(world_path(w, "home/folders/two/a.csv", path), &two), 0);
	assert_true(one.st_ino != two.st_ino);
	assert_int_equal(one.st_nlink, 1);
}

static void
an_interrupted_fetch_waits_unless_it_went_on(void **state)
{
	struct world *w = *state;
	uint64_t stuck = world_fetching(w, "r", "/out/a.csv", "abcd");
	uint64_t moving = world_fetching(w, "r", "/out/b.csv", "abcd");
	struct transfer t;

	assert_int_equal(pipeline_checkpoint(&w->gateway, "r", moving, 2), ERR_OK);
	assert_int_equal(ledger_get(w->gateway.ledger, stuck, &t), ERR_OK);
	assert_int_equal(pipeline_interrupted(&w->gateway, &t, 2, "cut", WORLD_NOW), ERR_OK);
	assert_int_equal(ledger_get(w->gateway.ledger, stuck, &t), ERR_OK);
	assert_int_equal(t.retry_us, WORLD_NOW + 4 * US_PER_SEC);
	assert_int_equal(t.attempts, 0);
	assert_int_equal(ledger_get(w->gateway.ledger, moving, &t), ERR_OK);
	assert_int_equal(pipeline_interrupted(&w->gateway, &t, 2, "cut", WORLD_NOW), ERR_OK);
	assert_int_equal(ledger_get(w->gateway.ledger, moving, &t), ERR_OK);
	assert_int_equal(t.retry_us, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_file_goes_its_way),
	    TEST(a_left_file_settles_by_itself),
	    TEST(a_taken_name_gets_a_number),
	    TEST(fetches_end_in_different_ways),
	    TEST(tries_are_used_up),
	    TEST(reports_about_others_are_not_believed),
	    TEST(a_source_that_refuses_is_asked_again),
	    TEST(outputs_share_no_inode),
	    TEST(an_interrupted_fetch_waits_unless_it_went_on),
	    TEST(another_staging_directory_proves_nothing),
	    TEST(a_folder_that_was_removed_is_no_proof_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
