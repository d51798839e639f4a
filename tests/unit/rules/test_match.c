#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rules/match.h"

static const char *const CSV[] = {"*.csv", "*.txt"};
static const char *const TMP[] = {"tmp*", "*.part"};

enum { NOW = 1700000000 };

struct case_row {
	struct match match;
	struct match_file file;
	enum match_verdict verdict;
	const char *told;
};

#define NAMED   .include = CSV, .n_include = 2
#define EXCEPT  .exclude = TMP, .n_exclude = 2
#define SECONDS *US_PER_SEC

static const struct case_row CASES[] = {
    {{0}, {"x", 0, NOW}, MATCH_TAKE, "every name is taken"},
    {{0}, {".x", 0, NOW + 1000}, MATCH_TAKE, "every name is taken"},
    {{NAMED}, {"a.csv", 0, NOW}, MATCH_TAKE, "\"*.csv\""},
    {{NAMED}, {"a.txt", 0, NOW}, MATCH_TAKE, "\"*.txt\""},
    {{NAMED}, {"a.doc", 0, NOW}, MATCH_NOT_NAMED, "none of the 2 patterns"},
    {{NAMED, EXCEPT}, {"tmp.csv", 0, NOW}, MATCH_NOT_NAMED, "\"tmp*\" of \"exclude\""},
    {{NAMED, EXCEPT}, {"x.csv", 0, NOW}, MATCH_TAKE, "\"*.csv\""},
    {{EXCEPT}, {"x.part", 0, NOW}, MATCH_NOT_NAMED, "\"*.part\" of \"exclude\""},
    {{EXCEPT}, {"x", 0, NOW}, MATCH_TAKE, "every name is taken"},
    {{.min_size = 10}, {"x", 9, NOW}, MATCH_TOO_SMALL, "\"min_size\", 10 B"},
    {{.min_size = 10}, {"x", 10, NOW}, MATCH_TAKE, "every"},
    {{.max_size = 10}, {"x", 10, NOW}, MATCH_TAKE, "every"},
    {{.max_size = 10}, {"x", 11, NOW}, MATCH_TOO_LARGE, "\"max_size\", 10 B"},
    {{.max_size = 10}, {"x", UINT64_MAX, NOW}, MATCH_TOO_LARGE, "\"max_size\""},
    {{.min_age_us = 10 SECONDS}, {"x", 0, NOW - 10}, MATCH_TAKE, "every"},
    {{.min_age_us = 10 SECONDS}, {"x", 0, NOW - 9}, MATCH_TOO_YOUNG, "9s ago, \"min_age\" is 10s"},
    {{.min_age_us = 10 SECONDS}, {"x", 0, NOW + 1}, MATCH_TOO_YOUNG, "in our future"},
    {{.min_age_us = 10 SECONDS}, {"x", 0, INT64_MAX}, MATCH_TOO_YOUNG, "in our future"},
    {{.min_age_us = 10 SECONDS}, {"x", 0, INT64_MIN}, MATCH_TAKE, "every"},
    {{.min_age_us = INT64_MAX}, {"x", 0, INT64_MIN}, MATCH_TAKE, "every"},
    {{0}, {"x", 0, INT64_MAX}, MATCH_TAKE, "every"},
    /* The name is asked before the age, and the age before the size. */
    {{NAMED, .min_age_us = 10 SECONDS}, {"x", 0, NOW}, MATCH_NOT_NAMED, "none of"},
    {{.min_age_us = 10 SECONDS, .min_size = 5}, {"x", 0, NOW}, MATCH_TOO_YOUNG, "0ms ago"},
};

static void
test_cases(unused_arg void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct case_row *c = &CASES[i];
		struct story story = {""};
		assert_int_equal(
		    match_evaluate(&c->match, &c->file, NOW * US_PER_SEC, &story), c->verdict);
		if (strstr(story.text, c->told) == NULL)
			fail_msg("case %zu: %s", i, story.text);
		assert_int_equal(
		    match_evaluate(&c->match, &c->file, NOW * US_PER_SEC, NULL), c->verdict);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
