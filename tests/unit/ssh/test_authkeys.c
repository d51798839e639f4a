#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/clock.h"
#include "pki/blob.h"
#include "ssh/authkeys.h"
#include "ssh/authkeys_options.h"
#include "sweep.h"

#define A_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER"
#define B_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAICIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi"
#define KEY_A  "ssh-ed25519 " A_TEXT

static struct buf key_a;

static int
key_up(void **state)
{
	(void)state;
	buf_init(&key_a, 100);
	assert_int_equal(blob_from_base64(slice_str(A_TEXT), &key_a), ERR_OK);
	return 0;
}

static int
key_down(void **state)
{
	(void)state;
	buf_fini(&key_a);
	return 0;
}

struct warned {
	size_t n;
	size_t line;
};

static void
note_warning(void *ctx, size_t line, const char *why)
{
	struct warned *w = ctx;

	assert_true(strlen(why) > 5);
	w->n++;
	w->line = line;
}

static enum authkeys_verdict
verdict_of(const char *file, const char *peer, int64_t now_us, size_t *ret_warnings)
{
	struct warned w = {0};
	struct authkeys *keys;

	assert_int_equal(authkeys_parse(&keys, slice_str(file), note_warning, &w), ERR_OK);
	struct authkeys_result result = authkeys_check(keys, buf_slice(&key_a), peer, now_us);
	authkeys_free(keys);
	*ret_warnings = w.n;
	return result.verdict;
}

struct line_case {
	const char *file;
	enum authkeys_verdict verdict; /* for key A from 192.0.2.7 in 2026 */
	size_t warnings;
};

static const struct line_case LINES[] = {
    {"", AUTHKEYS_NO_SUCH_KEY, 0},
    {"# c\n\n   \n", AUTHKEYS_NO_SUCH_KEY, 0},
    {KEY_A, AUTHKEYS_ALLOWED, 0},
    {KEY_A "\r\n", AUTHKEYS_ALLOWED, 0},
    {"\t " KEY_A " a comment, with \"quotes\n", AUTHKEYS_ALLOWED, 0},
    {"ssh-ed25519 " B_TEXT "\n", AUTHKEYS_NO_SUCH_KEY, 0},
    {"ssh-ed25519 " B_TEXT "\n" KEY_A, AUTHKEYS_ALLOWED, 0},
    /* Keys that aren't any, or none of ours. */
    {"ssh-ed25519\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {"ssh-ed25519 AAAA\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {"ssh-ed25519 " A_TEXT "=\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {"ssh-rsa " A_TEXT "\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {"ssh-dss " A_TEXT "\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {"sk-ssh-ed25519@openssh.com " A_TEXT "\n", AUTHKEYS_NO_SUCH_KEY, 1},
    {A_TEXT "\n", AUTHKEYS_NO_SUCH_KEY, 1},
    /* Options. */
    {"restrict " KEY_A, AUTHKEYS_ALLOWED, 0},
    {"RESTRICT,No-PTY,no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-user-rc " KEY_A,
	AUTHKEYS_ALLOWED, 0},
    {"restrict\t" KEY_A, AUTHKEYS_ALLOWED, 0},
    {"command=\"x\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"restrict,command=\"x\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"cert-authority " KEY_A, AUTHKEYS_NO_SUCH_KEY, 0},
    {"cert-authority " KEY_A "\n" KEY_A, AUTHKEYS_ALLOWED, 0},
    {"cert-authority=\"x\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"principals=\"a\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"cert-authority,principals=\"\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"cert-authority,principals " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"cert-authority,principals=\"a\",principals=\"b\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"no-touch-required,Verify-Required " KEY_A, AUTHKEYS_ALLOWED, 0},
    {"no-touch-required=\"x\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"pty " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"restrict", AUTHKEYS_NO_SUCH_KEY, 1},
    {"restrict, " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"restrict=\"x\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from= " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"192.0.2.7 " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=192.0.2.7 " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"192.0.2.7\\\"\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"192.0.2.7\"x " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"192.0.2.7\",from=\"192.0.2.7\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"from=\"192.0.2.7\" " KEY_A, AUTHKEYS_ALLOWED, 0},
    {"from=\"192.0.2.8\" " KEY_A, AUTHKEYS_WRONG_ADDRESS, 0},
    {"from=\"192.0.2.8\" " KEY_A "\n" KEY_A, AUTHKEYS_ALLOWED, 0},
    {"expiry-time=\"20270101\" " KEY_A, AUTHKEYS_ALLOWED, 0},
    {"expiry-time=\"20250101Z\" " KEY_A, AUTHKEYS_EXPIRED, 0},
    {"expiry-time=\"20270101\",expiry-time=\"20250101\" " KEY_A, AUTHKEYS_EXPIRED, 0},
    {"expiry-time=\"2027\" " KEY_A, AUTHKEYS_NO_SUCH_KEY, 1},
    {"expiry-time=\"20250101Z\",from=\"192.0.2.8\" " KEY_A, AUTHKEYS_EXPIRED, 0},
};

static void
reads_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LINES); i++) {
		size_t warnings;
		enum authkeys_verdict got = verdict_of(
		    LINES[i].file, "192.0.2.7", INT64_C(1780000000) * US_PER_SEC, &warnings);
		if (got != LINES[i].verdict || warnings != LINES[i].warnings)
			fail_msg(
			    "case %zu: %d, %zu warnings: %s", i, (int)got, warnings, LINES[i].file);
	}
}

struct why_case {
	const char *file;
	const char *whys; /* of each line that is told, with its number */
};

#define PRIVATE_WHY "this is a private key; the public half (.pub) belongs here\n"

static const struct why_case WHYS[] = {
    {"command=\"x\" " KEY_A, "1: the option \"command\" is not supported here\n"},
    {"restrict,TUNNEL=\"x\" " KEY_A, "1: the option \"tunnel\" is not supported here\n"},
    {"principals=\"a\" " KEY_A, "1: its principals= has no cert-authority beside it\n"},
    {"cert-authority,principals=\"a,,b\" " KEY_A, "1: its principals= has an empty name\n"},
    {"comand=\"x\" " KEY_A,
	"1: it begins neither with a type of key nor with an option that is known here\n"},
    {"ssh-foo AAAA\nsk-foo@x AAAA\n", "1: its key is of a type that is not supported here\n"
				      "2: its key is of a type that is not supported here\n"},
    /* Nothing of it is told but that it is there; keys around it count. */
    {"-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\nc2VjcmV0=\n"
     "-----END OPENSSH PRIVATE KEY-----\nnonsense\n" KEY_A "\n",
	"1: " PRIVATE_WHY
	"5: it begins neither with a type of key nor with an option that is known here\n"},
    {KEY_A "\n-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n", "2: " PRIVATE_WHY},
    {"-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN RSA PRIVATE KEY-----\n",
	"1: " PRIVATE_WHY "2: " PRIVATE_WHY},
    {"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-MAC: 00\n", "1: " PRIVATE_WHY},
    {"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n",
	"1: this is a public key in another format (ssh-keygen -i -f FILE converts it)\n"},
    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	"1: this is a public key in another format (ssh-keygen -i -m PKCS8 -f FILE converts "
	"it)\n"},
};

struct told {
	char text[1024];
	size_t len;
};

static void
note_words(void *ctx, size_t line, const char *why)
{
	struct told *told = ctx;

	told->len += (size_t)snprintf(
	    told->text + told->len, sizeof told->text - told->len, "%zu: %s\n", line, why);
	assert_true(told->len < sizeof told->text);
}

static void
tells_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WHYS); i++) {
		struct told told = {.text = ""};
		struct authkeys *keys;
		assert_int_equal(
		    authkeys_parse(&keys, slice_str(WHYS[i].file), note_words, &told), ERR_OK);
		authkeys_free(keys);
		assert_string_equal(told.text, WHYS[i].whys);
	}
}

struct cert_case {
	const char *file;
	const char *principals; /* with a comma where a NUL would be */
	enum authkeys_verdict verdict;
};

/* For certificates of authority A, as the account "hans", from 192.0.2.7. */
static const struct cert_case CERTS[] = {
    {"", "hans,", AUTHKEYS_NO_SUCH_KEY},
    {KEY_A, "hans,", AUTHKEYS_NO_SUCH_KEY},
    {"cert-authority ssh-ed25519 " B_TEXT, "hans,", AUTHKEYS_NO_SUCH_KEY},
    {"cert-authority " KEY_A, "hans,", AUTHKEYS_ALLOWED},
    {"cert-authority " KEY_A, "ops,hans,", AUTHKEYS_ALLOWED},
    {"cert-authority " KEY_A, "hans", AUTHKEYS_ALLOWED},
    {"cert-authority " KEY_A, "", AUTHKEYS_WRONG_PRINCIPAL},
    {"cert-authority " KEY_A, ",,", AUTHKEYS_WRONG_PRINCIPAL},
    {"cert-authority " KEY_A, "han,hansi,Hans,", AUTHKEYS_WRONG_PRINCIPAL},
    {"cert-authority,principals=\"ops,dev\" " KEY_A, "hans,", AUTHKEYS_WRONG_PRINCIPAL},
    {"cert-authority,principals=\"ops,dev\" " KEY_A, "x,dev,", AUTHKEYS_ALLOWED},
    {"principals=\"ops\",cert-authority " KEY_A, "ops,", AUTHKEYS_ALLOWED},
    {"cert-authority,principals=\"o*\" " KEY_A, "ops,", AUTHKEYS_WRONG_PRINCIPAL},
    {"cert-authority,principals=\"ops\" " KEY_A "\ncert-authority " KEY_A, "hans,",
	AUTHKEYS_ALLOWED},
    {"cert-authority,from=\"192.0.2.8\" " KEY_A, "hans,", AUTHKEYS_WRONG_ADDRESS},
    {"cert-authority,expiry-time=\"20250101Z\" " KEY_A, "hans,", AUTHKEYS_EXPIRED},
};

static void
trusts_authorities(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CERTS); i++) {
		struct authkeys *keys;
		char principals[100];
		size_t len = strlen(CERTS[i].principals);
		for (size_t at = 0; at < len; at++)
			principals[at] =
			    (char)(CERTS[i].principals[at] == ',' ? 0 : CERTS[i].principals[at]);
		assert_int_equal(
		    authkeys_parse(&keys, slice_str(CERTS[i].file), NULL, NULL), ERR_OK);
		struct authkeys_result result =
		    authkeys_check_cert(keys, buf_slice(&key_a), slice_of(principals, len), "hans",
			"192.0.2.7", INT64_C(1780000000) * US_PER_SEC);
		if (result.verdict != CERTS[i].verdict)
			fail_msg("case %zu: %d", i, (int)result.verdict);
		authkeys_free(keys);
	}
}

/* The policy is that of the line that let the key in. */
static void
tells_what_a_token_must_show(void **state)
{
	static const char FILE_TEXT[] = "no-touch-required,from=\"192.0.2.8\" " KEY_A "\n"
					"verify-required " KEY_A "\n";
	struct authkeys *keys;

	(void)state;
	assert_int_equal(authkeys_parse(&keys, slice_str(FILE_TEXT), NULL, NULL), ERR_OK);
	struct authkeys_result result = authkeys_check(keys, buf_slice(&key_a), "192.0.2.7", 0);
	assert_int_equal(result.verdict, AUTHKEYS_ALLOWED);
	assert_int_equal(result.line, 2);
	assert_true(result.verify_required && !result.no_touch_required);
	result = authkeys_check(keys, buf_slice(&key_a), "192.0.2.8", 0);
	assert_int_equal(result.line, 1);
	assert_true(!result.verify_required && result.no_touch_required);
	authkeys_free(keys);
}

/* Keys that live in a token are keys. */
static void
takes_fido_keys(void **state)
{
	static const char *const TYPES[] = {
	    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"};
	uint8_t point[65] = {4};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		struct buf blob _cleanup_(buf_fini);
		struct buf line _cleanup_(buf_fini);
		struct authkeys *keys;
		buf_init(&blob, 400);
		buf_init(&line, 800);
		assert_int_equal(buf_put_string(&blob, slice_str(TYPES[i])), ERR_OK);
		if (i == 1)
			assert_int_equal(buf_put_string(&blob, slice_str("nistp256")), ERR_OK);
		assert_int_equal(buf_put_string(&blob, slice_of(point, i == 0 ? 32 : 65)), ERR_OK);
		assert_int_equal(buf_put_string(&blob, slice_str("ssh:")), ERR_OK);
		assert_int_equal(buf_printf(&line, "%s ", TYPES[i]), ERR_OK);
		assert_int_equal(blob_to_base64(buf_slice(&blob), &line), ERR_OK);
		assert_int_equal(authkeys_parse(&keys, buf_slice(&line), NULL, NULL), ERR_OK);
		struct authkeys_result result =
		    authkeys_check(keys, buf_slice(&blob), "192.0.2.7", 0);
		assert_int_equal(result.verdict, AUTHKEYS_ALLOWED);
		assert_false(result.no_touch_required);
		authkeys_free(keys);
	}
}

/* Nobody has to listen. */
static void
keys_around_a_private_one_count(void **state)
{
	static const char FILE_TEXT[] = "-----BEGIN RSA PRIVATE KEY-----\nc2Vj\n" KEY_A "\n";
	struct authkeys *keys;

	(void)state;
	assert_int_equal(authkeys_parse(&keys, slice_str(FILE_TEXT), NULL, NULL), ERR_OK);
	assert_int_equal(authkeys_count(keys), 1);
	authkeys_free(keys);
}

struct from_case {
	const char *from;
	const char *peer;
	bool allowed;
};

static const struct from_case FROMS[] = {
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "::ffff:192.0.2.7", true},
    {"192.0.2.7", "192.0.2.70", false},
    {"192.0.2.*", "192.0.2.70", true},
    {"192.0.2.?", "192.0.2.70", false},
    {"*", "192.0.2.7", true},
    {"*", "2001:db8::1", true},
    {"*", "not-an-address", false},
    {"*", "", false},
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.0/25", "192.0.2.128", false},
    {"192.0.2.7/32", "192.0.2.7", true},
    {"0.0.0.0/0", "192.0.2.7", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"2001:db8::/32", "2001:db8:1::5", true},
    {"2001:db8::/33", "2001:db8:8000::5", false},
    {"::/0", "2001:db8::1", true},
    {"2001:DB8::1", "2001:db8:0::1", true},
    {"2001:db8:0:0::1", "2001:db8::1", true},
    {"*,!2001:db8:0:0:0:0:0:1", "2001:db8::1", false},
    {"*,!::ffff:192.0.2.1", "192.0.2.1", false},
    {"*,!::ffff:192.0.2.1", "::ffff:192.0.2.1", false},
    {"*,!::ffff:192.0.2.1", "192.0.2.2", true},
    {"fe80::1", "fe80::1%eth0", true},
    {"192.0.2.0/24,!192.0.2.7", "192.0.2.7", false},
    {"!192.0.2.7,192.0.2.0/24", "192.0.2.7", false},
    {"!192.0.2.0/24,*", "192.0.2.7", false},
    {"!192.0.2.0/24,*", "198.51.100.1", true},
    {"!*,192.0.2.7", "192.0.2.7", false},
    {"host.example,192.0.2.7", "192.0.2.7", true},
    {"*.example,192.0.2.8", "192.0.2.7", false},
};

static void
matches_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FROMS); i++) {
		assert_null(authkeys_from_refusal(slice_str(FROMS[i].from)));
		if (authkeys_from_allows(slice_str(FROMS[i].from), FROMS[i].peer) !=
		    FROMS[i].allowed)
			fail_msg("%s from %s", FROMS[i].peer, FROMS[i].from);
	}
}

static void
refuses_lists_that_it_cannot_keep(void **state)
{
	static const char *const LISTS[] = {"", "host.example", "!192.0.2.7", "*,!host.example",
	    "192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24x", "/24",
	    "::1/64", "*,!", "x/8"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LISTS); i++)
		assert_non_null(authkeys_from_refusal(slice_str(LISTS[i])));
}

static void
reads_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: no date */
	} CASES[] = {
	    {"19700101Z", 0},
	    {"20260301Z", 1772323200},
	    {"202603010102Z", 1772326920},
	    {"20260301010203Z", 1772326923},
	    {"20260301010203z", 1772326923},
	    {"20240229Z", 1709164800},
	    {"99991231Z", INT64_C(253402214400)},
	    {"20230229Z", -1},
	    {"20260001Z", -1},
	    {"20261301Z", -1},
	    {"20260100Z", -1},
	    {"20260132Z", -1},
	    {"202603012460Z", -1},
	    {"202603012400Z", -1},
	    {"20260301235960Z", -1},
	    {"2026030Z", -1},
	    {"2026030101Z", -1},
	    {"Z", -1},
	    {"", -1},
	    {"2026-03-01", -1},
	    {"+2026030", -1},
	    {"19691231Z", -1},
	    {"20260301ZZ", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		int64_t at_us = -1;
		bool ok = authkeys_expiry_parse(slice_str(CASES[i].text), &at_us);
		if (ok != (CASES[i].seconds >= 0) || (ok && at_us != CASES[i].seconds * US_PER_SEC))
			fail_msg("%s: %lld", CASES[i].text, (long long)at_us);
	}
	/* Without the Z it is the system's own time: no more than 14 hours off. */
	int64_t local;
	assert_true(authkeys_expiry_parse(slice_str("20260301"), &local));
	assert_true(local / US_PER_SEC > 1772323200 - 15 * 3600);
	assert_true(local / US_PER_SEC < 1772323200 + 15 * 3600);
}

static bool
lets_in(const uint8_t *data, size_t len, void *ctx)
{
	struct authkeys *keys;

	(void)ctx;
	assert_int_equal(authkeys_parse(&keys, slice_of(data, len), NULL, NULL), ERR_OK);
	bool allowed =
	    authkeys_check(keys, buf_slice(&key_a), "198.51.100.1", 0).verdict == AUTHKEYS_ALLOWED;
	authkeys_free(keys);
	return allowed;
}

/* No damage opens a line that excludes the peer: not a lost end, not a lost bit. */
static void
survives_damage(void **state)
{
	static const char LINE[] = "from=\"192.0.2.0/24,!192.0.2.7\",restrict " KEY_A;

	(void)state;
	assert_int_equal(
	    sweep_truncations(lets_in, (const uint8_t *)LINE, sizeof LINE - 1, NULL), 0);
	sweep_bit_flips(lets_in, (const uint8_t *)LINE, sizeof LINE - 1, NULL);
}

static void
keeps_its_limits(void **state)
{
	struct buf file _cleanup_(buf_fini);
	struct authkeys *keys;
	struct warned w = {0};
	uint8_t *room;

	(void)state;
	buf_init(&file, AUTHKEYS_FILE_MAX + 1);
	assert_int_equal(buf_put(&file, "x\n" KEY_A " ", strlen(KEY_A) + 3), ERR_OK);
	assert_int_equal(buf_reserve(&file, AUTHKEYS_LINE_MAX, &room), ERR_OK);
	memset(room, 'c', AUTHKEYS_LINE_MAX);
	buf_commit(&file, AUTHKEYS_LINE_MAX);
	assert_int_equal(authkeys_parse(&keys, buf_slice(&file), note_warning, &w), ERR_OK);
	assert_int_equal(authkeys_count(keys), 0);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.line, 2);
	authkeys_free(keys);
	size_t fill = AUTHKEYS_FILE_MAX + 1 - buf_len(&file);
	assert_int_equal(buf_reserve(&file, fill, &room), ERR_OK);
	memset(room, '\n', fill);
	buf_commit(&file, fill);
	assert_int_equal(authkeys_parse(&keys, buf_slice(&file), NULL, NULL), ERR_LIMIT);
	authkeys_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_lines),
	    cmocka_unit_test(tells_why),
	    cmocka_unit_test(trusts_authorities),
	    cmocka_unit_test(tells_what_a_token_must_show),
	    cmocka_unit_test(takes_fido_keys),
	    cmocka_unit_test(keys_around_a_private_one_count),
	    cmocka_unit_test(matches_addresses),
	    cmocka_unit_test(refuses_lists_that_it_cannot_keep),
	    cmocka_unit_test(reads_dates),
	    cmocka_unit_test(survives_damage),
	    cmocka_unit_test(keeps_its_limits),
	};

	return cmocka_run_group_tests_name("ssh/authkeys", tests, key_up, key_down);
}
