#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/sync.h"
#include "client/world.h"
#include "sftp/status.h"

/* What a sync told. */
struct told {
	struct world *w;
	size_t n[SYNC_KEPT + 1];
	size_t n_notices;
	char last_notice[STORY_MAX], why[STORY_MAX], order[1024];
};

static void
on_decided(void *ctx, enum sync_action action, struct slice path, const char *why)
{
	struct told *t = ctx;
	size_t len = strlen(t->order);

	t->n[action]++;
	if (*why != '\0')
		(void)snprintf(t->why, sizeof t->why, "%s", why);
	if (action != SYNC_REMOVED && len + path.len + 2 < sizeof t->order)
		(void)snprintf(t->order + len, sizeof t->order - len, "%.*s ", SLICE_ARG(path));
}

static void
on_notice(void *ctx, const char *text)
{
	struct told *t = ctx;

	t->n_notices++;
	(void)snprintf(t->last_notice, sizeof t->last_notice, "%s", text);
}

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	return world_connect(((struct told *)ctx)->w, ret_t, story);
}

static const struct job_options JOB = {
    .connections = 1, .retries = 3, .retry_delay_us = 1000, .preserve = true};

static const struct scratch *
source_of(const struct world *w, enum job_direction direction)
{
	return direction == JOB_GET ? &w->there : &w->here;
}

static const struct scratch *
target_of(const struct world *w, enum job_direction direction)
{
	return direction == JOB_GET ? &w->here : &w->there;
}

static enum job_outcome
sync_tree(struct world *w, enum job_direction direction, const struct sync_options *options,
    struct sync_summary *sum, struct told *told)
{
	const struct sync_events events = {
	    .job = {.notice = on_notice, .connect = on_connect, .ctx = told},
	    .decided = on_decided,
	    .ctx = told};
	struct story story = {""};

	*told = (struct told){.w = w};
	return sync_run(&w->r, direction, world_there(w, "t"), world_here(w, "t"), options, &events,
	    30 * INT64_C(1000000), -1, sum, &story);
}

enum { TIME = 1600000000 };

static void
file(const struct scratch *s, const char *name, size_t len, unsigned seed, int64_t mtime)
{
	world_file(s, name, len, seed);
	world_set_time(s, name, mtime);
}

/* The source: 5 files, 3 directories beside the top. */
static void
make_source(const struct scratch *s)
{
	scratch_mkdir(s, "t");
	scratch_mkdir(s, "t/d");
	scratch_mkdir(s, "t/d/e");
	scratch_mkdir(s, "t/empty");
	file(s, "t/new", 10, 1, TIME);
	file(s, "t/equal", 20, 2, TIME);
	file(s, "t/longer", 30, 3, TIME);
	file(s, "t/d/newer", 40, 4, TIME);
	file(s, "t/d/e/deep", 100 * 1000, 5, TIME);
}

/* The target: one of each kind, and what the source doesn't have. */
static void
make_target(const struct scratch *s)
{
	scratch_mkdir(s, "t");
	scratch_mkdir(s, "t/d");
	scratch_mkdir(s, "t/gone");
	scratch_mkdir(s, "t/gone/sub");
	file(s, "t/gone/sub/f", 1, 0, TIME);
	file(s, "t/gone.txt", 1, 0, TIME);
	file(s, "t/equal", 20, 2, TIME);
	file(s, "t/longer", 29, 3, TIME);
	file(s, "t/d/newer", 40, 9, TIME - 10);
}

static void
assert_same(const struct world *w, enum job_direction direction)
{
	const struct scratch *s = target_of(w, direction);

	assert_true(world_is_file(s, "t/new", 10, 1));
	assert_true(world_is_file(s, "t/equal", 20, 2));
	assert_true(world_is_file(s, "t/longer", 30, 3));
	assert_true(world_is_file(s, "t/d/newer", 40, 4));
	assert_true(world_is_file(s, "t/d/e/deep", 100 * 1000, 5));
	assert_true(world_exists(s, "t/empty"));
	assert_int_equal(world_time(s, "t/d/e/deep"), TIME);
}

static const struct world_habits HABITS[] = {
    {.seed = 0},
    {.refused = {"limits"}},
    {.refused = {"limits", "posix-rename", "check-file"}, .seed = 3},
};

static void
test_every_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * 2 * 2 * ARRAY_LEN(HABITS); i++) {
		enum job_direction direction = i % 2 == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB};
		struct sync_summary sum;
		struct told told;
		struct world w;

		options.remove = i / 2 % 2 == 1;
		options.checksum = i / 4 % 2 == 1;
		world_start(&w, &HABITS[i / 8]);
		make_source(source_of(&w, direction));
		make_target(target_of(&w, direction));
		/* Nothing is done on a dry run. */
		options.dry_run = true;
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new, 2);
		assert_int_equal(sum.n_changed, 2);
		assert_int_equal(sum.n_equal, 1);
		assert_int_equal(sum.n_removed, options.remove ? 2 : 0);
		assert_int_equal(world_count(target_of(&w, direction), "t"), 5);

		options.dry_run = false;
		enum job_outcome outcome = sync_tree(&w, direction, &options, &sum, &told);
		if (outcome != JOB_DONE)
			print_error("case %zu: %s\n", i, told.last_notice);
		assert_int_equal(outcome, JOB_DONE);
		assert_int_equal(sum.n_new, 2);
		assert_int_equal(sum.n_changed, 2);
		assert_int_equal(sum.n_equal, 1);
		assert_int_equal(sum.n_failed, 0);
		assert_int_equal(sum.n_dirs, 4);
		assert_int_equal(told.n[SYNC_MADE_DIR], 2);
		assert_int_equal(told.n[SYNC_REMOVED], options.remove ? 2 : 0);
		/* The top's names, then those of its directories, which come in front of the next.
		 */
		assert_string_equal(told.order, "empty equal longer new d/e d/newer d/e/deep ");
		assert_same(&w, direction);
		assert_int_equal(
		    world_exists(target_of(&w, direction), "t/gone/sub/f"), !options.remove);
		assert_int_equal(
		    world_exists(target_of(&w, direction), "t/gone.txt"), !options.remove);

		/* Once more: nothing is left to do. */
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new + sum.n_changed + sum.n_removed, 0);
		assert_int_equal(sum.n_equal, 5);
		assert_int_equal(sum.bytes, 0);
		world_fini(&w);
	}
}

/* The target isn't there at all. */
static void
test_from_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		enum job_direction direction = i == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB, .dry_run = true};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, NULL);
		make_source(source_of(&w, direction));
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new, 5);
		assert_false(world_exists(target_of(&w, direction), "t"));
		options.dry_run = false;
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new, 5);
		assert_same(&w, direction);
		world_fini(&w);
	}
}

/* Same size, same time, another content: only a checksum sees it. */
static void
test_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8; i++) {
		enum job_direction direction = i % 2 == 0 ? JOB_GET : JOB_PUT;
		const struct world_habits habits = {
		    .refused = {i / 2 % 2 == 0 ? "check-file" : "users-groups-by-id"}};
		struct sync_options options = {.job = JOB, .checksum = i / 4 == 1};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, &habits);
		scratch_mkdir(&w.here, "t");
		scratch_mkdir(&w.there, "t");
		for (int k = 0; k < 40; k++) {
			char name[16];
			(void)snprintf(name, sizeof name, "t/f%d", k);
			file(source_of(&w, direction), name, 5000, 1, TIME);
			file(target_of(&w, direction), name, 5000, k == 7 ? 2 : 1,
			    options.checksum && k % 2 == 1 ? TIME - 5 : TIME);
		}
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_changed, options.checksum ? 1 : 0);
		assert_int_equal(sum.n_equal, options.checksum ? 39 : 40);
		assert_int_equal(
		    world_is_file(target_of(&w, direction), "t/f7", 5000, 1), options.checksum);
		world_fini(&w);
	}
}

static void
test_filters(void **state)
{
	static const struct sync_pattern PATTERNS[] = {
	    {true, "keep.tmp"},
	    {false, "*.tmp"},
	    {false, "cache/"},
	    {false, "/d/secret"},
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum job_direction direction = i == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB,
		    .remove = true,
		    .patterns = PATTERNS,
		    .n_patterns = ARRAY_LEN(PATTERNS),
		    .min_size = 2,
		    .max_size = 1000};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, NULL);
		const struct scratch *s = source_of(&w, direction), *t = target_of(&w, direction);
		scratch_mkdir(s, "t");
		scratch_mkdir(s, "t/d");
		scratch_mkdir(s, "t/cache");
		file(s, "t/a.tmp", 10, 0, TIME);
		file(s, "t/keep.tmp", 10, 0, TIME);
		file(s, "t/cache/x", 10, 0, TIME);
		file(s, "t/d/secret", 10, 0, TIME);
		file(s, "t/secret", 10, 0, TIME);
		file(s, "t/small", 1, 0, TIME);
		file(s, "t/large", 1001, 0, TIME);
		/* What is excluded isn't removed either, nor the directory that it is in. */
		scratch_mkdir(t, "t");
		scratch_mkdir(t, "t/old");
		scratch_mkdir(t, "t/older");
		file(t, "t/old/b.tmp", 10, 0, TIME);
		file(t, "t/old/c", 10, 0, TIME);
		file(t, "t/older/c", 10, 0, TIME);
		file(t, "t/small", 5, 0, TIME);
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new, 2);
		assert_true(world_exists(t, "t/keep.tmp"));
		assert_true(world_exists(t, "t/secret"));
		assert_false(world_exists(t, "t/d/secret"));
		assert_true(world_exists(t, "t/old/b.tmp"));
		assert_false(world_exists(t, "t/old/c"));
		assert_false(world_exists(t, "t/older"));
		assert_true(world_is_file(t, "t/small", 5, 0));
		assert_int_equal(world_count(t, "t"), 5);
		/* Too old for all. */
		options = (struct sync_options){.job = JOB, .max_age_us = 1000000};
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new + sum.n_changed + sum.n_equal, 0);
		world_fini(&w);
	}
}

static void
test_patterns(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool is_dir, takes;
	} CASES[] = {
	    {"*.o", "a.o", false, false},
	    {"*.o", "d/e/a.o", false, false},
	    {"*.o", "a.c", false, true},
	    {"d/*.o", "d/a.o", false, false},
	    {"d/*.o", "d/e/a.o", false, true},
	    {"/a", "a", false, false},
	    {"/a", "d/a", false, true},
	    {"a/", "a", false, true},
	    {"a/", "a", true, false},
	    {"a/", "d/a", true, false},
	    {"d/a/", "d/a", true, false},
	    {".*", ".hidden", false, false},
	    {"*", ".hidden", false, false},
	    {"[", "[", false, false},
	    {"", "a", false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct sync_pattern pattern = {false, CASES[i].pattern};
		const struct sync_options o = {.patterns = &pattern, .n_patterns = 1};
		bool takes = sync_pattern_takes(&o, slice_str(CASES[i].path), CASES[i].is_dir);
		if (takes != CASES[i].takes)
			print_error("%s on %s\n", CASES[i].pattern, CASES[i].path);
		assert_int_equal(takes, CASES[i].takes);
	}
}

static struct sftp_fs_ops real;

static struct sftp_result
closed_opendir(void *fs, struct slice path, void **ret_dir)
{
	if (path.len > 7 && memcmp(path.ptr + path.len - 7, "private", 7) == 0)
		return sftp_result_of(ERR_ACCESS);
	return real.opendir(fs, path, ret_dir);
}

static void
tweak_closed(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->opendir = closed_opendir;
}

/* A directory that can't be listed: the rest is moved, and nothing removed. */
static void
test_unlisted(void **state)
{
	const struct world_habits habits = {.tweak = tweak_closed};

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum job_direction direction = i == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB, .remove = true};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, &habits);
		make_source(source_of(&w, direction));
		make_target(target_of(&w, direction));
		scratch_mkdir(&w.here, "t/private");
		scratch_mkdir(&w.there, "t/private");
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_FAILED);
		assert_int_equal(sum.n_failed, 1);
		assert_int_equal(told.n[SYNC_KEPT], 2);
		assert_int_equal(told.n[SYNC_REMOVED], 0);
		assert_same(&w, direction);
		assert_true(world_exists(target_of(&w, direction), "t/gone.txt"));
		world_fini(&w);
	}
}

static void
test_odd_names(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		enum job_direction direction = i == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB, .remove = true};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, NULL);
		const struct scratch *s = source_of(&w, direction), *t = target_of(&w, direction);
		scratch_mkdir(s, "t");
		scratch_mkdir(t, "t");
		scratch_symlink(s, "/etc", "t/link");
		assert_int_equal(mkfifoat(s->fd, "t/fifo", 0600), 0);
		scratch_mkdir(s, "t/both");
		file(t, "t/both", 3, 0, TIME);
		file(t, "t/extra", 3, 0, TIME);
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_FAILED);
		assert_int_equal(told.n_notices, 3);
		assert_int_equal(sum.n_failed, 1);
		assert_true(world_is_file(t, "t/both", 3, 0));
		assert_true(world_exists(t, "t/extra"));
		assert_int_equal(world_count(t, "t"), 2);
		world_fini(&w);
	}
}

static struct sftp_result
no_setstat(void *fs, struct slice path, const struct sftp_attrs *a)
{
	(void)fs, (void)path, (void)a;
	return sftp_result_of(ERR_ACCESS);
}

static struct sftp_result
no_fsetstat(void *f, const struct sftp_attrs *a)
{
	(void)f, (void)a;
	return sftp_result_of(ERR_ACCESS);
}

static void
tweak_no_setstat(struct sftp_fs_ops *ops)
{
	ops->setstat = no_setstat;
	ops->fsetstat = no_fsetstat;
}

/* A server without times: said once, and what was sent isn't sent again. */
static void
test_no_times(void **state)
{
	const struct world_habits habits = {.tweak = tweak_no_setstat};
	struct sync_options options = {.job = JOB};
	struct sync_summary sum;
	struct told told;
	struct world w;

	(void)state;
	world_start(&w, &habits);
	make_source(&w.here);
	assert_int_equal(sync_tree(&w, JOB_PUT, &options, &sum, &told), JOB_DONE);
	assert_int_equal(sum.n_new, 5);
	assert_int_equal(sync_tree(&w, JOB_PUT, &options, &sum, &told), JOB_DONE);
	assert_int_equal(sum.n_equal, 5);
	assert_int_equal(told.n_notices, 1);
	assert_non_null(strstr(told.last_notice, "refuses to set times"));
	world_fini(&w);
}

static void
test_lost_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * 45; i++) {
		enum job_direction direction = i % 2 == 0 ? JOB_GET : JOB_PUT;
		const struct world_habits habits = {.dies_at = 3 + i / 2, .dies_times = 2};
		struct sync_options options = {.job = JOB, .checksum = i % 4 >= 2};
		struct sync_summary sum;
		struct told told;
		struct world w;

		world_start(&w, &habits);
		make_source(source_of(&w, direction));
		make_target(target_of(&w, direction));
		enum job_outcome outcome = sync_tree(&w, direction, &options, &sum, &told);
		if (outcome != JOB_DONE)
			print_error("case %zu: %s\n", i, told.last_notice);
		assert_int_equal(outcome, JOB_DONE);
		assert_same(&w, direction);
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_equal, 5);
		world_fini(&w);
	}
}

static void
test_many(void **state)
{
	enum { DIRS = 120, FILES = 12 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum job_direction direction = i == 0 ? JOB_GET : JOB_PUT;
		struct sync_options options = {.job = JOB};
		struct sync_summary sum;
		struct told told;
		struct world w;
		char name[64];

		world_start(&w, NULL);
		const struct scratch *s = source_of(&w, direction);
		scratch_mkdir(s, "t");
		for (int d = 0; d < DIRS; d++) {
			(void)snprintf(name, sizeof name, "t/d%d", d);
			scratch_mkdir(s, name);
			for (int f = 0; f < FILES; f++) {
				(void)snprintf(name, sizeof name, "t/d%d/f%d", d, f);
				file(s, name, 10, 0, TIME);
			}
		}
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_new, DIRS * FILES);
		assert_int_equal(sum.n_dirs, DIRS + 1);
		assert_int_equal(sync_tree(&w, direction, &options, &sum, &told), JOB_DONE);
		assert_int_equal(sum.n_equal, DIRS * FILES);
		world_fini(&w);
	}
}

/* Stopped before it has begun; the connection is good for the next. */
static void
test_interrupted(void **state)
{
	struct sync_options options = {.job = JOB};
	const struct sync_events events = {.decided = NULL};
	struct sync_summary sum;
	struct story story;
	struct told told;
	struct world w;
	int fds[2];

	(void)state;
	world_start(&w, NULL);
	make_source(&w.there);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(sync_run(&w.r, JOB_GET, world_there(&w, "t"), world_here(&w, "t"),
			     &options, &events, 0, fds[0], &sum, &story),
	    JOB_INTERRUPTED);
	assert_non_null(w.r);
	assert_int_equal(sync_tree(&w, JOB_GET, &options, &sum, &told), JOB_DONE);
	assert_same(&w, JOB_GET);
	(void)close(fds[0]);
	(void)close(fds[1]);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_difference),
	    cmocka_unit_test(test_from_nothing),
	    cmocka_unit_test(test_checksum),
	    cmocka_unit_test(test_filters),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_unlisted),
	    cmocka_unit_test(test_odd_names),
	    cmocka_unit_test(test_no_times),
	    cmocka_unit_test(test_lost_everywhere),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
