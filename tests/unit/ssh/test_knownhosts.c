#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "pki/blob.h"
#include "ssh/knownhosts.h"
#include "sweep.h"

/* Two made-up keys of 32 bytes each, 0x11… and 0x22…, and their lines' text. */
#define A_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER"
#define B_TEXT "AAAAC3NzaC1lZDI1NTE5AAAAICIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi"
#define ED     "ssh-ed25519 "
#define SALT   "MTExMTExMTExMTExMTExMTExMTE="

static struct buf key_a, key_b;

static int
keys_up(void **state)
{
	(void)state;
	buf_init(&key_a, 100);
	buf_init(&key_b, 100);
	assert_int_equal(blob_from_base64(slice_str(A_TEXT), &key_a), ERR_OK);
	assert_int_equal(blob_from_base64(slice_str(B_TEXT), &key_b), ERR_OK);
	return 0;
}

static int
keys_down(void **state)
{
	(void)state;
	buf_fini(&key_a);
	buf_fini(&key_b);
	return 0;
}

struct check_case {
	const char *file;
	const char *host;
	uint16_t port;
	enum knownhosts_verdict verdict;
	size_t line;
};

/* Key A is shown. */
static const struct check_case CHECKS[] = {
    {"", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"h " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"h " ED A_TEXT, "h", 22, KNOWNHOSTS_MATCH, 1},
    {"h " ED A_TEXT "\r\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"  \th\t" ED A_TEXT " a comment\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"# c\n\nh " ED A_TEXT "\n", "H", 22, KNOWNHOSTS_MATCH, 3},
    {"H.Example " ED A_TEXT "\n", "h.eXample", 22, KNOWNHOSTS_MATCH, 1},
    {"h " ED B_TEXT "\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    {"h " ED B_TEXT "\nh " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 2},
    {"h ssh-rsa " B_TEXT "\nh " ED B_TEXT "\n", "h", 22, KNOWNHOSTS_CHANGED, 2},
    {"h ssh-rsa " B_TEXT "\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    {"h ssh-rsa " A_TEXT "\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    /* Ports. */
    {"h " ED A_TEXT "\n", "h", 2222, KNOWNHOSTS_UNKNOWN, 0},
    {"[h]:2222 " ED A_TEXT "\n", "h", 2222, KNOWNHOSTS_MATCH, 1},
    {"[h]:2222 " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"[h]:2222 " ED A_TEXT "\n", "h", 222, KNOWNHOSTS_UNKNOWN, 0},
    {"[2001:db8::1]:2222 " ED A_TEXT "\n", "2001:db8::1", 2222, KNOWNHOSTS_MATCH, 1},
    {"2001:db8::1 " ED A_TEXT "\n", "2001:db8::1", 22, KNOWNHOSTS_MATCH, 1},
    /* Lists and patterns. */
    {"g,h,i " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"*.example " ED A_TEXT "\n", "a.example", 22, KNOWNHOSTS_MATCH, 1},
    {"*.example " ED A_TEXT "\n", "example", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"h? " ED A_TEXT "\n", "h1", 22, KNOWNHOSTS_MATCH, 1},
    {"h? " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"*,!h " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"!h,* " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"!g,* " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"!g " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    /* Markers. */
    {"@revoked h " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_REVOKED, 1},
    {"h " ED A_TEXT "\n@revoked * " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_REVOKED, 2},
    {"@revoked * " ED A_TEXT "\nh " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_REVOKED, 1},
    {"@revoked h " ED B_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"@revoked g " ED A_TEXT "\nh " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 2},
    {"@cert-authority h " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"@other h " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    /* Not lines. */
    {"h\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"h " ED "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"h " ED "AAAA\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    {"h " ED A_TEXT "=\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    {"|1|x|y " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"|1|| " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    {"|1| " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_UNKNOWN, 0},
    /* The name "h" under a salt of twenty times "1", as Python's hmac has it. */
    {"|1|" SALT "|adyFiMR21Chxi6u9Pl0wsBTl6lQ= " ED A_TEXT "\n", "h", 22, KNOWNHOSTS_MATCH, 1},
    {"|1|" SALT "|adyFiMR21Chxi6u9Pl0wsBTl6lQ= " ED B_TEXT "\n", "h", 22, KNOWNHOSTS_CHANGED, 1},
    {"|1|" SALT "|adyFiMR21Chxi6u9Pl0wsBTl6lQ= " ED A_TEXT "\n", "g", 22, KNOWNHOSTS_UNKNOWN, 0},
};

static void
decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CHECKS); i++) {
		const struct check_case *c = &CHECKS[i];
		struct knownhosts_result got = knownhosts_check(slice_str(c->file), c->host,
		    c->port, slice_str("ssh-ed25519"), buf_slice(&key_a));
		if (got.verdict != c->verdict || got.line != c->line)
			fail_msg("case %zu: verdict %d, line %zu: %s", i, (int)got.verdict,
			    got.line, c->file);
	}
}

static void
gives_types_in_order(void **state)
{
	static const struct {
		const char *file;
		const char *types;
	} CASES[] = {
	    {"", ""},
	    {"h ssh-rsa x\nh ssh-ed25519 y\nh ssh-rsa z\n", "ssh-rsa,ssh-ed25519"},
	    {"g ssh-rsa x\n", ""},
	    {"@revoked h ssh-rsa x\n", ""},
	    {"h made-up x\nh,g ssh-dss x\n", "ssh-dss"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf types _cleanup_(buf_fini);
		buf_init(&types, 1000);
		assert_int_equal(
		    knownhosts_types(slice_str(CASES[i].file), "h", 22, &types), ERR_OK);
		assert_true(slice_is(buf_slice(&types), CASES[i].types));
	}
}

/* A line that we write pins exactly the key that it was made for. */
static void
writes_what_it_reads(void **state)
{
	static const char *const HOSTS[] = {"h", "a.example", "192.0.2.1", "2001:db8::1"};
	static const uint16_t PORTS[] = {22, 2222};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HOSTS) * ARRAY_LEN(PORTS); i++) {
		const char *host = HOSTS[i / 2];
		uint16_t port = PORTS[i % 2];
		struct buf line _cleanup_(buf_fini);
		buf_init(&line, 1000);
		struct slice type = slice_str("ssh-ed25519");
		assert_int_equal(
		    knownhosts_line(host, port, type, buf_slice(&key_a), &line), ERR_OK);
		assert_int_equal(
		    knownhosts_check(buf_slice(&line), host, port, type, buf_slice(&key_a)).verdict,
		    KNOWNHOSTS_MATCH);
		assert_int_equal(
		    knownhosts_check(buf_slice(&line), host, port, type, buf_slice(&key_b)).verdict,
		    KNOWNHOSTS_CHANGED);
	}
}

static void
writes_no_strange_names(void **state)
{
	static const char *const HOSTS[] = {
	    "", "a b", "*", "h,g", "a\nb", "|1|a|b", "@revoked", "#h", "!h", "[h]", "h\t", "\x7f"};
	struct buf line _cleanup_(buf_fini);
	char host[400];

	(void)state;
	buf_init(&line, 4000);
	for (size_t i = 0; i < ARRAY_LEN(HOSTS); i++)
		assert_int_equal(knownhosts_line(HOSTS[i], 22, slice_str("ssh-ed25519"),
				     buf_slice(&key_a), &line),
		    ERR_INVALID);
	memset(host, 'a', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	assert_int_equal(
	    knownhosts_line(host, 22, slice_str("ssh-ed25519"), buf_slice(&key_a), &line),
	    ERR_INVALID);
	assert_int_equal(
	    knownhosts_line("h", 22, slice_str("ssh-rsa"), buf_slice(&key_a), &line), ERR_INVALID);
	assert_int_equal(buf_len(&line), 0);
	/* No room: nothing of the line stays. */
	struct buf small _cleanup_(buf_fini);
	buf_init(&small, 50);
	assert_int_equal(
	    knownhosts_line("h", 22, slice_str("ssh-ed25519"), buf_slice(&key_a), &small),
	    ERR_NOMEM);
	assert_int_equal(buf_len(&small), 0);
}

static bool
vouches(const uint8_t *data, size_t len, void *ctx)
{
	(void)ctx;
	return knownhosts_check(
		   slice_of(data, len), "h", 2222, slice_str("ssh-ed25519"), buf_slice(&key_a))
		   .verdict == KNOWNHOSTS_MATCH;
}

/* Neither a part of the line nor a line with a flipped bit makes a false friend. */
static void
survives_damage(void **state)
{
	static const char LINE[] = "[h]:2222 " ED A_TEXT;

	(void)state;
	assert_true(vouches((const uint8_t *)LINE, sizeof LINE - 1, NULL));
	assert_int_equal(
	    sweep_truncations(vouches, (const uint8_t *)LINE, sizeof LINE - 1, NULL), 0);
	sweep_bit_flips(vouches, (const uint8_t *)LINE, sizeof LINE - 1, NULL);
}

static void
passes_over_what_is_too_long(void **state)
{
	struct buf file _cleanup_(buf_fini);

	(void)state;
	buf_init(&file, KNOWNHOSTS_FILE_MAX + 1000);
	assert_int_equal(buf_put(&file, "h ", 2), ERR_OK);
	for (int i = 0; i < KNOWNHOSTS_LINE_MAX; i++)
		assert_int_equal(buf_put_u8(&file, ' '), ERR_OK);
	assert_int_equal(buf_put(&file, ED A_TEXT "\n", strlen(ED A_TEXT) + 1), ERR_OK);
	struct slice type = slice_str("ssh-ed25519"), key = buf_slice(&key_a);
	assert_int_equal(
	    knownhosts_check(buf_slice(&file), "h", 22, type, key).verdict, KNOWNHOSTS_UNKNOWN);
	assert_int_equal(buf_put(&file, "h " ED A_TEXT "\n", strlen(ED A_TEXT) + 3), ERR_OK);
	assert_int_equal(
	    knownhosts_check(buf_slice(&file), "h", 22, type, key).verdict, KNOWNHOSTS_MATCH);
	uint8_t *room;
	size_t fill = KNOWNHOSTS_FILE_MAX + 1 - buf_len(&file);
	assert_int_equal(buf_reserve(&file, fill, &room), ERR_OK);
	memset(room, '\n', fill);
	buf_commit(&file, fill);
	assert_int_equal(
	    knownhosts_check(buf_slice(&file), "h", 22, type, key).verdict, KNOWNHOSTS_UNKNOWN);
	struct buf types _cleanup_(buf_fini);
	buf_init(&types, 100);
	assert_int_equal(knownhosts_types(buf_slice(&file), "h", 22, &types), ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decides),
	    cmocka_unit_test(gives_types_in_order),
	    cmocka_unit_test(writes_what_it_reads),
	    cmocka_unit_test(writes_no_strange_names),
	    cmocka_unit_test(survives_damage),
	    cmocka_unit_test(passes_over_what_is_too_long),
	};

	return cmocka_run_group_tests_name("ssh/knownhosts", tests, keys_up, keys_down);
}
