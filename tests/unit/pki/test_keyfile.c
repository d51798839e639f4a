/* Files of private keys: every form that ssh-keygen and openssl write, and what isn't one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys_dir.h"
#include "sweep.h"

static enum err
parse(struct slice content, struct pki_key **ret_key, struct story *story)
{
	*ret_key = NULL;
	enum err e = pki_key_parse(content, "the key", ret_key, story);
	assert_true((e == ERR_OK) == (*ret_key != NULL));
	return e;
}

/* The same key in each form has the same public half. */
static void
reads_every_form(void **state)
{
	static const struct {
		const char *kind;
		const char *make; /* from a copy in ./k, which it may change */
	} CASES[] = {
	    {"ed25519", "true"},
	    {"p256", "true"},
	    {"p384", "true"},
	    {"p521", "true"},
	    {"rsa", "true"},
	    {"rsa", "ssh-keygen -q -p -N '' -m PEM -f k"},
	    {"p256", "ssh-keygen -q -p -N '' -m PEM -f k"},
	    {"p521", "ssh-keygen -q -p -N '' -m PEM -f k"},
	    {"rsa", "ssh-keygen -q -p -N '' -m PKCS8 -f k"},
	    {"p384", "ssh-keygen -q -p -N '' -m PKCS8 -f k"},
	    {"ed25519", "sed -i 's/$/\\r/' k"},
	    {"p256", "ssh-keygen -q -p -N '' -m PKCS8 -f k && openssl ec -in k -conv_form "
		     "compressed -out k 2>/dev/null"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf content _cleanup_(buf_wipe);
		struct buf blob _cleanup_(buf_fini);
		struct story story = {""};
		struct pki_key *key;
		char pub[64];
		assert_true(material_run(
		    &dir, "cp %s k && { %s; } >/dev/null", CASES[i].kind, CASES[i].make));
		material_read(&dir, "k", &content);
		if (parse(buf_slice(&content), &key, &story) != ERR_OK)
			fail_msg("%s: %s: %s", CASES[i].kind, CASES[i].make, story.text);
		(void)snprintf(pub, sizeof pub, "%s.pub", CASES[i].kind);
		material_blob(&dir, pub, &blob);
		assert_true(slice_equal(pki_key_blob(key), buf_slice(&blob)));
		pki_key_free(key);
	}
}

static void
reads_keys_of_openssl(void **state)
{
	static const struct {
		const char *make;
		enum err e;
		const char *story;
	} CASES[] = {
	    {"openssl genpkey -algorithm ed25519 -out k", ERR_OK, ""},
	    {"openssl ecparam -name secp384r1 -genkey -noout -out k", ERR_OK, ""},
	    {"openssl genpkey -algorithm ed448 -out k", ERR_UNSUPPORTED, "its type"},
	    {"openssl ecparam -name secp256k1 -genkey -noout -out k", ERR_UNSUPPORTED, "its type"},
	    {"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out k", ERR_UNSUPPORTED,
		"2048"},
	    {"openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out k",
		ERR_UNSUPPORTED, "its type"},
	    {"openssl genpkey -algorithm x25519 -out k", ERR_UNSUPPORTED, "its type"},
	    {"openssl genpkey -algorithm ed25519 | openssl pkey -aes128 -passout pass:x -out k",
		ERR_UNSUPPORTED, "passphrase"},
	    {"openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out k", ERR_FORMAT,
		"is a public key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf content _cleanup_(buf_wipe);
		struct story story = {""};
		struct pki_key *key;
		assert_true(material_run(&dir, "{ %s; } 2>/dev/null", CASES[i].make));
		material_read(&dir, "k", &content);
		enum err e = parse(buf_slice(&content), &key, &story);
		if (e != CASES[i].e || strstr(story.text, CASES[i].story) == NULL)
			fail_msg("%s: %s: %s", CASES[i].make, err_name(e), story.text);
		pki_key_free(key);
	}
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		const char *make;
		enum err e;
		const char *story;
	} CASES[] = {
	    {"cp ed25519 k; ssh-keygen -q -p -N secret -f k", ERR_UNSUPPORTED, "passphrase"},
	    {"cp rsa k; ssh-keygen -q -p -N secret -m PEM -f k", ERR_UNSUPPORTED, "passphrase"},
	    {"rm -f k; ssh-keygen -q -t rsa -b 1024 -N '' -f k", ERR_UNSUPPORTED, "2048"},
	    {"cp ed25519.pub k", ERR_FORMAT, "is a public key"},
	    {"cp p256.pub k", ERR_FORMAT, "is a public key"},
	    {"ssh-keygen -e -f rsa.pub >k", ERR_FORMAT, "is a public key"},
	    {"echo 'PuTTY-User-Key-File-3: ssh-ed25519' >k", ERR_FORMAT, "puttygen"},
	    {"echo hello >k", ERR_FORMAT, "is not a private key"},
	    {": >k", ERR_FORMAT, "is not a private key"},
	    {"printf '\\0' >k; cat ed25519 >>k", ERR_FORMAT, "is not a private key"},
	    {"cat ed25519 ed25519 >k", ERR_FORMAT, "is damaged"},
	    {"head -c 100 ed25519 >k", ERR_FORMAT, "is damaged"},
	    {"echo '-----BEGIN OPENSSH PRIVATE KEY-----' >k", ERR_FORMAT, "is damaged"},
	    {"head -c 70000 /dev/zero | tr '\\0' x >k", ERR_FORMAT, "is not a private key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf content _cleanup_(buf_wipe);
		struct story story = {""};
		struct pki_key *key;
		assert_true(material_run(&dir, "{ %s; } >/dev/null 2>&1", CASES[i].make));
		material_read(&dir, "k", &content);
		enum err e = parse(buf_slice(&content), &key, &story);
		if (e != CASES[i].e || strstr(story.text, CASES[i].story) == NULL)
			fail_msg("%s: %s: %s", CASES[i].make, err_name(e), story.text);
	}
}

/* The bytes in OpenSSH's armor, and back. */

static void
unarmor(const char *name, struct buf *ret)
{
	struct buf content _cleanup_(buf_wipe);
	struct buf base64 _cleanup_(buf_wipe);
	struct slice rest, line;

	material_read(&dir, name, &content);
	buf_init(&base64, 1 << 16);
	buf_init(ret, 1 << 16);
	for (rest = buf_slice(&content); rest.len > 0;) {
		rest = slice_cut(rest, '\n', &line);
		if (line.len > 0 && line.ptr[0] != '-')
			assert_int_equal(buf_put(&base64, line.ptr, line.len), ERR_OK);
	}
	assert_int_equal(blob_from_base64(buf_slice(&base64), ret), ERR_OK);
}

static void
armor(struct slice bytes, struct buf *ret)
{
	buf_init(ret, 1 << 16);
	assert_int_equal(buf_printf(ret, "-----BEGIN OPENSSH PRIVATE KEY-----\n"), ERR_OK);
	if (bytes.len > 0)
		assert_int_equal(blob_to_base64(bytes, ret), ERR_OK);
	assert_int_equal(buf_printf(ret, "\n-----END OPENSSH PRIVATE KEY-----\n"), ERR_OK);
}

static bool
parses_armored(const uint8_t *bytes, size_t len, void *ctx)
{
	struct buf text _cleanup_(buf_wipe);
	struct story story;
	struct pki_key *key;

	(void)ctx;
	armor(slice_of(bytes, len), &text);
	if (parse(buf_slice(&text), &key, &story) != ERR_OK)
		return false;
	pki_key_free(key);
	return true;
}

/* Of the bytes in the armor every bit counts, but for those of the comment and its length. */
static void
believes_no_damaged_one(void **state)
{
	static const char COMMENT[] = "a comment";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct buf bytes _cleanup_(buf_wipe);
		bool is_rsa = slice_is(slice_str(KINDS[i].type), "ssh-rsa");
		unarmor(KINDS[i].name, &bytes);
		uint8_t *p = bytes.mem + bytes.start;
		size_t len = buf_len(&bytes);
		const uint8_t *comment = memmem(p, len, COMMENT, sizeof COMMENT - 1);
		assert_non_null(comment);
		assert_true(parses_armored(p, len, NULL));
		assert_int_equal(sweep_truncations(parses_armored, p, len, NULL), 0);
		/* A key of RSA is long and slow: one or two bits of each byte. */
		for (size_t bit = 0; bit < len * 8; bit += is_rsa ? 7 : 1) {
			const uint8_t *at = p + bit / 8;
			if (at >= comment - 4 && at < comment + sizeof COMMENT - 1)
				continue;
			p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			if (sweep_decode_exact(parses_armored, p, len, NULL))
				fail_msg("%s: bit %zu of byte %zu of %zu", KINDS[i].name, bit % 8,
				    bit / 8, len);
			p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
	}
}

static bool
parses_text(const uint8_t *text, size_t len, void *ctx)
{
	struct story story;
	struct pki_key *key;

	(void)ctx;
	if (parse(slice_of(text, len), &key, &story) != ERR_OK)
		return false;
	pki_key_free(key);
	return true;
}

/* PEM is libcrypto's: it must only survive. */
static void
survives_damaged_pem(void **state)
{
	struct buf content _cleanup_(buf_wipe);

	(void)state;
	assert_true(
	    material_run(&dir, "cp p256 k && ssh-keygen -q -p -N '' -m PEM -f k >/dev/null"));
	material_read(&dir, "k", &content);
	assert_true(parses_text(buf_slice(&content).ptr, buf_len(&content), NULL));
	/* Without its last newline it is still one. */
	assert_true(
	    sweep_truncations(parses_text, buf_slice(&content).ptr, buf_len(&content), NULL) <= 1);
	sweep_bit_flips(parses_text, buf_slice(&content).ptr, buf_len(&content), NULL);
}

/* Another key's public half in front of the private one. */
static void
refuses_halves_of_two_keys(void **state)
{
	struct buf a _cleanup_(buf_wipe);
	struct buf b _cleanup_(buf_wipe);
	struct buf mixed _cleanup_(buf_wipe);

	(void)state;
	assert_true(material_run(&dir, "rm -f other other.pub; ssh-keygen -q -t ed25519 -N '' -C "
				       "'a comment' -f other"));
	unarmor("ed25519", &a);
	unarmor("other", &b);
	assert_int_equal(buf_len(&a), buf_len(&b));
	/* magic, "none", "none", "", 1; then the blob of 51 bytes with its length. */
	size_t split = 15 + 8 + 8 + 4 + 4 + 55;
	buf_init(&mixed, 4096);
	assert_int_equal(buf_put(&mixed, buf_slice(&a).ptr, split), ERR_OK);
	assert_int_equal(buf_put(&mixed, buf_slice(&b).ptr + split, buf_len(&b) - split), ERR_OK);
	assert_false(parses_armored(buf_slice(&mixed).ptr, buf_len(&mixed), NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_form),
	    cmocka_unit_test(reads_keys_of_openssl),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(believes_no_damaged_one),
	    cmocka_unit_test(survives_damaged_pem),
	    cmocka_unit_test(refuses_halves_of_two_keys),
	};

	return cmocka_run_group_tests_name("pki/keyfile", tests, keys_up, keys_down);
}
