#include "world.h"

#include "base/clock.h"
#include "ledger/holdings.h"
#include "transfer/delivery.h"
#include "transfer/disposal.h"
#include "transfer/recover.h"

static const char CONFIG[] =
    "home: home\n"
    "folders:\n"
    "  keep: { path: folders/keep }\n"
    "  gone: { path: folders/gone, on_delivered: delete }\n"
    "  both: { path: folders/both, on_delivered: delete, consumers: [erp, bank] }\n"
    "  kept: { path: folders/kept, on_delivered: archive }\n"
    "accounts:\n"
    "  erp: { authorized_keys: k, mounts: [\n"
    "    { at: /keep, folder: keep, allow: [download] },\n"
    "    { at: /gone, folder: gone, allow: [download] },\n"
    "    { at: /kept, folder: kept, allow: [download] },\n"
    "    { at: /both, folder: both, allow: [download] }] }\n"
    "  bank: { authorized_keys: k, mounts: [\n"
    "    { at: /both, folder: both, allow: [download] }] }\n";

static int
setup(void **state)
{
	if (world_setup(state) != 0)
		return -1;
	world_use_config(*state, CONFIG);
	return 0;
}

/* The file as it is now, as a session would name it. */
static struct delivered_file
look(struct world *w, const char *folder, const char *file)
{
	struct delivered_file f = {.transfer = 0};
	char path[256], name[128];
	struct stat st;

	(void)snprintf(name, sizeof name, "home/folders/%s/%s", folder, file);
	assert_int_equal(stat(world_path(w, name, path), &st), 0);
	(void)snprintf(f.folder, sizeof f.folder, "%s", folder);
	(void)snprintf(f.path, sizeof f.path, "%s", file);
	f.inode = st.st_ino;
	f.size = (uint64_t)st.st_size;
	f.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return f;
}

/* Core's part of a delivery, up to its commit and what follows. */
static void
take(struct world *w, struct delivered_file f, const char *account)
{
	assert_int_equal(
	    delivery_taken(&w->gateway, &f, account, f.size, account, time_now_us()), ERR_OK);
	world_end_turn(w);
}

struct events {
	char text[256];
};

static enum err
collect(void *ctx, const struct ledger_event *event)
{
	struct events *e = ctx;
	size_t len = strlen(e->text);

	(void)snprintf(e->text + len, sizeof e->text - len, "%s ", event->what);
	return ERR_OK;
}

static void
check_events(struct world *w, const char *want)
{
	struct events e = {.text = ""};

	assert_int_equal(ledger_each_event(w->gateway.ledger, 0, collect, &e), ERR_OK);
	assert_string_equal(e.text, want);
}

static void
kept(void **state)
{
	struct world *w = *state;

	world_write(w, "home/folders/keep/a", "x");
	take(w, look(w, "keep", "a"), "erp");
	take(w, look(w, "keep", "a"), "erp");
	assert_string_equal(world_read(w, "home/folders/keep/a"), "x");
	check_events(w, "taken taken ");
}

static void
removed_when_taken(void **state)
{
	struct world *w = *state;
	struct holding h = {.folder = "gone", .path = "a", .account = "maker", .size = 1};
	uint64_t bytes, files;

	world_write(w, "home/folders/gone/a", "x");
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &h), ERR_OK);
	take(w, look(w, "gone", "a"), "erp");
	assert_string_equal(world_read(w, "home/folders/gone/a"), "(none)");
	check_events(w, "taken delivered-removed ");
	assert_int_equal(world_count(w, "home/staging/gone"), 1);
	assert_int_equal(ledger_usage(w->gateway.ledger, "maker", &bytes, &files), ERR_OK);
	assert_int_equal(files, 0);
}

static void
when_all_consumers_have_taken_it(void **state)
{
	struct world *w = *state;

	world_write(w, "home/folders/both/a", "x");
	take(w, look(w, "both", "a"), "erp");
	take(w, look(w, "both", "a"), "erp");
	take(w, look(w, "both", "a"), "stranger");
	assert_string_equal(world_read(w, "home/folders/both/a"), "x");
	check_events(w, "taken taken taken ");
	take(w, look(w, "both", "a"), "bank");
	assert_string_equal(world_read(w, "home/folders/both/a"), "(none)");
}

static void
consumers_take_one_version(void **state)
{
	struct world *w = *state;

	world_write(w, "home/folders/both/a", "x");
	take(w, look(w, "both", "a"), "erp");
	world_write(w, "home/folders/both/a", "newer");
	take(w, look(w, "both", "a"), "bank");
	assert_string_equal(world_read(w, "home/folders/both/a"), "newer");
	take(w, look(w, "both", "a"), "erp");
	assert_string_equal(world_read(w, "home/folders/both/a"), "(none)");
}

/* The file is sent again, with its time kept, and gets the inode that the first one had. */
static void
sent_again_it_is_another_file(void **state)
{
	struct world *w = *state;
	struct delivered_file f;

	world_write(w, "home/folders/both/a", "x");
	f = look(w, "both", "a");
	/* As if that had been a minute ago, of a file that is gone. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(delivery_taken(&w->gateway, &f, i == 0 ? "bank" : "stranger", 1,
				     "", time_now_us() - 60 * US_PER_SEC),
		    ERR_OK);
	world_end_turn(w);
	take(w, f, "erp");
	assert_string_equal(world_read(w, "home/folders/both/a"), "x");
	take(w, f, "bank");
	assert_string_equal(world_read(w, "home/folders/both/a"), "(none)");
}

static enum transfer_state
state_of(struct world *w, uint64_t id)
{
	struct transfer t;

	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	return t.state;
}

/* An upload of maker's, in place. */
static uint64_t
publish(struct world *w, const char *content)
{
	struct transfer t = {.source = "maker", .path = "a", .size = strlen(content)};
	struct transfer_output out = {.folder = "keep", .staging_name = "up.maker.1", .path = "a"};
	char from[256], to[256];
	uint64_t id;

	assert_int_equal(ledger_upload(w->gateway.ledger, &t, &out, WORLD_NOW, &id), ERR_OK);
	world_write(w, "home/new", content);
	assert_int_equal(
	    rename(world_path(w, "home/new", from), world_path(w, "home/folders/keep/a", to)), 0);
	assert_int_equal(
	    ledger_move(w->gateway.ledger, id, TRANSFER_PLACED, NULL, "", WORLD_NOW), ERR_OK);
	assert_int_equal(
	    ledger_move(w->gateway.ledger, id, TRANSFER_TOLD, NULL, "", WORLD_NOW), ERR_OK);
	return id;
}

/* A reader has the file that another one has replaced meanwhile. */
static void
newer_one_is_not_delivered(void **state)
{
	struct world *w = *state;
	char path[256];

	(void)publish(w, "older");
	struct delivered_file older = look(w, "keep", "a");
	uint64_t newer = publish(w, "newer one");
	take(w, older, "erp");
	assert_int_equal(state_of(w, newer), TRANSFER_SETTLED);
	/* But one that its reader has removed is what was published last. */
	struct delivered_file f = look(w, "keep", "a");
	assert_int_equal(unlink(world_path(w, "home/folders/keep/a", path)), 0);
	take(w, f, "erp");
	assert_int_equal(state_of(w, newer), TRANSFER_DELIVERED);
}

static void
archived_beside_its_namesakes(void **state)
{
	struct world *w = *state;
	char path[256];

	world_write(w, "home/folders/kept/a.csv", "one");
	take(w, look(w, "kept", "a.csv"), "erp");
	world_write(w, "home/folders/kept/a.csv", "two");
	take(w, look(w, "kept", "a.csv"), "erp");
	assert_string_equal(world_read(w, "home/archive/kept/a.csv"), "one");
	assert_string_equal(world_read(w, "home/archive/kept/a.2.csv"), "two");
	assert_int_equal(mkdir(world_path(w, "home/folders/kept/sub", path), 0700), 0);
	world_write(w, "home/folders/kept/sub/b", "three");
	take(w, look(w, "kept", "sub/b"), "erp");
	assert_string_equal(world_read(w, "home/archive/kept/sub/b"), "three");
	check_events(w, "taken archived taken archived taken archived ");
	assert_int_equal(world_count(w, "home/staging/kept"), 1);
}

/* Whatever has its name by now is another file, and nobody has taken that. */
static void
another_version_is_left_alone(void **state)
{
	struct world *w = *state;
	char from[256], to[256];

	world_write(w, "home/folders/gone/a", "x");
	struct delivered_file f = look(w, "gone", "a");
	world_write(w, "home/new", "y");
	assert_int_equal(
	    rename(world_path(w, "home/new", from), world_path(w, "home/folders/gone/a", to)), 0);
	take(w, f, "erp");
	assert_string_equal(world_read(w, "home/folders/gone/a"), "y");
	/* And what is no file at all. */
	world_write(w, "home/folders/gone/b", "x");
	f = look(w, "gone", "b");
	assert_int_equal(unlink(world_path(w, "home/folders/gone/b", from)), 0);
	assert_int_equal(symlink("a", from), 0);
	take(w, f, "erp");
	assert_int_equal(readlink(from, to, sizeof to), 1);
	assert_int_equal(world_count(w, "home/staging/gone"), 1);
}

/* Cut off after each step; the row is there, and the next start goes on. */
static void
goes_on_after_each_step(void **state)
{
	struct world *w = *state;
	struct recovery r;
	char from[256], to[256];

	for (int step = 0; step < 3; step++) {
		world_write(w, "home/folders/kept/a", "x");
		struct disposal d = {.file = look(w, "kept", "a"), .archive = true};
		uint64_t id;
		assert_int_equal(ledger_disposal_add(w->gateway.ledger, &d, &id), ERR_OK);
		assert_int_equal(ledger_commit(w->gateway.ledger), ERR_OK);
		char staged[64];
		(void)snprintf(staged, sizeof staged, "home/staging/kept/d%d", (int)id);
		if (step >= 1)
			assert_int_equal(rename(world_path(w, "home/folders/kept/a", from),
					     world_path(w, staged, to)),
			    0);
		if (step >= 2)
			assert_int_equal(rename(world_path(w, staged, from),
					     world_path(w, "home/archive/kept/a", to)),
			    0);
		world_crash(w);
		assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
		world_end_turn(w);
		assert_string_equal(world_read(w, "home/folders/kept/a"), "(none)");
		assert_string_equal(world_read(w, "home/archive/kept/a"), "x");
		assert_int_equal(world_count(w, "home/staging/kept"), 1);
		assert_int_equal(ledger_disposal_get(w->gateway.ledger, id, &d), ERR_NOENT);
		assert_int_equal(unlink(world_path(w, "home/archive/kept/a", from)), 0);
	}
}

/* A newer version came in this very instant, and a crash before it was put back. */
static void
newer_version_is_put_back_after_a_crash(void **state)
{
	struct world *w = *state;
	struct recovery r;
	char staged[64];
	uint64_t id;

	world_write(w, "home/folders/gone/a", "x");
	struct disposal d = {.file = look(w, "gone", "a")};
	assert_int_equal(ledger_disposal_add(w->gateway.ledger, &d, &id), ERR_OK);
	assert_int_equal(ledger_commit(w->gateway.ledger), ERR_OK);
	char path[256];
	assert_int_equal(unlink(world_path(w, "home/folders/gone/a", path)), 0);
	(void)snprintf(staged, sizeof staged, "home/staging/gone/d%d", (int)id);
	world_write(w, staged, "newer");
	world_crash(w);
	assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/gone/a"), "newer");
	assert_int_equal(world_count(w, "home/staging/gone"), 1);
	assert_int_equal(ledger_disposal_get(w->gateway.ledger, id, &d), ERR_NOENT);
}

/* And by then its name is in use: nobody has taken either of them. */
static void
put_back_beside_its_namesake(void **state)
{
	struct world *w = *state;
	char staged[64], path[256];
	uint64_t id;

	world_write(w, "home/folders/gone/a.csv", "x");
	struct disposal d = {.file = look(w, "gone", "a.csv")};
	assert_int_equal(ledger_disposal_add(w->gateway.ledger, &d, &id), ERR_OK);
	world_end_turn(w);
	assert_int_equal(unlink(world_path(w, "home/folders/gone/a.csv", path)), 0);
	(void)snprintf(staged, sizeof staged, "home/staging/gone/d%d", (int)id);
	world_write(w, staged, "newer");
	world_write(w, "home/folders/gone/a.csv", "newest of all");
	assert_int_equal(delivery_resume(&w->gateway), ERR_OK);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/folders/gone/a.csv"), "newest of all");
	assert_string_equal(world_read(w, "home/folders/gone/a.2.csv"), "newer");
	assert_int_equal(world_count(w, "home/staging/gone"), 1);
	assert_int_equal(ledger_disposal_get(w->gateway.ledger, id, &d), ERR_NOENT);
}

static void
check_files_held(struct world *w, uint64_t want)
{
	uint64_t bytes, files;

	assert_int_equal(ledger_usage(w->gateway.ledger, "maker", &bytes, &files), ERR_OK);
	assert_int_equal(files, want);
}

/* What has left its folder isn't charged any more; what has its name by then is. */
static void
charged_while_it_is_in_its_folder(void **state)
{
	struct world *w = *state;
	struct holding h = {.folder = "kept", .path = "a", .account = "maker", .size = 1};

	world_write(w, "home/folders/kept/a", "x");
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &h), ERR_OK);
	struct store *store = w->gateway.stores.stores;
	while (strcmp(store->folder->name, "kept") != 0)
		store++;
	int fd = store->archive_fd;
	store->archive_fd = -1;
	take(w, look(w, "kept", "a"), "erp");
	check_files_held(w, 0);
	world_write(w, "home/folders/kept/a", "newer");
	assert_int_equal(ledger_holding_put(w->gateway.ledger, &h), ERR_OK);
	store->archive_fd = fd;
	assert_int_equal(delivery_resume(&w->gateway), ERR_OK);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/archive/kept/a"), "x");
	assert_string_equal(world_read(w, "home/folders/kept/a"), "newer");
	check_files_held(w, 1);
}

/* Core isn't blocked for as long as hundreds of files take. */
static void
so_many_at_a_time(void **state)
{
	enum { MANY = 2 * DISPOSALS_A_TURN + 7 };
	struct world *w = *state;
	size_t left = MANY;
	char name[64];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "home/folders/kept/f%d", i);
		world_write(w, name, "x");
		struct delivered_file f = look(w, "kept", strrchr(name, '/') + 1);
		assert_int_equal(
		    delivery_taken(&w->gateway, &f, "erp", 1, "", time_now_us()), ERR_OK);
	}
	do {
		world_end_turn(w);
		left -= left < DISPOSALS_A_TURN ? left : DISPOSALS_A_TURN;
		assert_int_equal(world_count(w, "home/folders/kept"), left);
		assert_int_equal(world_count(w, "home/archive/kept"), MANY - left);
		assert_int_equal(delivery_is_behind(&w->gateway), left > 0);
		assert_int_equal(delivery_go_on(&w->gateway), ERR_OK);
	} while (left > 0);
	assert_int_equal(world_count(w, "home/staging/kept"), 1);
	/* What is dropped with a turn is found again. */
	world_write(w, "home/folders/gone/a", "x");
	struct delivered_file f = look(w, "gone", "a");
	assert_int_equal(delivery_taken(&w->gateway, &f, "erp", 1, "", time_now_us()), ERR_OK);
	assert_int_equal(ledger_commit(w->gateway.ledger), ERR_OK);
	turn_fini(&w->gateway.turn);
	assert_int_equal(delivery_resume(&w->gateway), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_count(w, "home/folders/gone"), 0);
	assert_false(delivery_is_behind(&w->gateway));
}

/* A failure of the file system is no failure of the gateway: it is tried again. */
static void
tried_again(void **state)
{
	struct world *w = *state;
	int fd = -1;

	world_write(w, "home/folders/kept/a", "x");
	struct store *store = w->gateway.stores.stores;
	while (strcmp(store->folder->name, "kept") != 0)
		store++;
	fd = store->archive_fd;
	store->archive_fd = -1;
	take(w, look(w, "kept", "a"), "erp");
	assert_string_equal(world_read(w, "home/folders/kept/a"), "(none)");
	assert_int_equal(world_count(w, "home/archive/kept"), 0);
	check_events(w, "taken ");
	store->archive_fd = fd;
	assert_int_equal(delivery_resume(&w->gateway), ERR_OK);
	world_end_turn(w);
	assert_string_equal(world_read(w, "home/archive/kept/a"), "x");
	check_events(w, "taken archived ");
	/* Nothing is left to do. */
	assert_int_equal(delivery_resume(&w->gateway), ERR_OK);
	assert_true(turn_is_over(&w->gateway.turn));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kept, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(removed_when_taken, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		when_all_consumers_have_taken_it, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(consumers_take_one_version, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(sent_again_it_is_another_file, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(newer_one_is_not_delivered, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(archived_beside_its_namesakes, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(another_version_is_left_alone, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(goes_on_after_each_step, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		newer_version_is_put_back_after_a_crash, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		charged_while_it_is_in_its_folder, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(put_back_beside_its_namesake, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(so_many_at_a_time, setup, world_teardown),
	    cmocka_unit_test_setup_teardown(tried_again, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
