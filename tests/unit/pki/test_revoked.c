#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "material.h"
#include "pki/revoked.h"
#include "sweep.h"

#define A_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER"
#define B_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAICIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi"
#define KEY_A  "ssh-ed25519 " A_TEXT
#define KEY_B  "ssh-ed25519 " B_TEXT

static struct buf key_a;
static char print_a[BLOB_FINGERPRINT_MAX];

static int
key_up(void **state)
{
	(void)state;
	buf_init(&key_a, 100);
	assert_int_equal(blob_from_base64(slice_str(A_TEXT), &key_a), ERR_OK);
	assert_int_equal(blob_fingerprint(buf_slice(&key_a), print_a), ERR_OK);
	return 0;
}

static int
key_down(void **state)
{
	(void)state;
	buf_fini(&key_a);
	return 0;
}

struct key_case {
	const char *file; /* %s: the fingerprint of A */
	bool revoked;     /* key A */
};

static const struct key_case KEYS[] = {
    {"", false},
    {"# nothing\n\n  \t\n", false},
    {KEY_A, true},
    {KEY_A " a comment\r\n", true},
    {"  " KEY_A "\n", true},
    {KEY_B "\n" KEY_A "\n", true},
    {KEY_B "\n", false},
    {"key: " KEY_A, true},
    {"KEY:" KEY_A, true},
    {"key: " KEY_B, false},
    {"sha256: " KEY_A, true},
    {"sha1: " KEY_A, true},
    {"hash: %s", true},
    {"sha256: %s\n" KEY_B, true},
    {"id: " KEY_A "\nserial: 5\n", false},
    /* What nobody could log in with may stand there. */
    {"ssh-dss AAAAB3NzaC1kc3MAAAAA\n" KEY_A, true},
};

static void
finds_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
		struct buf file _cleanup_(buf_fini);
		struct story story = {""};
		struct revoked *r;
		struct slice rest, head;
		buf_init(&file, 1000);
		rest = slice_cut(slice_str(KEYS[i].file), '%', &head);
		assert_int_equal(buf_put(&file, head.ptr, head.len), ERR_OK);
		if (rest.ptr != NULL)
			assert_int_equal(buf_printf(&file, "%s%.*s", print_a,
					     SLICE_ARG(slice_of(rest.ptr + 1, rest.len - 1))),
			    ERR_OK);
		if (revoked_parse(&r, buf_slice(&file), &story) != ERR_OK)
			fail_msg("case %zu: %s", i, story.text);
		if (revoked_key(r, buf_slice(&key_a)) != KEYS[i].revoked)
			fail_msg("case %zu", i);
		revoked_free(r);
	}
	revoked_free(NULL);
}

struct cert_case {
	const char *file;
	uint64_t serial;
	const char *id;
	bool revoked;
};

static const struct cert_case CERTS[] = {
    {"", 7, "hans", false},
    {"serial: 7", 7, "hans", true},
    {"serial: 7", 8, "hans", false},
    {"serial:7\nserial: 9", 9, "hans", true},
    {"serial: 1-7", 7, "hans", true},
    {"serial: 7-7", 7, "hans", true},
    {"serial: 7 - 9", 9, "hans", true},
    {"serial: 7-9", 6, "hans", false},
    {"serial: 7-9", 10, "hans", false},
    {"serial: 1-18446744073709551615", UINT64_MAX, "hans", true},
    {"serial: 1-18446744073709551615", 0, "hans", false},
    {"id: hans", 0, "hans", true},
    {"id:  hans of x \n", 0, "hans of x", true},
    {"id: hans", 0, "hansi", false},
    {"id: hans", 0, "", false},
    {"id: b\nid: c\nid: a", 0, "a", true},
    {"id: 7", 7, "hans", false},
    {KEY_A, 7, "hans", false},
};

static void
finds_certificates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CERTS); i++) {
		struct revoked *r;
		assert_int_equal(revoked_parse(&r, slice_str(CERTS[i].file), NULL), ERR_OK);
		if (revoked_cert(r, CERTS[i].serial, slice_str(CERTS[i].id)) != CERTS[i].revoked)
			fail_msg("case %zu", i);
		revoked_free(r);
	}
}

/* A list with a line that isn't understood is no list. */
static void
refuses_what_it_does_not_understand(void **state)
{
	static const struct {
		const char *file;
		enum err e;
		const char *story;
	} CASES[] = {
	    {"nonsense", ERR_FORMAT, "line 1 "},
	    {KEY_A "\n\n# c\nkeys: " KEY_A, ERR_FORMAT, "line 4 "},
	    {"ssh-ed25519", ERR_FORMAT, "line 1 "},
	    {"ssh-ed25519 AAAA", ERR_FORMAT, "its key is damaged"},
	    {"ssh-rsa " A_TEXT, ERR_FORMAT, "its key is damaged"},
	    {"key: ", ERR_FORMAT, "no public key"},
	    {"key: SHA256:x", ERR_FORMAT, "no public key"},
	    {"ssh-ed25519-cert-v01@openssh.com "
	     "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t",
		ERR_FORMAT, "a certificate is revoked by"},
	    {"hash: SHA256:", ERR_FORMAT, "its fingerprint"},
	    {"hash: MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", ERR_FORMAT,
		"its fingerprint"},
	    {"hash: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_FORMAT,
		"its fingerprint"},
	    {"hash: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", ERR_FORMAT,
		"its fingerprint"},
	    {"hash: " KEY_A, ERR_FORMAT, "its fingerprint"},
	    {"serial: ", ERR_FORMAT, "its serial"},
	    {"serial: 0", ERR_FORMAT, "its serial"},
	    {"serial: 010", ERR_FORMAT, "its serial"},
	    {"serial: 0x10", ERR_FORMAT, "its serial"},
	    {"serial: +1", ERR_FORMAT, "its serial"},
	    {"serial: 2-1", ERR_FORMAT, "its serial"},
	    {"serial: 1-", ERR_FORMAT, "its serial"},
	    {"serial: -1", ERR_FORMAT, "its serial"},
	    {"serial: 1-2-3", ERR_FORMAT, "its serial"},
	    {"serial: 18446744073709551616", ERR_FORMAT, "its serial"},
	    {"id:", ERR_FORMAT, "its id is empty"},
	    {"SSHKRL\n", ERR_UNSUPPORTED, "binary"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {""};
		struct revoked *r;
		enum err e = revoked_parse(&r, slice_str(CASES[i].file), &story);
		if (e != CASES[i].e || strstr(story.text, CASES[i].story) == NULL)
			fail_msg("%s: %s", CASES[i].file, story.text);
	}
}

static void
keeps_its_limits(void **state)
{
	struct buf file _cleanup_(buf_fini);
	struct story story = {""};
	struct revoked *r;
	uint8_t *p;

	(void)state;
	buf_init(&file, REVOKED_FILE_MAX + 1);
	assert_int_equal(buf_reserve(&file, REVOKED_FILE_MAX + 1, &p), ERR_OK);
	memset(p, '\n', REVOKED_FILE_MAX + 1);
	buf_commit(&file, REVOKED_FILE_MAX + 1);
	assert_int_equal(revoked_parse(&r, buf_slice(&file), &story), ERR_LIMIT);
	buf_unput(&file, 1);
	assert_int_equal(revoked_parse(&r, buf_slice(&file), &story), ERR_OK);
	revoked_free(r);
	memset(p, 'x', REVOKED_FILE_MAX);
	memcpy(p, "id: ", 4);
	assert_int_equal(revoked_parse(&r, buf_slice(&file), &story), ERR_FORMAT);
	assert_non_null(strstr(story.text, "too long"));
}

/* Many keys, out of their order, are all found, and no other is. */
static void
finds_one_among_many(void **state)
{
	struct buf file _cleanup_(buf_fini);
	struct revoked *r;

	(void)state;
	buf_init(&file, REVOKED_FILE_MAX);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			uint8_t point[32] = {0};
			struct buf blob _cleanup_(buf_fini);
			buf_init(&blob, 100);
			be32_store(point, i * 7);
			assert_int_equal(buf_put_string(&blob, slice_str("ssh-ed25519")), ERR_OK);
			assert_int_equal(buf_put_string(&blob, slice_of(point, 32)), ERR_OK);
			if (round == 1) {
				bool want = i * 7 % 2 == 0;
				assert_int_equal(revoked_key(r, buf_slice(&blob)), want);
			} else if (i * 7 % 2 == 0) {
				assert_int_equal(buf_printf(&file, "ssh-ed25519 "), ERR_OK);
				assert_int_equal(blob_to_base64(buf_slice(&blob), &file), ERR_OK);
				assert_int_equal(buf_put_u8(&file, '\n'), ERR_OK);
			}
		}
		if (round == 0)
			assert_int_equal(revoked_parse(&r, buf_slice(&file), NULL), ERR_OK);
	}
	revoked_free(r);
}

static bool
parses(const uint8_t *data, size_t len, void *ctx)
{
	struct revoked *r;

	(void)ctx;
	if (revoked_parse(&r, slice_of(data, len), NULL) != ERR_OK)
		return false;
	(void)revoked_key(r, buf_slice(&key_a));
	(void)revoked_cert(r, 7, slice_str("hans"));
	revoked_free(r);
	return true;
}

static void
survives_damage(void **state)
{
	static const char FILE_TEXT[] = KEY_A "\nsha256: " KEY_B "\nserial: 5-9\nid: hans\n";

	(void)state;
	(void)sweep_truncations(parses, (const uint8_t *)FILE_TEXT, sizeof FILE_TEXT - 1, NULL);
	sweep_bit_flips(parses, (const uint8_t *)FILE_TEXT, sizeof FILE_TEXT - 1, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_keys),
	    cmocka_unit_test(finds_certificates),
	    cmocka_unit_test(refuses_what_it_does_not_understand),
	    cmocka_unit_test(keeps_its_limits),
	    cmocka_unit_test(finds_one_among_many),
	    cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests_name("pki/revoked", tests, key_up, key_down);
}
