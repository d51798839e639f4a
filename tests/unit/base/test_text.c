#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

#define MAX63 INT64_MAX

static const struct {
	const char *text;
	uint64_t max;
	bool good;
	uint64_t value;
} NUMBERS[] = {
    {"0", 0, true, 0},
    {"7", 7, true, 7},
    {"8", 7, false, 0},
    {"007", 7, true, 7},
    {"65535", UINT16_MAX, true, 65535},
    {"65536", UINT16_MAX, false, 0},
    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, false, 0},
    /* Past 2^64 it must not wrap around to something small. */
    {"18446744073709551616", 5, false, 0},
    {"18446744073709551617", 3, false, 0},
    {"99999999999999999999999999", UINT64_MAX, false, 0},
    {"", 9, false, 0},
    {"-1", 9, false, 0},
    {"+1", 9, false, 0},
    {" 1", 9, false, 0},
    {"1 ", 9, false, 0},
    {"0x1", 9, false, 0},
    {"1a", 9, false, 0},
};

static void
test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
		uint64_t value = 0;
		bool good = text_to_u64(slice_str(NUMBERS[i].text), NUMBERS[i].max, &value);
		if (good != NUMBERS[i].good || value != NUMBERS[i].value)
			fail_msg("%s, at most %llu", NUMBERS[i].text,
			    (unsigned long long)NUMBERS[i].max);
	}
}

static const struct {
	const char *text;
	bool good;
	uint64_t bytes;
} SIZES[] = {
    {"0", true, 0},
    {"4096", true, 4096},
    {"10B", true, 10},
    {"64KiB", true, 65536},
    {"64 KiB", true, 65536},
    {"10MB", true, 10000000},
    {"2GiB", true, UINT64_C(2) << 30},
    {"3TB", true, UINT64_C(3000000000000)},
    {"1TiB", true, UINT64_C(1) << 40},
    {"9223372036854775807", true, MAX63},
    {"9223372036854775808", false, 0},
    {"8388607TiB", true, UINT64_C(8388607) << 40},
    {"8388608TiB", false, 0},
    {"18446744073709551617KiB", false, 0},
    {"", false, 0},
    {"KiB", false, 0},
    {"-1", false, 0},
    {"1.5GiB", false, 0},
    {"1kib", false, 0},
    {"1K", false, 0},
    {"1 KiB x", false, 0},
    {"1KiBKiB", false, 0},
};

static void
test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
		uint64_t bytes = 0;
		bool good = text_to_size(slice_str(SIZES[i].text), &bytes);
		if (good != SIZES[i].good || bytes != SIZES[i].bytes)
			fail_msg("\"%s\"", SIZES[i].text);
	}
}

static const struct {
	const char *text;
	bool good;
	int64_t us;
} DURATIONS[] = {
    {"0", true, 0},
    {"0s", true, 0},
    {"500ms", true, 500000},
    {"30s", true, 30 * US_PER_SEC},
    {"10m", true, 600 * US_PER_SEC},
    {"2h", true, 7200 * US_PER_SEC},
    {"7d", true, 604800 * US_PER_SEC},
    {"1h30m", true, 5400 * US_PER_SEC},
    {"1d1h1m1s1ms", true, 90061 * US_PER_SEC + 1000},
    {"9223372036854s", true, INT64_C(9223372036854000000)},
    {"9223372036855s", false, 0},
    {"106751991d999999999999999999ms", false, 0},
    {"106751991d106751991d", false, 0},
    {"5", false, 0},
    {"00", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"1h30", false, 0},
    {"1 h", false, 0},
    {"-1s", false, 0},
    {"1.5h", false, 0},
    {"1S", false, 0},
    {"1us", false, 0},
    {"1s ", false, 0},
};

static void
test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(DURATIONS); i++) {
		int64_t us = 0;
		bool good = text_to_duration(slice_str(DURATIONS[i].text), &us);
		if (good != DURATIONS[i].good || us != DURATIONS[i].us)
			fail_msg("\"%s\"", DURATIONS[i].text);
	}
}

static const struct {
	int64_t us;
	const char *text;
} SPANS[] = {
    {0, "0ms"},
    {999, "0ms"},
    {250000, "250ms"},
    {US_PER_SEC - 1, "999ms"},
    {US_PER_SEC, "1s"},
    {59 * US_PER_SEC, "59s"},
    {60 * US_PER_SEC, "1m00s"},
    {3599 * US_PER_SEC, "59m59s"},
    {5400 * US_PER_SEC, "1h30m"},
    {INT64_MAX, "2562047788h00m"},
    {-5 * US_PER_SEC, "-5s"},
    {-1500, "-1ms"},
    {INT64_MIN, "-2562047788h00m"},
};

static void
test_spans_for_people(void **state)
{
	char dst[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SPANS); i++)
		assert_string_equal(text_duration(SPANS[i].us, dst), SPANS[i].text);
}

static const struct {
	uint64_t bytes;
	const char *text;
} AMOUNTS[] = {
    {0, "0 B"},
    {1023, "1023 B"},
    {1024, "1.0 KiB"},
    {1536, "1.5 KiB"},
    {1048575, "1.0 MiB"},
    {UINT64_C(1) << 30, "1.0 GiB"},
    {UINT64_MAX, "16.0 EiB"},
};

static void
test_sizes_for_people(void **state)
{
	char dst[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(AMOUNTS); i++)
		assert_string_equal(text_size(AMOUNTS[i].bytes, dst), AMOUNTS[i].text);
}

#define BYTES(s)                                    \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}
static const struct {
	struct slice bytes;
	const char *text;
} ESCAPES[] = {
    {BYTES(""), ""},
    {BYTES("plain text, ~!"), "plain text, ~!"},
    {BYTES("a\nb\rc\td"), "a\\x0ab\\x0dc\\x09d"},
    {BYTES("nul\0end"), "nul\\x00end"},
    {BYTES("\x1b[2J"), "\\x1b[2J"},
    {BYTES("back\\slash"), "back\\x5cslash"},
    {BYTES("\x7f"), "\\x7f"},
    {BYTES("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
    {BYTES("\xe2\x82\xac \xf0\x9f\x98\x80"), "\xe2\x82\xac \xf0\x9f\x98\x80"},
    {BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
    {BYTES("\xc3"), "\\xc3"},                            /* cut off */
    {BYTES("\xe2\x82"), "\\xe2\\x82"},                   /* cut off */
    {BYTES("\xc0\xaf"), "\\xc0\\xaf"},                   /* overlong '/' */
    {BYTES("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"},          /* overlong '/' */
    {BYTES("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf"}, /* overlong '/' */
    {BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80"},          /* surrogate */
    {BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
    {BYTES("\xc2\x9b[2J"), "\\xc2\\x9b[2J"},             /* C1 control: CSI */
    {BYTES("\xc2\xa0"), "\xc2\xa0"},                     /* the first after C1 */
    {BYTES("\x80\xff\xfe"), "\\x80\\xff\\xfe"},
    {BYTES("\xc3(\xc3\xbc"), "\\xc3(\xc3\xbc"},
};

static void
test_escapes(void **state)
{
	char dst[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ESCAPES); i++)
		assert_string_equal(
		    text_escape(ESCAPES[i].bytes, dst, sizeof dst), ESCAPES[i].text);
}

static void
test_escape_is_never_cut_inside(void **state)
{
	static const char SAMPLE[] = "a\n\xc3\xbc\x01\xe2\x82\xac";
	static const char WHOLE[] = "a\\x0a\xc3\xbc\\x01\xe2\x82\xac";
	/* Lengths of WHOLE at which a unit ends. */
	static const size_t ENDS[] = {0, 1, 5, 7, 11, 14};

	(void)state;
	for (size_t dst_len = 1; dst_len <= sizeof WHOLE; dst_len++) {
		char dst[sizeof WHOLE + 1];
		size_t want = 0;
		memset(dst, 'Z', sizeof dst);
		text_escape(slice_of(SAMPLE, sizeof SAMPLE - 1), dst, dst_len);
		for (size_t i = 0; i < ARRAY_LEN(ENDS); i++)
			want = ENDS[i] < dst_len ? ENDS[i] : want;
		assert_int_equal(strlen(dst), want);
		assert_memory_equal(dst, WHOLE, want);
		for (size_t i = dst_len; i < sizeof dst; i++)
			assert_int_equal(dst[i], 'Z');
	}
	char untouched = 'Z';
	text_escape(slice_str("abc"), &untouched, 0);
	assert_int_equal(untouched, 'Z');
}

static void
test_hex(void **state)
{
	static const uint8_t SAMPLE[] = {0x00, 0x0f, 0xf0, 0xff};
	char dst[9];

	(void)state;
	text_hex(SAMPLE, sizeof SAMPLE, dst);
	assert_string_equal(dst, "000ff0ff");
	text_hex(NULL, 0, dst);
	assert_string_equal(dst, "");
}

static const char *const KEYS[] = {"accounts", "folders", "home", "identities", "listen", "remotes",
    "routes", "min_age", "min_size", "max_size", "x", NULL};

static const struct {
	const char *word, *nearest;
} NEAREST[] = {
    {"acounts", "accounts"},
    {"accuonts", "accounts"},
    {"folder", "folders"},
    {"fodlers", "folders"},
    {"route", "routes"},
    {"remote", "remotes"},
    {"min-age", "min_age"},
    {"max_sizes", "max_size"},
    {"home", "home"},
    {"Home", "home"},
    {"zzzzzzzz", NULL},
    {"entirely-different", NULL},
    {"", NULL},
    {"y", NULL},
};

static void
test_nearest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NEAREST); i++) {
		const char *found = text_nearest(slice_str(NEAREST[i].word), KEYS);
		if (NEAREST[i].nearest == NULL)
			assert_null(found);
		else if (found == NULL)
			fail_msg("%s: nothing found", NEAREST[i].word);
		else
			assert_string_equal(found, NEAREST[i].nearest);
	}
}

static void
test_nearest_bounds_its_work(void **state)
{
	static const char LONG[] =
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const char *const candidates[] = {LONG, NULL};
	const char *const none[] = {NULL};

	(void)state;
	assert_null(text_nearest(slice_str(LONG), candidates));
	assert_null(text_nearest(slice_of(LONG, 48), candidates));
	assert_null(text_nearest(slice_str("word"), none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_spans_for_people),
	    cmocka_unit_test(test_sizes_for_people),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_escape_is_never_cut_inside),
	    cmocka_unit_test(test_hex),
	    cmocka_unit_test(test_nearest),
	    cmocka_unit_test(test_nearest_bounds_its_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
