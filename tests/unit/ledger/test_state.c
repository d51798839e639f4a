#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/state.h"

/*
 * The whole matrix, written down a second time and in another shape: a row per state, a column per
 * event, the first letters of the state that follows, "." for what can't happen.
 */
static const char *const MATRIX[TRANSFER_N_STATES] = {
    /*                     mat ruo van beg int fet gav wor pla tol tak ret wit rel */
    [TRANSFER_SEEN] = "      re  sk  go  .   .   .   fa  .   .   .   .   .   .   .",
    [TRANSFER_READY] = "     .   sk  go  fe  .   .   fa  .   .   .   .   .   .   .",
    [TRANSFER_FETCHING] = "  .   .   go  .   re  st  fa  .   .   .   .   .   .   .",
    [TRANSFER_STAGED] = "    .   .   .   .   st  .   fa  pr  .   .   .   .   he  .",
    [TRANSFER_PROCESSED] = " .   .   .   .   pr  .   fa  .   pu  .   .   .   .   .",
    [TRANSFER_PUBLISHED] = " .   .   .   .   .   .   .   .   .   se2 pu  .   .   .",
    [TRANSFER_SETTLED] = "   .   .   .   .   .   .   .   .   .   .   de  .   .   .",
    [TRANSFER_DELIVERED] = " .   .   .   .   .   .   .   .   .   .   de  .   .   .",
    [TRANSFER_SKIPPED] = "   .   .   .   .   .   .   .   .   .   .   .   re  .   .",
    [TRANSFER_HELD] = "      .   .   .   .   .   .   .   .   .   .   .   re  .   st",
    [TRANSFER_FAILED] = "    .   .   .   .   .   .   .   .   .   .   .   re  .   .",
    [TRANSFER_GONE] = "      .   .   .   .   .   .   .   .   .   .   .   re  .   .",
};

static const struct {
	const char *code;
	enum transfer_state state;
} CODES[] = {
    {"se", TRANSFER_SEEN},
    {"re", TRANSFER_READY},
    {"fe", TRANSFER_FETCHING},
    {"st", TRANSFER_STAGED},
    {"pr", TRANSFER_PROCESSED},
    {"pu", TRANSFER_PUBLISHED},
    {"se2", TRANSFER_SETTLED},
    {"de", TRANSFER_DELIVERED},
    {"sk", TRANSFER_SKIPPED},
    {"he", TRANSFER_HELD},
    {"fa", TRANSFER_FAILED},
    {"go", TRANSFER_GONE},
};

/* The next word of a row. */
static struct slice
next_cell(struct slice *row)
{
	struct slice cell;

	*row = slice_cut(slice_trim(*row), ' ', &cell);
	return cell;
}

static void
check_cell(enum transfer_state from, enum transfer_event event, struct slice cell)
{
	enum transfer_state to = TRANSFER_N_STATES;

	bool legal = transfer_next(from, event, &to);
	if (slice_is(cell, ".")) {
		assert_false(legal);
		assert_int_equal(to, TRANSFER_N_STATES);
		return;
	}
	assert_true(legal);
	for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
		if (slice_is(cell, CODES[i].code)) {
			assert_int_equal(to, CODES[i].state);
			return;
		}
	}
	fail_msg("no such code: %.*s", SLICE_ARG(cell));
}

static void
test_matrix(void **state)
{
	(void)state;
	for (unsigned from = 0; from < TRANSFER_N_STATES; from++) {
		struct slice row = slice_str(MATRIX[from]);
		for (unsigned event = 0; event < TRANSFER_N_EVENTS; event++) {
			struct slice cell = next_cell(&row);
			assert_true(cell.len > 0);
			check_cell((enum transfer_state)from, (enum transfer_event)event, cell);
		}
		assert_int_equal(slice_trim(row).len, 0);
	}
}

static void
test_outside_the_enums(void **state)
{
	enum transfer_state to;

	(void)state;
	assert_false(transfer_next(TRANSFER_N_STATES, TRANSFER_MATCHED, &to));
	assert_false(transfer_next(TRANSFER_SEEN, TRANSFER_N_EVENTS, &to));
}

static void
test_state_names(void **state)
{
	enum transfer_state parsed;

	(void)state;
	for (unsigned i = 0; i < TRANSFER_N_STATES; i++) {
		const char *name = transfer_state_name((enum transfer_state)i);
		assert_true(transfer_state_parse(slice_str(name), &parsed));
		assert_int_equal(parsed, i);
		assert_ptr_equal(name, TRANSFER_STATE_NAMES[i]);
	}
	assert_null(TRANSFER_STATE_NAMES[TRANSFER_N_STATES]);
	assert_string_equal(transfer_state_name(TRANSFER_SEEN), "seen");
	assert_string_equal(transfer_state_name(TRANSFER_GONE), "gone");
}

static void
test_no_state_names(void **state)
{
	static const char *const WRONG[] = {"", "see", "seenx", "Seen", " seen", "seen ", "0", "*"};
	enum transfer_state parsed = TRANSFER_HELD;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WRONG); i++)
		assert_false(transfer_state_parse(slice_str(WRONG[i]), &parsed));
	assert_false(transfer_state_parse(slice_of("seen\0", 5), &parsed));
	assert_int_equal(parsed, TRANSFER_HELD);
}

static void
test_event_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRANSFER_N_EVENTS; i++) {
		const char *name = transfer_event_name((enum transfer_event)i);
		assert_true(strlen(name) > 3);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(name, transfer_event_name((enum transfer_event)j));
	}
	assert_string_equal(transfer_event_name(TRANSFER_FETCH_BEGAN), "fetch-began");
	assert_string_equal(transfer_event_name(TRANSFER_GAVE_UP), "gave-up");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matrix),
	    cmocka_unit_test(test_outside_the_enums),
	    cmocka_unit_test(test_state_names),
	    cmocka_unit_test(test_no_state_names),
	    cmocka_unit_test(test_event_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
