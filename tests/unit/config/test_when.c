#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "config/when.h"

/* Moments and hours, in zones with and without summer time. */

static void
use_zone(const char *zone)
{
	/* POSIX's own way to say it: the test needs no files of zones. */
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

/* Central Europe: summer time from 2026-03-29 02:00 to 2026-10-25 03:00. */
static const char BERLIN[] = "CET-1CEST,M3.5.0,M10.5.0/3";
static const char KOLKATA[] = "IST-5:30";

static int64_t
moment(const char *text)
{
	int64_t us;

	if (!when_parse_moment(slice_str(text), &us))
		fail_msg("not a moment: %s", text);
	return us;
}

static void
test_moments(unused_arg void **state)
{
	static const struct {
		const char *zone;
		const char *text;
		int64_t seconds;
	} CASES[] = {
	    {"UTC0", "1970-01-01", 0},
	    {"UTC0", "2026-12-31", 1798675200},
	    {"UTC0", "2026-12-31 18:00", 1798740000},
	    {"UTC0", "2026-12-31T18:00:30", 1798740030},
	    {"UTC0", "2028-02-29", 1835395200},
	    {BERLIN, "2026-12-31", 1798671600},
	    {BERLIN, "2026-07-01", 1782856800},
	    {BERLIN, "2026-12-31 18:00Z", 1798740000},
	    {BERLIN, "2026-12-31T18:00:30Z", 1798740030},
	    /* A time that is skipped: the clock says 03:30 then. */
	    {BERLIN, "2026-03-29 02:30", 1774747800},
	    {KOLKATA, "2026-12-31", 1798655400},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		use_zone(CASES[i].zone);
		assert_int_equal(moment(CASES[i].text) / US_PER_SEC, CASES[i].seconds);
	}
}

static void
test_no_moments(unused_arg void **state)
{
	static const char *const CASES[] = {"", "2026", "2026-1-1", "2026-13-01", "2026-00-01",
	    "2026-01-00", "2026-01-32", "2026-02-29", "2026-04-31", "26-12-31", "1969-12-31",
	    "2026-12-31Z", "2026-12-31 ", "2026-12-31 18", "2026-12-31 18:0", "2026-12-31 24:00",
	    "2026-12-31 18:60", "2026-12-31 18:00:60", "2026-12-31 18:00:", "2026-12-31 18:00 Z",
	    "2026-12-31 18:00+01", "2026-12-31x18:00", "-2026-12-31", "2026-12-3l", "never"};
	int64_t us;

	use_zone("UTC0");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (when_parse_moment(slice_str(CASES[i]), &us))
			fail_msg("a moment: \"%s\"", CASES[i]);
	}
}

static void
test_hours_are_read(unused_arg void **state)
{
	static const struct {
		const char *text;
		uint8_t days;
		uint16_t from, until;
	} CASES[] = {
	    {"mon-fri 06:00-22:00", 0x3e, 360, 1320},
	    {"mon-fri", 0x3e, 0, 1440},
	    {"06:00-22:00", 0x7f, 360, 1320},
	    {"sat,sun 00:00-24:00", 0x41, 0, 1440},
	    {"fri-mon", 0x63, 0, 1440},
	    {"mon,wed-thu,sat", 0x5a, 0, 1440},
	    {"sun-sat", 0x7f, 0, 1440},
	    {"  mon   22:30-06:15 ", 0x02, 1350, 375},
	};
	struct config_hours h;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		assert_true(when_parse_hours(slice_str(CASES[i].text), &h));
		assert_int_equal(h.days, CASES[i].days);
		assert_int_equal(h.from_min, CASES[i].from);
		assert_int_equal(h.until_min, CASES[i].until);
	}
}

static void
test_no_hours(unused_arg void **state)
{
	static const char *const CASES[] = {"", " ", "always", "Mon", "monday", "mon-", "-mon",
	    "mon,,tue", "mon-fri-sun", "06:00", "06:00-", "-06:00", "6:00-22:00", "06:00-06:00",
	    "24:00-06:00", "06:00-24:01", "06:60-07:00", "25:00-26:00", "06:00-22:00 mon",
	    "mon 06:00-22:00 tue", "mon 06:00-22:00-23:00", "mon 06.00-22.00", "mon06:00-22:00"};
	struct config_hours h;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (when_parse_hours(slice_str(CASES[i]), &h))
			fail_msg("hours: \"%s\"", CASES[i]);
	}
}

static void
test_within(unused_arg void **state)
{
	/* 2026-03-27 is a Friday. */
	static const struct {
		const char *zone, *hours, *at;
		bool within;
	} CASES[] = {
	    {"UTC0", "mon-fri 06:00-22:00", "2026-03-27 06:00", true},
	    {"UTC0", "mon-fri 06:00-22:00", "2026-03-27 05:59:59", false},
	    {"UTC0", "mon-fri 06:00-22:00", "2026-03-27 21:59:59", true},
	    {"UTC0", "mon-fri 06:00-22:00", "2026-03-27 22:00", false},
	    {"UTC0", "mon-fri 06:00-22:00", "2026-03-28 12:00", false},
	    {"UTC0", "fri", "2026-03-27 00:00", true},
	    {"UTC0", "fri", "2026-03-28 00:00", false},
	    {"UTC0", "fri 22:00-24:00", "2026-03-27 23:59:59", true},
	    /* The end is on the day after: Friday's night, not Thursday's. */
	    {"UTC0", "fri 22:00-06:00", "2026-03-27 22:00", true},
	    {"UTC0", "fri 22:00-06:00", "2026-03-28 05:59", true},
	    {"UTC0", "fri 22:00-06:00", "2026-03-28 06:00", false},
	    {"UTC0", "fri 22:00-06:00", "2026-03-27 03:00", false},
	    {"UTC0", "sat 22:00-06:00", "2026-03-29 05:00", true}, /* Sunday follows Saturday */
	    /* The zone of the gateway counts. */
	    {KOLKATA, "fri 06:00-22:00", "2026-03-27 00:30Z", true},
	    {KOLKATA, "fri 06:00-22:00", "2026-03-27 00:29Z", false},
	    {KOLKATA, "fri 06:00-22:00", "2026-03-27 16:30Z", false},
	    /* Summer time begins: 01:59:59 is followed by 03:00. */
	    {BERLIN, "sun 02:00-03:00", "2026-03-29 00:59:59Z", false},
	    {BERLIN, "sun 02:00-03:00", "2026-03-29 01:00Z", false},
	    {BERLIN, "sun 03:00-04:00", "2026-03-29 01:00Z", true},
	    /* It ends: 02:00 to 03:00 comes twice. */
	    {BERLIN, "sun 02:00-03:00", "2026-10-25 00:30Z", true},
	    {BERLIN, "sun 02:00-03:00", "2026-10-25 01:30Z", true},
	    {BERLIN, "sun 02:00-03:00", "2026-10-25 02:00Z", false},
	    {BERLIN, "sun 02:00-03:00", "2026-10-24 23:59Z", false},
	};
	struct config_hours h;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		use_zone(CASES[i].zone);
		assert_true(when_parse_hours(slice_str(CASES[i].hours), &h));
		if (when_is_within(&h, moment(CASES[i].at)) != CASES[i].within)
			fail_msg("%s: %s at %s", CASES[i].zone, CASES[i].hours, CASES[i].at);
	}
	assert_true(when_parse_hours(slice_str("mon"), &h));
	assert_false(when_is_within(&h, INT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_moments),
	    cmocka_unit_test(test_no_moments),
	    cmocka_unit_test(test_hours_are_read),
	    cmocka_unit_test(test_no_hours),
	    cmocka_unit_test(test_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
