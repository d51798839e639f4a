/* A link and a client that behave: the handshake, payloads, and re-exchanges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "wire/algorithms.h"
#include "wire/link_internal.h"
#include "wire/message.h"
#include "wire/offer.h"
#include "wire/peer.h"

/* A number of the layers above, as good as any. */
enum { MSG_ABOVE = 94 };

static const struct peer_options STRICT = {.strict = true, .ext_info = true};

static void
send_above(struct peer *p, const char *text)
{
	struct buf b = {.max = 1024};

	assert_int_equal(buf_put_u8(&b, MSG_ABOVE), ERR_OK);
	assert_int_equal(buf_put(&b, text, strlen(text)), ERR_OK);
	peer_send(p, buf_slice(&b).ptr, buf_len(&b));
	buf_fini(&b);
}

static bool
payload_is(struct slice payload, const char *text)
{
	return payload.len == 1 + strlen(text) && payload.ptr[0] == MSG_ABOVE &&
	       memcmp(payload.ptr + 1, text, payload.len - 1) == 0;
}

static void
expect_above(struct peer *p, const char *text)
{
	struct slice payload;

	assert_true(peer_above(p, &payload));
	assert_true(payload_is(payload, text));
}

static void
link_says(struct peer *p, const char *text)
{
	const uint8_t number = MSG_ABOVE;

	assert_true(wire_link_open(p->link));
	assert_int_equal(wire_link_send(p->link, slice_of(&number, 1), slice_str(text)), ERR_OK);
}

static void
expect_said(struct peer *p, const char *text)
{
	struct slice payload;

	assert_true(peer_next(p, &payload));
	assert_true(payload_is(payload, text));
}

/* After a handshake with everything asked for, the EXT_INFO comes first. */
static void
expect_ext_info(struct peer *p)
{
	struct buf names _cleanup_(buf_fini) = {.max = 4096};
	struct slice payload;

	assert_true(peer_next(p, &payload));
	struct rd r = rd_of(payload);
	assert_int_equal(rd_u8(&r), SSH_MSG_EXT_INFO);
	assert_int_equal(rd_u32(&r), 2);
	assert_true(slice_is(rd_string(&r, 64), "server-sig-algs"));
	assert_int_equal(wire_names_put(WIRE_KIND_SIGNATURE, &names), ERR_OK);
	assert_true(slice_equal(rd_string(&r, 4096), buf_slice(&names)));
	assert_true(slice_is(rd_string(&r, 64), "ping@openssh.com"));
	assert_true(slice_is(rd_string(&r, 64), "0"));
	assert_int_equal(rd_done(&r), ERR_OK);
}

static void
both_talk(struct peer *p)
{
	send_above(p, "from the client");
	assert_int_equal(peer_turn(p), ERR_AGAIN);
	expect_above(p, "from the client");
	link_says(p, "from the server");
	expect_said(p, "from the server");
}

static void
start(struct peer *p, const struct peer_options *options)
{
	peer_init(p, options);
	assert_true(peer_handshake(p));
	if (options->ext_info)
		expect_ext_info(p);
}

static void
test_every_method(void **state)
{
	(void)state;
	for (size_t i = 0; kex_method_at(i) != NULL; i++) {
		for (int strict = 0; strict < 2; strict++) {
			struct peer p;
			start(&p, &(struct peer_options){.kex = kex_method_at(i)->name,
				      .strict = strict,
				      .ext_info = strict});
			both_talk(&p);
			peer_fini(&p);
		}
	}
}

/* What was made ahead is used where the method is that, and never again; else it is dropped. */
static void
test_what_is_made_ahead_serves_one_exchange(void **state)
{
	(void)state;
	for (size_t i = 0; kex_method_at(i) != NULL; i++) {
		struct peer p;
		peer_init(&p, &(struct peer_options){.kex = kex_method_at(i)->name});
		assert_int_equal(wire_link_prepare(p.link), ERR_OK);
		assert_non_null(p.link->prepared);
		assert_true(peer_handshake(&p));
		assert_null(p.link->prepared);
		both_talk(&p);
		peer_fini(&p);
	}
}

static void
test_what_is_made_ahead_is_freed_unused(void **state)
{
	struct peer p;

	(void)state;
	peer_init(&p, &(struct peer_options){.strict = false});
	assert_int_equal(wire_link_prepare(p.link), ERR_OK);
	peer_fini(&p);
}

static void
test_every_cipher_and_mac(void **state)
{
	(void)state;
	for (size_t c = 0; cipher_at(c) != NULL; c++) {
		for (size_t m = 0; mac_at(m) != NULL; m++) {
			struct peer p;
			start(&p, &(struct peer_options){.cipher = cipher_at(c)->name,
				      .mac = mac_at(m)->name,
				      .strict = m % 2 == 0});
			both_talk(&p);
			assert_true(peer_rekey(&p));
			both_talk(&p);
			peer_fini(&p);
		}
	}
}

static void
test_each_way_has_its_own(void **state)
{
	struct peer p;

	(void)state;
	start(&p, &(struct peer_options){.cipher = "aes256-ctr",
		      .mac = "hmac-sha2-512",
		      .cipher_back = "chacha20-poly1305@openssh.com",
		      .host_key = "ecdsa-sha2-nistp256"});
	both_talk(&p);
	assert_string_equal(wire_link_facts(p.link)->algorithms,
	    "curve25519-sha256 aes256-ctr/chacha20-poly1305@openssh.com hmac-sha2-512/implicit "
	    "ecdsa-sha2-nistp256");
	assert_string_equal(wire_link_facts(p.link)->peer_version, PEER_VERSION);
	assert_string_equal(p.version_theirs, "SSH-2.0-Dray_" DRAY_VERSION);
	peer_fini(&p);
}

static void
test_a_handshake_byte_by_byte(void **state)
{
	struct peer p;

	(void)state;
	peer_init(&p, &STRICT);
	p.chunk = 1;
	assert_true(peer_handshake(&p));
	expect_ext_info(&p);
	both_talk(&p);
	peer_fini(&p);
}

static void
test_when_it_is_open(void **state)
{
	struct peer p;

	(void)state;
	peer_init(&p, &STRICT);
	assert_false(wire_link_open(p.link));
	assert_int_equal(wire_link_session_id(p.link).len, 0);
	peer_put_version(&p);
	peer_put_kexinit(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_true(peer_take_kexinit(&p));
	assert_false(wire_link_open(p.link));
	peer_put_kex_init(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	/* We have sent NEWKEYS. */
	assert_true(wire_link_open(p.link));
	assert_true(peer_take_reply(&p));
	struct slice id = wire_link_session_id(p.link);
	assert_true(slice_equal(id, slice_of(p.session.bytes, p.session.len)));
	expect_ext_info(&p);
	link_says(&p, "early");
	expect_said(&p, "early");
	peer_put_newkeys(&p);
	both_talk(&p);
	peer_fini(&p);
}

/* A client of old, that is not strict, may put these in anywhere. */
static void
put_idle_talk(struct peer *p)
{
	static const uint8_t DEBUG[] = {SSH_MSG_DEBUG, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 0};

	peer_send_u8(p, SSH_MSG_IGNORE);
	peer_send(p, DEBUG, sizeof DEBUG);
	peer_send(p, "\3\0\0\0\1", 5);
}

static void
test_idle_talk_is_let_pass(void **state)
{
	struct peer p;

	(void)state;
	peer_init(&p, &(struct peer_options){0});
	peer_put_version(&p);
	put_idle_talk(&p);
	peer_put_kexinit(&p);
	put_idle_talk(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_true(peer_take_kexinit(&p));
	peer_put_kex_init(&p);
	put_idle_talk(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_true(peer_take_reply(&p));
	peer_put_newkeys(&p);
	put_idle_talk(&p);
	both_talk(&p);
	/* After the login there may be as many as there like to be. */
	wire_link_authenticated(p.link);
	for (int i = 0; i < 3000; i++)
		put_idle_talk(&p);
	both_talk(&p);
	peer_fini(&p);
}

static void
test_a_guess(void **state)
{
	/* A right one is used; a wrong one, even under the strict exchange, is dropped. */
	static const struct peer_options GUESSES[] = {
	    {.guess = true, .strict = true, .ext_info = true},
	    {.guess = true, .kex = "ecdh-sha2-nistp256", .strict = true, .ext_info = true},
	    {.guess = true, .kex = "unknown,curve25519-sha256"},
	    {.guess = true, .host_key = "ecdsa-sha2-nistp256"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GUESSES); i++) {
		struct peer p;
		peer_init(&p, &GUESSES[i]);
		peer_put_version(&p);
		peer_put_kexinit(&p);
		if (i > 0)
			peer_send(&p, "\x1ewhatever another method says", 30);
		peer_put_kex_init(&p);
		assert_int_equal(peer_turn(&p), ERR_AGAIN);
		assert_true(peer_take_kexinit(&p));
		assert_true(peer_take_reply(&p));
		peer_put_newkeys(&p);
		assert_int_equal(peer_turn(&p), ERR_AGAIN);
		if (GUESSES[i].ext_info)
			expect_ext_info(&p);
		both_talk(&p);
		peer_fini(&p);
	}
}

static void
test_the_client_exchanges_keys_again(void **state)
{
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		struct peer p;
		start(&p, &(struct peer_options){.strict = strict});
		struct keys_hash id = p.session;
		for (int i = 0; i < 3; i++) {
			send_above(&p, "before");
			link_says(&p, "before");
			expect_said(&p, "before");
			assert_true(peer_rekey(&p));
			expect_above(&p, "before");
			both_talk(&p);
		}
		assert_true(slice_equal(wire_link_session_id(p.link), slice_of(id.bytes, id.len)));
		peer_fini(&p);
	}
}

/* What the link sent before it saw the client's KEXINIT arrives before its own. */
static void
test_data_under_way_at_a_re_exchange(void **state)
{
	struct peer p;

	(void)state;
	start(&p, &STRICT);
	for (int i = 0; i < 100; i++)
		link_says(&p, "under way");
	for (int i = 0; i < 100; i++)
		send_above(&p, "under way");
	peer_put_kexinit(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_false(wire_link_open(p.link));
	for (int i = 0; i < 100; i++)
		expect_above(&p, "under way");
	for (int i = 0; i < 100; i++)
		expect_said(&p, "under way");
	assert_true(peer_take_kexinit(&p));
	peer_put_kex_init(&p);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_true(wire_link_open(p.link));
	assert_true(peer_take_reply(&p));
	peer_put_newkeys(&p);
	both_talk(&p);
	peer_fini(&p);
}

/* Talks until the link begins an exchange. */
static void
talk_until_offer(struct peer *p)
{
	for (int i = 0; i < 1000 && wire_link_open(p->link); i++) {
		send_above(p, "from the client");
		assert_int_equal(peer_turn(p), ERR_AGAIN);
		expect_above(p, "from the client");
		if (wire_link_open(p->link)) {
			link_says(p, "from the server");
			expect_said(p, "from the server");
		}
	}
	assert_false(wire_link_open(p->link));
}

/* The client goes on in the middle of an exchange that we began. */
static void
finish_ours(struct peer *p)
{
	struct slice payload;

	send_above(p, "after your KEXINIT");
	peer_send(p, "\xc0\0\0\0\2hi", 7); /* PING: its answer must wait */
	assert_int_equal(peer_turn(p), ERR_AGAIN);
	expect_above(p, "after your KEXINIT");
	assert_false(wire_link_open(p->link));
	assert_true(peer_rekey(p));
	assert_true(peer_next(p, &payload));
	assert_true(slice_equal(payload, slice_of("\xc1\0\0\0\2hi", 7)));
}

static void
test_we_exchange_keys_again(void **state)
{
	static const struct wire_rekey LIMITS[] = {
	    {.bytes = 5000}, {.packets = 50}, {.us = 1}, {.bytes = 5000, .packets = 50}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LIMITS); i++) {
		struct peer p;
		start(&p, &(struct peer_options){.strict = i % 2 == 0, .rekey = LIMITS[i]});
		/* Never before the login. */
		for (int k = 0; k < 100; k++)
			both_talk(&p);
		wire_link_authenticated(p.link);
		for (int round = 0; round < 5; round++) {
			talk_until_offer(&p);
			finish_ours(&p);
		}
		peer_fini(&p);
	}
}

/* Bulk both ways at once, with re-exchanges from both sides in between: each payload in its order.
 */
static void
test_load_both_ways_with_re_exchanges(void **state)
{
	static uint8_t bulk[30000];
	struct peer p;
	uint32_t n_said = 0, n_heard = 0, n_above = 0, n_rekeys = 0;
	struct slice payload;

	(void)state;
	start(&p, &(struct peer_options){
		      .strict = true, .rekey = {.bytes = 1000 * 1000}, .cipher = "aes256-ctr"});
	wire_link_authenticated(p.link);
	for (uint32_t i = 0; i < 400; i++) {
		uint8_t head[5] = {MSG_ABOVE};
		be32_store(head + 1, i);
		memcpy(bulk, head, sizeof head);
		peer_send(&p, bulk, sizeof bulk);
		assert_int_equal(peer_turn(&p), ERR_AGAIN);
		if (wire_link_open(p.link)) {
			be32_store(head + 1, n_said++);
			assert_int_equal(wire_link_send(p.link, slice_of(head, sizeof head),
					     slice_of(bulk, sizeof bulk)),
			    ERR_OK);
		}
		while (peer_above(&p, &payload)) {
			be32_store(head + 1, n_above++);
			assert_memory_equal(payload.ptr, head, sizeof head);
		}
		while (wire_link_open(p.link) && peer_next(&p, &payload)) {
			be32_store(head + 1, n_heard++);
			assert_memory_equal(payload.ptr, head, sizeof head);
			assert_int_equal(payload.len, sizeof head + sizeof bulk);
		}
		if (!wire_link_open(p.link) || i % 50 == 49) {
			assert_true(peer_rekey(&p));
			n_rekeys++;
		}
	}
	assert_int_equal(n_above, 400);
	assert_int_equal(n_heard, n_said);
	assert_in_range(n_rekeys, 10, 30);
	peer_fini(&p);
}

static void
test_pings(void **state)
{
	struct slice payload;
	struct peer p;

	(void)state;
	start(&p, &STRICT);
	peer_send(&p, "\xc0\0\0\0\5hello", 10);
	peer_send(&p, "\xc0\0\0\0\0", 5);
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_true(peer_next(&p, &payload));
	assert_true(slice_equal(payload, slice_of("\xc1\0\0\0\5hello", 10)));
	assert_true(peer_next(&p, &payload));
	assert_true(slice_equal(payload, slice_of("\xc1\0\0\0\0", 5)));
	peer_fini(&p);
}

static void
test_what_nobody_knows(void **state)
{
	static const uint8_t UNKNOWN[] = {SSH_MSG_SERVICE_ACCEPT, 8, 19, 22, 29, 31, 49};
	struct slice payload;
	struct peer p;
	uint8_t want[5] = {SSH_MSG_UNIMPLEMENTED};

	(void)state;
	start(&p, &STRICT);
	for (uint32_t i = 0; i < ARRAY_LEN(UNKNOWN); i++) {
		/* The strict exchange made the numbers start over. */
		be32_store(want + 1, i);
		peer_send_u8(&p, UNKNOWN[i]);
		assert_int_equal(peer_turn(&p), ERR_AGAIN);
		assert_true(peer_next(&p, &payload));
		assert_true(slice_equal(payload, slice_of(want, sizeof want)));
	}
	send_above(&p, "unknown to the layers above");
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	assert_int_equal(wire_link_unimplemented(p.link), ERR_OK);
	assert_true(peer_next(&p, &payload));
	be32_store(want + 1, ARRAY_LEN(UNKNOWN));
	assert_true(slice_equal(payload, slice_of(want, sizeof want)));
	peer_fini(&p);
}

struct goodbye {
	uint8_t reason;
	bool orderly;
	const char *story;
};

static const struct goodbye GOODBYES[] = {
    {SSH_DISCONNECT_BY_APPLICATION, true, "the client disconnected: reason 11: by\\x1b"},
    {SSH_DISCONNECT_AUTH_CANCELLED_BY_USER, false, "the client disconnected: reason 13: by\\x1b"},
};

static void
test_the_client_says_goodbye(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GOODBYES); i++) {
		uint8_t bye[] = {SSH_MSG_DISCONNECT, 0, 0, 0, GOODBYES[i].reason, 0, 0, 0, 3, 'b',
		    'y', 0x1b, 0, 0, 0, 0};
		struct slice payload;
		struct peer p;
		start(&p, &STRICT);
		send_above(&p, "last words");
		peer_send(&p, bye, sizeof bye);
		send_above(&p, "nobody hears this");
		assert_int_equal(peer_turn(&p), ERR_CLOSED);
		expect_above(&p, "last words");
		assert_false(peer_above(&p, &payload));
		assert_int_equal(wire_link_ended_orderly(p.link), GOODBYES[i].orderly);
		assert_string_equal(p.story.text, GOODBYES[i].story);
		assert_false(wire_link_open(p.link));
		/* And it stays so. */
		assert_int_equal(wire_link_next(p.link, &payload, &p.story), ERR_CLOSED);
		assert_false(peer_next(&p, &payload));
		peer_fini(&p);
	}
}

static void
test_we_say_goodbye(void **state)
{
	static const uint8_t BYE[] = {
	    SSH_MSG_DISCONNECT, 0, 0, 0, 11, 0, 0, 0, 3, 'b', 'y', 'e', 0, 0, 0, 0};
	struct slice payload;
	struct peer p;

	(void)state;
	start(&p, &STRICT);
	link_says(&p, "last words");
	wire_link_disconnect(p.link, SSH_DISCONNECT_BY_APPLICATION, "bye");
	wire_link_disconnect(p.link, SSH_DISCONNECT_BY_APPLICATION, "twice");
	assert_false(wire_link_open(p.link));
	expect_said(&p, "last words");
	assert_true(peer_next(&p, &payload));
	assert_true(slice_equal(payload, slice_of(BYE, sizeof BYE)));
	assert_false(peer_next(&p, &payload));
	peer_fini(&p);
}

/* What a login has sent, a password perhaps, is not in memory when it is over. */
static void
test_memory_after_the_login(void **state)
{
	struct slice payload;
	struct peer p;
	size_t room;

	(void)state;
	start(&p, &STRICT);
	const uint8_t *before = wire_link_space(p.link, &room);
	send_above(&p, "my password is swordfish");
	assert_int_equal(peer_turn(&p), ERR_AGAIN);
	/* The memory's beginning: the space that is told of now, less what was filled since. */
	const uint8_t *mem = wire_link_space(p.link, &room) + room - WIRE_INPUT_MAX;
	assert_true(mem <= before);
	assert_non_null(memmem(mem, WIRE_INPUT_MAX, "swordfish", 9));
	wire_link_authenticated(p.link);
	assert_int_equal(wire_link_next(p.link, &payload, &p.story), ERR_AGAIN);
	assert_null(memmem(mem, WIRE_INPUT_MAX, "swordfish", 9));
	wire_link_trim(p.link);
	buf_clear(&p.above);
	both_talk(&p);
	peer_fini(&p);
}

static void
test_an_extension_of_the_clients(void **state)
{
	static const uint8_t GOOD[] = {SSH_MSG_EXT_INFO, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0, 0};
	struct peer p;

	(void)state;
	start(&p, &STRICT);
	peer_send(&p, GOOD, sizeof GOOD);
	both_talk(&p);
	peer_send(&p, GOOD, sizeof GOOD - 1);
	assert_int_equal(peer_turn(&p), ERR_FORMAT);
	assert_string_equal(p.story.text, "the client's EXT_INFO is malformed");
	peer_fini(&p);
}

/* Some clients go on between their KEXINIT and their NEWKEYS; after the login it is heard. */
static void
hears_who_goes_on_while_keys_change(void **state)
{
	struct peer p;

	(void)state;
	for (int logged_in = 0; logged_in < 2; logged_in++) {
		peer_init(&p, &(struct peer_options){.strict = true});
		assert_true(peer_handshake(&p));
		if (logged_in)
			wire_link_authenticated(p.link);
		peer_put_kexinit(&p);
		send_above(&p, "more");
		assert_int_equal(peer_turn(&p), logged_in ? ERR_AGAIN : ERR_FORMAT);
		if (logged_in) {
			expect_above(&p, "more");
			assert_true(peer_take_kexinit(&p));
			peer_put_kex_init(&p);
			send_above(&p, "still more");
			assert_int_equal(peer_turn(&p), ERR_AGAIN);
			expect_above(&p, "still more");
			assert_true(peer_take_reply(&p));
			peer_put_newkeys(&p);
			both_talk(&p);
		}
		peer_fini(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_method),
	    cmocka_unit_test(test_what_is_made_ahead_serves_one_exchange),
	    cmocka_unit_test(test_what_is_made_ahead_is_freed_unused),
	    cmocka_unit_test(test_every_cipher_and_mac),
	    cmocka_unit_test(test_each_way_has_its_own),
	    cmocka_unit_test(test_a_handshake_byte_by_byte),
	    cmocka_unit_test(test_when_it_is_open),
	    cmocka_unit_test(test_idle_talk_is_let_pass),
	    cmocka_unit_test(test_a_guess),
	    cmocka_unit_test(test_the_client_exchanges_keys_again),
	    cmocka_unit_test(test_data_under_way_at_a_re_exchange),
	    cmocka_unit_test(test_we_exchange_keys_again),
	    cmocka_unit_test(test_load_both_ways_with_re_exchanges),
	    cmocka_unit_test(test_pings),
	    cmocka_unit_test(test_what_nobody_knows),
	    cmocka_unit_test(test_the_client_says_goodbye),
	    cmocka_unit_test(test_we_say_goodbye),
	    cmocka_unit_test(test_memory_after_the_login),
	    cmocka_unit_test(test_an_extension_of_the_clients),
	    cmocka_unit_test(hears_who_goes_on_while_keys_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
