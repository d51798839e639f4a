#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "shell/sizes.h"

static void
test_sizes(unused_arg void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text, *with_b;
	} CASES[] = {
	    {0, "0B", "0B"},
	    {6, "6B", "6B"},
	    {1023, "1023B", "1023B"},
	    {1024, "1.0K", "1.0KB"},
	    {4096, "4.0K", "4.0KB"},
	    {1536, "1.5K", "1.5KB"},
	    {2047, "2.0K", "2.0KB"},
	    {10239, "10.0K", "10.0KB"},
	    {102400, "100K", "100KB"},
	    {102399, "100K", "100KB"},
	    {102400 + 511, "100K", "100KB"},
	    {102400 + 512, "101K", "101KB"},
	    {1048575, "1.0M", "1.0MB"},
	    {1048576, "1.0M", "1.0MB"},
	    {UINT64_C(252) << 30, "252G", "252GB"},
	    {UINT64_C(1) << 60, "1.0E", "1.0EB"},
	    {UINT64_MAX, "16.0E", "16.0EB"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char text[SIZE_SCALED_MAX], with_b[SIZE_SCALED_MAX + 1];
		assert_string_equal(size_scaled(CASES[i].bytes, text), CASES[i].text);
		assert_string_equal(size_scaled_b(CASES[i].bytes, with_b), CASES[i].with_b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
