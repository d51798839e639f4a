/* The options' parser, on lines that make sense and on lines that don't. */
#include "harness.h"

#include "cli/options.h"

struct line_case {
	const char *args[8];
	enum err err;
	const char *story;  /* when err */
	uint64_t given;     /* else */
	const char *words;  /* joined by | */
	const char *config; /* NULL: none */
	uint64_t limit;
};

#define OPERATORS OPTIONS_FROM_TO(OPTION_CONFIG, OPTION_LIFT)

static const struct line_case LINES[] = {
    {{NULL}, ERR_OK, NULL, 0, "", NULL, 100},
    {{"status"}, ERR_OK, NULL, 0, "status", NULL, 100},
    {{"-c", "a.yaml", "status"}, ERR_OK, NULL, OPTION_BIT(OPTION_CONFIG), "status", "a.yaml", 100},
    {{"-ca.yaml", "status"}, ERR_OK, NULL, OPTION_BIT(OPTION_CONFIG), "status", "a.yaml", 100},
    {{"status", "--config=a=b"}, ERR_OK, NULL, OPTION_BIT(OPTION_CONFIG), "status", "a=b", 100},
    {{"status", "--config", "--json"}, ERR_OK, NULL, OPTION_BIT(OPTION_CONFIG), "status", "--json",
	100},
    {{"-c", "a", "-c", "b"}, ERR_OK, NULL, OPTION_BIT(OPTION_CONFIG), "", "b", 100},
    {{"--json", "trace", "--", "--json"}, ERR_OK, NULL, OPTION_BIT(OPTION_JSON), "trace|--json",
	NULL, 100},
    {{"trace", "--", "--"}, ERR_OK, NULL, 0, "trace|--", NULL, 100},
    {{"trace", "-"}, ERR_OK, NULL, 0, "trace|-", NULL, 100},
    {{"trace", ""}, ERR_OK, NULL, 0, "trace|", NULL, 100},
    {{"--limit", "0"}, ERR_OK, NULL, OPTION_BIT(OPTION_LIMIT), "", NULL, 0},
    {{"--limit=4294967295"}, ERR_OK, NULL, OPTION_BIT(OPTION_LIMIT), "", NULL, UINT32_MAX},
    {{"-hV"}, ERR_OK, NULL, OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION), "", NULL, 100},
    {{"-hca", "x"}, ERR_OK, NULL, OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_CONFIG), "x", "a",
	100},
    {{"-hx"}, ERR_INVALID, "unknown option -x"},
    {{"--limit=4294967296"}, ERR_INVALID, "--limit needs a whole number of at most 4294967295"},
    {{"--limit", "-1"}, ERR_INVALID, "--limit needs a whole number of at most 4294967295"},
    {{"--limit", "1x"}, ERR_INVALID, "--limit needs a whole number of at most 4294967295"},
    {{"--limit="}, ERR_INVALID, "--limit needs a value: N"},
    {{"--limit"}, ERR_INVALID, "--limit needs a value: N"},
    {{"-c"}, ERR_INVALID, "--config needs a value: FILE"},
    {{"--config", ""}, ERR_INVALID, "--config needs a value: FILE"},
    {{"--json=yes"}, ERR_INVALID, "--json takes no value"},
    {{"--jsn"}, ERR_INVALID, "unknown option --jsn (did you mean --json?)"},
    {{"--limits=4"}, ERR_INVALID, "unknown option --limits (did you mean --limit?)"},
    {{"--quite-another"}, ERR_INVALID, "unknown option --quite-another"},
    {{"--="}, ERR_INVALID, "unknown option --"},
    {{"--\033[2J"}, ERR_INVALID, "unknown option --\\x1b[2J"},
    {{"-x"}, ERR_INVALID, "unknown option -x"},
    {{"-\xff"}, ERR_INVALID, "unknown option -\\xff"},
};

static void
join_words(const struct options *o, char *dst, size_t dst_len)
{
	size_t len = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < o->n_words; i++)
		len +=
		    (size_t)snprintf(dst + len, dst_len - len, i == 0 ? "%s" : "|%s", o->words[i]);
}

static void
check_line(const struct line_case *c)
{
	char *argv[10] = {strdup("dray")}, words[128];
	struct options o;
	struct story story = {.text = ""};
	int argc = 1;

	for (; c->args[argc - 1] != NULL; argc++)
		argv[argc] = strdup(c->args[argc - 1]);
	assert_int_equal(options_read(argc, argv, OPERATORS, &o, &story), c->err);
	if (c->err != ERR_OK) {
		assert_string_equal(story.text, c->story);
	} else {
		assert_int_equal(o.given, c->given);
		join_words(&o, words, sizeof words);
		assert_string_equal(words, c->words);
		assert_int_equal(o.limit, c->limit);
		assert_int_equal(o.config == NULL, c->config == NULL);
		if (c->config != NULL)
			assert_string_equal(o.config, c->config);
	}
	options_fini(&o);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LINES); i++)
		check_line(&LINES[i]);
}

/* Whatever the shell made of "*". */
static void
test_many_words(void **state)
{
	enum { MANY = 10000 };
	char word[] = "x", *argv[MANY + 1];
	struct options o;
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = word;
	assert_int_equal(options_read(MANY + 1, argv, OPERATORS, &o, &story), ERR_OK);
	assert_int_equal(o.n_words, MANY);
	options_fini(&o);
}

#define GETS (OPTIONS_GENERAL | OPTIONS_CONNECTION | OPTIONS_TRANSFER)

static struct options
read_line(uint64_t set, const char *const *args, enum err expected, struct story *story)
{
	char *argv[600];
	struct options o;
	int argc = 1;

	argv[0] = strdup("dray");
	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = strdup(args[argc - 1]);
	assert_int_equal(options_read(argc, argv, set, &o, story), expected);
	o.n_words = 0;
	options_fini(&o);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return o;
}

#define READ(set, ...) read_line(set, (const char *const[]){__VA_ARGS__, NULL}, ERR_OK, NULL)

/* Values of each kind. */
static void
test_values(void **state)
{
	(void)state;
	struct options o = READ(GETS, "--limit", "10MiB/s", "--budget=64M", "--retries", "0",
	    "--retry-delay", "1m30s", "-vv", "-v", "-P", "2222", "-rp", "--connections=16");
	assert_int_equal(o.rate, 10 * 1024 * 1024);
	assert_int_equal(o.limit, 100);
	assert_int_equal(o.budget, 64 * 1024 * 1024);
	assert_true(option_given(&o, OPTION_RETRIES) && o.retries == 0);
	assert_int_equal(o.retry_delay_us, 90 * US_PER_SEC);
	assert_int_equal(o.verbose, 3);
	assert_int_equal(o.port, 2222);
	assert_int_equal(o.connections, 16);
	assert_true(option_given(&o, OPTION_RECURSIVE) && option_given(&o, OPTION_PRESERVE));
	/* The same letters for others. */
	o = READ(OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_LONG), "-la");
	assert_int_equal(o.given, OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_LONG));
	o = READ(GETS, "-a");
	assert_int_equal(o.given, OPTION_BIT(OPTION_RESUME));
	o = READ(OPTIONS_GENERAL, "--limit", "3");
	assert_int_equal(o.given, OPTION_BIT(OPTION_LIMIT));
}

struct value_case {
	const char *option, *value, *story;
};

static void
test_bad_values(void **state)
{
	static const struct value_case CASES[] = {
	    {"--port", "0", "--port needs a whole number from 1 to 65535"},
	    {"--port", "65536", "--port needs a whole number from 1 to 65535"},
	    {"--connections", "17", "--connections needs a whole number from 1 to 16"},
	    {"--limit", "0", "--limit may be from 1 B to 8.0 EiB"},
	    {"--limit", "fast", "--limit needs a size with its unit"},
	    {"--limit", "M", "--limit needs a size with its unit"},
	    {"--limit", "/s", "--limit needs a size with its unit"},
	    {"--limit", "1000000000000000000000000000000000000000000000000000000000000000000M",
		"--limit needs a size with its unit"},
	    {"--budget", "1KiB", "--budget may be from 4.0 MiB to 4.0 GiB"},
	    {"--request-size", "1GiB", "--request-size may be from 1.0 KiB to 16.0 MiB"},
	    {"--retry-delay", "5", "--retry-delay needs a span with its unit"},
	};
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const char *const args[] = {CASES[i].option, CASES[i].value, NULL};
		(void)read_line(GETS, args, ERR_INVALID, &story);
		assert_contains(story.text, CASES[i].story);
	}
}

/* Lists keep their order, and have an end. */
static void
test_lists(void **state)
{
	const char *args[2 * (OPTION_PATTERNS_MAX + 1) + 1] = {NULL};
	struct story story;

	(void)state;
	struct options o =
	    READ(OPTIONS_SYNC, "--include", "*.csv", "--exclude=*", "--include", "x");
	assert_int_equal(o.n_patterns, 3);
	assert_true(o.patterns[0].include && !o.patterns[1].include && o.patterns[2].include);
	for (size_t i = 0; i < OPTION_PATTERNS_MAX + 1; i++) {
		args[2 * i] = "--exclude";
		args[2 * i + 1] = "x";
	}
	(void)read_line(OPTIONS_SYNC, args, ERR_INVALID, &story);
	assert_string_equal(story.text, "more than 256 patterns");
	for (size_t i = 0; i < OPTION_PATTERNS_MAX + 1; i++)
		args[2 * i] = "-i";
	(void)read_line(GETS, args, ERR_INVALID, &story);
	assert_string_equal(story.text, "--identity 65 times is too often");
}

/*
 * Each option has a bit and a summary of its own. Letters and names that several have mean a value
 * with all of them or with none, so that words can be found before the command is known.
 */
static void
test_table(void **state)
{
	uint64_t bits = 0;

	(void)state;
	assert_int_equal(N_OPTIONS, OPTION_N);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_row *o = &OPTIONS[i];
		assert_int_equal(bits & OPTION_BIT(o->id), 0);
		bits |= OPTION_BIT(o->id);
		assert_true(strlen(o->summary) > 0);
		bool is_flag = o->kind == OPTION_FLAG || o->kind == OPTION_COUNT;
		assert_int_equal(is_flag, o->value == NULL);
		for (size_t j = 0; j < i; j++) {
			const struct option_row *p = &OPTIONS[j];
			if (strcmp(p->name, o->name) == 0 ||
			    (o->letter != 0 && p->letter == o->letter))
				assert_int_equal(p->value == NULL, o->value == NULL);
		}
	}
	assert_int_equal(bits, OPTIONS_ALL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_many_words),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_bad_values),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
