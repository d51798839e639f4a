#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rules/glob.h"

static void
test_match(unused_arg void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} CASES[] = {
	    {"*", "a", true},
	    {"*", "", true},
	    {"*", ".a", false},
	    {".*", ".a", true},
	    {"?a", ".a", false},
	    {"[.]a", ".a", false},
	    {"[!x]a", ".a", false},
	    {"*.csv", "a.csv", true},
	    {"*.csv", "a.csv.tmp", false},
	    {"*.csv", ".csv", false},
	    {"*.csv", "a.CSV", false},
	    {"a*b*c", "a1b2c", true},
	    {"a*b*c", "abcb", false},
	    {"a?c", "abc", true},
	    {"a?c", "ac", false},
	    {"?", "\xff", true},
	    {"??", "ü", true},
	    {"[a-c]x", "bx", true},
	    {"[a-c]x", "dx", false},
	    {"[!a-c]x", "dx", true},
	    {"[!a-c]x", "ax", false},
	    {"[]]x", "]x", true},
	    {"[]-]x", "-x", true},
	    {"[[:digit:]][[:digit:]]", "42", true},
	    {"[[:digit:]]", "x", false},
	    {"\\*", "*", true},
	    {"\\*", "a", false},
	    {"a\\?b", "a?b", true},
	    {"\\[a]", "[a]", true},
	    {"a b", "a b", true},
	    {"x", "xx", false},
	    {"x", "", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		assert_int_equal(glob_check(CASES[i].pattern, NULL), ERR_OK);
		if (glob_match(CASES[i].pattern, CASES[i].name) != CASES[i].matches)
			fail_msg("\"%s\" and \"%s\"", CASES[i].pattern, CASES[i].name);
	}
}

static void
test_check(unused_arg void **state)
{
	static const struct {
		const char *pattern, *why;
	} BAD[] = {
	    {"", "it is empty"},
	    {"a/b", "slash"},
	    {"[/]", "slash"},
	    {"[", "\"[\""},
	    {"[a", "\"[\""},
	    {"[]", "\"[\""},
	    {"[!]", "\"[\""},
	    {"[!", "\"[\""},
	    {"[a\\]", "\"[\""},
	    {"[[:alpha:]", "\"[\""},
	    {"[[:alpha", "\"[\""},
	    {"x[a-z", "\"[\""},
	    {"\\", "backslash"},
	    {"a\\\\\\", "backslash"},
	    {"*********", "8 stars"},
	    {"a*b*c*d*e*f*g*h*i*", "8 stars"},
	    {"\\\\*\\\\*********", "8 stars"},
	};
	static const char *const GOOD[] = {"a*b*c*d*e*f*g*h*", "\\*\\*\\*\\*\\*\\*\\*\\*\\**",
	    "[*********]", "a\\\\", "[\\]]", "[[:alpha:][:digit:]]", "[^a]", "]"};

	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		struct story story = {""};
		assert_int_equal(glob_check(BAD[i].pattern, &story), ERR_INVALID);
		if (strstr(story.text, BAD[i].why) == NULL)
			fail_msg("%s: %s", BAD[i].pattern, story.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(GOOD); i++)
		assert_int_equal(glob_check(GOOD[i], NULL), ERR_OK);
}

static void
test_lengths(unused_arg void **state)
{
	char text[400];

	memset(text, 'a', sizeof text);
	text[255] = '\0';
	assert_int_equal(glob_check(text, NULL), ERR_OK);
	assert_true(glob_match(text, text));
	text[255] = 'a';
	text[256] = '\0';
	assert_int_equal(glob_check(text, NULL), ERR_INVALID);
	assert_false(glob_match(text, text));
	assert_false(glob_match("*", text));
}

/* The worst that a pattern may be, against names that almost match. */
static void
test_cost_is_bounded(unused_arg void **state)
{
	static const char *const PATTERNS[] = {
	    "*a*a*a*a*a*a*a*b",
	    "*?a*?a*?a*?a*?a*?a*?a*b",
	    "*[!b]*[!b]*[!b]*[!b]*[!b]*[!b]*[!b]*b",
	    "*aaaaaaaa*aaaaaaaa*aaaaaaaa*aaaaaaaa*aaaaaaaa*aaaaaaaa*aaaaaaaa*b",
	};
	char name[256];
	int64_t begin = time_mono_us();

	memset(name, 'a', 255);
	name[255] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(PATTERNS); i++) {
		assert_int_equal(glob_check(PATTERNS[i], NULL), ERR_OK);
		for (int n = 0; n < 100; n++)
			assert_false(glob_match(PATTERNS[i], name));
	}
	/* Backtracking over every star would take longer than the sun will shine. */
	assert_true(time_mono_us() - begin < 10 * US_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_cost_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
