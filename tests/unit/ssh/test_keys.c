/* Key blobs, our own key pairs, host keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "asan.h"
#include "pki/blob.h"
#include "pki/sign.h"
#include "ssh/hostkeys.h"
#include "ssh/transport.h"
#include "ssh/userkey.h"
#include "sweep.h"

static void
decodes_base64(void **state)
{
	static const struct {
		const char *text;
		const char *bytes; /* NULL: it isn't any */
	} CASES[] = {
	    {"Zg==", "f"},
	    {"Zm8=", "fo"},
	    {"Zm9v", "foo"},
	    {"Zm9vYmE=", "fooba"},
	    {"Zm9vYmFy", "foobar"},
	    {"+/+/", "\xfb\xff\xbf"},
	    {"", NULL},
	    {"Z", NULL},
	    {"Zg", NULL},
	    {"Zg=", NULL},
	    {"Zh==", NULL}, /* bits behind the end */
	    {"Zm9=", NULL},
	    {"Z===", NULL},
	    {"====", NULL},
	    {"Zg==Zg==", NULL},
	    {"Zm 9", NULL},
	    {"Zm9\n", NULL},
	    {"Zm9-", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf b _cleanup_(buf_fini);
		buf_init(&b, 100);
		enum err e = blob_from_base64(slice_str(CASES[i].text), &b);
		if ((e == ERR_OK) != (CASES[i].bytes != NULL))
			fail_msg("%s", CASES[i].text);
		if (CASES[i].bytes == NULL) {
			assert_int_equal(buf_len(&b), 0);
			continue;
		}
		assert_true(slice_is(buf_slice(&b), CASES[i].bytes));
		struct buf back _cleanup_(buf_fini);
		buf_init(&back, 100);
		assert_int_equal(blob_to_base64(buf_slice(&b), &back), ERR_OK);
		assert_true(slice_is(buf_slice(&back), CASES[i].text));
	}
	struct buf small _cleanup_(buf_fini);
	buf_init(&small, 2);
	assert_int_equal(blob_from_base64(slice_str("Zm9v"), &small), ERR_NOMEM);
}

/* An RSA blob with a modulus of that many bits. */
static void
make_rsa(size_t bits, struct buf *ret)
{
	uint8_t n[2100] = {0};
	size_t len = (bits + 7) / 8;

	n[1] = (uint8_t)(1u << ((bits - 1) % 8));
	n[len] |= 1; /* a product of odd primes */
	buf_init(ret, BLOB_MAX);
	assert_int_equal(buf_put_string(ret, slice_str("ssh-rsa")), ERR_OK);
	assert_int_equal(buf_put_string(ret, slice_of("\x01\x00\x01", 3)), ERR_OK);
	assert_int_equal(buf_put_string(ret, slice_of(n, len + 1)), ERR_OK);
}

static void
refuses_weak_rsa(void **state)
{
	static const struct {
		size_t bits;
		bool good;
	} CASES[] = {{1, false}, {512, false}, {1024, false}, {2047, false}, {2048, true},
	    {4096, true}, {16384, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf blob _cleanup_(buf_fini);
		make_rsa(CASES[i].bits, &blob);
		assert_int_equal(blob_refusal(buf_slice(&blob)) == NULL, CASES[i].good);
	}
}

static void
refuses_what_is_not_ours(void **state)
{
	static const char *const TYPES[] = {"ssh-dss", "sk-ssh-ed25519@openssh.com",
	    "ssh-ed25519-cert-v01@openssh.com", "made-up", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		struct buf blob _cleanup_(buf_fini);
		buf_init(&blob, 200);
		assert_int_equal(buf_put_string(&blob, slice_str(TYPES[i])), ERR_OK);
		assert_int_equal(buf_put_string(&blob, slice_str("x")), ERR_OK);
		assert_non_null(blob_refusal(buf_slice(&blob)));
	}
	assert_int_equal(blob_type(slice_of("\x00\x00\x00\x20x", 5)).len, 0);
	assert_int_equal(blob_type((struct slice){0}).len, 0);
}

static bool
is_good(const uint8_t *data, size_t len, void *ctx)
{
	(void)ctx;
	return blob_refusal(slice_of(data, len)) == NULL;
}

static void
survives_damaged_blobs(void **state)
{
	struct buf blob _cleanup_(buf_fini);

	(void)state;
	make_rsa(2048, &blob);
	assert_int_equal(sweep_truncations(is_good, buf_slice(&blob).ptr, buf_len(&blob), NULL), 0);
	sweep_bit_flips(is_good, buf_slice(&blob).ptr, buf_len(&blob), NULL);
}

static void
makes_pairs(void **state)
{
	struct buf private _cleanup_(buf_wipe);
	struct buf public _cleanup_(buf_fini);
	struct buf line _cleanup_(buf_fini);
	char fingerprint[64];
	struct story story = {""};

	(void)state;
	buf_init(&private, 8192);
	buf_init(&public, 8192);
	buf_init(&line, 8192);
	assert_int_equal(userkey_generate("at-2026 <x@y>", &private, &public), ERR_OK);
	assert_true(slice_starts_with(
	    buf_slice(&private), slice_str("-----BEGIN OPENSSH PRIVATE KEY-----\n")));
	assert_int_equal(
	    userkey_public(buf_slice(&private), "at-2026 <x@y>", &line, fingerprint, &story),
	    ERR_OK);
	assert_true(slice_equal(buf_slice(&line), buf_slice(&public)));
	assert_int_equal(strlen(fingerprint), strlen("SHA256:") + 43);
	assert_int_equal(
	    userkey_public(buf_slice(&private), NULL, NULL, fingerprint, &story), ERR_OK);
	/* A comment that would start another line. */
	assert_int_equal(userkey_generate("a\nb", &private, &line), ERR_INVALID);
	/* No room for the private half. */
	struct buf small _cleanup_(buf_fini);
	buf_init(&small, 10);
	assert_int_not_equal(userkey_generate("x", &small, &line), ERR_OK);
	assert_int_equal(buf_len(&small), 0);
}

/* A private key with any bit flipped, or cut short, is refused or another key; it never crashes. */
static bool
reads_key(const uint8_t *data, size_t len, void *ctx)
{
	char fingerprint[64];
	struct story story;

	(void)ctx;
#ifdef TEST_WITH_ASAN
	__lsan_disable(); /* libssh 0.10 forgets a string of a key that it refuses */
#endif
	bool ok = userkey_public(slice_of(data, len), NULL, NULL, fingerprint, &story) == ERR_OK;
#ifdef TEST_WITH_ASAN
	__lsan_enable();
#endif
	return ok;
}

static void
survives_damaged_keys(void **state)
{
	struct buf private _cleanup_(buf_wipe);
	struct buf public _cleanup_(buf_fini);

	(void)state;
	buf_init(&private, 8192);
	buf_init(&public, 8192);
	assert_int_equal(userkey_generate("x", &private, &public), ERR_OK);
	assert_true(reads_key(buf_slice(&private).ptr, buf_len(&private), NULL));
	/* The last bytes are the end mark's; without its newline it is still one. */
	size_t n = sweep_truncations(reads_key, buf_slice(&private).ptr, buf_len(&private), NULL);
	assert_true(n <= 1);
	sweep_bit_flips(reads_key, buf_slice(&private).ptr, buf_len(&private), NULL);
}

static void
keeps_one_host_key_of_a_type(void **state)
{
	struct buf private[2], public _cleanup_(buf_fini);
	struct hostkeys *keys;
	struct story story = {""};
	char fingerprint[64];

	(void)state;
	buf_init(&public, 8192);
	assert_int_equal(hostkeys_new(&keys), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		buf_init(&private[i], 8192);
		assert_int_equal(userkey_generate("x", &private[i], &public), ERR_OK);
	}
	assert_int_equal(hostkeys_count(keys), 0);
	assert_int_equal(hostkeys_add(keys, slice_str("no key"), &story), ERR_FORMAT);
	assert_int_equal(hostkeys_add(keys, buf_slice(&private[0]), &story), ERR_OK);
	assert_int_equal(hostkeys_add(keys, buf_slice(&private[1]), &story), ERR_EXISTS);
	assert_int_equal(hostkeys_count(keys), 1);
	assert_int_equal(
	    userkey_public(buf_slice(&private[0]), NULL, NULL, fingerprint, &story), ERR_OK);
	assert_string_equal(hostkeys_fingerprint(keys, 0), fingerprint);
	size_t n;
	const struct pki_key *const *all = hostkeys_all(keys, &n);
	assert_int_equal(n, 1);
	assert_true(slice_is(blob_type(pki_key_blob(all[0])), "ssh-ed25519"));
	buf_wipe(&private[0]);
	buf_wipe(&private[1]);
	hostkeys_free(keys);
	hostkeys_free(NULL);
}

static int
library_up(void **state)
{
	(void)state;
	return transport_library_init() == ERR_OK ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decodes_base64),
	    cmocka_unit_test(refuses_weak_rsa),
	    cmocka_unit_test(refuses_what_is_not_ours),
	    cmocka_unit_test(survives_damaged_blobs),
	    cmocka_unit_test(makes_pairs),
	    cmocka_unit_test(survives_damaged_keys),
	    cmocka_unit_test(keeps_one_host_key_of_a_type),
	};

	return cmocka_run_group_tests_name("ssh/keys", tests, library_up, NULL);
}
