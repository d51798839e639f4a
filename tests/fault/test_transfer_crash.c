/*
 * The whole way of three files, ended by a crash at every instant that matters: before and after
 * each fsync, rename, link and unlink of ours, and each commit of the ledger. After each crash a
 * new gateway recovers and goes on. At the end every file was delivered exactly once, the source is
 * empty, and so is staging. The source is a directory; a consumer takes whatever it sees as soon as
 * it sees it.
 */
#include "instants.h"

#include "transfer/poll.h"
#include "transfer/recover.h"

enum { INSTANTS_MIN = 60 };

static const char *const NAMES[] = {"a.csv", "b.csv", "c.csv"};

/* The source deletes, and says so: only after the deletion was durably allowed. */
static void
port_remove(void *ctx, const struct transfer *t)
{
	struct world *w = ctx;
	char path[256], file[128];

	(void)snprintf(file, sizeof file, "source/%s", strrchr(t->path, '/') + 1);
	(void)unlink(world_path(w, file, path));
	instant();
	w->removed[w->n_removed++] = t->id;
}

static const struct gateway_ports PORTS = {.work = world_port_work, .remove_source = port_remove};

/* The consumer: whatever is visible must be whole, and is taken away at once. */
static void
consume(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		char from[256], to[256], file[128];
		(void)snprintf(file, sizeof file, "home/folders/one/%s", NAMES[i]);
		if (strcmp(world_read(w, file), "(none)") == 0)
			continue;
		if (strcmp(world_read(w, file), NAMES[i]) != 0)
			_exit(1);
		world_path(w, file, from);
		(void)snprintf(file, sizeof file, "taken/%s", NAMES[i]);
		/* A second one of a name would be a second delivery. */
		if (link(from, world_path(w, file, to)) < 0)
			_exit(2);
		(void)unlink(from);
	}
}

static void
look(struct world *w)
{
	struct poll p;

	poll_init(
	    &p, &w->gateway, config_find_route(w->gateway.config, slice_str("once")), WORLD_NOW);
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		char file[128];
		(void)snprintf(file, sizeof file, "source/%s", NAMES[i]);
		if (strcmp(world_read(w, file), "(none)") != 0)
			assert_int_equal(
			    poll_entry(&p, slice_str(NAMES[i]), strlen(NAMES[i]), 1000), ERR_OK);
	}
	assert_int_equal(poll_complete(&p), ERR_OK);
	poll_fini(&p);
	world_end_turn(w);
}

/* The courier's part. */
static enum err
fetch(void *ctx, const struct transfer *t)
{
	struct world *w = ctx;
	char name[STAGING_NAME_MAX], file[128];

	assert_int_equal(pipeline_fetch_began(&w->gateway, t->id, WORLD_NOW), ERR_OK);
	world_end_turn(w);
	staging_name(t->id, name);
	(void)snprintf(file, sizeof file, "home/staging/incoming/acme/%s", name);
	world_write(w, file, strrchr(t->path, '/') + 1);
	assert_int_equal(world_fetched(w, "once", t->id, IPC_OUTCOME_DONE), ERR_OK);
	world_end_turn(w);
	return ERR_OK;
}

static enum err
tell_again(void *ctx, const struct transfer *t)
{
	port_remove(ctx, t);
	return ERR_OK;
}

static void
hear_source(struct world *w)
{
	for (size_t i = 0; i < w->n_removed; i++) {
		struct pipeline_report done = {
		    .route = "once", .transfer = w->removed[i], .outcome = IPC_OUTCOME_DONE};
		if (world_state(w, w->removed[i]) == TRANSFER_PUBLISHED)
			assert_int_equal(
			    pipeline_source_answered(&w->gateway, &done, WORLD_NOW), ERR_OK);
	}
	w->n_removed = 0;
	world_end_turn(w);
}

static void
do_work(struct world *w)
{
	for (size_t i = 0; i < w->n_worked; i++) {
		struct transfer t;
		assert_int_equal(ledger_get(w->gateway.ledger, w->worked[i], &t), ERR_OK);
		if (t.state == TRANSFER_STAGED)
			world_work(w, "once", t.id, strrchr(t.path, '/') + 1);
		world_end_turn(w);
		consume(w);
	}
	w->n_worked = 0;
}

/* A start of the gateway, and one run of its route. */
static void
play(struct world *w)
{
	static const enum transfer_state READY = TRANSFER_READY, PUBLISHED = TRANSFER_PUBLISHED;
	struct ledger_filter ready = {.state = &READY, .oldest_first = true};
	struct ledger_filter published = {.state = &PUBLISHED, .oldest_first = true};
	struct recovery r;

	world_open_ledger(w);
	world_make_incoming(w);
	assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
	world_end_turn(w);
	consume(w);
	do_work(w);
	look(w);
	assert_int_equal(ledger_each(w->gateway.ledger, &published, tell_again, w), ERR_OK);
	assert_int_equal(ledger_each(w->gateway.ledger, &ready, fetch, w), ERR_OK);
	do_work(w);
	hear_source(w);
	ledger_close(w->gateway.ledger);
	w->gateway.ledger = NULL;
}

static void
new_world(struct world *w)
{
	static const char CONFIG[] =
	    "home: home\n"
	    "identities: { us: { private_key: keys/us } }\n"
	    "remotes: { acme: { address: 'a:22', user: u, identity: us, known_hosts: kh } }\n"
	    "folders: { one: { path: folders/one } }\n"
	    "routes:\n"
	    "  once:\n"
	    "    from: { remote: acme, path: /out, every: 1s }\n"
	    "    match: { name: '*.csv' }\n"
	    "    to: [{ folder: one }]\n"
	    "    after: delete\n";
	char path[256];

	*w = (struct world){.gateway = {.ports = &PORTS}};
	w->gateway.ports_ctx = w;
	turn_init(&w->gateway.turn);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/dray-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	world_use_config(w, CONFIG);
	assert_int_equal(mkdir(world_path(w, "source", path), 0700), 0);
	assert_int_equal(mkdir(world_path(w, "taken", path), 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		char file[128];
		(void)snprintf(file, sizeof file, "source/%s", NAMES[i]);
		world_write(w, file, NAMES[i]);
	}
}

static void
end_world(struct world *w)
{
	gateway_fini(&w->gateway);
	(void)nftw(w->dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void
check_outcome(struct world *w)
{
	uint64_t counts[TRANSFER_N_STATES], n_all = 0;

	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		char file[128];
		(void)snprintf(file, sizeof file, "taken/%s", NAMES[i]);
		assert_string_equal(world_read(w, file), NAMES[i]);
	}
	assert_int_equal(world_count(w, "taken"), ARRAY_LEN(NAMES));
	assert_int_equal(world_count(w, "source"), 0);
	assert_int_equal(world_count(w, "home/folders/one"), 0);
	assert_int_equal(world_count(w, "home/staging/incoming/acme"), 0);
	assert_int_equal(world_count(w, "home/staging/one"), 1);
	world_open_ledger(w);
	assert_int_equal(ledger_count(w->gateway.ledger, "once", counts), ERR_OK);
	for (unsigned s = 0; s < TRANSFER_N_STATES; s++)
		n_all += counts[s];
	assert_int_equal(counts[TRANSFER_SETTLED], ARRAY_LEN(NAMES));
	assert_int_equal(n_all, ARRAY_LEN(NAMES));
}

/* Crash at the n-th instant, then at the n-th of the next start too, and so on;
 * then run in peace. */
static bool
crash_at(unsigned at, unsigned n_crashes)
{
	struct world w;
	bool died = false;

	new_world(&w);
	for (unsigned i = 0; i < n_crashes; i++)
		died = play_and_die(&w, at, play) || died;
	/* Removals of what a crash left behind wait for a start: hence the second run. */
	die_at = 0;
	for (int i = 0; i < 2; i++)
		play(&w);
	check_outcome(&w);
	end_world(&w);
	return died;
}

static void
one_crash_anywhere(void **state)
{
	unsigned at = 1;

	(void)state;
	while (crash_at(at, 1))
		at++;
	print_message("%u instants\n", at - 1);
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
