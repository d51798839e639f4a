/* Tables of configurations with errors, and exactly what is to be said of each. */
#ifndef TESTS_CONFIG_BAD_H
#define TESTS_CONFIG_BAD_H

#include "config/parse.h"

struct bad {
	const char *text;
	const char *errors; /* without "/etc/dray/dray.yaml:" before each line */
};

/* errors with the path before each of its lines. */
static void
with_path(const char *errors, char *dst, size_t dst_len)
{
	struct slice line, rest = slice_str(errors);
	size_t len = 0;

	dst[0] = '\0';
	while (rest.len > 0) {
		rest = slice_cut(rest, '\n', &line);
		len += (size_t)snprintf(
		    dst + len, dst_len - len, "/etc/dray/dray.yaml:%.*s\n", SLICE_ARG(line));
		assert_true(len < dst_len);
	}
}

static void
check_table(const struct bad *table, size_t n)
{
	static char expected[8192];

	for (size_t i = 0; i < n; i++) {
		struct buf errors;
		struct config *c = parse(table[i].text, &errors);
		assert_null(c);
		with_path(table[i].errors, expected, sizeof expected);
		if (strcmp(errors_text(&errors), expected) != 0)
			print_message("%s", table[i].text);
		assert_string_equal(errors_text(&errors), expected);
		buf_fini(&errors);
	}
}

#define TABLE_TEST(name, table)                           \
	static void name(unused_arg void **state)         \
	{                                                 \
		check_table((table), ARRAY_LEN((table))); \
	}

#endif
