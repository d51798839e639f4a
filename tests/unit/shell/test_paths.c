#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "client/glob.h"
#include "sftp/proto.h"
#include "shell/paths.h"
#include "shell/shell.h"

static void
test_join(unused_arg void **state)
{
	static const struct {
		const char *directory, *name, *path;
	} CASES[] = {
	    {"/", "a", "/a"},
	    {"/a", "b", "/a/b"},
	    {"/a/", "b", "/a/b"},
	    {"/a", "/b", "/b"},
	    {"/a", "", "/a/"},
	    {"", "b", "b"},
	    {"a", "../b", "a/../b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *path = path_join(CASES[i].directory, CASES[i].name);
		assert_string_equal(path, CASES[i].path);
		free(path);
	}
}

static void
test_name(unused_arg void **state)
{
	static const struct {
		const char *path, *name;
	} CASES[] = {
	    {"a", "a"},
	    {"/a", "a"},
	    {"/a/b", "b"},
	    {"/a/b//", "b"},
	    {"/", "."},
	    {"", "."},
	    {"/a/.", "."},
	    {"/a/..", ".."},
	    {"a/ b", " b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_true(slice_is(path_name(CASES[i].path), CASES[i].name));
}

static void
test_beneath(unused_arg void **state)
{
	static const struct {
		const char *path, *directory, *shown;
	} CASES[] = {
	    {"/a/b", "/a", "b"},
	    {"/a/b", "/a/", "b"},
	    {"/a/../b", "/a", "../b"},
	    {"/ab", "/a", "/ab"},
	    {"/a", "/a", "/a"},
	    {"/a/", "/a", "/a/"},
	    {"/b", "/", "b"},
	    {"/b", NULL, "/b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_string_equal(
		    path_beneath(CASES[i].path, CASES[i].directory), CASES[i].shown);
}

static void
test_as_pattern(unused_arg void **state)
{
	static const char *const PATHS[] = {"/a", "*", "[x]?\\", "", "\\\\"};

	for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
		char *pattern = path_as_pattern(PATHS[i]);
		assert_false(glob_has_magic(pattern));
		glob_unquote(pattern);
		assert_string_equal(pattern, PATHS[i]);
		free(pattern);
	}
}

static void
test_safe(unused_arg void **state)
{
	static const struct {
		const char *name, *shown;
	} CASES[] = {
	    {"", ""},
	    {"plain \xc3\xbc", "plain \xc3\xbc"},
	    {"b\\s", "b\\s"},
	    {"\\", "\\"},
	    {"\\\\x\\", "\\\\x\\"},
	    {"\x1b[1m\n", "\\x1b[1m\\x0a"},
	    {"\xff\\\x07", "\\xff\\\\x07"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *shown = shell_safe(CASES[i].name);
		assert_string_equal(shown, CASES[i].shown);
		free(shown);
	}
}

static void
test_local(unused_arg void **state)
{
	static const struct {
		const char *text, *path;
	} CASES[] = {
	    {"a", "a"},
	    {"~", "/home/me"},
	    {"~/", "/home/me/"},
	    {"~/x", "/home/me/x"},
	    {"~x", "~x"},
	    {"./~", "./~"},
	};

	setenv("HOME", "/home/me", 1);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *path = shell_local_path(CASES[i].text);
		assert_string_equal(path, CASES[i].path);
		free(path);
	}
	unsetenv("HOME");
	char *path = shell_local_path("~");
	assert_string_equal(path, "~");
	free(path);
}

/* The status in sftp's words, and what the server said only where it says more. */
static void
test_reason(unused_arg void **state)
{
	static const struct {
		struct ask_answer answer;
		const char *reason;
	} CASES[] = {
	    {{.status = SSH_FX_NO_SUCH_FILE, .error = ERR_NOENT}, "No such file or directory"},
	    {{.status = SSH_FX_NO_SUCH_FILE,
		 .story = {"stat: /x: no such file (the server says \"No such file\")"}},
		"No such file or directory"},
	    {{.status = SSH_FX_FAILURE, .story = {"x: failure (the server says \"disk full\")"}},
		"Failure (the server says \"disk full\")"},
	    {{.status = SSH_FX_FAILURE, .story = {"x: failure (the server says \"Failure\")"}},
		"Failure"},
	    {{.status = SSH_FX_FAILURE, .story = {"x: failure"}}, "Failure"},
	    {{.status = SSH_FX_OP_UNSUPPORTED, .unsupported = true}, "Operation unsupported"},
	    {{.unsupported = true, .error = ERR_UNSUPPORTED}, "Operation unsupported"},
	    {{.error = ERR_NOENT}, "No such file or directory"},
	    {{.error = ERR_CLOSED, .story = {"the line is lost"}}, "the line is lost"},
	    {{.error = ERR_NOMEM}, "out of memory"},
	    {{.status = 15}, "quota exceeded"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char reason[SHELL_REASON_MAX];
		assert_string_equal(shell_reason(&CASES[i].answer, reason), CASES[i].reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_join),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_beneath),
	    cmocka_unit_test(test_as_pattern),
	    cmocka_unit_test(test_safe),
	    cmocka_unit_test(test_local),
	    cmocka_unit_test(test_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
