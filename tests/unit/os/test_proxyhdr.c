#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/proxyhdr.h"
#include "os/socket.h"
#include "sweep.h"

#define V2        "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(s)  (const uint8_t *)(s), sizeof(s) - 1
#define TCP4_BODY "\xc0\x00\x02\x07\xc6\x33\x64\x01\x30\x39\x00\x16"
#define TCP6_BODY                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x30\x39\x00\x16"

struct case_of {
	const uint8_t *bytes;
	size_t len;
	const char *source; /* NULL: nobody's */
};

static const struct case_of GOOD[] = {
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 12345 22\r\n"), "192.0.2.7:12345"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535"},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 0 22\r\n"), "192.0.2.7:0"},
    {BYTES("PROXY TCP6 2001:db8::7 2001:db8::1 12345 22\r\n"), "[2001:db8::7]:12345"},
    {BYTES("PROXY UNKNOWN\r\n"), NULL},
    {BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	NULL},
    {BYTES(V2 "\x21\x11\0\x0c" TCP4_BODY), "192.0.2.7:12345"},
    {BYTES(V2 "\x21\x21\0\x24" TCP6_BODY), "[2001:db8::7]:12345"},
    {BYTES(V2 "\x21\x11\0\x13" TCP4_BODY "\x04\0\x01x\x05\0\0"), "192.0.2.7:12345"},
    {BYTES(V2 "\x20\x00\0\0"), NULL},
    {BYTES(V2 "\x20\x11\0\x05junk!"), NULL},
    {BYTES(V2 "\x21\x00\0\0"), NULL},
    {BYTES(V2 "\x21\x12\0\x0c" TCP4_BODY), NULL},
};

static const struct case_of BAD[] = {
    {BYTES("SSH-2.0-x\r\n"), NULL}, {BYTES("proxy UNKNOWN\r\n"), NULL}, {BYTES("PROXY\r\n"), NULL},
    {BYTES("PROXY \r\n"), NULL}, {BYTES("PROXY UNKNOWN\n"), NULL},
    {BYTES("PROXY UNKNOWNX\r\n"), NULL}, {BYTES("PROXY TCP4\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 12345 22 \r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7  198.51.100.1 12345 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.07 198.51.100.1 12345 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.256 12345 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 65536 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 012 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 12345 -1\r\n"), NULL},
    {BYTES("PROXY TCP4 2001:db8::7 2001:db8::1 12345 22\r\n"), NULL},
    {BYTES("PROXY TCP6 192.0.2.7 198.51.100.1 12345 22\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7\0 198.51.100.1 12345 22\r\n"), NULL},
    {BYTES("PROXY UNKNOWN\r\r\n"), NULL},
    {BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n"),
	NULL},
    {BYTES(V2 "\x11\x11\0\x0c" TCP4_BODY), NULL}, /* version 1 */
    {BYTES(V2 "\x22\x11\0\x0c" TCP4_BODY), NULL}, /* no such command */
    {BYTES(V2 "\x21\x41\0\x0c" TCP4_BODY), NULL}, /* no such family */
    {BYTES(V2 "\x21\x13\0\x0c" TCP4_BODY), NULL}, /* no such protocol */
    {BYTES(V2 "\x21\x11\0\x0b" TCP4_BODY), NULL}, /* too short for its addresses */
    {BYTES(V2 "\x21\x21\0\x0c" TCP4_BODY), NULL},
    {BYTES(V2 "\x21\x11\0\x0e" TCP4_BODY "\x04\0"), NULL},      /* half a TLV */
    {BYTES(V2 "\x21\x11\0\x10" TCP4_BODY "\x04\0\x02x"), NULL}, /* a TLV past the end */
    {BYTES(V2 "\x21\x11\x02\x09"), NULL},                       /* longer than we take */
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
		uint8_t with_more[PROXYHDR_MAX + 8] = {0};
		struct proxyhdr h;
		char text[ADDRESS_TEXT_MAX];
		/* What follows is not looked at. */
		memcpy(with_more, GOOD[i].bytes, GOOD[i].len);
		memcpy(with_more + GOOD[i].len, "SSH-2.0\n", 8);
		assert_int_equal(
		    proxyhdr_decode(slice_of(with_more, GOOD[i].len + 8), &h), PROXYHDR_DONE);
		assert_int_equal(h.len, GOOD[i].len);
		assert_int_equal(h.relayed, GOOD[i].source != NULL);
		if (!h.relayed)
			continue;
		socket_address_text(&h.source, text);
		assert_string_equal(text, GOOD[i].source);
	}
}

static void
test_bad(void **state)
{
	struct proxyhdr h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
		assert_int_equal(
		    proxyhdr_decode(slice_of(BAD[i].bytes, BAD[i].len), &h), PROXYHDR_BAD);
}

static bool
is_done(const uint8_t *data, size_t len, void *ctx)
{
	struct proxyhdr h;

	(void)ctx;
	return proxyhdr_decode(slice_of(data, len), &h) == PROXYHDR_DONE && h.len <= len;
}

/* Each beginning of a good header wants more; each flip is refused, waited for, or another one. */
static void
test_sweeps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
		struct proxyhdr h;
		for (size_t cut = 0; cut < GOOD[i].len; cut++)
			assert_int_equal(
			    proxyhdr_decode(slice_of(GOOD[i].bytes, cut), &h), PROXYHDR_MORE);
		assert_int_equal(sweep_truncations(is_done, GOOD[i].bytes, GOOD[i].len, NULL), 0);
		sweep_bit_flips(is_done, GOOD[i].bytes, GOOD[i].len, NULL);
	}
}

/* A line that never ends is given up at the longest that there is. */
static void
test_endless(void **state)
{
	uint8_t line[PROXYHDR_V1_MAX + 1];
	struct proxyhdr h;

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	assert_int_equal(proxyhdr_decode(slice_of(line, PROXYHDR_V1_MAX - 1), &h), PROXYHDR_MORE);
	assert_int_equal(proxyhdr_decode(slice_of(line, PROXYHDR_V1_MAX), &h), PROXYHDR_BAD);
	line[PROXYHDR_V1_MAX - 1] = '\r';
	line[PROXYHDR_V1_MAX] = '\n';
	assert_int_equal(proxyhdr_decode(slice_of(line, sizeof line), &h), PROXYHDR_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_sweeps),
	    cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
