#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sftp/budget.h"

enum { MIB = 1024 * 1024 };

static void
test_begin(void **state)
{
	static const struct {
		int64_t round_trip_us;
		uint64_t window, size;
	} CASES[] = {
	    {0, 0, SFTP_BUDGET_MIN},
	    {100, 0, SFTP_BUDGET_MIN},
	    {-1, 0, SFTP_BUDGET_MIN},
	    {100000, 1024 * MIB, UINT64_C(100000) * 268},
	    {100000, 16 * MIB, 16 * MIB},
	    {100000, MIB, MIB},
	    {INT64_MAX, 0, SFTP_BUDGET_MAX},
	};
	struct sftp_budget b;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		sftp_budget_init(&b, CASES[i].round_trip_us, CASES[i].window);
		assert_int_equal(b.size, CASES[i].size);
	}
}

/* Delivers a whole budget within span_us. */
static void
deliver(struct sftp_budget *b, int64_t *now_us, int64_t span_us)
{
	uint64_t size = b->size;

	sftp_budget_charge(b, size);
	assert_int_equal(sftp_budget_free(b), 0);
	sftp_budget_credit(b, 0, *now_us);
	*now_us += span_us;
	sftp_budget_credit(b, size, *now_us);
	assert_int_equal(b->in_flight, 0);
}

static void
test_growth(void **state)
{
	struct sftp_budget b;
	int64_t now_us = 1;

	(void)state;
	sftp_budget_init(&b, 10000, 32 * MIB);
	/* Slower than a round trip and a half: the line is what bounds. */
	deliver(&b, &now_us, 15001);
	assert_int_equal(b.size, 4 * MIB);
	deliver(&b, &now_us, 15000);
	assert_int_equal(b.size, 8 * MIB);
	deliver(&b, &now_us, 10000);
	deliver(&b, &now_us, 10000);
	deliver(&b, &now_us, 10000);
	assert_int_equal(b.size, 32 * MIB);
	sftp_budget_init_fixed(&b, MIB);
	deliver(&b, &now_us, 1);
	assert_int_equal(b.size, MIB);
}

static void
test_sharing(void **state)
{
	struct sftp_budget b;

	(void)state;
	sftp_budget_init_fixed(&b, 4 * MIB);
	b.n_users = 2;
	/* All of it, while the other leaves it. */
	assert_true(sftp_budget_fits(&b, 0, 4 * MIB));
	sftp_budget_charge(&b, 4 * MIB);
	assert_false(sftp_budget_fits(&b, 4 * MIB, 1));
	/* The other has its part all the same. */
	assert_true(sftp_budget_fits(&b, 0, 2 * MIB));
	assert_false(sftp_budget_fits(&b, 1, 2 * MIB));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_begin),
	    cmocka_unit_test(test_growth),
	    cmocka_unit_test(test_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
