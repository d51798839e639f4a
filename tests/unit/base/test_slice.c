#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static void
test_equality(void **state)
{
	(void)state;
	assert_true(slice_equal(slice_of(NULL, 0), slice_str("")));
	assert_true(slice_is(slice_str(NULL), ""));
	assert_true(slice_is(slice_str("abc"), "abc"));
	assert_false(slice_is(slice_str("abc"), "ab"));
	assert_false(slice_is(slice_str("ab"), "abc"));
	assert_false(slice_is(slice_of("a\0b", 3), "a"));
	assert_true(slice_equal(slice_of("a\0b", 3), slice_of("a\0b", 3)));
}

static void
test_starts_with_and_has(void **state)
{
	(void)state;
	assert_true(slice_starts_with(slice_str("abc"), slice_str("")));
	assert_true(slice_starts_with(slice_str("abc"), slice_str("abc")));
	assert_false(slice_starts_with(slice_str("abc"), slice_str("abcd")));
	assert_false(slice_starts_with(slice_str("abc"), slice_str("b")));
	assert_true(slice_starts_with(slice_of(NULL, 0), slice_of(NULL, 0)));
	assert_false(slice_has(slice_of(NULL, 0), 'a'));
	assert_true(slice_has(slice_of("a\0b", 3), 0));
	assert_false(slice_has(slice_of("abc", 2), 'c'));
	assert_true(slice_has(slice_of("\xff", 1), 0xff));
}

static const struct {
	const char *text, *head, *rest;
} CUTS[] = {
    {"a:b", "a", "b"},
    {"a:b:c", "a", "b:c"},
    {":", "", ""},
    {":b", "", "b"},
    {"a:", "a", ""},
    {"abc", "abc", NULL},
    {"", "", NULL},
};

static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CUTS); i++) {
		struct slice head, rest = slice_cut(slice_str(CUTS[i].text), ':', &head);
		assert_true(slice_is(head, CUTS[i].head));
		assert_true(slice_is(rest, CUTS[i].rest == NULL ? "" : CUTS[i].rest));
		/* A separator at the very end is not the same as no separator. */
		assert_true((rest.ptr == NULL) == (CUTS[i].rest == NULL));
	}
}

static void
test_trim(void **state)
{
	static const char *const CASES[][2] = {
	    {"  a b\t ", "a b"}, {" \t ", ""}, {"", ""}, {"x", "x"}, {"\na\n", "\na\n"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_true(slice_is(slice_trim(slice_str(CASES[i][0])), CASES[i][1]));
	assert_int_equal(slice_trim(slice_of(NULL, 0)).len, 0);
}

static void
test_take_word(void **state)
{
	struct slice s = slice_str(" one\ttwo  a\nb \t");

	(void)state;
	assert_true(slice_is(slice_take_word(&s), "one"));
	assert_true(slice_is(slice_take_word(&s), "two"));
	assert_true(slice_is(s, "a\nb"));
	assert_true(slice_is(slice_take_word(&s), "a\nb"));
	assert_int_equal(slice_take_word(&s).len, 0);
	s = slice_of(NULL, 0);
	assert_int_equal(slice_take_word(&s).len, 0);
}

static void
test_copy_refuses_what_does_not_fit(void **state)
{
	char dst[4];

	(void)state;
	assert_true(slice_copy(slice_str("abc"), dst, sizeof dst));
	assert_string_equal(dst, "abc");
	assert_false(slice_copy(slice_str("abcd"), dst, sizeof dst));
	assert_string_equal(dst, "");
	assert_false(slice_copy(slice_of("a\0b", 3), dst, sizeof dst));
	assert_string_equal(dst, "");
	assert_true(slice_copy(slice_of(NULL, 0), dst, 1));
	assert_string_equal(dst, "");
	dst[0] = 'k';
	assert_false(slice_copy(slice_str(""), dst, 0));
	assert_int_equal(dst[0], 'k');
}

static void
test_dup(void **state)
{
	char *copy = slice_dup(slice_of("abcdef", 3));
	char *empty = slice_dup(slice_of(NULL, 0));

	(void)state;
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
	free(copy);
	free(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equality),
	    cmocka_unit_test(test_starts_with_and_has),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_take_word),
	    cmocka_unit_test(test_copy_refuses_what_does_not_fit),
	    cmocka_unit_test(test_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
