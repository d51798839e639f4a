/* The client against servers that lie, flood, hang up, and flip bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "pki/sign.h"
#include "wire/connection.h"
#include "wire/host.h"
#include "wire/link_internal.h"
#include "wire/message.h"
#include "wire/peer.h"

static enum wire_event_type
next_type(struct host *h)
{
	struct wire_client_event event;

	host_event(h, &event);
	return event.type;
}

/* The end comes, whatever is told before, and stays. */
static void
expect_closed(struct host *h, enum err error, enum wire_end end, const char *words)
{
	struct wire_client_event event = {0};

	for (int i = 0; i < 100 && event.type != WIRE_CLOSED; i++) {
		host_event(h, &event);
		if (event.type == WIRE_READABLE)
			wire_client_consume(h->client, wire_client_peek(h->client).len);
		/* Before it is answered nothing else is heard. */
		if (event.type == WIRE_AUTH_NEXT)
			(void)!wire_client_prove(
			    h->client, &(struct wire_proof){.type = WIRE_PROVE_NONE});
	}
	assert_int_equal(event.type, WIRE_CLOSED);
	if (event.error != error || event.end != end || strstr(event.story, words) == NULL)
		fail_msg("closed with %s, %d: \"%s\" and not \"%s\"", err_name(event.error),
		    (int)event.end, event.story, words);
	assert_true(wire_client_is_over(h->client));
	assert_false(wire_client_wants_input(h->client));
	assert_int_equal(next_type(h), WIRE_CLOSED);
}

/* Before the version. */

static void
repeat(struct host *h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		host_raw(h, text, strlen(text));
}

static void
listens_to_some_words_first(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	repeat(&h, "Welcome to a host.\r\n", LINK_PREAMBLE_LINES);
	assert_true(host_handshake(&h));
	host_fini(&h);
}

static const struct {
	const char *text;
	size_t n;
	enum err error;
	const char *words;
} FIRST_WORDS[] = {
    {"more\n", 100, ERR_LIMIT, "no version came in its first lines"},
    {"x", 100000, ERR_LIMIT, "no version came in its first bytes"},
    {"SSH-1.5-old\n", 1, ERR_FORMAT, "not an SSH 2 server: it began with \"SSH-1.5-old\""},
    {"SSH-2.0-a\x1b\n", 1, ERR_FORMAT, "not an SSH 2 server: it began with \"SSH-2.0-a\\x1b\""},
    {"SSH-2.0-ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
     "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
     "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\n",
	1, ERR_LIMIT, "the server's version is too long"},
};

static void
bounds_the_first_words(void **state)
{
	struct host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FIRST_WORDS); i++) {
		host_init(&h, &(struct host_options){0});
		repeat(&h, FIRST_WORDS[i].text, FIRST_WORDS[i].n);
		expect_closed(&h, FIRST_WORDS[i].error, WIRE_END_LINE, FIRST_WORDS[i].words);
		host_fini(&h);
	}
}

/* What a server says before it hangs up is why. */
static void
tells_the_last_words_before_the_version(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	repeat(&h, "Exceeded\x1b MaxStartups\r\n", 1);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	wire_client_eof(h.client, NULL);
	expect_closed(&h, ERR_CLOSED, WIRE_END_LINE, "it said \"Exceeded\\x1b MaxStartups\"");
	host_fini(&h);
	host_init(&h, &(struct host_options){0});
	wire_client_eof(h.client, "it broke");
	expect_closed(&h, ERR_CLOSED, WIRE_END_LINE, "it broke");
	host_fini(&h);
}

/* The key exchange. */

/* Up to where the client awaits the reply. */
static void
begin(struct host *h, const struct host_options *options)
{
	host_init(h, options);
	host_put_version(h);
	host_put_kexinit(h);
	assert_int_equal(next_type(h), WIRE_NOTHING);
	assert_true(host_take_init(h));
}

static void
wants_a_true_signature(void **state)
{
	struct slice payload;
	struct host h;

	(void)state;
	begin(&h, &(struct host_options){.forged = true});
	host_put_reply(&h);
	expect_closed(&h, ERR_ACCESS, WIRE_END_HOST_KEY, "the signature is not good");
	/* A DISCONNECT, and nothing else. */
	assert_true(host_next(&h, &payload));
	assert_int_equal(payload.ptr[0], SSH_MSG_DISCONNECT);
	assert_false(host_next(&h, &payload));
	host_fini(&h);
}

static const struct {
	const char *what;
	bool strict, newkeys; /* after our reply and NEWKEYS */
	int number;
	const char *words;
} OUT_OF_STATE[] = {
    {"the client's own message", false, false, SSH_MSG_KEX_INIT, NULL},
    {"... strict", true, false, SSH_MSG_KEX_INIT, "message 30 is not legal"},
    {"IGNORE", false, false, SSH_MSG_IGNORE, NULL},
    {"... strict", true, false, SSH_MSG_IGNORE, "message 2 is not legal"},
    {"KEXINIT again", false, false, SSH_MSG_KEXINIT, "message 20 is not legal"},
    {"NEWKEYS before the reply", false, false, SSH_MSG_NEWKEYS, "message 21 is not legal"},
    {"a broken reply", false, false, SSH_MSG_KEX_REPLY, "reply to the key exchange is malformed"},
    {"EXT_INFO too early", false, false, SSH_MSG_EXT_INFO, "message 7 is not legal"},
    {"a service too early", false, false, SSH_MSG_SERVICE_ACCEPT, "message 6 is not legal"},
    {"success too early", false, false, 52, "message 52 is not legal"},
    {"data too early", false, false, 94, "message 94 is not legal"},
    {"a second reply", false, true, SSH_MSG_KEX_REPLY, "message 31 is not legal"},
    {"second NEWKEYS", false, true, SSH_MSG_NEWKEYS, "message 21 is not legal"},
    {"a goodbye", true, false, SSH_MSG_DISCONNECT, "the server disconnected"},
};

static void
keeps_the_order(void **state)
{
	struct host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(OUT_OF_STATE); i++) {
		begin(&h, &(struct host_options){.strict = OUT_OF_STATE[i].strict});
		if (OUT_OF_STATE[i].newkeys) {
			host_put_reply(&h);
			assert_int_equal(next_type(&h), WIRE_HOST_KEY);
			assert_int_equal(wire_client_accept_host_key(h.client), ERR_OK);
		}
		host_say(&h, "b", OUT_OF_STATE[i].number);
		if (OUT_OF_STATE[i].words != NULL)
			expect_closed(&h,
			    OUT_OF_STATE[i].number == SSH_MSG_DISCONNECT ? ERR_CLOSED : ERR_FORMAT,
			    WIRE_END_LINE, OUT_OF_STATE[i].words);
		else
			assert_int_equal(next_type(&h), WIRE_NOTHING);
		host_fini(&h);
	}
}

/* The reply comes twice before the host key was judged: the second is heard after the answer. */
static void
takes_one_reply(void **state)
{
	struct host h;

	(void)state;
	begin(&h, &(struct host_options){0});
	host_say(&h, "blll", SSH_MSG_KEX_REPLY, slice_str("a"), slice_str("b"), slice_str("c"));
	host_put_reply(&h);
	expect_closed(&h, ERR_ACCESS, WIRE_END_HOST_KEY, "not acceptable");
	host_fini(&h);
}

/* A guess with the KEXINIT that we would not have come to (RFC 4253 section 7): passed over, once.
 */
static void
drops_a_wrong_guess(void **state)
{
	struct host h;

	(void)state;
	begin(&h, &(struct host_options){.guess = true});
	host_say(&h, "bs", SSH_MSG_KEX_REPLY, "a guess");
	host_put_reply(&h);
	assert_int_equal(next_type(&h), WIRE_HOST_KEY);
	host_fini(&h);
	begin(&h, &(struct host_options){.guess = true});
	host_say(&h, "bs", SSH_MSG_KEX_REPLY, "a guess");
	host_say(&h, "bs", SSH_MSG_KEX_REPLY, "a guess");
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "reply to the key exchange is malformed");
	host_fini(&h);
}

/* A value that makes a secret that anybody knows. */
static void
refuses_bad_values(void **state)
{
	static const uint8_t zeros[32];
	struct host h;

	(void)state;
	begin(&h, &(struct host_options){0});
	host_say(&h, "blll", SSH_MSG_KEX_REPLY, pki_key_blob(h.own_key),
	    slice_of(zeros, sizeof zeros), slice_str("c"));
	expect_closed(
	    &h, ERR_FORMAT, WIRE_END_LINE, "value for curve25519-sha256 is not a good one");
	host_fini(&h);
}

static void
wants_the_same_host_key_again(void **state)
{
	struct pki_key *other;
	struct story story;
	struct host h;

	(void)state;
	assert_int_equal(
	    pki_key_parse(slice_str(PEER_HOST_KEYS[1]), "other", &other, &story), ERR_OK);
	host_init(&h, &(struct host_options){0});
	assert_true(host_up(&h));
	assert_true(host_rekey(&h));
	h.options.key = other;
	h.options.host_key = "ecdsa-sha2-nistp256";
	host_put_kexinit(&h);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	expect_closed(&h, ERR_ACCESS, WIRE_END_HOST_KEY, "another host key than it began with");
	host_fini(&h);
	pki_key_free(other);
}

static void
bounds_packets(void **state)
{
	static const uint8_t EARLY[] = {0, 0, 0x88, 0xb9, 4, 1, 1, 1}; /* 35001 */
	static uint8_t big[WIRE_PACKET_MAX];
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	host_put_version(&h);
	host_raw(&h, EARLY, sizeof EARLY);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "a packet of more than 35000 bytes came");
	host_fini(&h);
	host_init(&h, &(struct host_options){0});
	assert_true(host_up(&h));
	big[0] = SSH_MSG_IGNORE;
	host_send(&h, slice_of(big, sizeof big));
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "a packet of more than 262144 bytes came");
	host_fini(&h);
}

static void
bounds_floods_before_the_login(void **state)
{
	struct host h;

	(void)state;
	begin(&h, &(struct host_options){0});
	for (int i = 0; i < 100; i++)
		host_say(&h, "bs", SSH_MSG_IGNORE, "");
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "too many messages before the login");
	host_fini(&h);
	host_init(&h, &(struct host_options){0});
	assert_true(host_handshake(&h));
	for (int i = 0; i < 1100; i++)
		host_say(&h, "bs", SSH_MSG_DEBUG, "");
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "too many messages before the login");
	host_fini(&h);
}

/* The channel. */

static void
say_data(struct host *h, size_t len)
{
	static uint8_t bytes[64 * 1024];

	host_say(h, "bul", SSH_MSG_CHANNEL_DATA, 0u, slice_of(bytes, len));
}

static void
keeps_its_window(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){.client.window = 100000});
	assert_true(host_up(&h));
	say_data(&h, 60000);
	say_data(&h, 40000);
	/* Not consumed: no more may come. */
	assert_int_equal(next_type(&h), WIRE_READABLE);
	assert_int_equal(wire_client_peek(h.client).len, 60000);
	say_data(&h, 1);
	wire_client_hear_out(h.client);
	host_turn(&h);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "more than its window allows");
	host_fini(&h);
}

static void
opens_its_window_again(void **state)
{
	struct slice payload;
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){.client.window = 100000});
	assert_true(host_up(&h));
	say_data(&h, 40000);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	wire_client_consume(h.client, 24999);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	assert_false(host_next(&h, &payload));
	wire_client_consume(h.client, 1);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	assert_true(host_next(&h, &payload));
	struct rd r = rd_of(payload);
	assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_WINDOW_ADJUST);
	assert_int_equal(rd_u32(&r), 7);
	assert_int_equal(rd_u32(&r), 25000);
	/* A wider one at once, a narrower one by and by. */
	wire_client_set_window(h.client, 150000);
	(void)next_type(&h);
	assert_true(host_next(&h, &payload));
	r = rd_of(payload);
	(void)rd_u8(&r);
	(void)rd_u32(&r);
	assert_int_equal(rd_u32(&r), 50000);
	wire_client_set_window(h.client, 140000);
	wire_client_consume(h.client, 15000);
	(void)next_type(&h);
	assert_false(host_next(&h, &payload));
	say_data(&h, 60000);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	wire_client_consume(h.client, 60000);
	(void)next_type(&h);
	assert_true(host_next(&h, &payload));
	r = rd_of(payload);
	(void)rd_u8(&r);
	(void)rd_u32(&r);
	assert_int_equal(rd_u32(&r), 65000);
	host_fini(&h);
}

/* Some servers go on between their KEXINIT and their NEWKEYS; after the login it is heard. */
static void
hears_who_goes_on_while_keys_change(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){.strict = true});
	assert_true(host_up(&h));
	host_put_kexinit(&h);
	say_data(&h, 1000);
	say_data(&h, 2000);
	assert_int_equal(next_type(&h), WIRE_READABLE);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	say_data(&h, 3000);
	size_t got = 0;
	while (got < 6000) {
		assert_int_equal(next_type(&h), WIRE_READABLE);
		got += wire_client_peek(h.client).len;
		wire_client_consume(h.client, wire_client_peek(h.client).len);
	}
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(host_take_newkeys(&h));
	host_fini(&h);
	/* Not before it. */
	host_init(&h, &(struct host_options){0});
	assert_true(host_handshake(&h));
	host_put_kexinit(&h);
	host_say(&h, "bs", SSH_MSG_SERVICE_ACCEPT, "ssh-userauth");
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "message 6 is not legal");
	host_fini(&h);
}

/* What is illegal in an open channel. */
static const struct {
	const char *what, *fields;
	int number;
	uint32_t a, b;
	enum err error;
	const char *words;
} BAD[] = {
    {"another channel's data", "buu", SSH_MSG_CHANNEL_DATA, 1, 0, ERR_FORMAT, "not open"},
    {"half a data", "bu", SSH_MSG_CHANNEL_DATA, 0, 0, ERR_FORMAT, "malformed"},
    {"a window beyond all", "buu", SSH_MSG_CHANNEL_WINDOW_ADJUST, 0, UINT32_MAX, ERR_FORMAT,
	"beyond what one can be"},
    {"a second confirmation", "buu", SSH_MSG_CHANNEL_OPEN_CONFIRMATION, 0, 7, ERR_FORMAT,
	"was not asked for"},
    {"a failure of what is open", "buu", SSH_MSG_CHANNEL_OPEN_FAILURE, 0, 1, ERR_FORMAT,
	"was not asked for"},
    {"no SFTP", "bu", SSH_MSG_CHANNEL_FAILURE, 0, 0, ERR_ACCESS, "the server offers no SFTP"},
};

static void
refuses_what_is_illegal(void **state)
{
	struct host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		host_init(&h, &(struct host_options){0});
		assert_true(host_up(&h));
		host_say(&h, BAD[i].fields, BAD[i].number, BAD[i].a, BAD[i].b);
		expect_closed(&h, BAD[i].error,
		    BAD[i].error == ERR_ACCESS ? WIRE_END_NO_SUBSYSTEM : WIRE_END_LINE,
		    BAD[i].words);
		host_fini(&h);
	}
	host_init(&h, &(struct host_options){0});
	assert_true(host_up(&h));
	host_say(&h, "bu", SSH_MSG_CHANNEL_EOF, 0u);
	say_data(&h, 1);
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "data after its end");
	host_fini(&h);
	/* Data before the channel is open. */
	host_init(&h, &(struct host_options){0});
	assert_true(host_log_in(&h));
	say_data(&h, 1);
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "a channel that is not open");
	host_fini(&h);
}

static void
tells_why_there_is_no_channel(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	assert_true(host_log_in(&h));
	host_say(&h, "buuss", SSH_MSG_CHANNEL_OPEN_FAILURE, 0u, 4u, "too \x1b many", "en");
	expect_closed(
	    &h, ERR_ACCESS, WIRE_END_NO_CHANNEL, "opens no session: too \\x1b many (reason 4)");
	host_fini(&h);
	host_init(&h, &(struct host_options){0});
	assert_true(host_log_in(&h));
	host_say(&h, "buuuu", SSH_MSG_CHANNEL_OPEN_CONFIRMATION, 0u, 7u, 1000u, 10u);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "packets of 10 bytes alone");
	host_fini(&h);
}

/* What a server may ask for, and gets a no. */
static void
says_no_politely(void **state)
{
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	assert_true(host_up(&h));
	host_say(&h, "bu", SSH_MSG_CHANNEL_SUCCESS, 0u);
	host_say(&h, "bsb", SSH_MSG_GLOBAL_REQUEST, "hostkeys-00@openssh.com", 0);
	host_say(&h, "bsb", SSH_MSG_GLOBAL_REQUEST, "hostkeys-prove-00@openssh.com", 1);
	host_say(&h, "bsuuu", SSH_MSG_CHANNEL_OPEN, "forwarded-tcpip", 3u, 1000u, 1000u);
	host_say(&h, "busb", SSH_MSG_CHANNEL_REQUEST, 0u, "keepalive@openssh.com", 1);
	host_say(&h, "bu", 120, 0u);
	host_say(&h, "bs", SSH_MSG_PING, "ping");
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_int_equal(host_next_number(&h), SSH_MSG_REQUEST_FAILURE);
	assert_int_equal(host_next_number(&h), SSH_MSG_CHANNEL_OPEN_FAILURE);
	assert_int_equal(host_next_number(&h), SSH_MSG_CHANNEL_FAILURE);
	assert_int_equal(host_next_number(&h), SSH_MSG_UNIMPLEMENTED);
	assert_int_equal(host_next_number(&h), SSH_MSG_PONG);
	assert_int_equal(host_next_number(&h), 0);
	for (int i = 0; i < 1100; i++)
		host_say(&h, "bsb", SSH_MSG_GLOBAL_REQUEST, "x", 0);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "too many requests that are refused");
	host_fini(&h);
}

static void
keeps_the_last_words(void **state)
{
	static char text[3 * WIRE_LAST_WORDS_MAX];
	struct host h;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	host_init(&h, &(struct host_options){0});
	assert_true(host_up(&h));
	host_say(&h, "buus", SSH_MSG_CHANNEL_EXTENDED_DATA, 0u, 1u, text);
	host_say(&h, "buus", SSH_MSG_CHANNEL_EXTENDED_DATA, 0u, 2u, "of no interest");
	host_say(&h, "buus", SSH_MSG_CHANNEL_EXTENDED_DATA, 0u, 1u, "\x1bthe end");
	host_say(
	    &h, "busbsbss", SSH_MSG_CHANNEL_REQUEST, 0u, "exit-signal", 0, "K\x1bLL", 0, "", "");
	host_say(&h, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
	assert_int_equal(next_type(&h), WIRE_PEER_EOF);
	assert_int_equal(wire_client_last_words(h.client).len, WIRE_LAST_WORDS_MAX);
	assert_string_equal(wire_client_exit(h.client)->signal, "K\\x1bLL");
	expect_closed(&h, ERR_CLOSED, WIRE_END_LINE, "has ended (signal K\\x1bLL): xxx");
	host_fini(&h);
}

/* All that a server says in a short life, as far as the client lets it; true: it was opened. The
 * client's ends must be told as one of the two that are possible. */
static bool
live(struct host *h, size_t *ret_got)
{
	struct wire_client_event event = {0};
	bool opened = false;
	size_t got = 0;

	if (host_up(h)) {
		host_say(h, "bu", SSH_MSG_CHANNEL_SUCCESS, 0u);
		host_say(h, "bus", SSH_MSG_CHANNEL_DATA, 0u, "bytes");
		host_say(h, "busbu", SSH_MSG_CHANNEL_REQUEST, 0u, "exit-status", 0, 0u);
		host_say(h, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
		opened = true;
	}
	for (int i = 0; i < 100 && event.type != WIRE_CLOSED; i++) {
		host_event(h, &event);
		if (event.type == WIRE_READABLE) {
			struct slice bytes = wire_client_peek(h->client);
			assert_true(slice_is(bytes, "bytes"));
			got += bytes.len;
			wire_client_consume(h->client, bytes.len);
		} else if (event.type == WIRE_HOST_KEY) {
			wire_client_refuse_host_key(h->client, ERR_ACCESS, "no");
		} else if (event.type == WIRE_AUTH_NEXT) {
			wire_client_end(h->client, ERR_ACCESS, "no");
		} else if (event.type == WIRE_NOTHING) {
			wire_client_eof(h->client, NULL);
		}
	}
	assert_int_equal(event.type, WIRE_CLOSED);
	*ret_got = got;
	return opened && event.error == ERR_OK;
}

static void
survives_every_cut(void **state)
{
	uint64_t total;
	struct host h;
	size_t got;

	(void)state;
	host_init(&h, &(struct host_options){.strict = true});
	assert_true(live(&h, &got));
	assert_int_equal(got, 5);
	total = h.n_given;
	host_fini(&h);
	for (uint64_t cut = 0; cut < total; cut++) {
		host_init(&h, &(struct host_options){.strict = true});
		h.cuts = true;
		h.cut = cut;
		assert_false(live(&h, &got));
		host_fini(&h);
	}
}

/* Whatever bit is flipped, the stream is whole or isn't told. Only what nobody authenticates, the
 * padding of the packets before the keys, may be flipped unnoticed. */
static void
survives_every_flip(void **state)
{
	uint64_t total, n_unnoticed = 0;
	struct host h;
	size_t got;

	(void)state;
	host_init(&h, &(struct host_options){.strict = true});
	assert_true(live(&h, &got));
	total = h.n_given * 8;
	host_fini(&h);
	for (uint64_t bit = 0; bit < total; bit += 5) {
		host_init(&h, &(struct host_options){.strict = true});
		h.flips = true;
		h.flip_bit = bit;
		n_unnoticed += live(&h, &got) ? 1 : 0;
		host_fini(&h);
	}
	assert_in_range(n_unnoticed, 1, 3 * 12 * 8 / 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(listens_to_some_words_first),
	    cmocka_unit_test(bounds_the_first_words),
	    cmocka_unit_test(tells_the_last_words_before_the_version),
	    cmocka_unit_test(wants_a_true_signature),
	    cmocka_unit_test(keeps_the_order),
	    cmocka_unit_test(takes_one_reply),
	    cmocka_unit_test(drops_a_wrong_guess),
	    cmocka_unit_test(refuses_bad_values),
	    cmocka_unit_test(wants_the_same_host_key_again),
	    cmocka_unit_test(bounds_packets),
	    cmocka_unit_test(bounds_floods_before_the_login),
	    cmocka_unit_test(keeps_its_window),
	    cmocka_unit_test(opens_its_window_again),
	    cmocka_unit_test(hears_who_goes_on_while_keys_change),
	    cmocka_unit_test(refuses_what_is_illegal),
	    cmocka_unit_test(tells_why_there_is_no_channel),
	    cmocka_unit_test(says_no_politely),
	    cmocka_unit_test(keeps_the_last_words),
	    cmocka_unit_test(survives_every_cut),
	    cmocka_unit_test(survives_every_flip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
