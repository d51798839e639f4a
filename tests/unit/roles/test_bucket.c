#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "roles/bucket.h"

static const uint64_t RATES[] = {1, 7, 1000, 64 * 1024, 10 * 1024 * 1024, UINT64_C(4) << 30};

/* Moves as much as it may for a while, sleeping as it is told; how much in all. */
static uint64_t
run(struct bucket *b, int64_t *now_us, int64_t span_us, size_t most)
{
	int64_t end_us = *now_us + span_us;
	uint64_t moved = 0;

	while (*now_us < end_us) {
		size_t may = bucket_allows(b, *now_us);
		if (may == 0) {
			int64_t wait_us = bucket_wait_us(b, *now_us);
			assert_true(wait_us > 0);
			*now_us += wait_us;
			assert_true(bucket_allows(b, *now_us) > 0);
			continue;
		}
		size_t n = may < most ? may : most;
		bucket_take(b, n, *now_us);
		moved += n;
		*now_us += 10;
	}
	return moved;
}

static void
test_rate_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(RATES); i++) {
		struct bucket b = {.rate = 0};
		int64_t now_us = 1000, span_us = 100 * US_PER_SEC;
		bucket_set_rate(&b, RATES[i], now_us);
		double moved = (double)run(&b, &now_us, span_us, SIZE_MAX / 2);
		double expected = (double)RATES[i] * 100;
		assert_true(moved >= expected * 0.95 - 8);
		assert_true(moved <= expected * 1.05 + 8);
	}
}

static void
test_no_limit(void **state)
{
	struct bucket b = {.rate = 0};

	(void)state;
	bucket_take(&b, 1000000, 5);
	assert_true(bucket_allows(&b, 5) == SIZE_MAX);
	assert_int_equal(bucket_wait_us(&b, 5), 0);
	bucket_set_rate(&b, 1000, 6);
	assert_int_equal(bucket_allows(&b, 6), 0);
	bucket_set_rate(&b, 0, 7);
	assert_true(bucket_allows(&b, 7) == SIZE_MAX);
}

/* A long pause gives no more than a burst. */
static void
test_pause(void **state)
{
	struct bucket b = {.rate = 0};

	(void)state;
	bucket_set_rate(&b, 1000000, 0);
	size_t may = bucket_allows(&b, 3600 * US_PER_SEC);
	assert_true(may >= 100000 && may <= 200000);
}

/* More moved than was allowed (what was on its way already): it is made up for later. */
static void
test_debt(void **state)
{
	struct bucket b = {.rate = 0};

	(void)state;
	bucket_set_rate(&b, 1000000, 0);
	bucket_take(&b, 2000000, US_PER_SEC);
	int64_t wait_us = bucket_wait_us(&b, US_PER_SEC);
	assert_true(wait_us > 1700 * US_PER_MS && wait_us < 2100 * US_PER_MS);
}

/* Asked very often, a slow bucket fills all the same. */
static void
test_asked_often(void **state)
{
	struct bucket b = {.rate = 0};
	int64_t now_us = 0;

	(void)state;
	bucket_set_rate(&b, 10, 0);
	while (bucket_allows(&b, now_us) == 0 && now_us < US_PER_SEC)
		now_us += 100;
	assert_true(now_us < US_PER_SEC / 2);
}

/* A new rate holds from now on. */
static void
test_rate_changes(void **state)
{
	struct bucket b = {.rate = 0};
	int64_t now_us = 0;

	(void)state;
	bucket_set_rate(&b, 10000000, 0);
	(void)run(&b, &now_us, US_PER_SEC, SIZE_MAX / 2);
	bucket_set_rate(&b, 10000, now_us);
	uint64_t moved = run(&b, &now_us, 10 * US_PER_SEC, SIZE_MAX / 2);
	assert_true(moved >= 90000 && moved <= 115000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate_is_kept),
	    cmocka_unit_test(test_no_limit),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_debt),
	    cmocka_unit_test(test_asked_often),
	    cmocka_unit_test(test_rate_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
