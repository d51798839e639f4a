/*
 * Every allocation of pki and of libcrypto below it fails once. A forged signature is never good, a
 * good one good or nothing, a key whole or none; what was there before is still there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "../unit/pki/material.h"
#include "inject.h"
#include "pki/cert.h"
#include "pki/revoked.h"
#include "pki/verify.h"

static struct scratch dir;
static unsigned crypto_nth; /* 0: none fails */
static bool crypto_fired;

static bool
fails_now(void)
{
	if (crypto_nth == 0 || --crypto_nth > 0)
		return false;
	crypto_fired = true;
	return true;
}

static void *
crypto_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails_now() ? NULL : malloc(len);
}

static void *
crypto_realloc(void *p, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails_now() ? NULL : realloc(p, len);
}

static void
crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* Whose allocation fails: ours, or the library's. */
enum whose { OURS_MALLOC, OURS_CALLOC, LIBRARYS, N_WHOSE };

static void
arm(enum whose whose, unsigned nth)
{
	crypto_fired = false;
	if (whose == LIBRARYS)
		crypto_nth = nth;
	else
		fault_arm(whose == OURS_MALLOC ? FAULT_MALLOC : FAULT_CALLOC, nth, 1, ENOMEM);
}

static bool
disarm(void)
{
	crypto_nth = 0;
	return fault_disarm() || crypto_fired;
}

static int
keys_up(void **state)
{
	(void)state;
	material_keys(&dir);
	return material_run(&dir, "ssh-keygen -q -s rsa -I x -n hans p256.pub") ? 0 : -1;
}

static int
keys_down(void **state)
{
	(void)state;
	scratch_fini(&dir);
	return 0;
}

static void
signs_and_verifies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS) * N_WHOSE; i++) {
		enum whose whose = (enum whose)(i % N_WHOSE);
		struct pki_key *key = material_key(&dir, KINDS[i / N_WHOSE].name);
		const char *algorithm = pki_key_algorithm(key, 0);
		bool fired = true;
		for (unsigned nth = 1; fired; nth++) {
			struct buf signature _cleanup_(buf_fini);
			struct pki_sk sk;
			buf_init(&signature, PKI_SIGNATURE_MAX);
			arm(whose, nth);
			enum err e = pki_sign(key, algorithm, slice_str("data"), &signature);
			bool sign_fired = disarm();
			assert_true(e == ERR_OK ? buf_len(&signature) > 0
						: sign_fired && buf_len(&signature) == 0);
			buf_clear(&signature);
			assert_int_equal(
			    pki_sign(key, algorithm, slice_str("data"), &signature), ERR_OK);
			arm(whose, nth);
			e = pki_verify(pki_key_blob(key), slice_str(algorithm), slice_str("data"),
			    buf_slice(&signature), &sk);
			fired = disarm() || sign_fired;
			assert_true(e == ERR_OK || fired);
			arm(whose, nth);
			e = pki_verify(pki_key_blob(key), slice_str(algorithm), slice_str("DATA"),
			    buf_slice(&signature), &sk);
			(void)disarm();
			assert_int_not_equal(e, ERR_OK);
		}
		pki_key_free(key);
	}
}

static void
reads_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS) * N_WHOSE; i++) {
		struct buf content _cleanup_(buf_wipe);
		bool fired = true;
		material_read(&dir, KINDS[i / N_WHOSE].name, &content);
		for (unsigned nth = 1; fired; nth++) {
			struct pki_key *key = NULL;
			struct story story = {""};
			arm((enum whose)(i % N_WHOSE), nth);
			enum err e = pki_key_parse(buf_slice(&content), "the key", &key, &story);
			fired = disarm();
			assert_true(e == ERR_OK || (fired && story.text[0] != '\0'));
			assert_int_equal(e == ERR_OK, key != NULL);
			pki_key_free(key);
		}
	}
}

static void
reads_certificates(void **state)
{
	struct buf blob _cleanup_(buf_fini);

	(void)state;
	material_blob(&dir, "p256-cert.pub", &blob);
	for (size_t i = 0; i < N_WHOSE; i++) {
		bool fired = true;
		for (unsigned nth = 1; fired; nth++) {
			struct cert c;
			arm((enum whose)i, nth);
			enum err e = cert_parse(buf_slice(&blob), &c, NULL);
			fired = disarm();
			assert_true(e == ERR_OK || fired);
			if (e == ERR_OK)
				cert_fini(&c);
		}
	}
}

/* Who can't be looked up is revoked. */
static void
revokes_in_doubt(void **state)
{
	static const char FILE_TEXT[] =
	    "serial: 5\nid: hans\nid: greta\n"
	    "hash: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

	(void)state;
	for (size_t i = 0; i < N_WHOSE; i++) {
		bool fired = true;
		for (unsigned nth = 1; fired; nth++) {
			struct revoked *r;
			arm((enum whose)i, nth);
			enum err e = revoked_parse(&r, slice_str(FILE_TEXT), NULL);
			fired = disarm();
			assert_true(e == ERR_OK || fired);
			if (e != ERR_OK)
				continue;
			arm((enum whose)i, nth);
			bool hans = revoked_cert(r, 1, slice_str("hans"));
			bool klaus = revoked_cert(r, 1, slice_str("klaus"));
			fired = disarm() || fired;
			assert_true(hans);
			assert_true(!klaus || fired);
			revoked_free(r);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signs_and_verifies),
	    cmocka_unit_test(reads_keys),
	    cmocka_unit_test(reads_certificates),
	    cmocka_unit_test(revokes_in_doubt),
	};

	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return 1;
	return cmocka_run_group_tests_name("fault/pki_memory", tests, keys_up, keys_down);
}
