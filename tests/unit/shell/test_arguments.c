#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "shell/arguments.h"

enum { ARGS_MAX = 80 };

/* The words of a line, with blanks between. */
static enum err
parse(const char *line, struct arguments *a, struct story *story)
{
	static char text[4096];
	static char *argv[ARGS_MAX + 1];
	struct slice rest, word;
	int argc = 0;

	snprintf(text, sizeof text, "sftp %s", line);
	for (rest = slice_str(text); rest.len > 0;) {
		rest = slice_cut(rest, ' ', &word);
		assert_true(argc < ARGS_MAX);
		argv[argc] = text + (word.ptr - (const uint8_t *)text);
		argv[argc++][word.len] = '\0';
	}
	return arguments_parse(argc, argv, a, story);
}

static void
test_everything(unused_arg void **state)
{
	struct arguments a;
	struct story story = {.text = ""};

	assert_int_equal(
	    parse("-46AaCfpqrvv -B 1000 -c aes128-ctr -F cfg -i k1 -ik2 -J j1,j2 -l 80 "
		  "-o A=b -oC=d -P 2222 -R7 -S /bin/ssh -s /srv me@h:p out",
		&a, &story),
	    ERR_OK);
	assert_int_equal(a.login.family, AF_INET6);
	assert_true(a.forward_agent && a.compress && a.resume && a.fsync && a.preserve);
	assert_true(a.quiet && a.recursive);
	assert_int_equal(a.verbose, 2);
	assert_int_equal(a.login.verbose, 2);
	assert_int_equal(a.request_len, 1000);
	assert_int_equal(a.requests, 7);
	assert_int_equal(a.bytes_per_second, 80 * 1024 / 8);
	assert_string_equal(a.login.ciphers, "aes128-ctr");
	assert_string_equal(a.login.config_file, "cfg");
	assert_int_equal(a.login.n_identities, 2);
	assert_string_equal(a.login.identities[1], "k2");
	assert_string_equal(a.login.jump, "j1,j2");
	assert_int_equal(a.login.n_options, 2);
	assert_string_equal(a.login.options[1], "C=d");
	assert_int_equal(a.login.port, 2222);
	assert_string_equal(a.program, "/bin/ssh");
	assert_string_equal(a.login.subsystem, "/srv");
	assert_string_equal(a.login.host, "h");
	assert_string_equal(a.login.user, "me");
	assert_string_equal(a.destination.path, "p");
	assert_string_equal(a.local_path, "out");
	arguments_fini(&a);
}

static void
test_batch(unused_arg void **state)
{
	struct arguments a;

	assert_int_equal(parse("-b - h", &a, NULL), ERR_OK);
	assert_string_equal(a.batch_file, "-");
	assert_true(a.quiet);
	assert_string_equal(a.login.options[0], "BatchMode=yes");
	arguments_fini(&a);
	/* What stands first counts, so that this one asks all the same. */
	assert_int_equal(parse("-oBatchMode=no -b x -N h", &a, NULL), ERR_OK);
	assert_false(a.quiet);
	assert_string_equal(a.login.options[0], "BatchMode=no");
	assert_string_equal(a.login.options[1], "BatchMode=yes");
	arguments_fini(&a);
}

static void
test_details(unused_arg void **state)
{
	struct arguments a;

	assert_int_equal(parse("-P 22 sftp://h:2200/x", &a, NULL), ERR_OK);
	assert_int_equal(a.login.port, 2200);
	arguments_fini(&a);
	assert_int_equal(parse("-X nrequests=9 -X BUFFER=77 -- h", &a, NULL), ERR_OK);
	assert_int_equal(a.requests, 9);
	assert_int_equal(a.request_len, 77);
	arguments_fini(&a);
	assert_int_equal(parse("-B 2147483647 -R 2147483647 h", &a, NULL), ERR_OK);
	assert_int_equal(a.request_len, ARGUMENTS_REQUEST_MAX);
	assert_int_equal(a.requests, ARGUMENTS_REQUESTS_MAX);
	arguments_fini(&a);
	assert_int_equal(parse("-D server", &a, NULL), ERR_OK);
	assert_string_equal(a.server_command, "server");
	arguments_fini(&a);
	assert_int_equal(parse("-D server whatever it is", &a, NULL), ERR_OK);
	arguments_fini(&a);
}

static void
test_bad(unused_arg void **state)
{
	static const struct {
		const char *line, *story;
	} CASES[] = {
	    {"", "a destination is missing"},
	    {"-r", "a destination is missing"},
	    {"h a b", "more than a destination and a local path"},
	    {"-Z h", "unknown option -- Z"},
	    {"-r- h", "unknown option -- -"},
	    {"--help", "unknown option -- -"},
	    {"h -P 22", "more than"}, /* options end at the first operand */
	    {"-P", "option requires an argument -- P"},
	    {"-P x h", "Invalid port \"x\""},
	    {"-P 0 h", "Invalid port \"0\""},
	    {"-P 65536 h", "Invalid port \"65536\""},
	    {"-B x h", "Invalid buffer size \"x\""},
	    {"-B 0 h", "Invalid buffer size \"0\""},
	    {"-B -1 h", "Invalid buffer size \"-1\""},
	    {"-R 1x h", "Invalid number of requests \"1x\""},
	    {"-l 0 h", "Invalid bandwidth limit \"0\""},
	    {"-l 104857601 h", "Invalid bandwidth limit"},
	    {"-X foo=1 h", "Invalid -X option"},
	    {"-X nrequests= h", "Invalid number of requests \"\""},
	    {"-b x -b y h", "Batch file already specified."},
	    {"me@", "Missing hostname"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {.text = ""};
		struct arguments a;
		const char *line = CASES[i].line;
		bool is_value = strstr(CASES[i].story, "nvalid") != NULL ||
				strstr(CASES[i].story, "already") != NULL;
		assert_int_equal(parse(line, &a, &story), is_value ? ERR_FORMAT : ERR_INVALID);
		if (strstr(story.text, CASES[i].story) == NULL)
			fail_msg("\"%s\": %s", line, story.text);
		arguments_fini(&a);
	}
}

static void
test_too_many(unused_arg void **state)
{
	char line[1024] = "";
	struct arguments a;

	for (int i = 0; i < LOGIN_OPTIONS_MAX + 1; i++)
		snprintf(line + 4 * i, sizeof line - 4 * (size_t)i, "-ox ");
	snprintf(line + 4 * (LOGIN_OPTIONS_MAX + 1), 2, "h");
	assert_int_equal(parse(line, &a, NULL), ERR_INVALID);
	arguments_fini(&a);
	for (int i = 0; i < LOGIN_IDENTITIES_MAX + 1; i++)
		snprintf(line + 4 * i, sizeof line - 4 * (size_t)i, "-ix ");
	snprintf(line + 4 * (LOGIN_IDENTITIES_MAX + 1), 2, "h");
	assert_int_equal(parse(line, &a, NULL), ERR_INVALID);
	arguments_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_batch),
	    cmocka_unit_test(test_details),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
