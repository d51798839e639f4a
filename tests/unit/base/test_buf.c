#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "child.h"

static void
put_text(struct buf *b, const char *text)
{
	assert_int_equal(buf_put(b, text, strlen(text)), ERR_OK);
}

static void
assert_holds(const struct buf *b, const char *text)
{
	assert_int_equal(buf_len(b), strlen(text));
	assert_true(slice_is(buf_slice(b), text));
}

static void
test_new_buffer_is_empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_room(&b), 10);
	assert_int_equal(buf_slice(&b).len, 0);
	assert_int_equal(buf_put(&b, NULL, 0), ERR_OK);
	buf_consume(&b, 0);
	buf_unput(&b, 0);
	buf_fini(&b);

	struct buf zeroed = {0};
	buf_fini(&zeroed);
	buf_wipe(&zeroed);
}

static void
test_append_is_all_or_nothing_at_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	put_text(&b, "12345678");
	assert_int_equal(buf_put(&b, "abc", 3), ERR_NOMEM);
	assert_int_equal(buf_put_u32(&b, 1), ERR_NOMEM);
	assert_int_equal(buf_put_u64(&b, 1), ERR_NOMEM);
	assert_int_equal(buf_put_string(&b, slice_of(NULL, 0)), ERR_NOMEM);
	assert_int_equal(buf_printf(&b, "%s", "abc"), ERR_NOMEM);
	assert_int_equal(buf_put(&b, "x", SIZE_MAX), ERR_NOMEM);
	assert_holds(&b, "12345678");
	put_text(&b, "ab");
	assert_int_equal(buf_room(&b), 0);
	assert_int_equal(buf_put_u8(&b, 1), ERR_NOMEM);
	assert_holds(&b, "12345678ab");
	buf_fini(&b);
}

static void
test_printf_fills_to_the_last_byte(void **state)
{
	static const size_t MAXIMA[] = {1, 5, 255, 256, 257, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MAXIMA); i++) {
		struct buf b;
		buf_init(&b, MAXIMA[i]);
		assert_int_equal(buf_printf(&b, "%s", ""), ERR_OK);
		assert_int_equal(buf_printf(&b, "%0*d", (int)MAXIMA[i], 7), ERR_OK);
		assert_int_equal(buf_len(&b), MAXIMA[i]);
		assert_int_equal(buf_slice(&b).ptr[MAXIMA[i] - 1], '7');
		assert_int_equal(buf_printf(&b, "x"), ERR_NOMEM);
		buf_fini(&b);
	}
}

static void
test_space_that_was_read_is_given_back(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int round = 0; round < 10000; round++) {
		uint8_t block[100] = {0};
		assert_int_equal(buf_put(&b, block, sizeof block), ERR_OK);
		if (buf_len(&b) > 800)
			buf_consume(&b, 100);
	}
	assert_true(b.cap <= 1000);
	buf_fini(&b);
}

static void
test_growth_is_amortised(void **state)
{
	struct buf b;
	size_t n_moves = 0, last_start = 0;
	const uint8_t *last_mem = NULL;

	(void)state;
	/* A queue that is nearly full, far below its maximum: it must grow,
	 * not copy at each turn. */
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++)
		put_text(&b, "0123456789");
	for (int i = 0; i < 10000; i++) {
		buf_consume(&b, 10);
		put_text(&b, "0123456789");
		n_moves += b.mem != last_mem || b.start < last_start ? 1 : 0;
		last_mem = b.mem;
		last_start = b.start;
	}
	assert_in_range(n_moves, 0, 50);
	buf_fini(&b);
}

static void
test_numbers_are_big_endian(void **state)
{
	static const uint8_t WANT[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
	    0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_put_u8(&b, 0x01), ERR_OK);
	assert_int_equal(buf_put_u16(&b, 0x0203), ERR_OK);
	assert_int_equal(buf_put_u32(&b, 0x04050607), ERR_OK);
	assert_int_equal(buf_put_u64(&b, UINT64_C(0x08090a0b0c0d0e0f)), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str("hi")), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str(NULL)), ERR_OK);
	assert_true(slice_equal(buf_slice(&b), slice_of(WANT, sizeof WANT)));
	buf_fini(&b);
}

static void
test_patch_counts_from_the_reading_end(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	put_text(&b, "xxAAAABB");
	buf_consume(&b, 2);
	buf_patch_u32(&b, 0, 0x31323334);
	assert_holds(&b, "1234BB");
	buf_patch_u32(&b, 2, 0x61626364);
	assert_holds(&b, "12abcd");
	buf_fini(&b);
}

static void
test_reservation_is_content_once_committed(void **state)
{
	struct buf b;
	uint8_t *p;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_reserve(&b, 10, &p), ERR_OK);
	memcpy(p, "0123456789", 10);
	assert_int_equal(buf_len(&b), 0);
	buf_commit(&b, 4);
	assert_holds(&b, "0123");
	buf_unput(&b, 3);
	assert_holds(&b, "0");
	buf_clear(&b);
	assert_holds(&b, "");
	buf_fini(&b);
	buf_init(&b, 0);
	assert_int_equal(buf_reserve(&b, 0, &p), ERR_OK);
	assert_int_equal(buf_reserve(&b, 1, &p), ERR_NOMEM);
	buf_fini(&b);
}

enum misuse { CONSUME_TOO_MUCH, UNPUT_TOO_MUCH, COMMIT_TOO_MUCH, PATCH_PAST_END, PATCH_EMPTY };

static int
misuse(void *ctx)
{
	struct buf b;

	buf_init(&b, 64);
	if (*(enum misuse *)ctx != PATCH_EMPTY && buf_put(&b, "abc", 3) != ERR_OK)
		return 1;
	switch (*(enum misuse *)ctx) {
	case CONSUME_TOO_MUCH:
		buf_consume(&b, 4);
		break;
	case UNPUT_TOO_MUCH:
		buf_unput(&b, 4);
		break;
	case COMMIT_TOO_MUCH:
		buf_commit(&b, 62);
		break;
	case PATCH_PAST_END:
	case PATCH_EMPTY:
		buf_patch_u32(&b, 0, 1);
		break;
	}
	return 0;
}

static void
test_misuse_is_a_bug(void **state)
{
	(void)state;
	for (enum misuse m = CONSUME_TOO_MUCH; m <= PATCH_EMPTY; m++)
		assert_true(child_finds_bug(misuse, &m));
}

/* A model: the same queue as a flat array. */
struct model {
	uint8_t bytes[4096];
	size_t len;
};

static uint32_t
next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static void
model_step(struct buf *b, struct model *m, uint64_t *seed)
{
	uint8_t bytes[300];
	size_t n = next_random(seed) % sizeof bytes;
	size_t some = m->len == 0 ? 0 : next_random(seed) % (m->len + 1);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)next_random(seed);
	switch (next_random(seed) % 8) {
	case 0:
		buf_consume(b, some);
		m->len -= some;
		memmove(m->bytes, m->bytes + some, m->len);
		break;
	case 1:
		some /= 4;
		buf_unput(b, some);
		m->len -= some;
		break;
	case 2:
		if (next_random(seed) % 50 == 0) {
			buf_clear(b);
			m->len = 0;
		}
		break;
	default: {
		enum err want = m->len + n > b->max ? ERR_NOMEM : ERR_OK;
		assert_int_equal(buf_put(b, bytes, n), want);
		if (want == ERR_OK) {
			memcpy(m->bytes + m->len, bytes, n);
			m->len += n;
		}
	}
	}
}

static void
test_behaves_as_a_plain_queue(void **state)
{
	static const size_t MAXIMA[] = {1, 100, 255, 256, 257, 512, 1000, 4096};
	uint64_t seed = (uint64_t)time_now_us();

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < ARRAY_LEN(MAXIMA); i++) {
		struct model m = {.len = 0};
		struct buf b;
		buf_init(&b, MAXIMA[i]);
		for (int step = 0; step < 20000; step++) {
			model_step(&b, &m, &seed);
			assert_true(slice_equal(buf_slice(&b), slice_of(m.bytes, m.len)));
			assert_int_equal(buf_room(&b), b.max - m.len);
			assert_true(b.cap <= b.max);
		}
		buf_wipe(&b);
		assert_null(b.mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_new_buffer_is_empty),
	    cmocka_unit_test(test_append_is_all_or_nothing_at_the_maximum),
	    cmocka_unit_test(test_printf_fills_to_the_last_byte),
	    cmocka_unit_test(test_space_that_was_read_is_given_back),
	    cmocka_unit_test(test_growth_is_amortised),
	    cmocka_unit_test(test_numbers_are_big_endian),
	    cmocka_unit_test(test_patch_counts_from_the_reading_end),
	    cmocka_unit_test(test_reservation_is_content_once_committed),
	    cmocka_unit_test(test_misuse_is_a_bug),
	    cmocka_unit_test(test_behaves_as_a_plain_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
