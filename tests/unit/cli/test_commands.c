/* From a command line to the command: what is found, what is refused and with which words. */
#include "harness.h"

#include "cli/commands.h"

struct refused_case {
	const char *args[6];
	enum cli_exit code;
	const char *complaint; /* first line */
};

static const struct refused_case REFUSED[] = {
    {{"statsu"}, CLI_USAGE, "dray: unknown command \"statsu\" (did you mean \"status\"?)\n"},
    {{"transfer"}, CLI_USAGE, "dray: unknown command \"transfer\" (did you mean \"transfers\"?)\n"},
    {{"hots", "scan"}, CLI_USAGE, "dray: unknown command \"hots\" (did you mean \"host\"?)\n"},
    {{"frobnicate"}, CLI_USAGE, "dray: unknown command \"frobnicate\" (dray help lists them)\n"},
    {{""}, CLI_USAGE, "dray: unknown command \"\" (dray help lists them)\n"},
    {{"\033]0;x\a"}, CLI_USAGE,
	"dray: unknown command \"\\x1b]0;x\\x07\" (dray help lists them)\n"},
    {{"key"}, CLI_USAGE, "dray: key needs a second word: new, show, list, password\n"},
    {{"host"}, CLI_USAGE, "dray: host needs a second word: scan, trust, list\n"},
    {{"key", "nwe", "x"}, CLI_USAGE,
	"dray: unknown command \"key nwe\" (did you mean \"key new\"?)\n"},
    {{"key", "destroy"}, CLI_USAGE,
	"dray: unknown command \"key destroy\" (key knows: new, show, list, password)\n"},
    {{"check", "x"}, CLI_USAGE, "dray: check takes no arguments\n"},
    {{"trace"}, CLI_USAGE, "dray: trace needs: ID|PATH\n"},
    {{"trace", "1", "2"}, CLI_USAGE, "dray: trace needs only: ID|PATH\n"},
    {{"status", "a", "b"}, CLI_USAGE, "dray: status needs only: [ROUTE]\n"},
    {{"host", "trust", "acme"}, CLI_USAGE, "dray: host trust needs: REMOTE FINGERPRINT\n"},
    {{"retry"}, CLI_USAGE, "dray: retry needs: ID\n"},
    {{"bans", "1"}, CLI_USAGE, "dray: bans takes no arguments\n"},
    {{"bans", "--lift", ""}, CLI_USAGE, "dray: --lift needs a value: ADDRESS\n"},
    {{"transfers", "--state", "raedy"}, CLI_USAGE,
	"dray: there is no state \"raedy\" (did you mean \"ready\"?); the states are seen, ready, "
	"fetching, staged, processed, published, settled, delivered, skipped, held, failed, "
	"gone\n"},
    {{"transfers", "--state", "\a"}, CLI_USAGE,
	"dray: there is no state \"\\x07\"; the states are seen, "},
    {{"status", "--wait"}, CLI_USAGE, "dray: status takes no --wait\n"},
    {{"run", "r", "--limit", "3"}, CLI_USAGE, "dray: run takes no --limit\n"},
    {{"--jsno", "status"}, CLI_USAGE, "dray: unknown option --jsno (did you mean --json?)\n"},
    {{"help", "statsu"}, CLI_USAGE,
	"dray: unknown command \"statsu\" (did you mean \"status\"?)\n"},
    {{"-c", "/no/such/file", "status"}, CLI_CONFIG, ""},
    {{"-c", "/no/such/file", "check"}, CLI_CONFIG, ""},
    {{"-c", "/no/such/file", "key", "list"}, CLI_CONFIG, ""},
    {{"-c", "/no/such/file", "host", "list", "acme"}, CLI_CONFIG, ""},
    {{"host", "trust", "acme", "SHA256:short"}, CLI_USAGE, "dray: that is no fingerprint"},
    {{"host", "trust", "acme", "SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "}, CLI_USAGE,
	"dray: that is no fingerprint"},
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
		const struct refused_case *c = &REFUSED[i];
		struct answer a = run_dray(c->args);
		assert_int_equal(a.code, c->code);
		assert_string_equal(a.out, "");
		assert_true(strlen(a.err) > 0);
		if (strncmp(a.err, c->complaint, strlen(c->complaint)) != 0)
			fail_msg("%s: not %s", a.err, c->complaint);
		answer_fini(&a);
	}
}

/* A name or path that no message has room for is refused before anybody is asked. */
static void
test_too_long(void **state)
{
	char name[66], path[4098];

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	const struct answer answers[] = {DRAY("status", name), DRAY("run", name),
	    DRAY("transfers", "--route", name), DRAY("transfers", "--route", name, "--json"),
	    DRAY("trace", path)};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct answer a = answers[i];
		assert_int_equal(a.code, CLI_USAGE);
		assert_contains(a.err, "longer than");
		answer_fini(&a);
	}
}

static void
test_without_words(void **state)
{
	(void)state;
	struct answer bare = run_dray((const char *const[]){NULL});
	struct answer asked = DRAY("--help");
	struct answer help = DRAY("help");

	assert_int_equal(bare.code, CLI_USAGE);
	assert_string_equal(bare.out, "");
	assert_int_equal(asked.code, CLI_OK);
	assert_string_equal(asked.out, help.out);
	assert_string_equal(bare.err, help.out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		assert_contains(help.out, COMMANDS[i].words);
	for (int i = 0; i < CLI_N_EXITS; i++)
		assert_contains(help.out, exit_text((enum cli_exit)i));
	answer_fini(&bare);
	answer_fini(&asked);
	answer_fini(&help);
}

static void
test_help_of_one(void **state)
{
	(void)state;
	struct answer a = DRAY("transfers", "--help");
	struct answer b = DRAY("help", "transfers");

	assert_int_equal(a.code, CLI_OK);
	assert_string_equal(a.out, b.out);
	assert_string_equal(a.out,
	    "usage: dray [-c FILE] transfers [--route ROUTE] [--state STATE] [--limit N] [--json]\n"
	    "\n"
	    "list transfers, the newest first\n"
	    "\n"
	    "options:\n"
	    "  -c, --config FILE       the configuration file\n"
	    "      --json              answer in JSON\n"
	    "  -h, --help              say how a command is used\n"
	    "  -V, --version           say which version this is\n"
	    "      --route ROUTE       only this route's\n"
	    "      --state STATE       only those in this state\n"
	    "      --limit N           at most so many, 0 for all (100 unless said otherwise)\n");
	answer_fini(&a);
	answer_fini(&b);
	a = DRAY("help", "key", "new", "--json");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "\"command\": \"key new\"");
	answer_fini(&a);
}

static void
test_version(void **state)
{
	(void)state;
	struct answer a = DRAY("version"), b = DRAY("-V"),
		      c = DRAY("status", "--version", "--json");

	assert_string_equal(a.out, "dray " DRAY_VERSION "\n");
	assert_string_equal(a.out, b.out);
	assert_string_equal(c.out, "{\n  \"version\": \"" DRAY_VERSION "\"\n}\n");
	answer_fini(&a);
	answer_fini(&b);
	answer_fini(&c);
}

/* Within one command each letter and name means one thing. */
static void
check_options(const struct command *c)
{
	uint64_t set = c->options | OPTIONS_GENERAL;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_row *o = &OPTIONS[i];
		if ((set & OPTION_BIT(o->id)) == 0)
			continue;
		assert_ptr_equal(option_by_name(slice_str(o->name), set), o);
		if (o->letter != 0)
			assert_ptr_equal(option_by_letter(o->letter, set), o);
	}
}

/* Every option of a command is in the table of options, and no command has two meanings. */
static void
test_table(void **state)
{
	char usage[COMMAND_USAGE_MAX];

	(void)state;
	for (size_t i = 0; i < N_COMMANDS; i++) {
		assert_int_equal(COMMANDS[i].options & ~OPTIONS_ALL, 0);
		assert_int_equal(COMMANDS[i].options & OPTIONS_GENERAL, 0);
		assert_true(strlen(command_usage(&COMMANDS[i], usage)) < COMMAND_USAGE_MAX - 1);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(COMMANDS[i].words, COMMANDS[j].words);
		check_options(&COMMANDS[i]);
	}
}

static void
test_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(exit_from_err(ERR_OK), CLI_OK);
	assert_int_equal(exit_from_err(ERR_NOENT), CLI_NOT_FOUND);
	assert_int_equal(exit_from_err(ERR_INVALID), CLI_USAGE);
	assert_int_equal(exit_from_err(ERR_IO), CLI_FAILED);
	for (int i = 0; i < CLI_N_EXITS; i++)
		assert_true(strlen(exit_text((enum cli_exit)i)) > 0);
}

/* Scripts depend on these numbers. */
static void
test_exit_numbers(void **state)
{
	static const struct {
		enum transport_outcome outcome;
		int number;
	} OUTCOMES[] = {
	    {TRANSPORT_LOGGED_IN, 0},
	    {TRANSPORT_UNREACHABLE, 8},
	    {TRANSPORT_NO_ALGORITHM, 8},
	    {TRANSPORT_HOST_KEY_UNKNOWN, 5},
	    {TRANSPORT_HOST_KEY_CHANGED, 5},
	    {TRANSPORT_USER_KEY_REFUSED, 6},
	    {TRANSPORT_BAD_PRIVATE_KEY, 6},
	    {TRANSPORT_NO_SFTP, 8},
	    {TRANSPORT_LOCAL_FAILURE, 1},
	};
	static const int NUMBERS[] = {CLI_OK, CLI_FAILED, CLI_USAGE, CLI_NO_DAEMON, CLI_CONFIG,
	    CLI_HOST_KEY, CLI_AUTH, CLI_NOT_FOUND, CLI_UNREACHABLE, CLI_PARTLY, CLI_INTERRUPTED};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++)
		assert_int_equal(exit_from_outcome(OUTCOMES[i].outcome), OUTCOMES[i].number);
	assert_int_equal(ARRAY_LEN(NUMBERS), CLI_N_EXITS);
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++)
		assert_int_equal(NUMBERS[i], i);
}

/* An answer that doesn't fit on the disk is not a success. */
static void
test_full_disk(void **state)
{
	char word[] = "version", program[] = "dray", *argv[] = {program, word, NULL}, *err_text;
	size_t err_len;
	struct cli cli = {
	    .out = fopen("/dev/full", "we"), .err = open_memstream(&err_text, &err_len)};

	(void)state;
	assert_non_null(cli.out);
	assert_int_equal(cli_run(&cli, 2, argv), CLI_FAILED);
	fclose(cli.out);
	fclose(cli.err);
	assert_string_equal(err_text, "dray: cannot write the answer: no space left on device\n");
	free(err_text);
}

/* -c before $DRAY_CONFIG before ./dray.yaml before /etc. */
static void
test_config_path(void **state)
{
	struct cli cli = {.out = NULL};

	(void)state;
	assert_string_equal(cli_config_path(&cli), "/etc/dray/dray.yaml");
	write_file("dray.yaml", "", 0644);
	assert_string_equal(cli_config_path(&cli), "dray.yaml");
	assert_int_equal(setenv("DRAY_CONFIG", "/from/environment", 1), 0);
	assert_string_equal(cli_config_path(&cli), "/from/environment");
	cli.options.config = "given";
	assert_string_equal(cli_config_path(&cli), "given");
	assert_int_equal(unsetenv("DRAY_CONFIG"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_without_words),
	    cmocka_unit_test(test_help_of_one),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_exit_codes),
	    cmocka_unit_test(test_exit_numbers),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test_setup_teardown(test_config_path, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
