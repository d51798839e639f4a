#include "world.h"

#include "base/clock.h"
#include "transfer/poll.h"

enum { OLD = 1000 };

struct listed {
	const char *name;
	uint64_t size;
	int64_t mtime;
};

static struct poll
look(struct world *w, const char *route, const struct listed *files, size_t n_files, bool complete)
{
	struct poll p;

	poll_init(
	    &p, &w->gateway, config_find_route(w->gateway.config, slice_str(route)), WORLD_NOW);
	for (size_t i = 0; i < n_files; i++)
		assert_int_equal(
		    poll_entry(&p, slice_str(files[i].name), files[i].size, files[i].mtime),
		    ERR_OK);
	if (complete)
		assert_int_equal(poll_complete(&p), ERR_OK);
	world_end_turn(w);
	return p;
}

static size_t
count(const struct world *w, const char *route, enum transfer_state state)
{
	uint64_t counts[TRANSFER_N_STATES];

	assert_int_equal(ledger_count(w->gateway.ledger, route, counts), ERR_OK);
	return counts[state];
}

static void
entries_are_matched_and_noted_once(void **state)
{
	static const struct listed FILES[] = {
	    {"a.csv", 10, OLD},
	    {"b.csv", 0, OLD},
	    {"big.csv", 2 << 20, OLD},
	    {"notes.txt", 10, OLD},
	    {"young.csv", 10, WORLD_NOW / US_PER_SEC - 3},
	    {"..", 10, OLD},
	    {"a/b.csv", 10, OLD},
	    {"bell\a.csv", 10, OLD},
	    {"", 10, OLD},
	};
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		struct poll p = look(w, "r", FILES, ARRAY_LEN(FILES), true);
		assert_int_equal(p.n_entries, ARRAY_LEN(FILES));
		assert_int_equal(p.n_odd, 2);
		assert_string_equal(p.odd_name, "a/b.csv");
		assert_int_equal(p.n_young, 1);
		poll_fini(&p);
		assert_int_equal(count(w, "r", TRANSFER_READY), 2);
		assert_int_equal(count(w, "r", TRANSFER_SKIPPED), 1);
	}
}

static void
what_vanished_is_written_off_and_may_come_back(void **state)
{
	static const struct listed FILES[] = {{"a.csv", 10, OLD}, {"b.csv", 10, OLD}};
	struct world *w = *state;
	struct poll p;

	p = look(w, "r", FILES, 2, true);
	poll_fini(&p);
	/* An incomplete listing proves nothing. */
	p = look(w, "r", FILES, 1, false);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 2);
	p = look(w, "r", FILES, 1, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 1);
	assert_int_equal(count(w, "r", TRANSFER_GONE), 1);
	p = look(w, "r", FILES, 2, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 2);
	assert_int_equal(count(w, "r", TRANSFER_GONE), 0);
}

static void
another_size_or_time_is_another_file(void **state)
{
	static const struct listed VERSIONS[] = {
	    {"a.csv", 10, OLD}, {"a.csv", 11, OLD}, {"a.csv", 11, OLD + 1}};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
		struct poll p = look(w, "r", &VERSIONS[i], 1, true);
		poll_fini(&p);
		assert_int_equal(count(w, "r", TRANSFER_READY), 1);
		assert_int_equal(count(w, "r", TRANSFER_GONE), i);
	}
}

static uint64_t
publish(struct world *w, const char *route, const char *path)
{
	uint64_t id = world_staged(w, route, path, "0123456789");

	world_work(w, route, id, "a.csv");
	world_end_turn(w);
	return id;
}

static void
a_published_file_is_not_fetched_again(void **state)
{
	static const struct listed FILE = {"a.csv", 10, 1000};
	struct world *w = *state;
	uint64_t id = publish(w, "r", "/out/a.csv");
	struct poll p;

	p = look(w, "r", &FILE, 1, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 0);
	assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
	/* Its deletion went through, though we never heard of it. */
	p = look(w, "r", NULL, 0, true);
	poll_fini(&p);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
	/* Nobody confirmed that: when it shows again it is the same file, and was delivered. */
	p = look(w, "r", &FILE, 1, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 0);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
}

static void
a_deleted_file_that_is_there_again_is_new(void **state)
{
	static const struct listed FILE = {"a.csv", 10, 1000};
	struct world *w = *state;
	uint64_t id = publish(w, "r", "/out/a.csv");
	struct pipeline_report deleted = {
	    .route = "r", .transfer = id, .outcome = IPC_OUTCOME_DONE};

	assert_int_equal(pipeline_source_answered(&w->gateway, &deleted, WORLD_NOW), ERR_OK);
	struct poll p = look(w, "r", &FILE, 1, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 1);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
}

/* A look that can't have seen the file says nothing of it: the source was not told yet. */
static void
only_what_a_look_covers_is_settled(void **state)
{
	static const struct {
		const char *from, *to;
	} RELOADS[] = {
	    {"path: /out,", "path: /ou, "},
	    {"path: /out,", "path: /,   "},
	    {"name: '*.csv',", "name: '*.CSV',"},
	    {"r:\n    from: { remote: acme", "r:\n    from: { remote: beta"},
	};
	static const char MORE[] =
	    "remotes: { beta: { address: 'b.example:22', user: u, identity: us,"
	    " known_hosts: kh },";
	struct world *w = *state;
	uint64_t id = publish(w, "r", "/out/a.csv");
	char plain[sizeof WORLD_CONFIG + sizeof MORE], config[sizeof plain];
	const char *remotes = strstr(WORLD_CONFIG, "remotes: {");

	(void)snprintf(plain, sizeof plain, "%.*s%s%s", (int)(remotes - WORLD_CONFIG), WORLD_CONFIG,
	    MORE, remotes + strlen("remotes: {"));
	for (size_t i = 0; i < ARRAY_LEN(RELOADS); i++) {
		memcpy(config, plain, sizeof config);
		memcpy(strstr(config, RELOADS[i].from), RELOADS[i].to, strlen(RELOADS[i].to));
		world_use_config(w, config);
		struct poll p = look(w, "r", NULL, 0, true);
		poll_fini(&p);
		assert_int_equal(world_state(w, id), TRANSFER_PUBLISHED);
	}
	world_use_config(w, plain);
	struct poll p = look(w, "r", NULL, 0, true);
	poll_fini(&p);
	assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
}

static void
a_file_that_is_left_is_fetched_once(void **state)
{
	static const struct listed FILE = {"a.csv", 10, 1000};
	struct world *w = *state;
	uint64_t id = publish(w, "left", "/left/a.csv");

	for (int i = 0; i < 3; i++) {
		struct poll p = look(w, "left", &FILE, 1, true);
		poll_fini(&p);
		assert_int_equal(count(w, "left", TRANSFER_READY), 0);
		assert_int_equal(world_state(w, id), TRANSFER_SETTLED);
	}
}

static void
new_rules_are_applied_to_old_rows(void **state)
{
	static const struct listed FILES[] = {{"big.csv", 2 << 20, OLD}, {"a.csv", 10, OLD}};
	static const char RULE[] = "max_size: 1MiB";
	struct world *w = *state;
	struct poll p;
	char config[sizeof WORLD_CONFIG];

	p = look(w, "r", FILES, 2, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_SKIPPED), 1);
	memcpy(config, WORLD_CONFIG, sizeof config);
	memcpy(strstr(config, RULE), "min_size: 1MiB", sizeof RULE - 1);
	world_use_config(w, config);
	p = look(w, "r", FILES, 2, true);
	poll_fini(&p);
	assert_int_equal(count(w, "r", TRANSFER_READY), 1);
	assert_int_equal(count(w, "r", TRANSFER_SKIPPED), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(entries_are_matched_and_noted_once),
	    TEST(what_vanished_is_written_off_and_may_come_back),
	    TEST(another_size_or_time_is_another_file),
	    TEST(a_published_file_is_not_fetched_again),
	    TEST(only_what_a_look_covers_is_settled),
	    TEST(a_deleted_file_that_is_there_again_is_new),
	    TEST(a_file_that_is_left_is_fetched_once),
	    TEST(new_rules_are_applied_to_old_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
