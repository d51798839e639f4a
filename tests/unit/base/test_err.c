#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bug.h"
#include "base/err.h"
#include "child.h"

static bool
is_stable_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if ((*c < 'a' || *c > 'z') && *c != '-')
			return false;
	}
	return name[0] != '\0';
}

static void
test_table_is_complete(void **state)
{
	(void)state;
	for (int e = ERR_OK; e < ERR_N; e++) {
		assert_non_null(err_name((enum err)e));
		assert_true(is_stable_name(err_name((enum err)e)));
		const char *text = err_text((enum err)e);
		assert_non_null(text);
		assert_true(strlen(text) > 0 && text[strlen(text) - 1] != '.');
		assert_int_equal(err_class((enum err)e) == ERR_CLASS_NONE, e == ERR_OK);
		for (int other = 0; other < e; other++)
			assert_string_not_equal(err_name((enum err)e), err_name((enum err)other));
	}
}

static const struct {
	int value;
	enum err err;
	enum err_class class;
} ERRNOS[] = {
    {0, ERR_OK, ERR_CLASS_NONE},
    {ENOSPC, ERR_NOSPACE, ERR_CLASS_RESOURCE},
    {EDQUOT, ERR_QUOTA, ERR_CLASS_RESOURCE},
    {EMFILE, ERR_NOFILES, ERR_CLASS_RESOURCE},
    {ENOMEM, ERR_NOMEM, ERR_CLASS_RESOURCE},
    {ENOENT, ERR_NOENT, ERR_CLASS_PERMANENT},
    {EPERM, ERR_ACCESS, ERR_CLASS_PERMANENT},
    {EACCES, ERR_ACCESS, ERR_CLASS_PERMANENT},
    {ELOOP, ERR_ESCAPE, ERR_CLASS_PERMANENT},
    {EWOULDBLOCK, ERR_AGAIN, ERR_CLASS_TRANSIENT},
    {ECONNRESET, ERR_CLOSED, ERR_CLASS_TRANSIENT},
    {ECONNREFUSED, ERR_UNREACHABLE, ERR_CLASS_TRANSIENT},
    {ETIMEDOUT, ERR_TIMEOUT, ERR_CLASS_TRANSIENT},
    {EIO, ERR_IO, ERR_CLASS_TRANSIENT},
    {99999, ERR_IO, ERR_CLASS_TRANSIENT},
    {-1, ERR_IO, ERR_CLASS_TRANSIENT},
};

static void
test_errno_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ERRNOS); i++) {
		assert_int_equal(err_from_errno(ERRNOS[i].value), ERRNOS[i].err);
		assert_int_equal(err_class(ERRNOS[i].err), ERRNOS[i].class);
		errno = ERRNOS[i].value;
		assert_int_equal(err_last(), ERRNOS[i].err == ERR_OK ? ERR_IO : ERRNOS[i].err);
	}
}

static void
test_story_is_cut_and_optional(void **state)
{
	char word[2 * STORY_MAX];
	struct story s;

	(void)state;
	memset(word, 'w', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	story_set(&s, "first %d", 1);
	assert_string_equal(s.text, "first 1");
	assert_int_equal(story_fail(&s, ERR_IO, "%s", word), ERR_IO);
	assert_int_equal(strlen(s.text), STORY_MAX - 1);
	assert_int_equal(story_fail(&s, ERR_NOENT, "second"), ERR_NOENT);
	assert_string_equal(s.text, "second");
	story_set(NULL, "nobody");
	assert_int_equal(story_fail(NULL, ERR_LIMIT, "nobody"), ERR_LIMIT);
}

static int
ask_past_the_table(void *ctx)
{
	(void)ctx;
	return err_name(ERR_N)[0];
}

static int
hit_bug(void *ctx)
{
	BUG_ON(*(bool *)ctx);
	return 7;
}

static void
test_bug_ends_the_process(void **state)
{
	bool yes = true, no = false;

	(void)state;
	assert_true(child_finds_bug(hit_bug, &yes));
	assert_int_equal(child_exit_code(hit_bug, &no), 7);
	assert_true(child_finds_bug(ask_past_the_table, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_is_complete),
	    cmocka_unit_test(test_errno_values),
	    cmocka_unit_test(test_story_is_cut_and_optional),
	    cmocka_unit_test(test_bug_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
