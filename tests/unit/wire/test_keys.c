#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "wire/keys.h"
#include "wire/link.h"
#include "wire/mpint.h"

/* K = 0x9a378f9b, H = 1 to 32, session_id = 0x40 to 0x5f; computed by Python's hashlib. */
static const uint8_t SECRET[] = {0, 0, 0, 5, 0, 0x9a, 0x37, 0x8f, 0x9b};

struct key_case {
	enum library_digest digest;
	char letter;
	size_t len;
	const char *key;
};

static const struct key_case KEY_CASES[] = {
    {LIBRARY_SHA256, 'A', 12, "52633b7680a23a8de64f438b"},
    {LIBRARY_SHA256, 'D', 64,
	"7fd90445df2437383635dd32d0a4ef955f0ecb3b5bf5a93f3fc675c244d06db5"
	"a060e738be870eca2d6af2ccd17da3ea4496034166b8333bd814db535ff36185"},
    {LIBRARY_SHA256, 'C', 100,
	"3d63353266b7f4d9bfb7bca7cf217f6b37e6271a83a25e42bd8a1fef11dda4b4"
	"c9a8eff22be8bfae31ab98808d66154cae6375951cfe48415879bd6d88c583f8"
	"f2a5972a33943656cee25b603b3f08a14bc2f6b25310e365bce2e67cec022e91"
	"27f86bd2"},
    {LIBRARY_SHA384, 'F', 64,
	"0c1bf50943a6573ff32ba0033ca145627292ad956a840dc72c59729e222be9a8"
	"a098e2110a717efab8ede3fe79f8bafd9a533ccfa2ad1ae8e821b929c74a41b8"},
    {LIBRARY_SHA512, 'A', 12, "c9643643caf60f4621ecac47"},
    {LIBRARY_SHA512, 'C', 100,
	"fdd44cd4dbd4e5b850c3a66b81f94503a69da8c9931e99f8781d1dd0999981f4"
	"139d3249f5b8a1cabf26101e7c2d4e49120717938dca1bd67c51f2fd4b0fcb66"
	"05158cd479d01979253ae39c879a6652dfb2324fd348bf4b118c95a894a334f6"
	"f81fa698"},
};

static struct keys_source
source_of(enum library_digest digest, uint8_t hash[32], uint8_t session_id[32])
{
	for (size_t i = 0; i < 32; i++) {
		hash[i] = (uint8_t)(1 + i);
		session_id[i] = (uint8_t)(0x40 + i);
	}
	return (struct keys_source){
	    .digest = digest,
	    .secret = slice_of(SECRET, sizeof SECRET),
	    .hash = slice_of(hash, 32),
	    .session_id = slice_of(session_id, 32),
	};
}

static void
test_keys_of_known_exchanges(void **state)
{
	uint8_t hash[32], session_id[32], key[100];
	char text[201];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KEY_CASES); i++) {
		const struct key_case *c = &KEY_CASES[i];
		struct keys_source source = source_of(c->digest, hash, session_id);
		assert_int_equal(keys_derive(&source, c->letter, key, c->len), ERR_OK);
		text_hex(key, c->len, text);
		assert_string_equal(text, c->key);
	}
}

/* The letters of both ways: the IV of one is the other's never. */
static void
test_each_way_has_its_letters(void **state)
{
	uint8_t hash[32], session_id[32], want[64];
	struct keys_source source = source_of(LIBRARY_SHA256, hash, session_id);
	const struct cipher *ctr = cipher_at(3);
	const char letters[2][4] = {"ACE", "BDF"};

	(void)state;
	assert_string_equal(ctr->name, "aes256-ctr");
	for (int way = 0; way < 2; way++) {
		struct seal_keys keys = {0};
		assert_int_equal(
		    keys_derive_seal(
			&source, way == 0 ? KEYS_TO_SERVER : KEYS_TO_CLIENT, ctr, mac_at(0), &keys),
		    ERR_OK);
		assert_int_equal(keys_derive(&source, letters[way][0], want, 16), ERR_OK);
		assert_memory_equal(keys.iv, want, 16);
		assert_int_equal(keys_derive(&source, letters[way][1], want, 32), ERR_OK);
		assert_memory_equal(keys.key, want, 32);
		assert_int_equal(keys_derive(&source, letters[way][2], want, 32), ERR_OK);
		assert_memory_equal(keys.mac, want, 32);
	}
}

static void
test_hash_of_known_exchanges(void **state)
{
	static const char *const WANT[LIBRARY_DIGESTS] = {
	    "82ff4e2adc937f491e90e539f2c2c8b33e593996f47213fe3867f95fc24a75e8",
	    "28459de3a6132a26d4a102215dc98ca033592ae9bd8218b686cfe7b56be854ce"
	    "f6e2fe2fb7cf0ab9a54aaf7f7f5f97d6",
	    "ac04dfb8809372326b53bda6f510e8a97b34ea964151dee298fa9d69f6c90719"
	    "f2048c090c1b3cfc3e635f8a986448e6ea507517c0ccb6b3faf4ec0249a18c1f"};
	const struct slice transcript[KEYS_TRANSCRIPT] = {slice_str("SSH-2.0-c"),
	    slice_str("SSH-2.0-s"),
	    slice_str("\x14"
		      "client"),
	    slice_str("\x14server"), slice_str("hostkey"), slice_str("Qc"), slice_str("Qs")};
	struct keys_hash hash;
	char text[2 * EVP_MAX_MD_SIZE + 1];

	(void)state;
	for (unsigned i = 0; i < LIBRARY_DIGESTS; i++) {
		assert_int_equal(keys_exchange_hash((enum library_digest)i, transcript,
				     slice_of(SECRET, sizeof SECRET), &hash),
		    ERR_OK);
		text_hex(hash.bytes, hash.len, text);
		assert_string_equal(text, WANT[i]);
	}
}

struct mpint_case {
	size_t number_len, len;
	uint8_t number[9], bytes[13];
};

/* RFC 4251 section 5 has the first three. */
static const struct mpint_case MPINTS[] = {
    {1, 4, {0}, {0, 0, 0, 0}},
    {8, 12, {0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7},
	{0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7}},
    {1, 6, {0x80}, {0, 0, 0, 2, 0, 0x80}},
    {0, 4, {0}, {0, 0, 0, 0}},
    {4, 6, {0, 0, 0x7f, 0x00}, {0, 0, 0, 2, 0x7f, 0x00}},
    {3, 7, {0, 0xff, 0x01}, {0, 0, 0, 3, 0, 0xff, 0x01}},
};

static void
test_mpint_has_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MPINTS); i++) {
		const struct mpint_case *c = &MPINTS[i];
		struct buf b = {.max = 64};
		assert_int_equal(mpint_put(&b, slice_of(c->number, c->number_len)), ERR_OK);
		assert_int_equal(buf_len(&b), c->len);
		assert_memory_equal(buf_slice(&b).ptr, c->bytes, c->len);
		assert_int_equal(mpint_is_positive(slice_of(c->bytes + 4, c->len - 4)), c->len > 4);
		buf_fini(&b);
	}
	assert_false(mpint_is_positive(slice_of("\x80", 1)));
	assert_false(mpint_is_positive(slice_of("\0", 1)));
	assert_false(mpint_is_positive(slice_of("\0\x7f", 2)));
	assert_false(mpint_is_positive(slice_of("\xff\xff", 2)));

	struct buf small = {.max = 5};
	assert_int_equal(mpint_put(&small, slice_of("\x80", 1)), ERR_NOMEM);
	assert_int_equal(buf_len(&small), 0);
	buf_fini(&small);
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
	    cmocka_unit_test(test_keys_of_known_exchanges),
	    cmocka_unit_test(test_each_way_has_its_letters),
	    cmocka_unit_test(test_hash_of_known_exchanges),
	    cmocka_unit_test(test_mpint_has_one_form),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
