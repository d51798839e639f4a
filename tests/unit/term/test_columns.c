/* How wide a text is, and cutting it: never through a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "term/columns.h"

static const struct {
	const char *text;
	size_t columns;
} WIDTHS[] = {
    {"", 0},
    {"a.csv", 5},
    {"Grüße", 5},
    {"Gru\u0308\u00dfe", 5}, /* a combining diaeresis */
    {"日本", 4},
    {"한글", 4},
    {"e\u200dx", 2},
    {"\U0001f600", 2},
    {"Ω≈ç", 3},
};

static const struct {
	const char *text;
	size_t columns, size;
	const char *cut;
} CUTS[] = {
    {"a.csv", 5, 64, "a.csv"},
    {"a.csv", 4, 64, "a.c…"},
    {"a.csv", 1, 64, "…"},
    {"a.csv", 0, 64, ""},
    {"", 0, 64, ""},
    {"Grüße", 4, 64, "Grü…"},
    {"日本語", 5, 64, "日本…"},
    {"日本語", 4, 64, "日…"},
    {"日本語", 2, 64, "…"},
    {"abcdefgh", 8, 8, "abcd…"}, /* the bytes are what is short */
    {"日本語", 6, 8, "日…"},
    {"abcdef", 6, 3, "ab"}, /* no room for the mark itself */
    {"日本語", 6, 3, ""},
    {"abc", 3, 1, ""},
};

static void
test_widths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WIDTHS); i++)
		assert_int_equal(columns_of(WIDTHS[i].text), WIDTHS[i].columns);
}

static void
test_cuts(void **state)
{
	char dst[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CUTS); i++) {
		memset(dst, 'x', sizeof dst);
		columns_cut(CUTS[i].text, CUTS[i].columns, dst, CUTS[i].size);
		assert_string_equal(dst, CUTS[i].cut);
		assert_true(strlen(dst) < CUTS[i].size);
		assert_true(columns_of(dst) <= CUTS[i].columns);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_widths),
	    cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
