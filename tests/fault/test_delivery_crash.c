/*
 * What becomes of files after they were taken, and of uploads that were not finished, ended by a
 * crash at every instant that matters. After each crash a new gateway recovers and goes on. At the
 * end every delivered file is in the archive once, or removed, as its folder has it, also the one
 * whose removal from staging a power cut has undone, the private file that was gone on with is
 * somewhere once, and what nobody goes on with is gone, with its row.
 */
#include "instants.h"

#include "base/clock.h"
#include "transfer/delivery.h"
#include "transfer/partials.h"
#include "transfer/recover.h"

enum { INSTANTS_MIN = 50 };

static const char *const NAMES[] = {"a.csv", "b.csv"};
static const char *const FOLDERS[] = {"kept", "gone"};
#define UNDONE  "home/staging/gone/d999"
#define UPLOADS "home/staging/kept/uploads/"
#define CLAIMED "up.maker.02"

static bool
is_there(const struct world *w, const char *name)
{
	return strcmp(world_read(w, name), "(none)") != 0;
}

static void
take(struct world *w, const char *folder, const char *name)
{
	struct delivered_file f = {.inode = 0};
	char path[256], file[128];
	struct stat st;

	(void)snprintf(file, sizeof file, "home/folders/%s/%s", folder, name);
	if (stat(world_path(w, file, path), &st) < 0)
		return;
	(void)snprintf(f.folder, sizeof f.folder, "%s", folder);
	(void)snprintf(f.path, sizeof f.path, "%s", name);
	f.inode = st.st_ino;
	f.size = (uint64_t)st.st_size;
	f.mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	assert_int_equal(delivery_taken(&w->gateway, &f, "erp", f.size, "", WORLD_NOW), ERR_OK);
}

/* A consumer takes whatever it sees in the folders: all of it in one turn. */
static void
take_all(struct world *w)
{
	for (size_t k = 0; k < ARRAY_LEN(FOLDERS); k++) {
		for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
			take(w, FOLDERS[k], NAMES[i]);
	}
	world_end_turn(w);
}

static struct partial_row
row_of(const char *staging_name)
{
	struct partial_row p = {.folder = "kept", .path = "doc", .account = "maker", .size = 3};

	(void)snprintf(p.staging_name, sizeof p.staging_name, "%s", staging_name);
	return p;
}

/* A session goes on with it, and core hears of that; then it is closed, and put in place. */
static void
go_on(struct world *w)
{
	struct transfer t = {.source = "maker", .path = "doc", .size = 3};
	struct transfer_output out = {.folder = "kept", .staging_name = CLAIMED, .path = "doc"};
	char from[256], to[256];
	uint64_t id;

	if (is_there(w, UPLOADS "up.maker.01")) {
		assert_int_equal(rename(world_path(w, UPLOADS "up.maker.01", from),
				     world_path(w, UPLOADS CLAIMED, to)),
		    0);
		instant();
		struct partial_row now = row_of(CLAIMED);
		assert_int_equal(
		    ledger_partial_drop(w->gateway.ledger, "kept", "up.maker.01"), ERR_OK);
		assert_int_equal(ledger_partial_put(w->gateway.ledger, &now), ERR_OK);
		world_end_turn(w);
	}
	if (!is_there(w, UPLOADS CLAIMED))
		return;
	assert_int_equal(ledger_upload(w->gateway.ledger, &t, &out, WORLD_NOW, &id), ERR_OK);
	assert_int_equal(ledger_partial_drop(w->gateway.ledger, "kept", CLAIMED), ERR_OK);
	world_end_turn(w);
	assert_int_equal(rename(world_path(w, UPLOADS CLAIMED, from),
			     world_path(w, "home/folders/kept/doc", to)),
	    0);
	instant();
	/* The session is gone before it could say so. */
	assert_int_equal(recover_uploads(&w->gateway, "maker", WORLD_NOW), ERR_OK);
	world_end_turn(w);
}

/* Nobody has gone on with these: all but the one that is being gone on with. */
static enum err
expire(void *ctx, const struct partial_row *p)
{
	struct world *w = ctx;

	if (strcmp(p->staging_name, "up.maker.01") == 0 || strcmp(p->staging_name, CLAIMED) == 0)
		return ERR_OK;
	return partial_remove(&w->gateway, p, "nobody", WORLD_NOW);
}

static void
play(struct world *w)
{
	struct recovery r;

	world_open_ledger(w);
	assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
	world_end_turn(w);
	assert_int_equal(partials_recover(&w->gateway, time_now_us(), expire, w), ERR_OK);
	world_end_turn(w);
	take_all(w);
	go_on(w);
	ledger_close(w->gateway.ledger);
	w->gateway.ledger = NULL;
}

static void
new_world(struct world *w)
{
	static const char CONFIG[] = "home: home\n"
				     "folders:\n"
				     "  kept: { path: folders/kept, on_delivered: archive }\n"
				     "  gone: { path: folders/gone, on_delivered: delete }\n"
				     "accounts:\n"
				     "  erp: { authorized_keys: k, mounts: [\n"
				     "    { at: /kept, folder: kept, allow: [download] },\n"
				     "    { at: /gone, folder: gone, allow: [download] }] }\n";
	struct partial_row left = row_of("up.maker.01"), old = row_of("up.maker.03");

	*w = (struct world){.gateway = {.ports = &WORLD_PORTS}};
	w->gateway.ports_ctx = w;
	turn_init(&w->gateway.turn);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/dray-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	world_use_config(w, CONFIG);
	for (size_t i = 0; i < ARRAY_LEN(FOLDERS) * ARRAY_LEN(NAMES); i++) {
		const char *name = NAMES[i % ARRAY_LEN(NAMES)];
		char file[128];
		(void)snprintf(
		    file, sizeof file, "home/folders/%s/%s", FOLDERS[i / ARRAY_LEN(NAMES)], name);
		world_write(w, file, name);
	}
	world_write(w, UNDONE, "removed, and its row gone");
	world_write(w, UPLOADS "up.maker.01", "doc");
	world_write(w, UPLOADS "up.maker.03", "old");
	world_write(w, UPLOADS "up.maker.04", "without a row");
	world_open_ledger(w);
	assert_int_equal(ledger_partial_put(w->gateway.ledger, &left), ERR_OK);
	assert_int_equal(ledger_partial_put(w->gateway.ledger, &old), ERR_OK);
	world_end_turn(w);
	ledger_close(w->gateway.ledger);
	w->gateway.ledger = NULL;
}

static enum err
no_disposal(void *ctx, const struct disposal *d)
{
	(void)ctx;
	fail_msg("still to be disposed of: %s", d->file.path);
	return ERR_OK;
}

static enum err
no_partial(void *ctx, const struct partial_row *p)
{
	(void)ctx;
	fail_msg("still private: %s", p->staging_name);
	return ERR_OK;
}

static void
check_outcome(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		char file[128];
		(void)snprintf(file, sizeof file, "home/archive/kept/%s", NAMES[i]);
		assert_string_equal(world_read(w, file), NAMES[i]);
	}
	assert_int_equal(world_count(w, "home/archive/kept"), ARRAY_LEN(NAMES));
	assert_int_equal(world_count(w, "home/staging/kept"), 1);
	assert_int_equal(world_count(w, "home/staging/gone"), 1);
	assert_int_equal(world_count(w, "home/folders/gone"), 0);
	assert_string_equal(world_read(w, "home/folders/kept/doc"), "doc");
	assert_int_equal(world_count(w, "home/folders/kept"), 1);
	assert_int_equal(world_count(w, UPLOADS), 0);
	world_open_ledger(w);
	assert_int_equal(ledger_each_disposal(w->gateway.ledger, no_disposal, NULL), ERR_OK);
	assert_int_equal(ledger_each_partial(w->gateway.ledger, no_partial, NULL), ERR_OK);
}

static bool
crash_at(unsigned at, unsigned n_crashes)
{
	struct world w;
	bool died = false;

	new_world(&w);
	for (unsigned i = 0; i < n_crashes; i++)
		died = play_and_die(&w, at, play) || died;
	die_at = 0;
	for (int i = 0; i < 2; i++)
		play(&w);
	check_outcome(&w);
	gateway_fini(&w.gateway);
	(void)nftw(w.dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
	return died;
}

static void
one_crash_anywhere(void **state)
{
	unsigned at = 1;

	(void)state;
	while (crash_at(at, 1))
		at++;
	print_message("# %u instants\n", at - 1);
	assert_true(at > INSTANTS_MIN);
}

static void
several_crashes_one_after_another(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= INSTANTS_MIN; at++)
		(void)crash_at(at, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_crash_anywhere),
	    cmocka_unit_test(several_crashes_one_after_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
