/* Without memory for what it has to put aside, a server ends: a stream has no holes. */
#include "wire/talk.h"

#include <errno.h>

#include "inject.h"

static void
test_no_bytes_are_lost_when_there_is_no_room_for_them(void **state)
{
	struct talk t;
	size_t len;

	(void)state;
	talk_up(&t);
	say_data(&t, "bytes that nobody takes");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	fault_arm(FAULT_MALLOC, 1, 1, ENOMEM);
	assert_null(wire_server_space(t.w, &len));
	assert_true(fault_disarm());
	assert_int_equal(len, 0);
	assert_true(wire_server_is_over(t.w));
	assert_int_equal(wire_server_peek(t.w).len, 0);
	expect_closed(&t, ERR_NOMEM, "no memory");
	talk_end(&t);
}

static void
test_bytes_are_put_aside(void **state)
{
	struct talk t;
	size_t len;

	(void)state;
	talk_up(&t);
	say_data(&t, "bytes that nobody takes");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_non_null(wire_server_space(t.w, &len));
	assert_true(slice_is(wire_server_peek(t.w), "bytes that nobody takes"));
	talk_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_bytes_are_lost_when_there_is_no_room_for_them),
	    cmocka_unit_test(test_bytes_are_put_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
