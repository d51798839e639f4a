#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/erase.h"
#include "client/world.h"
#include "sftp/status.h"

struct told {
	size_t n, n_failed;
	char order[4096];
	char story[STORY_MAX];
};

static void
on_told(void *ctx, struct slice path, const struct ask_answer *answer)
{
	struct told *t = ctx;
	size_t len = strlen(t->order);

	t->n++;
	if (answer->error != ERR_OK) {
		t->n_failed++;
		memcpy(t->story, answer->story.text, sizeof t->story);
	}
	if (len + 2 < sizeof t->order && path.len > 0) {
		t->order[len] = (char)path.ptr[path.len - 1];
		t->order[len + 1] = '\0';
	}
}

static size_t
erase(struct world *w, const char *const *names, size_t n, bool recursive, struct told *told,
    enum err *ret_error)
{
	const struct erase_options options = {.recursive = recursive, .interrupt_fd = -1};
	const char **paths = calloc(n, sizeof *paths);

	assert_non_null(paths);
	for (size_t i = 0; i < n; i++)
		paths[i] = strdup(world_there(w, names[i]));
	*told = (struct told){0};
	size_t n_failed = erase_paths(w->r, paths, n, &options, on_told, told, ret_error);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)paths[i]);
	free(paths);
	return n_failed;
}

static void
test_in_order(void **state)
{
	static const char *const NAMES[] = {"a", "b", "none-c", "d", "dir-e", "f"};
	struct world w;
	struct told told;
	enum err e;

	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		const struct world_habits habits = {.seed = seed};
		world_start(&w, &habits);
		world_file(&w.there, "a", 1, 0);
		world_file(&w.there, "b", 1, 0);
		world_file(&w.there, "d", 1, 0);
		world_file(&w.there, "f", 1, 0);
		scratch_mkdir(&w.there, "dir-e");
		assert_int_equal(erase(&w, NAMES, ARRAY_LEN(NAMES), false, &told, &e), 2);
		assert_int_equal(e, ERR_OK);
		assert_string_equal(told.order, "abcdef");
		assert_int_equal(told.n_failed, 2);
		assert_int_equal(world_count(&w.there, ""), 1);
		world_fini(&w);
	}
}

/* width directories with width files each, depth levels of them. */
static void
make_tree(const struct scratch *s, const char *dir, unsigned width, unsigned depth)
{
	char path[256];

	scratch_mkdir(s, dir);
	for (unsigned i = 0; i < width; i++) {
		(void)snprintf(path, sizeof path, "%s/f%u", dir, i);
		world_file(s, path, 1, 0);
		(void)snprintf(path, sizeof path, "%s/d%u", dir, i);
		if (depth > 0)
			make_tree(s, path, width, depth - 1);
	}
}

static void
test_trees(void **state)
{
	static const char *const NAMES[] = {"x", "y", "file"};
	static const struct world_habits HABITS[] = {
	    {.seed = 0}, {.refused = {"limits"}}, {.refused = {"limits"}, .seed = 5}};
	struct told told;
	enum err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HABITS); i++) {
		struct world w;
		world_start(&w, &HABITS[i]);
		scratch_mkdir(&w.there, "kept");
		world_file(&w.there, "kept/f", 3, 0);
		make_tree(&w.there, "x", 6, 3);
		make_tree(&w.there, "y", 1, 12);
		world_file(&w.there, "file", 3, 0);
		/* Links are removed, not followed. */
		scratch_symlink(&w.there, "../kept", "x/link");
		scratch_symlink(&w.there, "nowhere", "x/d1/dangling");
		assert_int_equal(erase(&w, NAMES, ARRAY_LEN(NAMES), true, &told, &e), 0);
		assert_int_equal(e, ERR_OK);
		assert_int_equal(told.n, 3);
		assert_int_equal(world_count(&w.there, ""), 1);
		assert_true(world_is_file(&w.there, "kept/f", 3, 0));
		world_fini(&w);
	}
}

/* More names than are held in hand at once. */
static void
test_wide(void **state)
{
	static const char *const NAMES[] = {"wide"};
	struct world w;
	struct told told;
	enum err e;
	char path[64];

	(void)state;
	world_start(&w, NULL);
	scratch_mkdir(&w.there, "wide");
	for (unsigned i = 0; i < 2 * ERASE_NODES + 100; i++) {
		(void)snprintf(path, sizeof path, "wide/f%u", i);
		if (i % 2 == 0)
			world_file(&w.there, path, 0, 0);
		else
			scratch_mkdir(&w.there, path);
	}
	assert_int_equal(erase(&w, NAMES, 1, true, &told, &e), 0);
	assert_int_equal(world_count(&w.there, ""), 0);
	world_fini(&w);
}

static struct sftp_result (*true_remove)(void *fs, struct slice path);

static struct sftp_result
picky_remove(void *fs, struct slice path)
{
	if (path.len > 4 && memcmp(path.ptr + path.len - 4, "keep", 4) == 0)
		return sftp_result_of(ERR_ACCESS);
	return true_remove(fs, path);
}

static void
tweak_picky(struct sftp_fs_ops *ops)
{
	true_remove = ops->remove;
	ops->remove = picky_remove;
}

/* What can't be removed keeps its directories, and nothing else. */
static void
test_stubborn(void **state)
{
	static const char *const NAMES[] = {"x"};
	const struct world_habits habits = {.tweak = tweak_picky};
	struct world w;
	struct told told;
	enum err e;

	(void)state;
	world_start(&w, &habits);
	make_tree(&w.there, "x", 3, 2);
	world_file(&w.there, "x/d1/keep", 1, 0);
	assert_int_equal(erase(&w, NAMES, 1, true, &told, &e), 1);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(told.n_failed, 3);
	assert_int_equal(world_count(&w.there, "x"), 1);
	assert_int_equal(world_count(&w.there, "x/d1"), 1);
	world_fini(&w);
}

static void
test_lost(void **state)
{
	static const char *const NAMES[] = {"x", "y"};

	(void)state;
	for (size_t at = 3; at < 40; at++) {
		const struct world_habits habits = {.dies_at = at, .dies_times = 1};
		struct world w;
		struct told told;
		enum err e;

		world_start(&w, &habits);
		make_tree(&w.there, "x", 2, 1);
		world_file(&w.there, "y", 1, 0);
		size_t n_failed = erase(&w, NAMES, 2, true, &told, &e);
		if (e == ERR_OK)
			assert_int_equal(n_failed, 0);
		else
			assert_true(n_failed > 0);
		world_fini(&w);
	}
}

static void
test_interrupted(void **state)
{
	struct world w;
	struct told told = {0};
	enum err e;
	int fds[2];

	(void)state;
	world_start(&w, NULL);
	make_tree(&w.there, "x", 3, 2);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	const struct erase_options options = {.recursive = true, .interrupt_fd = fds[0]};
	const char *path = world_there(&w, "x");
	assert_int_equal(erase_paths(w.r, &path, 1, &options, on_told, &told, &e), 1);
	assert_int_equal(e, ERR_AGAIN);
	/* The connection is good for more. */
	static const char *const NAMES[] = {"x"};
	assert_int_equal(erase(&w, NAMES, 1, true, &told, &e), 0);
	assert_int_equal(world_count(&w.there, ""), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_order),
	    cmocka_unit_test(test_trees),
	    cmocka_unit_test(test_wide),
	    cmocka_unit_test(test_stubborn),
	    cmocka_unit_test(test_lost),
	    cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
