#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "roles/banlist.h"

static const struct banlist_policy POLICY = {.ban_after = 3,
    .window_us = 60 * US_PER_SEC,
    .ban_us = 10 * US_PER_SEC,
    .ban_max_us = 45 * US_PER_SEC};

#define START (INT64_C(1000000) * US_PER_SEC)

static struct netaddr
address(uint32_t n)
{
	struct netaddr a = {.len = 4};

	a.bytes[0] = (uint8_t)(n >> 24);
	a.bytes[1] = (uint8_t)(n >> 16);
	a.bytes[2] = (uint8_t)(n >> 8);
	a.bytes[3] = (uint8_t)n;
	return a;
}

static int64_t
one_failure(struct banlist *b, uint32_t n, int64_t at_us)
{
	struct netaddr a = address(n), evicted;
	int64_t ban_us;

	assert_int_equal(
	    banlist_offence(b, &POLICY, &a, BANLIST_FAILURE, at_us, &ban_us, &evicted), ERR_OK);
	return ban_us;
}

static int64_t
failures_until_banned(struct banlist *b, uint32_t n, int64_t at_us)
{
	for (uint32_t i = 1; i < POLICY.ban_after; i++)
		assert_int_equal(one_failure(b, n, at_us), 0);
	return one_failure(b, n, at_us);
}

static void
test_bans_grow(void **state)
{
	static const int64_t LENGTHS[] = {10, 20, 40, 45, 45};
	struct netaddr a = address(7);
	struct banlist b;
	int64_t now_us = START;

	(void)state;
	banlist_init(&b, 10);
	for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
		int64_t ban_us = LENGTHS[i] * US_PER_SEC;
		assert_int_equal(failures_until_banned(&b, 7, now_us), ban_us);
		assert_int_equal(banlist_until(&b, &a, now_us), now_us + ban_us);
		assert_int_equal(banlist_until(&b, &a, now_us + ban_us - 1), now_us + ban_us);
		assert_int_equal(banlist_until(&b, &a, now_us + ban_us), 0);
		/* A banned one may do what it wants: it changes nothing. */
		assert_int_equal(one_failure(&b, 7, now_us + 1), 0);
		now_us += ban_us;
	}
	/* Quiet for the longest ban: from the bottom again. */
	assert_int_equal(failures_until_banned(&b, 7, now_us + POLICY.ban_max_us), 10 * US_PER_SEC);
	banlist_fini(&b);
}

static void
test_window(void **state)
{
	struct banlist b;

	(void)state;
	banlist_init(&b, 10);
	assert_int_equal(one_failure(&b, 1, START), 0);
	assert_int_equal(one_failure(&b, 1, START + 1), 0);
	/* The window of the first failure is over: the count begins anew. */
	assert_int_equal(one_failure(&b, 1, START + POLICY.window_us), 0);
	assert_int_equal(one_failure(&b, 1, START + POLICY.window_us + 1), 0);
	assert_int_equal(one_failure(&b, 2, START + POLICY.window_us + 1), 0);
	assert_true(one_failure(&b, 1, START + POLICY.window_us + 2) > 0);
	banlist_fini(&b);
}

/* Ten of a tenth are one failure. */
static void
test_small_offences(void **state)
{
	struct netaddr a = address(1), evicted;
	struct banlist b;
	int64_t ban_us = 0;
	unsigned n = 0;

	(void)state;
	banlist_init(&b, 10);
	for (; ban_us == 0; n++)
		assert_int_equal(
		    banlist_offence(&b, &POLICY, &a, 1, START + n, &ban_us, &evicted), ERR_OK);
	assert_int_equal(n, POLICY.ban_after * BANLIST_FAILURE);
	banlist_fini(&b);
}

static void
test_forgiving(void **state)
{
	struct netaddr a = address(1);
	struct banlist b;

	(void)state;
	banlist_init(&b, 10);
	assert_int_equal(one_failure(&b, 1, START), 0);
	assert_int_equal(one_failure(&b, 1, START), 0);
	/* Its own failure is forgiven to a login, the other one isn't. */
	banlist_forgive(&b, &a, BANLIST_FAILURE);
	assert_int_equal(b.entries[0].score, BANLIST_FAILURE);
	banlist_forgive(&b, &a, 2 * BANLIST_FAILURE);
	assert_int_equal(b.entries[0].score, 0);
	assert_true(failures_until_banned(&b, 1, START) > 0);
	/* A login elsewhere in the block ends no ban. */
	banlist_forgive(&b, &a, BANLIST_FAILURE);
	assert_true(banlist_until(&b, &a, START) > 0);
	assert_true(banlist_forget(&b, &a));
	assert_false(banlist_forget(&b, &a));
	assert_int_equal(banlist_until(&b, &a, START), 0);
	assert_int_equal(failures_until_banned(&b, 1, START), POLICY.ban_us);
	banlist_fini(&b);
}

/* Full: the quietest stranger goes first, and a ban in force only when there is nothing else. */
static void
test_memory_is_bounded(void **state)
{
	struct netaddr evicted, nine = address(9);
	struct banlist b;
	int64_t ban_us;

	(void)state;
	banlist_init(&b, 3);
	assert_true(failures_until_banned(&b, 1, START) > 0);
	(void)one_failure(&b, 2, START + 1);
	(void)one_failure(&b, 3, START + 2);
	(void)one_failure(&b, 4, START + 3);
	assert_int_equal(b.n, 3);
	struct netaddr one = address(1), two = address(2);
	assert_true(banlist_until(&b, &one, START + 3) > 0);
	assert_false(banlist_forget(&b, &two));
	for (uint32_t n = 3; n <= 4; n++) {
		assert_int_equal(one_failure(&b, n, START + 4), 0);
		assert_true(one_failure(&b, n, START + 5) > 0);
	}
	/* The listener's copy takes no more, core's lets the oldest ban go and says so. */
	assert_int_equal(banlist_ban(&b, &nine, START + 9, START + 6), ERR_LIMIT);
	assert_int_equal(
	    banlist_offence(&b, &POLICY, &nine, 1, START + 6, &ban_us, &evicted), ERR_OK);
	assert_int_equal(netaddr_compare(&evicted, &one), 0);
	assert_int_equal(b.n, 3);
	banlist_fini(&b);
}

/* A copy takes bans as they are told; old ones make room. */
static void
test_copy(void **state)
{
	struct netaddr one = address(1), two = address(2);
	struct banlist b;

	(void)state;
	banlist_init(&b, 1);
	assert_int_equal(banlist_ban(&b, &one, START + 5, START), ERR_OK);
	assert_int_equal(banlist_ban(&b, &one, START + 7, START), ERR_OK);
	assert_int_equal(banlist_until(&b, &one, START + 6), START + 7);
	assert_int_equal(banlist_ban(&b, &two, START + 9, START + 6), ERR_LIMIT);
	assert_int_equal(banlist_ban(&b, &two, START + 9, START + 7), ERR_OK);
	assert_int_equal(banlist_until(&b, &one, START + 7), 0);
	banlist_fini(&b);
}

/* Many, in any order: each is found, and the table stays sorted. */
static void
test_many(void **state)
{
	enum { N = 2000 };
	struct banlist b;
	uint32_t n = 1;

	(void)state;
	banlist_init(&b, BANLIST_MAX);
	for (int i = 0; i < N; i++, n = n * 1664525 + 1013904223)
		(void)failures_until_banned(&b, n, START + i);
	for (size_t i = 1; i < b.n; i++)
		assert_true(netaddr_compare(&b.entries[i - 1].block, &b.entries[i].block) < 0);
	assert_int_equal(b.n, N);
	n = 1;
	for (int i = 0; i < N; i++, n = n * 1664525 + 1013904223) {
		struct netaddr a = address(n);
		assert_true(banlist_until(&b, &a, START + i) > 0);
		assert_true(banlist_forget(&b, &a));
	}
	assert_int_equal(b.n, 0);
	banlist_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bans_grow),
	    cmocka_unit_test(test_window),
	    cmocka_unit_test(test_small_offences),
	    cmocka_unit_test(test_forgiving),
	    cmocka_unit_test(test_memory_is_bounded),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
