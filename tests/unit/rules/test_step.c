#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rules/name.h"
#include "rules/step.h"

static void
test_check(unused_arg void **state)
{
	static const struct {
		struct step step;
		enum err err;
		size_t at;
		const char *why;
	} CASES[] = {
	    {{"rename", "x-{name}"}, ERR_OK, 0, ""},
	    {{"rename", "x-{nam}"}, ERR_INVALID, 2, "did you mean {name}?"},
	    {{"rename", ""}, ERR_INVALID, 0, "it is empty"},
	    {{"renmae", "x"}, ERR_INVALID, 0, "unknown step \"renmae\" (did you mean \"rename\"?)"},
	    {{"shell", "x"}, ERR_INVALID, 0, "unknown step \"shell\""},
	    {{"\n", "x"}, ERR_INVALID, 0, "unknown step \"\\x0a\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {""};
		size_t at = 0;
		assert_int_equal(step_check(&CASES[i].step, &at, &story), CASES[i].err);
		if (CASES[i].err != ERR_OK)
			assert_int_equal(at, CASES[i].at);
		if (strstr(story.text, CASES[i].why) == NULL)
			fail_msg("%s", story.text);
	}
}

/* Each step sees the name that the one before it made; a failing one leaves it. */
static void
test_steps_follow_each_other(unused_arg void **state)
{
	static const struct template_input INPUT = {.name = "a.csv", .remote = "r", .route = "q"};
	static const struct step FIRST = {"rename", "{stem}-{route}.{ext}"};
	static const struct step SECOND = {"rename", "{name}.done"};
	static const struct step NO_NAME = {"rename", "{ext}"};
	char name[NAME_LEN_MAX + 1] = "a.csv";
	struct story story = {""};

	assert_int_equal(step_rename(&FIRST, &INPUT, name, &story), ERR_OK);
	assert_string_equal(name, "a-q.csv");
	assert_int_equal(step_rename(&SECOND, &INPUT, name, &story), ERR_OK);
	assert_string_equal(name, "a-q.csv.done");
	memcpy(name, "plain", sizeof "plain");
	assert_int_equal(step_rename(&NO_NAME, &INPUT, name, &story), ERR_INVALID);
	assert_string_equal(name, "plain");
	assert_non_null(strstr(story.text, "it is empty"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_steps_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
