/* Signatures of others: those of ssh-keygen, those of a token made here, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rd.h"
#include "keys_dir.h"
#include "pki/verify.h"
#include "sweep.h"
#include "token.h"

static const char MESSAGE[] = "what is signed\n";

/* A signature, and what it is to be checked against. Initialised by one of the two below. */
struct signed_data {
	struct buf key, data, signature;
	struct slice algorithm;
};

static void
signed_init(struct signed_data *s)
{
	buf_init(&s->key, BLOB_MAX);
	buf_init(&s->data, 4096);
	buf_init(&s->signature, 4096);
}

static void
signed_fini(struct signed_data *s)
{
	buf_fini(&s->key);
	buf_fini(&s->data);
	buf_fini(&s->signature);
}

/* With ssh-keygen -Y sign (PROTOCOL.sshsig). */
static void
sign_with_keygen(struct signed_data *s, const char *name)
{
	struct buf text _cleanup_(buf_fini);
	struct buf base64 _cleanup_(buf_fini);
	struct buf blob _cleanup_(buf_fini);
	uint8_t digest[SHA512_DIGEST_LENGTH];
	struct slice rest, line;

	signed_init(s);
	scratch_write(&dir, "message", MESSAGE);
	assert_true(material_run(&dir,
	    "rm -f message.sig && ssh-keygen -q -Y sign -n test -f %s message 2>/dev/null", name));
	material_read(&dir, "message.sig", &text);
	buf_init(&base64, 1 << 16);
	buf_init(&blob, 1 << 16);
	for (rest = buf_slice(&text); rest.len > 0;) {
		rest = slice_cut(rest, '\n', &line);
		if (line.len > 0 && line.ptr[0] != '-')
			assert_int_equal(buf_put(&base64, line.ptr, line.len), ERR_OK);
	}
	assert_int_equal(blob_from_base64(buf_slice(&base64), &blob), ERR_OK);
	struct rd r = rd_of(buf_slice(&blob));
	assert_true(slice_is(rd_bytes(&r, 6), "SSHSIG"));
	assert_int_equal(rd_u32(&r), 1);
	struct slice key = rd_string(&r, BLOB_MAX);
	assert_int_equal(buf_put(&s->key, key.ptr, key.len), ERR_OK);
	assert_int_equal(buf_put(&s->data, "SSHSIG", 6), ERR_OK);
	for (size_t i = 0; i < 3; i++) /* namespace, reserved, the hash's name */
		assert_int_equal(buf_put_string(&s->data, rd_string(&r, 100)), ERR_OK);
	(void)SHA512((const uint8_t *)MESSAGE, sizeof MESSAGE - 1, digest);
	assert_int_equal(buf_put_string(&s->data, slice_of(digest, sizeof digest)), ERR_OK);
	struct slice signature = rd_string(&r, 4096);
	assert_int_equal(rd_done(&r), ERR_OK);
	assert_int_equal(buf_put(&s->signature, signature.ptr, signature.len), ERR_OK);
	s->algorithm = blob_type(buf_slice(&s->signature));
}

static void
sign_with_token(struct signed_data *s, const struct token *t, uint8_t flags, uint32_t counter)
{
	signed_init(s);
	assert_int_equal(buf_put(&s->data, MESSAGE, sizeof MESSAGE), ERR_OK);
	assert_int_equal(buf_put(&s->key, buf_slice(&t->blob).ptr, buf_len(&t->blob)), ERR_OK);
	token_sign(t, flags, counter, buf_slice(&s->data), &s->signature);
	s->algorithm = slice_str(t->type);
}

static enum err
verify(const struct signed_data *s, struct pki_sk *ret_sk)
{
	return pki_verify(buf_slice(&s->key), s->algorithm, buf_slice(&s->data),
	    buf_slice(&s->signature), ret_sk);
}

static bool
verifies_signature(const uint8_t *data, size_t len, void *ctx)
{
	const struct signed_data *s = ctx;
	struct pki_sk sk;

	return pki_verify(buf_slice(&s->key), s->algorithm, buf_slice(&s->data),
		   slice_of(data, len), &sk) == ERR_OK;
}

static bool
verifies_key(const uint8_t *data, size_t len, void *ctx)
{
	const struct signed_data *s = ctx;
	struct pki_sk sk;

	return pki_verify(slice_of(data, len), s->algorithm, buf_slice(&s->data),
		   buf_slice(&s->signature), &sk) == ERR_OK;
}

/* No flipped bit and no missing byte, in the signature or in the key, is let pass. */
static void
sweep(sweep_decode_fn *decode, struct slice bytes, struct signed_data *s)
{
	uint8_t copy[4096];

	assert_true(bytes.len <= sizeof copy);
	memcpy(copy, bytes.ptr, bytes.len);
	assert_true(decode(copy, bytes.len, s));
	assert_int_equal(sweep_truncations(decode, copy, bytes.len, s), 0);
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (sweep_decode_exact(decode, copy, bytes.len, s))
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}

static void
verifies_what_ssh_keygen_signs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct signed_data s;
		struct pki_sk sk;
		sign_with_keygen(&s, KINDS[i].name);
		assert_int_equal(verify(&s, &sk), ERR_OK);
		assert_false(sk.is_sk);
		sweep(verifies_signature, buf_slice(&s.signature), &s);
		sweep(verifies_key, buf_slice(&s.key), &s);
		assert_int_equal(buf_put_u8(&s.data, 0), ERR_OK);
		assert_int_equal(verify(&s, &sk), ERR_ACCESS);
		signed_fini(&s);
	}
}

static void
verifies_tokens(void **state)
{
	static const uint8_t FLAGS[] = {0, PKI_SK_TOUCHED, PKI_SK_TOUCHED | PKI_SK_VERIFIED, 0xff};

	(void)state;
	for (size_t ec = 0; ec < 2; ec++) {
		struct token t;
		token_init(&t, ec == 1, "ssh:");
		for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
			struct signed_data s;
			struct pki_sk sk;
			sign_with_token(&s, &t, FLAGS[i], 0x01020304);
			assert_int_equal(verify(&s, &sk), ERR_OK);
			assert_true(sk.is_sk);
			assert_int_equal(sk.flags, FLAGS[i]);
			assert_int_equal(sk.counter, 0x01020304);
			sweep(verifies_signature, buf_slice(&s.signature), &s);
			sweep(verifies_key, buf_slice(&s.key), &s);
			/* Nothing is told of a token whose signature is not good. */
			buf_unput(&s.data, 1);
			assert_int_equal(verify(&s, &sk), ERR_ACCESS);
			assert_true(!sk.is_sk && sk.flags == 0 && sk.counter == 0);
			signed_fini(&s);
		}
		token_fini(&t);
	}
}

/* One token, two applications: the name is bound into what is signed. */
static void
binds_the_application(void **state)
{
	(void)state;
	for (size_t ec = 0; ec < 2; ec++) {
		struct token t;
		struct signed_data s;
		struct pki_sk sk;
		token_init(&t, ec == 1, "ssh:");
		t.application = "ssh:elsewhere";
		sign_with_token(&s, &t, PKI_SK_TOUCHED, 1);
		assert_int_equal(verify(&s, &sk), ERR_ACCESS);
		signed_fini(&s);
		token_fini(&t);
	}
}

/* RFC 4253 section 6.6: leading zeros of an RSA signature may be missing, and 1 in 256 has one. */
static void
takes_short_rsa_signatures(void **state)
{
	struct pki_key *key = material_key(&dir, "rsa");
	bool found = false;

	(void)state;
	for (uint32_t n = 0; n < 10000 && !found; n++) {
		struct buf signature _cleanup_(buf_fini);
		struct buf cut _cleanup_(buf_fini);
		struct pki_sk sk;
		uint8_t data[4];
		be32_store(data, n);
		buf_init(&signature, PKI_SIGNATURE_MAX);
		buf_init(&cut, PKI_SIGNATURE_MAX);
		assert_int_equal(
		    pki_sign(key, "rsa-sha2-256", slice_of(data, 4), &signature), ERR_OK);
		struct rd r = rd_of(buf_slice(&signature));
		struct slice name = rd_string(&r, 64), bytes = rd_string(&r, 4096);
		found = bytes.ptr[0] == 0;
		assert_int_equal(buf_put_string(&cut, name), ERR_OK);
		assert_int_equal(
		    buf_put_string(&cut, slice_of(bytes.ptr + 1, bytes.len - 1)), ERR_OK);
		assert_int_equal(pki_verify(pki_key_blob(key), slice_str("rsa-sha2-256"),
				     slice_of(data, 4), buf_slice(&cut), &sk),
		    found ? ERR_OK : ERR_ACCESS);
	}
	assert_true(found);
	pki_key_free(key);
}

static void
knows_which_algorithm_fits(void **state)
{
	static const struct {
		const char *algorithm, *key_type;
		bool fits;
	} CASES[] = {
	    {"ssh-ed25519", "ssh-ed25519", true},
	    {"rsa-sha2-256", "ssh-rsa", true},
	    {"rsa-sha2-512", "ssh-rsa", true},
	    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", true},
	    {"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", true},
	    {"ssh-rsa", "ssh-rsa", false}, /* SHA-1 */
	    {"rsa-sha2-256", "rsa-sha2-256", false},
	    {"rsa-sha2-256", "ssh-ed25519", false},
	    {"ssh-ed25519", "ssh-rsa", false},
	    {"ssh-ed25519", "sk-ssh-ed25519@openssh.com", false},
	    {"sk-ssh-ed25519@openssh.com", "ssh-ed25519", false},
	    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", false},
	    {"ssh-dss", "ssh-dss", false},
	    {"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
		false},
	    {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", false},
	    {"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (pki_algorithm_fits(slice_str(CASES[i].algorithm),
			slice_str(CASES[i].key_type)) != CASES[i].fits)
			fail_msg("%s of %s", CASES[i].algorithm, CASES[i].key_type);
	}
}

static void
refuses_other_algorithms(void **state)
{
	struct signed_data s;
	struct pki_sk sk;

	(void)state;
	sign_with_keygen(&s, "rsa");
	assert_true(slice_is(s.algorithm, "rsa-sha2-512"));
	/* Asked for another than the signature says. */
	s.algorithm = slice_str("rsa-sha2-256");
	assert_int_equal(verify(&s, &sk), ERR_FORMAT);
	s.algorithm = slice_str("ssh-rsa");
	assert_int_equal(verify(&s, &sk), ERR_UNSUPPORTED);
	s.algorithm = slice_str("ssh-ed25519");
	assert_int_equal(verify(&s, &sk), ERR_UNSUPPORTED);
	signed_fini(&s);
}

/* Keys that are none: each with a signature that has the right form. */
static void
refuses_bad_keys(void **state)
{
	struct signed_data s;
	struct pki_sk sk;
	uint8_t *p;

	(void)state;
	sign_with_keygen(&s, "p256");
	/* Another point, not on the curve; then one that isn't written in full. */
	struct slice key = buf_slice(&s.key);
	buf_unput(&s.key, 1);
	assert_int_equal(buf_put_u8(&s.key, key.ptr[key.len - 1] ^ 1), ERR_OK);
	assert_int_equal(verify(&s, &sk), ERR_FORMAT);
	buf_unput(&s.key, 65);
	assert_int_equal(buf_reserve(&s.key, 65, &p), ERR_OK);
	p[0] = 2;
	buf_commit(&s.key, 65);
	assert_int_equal(verify(&s, &sk), ERR_FORMAT);
	buf_clear(&s.key);
	assert_int_equal(verify(&s, &sk), ERR_UNSUPPORTED);
	signed_fini(&s);
}

/* Zero, negative, padded and over-long numbers in an ECDSA signature. */
static void
refuses_bad_numbers(void **state)
{
	static const struct {
		const char *r;
		size_t r_len;
	} CASES[] = {{"", 0}, {"\0", 1}, {"\x80", 1}, {"\0\x01", 2},
	    {"\x01"
	     "0123456789abcdef0123456789abcdef",
		33},
	    {"\0"
	     "\x81"
	     "0123456789abcdef0123456789abcdef",
		34}};
	struct signed_data s;
	struct pki_sk sk;

	(void)state;
	sign_with_keygen(&s, "p256");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf pair _cleanup_(buf_fini);
		buf_init(&pair, 200);
		assert_int_equal(
		    buf_put_string(&pair, slice_of(CASES[i].r, CASES[i].r_len)), ERR_OK);
		assert_int_equal(buf_put_string(&pair, slice_str("\x01")), ERR_OK);
		s.algorithm = slice_str("ecdsa-sha2-nistp256");
		buf_clear(&s.signature);
		assert_int_equal(buf_put_string(&s.signature, s.algorithm), ERR_OK);
		assert_int_equal(buf_put_string(&s.signature, buf_slice(&pair)), ERR_OK);
		assert_int_equal(verify(&s, &sk), ERR_FORMAT);
	}
	signed_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verifies_what_ssh_keygen_signs),
	    cmocka_unit_test(verifies_tokens),
	    cmocka_unit_test(binds_the_application),
	    cmocka_unit_test(takes_short_rsa_signatures),
	    cmocka_unit_test(knows_which_algorithm_fits),
	    cmocka_unit_test(refuses_other_algorithms),
	    cmocka_unit_test(refuses_bad_keys),
	    cmocka_unit_test(refuses_bad_numbers),
	};

	return cmocka_run_group_tests_name("pki/verify", tests, keys_up, keys_down);
}
