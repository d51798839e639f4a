#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "roles/listener_gate.h"

static const struct gate_limits LIMITS = {
    .max_sessions = 100,
    .max_per_address = 10,
    .max_unauthenticated = 20,
    .drop_from = 10,
    .drop_percent = 30,
};

static const struct {
	struct gate_counts counts;
	uint32_t random;
	enum gate_verdict verdict;
} CASES[] = {
    {{.n_sessions = 0}, 0, GATE_ADMIT},
    {{.n_sessions = 99, .n_of_address = 9, .n_unauthenticated = 9}, 0, GATE_ADMIT},
    {{.n_sessions = 100}, 99, GATE_SESSIONS},
    {{.n_sessions = 5000}, 99, GATE_SESSIONS},
    {{.n_of_address = 10}, 99, GATE_ADDRESS},
    {{.n_unauthenticated = 20}, 99, GATE_UNAUTHENTICATED},
    {{.n_unauthenticated = 4000000000}, 99, GATE_UNAUTHENTICATED},
    {{.n_unauthenticated = 10}, 29, GATE_EARLY},
    {{.n_unauthenticated = 10}, 30, GATE_ADMIT},
    {{.n_unauthenticated = 10}, 4000000029, GATE_EARLY},
    {{.n_unauthenticated = 15}, 64, GATE_EARLY},
    {{.n_unauthenticated = 15}, 65, GATE_ADMIT},
    {{.n_unauthenticated = 19}, 92, GATE_EARLY},
    {{.n_unauthenticated = 19}, 93, GATE_ADMIT},
    {{.banned = true}, 99, GATE_BANNED},
    {{.banned = true, .n_sessions = 100}, 99, GATE_BANNED},
    {{.not_a_proxy = true, .banned = true}, 99, GATE_NOT_A_PROXY},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_int_equal(
		    gate_decide(&LIMITS, &CASES[i].counts, CASES[i].random), CASES[i].verdict);
}

/* More strangers are never let in more readily, and with all places taken nobody is. */
static void
test_grows_evenly(void **state)
{
	(void)state;
	uint32_t before = 0;
	for (uint32_t n = 0; n <= LIMITS.max_unauthenticated; n++) {
		struct gate_counts counts = {.n_unauthenticated = n};
		uint32_t dropped = 0;
		for (uint32_t random = 0; random < 100; random++)
			dropped += gate_decide(&LIMITS, &counts, random) != GATE_ADMIT ? 1 : 0;
		assert_true(dropped >= before);
		assert_int_equal(dropped > 0, n >= LIMITS.drop_from);
		before = dropped;
	}
	assert_int_equal(before, 100);
}

/* Limits that leave no room for chance, and those that leave none for anybody. */
static void
test_odd_limits(void **state)
{
	static const struct gate_limits EDGE = {.max_sessions = 9,
	    .max_per_address = 9,
	    .max_unauthenticated = 5,
	    .drop_from = 5,
	    .drop_percent = 30};
	static const struct gate_limits BEYOND = {.max_sessions = 9,
	    .max_per_address = 9,
	    .max_unauthenticated = 5,
	    .drop_from = 50,
	    .drop_percent = 100};
	static const struct gate_limits NOBODY = {.max_sessions = 0};

	(void)state;
	for (uint32_t n = 0; n < 10; n++) {
		struct gate_counts counts = {.n_unauthenticated = n};
		enum gate_verdict expected = n < 5 ? GATE_ADMIT : GATE_UNAUTHENTICATED;
		assert_int_equal(gate_decide(&EDGE, &counts, 0), expected);
		assert_int_equal(gate_decide(&BEYOND, &counts, 0), expected);
		assert_int_equal(gate_decide(&NOBODY, &counts, 99), GATE_SESSIONS);
	}
}

static void
test_names(void **state)
{
	(void)state;
	for (enum gate_verdict v = GATE_ADMIT + 1; v < GATE_N_VERDICTS; v++)
		assert_true(gate_limit_name(v)[0] != '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_grows_evenly),
	    cmocka_unit_test(test_odd_limits),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
