#include "world.h"

#include "base/clock.h"
#include "transfer/backoff.h"
#include "transfer/turn.h"

struct log {
	struct world *w;
	uint64_t seen[8];
	size_t n;
	enum err fail_with;
};

static enum err
note(void *ctx, const struct turn_args *args)
{
	struct log *log = ctx;

	/* Deeds run after the commit, always. */
	assert_false(ledger_dirty(log->w->gateway.ledger));
	log->seen[log->n++] = args->a;
	return log->fail_with;
}

static enum err
change_and_defer(void *ctx, const struct turn_args *args)
{
	struct log *log = ctx;

	log->seen[log->n++] = args->a;
	assert_int_equal(ledger_note(log->w->gateway.ledger, 0, "x", "", WORLD_NOW), ERR_OK);
	return turn_defer(&log->w->gateway.turn, note, log, (struct turn_args){.a = args->a + 100});
}

static void
deeds_run_in_order_after_the_commit(void **state)
{
	struct log log = {.w = *state};
	struct turn *turn = &log.w->gateway.turn;

	assert_true(turn_is_over(turn));
	assert_int_equal(ledger_note(log.w->gateway.ledger, 0, "x", "", WORLD_NOW), ERR_OK);
	assert_int_equal(turn_defer(turn, note, &log, (struct turn_args){.a = 1}), ERR_OK);
	assert_int_equal(turn_defer(turn, note, &log, (struct turn_args){.a = 2}), ERR_OK);
	assert_false(turn_is_over(turn));
	world_end_turn(log.w);
	assert_true(turn_is_over(turn));
	assert_int_equal(log.n, 2);
	assert_int_equal(log.seen[0], 1);
	assert_int_equal(log.seen[1], 2);
}

static void
a_deed_may_change_and_defer_more(void **state)
{
	struct log log = {.w = *state};
	struct turn *turn = &log.w->gateway.turn;

	assert_int_equal(
	    turn_defer(turn, change_and_defer, &log, (struct turn_args){.a = 1}), ERR_OK);
	world_end_turn(log.w);
	assert_int_equal(log.n, 2);
	assert_int_equal(log.seen[1], 101);
	assert_false(ledger_dirty(log.w->gateway.ledger));
}

static void
a_failed_deed_drops_the_rest(void **state)
{
	struct log log = {.w = *state, .fail_with = ERR_NOSPACE};
	struct turn *turn = &log.w->gateway.turn;

	assert_int_equal(turn_defer(turn, note, &log, (struct turn_args){.a = 1}), ERR_OK);
	assert_int_equal(turn_defer(turn, note, &log, (struct turn_args){.a = 2}), ERR_OK);
	assert_int_equal(turn_end(turn, log.w->gateway.ledger), ERR_NOSPACE);
	assert_int_equal(log.n, 1);
	assert_true(turn_is_over(turn));
}

static void
delays_double_up_to_a_limit(void **state)
{
	static const struct {
		uint32_t n;
		int64_t want_s;
	} CASES[] = {{0, 10}, {1, 10}, {2, 20}, {3, 40}, {9, 2560}, {10, 3600}, {4000000000, 3600}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_int_equal(backoff_delay(10 * US_PER_SEC, CASES[i].n, 3600 * US_PER_SEC),
		    CASES[i].want_s * US_PER_SEC);
	assert_int_equal(backoff_delay(INT64_MAX / 2 + 1, 5, INT64_MAX), INT64_MAX);
}

static void
staging_names_are_told_from_others(void **state)
{
	static const struct {
		const char *name;
		bool ours, output;
		uint64_t id;
	} CASES[] = {
	    {"t42", true, false, 42},
	    {"t42.0-1f3a", true, true, 42},
	    {"t9223372036854775807", true, false, INT64_MAX},
	    {"t9223372036854775808", false, false, 0},
	    {"t", false, false, 0},
	    {"t42.", false, false, 0},
	    {"t42.0", false, false, 0},
	    {"t42.x-1f", false, false, 0},
	    {"t42.0-", false, false, 0},
	    {"t-1", false, false, 0},
	    {"up.erp.0123", false, false, 0},
	    {"", false, false, 0},
	};
	char name[STAGING_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		uint64_t id = 0;
		bool output = false;
		assert_int_equal(staging_parse(CASES[i].name, &id, &output), CASES[i].ours);
		if (CASES[i].ours) {
			assert_int_equal(output, CASES[i].output);
			assert_int_equal(id, CASES[i].id);
		}
	}
	staging_output_name(UINT64_MAX, UINT32_MAX, UINT64_MAX, name);
	assert_true(strlen(name) < STAGING_NAME_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		deeds_run_in_order_after_the_commit, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		a_deed_may_change_and_defer_more, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		a_failed_deed_drops_the_rest, world_setup, world_teardown),
	    cmocka_unit_test(delays_double_up_to_a_limit),
	    cmocka_unit_test(staging_names_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
