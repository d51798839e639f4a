#include "world.h"

#include "ledger/partials.h"
#include "transfer/recover.h"

static struct recovery
crash_and_recover(struct world *w)
{
	struct recovery r;

	world_crash(w);
	assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
	world_end_turn(w);
	return r;
}

static void
a_fetch_begins_again_with_its_prefix(void **state)
{
	struct world *w = *state;
	uint64_t id = world_fetching(w, "r", "/out/a.csv", "half");
	struct transfer t;

	assert_int_equal(pipeline_checkpoint(&w->gateway, "r", id, 2), ERR_OK);
	world_end_turn(w);
	assert_int_equal(crash_and_recover(w).n_resumed, 1);
	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	assert_int_equal(t.state, TRANSFER_READY);
	assert_int_equal(t.checkpoint, 2);
	assert_int_equal(world_count(w, "home/staging/incoming/acme"), 1);
}

static void
a_staged_file_is_worked_on_again(void **state)
{
	struct world *w = *state;
	uint64_t id = world_staged(w, "r", "/out/a.csv", "x");

	/* The worker had answered, but that was not committed; its outputs are there. */
	world_work(w, "r", id, "a.csv");
	assert_int_equal(crash_and_recover(w).n_discarded, 2);
	assert_int_equal(world_state(w, id), TRANSFER_STAGED);
	assert_int_equal(w->n_worked, 1);
	world_work(w, "r", id, "a.csv");
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/two/a.csv"), "x");
}

static void
a_staged_file_whose_bytes_are_missing_is_told(void **state)
{
	struct world *w = *state;
	uint64_t id = world_staged(w, "r", "/out/a.csv", "x");

	struct transfer t;

	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	outputs_discard_incoming(&w->gateway, &t);
	(void)crash_and_recover(w);
	assert_int_equal(world_state(w, id), TRANSFER_FAILED);
	assert_int_equal(w->n_worked, 0);
}

/*
 * Cut off at each instant of publishing: before the first rename, between the two, after both but
 * before the commit; and, in the last case, a consumer has taken and deleted the file already.
 * Always it ends published, and never twice.
 */
static void
publishing_is_cut_off_anywhere(void **state)
{
	struct world *w = *state;

	for (int n_renamed = 0; n_renamed <= 3; n_renamed++) {
		char name[16], path[256], from[64];
		(void)snprintf(name, sizeof name, "%d.csv", n_renamed);
		(void)snprintf(from, sizeof from, "/out/%s", name);
		uint64_t id = world_staged(w, "r", from, "x");
		world_work(w, "r", id, name);
		assert_int_equal(ledger_commit(w->gateway.ledger), ERR_OK);
		for (int i = 0; i < n_renamed && i < 2; i++) {
			const struct store *store =
			    stores_find(&w->gateway.stores, i == 0 ? "one" : "two");
			struct stat st;
			char staged[STAGING_NAME_MAX];
			assert_int_equal(fstat(store->staging_fd, &st), 0);
			staging_output_name(id, (uint32_t)i, st.st_ino, staged);
			assert_int_equal(
			    renameat(store->staging_fd, staged, store->dir_fd, name), 0);
		}
		if (n_renamed == 3) {
			(void)snprintf(from, sizeof from, "home/folders/one/%s", name);
			assert_int_equal(unlink(world_path(w, from, path)), 0);
		}
		(void)crash_and_recover(w);
		assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
		assert_int_equal(
		    world_count(w, "home/folders/one"), n_renamed == 3 ? 3 : n_renamed + 1);
		assert_int_equal(world_count(w, "home/folders/two"), n_renamed + 1);
		assert_int_equal(world_count(w, "home/staging/one"), 1);
		assert_int_equal(world_count(w, "home/staging/two"), 1);
		assert_int_equal(w->n_removed, 1);
	}
}

static uint64_t
upload(struct world *w, const char *name, bool renamed)
{
	struct transfer t = {.size = 1, .source = "erp"};
	struct transfer_output out = {.n = 0, .folder = "one"};
	char file[64];
	uint64_t id;

	(void)snprintf(t.path, sizeof t.path, "%s", name);
	(void)snprintf(out.path, sizeof out.path, "%s", name);
	(void)snprintf(out.staging_name, sizeof out.staging_name, "up.erp.%s", name);
	(void)snprintf(file, sizeof file,
	    renamed ? "home/folders/one/%s" : "home/staging/one/uploads/up.erp.%s", name);
	world_write(w, file, "x");
	assert_int_equal(ledger_upload(w->gateway.ledger, &t, &out, WORLD_NOW, &id), ERR_OK);
	world_end_turn(w);
	return id;
}

/* The client of an upload that wasn't published was never told that it arrived:
 * it stays private. */
static void
uploads_are_settled_or_given_up(void **state)
{
	struct world *w = *state;
	uint64_t published = upload(w, "a", true), cut_off = upload(w, "b", false);

	(void)crash_and_recover(w);
	assert_int_equal(world_state(w, published), TRANSFER_SETTLED);
	assert_int_equal(world_state(w, cut_off), TRANSFER_FAILED);
	assert_string_equal(world_read(w, "home/folders/one/b"), "(none)");
	assert_string_equal(world_read(w, "home/staging/one/uploads/up.erp.b"), "x");
}

/* Its directory may even be gone again: somebody took what was in it. */
static void
an_upload_into_a_directory_is_settled(void **state)
{
	struct world *w = *state;
	char path[256];

	assert_int_equal(mkdir(world_path(w, "home/folders/one/sub", path), 0700), 0);
	uint64_t id = upload(w, "sub/a", true), gone = upload(w, "sub/b", true);
	(void)crash_and_recover(w);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
	assert_int_equal(world_state(w, gone), TRANSFER_SETTLED);
	assert_string_equal(world_read(w, "home/folders/one/sub/a"), "x");
	gone = upload(w, "sub/c", true);
	(void)nftw(
	    world_path(w, "home/folders/one/sub", path), world_remove, 16, FTW_DEPTH | FTW_PHYS);
	(void)crash_and_recover(w);
	assert_int_equal(world_state(w, gone), TRANSFER_SETTLED);
}

static void
a_session_that_ended_without_a_word_is_cleared_up(void **state)
{
	struct world *w = *state;
	uint64_t published = upload(w, "a", true), cut_off = upload(w, "b", false);

	assert_int_equal(recover_uploads(&w->gateway, "crm", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, published), TRANSFER_PROCESSED);
	assert_int_equal(recover_uploads(&w->gateway, "erp", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, published), TRANSFER_SETTLED);
	assert_int_equal(world_state(w, cut_off), TRANSFER_FAILED);
}

/* Its session lives, and says so: by what is in staging, a partial or in place after all. */
static void
an_upload_that_could_not_be_placed_is_settled_alone(void **state)
{
	struct world *w = *state;
	uint64_t durable = upload(w, "a", true), taken = upload(w, "b", false);
	uint64_t other = upload(w, "c", false);
	struct transfer t;
	bool found;

	assert_int_equal(ledger_get(w->gateway.ledger, taken, &t), ERR_OK);
	assert_int_equal(
	    recover_upload_not_placed(&w->gateway, &t, "is a directory", WORLD_NOW), ERR_OK);
	assert_int_equal(ledger_get(w->gateway.ledger, durable, &t), ERR_OK);
	assert_int_equal(
	    recover_upload_not_placed(&w->gateway, &t, "not synced", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, taken), TRANSFER_FAILED);
	assert_int_equal(world_state(w, durable), TRANSFER_SETTLED);
	assert_int_equal(world_state(w, other), TRANSFER_PROCESSED);
	assert_int_equal(ledger_get(w->gateway.ledger, taken, &t), ERR_OK);
	assert_string_equal(t.trouble, "is a directory");
	assert_int_equal(ledger_partial_find(w->gateway.ledger, "one", "up.erp.b", &found), ERR_OK);
	assert_true(found);
	assert_int_equal(ledger_partial_find(w->gateway.ledger, "one", "up.erp.c", &found), ERR_OK);
	assert_false(found);
}

static void
leftovers_are_swept_and_nothing_else(void **state)
{
	struct world *w = *state;
	uint64_t ready = world_ready(w, "r", "/out/a.csv", 1);
	char name[64];

	(void)snprintf(name, sizeof name, "home/staging/incoming/acme/t%d", (int)ready);
	world_write(w, name, "prefix");
	world_write(w, "home/staging/incoming/acme/t999", "nobody's");
	world_write(w, "home/staging/one/t999.0-ab", "nobody's");
	world_write(w, "home/staging/one/uploads/up.erp.0123", "an upload");
	world_write(w, "home/staging/one/README", "somebody else's");
	assert_int_equal(crash_and_recover(w).n_discarded, 2);
	assert_int_equal(world_count(w, "home/staging/incoming/acme"), 1);
	assert_int_equal(world_count(w, "home/staging/one"), 2);
	assert_int_equal(world_count(w, "home/staging/one/uploads"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_fetch_begins_again_with_its_prefix),
	    TEST(a_staged_file_is_worked_on_again),
	    TEST(a_staged_file_whose_bytes_are_missing_is_told),
	    TEST(publishing_is_cut_off_anywhere),
	    TEST(uploads_are_settled_or_given_up),
	    TEST(an_upload_that_could_not_be_placed_is_settled_alone),
	    TEST(an_upload_into_a_directory_is_settled),
	    TEST(a_session_that_ended_without_a_word_is_cleared_up),
	    TEST(leftovers_are_swept_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
