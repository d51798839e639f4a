/* What a client must not do to a link, and what becomes of it when it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "wire/message.h"
#include "wire/peer.h"

static const struct peer_options STRICT = {.strict = true, .ext_info = true};
static const struct peer_options LOOSE = {0};

/* The next packet is a DISCONNECT for this reason. */
static void
expect_disconnect(struct peer *p, uint32_t reason)
{
	struct slice payload;

	assert_true(peer_next(p, &payload));
	struct rd r = rd_of(payload);
	assert_int_equal(rd_u8(&r), SSH_MSG_DISCONNECT);
	assert_int_equal(rd_u32(&r), reason);
	assert_true(slice_is(rd_string(&r, 1024), p->story.text));
	(void)rd_string(&r, 0);
	assert_int_equal(rd_done(&r), ERR_OK);
	assert_false(peer_next(p, &payload));
}

struct version_case {
	const char *bytes;
	size_t len; /* 0: the text's */
	enum err e;
	const char *story;
};

#define VERSION_LEN_MAX                                                                    \
	"SSH-2.0-345678901234567890123456789012345678901234567890123456789012345678901234" \
	"56789012345678901234567890123456789012345678901234567890123456789012345678901234" \
	"56789012345678901234567890123456789012345678901234567890123456789012345678901234" \
	"5678901234567"

static const struct version_case VERSIONS[] = {
    {"SSH-2.0-x\r\n", 0, ERR_AGAIN, NULL},
    {"SSH-2.0-x\n", 0, ERR_AGAIN, NULL},
    {"SSH-1.99-x\r\n", 0, ERR_AGAIN, NULL},
    {"SSH-2.0-", 0, ERR_AGAIN, NULL},
    {"SSH-1.5-x\r\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"SSH-1.5-x\""},
    {"SSH-2.1-x\r\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"SSH-2.1-x\""},
    {"GET / HTTP/1.1\r\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"GET / HTTP/1.1\""},
    {"hello\r\nSSH-2.0-x\r\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"hello\""},
    {"\r\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"\""},
    {"SSH-2.0-\x1b[2J\r\n", 0, ERR_FORMAT,
	"not an SSH 2 client: it began with \"SSH-2.0-\\x1b[2J\""},
    {"SSH-2.0-a\0b\r\n", 13, ERR_FORMAT, "not an SSH 2 client: it began with \"SSH-2.0-a\\x00b\""},
    {"SSH-2.0-a\rb\n", 0, ERR_FORMAT, "not an SSH 2 client: it began with \"SSH-2.0-a\\x0db\""},
    {VERSION_LEN_MAX "\r\n", 0, ERR_AGAIN, NULL},
    {VERSION_LEN_MAX "x\r\n", 0, ERR_LIMIT, "no SSH version came in the first 255 bytes"},
    {VERSION_LEN_MAX VERSION_LEN_MAX, 0, ERR_LIMIT, "no SSH version came in the first 255 bytes"},
};

static void
test_versions(void **state)
{
	(void)state;
	assert_int_equal(strlen(VERSION_LEN_MAX), 253);
	for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
		const struct version_case *c = &VERSIONS[i];
		struct peer p;
		struct slice payload;
		peer_init(&p, &LOOSE);
		peer_raw(&p, c->bytes, c->len == 0 ? strlen(c->bytes) : c->len);
		assert_int_equal(peer_turn(&p), c->e);
		if (c->story != NULL)
			assert_string_equal(p.story.text, c->story);
		/* Who doesn't speak SSH gets no packet but the one from the start. */
		assert_true(peer_take_kexinit(&p));
		assert_false(peer_next(&p, &payload));
		peer_fini(&p);
	}
}

/* Where in the first exchange something is put in, after which step. */
enum place { BEFORE_KEXINIT, BEFORE_KEX_INIT, BEFORE_NEWKEYS, PLACES };

/* A handshake with one payload more. The link's last word. */
static enum err
handshake_with(struct peer *p, enum place place, const void *payload, size_t len)
{
	peer_put_version(p);
	if (place == BEFORE_KEXINIT)
		peer_send(p, payload, len);
	peer_put_kexinit(p);
	if (place == BEFORE_KEX_INIT)
		peer_send(p, payload, len);
	enum err e = peer_turn(p);
	if (e != ERR_AGAIN || !peer_take_kexinit(p))
		return e;
	peer_put_kex_init(p);
	if (place == BEFORE_NEWKEYS)
		peer_send(p, payload, len);
	e = peer_turn(p);
	if (e != ERR_AGAIN || !peer_take_reply(p))
		return e;
	peer_put_newkeys(p);
	return peer_turn(p);
}

/* What an attacker in the middle may put in, to have a packet behind it dropped unnoticed
 * (CVE-2023-48795): whatever it is, wherever, the strict exchange ends the connection. */
static void
test_nothing_may_be_put_into_a_strict_exchange(void **state)
{
	static const uint8_t NUMBERS[] = {SSH_MSG_IGNORE, SSH_MSG_DEBUG, SSH_MSG_UNIMPLEMENTED,
	    SSH_MSG_EXT_INFO, SSH_MSG_SERVICE_REQUEST, SSH_MSG_NEWKEYS, 0, 9, 31, 49, 50, 94,
	    SSH_MSG_PING, 255};

	(void)state;
	for (unsigned place = 0; place < PLACES; place++) {
		for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
			uint8_t payload[16] = {NUMBERS[i]};
			struct peer p;
			/* That one is due then. */
			if (place == BEFORE_NEWKEYS && NUMBERS[i] == SSH_MSG_NEWKEYS)
				continue;
			peer_init(&p, &STRICT);
			assert_int_equal(
			    handshake_with(&p, (enum place)place, payload, sizeof payload),
			    ERR_FORMAT);
			assert_int_equal(buf_len(&p.above), 0);
			peer_fini(&p);
		}
	}
}

struct injection {
	enum place place;
	uint8_t number;
	const char *story;
};

/* Without the strict exchange the old rules hold. */
static const struct injection INJECTIONS[] = {
    {BEFORE_KEXINIT, SSH_MSG_NEWKEYS, "message 21 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, SSH_MSG_KEX_INIT, "message 30 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, SSH_MSG_SERVICE_REQUEST, "message 5 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, SSH_MSG_EXT_INFO, "message 7 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, SSH_MSG_PING, "message 192 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, 50, "message 50 is not legal in the first key exchange"},
    {BEFORE_KEXINIT, SSH_MSG_KEXINIT, "the client's KEXINIT is malformed"},
    {BEFORE_KEX_INIT, SSH_MSG_KEXINIT, "message 20 is not legal in the first key exchange"},
    {BEFORE_KEX_INIT, SSH_MSG_NEWKEYS, "message 21 is not legal in the first key exchange"},
    {BEFORE_KEX_INIT, SSH_MSG_KEX_INIT,
	"the client's value for curve25519-sha256 is not a good one"},
    {BEFORE_KEX_INIT, 90, "message 90 is not legal in the first key exchange"},
    {BEFORE_NEWKEYS, SSH_MSG_KEX_INIT, "message 30 is not legal in the first key exchange"},
    {BEFORE_NEWKEYS, SSH_MSG_NEWKEYS, "the client's NEWKEYS is malformed"},
    {BEFORE_NEWKEYS, SSH_MSG_SERVICE_REQUEST, "message 5 is not legal in the first key exchange"},
};

static void
test_what_is_never_legal_in_the_first_exchange(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(INJECTIONS); i++) {
		const struct injection *c = &INJECTIONS[i];
		uint8_t payload[16] = {c->number};
		struct peer p;
		peer_init(&p, &LOOSE);
		assert_int_equal(handshake_with(&p, c->place, payload, sizeof payload), ERR_FORMAT);
		assert_string_equal(p.story.text, c->story);
		assert_int_equal(buf_len(&p.above), 0);
		peer_fini(&p);
	}
}

static void
start(struct peer *p, const struct peer_options *options)
{
	peer_init(p, options);
	assert_true(peer_handshake(p));
	if (options->ext_info)
		assert_int_equal(peer_next_number(p), SSH_MSG_EXT_INFO);
}

/* After its KEXINIT a client sends no more of the layers above (RFC 4253 section 7.1). */
static void
test_what_is_not_legal_in_a_re_exchange(void **state)
{
	static const uint8_t NUMBERS[] = {SSH_MSG_SERVICE_REQUEST, SSH_MSG_EXT_INFO,
	    SSH_MSG_KEXINIT, SSH_MSG_NEWKEYS, 50, 94, SSH_MSG_PING};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
		struct peer p;
		start(&p, &STRICT);
		peer_put_kexinit(&p);
		peer_send_u8(&p, NUMBERS[i]);
		assert_int_equal(peer_turn(&p), ERR_FORMAT);
		assert_int_equal(buf_len(&p.above), 0);
		assert_true(peer_take_kexinit(&p));
		expect_disconnect(&p, SSH_DISCONNECT_PROTOCOL_ERROR);
		assert_false(wire_link_open(p.link));
		peer_fini(&p);
	}
}

/* Reply and NEWKEYS are for one exchange only. */
static void
test_no_keys_without_an_exchange(void **state)
{
	static const uint8_t NUMBERS[] = {SSH_MSG_NEWKEYS, SSH_MSG_KEX_INIT};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
		struct peer p;
		start(&p, &STRICT);
		peer_send_u8(&p, NUMBERS[i]);
		assert_int_equal(peer_turn(&p), ERR_FORMAT);
		expect_disconnect(&p, SSH_DISCONNECT_PROTOCOL_ERROR);
		peer_fini(&p);
	}
}

static void
test_floods_before_the_login(void **state)
{
	struct peer p;

	(void)state;
	/* Before the keys, few. */
	peer_init(&p, &LOOSE);
	peer_put_version(&p);
	for (int i = 0; i < 33; i++)
		peer_send_u8(&p, SSH_MSG_IGNORE);
	assert_int_equal(peer_turn(&p), ERR_LIMIT);
	assert_string_equal(p.story.text, "too many messages before the login");
	peer_fini(&p);

	/* And then a bounded number. */
	start(&p, &STRICT);
	for (int i = 0; i < 990; i++)
		peer_send_u8(&p, SSH_MSG_IGNORE);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	for (int i = 0; i < 20; i++)
		peer_send_u8(&p, SSH_MSG_IGNORE);
	assert_int_equal(peer_turn(&p), ERR_LIMIT);
	expect_disconnect(&p, SSH_DISCONNECT_PROTOCOL_ERROR);
	peer_fini(&p);

	/* Exchanges of keys, which cost us most, are fewer still. */
	start(&p, &LOOSE);
	int n = 0;
	while (n < 100 && peer_rekey(&p))
		n++;
	assert_int_equal(n, 3);
	assert_string_equal(p.story.text, "too many key exchanges before the login");
	peer_fini(&p);
	start(&p, &LOOSE);
	wire_link_authenticated(p.link);
	for (n = 0; n < 100; n++)
		assert_true(peer_rekey(&p));
	peer_fini(&p);
}

static void
test_answers_that_nobody_reads(void **state)
{
	uint8_t ping[4096 + 5] = {SSH_MSG_PING};
	struct peer p;
	enum err e = ERR_AGAIN;

	(void)state;
	start(&p, &STRICT);
	wire_link_authenticated(p.link);
	be32_store(ping + 1, 4096);
	for (int i = 0; i < 5000 && e == ERR_AGAIN; i++) {
		peer_send(&p, ping, sizeof ping);
		e = peer_turn(&p);
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_string_equal(p.story.text, "the client doesn't take the answers that it asks for");
	assert_true(buf_len(wire_link_output(p.link)) <= PACKET_OUTPUT_MAX);
	peer_fini(&p);

	/* In an exchange that we began they wait; not many. */
	start(
	    &p, &(struct peer_options){.strict = true, .ext_info = true, .rekey = {.packets = 1}});
	wire_link_authenticated(p.link);
	e = peer_turn(&p);
	assert_int_equal(e, ERR_AGAIN);
	assert_false(wire_link_open(p.link));
	int n = 0;
	for (; n < 100 && e == ERR_AGAIN; n++) {
		peer_send(&p, ping, sizeof ping);
		e = peer_turn(&p);
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(n, 16);
	peer_fini(&p);

	start(&p, &STRICT);
	peer_send(&p, "\xc0\0\0\x10\1", 5);
	assert_int_equal(peer_turn(&p), ERR_FORMAT);
	peer_fini(&p);
}

/* A length before the keys, of a packet that would be taken later. */
static void
test_packets_are_shorter_before_the_keys(void **state)
{
	static uint8_t large[WIRE_PACKET_EARLY + 1000] = {SSH_MSG_IGNORE};
	struct peer p;

	(void)state;
	peer_init(&p, &LOOSE);
	peer_put_version(&p);
	peer_send(&p, large, sizeof large);
	assert_int_equal(peer_turn(&p), ERR_LIMIT);
	assert_string_equal(p.story.text, "a packet of more than 35000 bytes came");
	peer_fini(&p);

	start(&p, &LOOSE);
	peer_send(&p, large, sizeof large);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	peer_fini(&p);
}

/* A KEXINIT that is longer than any that could be meant, in a re-exchange. */
static void
test_a_huge_kexinit(void **state)
{
	static uint8_t huge[WIRE_PACKET_EARLY + 1] = {SSH_MSG_KEXINIT};
	struct peer p;

	(void)state;
	start(&p, &STRICT);
	peer_send(&p, huge, sizeof huge);
	assert_int_equal(peer_turn(&p), ERR_LIMIT);
	assert_string_equal(p.story.text, "the client's KEXINIT is too long");
	expect_disconnect(&p, SSH_DISCONNECT_KEY_EXCHANGE_FAILED);
	peer_fini(&p);
}

static void
test_nothing_in_common(void **state)
{
	struct peer p;

	(void)state;
	peer_init(&p, &(struct peer_options){.host_key = "ssh-rsa", .strict = true});
	peer_put_version(&p);
	peer_put_kexinit(&p);
	assert_int_equal(peer_turn(&p), ERR_UNSUPPORTED);
	assert_true(peer_take_kexinit(&p));
	expect_disconnect(&p, SSH_DISCONNECT_KEY_EXCHANGE_FAILED);
	peer_fini(&p);
}

/* Flips one bit of what the client sends in its next step, and carries on with the handshake as far
 * as it goes. True: the link took a payload for the layers above. */
static bool
flipped_handshake(const struct peer_options *options, size_t step, size_t bit, bool *ret_in_range)
{
	static const uint8_t REQUEST[] = {SSH_MSG_SERVICE_REQUEST, 0, 0, 0, 1, 'x'};
	struct peer p;
	size_t from = 0;

	peer_init(&p, options);
	*ret_in_range = true;
	for (size_t i = 0; i <= 3; i++) {
		if (i == 0) {
			peer_put_version(&p);
			peer_put_kexinit(&p);
		} else if (i == 1) {
			peer_put_kex_init(&p);
		} else if (i == 2) {
			peer_put_newkeys(&p);
		} else {
			peer_send(&p, REQUEST, sizeof REQUEST);
		}
		if (i == step) {
			struct buf *line = &p.out.output;
			*ret_in_range = bit / 8 < buf_len(line) - from;
			if (*ret_in_range)
				line->mem[line->start + from + bit / 8] ^=
				    (uint8_t)(1u << (bit % 8));
		}
		if (peer_turn(&p) != ERR_AGAIN || (i == 0 && !peer_take_kexinit(&p)) ||
		    (i == 1 && !peer_take_reply(&p)))
			break;
	}
	bool above = buf_len(&p.above) > 0;
	peer_fini(&p);
	return above;
}

/*
 * The hash covers versions, KEXINITs and public values, so no bit of them can be changed without
 * the two sides coming to different keys; and of what follows each bit is authenticated. Bits of
 * NEWKEYS that aren't its number are padding, and so are a few of the other packets in clear.
 */
static void
test_a_flipped_bit_anywhere_ends_the_handshake(void **state)
{
	bool in_range;

	(void)state;
	for (size_t step = 0; step <= 3; step++) {
		size_t n_above = 0;
		for (size_t bit = 0;; bit += step == 0 ? 5 : 1) {
			n_above += flipped_handshake(&STRICT, step, bit, &in_range) ? 1 : 0;
			if (!in_range)
				break;
		}
		/* One is the run past the end, where nothing was flipped. The others: CR and the
		 * padding of packets in clear. */
		assert_in_range(n_above, 1, step == 3 ? 1 : 1 + 11 * 8);
	}
}

static void
test_a_handshake_cut_anywhere_waits(void **state)
{
	(void)state;
	for (size_t cut = 0;; cut += 3) {
		struct peer p;
		peer_init(&p, &STRICT);
		peer_put_version(&p);
		peer_put_kexinit(&p);
		peer_put_kex_init(&p);
		if (cut >= buf_len(&p.out.output)) {
			peer_fini(&p);
			break;
		}
		buf_unput(&p.out.output, buf_len(&p.out.output) - cut);
		assert_int_equal(peer_turn(&p), ERR_AGAIN);
		assert_int_equal(buf_len(&p.above), 0);
		assert_false(wire_link_open(p.link));
		peer_fini(&p);
	}
}

static void
test_a_packet_that_is_not_authentic(void **state)
{
	static const char *const CIPHERS[] = {
	    "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"};
	static const uint8_t REQUEST[40] = {94};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CIPHERS); i++) {
		struct peer p;
		struct slice payload;
		start(&p, &(struct peer_options){.cipher = CIPHERS[i], .strict = true});
		peer_send(&p, REQUEST, sizeof REQUEST);
		p.out.output.mem[p.out.output.end - 1] ^= 1;
		peer_send(&p, REQUEST, sizeof REQUEST);
		assert_int_equal(peer_turn(&p), ERR_FORMAT);
		assert_string_equal(p.story.text, "a packet came that is not authentic");
		assert_int_equal(buf_len(&p.above), 0);
		expect_disconnect(&p, SSH_DISCONNECT_MAC_ERROR);
		assert_int_equal(wire_link_next(p.link, &payload, &p.story), ERR_FORMAT);
		peer_fini(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_nothing_may_be_put_into_a_strict_exchange),
	    cmocka_unit_test(test_what_is_never_legal_in_the_first_exchange),
	    cmocka_unit_test(test_what_is_not_legal_in_a_re_exchange),
	    cmocka_unit_test(test_no_keys_without_an_exchange),
	    cmocka_unit_test(test_floods_before_the_login),
	    cmocka_unit_test(test_answers_that_nobody_reads),
	    cmocka_unit_test(test_packets_are_shorter_before_the_keys),
	    cmocka_unit_test(test_a_huge_kexinit),
	    cmocka_unit_test(test_nothing_in_common),
	    cmocka_unit_test(test_a_flipped_bit_anywhere_ends_the_handshake),
	    cmocka_unit_test(test_a_handshake_cut_anywhere_waits),
	    cmocka_unit_test(test_a_packet_that_is_not_authentic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
