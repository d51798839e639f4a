#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rules/name.h"
#include "rules/template.h"

/* 2023-11-14 22:13:20 UTC */
static const struct template_input INPUT = {.name = "Report 1.tar.gz",
    .remote = "acme",
    .route = "acme-in",
    .at_us = INT64_C(1700000000) * US_PER_SEC};

static void
test_evaluate(unused_arg void **state)
{
	static const struct {
		const char *text, *result;
	} CASES[] = {
	    {"{name}", "Report 1.tar.gz"},
	    {"{stem}.{ext}", "Report 1.tar.gz"},
	    {"{stem}", "Report 1.tar"},
	    {"{ext}", "gz"},
	    {"{remote}_{route}", "acme_acme-in"},
	    {"{date:%Y%m%d}-{name}", "20231114-Report 1.tar.gz"},
	    {"{date:%H%M%S}", "221320"},
	    {"{date:%s}", "1700000000"},
	    {"{date:100%%}", "100%"},
	    {"{date:x:y}", "x:y"},
	    {"{{{name}}}", "{Report 1.tar.gz}"},
	    {"}}{{", "}{"},
	    {"latest.csv", "latest.csv"},
	    {"ü{ext}", "ügz"},
	};
	char dst[NAME_LEN_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		size_t at;
		assert_int_equal(template_check(CASES[i].text, &at, NULL), ERR_OK);
		assert_int_equal(
		    template_evaluate(CASES[i].text, &INPUT, dst, sizeof dst, NULL), ERR_OK);
		assert_string_equal(dst, CASES[i].result);
	}
}

static void
test_check(unused_arg void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *why;
	} BAD[] = {
	    {"", 0, "it is empty"},
	    {".", 0, "stands for a directory"},
	    {"..", 0, "stands for a directory"},
	    {"a/{name}", 0, "slash"},
	    {"{name}/x", 6, "slash"},
	    {"{name}\n", 6, "control character"},
	    {"x{", 1, "without \"}\""},
	    {"x{name", 1, "without \"}\""},
	    {"x{{{", 3, "without \"}\""},
	    {"x}", 1, "without \"{\""},
	    {"{name}}", 6, "without \"{\""},
	    {"{}", 0, "unknown part {}"},
	    {"{nmae}", 0, "did you mean {name}?"},
	    {"{rout}", 0, "did you mean {route}?"},
	    {"{Name}", 0, "did you mean {name}?"},
	    {"{ name }", 0, "unknown part"},
	    {"{something-else}", 0, "there are {name}, {stem}"},
	    {"{\x1b[1m}", 0, "unknown part {\\x1b[1m}"},
	    {"{name:x}", 0, "takes no format"},
	    {"{ext:}", 0, "takes no format"},
	    {"a{date}", 1, "needs a format"},
	    {"a{date:}", 1, "needs a format"},
	    {"{date:%Y/%m}", 0, "slash"},
	    {"{date:%D}", 0, "\"%D\" can't stand"},
	    {"{date:%n}", 0, "\"%n\" can't stand"},
	    {"{date:%-d}", 0, "\"%-\" can't stand"},
	    {"{date:%1000Y}", 0, "\"%1\" can't stand"},
	    {"{date:%", 0, "without \"}\""},
	    {"{date:%}", 0, "ends in \"%\""},
	    {"{date:%\xff}", 0, "\"%\\xff\" can't stand"},
	    {"{date:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", 0,
		"more than 64 bytes"},
	};

	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		struct story story = {""};
		size_t at = 999;
		assert_int_equal(template_check(BAD[i].text, &at, &story), ERR_INVALID);
		assert_int_equal(at, BAD[i].at);
		if (strstr(story.text, BAD[i].why) == NULL)
			fail_msg("%s: %s", BAD[i].text, story.text);
		assert_null(strchr(story.text, '\x1b'));
	}
}

/* What a good template makes of a name can still be none. */
static void
test_results_are_names(unused_arg void **state)
{
	struct template_input input = INPUT;
	char dst[NAME_LEN_MAX + 1], small[4], name[256];
	size_t at;

	input.name = "plain";
	assert_int_equal(template_evaluate("{ext}", &input, dst, sizeof dst, NULL), ERR_INVALID);
	assert_string_equal(dst, "");
	input.name = "..";
	assert_int_equal(template_evaluate("{name}", &input, dst, sizeof dst, NULL), ERR_INVALID);
	input.name = "a/b";
	assert_int_equal(template_evaluate("{name}", &input, dst, sizeof dst, NULL), ERR_INVALID);
	memset(name, 'n', 255);
	name[255] = '\0';
	input.name = name;
	assert_int_equal(template_evaluate("{name}", &input, dst, sizeof dst, NULL), ERR_OK);
	assert_string_equal(dst, name);
	assert_int_equal(
	    template_evaluate("{name}x", &input, dst, sizeof dst, NULL), ERR_NAMETOOLONG);
	input.name = "abcd";
	assert_int_equal(
	    template_evaluate("{name}", &input, small, sizeof small, NULL), ERR_NAMETOOLONG);
	assert_string_equal(small, "");
	input.name = "abc";
	assert_int_equal(template_evaluate("{name}", &input, small, sizeof small, NULL), ERR_OK);
	assert_string_equal(small, "abc");
	assert_int_equal(template_evaluate("a{nme}", &input, dst, sizeof dst, NULL), ERR_INVALID);
	assert_string_equal(dst, "");
	assert_int_equal(template_evaluate("a{date:%D}", &input, dst, sizeof dst, NULL), ERR_OK);
	assert_string_equal(dst, "a");
	assert_int_equal(template_check("{remote}{route}", &at, NULL), ERR_OK);
}

static void
test_long_templates(unused_arg void **state)
{
	char text[TEMPLATE_LEN_MAX + 2];
	size_t at;

	for (size_t i = 0; i < TEMPLATE_LEN_MAX; i += 2)
		memcpy(text + i, "{{", 3);
	assert_int_equal(template_check(text, &at, NULL), ERR_INVALID);
	text[2 * 255] = '\0';
	assert_int_equal(template_check(text, &at, NULL), ERR_OK);
	memset(text, 'a', sizeof text);
	text[TEMPLATE_LEN_MAX + 1] = '\0';
	assert_int_equal(template_check(text, &at, NULL), ERR_INVALID);
}

/* Moments before 1970, and those that no calendar has. */
static void
test_moments(unused_arg void **state)
{
	static const struct {
		int64_t at_us;
		const char *result;
	} CASES[] = {
	    {0, "19700101000000"},
	    {-1, "19691231235959"},
	    {-US_PER_SEC, "19691231235959"},
	    {-US_PER_SEC - 1, "19691231235958"},
	    {999999, "19700101000000"},
	};
	struct template_input input = INPUT;
	char dst[NAME_LEN_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		input.at_us = CASES[i].at_us;
		assert_int_equal(
		    template_evaluate("{date:%Y%m%d%H%M%S}", &input, dst, sizeof dst, NULL),
		    ERR_OK);
		assert_string_equal(dst, CASES[i].result);
	}
	input.at_us = INT64_MAX;
	assert_int_equal(template_evaluate("{date:%Y}", &input, dst, sizeof dst, NULL), ERR_OK);
	input.at_us = INT64_MIN;
	assert_int_equal(template_evaluate("{date:%Y}", &input, dst, sizeof dst, NULL), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_evaluate),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_results_are_names),
	    cmocka_unit_test(test_long_templates),
	    cmocka_unit_test(test_moments),
	};

	if (setenv("TZ", "UTC", 1) != 0)
		return 1;
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
