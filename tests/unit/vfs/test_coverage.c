#include "vfs/coverage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

enum { FILE_SIZE = 400 };

static void
assert_well_formed(const struct coverage *c)
{
	assert_true(c->n_ranges <= COVERAGE_RANGES_MAX);
	for (size_t i = 0; i < c->n_ranges; i++) {
		assert_true(c->ranges[i].start < c->ranges[i].end);
		if (i > 0)
			assert_true(c->ranges[i - 1].end < c->ranges[i].start);
	}
}

static void
test_cases(void **state unused_arg)
{
	struct coverage c = {.n_ranges = 0};

	assert_true(coverage_is_whole(&c, 0));
	assert_false(coverage_is_whole(&c, 1));
	coverage_add(&c, 0, 0);
	assert_int_equal(c.n_ranges, 0);
	coverage_add(&c, 10, 10);
	assert_false(coverage_is_whole(&c, 20));
	coverage_add(&c, 0, 9);
	assert_false(coverage_is_whole(&c, 20)); /* byte 9 is missing */
	coverage_add(&c, 9, 1);
	assert_int_equal(c.n_ranges, 1);
	assert_true(coverage_is_whole(&c, 20));
	assert_false(coverage_is_whole(&c, 21));
}

/* Against one flag per byte. Few enough ranges: exact. */
static void
test_against_a_map(void **state unused_arg)
{
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	for (int round = 0; round < 3000; round++) {
		struct coverage c = {.n_ranges = 0};
		bool map[FILE_SIZE] = {false};

		for (int i = 0; i < COVERAGE_RANGES_MAX; i++) {
			uint64_t start = (uint64_t)rand_r(&seed) % FILE_SIZE;
			uint64_t len = (uint64_t)rand_r(&seed) % (FILE_SIZE / 8);
			if (len > FILE_SIZE - start)
				len = FILE_SIZE - start;
			coverage_add(&c, start, len);
			for (uint64_t at = start; at < start + len; at++)
				map[at] = true;
			assert_well_formed(&c);
		}
		uint64_t whole = 0;
		while (whole < FILE_SIZE && map[whole])
			whole++;
		assert_true(coverage_is_whole(&c, whole));
		assert_false(coverage_is_whole(&c, whole + 1));
		assert_int_equal(coverage_prefix(&c), whole);
		uint64_t cut = (uint64_t)rand_r(&seed) % FILE_SIZE;
		coverage_cut(&c, cut);
		assert_well_formed(&c);
		assert_int_equal(coverage_prefix(&c), cut < whole ? cut : whole);
		assert_false(coverage_is_whole(&c, cut + 1));
	}
}

/* Past the bound it forgets, and never claims what wasn't read. */
static void
test_past_the_bound(void **state unused_arg)
{
	struct coverage c = {.n_ranges = 0};

	for (uint64_t i = 0; i < 4 * COVERAGE_RANGES_MAX; i++)
		coverage_add(&c, 2 * i + 1, 1);
	assert_well_formed(&c);
	assert_int_equal(c.n_ranges, COVERAGE_RANGES_MAX);
	assert_false(coverage_is_whole(&c, 2));
	for (uint64_t i = 0; i < 4 * COVERAGE_RANGES_MAX; i++)
		coverage_add(&c, 2 * i, 1);
	assert_false(coverage_is_whole(&c, 8 * COVERAGE_RANGES_MAX));
	coverage_add(&c, 0, 8 * COVERAGE_RANGES_MAX);
	assert_int_equal(c.n_ranges, 1);
	assert_true(coverage_is_whole(&c, 8 * COVERAGE_RANGES_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_against_a_map),
	    cmocka_unit_test(test_past_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
