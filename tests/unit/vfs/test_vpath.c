#include "vfs/vpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
test_canonical(void **state unused_arg)
{
	static const struct {
		const char *raw, *want;
	} CASES[] = {
	    {"", "/"},
	    {".", "/"},
	    {"/", "/"},
	    {"//", "/"},
	    {"..", "/"},
	    {"../../..", "/"},
	    {"/..", "/"},
	    {"a", "/a"},
	    {"/a/", "/a"},
	    {"a//b", "/a/b"},
	    {"./a/./b/.", "/a/b"},
	    {"a/../b", "/b"},
	    {"a/b/../..", "/"},
	    {"a/../../../b", "/b"},
	    {"/../../etc/passwd", "/etc/passwd"},
	    {"...", "/..."},
	    {"..a/.b", "/..a/.b"},
	    {"a/..b", "/a/..b"},
	    {" ", "/ "},
	    {"a\\..\\b", "/a\\..\\b"},
	    {"\xff\xfe/\n", "/\xff\xfe/\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct vpath p;

		assert_int_equal(vpath_from_client(&p, slice_str(CASES[i].raw)), ERR_OK);
		assert_string_equal(p.text, CASES[i].want);
		assert_int_equal(p.len, strlen(p.text));
	}
}

static void
test_limits(void **state unused_arg)
{
	char raw[2 * VPATH_SIZE];
	struct vpath p;

	memset(raw, 'x', sizeof raw);
	assert_int_equal(vpath_from_client(&p, slice_of(raw, 255)), ERR_OK);
	assert_int_equal(vpath_from_client(&p, slice_of(raw, 256)), ERR_NAMETOOLONG);
	for (size_t i = 0; i < sizeof raw; i += 2)
		raw[i] = '/';
	assert_int_equal(vpath_from_client(&p, slice_of(raw, VPATH_SIZE - 2)), ERR_OK);
	assert_int_equal(p.len, VPATH_SIZE - 2);
	assert_int_equal(vpath_from_client(&p, slice_of(raw, VPATH_SIZE)), ERR_NAMETOOLONG);
	assert_int_equal(vpath_from_client(&p, slice_of("a\0b", 3)), ERR_INVALID);
	assert_int_equal(vpath_from_client(&p, slice_of("\0", 1)), ERR_INVALID);
}

static void
assert_is_canonical(const struct vpath *p)
{
	assert_int_equal(p->text[0], '/');
	assert_int_equal(strlen(p->text), p->len);
	assert_null(strstr(p->text, "//"));
	assert_true(p->len == 1 || p->text[p->len - 1] != '/');

	struct slice part, rest = slice_of(p->text + 1, p->len - 1);
	while (rest.len > 0) {
		rest = slice_cut(rest, '/', &part);
		assert_false(slice_is(part, "") || slice_is(part, ".") || slice_is(part, ".."));
	}
}

/* Whatever goes in, what comes out is canonical, and its own canonical form. */
static void
test_random_paths(void **state unused_arg)
{
	static const char ALPHABET[] = "../../a.b/";
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		char raw[40];
		struct vpath once, twice;
		size_t len = (size_t)rand_r(&seed) % sizeof raw;

		for (size_t i = 0; i < len; i++)
			raw[i] = ALPHABET[(size_t)rand_r(&seed) % (sizeof ALPHABET - 1)];
		assert_int_equal(vpath_from_client(&once, slice_of(raw, len)), ERR_OK);
		assert_is_canonical(&once);
		assert_int_equal(vpath_from_client(&twice, slice_str(once.text)), ERR_OK);
		assert_string_equal(once.text, twice.text);
	}
}

static void
test_after(void **state unused_arg)
{
	static const struct {
		const char *path, *dir, *want;
	} CASES[] = {
	    {"/", "/", ""},
	    {"/a", "/", "a"},
	    {"/a/b", "/a", "b"},
	    {"/a", "/a", ""},
	    {"/ab", "/a", NULL},
	    {"/", "/a", NULL},
	    {"/b/a", "/a", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const char *got = vpath_after(CASES[i].path, CASES[i].dir);
		if (CASES[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, CASES[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_random_paths),
	    cmocka_unit_test(test_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
