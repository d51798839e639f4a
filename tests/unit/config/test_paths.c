#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/paths.h"

static void
test_resolve(unused_arg void **state)
{
	static const struct {
		const char *base, *path, *result;
	} CASES[] = {
	    {"/h", "a", "/h/a"},
	    {"/h/", "a/", "/h/a"},
	    {"/h", "/a", "/a"},
	    {"/h", ".", "/h"},
	    {"/h", "./a/./b", "/h/a/b"},
	    {"/h", "a//b", "/h/a/b"},
	    {"/h", "..", "/"},
	    {"/h", "../../..", "/"},
	    {"/h", "../../a", "/a"},
	    {"/h/i", "../a", "/h/a"},
	    {"/h", "a/../b", "/h/b"},
	    {"/h", "a/..", "/h"},
	    {"/h", "...", "/h/..."},
	    {"/h", "..a/.b", "/h/..a/.b"},
	    {"/", "a", "/a"},
	    {"/", "/", "/"},
	    {"/h/../i", "a", "/i/a"},
	    {"/h", "", "/h"},
	};
	struct arena arena = {NULL};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *path = path_resolve(&arena, CASES[i].base, CASES[i].path);
		assert_non_null(path);
		assert_string_equal(path, CASES[i].result);
	}
	arena_fini(&arena);
}

static void
test_within(unused_arg void **state)
{
	assert_true(path_within("/a", "/a"));
	assert_true(path_within("/a/b", "/a"));
	assert_true(path_within("/a", "/"));
	assert_true(path_within("/", "/"));
	assert_false(path_within("/a.b", "/a"));
	assert_false(path_within("/ab", "/a"));
	assert_false(path_within("/a", "/a/b"));
	assert_false(path_within("/", "/a"));
}

/* The order in which everything within a directory follows it without a gap. */
static void
test_order(unused_arg void **state)
{
	static const char *const SORTED[] = {
	    "/", "/a", "/a/", "/a/b", "/a/b/c", "/a/c", "/a-b", "/a.b", "/ab", "/b", "/\xff"};

	for (size_t i = 0; i < ARRAY_LEN(SORTED); i++) {
		for (size_t j = 0; j < ARRAY_LEN(SORTED); j++)
			assert_int_equal(path_compare(SORTED[i], SORTED[j]), i < j   ? -1
									     : i > j ? 1
										     : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resolve),
	    cmocka_unit_test(test_within),
	    cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
