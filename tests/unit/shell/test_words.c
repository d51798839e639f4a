#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "client/glob.h"
#include "shell/words.h"

enum { MOST = 5 };

/* What OpenSSH's sftp 9.2 makes of each line, as its answers show. */
static void
test_quoting(unused_arg void **state)
{
	static const struct {
		const char *line;
		const char *words[MOST + 1];
	} CASES[] = {
	    {"", {NULL}},
	    {"  \t ", {NULL}},
	    {"ls", {"ls"}},
	    {"\tls \r\n", {"ls"}},
	    {"ls a b", {"ls", "a", "b"}},
	    {"ls f\\ 2", {"ls", "f 2"}},
	    {"ls \"f 2\"", {"ls", "f 2"}},
	    {"ls 'f 2'", {"ls", "f 2"}},
	    {"ls f\" \"2", {"ls", "f 2"}},
	    {"ls f' '2x", {"ls", "f 2x"}},
	    {"ls \"f\\ 2\"", {"ls", "f\\ 2"}},
	    {"ls \"q\\\"q\"", {"ls", "q\"q"}},
	    {"ls q\\\"q", {"ls", "q\"q"}},
	    {"ls 's\\'q'", {"ls", "s'q"}},
	    {"ls \"s'q\"", {"ls", "s'q"}},
	    {"ls 'q\"q'", {"ls", "q\"q"}},
	    {"ls g*x", {"ls", "g*x"}},
	    {"ls g\\*x", {"ls", "g\\*x"}},
	    {"ls \"g*x\"", {"ls", "g\\*x"}},
	    {"ls 'g?[x'", {"ls", "g\\?\\[x"}},
	    {"ls b\\\\s", {"ls", "b\\\\s"}},
	    {"ls \"b\\\\s\"", {"ls", "b\\\\s"}},
	    {"ls 'b\\s'", {"ls", "b\\s"}},
	    {"ls b\\s", {"ls", "bs"}},
	    {"ls f1\\", {"ls", "f1"}},
	    {"ls \\", {"ls", ""}},
	    {"ls \"\"", {"ls", ""}},
	    {"ls '' x", {"ls", "", "x"}},
	    {"\\ls \"f1\"", {"ls", "f1"}},
	    {"ls f#1", {"ls", "f"}},
	    {"ls # all", {"ls"}},
	    {"ls f\\#1 '#2' \"#3\"", {"ls", "f#1", "#2", "#3"}},
	    {"ls \xc3\xbc\xff", {"ls", "\xc3\xbc\xff"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct words w;
		size_t n = 0;
		assert_int_equal(words_split(slice_str(CASES[i].line), &w, NULL), ERR_OK);
		while (CASES[i].words[n] != NULL)
			n++;
		if (w.n != n)
			fail_msg("\"%s\": %zu words", CASES[i].line, w.n);
		for (size_t k = 0; k < n; k++)
			assert_string_equal(w.items[k].text, CASES[i].words[k]);
		words_fini(&w);
	}
}

static void
test_open_quotes(unused_arg void **state)
{
	static const struct {
		const char *line;
		enum words_quote open;
	} CASES[] = {
	    {"get \"f1", WORDS_DOUBLE},
	    {"get 'f1", WORDS_SINGLE},
	    {"get \"f1\\", WORDS_DOUBLE},
	    {"get \"f1\\\"", WORDS_DOUBLE},
	    {"get 'a' \"", WORDS_DOUBLE},
	    {"get 'a\"", WORDS_SINGLE},
	    {"get 'a # b", WORDS_SINGLE},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct words w;
		struct story story;
		assert_int_equal(words_split(slice_str(CASES[i].line), &w, &story), ERR_FORMAT);
		assert_string_equal(story.text, "Unterminated quoted argument");
		assert_int_equal(w.open, CASES[i].open);
		assert_string_equal(w.items[0].text, "get");
		assert_false(w.ended);
		words_fini(&w);
	}
}

static void
test_places(unused_arg void **state)
{
	struct words w;

	assert_int_equal(words_split(slice_str(" get  'a b'c "), &w, NULL), ERR_OK);
	assert_int_equal(w.items[0].start, 1);
	assert_int_equal(w.items[0].end, 4);
	assert_int_equal(w.items[1].start, 6);
	assert_int_equal(w.items[1].end, 12);
	assert_true(w.ended);
	words_fini(&w);
	assert_int_equal(words_split(slice_str("get x"), &w, NULL), ERR_OK);
	assert_false(w.ended);
	words_fini(&w);
	assert_int_equal(words_split(slice_str("get x#"), &w, NULL), ERR_OK);
	assert_true(w.ended);
	words_fini(&w);
}

static void
test_limits(unused_arg void **state)
{
	static char line[WORDS_LINE_MAX + 1];
	struct words w;
	struct story story;

	memset(line, 'x', sizeof line);
	assert_int_equal(words_split(slice_of(line, WORDS_LINE_MAX), &w, &story), ERR_OK);
	words_fini(&w);
	assert_int_equal(words_split(slice_of(line, sizeof line), &w, &story), ERR_LIMIT);
	words_fini(&w);
	assert_int_equal(words_split(slice_of("a\0b", 3), &w, &story), ERR_FORMAT);
	words_fini(&w);
	/* Every byte a quoted wildcard: the text is twice as long. */
	memset(line, '*', sizeof line);
	line[0] = line[WORDS_LINE_MAX - 1] = '"';
	assert_int_equal(words_split(slice_of(line, WORDS_LINE_MAX), &w, &story), ERR_OK);
	assert_int_equal(strlen(w.items[0].text), 2 * (WORDS_LINE_MAX - 2));
	words_fini(&w);
	for (size_t i = 0; i < 2 * (WORDS_MAX + 1); i++)
		line[i] = i % 2 == 0 ? 'a' : ' ';
	assert_int_equal(words_split(slice_of(line, 2 * WORDS_MAX), &w, &story), ERR_OK);
	assert_int_equal(w.n, WORDS_MAX);
	words_fini(&w);
	assert_int_equal(words_split(slice_of(line, 2 * WORDS_MAX + 1), &w, &story), ERR_LIMIT);
	words_fini(&w);
}

/* Whatever name is quoted in whatever way, is read again as itself. */
static void
test_quote_and_split(unused_arg void **state)
{
	static const char *const NAMES[] = {"plain", "f 2", "a'b", "a\"b", "g*x?[y]", "b\\s", "#1",
	    "\\", "'", "\"", "a\tb", "tail ", "-x", "\xc3\xbc", "\xff\x01", "~", "\\\\*"};
	static const enum words_quote QUOTES[] = {WORDS_BARE, WORDS_SINGLE, WORDS_DOUBLE};

	for (size_t i = 0; i < ARRAY_LEN(NAMES) * ARRAY_LEN(QUOTES); i++) {
		const char *name = NAMES[i / ARRAY_LEN(QUOTES)];
		enum words_quote quote = QUOTES[i % ARRAY_LEN(QUOTES)];
		char pattern[64];
		struct words w;
		struct buf b;

		buf_init(&b, 256);
		if (quote != WORDS_BARE)
			assert_int_equal(buf_put_u8(&b, (uint8_t)quote), ERR_OK);
		assert_int_equal(words_quote_name(&b, slice_str(name), quote), ERR_OK);
		if (quote != WORDS_BARE)
			assert_int_equal(buf_put_u8(&b, (uint8_t)quote), ERR_OK);
		assert_int_equal(words_split(buf_slice(&b), &w, NULL), ERR_OK);
		assert_int_equal(w.n, 1);
		assert_true(slice_copy(slice_str(w.items[0].text), pattern, sizeof pattern));
		glob_unquote(pattern);
		assert_string_equal(pattern, name);
		words_fini(&w);
		buf_fini(&b);
	}
}

static void
test_quote_without_room(unused_arg void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(words_quote_name(&b, slice_str("a b c"), WORDS_BARE), ERR_NOMEM);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_quoting),
	    cmocka_unit_test(test_open_quotes),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_quote_and_split),
	    cmocka_unit_test(test_quote_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
