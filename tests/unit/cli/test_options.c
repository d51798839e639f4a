/* The options' parser, on lines that make sense and on lines that don't. */
#include "harness.h"

#include "cli/options.h"

struct line_case {
	const char *args[8];
	enum err err;
	const char *story;  /* when err */
	unsigned given;     /* else */
	const char *words;  /* joined by | */
	const char *config; /* NULL: none */
	uint64_t limit;
};

static const struct line_case LINES[] = {
    {{NULL}, ERR_OK, NULL, 0, "", NULL, 100},
    {{"status"}, ERR_OK, NULL, 0, "status", NULL, 100},
    {{"-c", "a.yaml", "status"}, ERR_OK, NULL, OPTION_CONFIG, "status", "a.yaml", 100},
    {{"-ca.yaml", "status"}, ERR_OK, NULL, OPTION_CONFIG, "status", "a.yaml", 100},
    {{"status", "--config=a=b"}, ERR_OK, NULL, OPTION_CONFIG, "status", "a=b", 100},
    {{"status", "--config", "--json"}, ERR_OK, NULL, OPTION_CONFIG, "status", "--json", 100},
    {{"-c", "a", "-c", "b"}, ERR_OK, NULL, OPTION_CONFIG, "", "b", 100},
    {{"--json", "trace", "--", "--json"}, ERR_OK, NULL, OPTION_JSON, "trace|--json", NULL, 100},
    {{"trace", "--", "--"}, ERR_OK, NULL, 0, "trace|--", NULL, 100},
    {{"trace", "-"}, ERR_OK, NULL, 0, "trace|-", NULL, 100},
    {{"trace", ""}, ERR_OK, NULL, 0, "trace|", NULL, 100},
    {{"--limit", "0"}, ERR_OK, NULL, OPTION_LIMIT, "", NULL, 0},
    {{"--limit=4294967295"}, ERR_OK, NULL, OPTION_LIMIT, "", NULL, UINT32_MAX},
    {{"-hV"}, ERR_INVALID, "--help takes no value"},
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
	assert_int_equal(options_parse(argc, argv, &o, &story), c->err);
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

static void
test_too_many_words(void **state)
{
	char word[] = "x", *argv[OPTIONS_WORDS_MAX + 2];
	struct options o;
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = word;
	assert_int_equal(options_parse(OPTIONS_WORDS_MAX + 1, argv, &o, &story), ERR_OK);
	assert_int_equal(o.n_words, OPTIONS_WORDS_MAX);
	assert_int_equal(options_parse(OPTIONS_WORDS_MAX + 2, argv, &o, &story), ERR_INVALID);
	assert_string_equal(story.text, "too many arguments");
}

/* Each option has a bit, a name and a summary of its own. */
static void
test_table(void **state)
{
	unsigned bits = 0;

	(void)state;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		assert_int_equal(bits & (unsigned)OPTIONS[i].bit, 0);
		bits |= (unsigned)OPTIONS[i].bit;
		assert_true(strlen(OPTIONS[i].summary) > 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(OPTIONS[i].name, OPTIONS[j].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_too_many_words),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
