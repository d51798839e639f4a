/* Text for people: moments, distances, columns, and what hostile bytes become. */
#include "harness.h"

#include "cli/out.h"

static void
test_distance(void **state)
{
	static const struct {
		int64_t at_us;
		const char *text;
	} CASES[] = {
	    {0, "never"},
	    {NOW_US, "now"},
	    {NOW_US - 999999, "now"},
	    {NOW_US + 999999, "now"},
	    {NOW_US - US_PER_SEC, "1s ago"},
	    {NOW_US + 18 * US_PER_SEC, "in 18s"},
	    {NOW_US - 65 * US_PER_SEC, "1m05s ago"},
	    {NOW_US - 90000 * US_PER_SEC, "25h00m ago"},
	    {INT64_MIN, "(no such time)"},
	};
	char text[TIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_string_equal(out_distance(CASES[i].at_us, NOW_US, text), CASES[i].text);
	/* The far future only must not overflow anything. */
	(void)out_distance(INT64_MAX, NOW_US, text);
	(void)out_distance(INT64_MAX, -NOW_US, text);
	assert_string_equal(text, "(no such time)");
}

static void
test_moment(void **state)
{
	char text[TIME_TEXT_MAX];

	(void)state;
	assert_string_equal(out_moment(0, text), "never");
	assert_string_equal(out_moment(NOW_US, text), "2026-03-01T12:00:00Z");
	assert_string_equal(out_moment(NOW_US + 999999, text), "2026-03-01T12:00:00Z");
	assert_string_equal(out_moment(-1, text), "1969-12-31T23:59:59Z");
	assert_string_equal(out_moment(INT64_MAX, text), "294247-01-10T04:00:54Z");
}

static void
test_safe(void **state)
{
	static const struct {
		const char *raw;
		size_t len;
		const char *safe;
	} CASES[] = {
	    {"", 0, ""},
	    {"plain name.csv", 14, "plain name.csv"},
	    {"\033[31mred", 8, "\\x1b[31mred"},
	    {"a\nb\tc\r", 6, "a\\x0ab\\x09c\\x0d"},
	    {"back\\slash", 10, "back\\x5cslash"},
	    {"z\xc3\xbcrich", 7, "z\xc3\xbcrich"},
	    {"\xff\xfe\x00\x7f", 4, "\\xff\\xfe\\x00\\x7f"},
	    {"\xc2\x9b", 2, "\\xc2\\x9b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *text = out_safe(slice_of(CASES[i].raw, CASES[i].len));
		assert_string_equal(text, CASES[i].safe);
		free(text);
	}
}

/* A story's own escapes stay, and nothing unprintable gets through all the same. */
static void
test_story(void **state)
{
	static const struct {
		const char *raw;
		const char *safe;
	} CASES[] = {
	    {"", ""},
	    {"a\\x1bb", "a\\x1bb"},
	    {"\033", "\\x1b"},
	    {"\\", "\\"},
	    {"\\x5c", "\\x5c"},
	    {"\\\\\n", "\\\\\\x0a"},
	    {"\xff\\", "\\xff\\"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *text = out_safe_story(slice_str(CASES[i].raw));
		assert_string_equal(text, CASES[i].safe);
		free(text);
	}
}

static char *
table_text(const struct table *t)
{
	size_t len;
	char *text;
	FILE *f = open_memstream(&text, &len);

	table_print(t, f);
	fclose(f);
	return text;
}

static void
test_table(void **state)
{
	static const struct table_column COLUMNS[] = {
	    {"ID", true}, {"NAME", false}, {"SIZE", true}, {"WHY", false}};
	struct table t;

	(void)state;
	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	table_add_u64(&t, 7);
	table_add_text(&t, slice_str("z\xc3\xbcrich"));
	table_add(&t, "4 B");
	table_add(&t, "");
	table_add_u64(&t, UINT64_MAX);
	table_add_text(&t, slice_str("\033"));
	table_add(&t, "");
	table_add(&t, "no space");
	assert_int_equal(table_rows(&t), 2);
	char *text = table_text(&t);
	assert_string_equal(text, "                  ID  NAME    SIZE  WHY\n"
				  "                   7  z\xc3\xbcrich   4 B\n"
				  "18446744073709551615  \\x1b          no space\n");
	free(text);
	table_fini(&t);
}

/* Characters are counted, and none is cut in two. */
static void
test_table_cut(void **state)
{
	static const struct table_column COLUMNS[] = {{"W", false}};
	static const struct {
		const char *story;
		size_t width;
		const char *cell;
	} CASES[] = {
	    {"", 1, ""},
	    {"a", 1, "a"},
	    {"ab", 1, "\xe2\x80\xa6"},
	    {"ab", 2, "ab"},
	    {"abc", 2, "a\xe2\x80\xa6"},
	    {"\xc3\xa4\xc3\xb6", 2, "\xc3\xa4\xc3\xb6"},
	    {"\xc3\xa4\xc3\xb6\xc3\xbc", 2, "\xc3\xa4\xe2\x80\xa6"},
	    {"a\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e", 3,
		"a\xf0\x9f\x8d\x8e\xe2\x80\xa6"},
	    {"\xff\xff", 8, "\\xff\\xff"},
	    {"\xff\xff", 7, "\\xff\\x\xe2\x80\xa6"},
	};
	char expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct table t;
		table_init(&t, COLUMNS, 1);
		table_add_cut(&t, slice_str(CASES[i].story), CASES[i].width);
		char *text = table_text(&t);
		(void)snprintf(expected, sizeof expected, "W\n%s\n", CASES[i].cell);
		assert_string_equal(text, expected);
		free(text);
		table_fini(&t);
	}
}

/* Many rows: the cells grow, and none is lost. */
static void
test_long_table(void **state)
{
	static const struct table_column COLUMNS[] = {{"N", true}};
	struct table t;
	size_t n_lines = 0;

	(void)state;
	table_init(&t, COLUMNS, 1);
	for (uint64_t i = 0; i < 5000; i++)
		table_add_u64(&t, i);
	char *text = table_text(&t);
	for (const char *p = text; *p != '\0'; p++)
		n_lines += *p == '\n' ? 1 : 0;
	assert_int_equal(n_lines, 5001);
	assert_contains(text, "\n4999\n");
	free(text);
	table_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_distance),
	    cmocka_unit_test(test_moment),
	    cmocka_unit_test(test_safe),
	    cmocka_unit_test(test_story),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_table_cut),
	    cmocka_unit_test(test_long_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
