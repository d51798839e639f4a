#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "shell/commands.h"

/* What is understood: command, flags in the order of their last mention, paths, number. */
static void
test_good(unused_arg void **state)
{
	static const struct {
		const char *line;
		const char *command, *flags, *path, *second;
		uint32_t number;
	} CASES[] = {
	    {"bye", "bye", "", NULL, NULL, 0},
	    {"BYE\r", "bye", "", NULL, NULL, 0},
	    {"exit now", "exit", "", NULL, NULL, 0},
	    {"cd", "cd", "", NULL, NULL, 0},
	    {"cd a\\*b", "cd", "", "a*b", NULL, 0},
	    {"LcHdIr '/x y'", "lchdir", "", "/x y", NULL, 0},
	    {"ls", "ls", "", NULL, NULL, 0},
	    {"ls -l", "ls", "l", NULL, NULL, 0},
	    {"ls -1 -l f*", "ls", "1l", "f*", NULL, 0},
	    {"ls -l1lt f\\*", "ls", "1lt", "f\\*", NULL, 0},
	    {"ls -1afhlnrSt x", "ls", "1afhlnrSt", "x", NULL, 0},
	    {"ls -", "ls", "", "-", NULL, 0},
	    {"ls -- -l", "ls", "", "-l", NULL, 0},
	    {"ls f1 -l", "ls", "", "f1", NULL, 0},
	    {"dir x", "dir", "", "x", NULL, 0},
	    {"get a", "get", "", "a", NULL, 0},
	    {"get -aprR -f -P a* 'b c' d", "get", "aprRfP", "a*", "b c", 0},
	    {"reget -p a b", "reget", "ap", "a", "b", 0},
	    {"put -r 'a[1]' 'b[1]'", "put", "r", "a\\[1]", "b[1]", 0},
	    {"reput a", "reput", "a", "a", NULL, 0},
	    {"mget a", "mget", "", "a", NULL, 0},
	    {"mput a", "mput", "", "a", NULL, 0},
	    {"chmod 0644 f", "chmod", "", "f", NULL, 0644},
	    {"chmod -h 7777 f", "chmod", "h", "f", NULL, 07777},
	    {"chown 4294967295 f", "chown", "", "f", NULL, UINT32_MAX},
	    {"chgrp 010 f", "chgrp", "", "f", NULL, 10},
	    {"lumask 022", "lumask", "", NULL, NULL, 022},
	    {"rename -l a b", "rename", "l", "a", "b", 0},
	    {"mv a b", "mv", "", "a", "b", 0},
	    {"ln -s a b", "ln", "s", "a", "b", 0},
	    {"symlink a b", "symlink", "s", "a", "b", 0},
	    {"copy a b", "copy", "", "a", "b", 0},
	    {"cp a b", "cp", "", "a", "b", 0},
	    {"rm a? b", "rm", "", "a?", NULL, 0},
	    {"df -hi", "df", "hi", NULL, NULL, 0},
	    {"mkdir \"\"", "mkdir", "", "", NULL, 0},
	    {"?", "?", "", NULL, NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {.text = ""};
		struct call c;
		if (call_parse(slice_str(CASES[i].line), &c, &story) != ERR_OK)
			fail_msg("\"%s\": %s", CASES[i].line, story.text);
		assert_string_equal(c.command->name, CASES[i].command);
		assert_string_equal(c.flags, CASES[i].flags);
		assert_int_equal(c.number, CASES[i].number);
		assert_int_equal(c.paths[0] == NULL, CASES[i].path == NULL);
		assert_int_equal(c.paths[1] == NULL, CASES[i].second == NULL);
		if (c.paths[0] != NULL)
			assert_string_equal(c.paths[0], CASES[i].path);
		if (c.paths[1] != NULL)
			assert_string_equal(c.paths[1], CASES[i].second);
		assert_false(c.go_on || c.silent);
		call_fini(&c);
	}
}

/* In the words of OpenSSH's sftp. */
static void
test_bad(unused_arg void **state)
{
	static const struct {
		const char *line, *story;
	} CASES[] = {
	    {"foo", "Invalid command."},
	    {"l", "Invalid command."},
	    {"lss", "Invalid command."},
	    {"''", "Invalid command."},
	    {"get 'x", "Unterminated quoted argument"},
	    {"foo \"x", "Unterminated quoted argument"},
	    {"ls -z", "ls: Invalid flag -z"},
	    {"ls -l-1", "ls: Invalid flag --"},
	    {"ls -\xff", "ls: Invalid flag -\\xff"},
	    {"rm -f x", "rm: Invalid flag -f"},
	    {"symlink -s a b", "symlink: Invalid flag -s"},
	    {"reget -a x", "reget: Invalid flag -a"},
	    {"chown -1 f", "chown: Invalid flag -1"},
	    {"get", "You must specify at least one path after a get command."},
	    {"put -r", "You must specify at least one path after a put command."},
	    {"mkdir", "You must specify a path after a mkdir command."},
	    {"rm", "You must specify a path after a rm command."},
	    {"lmkdir", "You must specify a path after a lmkdir command."},
	    {"rename a", "You must specify two paths after a rename command."},
	    {"ln", "You must specify two paths after a ln command."},
	    {"cp a", "You must specify two paths after a cp command."},
	    {"chmod", "You must supply a numeric argument to the chmod command."},
	    {"chmod 999 f", "You must supply a numeric argument to the chmod command."},
	    {"chmod 644x f", "You must supply a numeric argument to the chmod command."},
	    {"chmod 10000 f", "You must supply a numeric argument to the chmod command."},
	    {"chmod '' f", "You must supply a numeric argument to the chmod command."},
	    {"chmod +x f", "You must supply a numeric argument to the chmod command."},
	    {"chmod 644", "You must specify a path after a chmod command."},
	    {"chown 4294967296 f", "You must supply a numeric argument to the chown command."},
	    {"chgrp staff f", "You must supply a numeric argument to the chgrp command."},
	    {"lumask 8", "You must supply a numeric argument to the lumask command."},
	    {"lumask 1000", "You must supply a numeric argument to the lumask command."},
	    {"lumask", "You must supply a numeric argument to the lumask command."},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story;
		struct call c;
		if (call_parse(slice_str(CASES[i].line), &c, &story) == ERR_OK)
			fail_msg("\"%s\" is understood", CASES[i].line);
		assert_string_equal(story.text, CASES[i].story);
		call_fini(&c);
	}
}

static void
test_prefixes(unused_arg void **state)
{
	static const struct {
		const char *line;
		bool go_on, silent, command;
	} CASES[] = {
	    {"ls", false, false, true},
	    {" -ls", true, false, true},
	    {"@ls", false, true, true},
	    {"-@ls", true, true, true},
	    {"@-ls", true, true, true},
	    {"- ls", true, false, true},
	    {"--@@ ls", true, true, true},
	    {"-# not a command", true, false, false},
	    {"@", false, true, false},
	    {"", false, false, false},
	    {" \t", false, false, false},
	    {"\r", false, false, false},
	    {"# comment \"", false, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct call c;
		assert_int_equal(call_parse(slice_str(CASES[i].line), &c, NULL), ERR_OK);
		assert_int_equal(c.go_on, CASES[i].go_on);
		assert_int_equal(c.silent, CASES[i].silent);
		assert_int_equal(c.command != NULL, CASES[i].command);
		call_fini(&c);
	}
	struct call c;
	assert_int_equal(call_parse(slice_str("-nonsense"), &c, NULL), ERR_INVALID);
	assert_true(c.go_on);
	call_fini(&c);
	assert_int_equal(call_parse(slice_str("- -ls"), &c, NULL), ERR_INVALID);
	call_fini(&c);
}

/* What is for another shell is not looked at. */
static void
test_raw(unused_arg void **state)
{
	static const struct {
		const char *line, *rest;
	} CASES[] = {
	    {"!", ""},
	    {"! echo \"a  b\" # c", "echo \"a  b\" # c"},
	    {"-@!x 'y", "x 'y"},
	    {"lls", ""},
	    {"LLS -l \"a b\" 'c", "-l \"a b\" 'c"},
	    {"lls $(x) #y", "$(x) #y"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct call c;
		assert_int_equal(call_parse(slice_str(CASES[i].line), &c, NULL), ERR_OK);
		assert_true(c.command->raw);
		assert_true(slice_is(c.rest, CASES[i].rest));
		call_fini(&c);
	}
}

static void
test_last_flag(unused_arg void **state)
{
	struct call c;

	assert_int_equal(call_parse(slice_str("ls -1l -tSf"), &c, NULL), ERR_OK);
	assert_int_equal(call_last_of(&c, "1ln"), 'l');
	assert_int_equal(call_last_of(&c, "ftS"), 'f');
	assert_int_equal(call_last_of(&c, "rh"), '\0');
	assert_true(call_has(&c, 't') && !call_has(&c, 'a'));
	call_fini(&c);
}

/* Every row can be found by its name, has something to run, and fits the bounds. */
static void
test_table(unused_arg void **state)
{
	for (size_t i = 0; i < N_SHELL_COMMANDS; i++) {
		const struct shell_command *row = &SHELL_COMMANDS[i];
		size_t n_flags = row->flags == NULL ? 0 : strlen(row->flags);
		assert_ptr_equal(shell_command_find(slice_str(row->name)), row);
		assert_non_null(row->run);
		assert_true(n_flags + 1 < CALL_FLAGS_MAX);
		assert_int_equal(row->usage == NULL, row->summary == NULL);
		assert_true(row->least == 0 || row->missing != NULL || row->number_max != 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_raw),
	    cmocka_unit_test(test_last_flag),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
