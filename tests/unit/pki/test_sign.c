/* Signatures that we make: ssh-keygen and we ourselves verify them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "child.h"
#include "keys_dir.h"
#include "pki/verify.h"

static const char MESSAGE[] = "what is signed\n";

/* What ssh-keygen -Y signs of a message (PROTOCOL.sshsig), in the namespace "test". */
static void
put_sshsig_data(struct buf *b)
{
	uint8_t digest[SHA512_DIGEST_LENGTH];

	(void)SHA512((const uint8_t *)MESSAGE, sizeof MESSAGE - 1, digest);
	assert_int_equal(buf_put(b, "SSHSIG", 6), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str("test")), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str("")), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str("sha512")), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_of(digest, sizeof digest)), ERR_OK);
}

static void
write_sshsig(struct slice public, struct slice signature)
{
	struct buf blob _cleanup_(buf_fini);
	struct buf text _cleanup_(buf_fini);

	buf_init(&blob, 1 << 16);
	buf_init(&text, 1 << 17);
	assert_int_equal(buf_put(&blob, "SSHSIG", 6), ERR_OK);
	assert_int_equal(buf_put_u32(&blob, 1), ERR_OK);
	assert_int_equal(buf_put_string(&blob, public), ERR_OK);
	assert_int_equal(buf_put_string(&blob, slice_str("test")), ERR_OK);
	assert_int_equal(buf_put_string(&blob, slice_str("")), ERR_OK);
	assert_int_equal(buf_put_string(&blob, slice_str("sha512")), ERR_OK);
	assert_int_equal(buf_put_string(&blob, signature), ERR_OK);
	assert_int_equal(buf_printf(&text, "-----BEGIN SSH SIGNATURE-----\n"), ERR_OK);
	assert_int_equal(blob_to_base64(buf_slice(&blob), &text), ERR_OK);
	assert_int_equal(buf_printf(&text, "\n-----END SSH SIGNATURE-----\n"), ERR_OK);
	assert_int_equal(buf_put_u8(&text, 0), ERR_OK);
	scratch_write(&dir, "made.sig", (const char *)buf_slice(&text).ptr);
	scratch_write(&dir, "message", MESSAGE);
}

static bool
ssh_keygen_verifies(struct slice public, struct slice signature)
{
	write_sshsig(public, signature);
	return material_run(
	    &dir, "ssh-keygen -q -Y check-novalidate -n test -s made.sig <message 2>/dev/null");
}

static void
sign_with(const struct pki_key *key, const char *algorithm)
{
	struct buf data _cleanup_(buf_fini);
	struct buf signature _cleanup_(buf_fini);
	struct slice public = pki_key_blob(key);
	struct pki_sk sk = {.is_sk = true};

	buf_init(&data, 1024);
	buf_init(&signature, PKI_SIGNATURE_MAX);
	put_sshsig_data(&data);
	assert_int_equal(buf_put(&signature, "before", 6), ERR_OK);
	assert_int_equal(pki_sign(key, algorithm, buf_slice(&data), &signature), ERR_OK);
	assert_memory_equal(buf_slice(&signature).ptr, "before", 6);
	buf_consume(&signature, 6);
	assert_true(slice_is(blob_type(buf_slice(&signature)), algorithm));
	assert_int_equal(
	    pki_verify(public, slice_str(algorithm), buf_slice(&data), buf_slice(&signature), &sk),
	    ERR_OK);
	assert_false(sk.is_sk);
	assert_true(ssh_keygen_verifies(public, buf_slice(&signature)));
	/* Not over other data. */
	buf_unput(&data, 1);
	assert_int_equal(
	    pki_verify(public, slice_str(algorithm), buf_slice(&data), buf_slice(&signature), &sk),
	    ERR_ACCESS);
	/* A signature without room leaves the buffer as it was. */
	struct buf small _cleanup_(buf_fini);
	buf_init(&small, buf_len(&signature) - 8);
	assert_int_not_equal(pki_sign(key, algorithm, buf_slice(&data), &small), ERR_OK);
	assert_int_equal(buf_len(&small), 0);
}

static void
makes_signatures_that_others_take(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct pki_key *key = material_key(&dir, KINDS[i].name);
		char pub[64];
		struct buf blob _cleanup_(buf_fini);
		(void)snprintf(pub, sizeof pub, "%s.pub", KINDS[i].name);
		material_blob(&dir, pub, &blob);
		assert_true(slice_equal(pki_key_blob(key), buf_slice(&blob)));
		const char *algorithm = NULL;
		size_t n = 0;
		while ((algorithm = pki_key_algorithm(key, n)) != NULL) {
			sign_with(key, algorithm);
			n++;
		}
		assert_int_equal(n, slice_is(slice_str(KINDS[i].type), "ssh-rsa") ? 2 : 1);
		pki_key_free(key);
	}
	pki_key_free(NULL);
}

/* The numbers of ECDSA have another length now and then: each must be written well. */
static void
writes_short_numbers(void **state)
{
	(void)state;
	for (size_t i = 1; i < 4; i++) {
		struct pki_key *key = material_key(&dir, KINDS[i].name);
		for (uint32_t n = 0; n < 300; n++) {
			struct buf signature _cleanup_(buf_fini);
			struct pki_sk sk;
			uint8_t data[4];
			be32_store(data, n);
			buf_init(&signature, PKI_SIGNATURE_MAX);
			assert_int_equal(
			    pki_sign(key, KINDS[i].type, slice_of(data, 4), &signature), ERR_OK);
			assert_int_equal(pki_verify(pki_key_blob(key), slice_str(KINDS[i].type),
					     slice_of(data, 4), buf_slice(&signature), &sk),
			    ERR_OK);
		}
		pki_key_free(key);
	}
}

static int
sign_with_another(void *ctx)
{
	struct buf signature _cleanup_(buf_fini);

	buf_init(&signature, PKI_SIGNATURE_MAX);
	return pki_sign(ctx, "rsa-sha2-256", slice_str("x"), &signature) == ERR_OK;
}

static void
takes_no_algorithm_of_others(void **state)
{
	struct pki_key *key = material_key(&dir, "ed25519");

	(void)state;
	int status = child_run(sign_with_another, key);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	pki_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_signatures_that_others_take),
	    cmocka_unit_test(writes_short_numbers),
	    cmocka_unit_test(takes_no_algorithm_of_others),
	};

	return cmocka_run_group_tests_name("pki/sign", tests, keys_up, keys_down);
}
