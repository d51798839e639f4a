#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rd.h"
#include "sweep.h"

static void
test_reads_what_buf_wrote(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	assert_int_equal(buf_put_u8(&b, UINT8_MAX), ERR_OK);
	assert_int_equal(buf_put_u16(&b, UINT16_MAX - 1), ERR_OK);
	assert_int_equal(buf_put_u32(&b, UINT32_MAX - 2), ERR_OK);
	assert_int_equal(buf_put_u64(&b, UINT64_MAX - 3), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str("text")), ERR_OK);
	assert_int_equal(buf_put(&b, "rest", 4), ERR_OK);

	struct rd r = rd_of(buf_slice(&b));
	assert_int_equal(rd_u8(&r), UINT8_MAX);
	assert_int_equal(rd_u16(&r), UINT16_MAX - 1);
	assert_int_equal(rd_u32(&r), UINT32_MAX - 2);
	assert_true(rd_u64(&r) == UINT64_MAX - 3);
	assert_true(slice_is(rd_string(&r, 4), "text"));
	assert_int_equal(rd_done(&r), ERR_FORMAT);
	assert_true(slice_is(rd_bytes(&r, 2), "re"));
	assert_true(slice_is(rd_rest(&r), "st"));
	assert_int_equal(rd_done(&r), ERR_OK);
	buf_fini(&b);
}

static void
test_failure_sticks(void **state)
{
	static const uint8_t BYTES[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct rd r = rd_of(slice_of(BYTES, 3));

	(void)state;
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_u16(&r), 0);
	assert_true(rd_u64(&r) == 0);
	assert_int_equal(rd_bytes(&r, 0).len, 0);
	assert_int_equal(rd_string(&r, 100).len, 0);
	assert_int_equal(rd_rest(&r).len, 0);
	assert_int_equal(rd_done(&r), ERR_FORMAT);
}

struct string_case {
	uint8_t bytes[8];
	size_t len;
	size_t max;
	bool good;
};

static void
test_string_keeps_to_its_bound(void **state)
{
	static const struct string_case CASES[] = {
	    {{0, 0, 0, 0}, 4, 0, true},
	    {{0, 0, 0, 1, 'a'}, 5, 1, true},
	    {{0, 0, 0, 1, 'a'}, 5, 0, false},
	    {{0, 0, 0, 2, 'a'}, 5, 9, false},
	    {{0, 0, 0}, 3, 9, false},
	    {{0}, 0, 9, false},
	    {{0xff, 0xff, 0xff, 0xff, 'a'}, 5, SIZE_MAX, false},
	    {{0x80, 0, 0, 0, 'a'}, 5, SIZE_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct rd r = rd_of(slice_of(CASES[i].bytes, CASES[i].len));
		(void)rd_string(&r, CASES[i].max);
		assert_int_equal(rd_done(&r), CASES[i].good ? ERR_OK : ERR_FORMAT);
	}
}

static void
test_empty_input(void **state)
{
	struct rd r = rd_of(slice_of(NULL, 0));

	(void)state;
	assert_int_equal(rd_rest(&r).len, 0);
	assert_int_equal(rd_bytes(&r, 0).len, 0);
	assert_int_equal(rd_done(&r), ERR_OK);
	assert_int_equal(rd_bytes(&r, SIZE_MAX).len, 0);
	assert_int_equal(rd_done(&r), ERR_FORMAT);
}

static bool
decode_sample(const uint8_t *data, size_t len, void *ctx)
{
	struct rd r = rd_of(slice_of(data, len));

	(void)ctx;
	(void)rd_u8(&r);
	(void)rd_string(&r, 64);
	(void)rd_u64(&r);
	(void)rd_string(&r, 64);
	return rd_done(&r) == ERR_OK;
}

static void
test_sweeps(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	assert_int_equal(buf_put_u8(&b, 7), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str("first")), ERR_OK);
	assert_int_equal(buf_put_u64(&b, 42), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str("second")), ERR_OK);
	struct slice s = buf_slice(&b);
	assert_true(sweep_decode_exact(decode_sample, s.ptr, s.len, NULL));
	assert_int_equal(sweep_truncations(decode_sample, s.ptr, s.len, NULL), 0);
	sweep_bit_flips(decode_sample, s.ptr, s.len, NULL);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads_what_buf_wrote),
	    cmocka_unit_test(test_failure_sticks),
	    cmocka_unit_test(test_string_keeps_to_its_bound),
	    cmocka_unit_test(test_empty_input),
	    cmocka_unit_test(test_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
