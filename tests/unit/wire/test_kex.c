#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "sweep.h"
#include "wire/kex.h"
#include "wire/link.h"

static const struct kex_method *
method_named(const char *name)
{
	for (size_t i = 0; kex_method_at(i) != NULL; i++) {
		if (strcmp(kex_method_at(i)->name, name) == 0)
			return kex_method_at(i);
	}
	fail_msg("no method %s", name);
	return NULL;
}

/* What a fresh pair makes of the peer's value. */
static enum err
try_value(const struct kex_method *method, struct slice value)
{
	struct kex_pair *pair _cleanup_(kex_pair_freep) = NULL;
	struct buf secret _cleanup_(buf_wipe) = {.max = KEX_SECRET_MAX};

	assert_int_equal(kex_pair_new(&pair, method), ERR_OK);
	enum err e = kex_pair_secret(pair, value, &secret);
	assert_int_equal(buf_len(&secret) > 0, e == ERR_OK);
	return e;
}

static void
test_both_sides_come_to_one_secret(void **state)
{
	(void)state;
	for (size_t i = 0; kex_method_at(i) != NULL; i++)
		assert_int_equal(kex_try(kex_method_at(i)), ERR_OK);
}

/* Points whose order is small (RFC 7748 section 6.1 and 7), and theirs beyond the prime. */
static void
test_x25519_refuses_points_that_give_zero(void **state)
{
	static const uint8_t POINTS[][32] = {
	    {0},
	    {1},
	    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
		0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
		0x5f, 0x49, 0xb8, 0x00},
	    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
		0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd,
		0xd0, 0x9f, 0x11, 0x57},
	};
	const struct kex_method *method = method_named("curve25519-sha256");
	uint8_t near_prime[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(POINTS); i++)
		assert_int_equal(try_value(method, slice_of(POINTS[i], 32)), ERR_FORMAT);
	for (unsigned last = 0xec; last <= 0xee; last++) { /* p - 1, p, p + 1 */
		memset(near_prime, 0xff, sizeof near_prime);
		near_prime[0] = (uint8_t)last;
		near_prime[31] = 0x7f;
		assert_int_equal(try_value(method, slice_of(near_prime, 32)), ERR_FORMAT);
	}
	uint8_t nine[33] = {9};
	assert_int_equal(try_value(method, slice_of(nine, 32)), ERR_OK);
	assert_int_equal(try_value(method, slice_of(nine, 31)), ERR_FORMAT);
	assert_int_equal(try_value(method, slice_of(nine, 33)), ERR_FORMAT);
	assert_int_equal(try_value(method, slice_of(NULL, 0)), ERR_FORMAT);
}

static void
public_of(const struct kex_method *method, struct buf *b)
{
	struct kex_pair *pair _cleanup_(kex_pair_freep) = NULL;

	assert_int_equal(kex_pair_new(&pair, method), ERR_OK);
	assert_int_equal(kex_pair_public(pair, b), ERR_OK);
	buf_consume(b, 4);
}

/* A point that is off the curve gives away our key bit by bit; each change of one bit is off. */
static bool
accepts(const uint8_t *data, size_t len, void *ctx)
{
	bool good = try_value(ctx, slice_of(data, len)) == ERR_OK;

	if (good)
		fail_msg("a value was accepted that is no point");
	return good;
}

static void
test_points_off_the_curve_are_refused(void **state)
{
	static const char *const NAMES[] = {
	    "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		struct kex_method method = *method_named(NAMES[i]);
		struct buf value = {.max = KEX_SECRET_MAX};
		uint8_t zeros[1 + 2 * 66] = {4};
		uint8_t compressed[1 + 2 * 66];
		public_of(&method, &value);
		struct slice point = buf_slice(&value);
		assert_int_equal(try_value(&method, point), ERR_OK);
		assert_int_equal(sweep_truncations(accepts, point.ptr, point.len, &method), 0);
		if (i == 0)
			sweep_bit_flips(accepts, point.ptr, point.len, &method);
		assert_int_equal(try_value(&method, slice_of(zeros, point.len)), ERR_FORMAT);
		assert_int_equal(try_value(&method, slice_of("", 1)), ERR_FORMAT); /* infinity */
		memcpy(compressed, point.ptr, point.len);
		compressed[0] = (uint8_t)(2 + (point.ptr[point.len - 1] & 1));
		assert_int_equal(
		    try_value(&method, slice_of(compressed, 1 + point.len / 2)), ERR_FORMAT);
		compressed[0] = (uint8_t)(6 + (point.ptr[point.len - 1] & 1)); /* "hybrid" */
		assert_int_equal(try_value(&method, slice_of(compressed, point.len)), ERR_FORMAT);
		buf_fini(&value);
	}
}

typedef BIGNUM *prime_fn(BIGNUM *bn);

struct group_case {
	const char *name;
	prime_fn *prime;
};

static const struct group_case GROUPS[] = {
    {"diffie-hellman-group14-sha256", BN_get_rfc3526_prime_2048},
    {"diffie-hellman-group16-sha512", BN_get_rfc3526_prime_4096},
    {"diffie-hellman-group18-sha512", BN_get_rfc3526_prime_8192},
};

/* The prime, changed by so much, as the content of an mpint. */
static struct slice
prime_and(const struct group_case *group, long delta, uint8_t bytes[KEX_PUBLIC_MAX])
{
	BIGNUM *p = group->prime(NULL);

	assert_non_null(p);
	assert_int_equal(
	    delta < 0 ? BN_sub_word(p, (BN_ULONG)-delta) : BN_add_word(p, (BN_ULONG)delta), 1);
	bytes[0] = 0;
	size_t len = (size_t)BN_num_bytes(p);
	assert_int_equal(BN_bn2bin(p, bytes + 1), len);
	BN_free(p);
	return slice_of(bytes, len + 1);
}

static void
test_groups_refuse_the_values_at_their_ends(void **state)
{
	uint8_t bytes[KEX_PUBLIC_MAX + 16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GROUPS); i++) {
		const struct kex_method *method = method_named(GROUPS[i].name);
		assert_int_equal(try_value(method, slice_of("", 0)), ERR_FORMAT);
		assert_int_equal(try_value(method, slice_of("\1", 1)), ERR_FORMAT);
		assert_int_equal(try_value(method, slice_of("\2", 1)), ERR_OK);
		assert_int_equal(try_value(method, slice_of("\4", 1)), ERR_OK);
		assert_int_equal(try_value(method, prime_and(&GROUPS[i], -1, bytes)), ERR_FORMAT);
		assert_int_equal(try_value(method, prime_and(&GROUPS[i], 0, bytes)), ERR_FORMAT);
		assert_int_equal(try_value(method, prime_and(&GROUPS[i], 2, bytes)), ERR_FORMAT);
		assert_int_equal(try_value(method, prime_and(&GROUPS[i], -2, bytes)), ERR_OK);
		/* Negative, and with a needless zero. */
		struct slice p = prime_and(&GROUPS[i], -2, bytes);
		assert_int_equal(try_value(method, slice_of(p.ptr + 1, p.len - 1)), ERR_FORMAT);
		assert_int_equal(try_value(method, slice_of("\0\2", 2)), ERR_FORMAT);
		memset(bytes, 0x11, sizeof bytes);
		assert_int_equal(
		    try_value(method, slice_of(bytes, method->public_len + 1)), ERR_FORMAT);
	}
}

static int
setup(void **state)
{
	(void)state;
	return wire_library_init() == ERR_OK ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_sides_come_to_one_secret),
	    cmocka_unit_test(test_x25519_refuses_points_that_give_zero),
	    cmocka_unit_test(test_points_off_the_curve_are_refused),
	    cmocka_unit_test(test_groups_refuse_the_values_at_their_ends),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
