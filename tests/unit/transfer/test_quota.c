#include "world.h"

#include "ledger/holdings.h"
#include "transfer/quota.h"
#include "transfer/quota_count.h"
#include "transfer/recover.h"

static const char CONFIG[] = "home: home\n"
			     "folders:\n"
			     "  one: { path: folders/one, quota: { bytes: 100, files: 3 } }\n"
			     "  two: { path: folders/two }\n"
			     "accounts:\n"
			     "  a: { authorized_keys: k, quota: { bytes: 60 }, mounts:\n"
			     "    [{ at: /, folder: one, allow: [upload] }] }\n"
			     "  b: { authorized_keys: k, mounts:\n"
			     "    [{ at: /, folder: one, allow: [upload] }] }\n";

static int
setup(void **state)
{
	if (world_setup(state) != 0)
		return -1;
	struct world *w = *state;
	world_use_config(w, CONFIG);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	return 0;
}

static enum err
lease(struct world *w, const char *folder, const char *account, uint64_t bytes, uint64_t files)
{
	struct story story = {.text = ""};
	enum err e = quota_lease(
	    &w->gateway, folder, account, (struct quota_amount){bytes, files}, WORLD_NOW, &story);

	assert_int_equal(e == ERR_OK, story.text[0] == '\0');
	return e;
}

static void
release(struct world *w, const char *folder, const char *account, uint64_t bytes, uint64_t files)
{
	quota_release(&w->gateway, folder, account, (struct quota_amount){bytes, files});
}

static const struct {
	uint64_t max_bytes, max_files, bytes, files, more_bytes, more_files;
	bool fits;
} FITS[] = {
    {0, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, true},
    {10, 0, 0, 0, 10, 1000, true},
    {10, 0, 0, 0, 11, 0, false},
    {10, 0, 9, 0, 1, 0, true},
    {10, 0, 9, 0, 2, 0, false},
    {10, 0, 11, 0, 0, 1, true}, /* nothing more of what is used up */
    {10, 0, 11, 0, 1, 0, false},
    {10, 0, 1, 0, UINT64_MAX, 0, false},
    {0, 2, 0, 1, 0, 1, true},
    {0, 2, 0, 2, 0, 1, false},
    {0, 2, 0, 2, 5, 0, true},
    {UINT64_MAX, 0, UINT64_MAX, 0, 1, 0, false},
};

static void
arithmetic(void **state)
{
	struct quota_amount most = {UINT64_MAX, UINT64_MAX}, one = {1, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FITS); i++) {
		struct config_quota limit = {FITS[i].max_bytes, FITS[i].max_files};
		struct quota_amount used = {FITS[i].bytes, FITS[i].files};
		struct quota_amount more = {FITS[i].more_bytes, FITS[i].more_files};
		if (quota_fits(&limit, used, more) != FITS[i].fits)
			fail_msg("row %zu", i);
	}
	assert_true(quota_plus(most, one).bytes == UINT64_MAX);
	assert_true(quota_minus(one, most).files == 0);
}

static void
a_lease_is_all_or_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(lease(w, "one", "b", 100, 1), ERR_OK);
	assert_int_equal(lease(w, "one", "b", 1, 0), ERR_QUOTA);
	release(w, "one", "b", 40, 0);
	/* The folder has room for it, the account has not: then neither is charged. */
	assert_int_equal(lease(w, "one", "a", 40, 3), ERR_QUOTA);
	assert_int_equal(lease(w, "one", "a", 40, 2), ERR_OK);
	assert_int_equal(lease(w, "one", "b", 0, 1), ERR_QUOTA);
	release(w, "one", "a", 40, 2);
	assert_int_equal(lease(w, "one", "b", 40, 2), ERR_OK);
	/* Too much given back isn't room for others. */
	release(w, "one", "b", UINT64_MAX, UINT64_MAX);
	assert_int_equal(lease(w, "one", "b", 101, 1), ERR_QUOTA);
	/* A folder without a quota has room; the account's counts there, too. */
	assert_int_equal(lease(w, "two", "b", UINT64_MAX, 1), ERR_OK);
	assert_int_equal(lease(w, "two", "a", 61, 1), ERR_QUOTA);
	assert_int_equal(lease(w, "two", "a", 60, 1), ERR_OK);
	assert_int_equal(lease(w, "one", "a", 1, 1), ERR_QUOTA);
}

static void
content_counts(void **state)
{
	struct world *w = *state;
	struct holding h = {.folder = "two", .path = "x", .account = "a", .size = 50};

	quota_content(&w->gateway, "one", 70, 1);
	assert_int_equal(lease(w, "one", "b", 31, 1), ERR_QUOTA);
	/* The refusal had it counted: there is nothing. */
	assert_int_equal(lease(w, "one", "b", 31, 1), ERR_QUOTA);
	struct quota_pot *pot = &w->gateway.quotas.pots[0];
	pot->next_count_us = 0;
	assert_int_equal(lease(w, "one", "b", 31, 1), ERR_OK);
	/* No word of a session makes it wrap. */
	quota_content(&w->gateway, "one", INT64_MIN, INT64_MIN);
	assert_true(pot->content.bytes == 0 && pot->content.files == 0);
	for (int i = 0; i < 4; i++)
		quota_content(&w->gateway, "one", INT64_MAX, INT64_MAX);
	assert_true(pot->content.bytes == UINT64_MAX);

	world_write(w, "home/folders/two/x", "there");
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &h), ERR_OK);
	world_end_turn(w);
	assert_int_equal(lease(w, "two", "a", 11, 1), ERR_QUOTA);
	/* Taken away beside the gateway: noticed when it is counted again. */
	char path[256];
	assert_int_equal(unlink(world_path(w, "home/folders/two/x", path)), 0);
	w->gateway.quotas.pots[1].next_count_us = 0;
	assert_int_equal(lease(w, "two", "a", 11, 1), ERR_OK);
	world_end_turn(w);
}

/* It would block the gateway for as long as millions of names take. */
static void
a_reload_carries_over(void **state)
{
	struct world *w = *state;
	char from[256], to[256];

	quota_content(&w->gateway, "one", 7, 1);
	world_write(w, "home/folders/one/x", "12345");
	assert_int_equal(lease(w, "one", "b", 90, 1), ERR_OK);
	world_use_config(w, CONFIG);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	const struct quota_pot *pot = quota_pot_find(&w->gateway.quotas, "one", false);
	assert_int_equal(pot->content.bytes, 7);
	assert_int_equal(pot->content.files, 1);
	assert_int_equal(pot->leased.bytes, 0);
	/* Another directory by its name is counted, and so is everything that was forgotten. */
	assert_int_equal(rename(world_path(w, "home/folders/one", from),
			     world_path(w, "home/folders/was-one", to)),
	    0);
	world_use_config(w, CONFIG);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	pot = quota_pot_find(&w->gateway.quotas, "one", false);
	assert_int_equal(pot->content.bytes, 0);
	world_write(w, "home/folders/one/x", "12345");
	quotas_fini(&w->gateway.quotas);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	pot = quota_pot_find(&w->gateway.quotas, "one", false);
	assert_int_equal(pot->content.bytes, 5);
	assert_null(quota_pot_find(&w->gateway.quotas, "one", true));
	assert_null(quota_pot_find(&w->gateway.quotas, "two", false));
	assert_null(quota_pot_find(&w->gateway.quotas, "b", true));
}

/* Nobody knows whether it is kept: then nothing more comes in, until it can be counted again. */
static void
what_cannot_be_counted_is_full(void **state)
{
	struct world *w = *state;
	char path[256];
	int at = open(world_path(w, "home/folders/one", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(lease(w, "one", "b", 1, 1), ERR_OK);
	for (int i = 0; i <= QUOTA_DEPTH_MAX; i++) {
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	quotas_fini(&w->gateway.quotas);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	assert_int_equal(lease(w, "one", "b", 1, 0), ERR_QUOTA);
	assert_int_equal(lease(w, "one", "b", 0, 0), ERR_OK);
	assert_int_equal(lease(w, "two", "b", 1, 1), ERR_OK);
	/* A reload doesn't forget it. */
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	assert_int_equal(lease(w, "one", "b", 1, 1), ERR_QUOTA);
	(void)nftw(
	    world_path(w, "home/folders/one/d", path), world_remove, 16, FTW_DEPTH | FTW_PHYS);
	w->gateway.quotas.pots[0].next_count_us = 0;
	assert_int_equal(lease(w, "one", "b", 1, 1), ERR_OK);
}

static void
counts_files_alone(void **state)
{
	struct world *w = *state;
	struct quota_amount amount = {7, 7};
	char path[256], deep[256];
	int fd = open(world_path(w, "home", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	world_write(w, "home/folders/two/big", "0123456789");
	world_write(w, "home/folders/one/a", "123");
	assert_int_equal(mkdir(world_path(w, "home/folders/one/sub", path), 0700), 0);
	world_write(w, "home/folders/one/sub/b", "12");
	/* Symbolic links lead nowhere, also back up. */
	assert_int_equal(symlink("../two", world_path(w, "home/folders/one/link", path)), 0);
	assert_int_equal(symlink("..", world_path(w, "home/folders/one/sub/up", path)), 0);
	assert_int_equal(symlink("../two/big", world_path(w, "home/folders/one/file", path)), 0);
	assert_int_equal(mkfifo(world_path(w, "home/folders/one/fifo", path), 0600), 0);
	close(fd);
	fd = open(world_path(w, "home/folders/one", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(quota_count(fd, &amount), ERR_OK);
	assert_int_equal(amount.bytes, 5);
	assert_int_equal(amount.files, 2);
	/* Deeper than anybody files anything: told, not followed. */
	(void)snprintf(deep, sizeof deep, "%s", "home/folders/one");
	int at = fd;
	for (int i = 0; i <= QUOTA_DEPTH_MAX; i++) {
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		if (at != fd)
			close(at);
		at = next;
	}
	close(at);
	assert_int_equal(quota_count(fd, &amount), ERR_LIMIT);
	assert_int_equal(amount.files, 2);
	close(fd);
}

/* What an account is said to hold is looked at when its quota seems used up. */
static void
holdings_are_looked_at_again(void **state)
{
	struct world *w = *state;
	struct holding h = {.folder = "one", .path = "doc", .account = "a", .size = 60};
	struct holding small = {.folder = "one", .path = "small", .account = "a", .size = 1};
	uint64_t bytes, files;

	world_write(w, "home/folders/one/doc", "0123456789");
	world_write(w, "home/folders/one/small", "larger");
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &h), ERR_OK);
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &small), ERR_OK);
	assert_int_equal(lease(w, "one", "a", 10, 0), ERR_QUOTA);
	quotas_fini(&w->gateway.quotas);
	assert_int_equal(quotas_use_config(&w->gateway, WORLD_NOW), ERR_OK);
	assert_int_equal(lease(w, "one", "a", 10, 0), ERR_OK);
	assert_int_equal(ledger_usage(w->gateway.ledger, "a", &bytes, &files), ERR_OK);
	assert_int_equal(bytes, 11);
	assert_int_equal(files, 2);
}

/* A session put its upload in place, and was killed before it could say so. */
static void
an_upload_that_recovery_settles_is_counted(void **state)
{
	struct world *w = *state;
	struct transfer t = {.source = "a", .path = "doc", .size = 40};
	struct transfer_output out = {.folder = "one", .staging_name = "up.a.1", .path = "doc"};
	uint64_t id, bytes, files;

	assert_int_equal(ledger_upload(w->gateway.ledger, &t, &out, WORLD_NOW, &id), ERR_OK);
	assert_int_equal(recover_uploads(&w->gateway, "a", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
	const struct quota_pot *pot = quota_pot_find(&w->gateway.quotas, "one", false);
	assert_int_equal(pot->content.bytes, 40);
	assert_int_equal(pot->content.files, 1);
	assert_int_equal(ledger_usage(w->gateway.ledger, "a", &bytes, &files), ERR_OK);
	assert_int_equal(bytes, 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arithmetic),
	    cmocka_unit_test_setup_teardown(a_lease_is_all_or_nothing, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(content_counts, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_counted_is_full, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(a_reload_carries_over, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(counts_files_alone, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(holdings_are_looked_at_again, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		an_upload_that_recovery_settles_is_counted, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
