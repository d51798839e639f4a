#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"

static const struct {
	int64_t at_us;
	const char *text;
} MOMENTS[] = {
    {0, "1970-01-01T00:00:00.000000Z"},
    {1, "1970-01-01T00:00:00.000001Z"},
    {-1, "1969-12-31T23:59:59.999999Z"},
    {-US_PER_SEC, "1969-12-31T23:59:59.000000Z"},
    {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
    {INT64_C(1772368496123456), "2026-03-01T12:34:56.123456Z"},
    {INT64_C(2147483648000000), "2038-01-19T03:14:08.000000Z"},
    {INT64_MAX, "294247-01-10T04:00:54.775807Z"},
    {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
};

static void
test_text_of_moments(void **state)
{
	char dst[TIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MOMENTS); i++) {
		time_text(MOMENTS[i].at_us, dst);
		assert_string_equal(dst, MOMENTS[i].text);
	}
}

static void
test_text_ignores_the_time_zone(void **state)
{
	char dst[TIME_TEXT_MAX];

	(void)state;
	assert_int_equal(setenv("TZ", "Pacific/Auckland", 1), 0);
	tzset();
	time_text(0, dst);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	assert_string_equal(dst, "1970-01-01T00:00:00.000000Z");
}

static void
test_clocks_run(void **state)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int64_t mono = time_mono_us(), now = time_now_us();

	(void)state;
	assert_true(now > INT64_C(1577836800) * US_PER_SEC); /* 2020: microseconds, not seconds */
	assert_int_equal(nanosleep(&pause, NULL), 0);
	assert_true(time_mono_us() - mono >= 2000);
	assert_true(time_mono_us() - mono < 60 * US_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text_of_moments),
	    cmocka_unit_test(test_text_ignores_the_time_zone),
	    cmocka_unit_test(test_clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
