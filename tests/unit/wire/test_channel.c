/* The connection protocol: what is served, what is refused, and the windows both ways. */
#include "talk.h"

#include "sweep.h"
#include "wire/channel.h"

static void
serves_sftp_in_one_channel(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	say(&t, "bsuuu", SSH_MSG_CHANNEL_OPEN, "session", 7u, 1000u, 32768u);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	struct rd r = rd_of(hear(&t));
	assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
	assert_int_equal(rd_u32(&r), 7);
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_u32(&r), WIRE_WINDOW);
	assert_int_equal(rd_u32(&r), WIRE_CHANNEL_PACKET);
	assert_int_equal(rd_done(&r), ERR_OK);
	talk_sftp(&t);
	say_data(&t, "hello");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_true(slice_is(wire_server_peek(t.w), "hello"));
	wire_server_consume(t.w, 2);
	assert_true(slice_is(wire_server_peek(t.w), "llo"));
	wire_server_consume(t.w, 3);
	assert_int_equal(wire_server_peek(t.w).len, 0);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	talk_end(&t);
}

/* Requests in a channel that are answered, and how. */
static const struct {
	const char *name, *argument;
	int want_reply;
	uint8_t answer; /* 0: none */
} REQUESTS[] = {
    {"pty-req", "xterm", 1, SSH_MSG_CHANNEL_FAILURE},
    {"env", "LANG", 0, 0},
    {"env", "LANG", 1, SSH_MSG_CHANNEL_FAILURE},
    {"x11-req", "", 1, SSH_MSG_CHANNEL_FAILURE},
    {"auth-agent-req@openssh.com", "", 1, SSH_MSG_CHANNEL_FAILURE},
    {"subsystem", "netconf", 1, SSH_MSG_CHANNEL_FAILURE},
    {"subsystem", "sft", 1, SSH_MSG_CHANNEL_FAILURE},
    {"window-change", "", 0, 0},
    {"", "", 1, SSH_MSG_CHANNEL_FAILURE},
    {"keepalive@openssh.com", "", 1, SSH_MSG_CHANNEL_FAILURE},
    {"subsystem", "sftp", 1, SSH_MSG_CHANNEL_SUCCESS},
    {"subsystem", "sftp", 1, SSH_MSG_CHANNEL_FAILURE},
    {"exec", "true", 1, SSH_MSG_CHANNEL_FAILURE},
};

static void
refuses_other_requests(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	talk_open(&t, 1000, 32768);
	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
		say(&t, "busbs", SSH_MSG_CHANNEL_REQUEST, 0u, REQUESTS[i].name,
		    REQUESTS[i].want_reply, REQUESTS[i].argument);
		(void)next_type(&t);
		if (REQUESTS[i].answer != 0)
			expect_hear(&t, REQUESTS[i].answer);
		expect_silence(&t);
	}
	talk_end(&t);
}

static void
refuses_other_channels(void **state)
{
	static const char *const TYPES[] = {
	    "session", "direct-tcpip", "x11", "tun@openssh.com", ""};
	struct talk t;

	(void)state;
	talk_up(&t);
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		say(&t, "bsuuus", SSH_MSG_CHANNEL_OPEN, TYPES[i], 8u, 1000u, 32768u, "more");
		assert_int_equal(next_type(&t), WIRE_NOTHING);
		struct rd r = rd_of(hear(&t));
		assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_OPEN_FAILURE);
		assert_int_equal(rd_u32(&r), 8);
		assert_int_equal(rd_u32(&r),
		    i == 0 ? SSH_OPEN_RESOURCE_SHORTAGE : SSH_OPEN_ADMINISTRATIVELY_PROHIBITED);
	}
	talk_end(&t);
}

/* A person who asks for a command gets a sentence, an exit status, and the end. */
static void
turns_commands_away(void **state)
{
	static const char *const NAMES[] = {"exec", "shell"};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		talk_begin(&t);
		talk_log_in(&t);
		talk_open(&t, 1000, 32768);
		say(&t, "busbs", SSH_MSG_CHANNEL_REQUEST, 0u, NAMES[i], 1, "scp -t /");
		say_data(&t, "dropped");
		assert_int_equal(next_type(&t), WIRE_NOTHING);
		expect_hear(&t, SSH_MSG_CHANNEL_SUCCESS);
		struct rd r = rd_of(hear(&t));
		assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_EXTENDED_DATA);
		assert_int_equal(rd_u32(&r), 7);
		assert_int_equal(rd_u32(&r), SSH_EXTENDED_DATA_STDERR);
		struct slice text = rd_string(&r, 1000);
		assert_true(slice_starts_with(text, slice_str("This server does SFTP alone")));
		expect_hear(&t, SSH_MSG_CHANNEL_REQUEST);
		expect_hear(&t, SSH_MSG_CHANNEL_EOF);
		expect_hear(&t, SSH_MSG_CHANNEL_CLOSE);
		say(&t, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
		expect_closed(&t, ERR_OK, "");
		expect_silence(&t);
		talk_end(&t);
	}
}

/* Without room in the peer's window there is nothing to say it with. */
static void
turns_away_in_silence(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	talk_open(&t, 10, 32768);
	say(&t, "busbs", SSH_MSG_CHANNEL_REQUEST, 0u, "exec", 0, "true");
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_hear(&t, SSH_MSG_CHANNEL_REQUEST);
	expect_hear(&t, SSH_MSG_CHANNEL_EOF);
	expect_hear(&t, SSH_MSG_CHANNEL_CLOSE);
	talk_end(&t);
}

static void
refuses_global_requests(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "no-more-sessions@openssh.com", 0);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_silence(&t);
	say(&t, "bsbsu", SSH_MSG_GLOBAL_REQUEST, "tcpip-forward", 1, "", 0u);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_hear(&t, SSH_MSG_REQUEST_FAILURE);
	/* Keepalives come for as long as the line lives. */
	for (int i = 0; i < 2 * WIRE_REFUSALS_MAX; i++) {
		say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
		assert_int_equal(next_type(&t), WIRE_NOTHING);
		expect_hear(&t, SSH_MSG_REQUEST_FAILURE);
	}
	talk_end(&t);
}

static void
ends_a_flood_of_refusals(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	for (int i = 0; i <= WIRE_REFUSALS_MAX; i++)
		say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "tcpip-forward", 0);
	expect_closed(&t, ERR_LIMIT, "too many requests");
	talk_end(&t);
}

/* Our window: opened again when half of it was taken, and not before. */
static void
opens_its_window_again(void **state)
{
	size_t taken = 0;
	struct talk t;

	(void)state;
	talk_up(&t);
	while (taken + 32768 < WIRE_WINDOW / 2) {
		say_bytes(&t, 32768);
		assert_int_equal(next_type(&t), WIRE_READABLE);
		taken += wire_server_peek(t.w).len;
		wire_server_consume(t.w, wire_server_peek(t.w).len);
		assert_int_equal(next_type(&t), WIRE_NOTHING);
		expect_silence(&t);
	}
	say_bytes(&t, 32768);
	assert_int_equal(next_type(&t), WIRE_READABLE);
	wire_server_consume(t.w, 32768);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	struct rd r = rd_of(hear(&t));
	assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_WINDOW_ADJUST);
	assert_int_equal(rd_u32(&r), 7);
	assert_int_equal(rd_u32(&r), taken + 32768);
	talk_end(&t);
}

/* What isn't taken stays in the link, and a peer that goes on has broken the rules. */
static void
holds_the_peer_to_its_window(void **state)
{
	size_t given = 0;
	struct talk t;

	(void)state;
	talk_up(&t);
	/* Nothing can be sent: so the server looks for the peer's word behind its bytes. */
	uint8_t zeros[64 * 1024] = {0};
	for (size_t n = 1; n > 0;) {
		assert_int_equal(wire_server_write(t.w, zeros, sizeof zeros, &n), ERR_OK);
		buf_clear(wire_server_output(t.w));
	}
	for (; given < WIRE_WINDOW; given += 32768) {
		say_bytes(&t, 32768);
		assert_int_equal(next_type(&t), WIRE_READABLE);
		assert_true(buf_len(&t.said) == 0);
	}
	assert_int_equal(wire_server_peek(t.w).len, WIRE_WINDOW);
	say_bytes(&t, 1);
	assert_int_equal(next_type(&t), WIRE_READABLE);
	/* What came before is told before. */
	wire_server_consume(t.w, WIRE_WINDOW);
	expect_closed(&t, ERR_LIMIT, "window");
	talk_end(&t);
}

/*
 * The engine takes no request while its answers can't leave, and they can't before the peer opens
 * its window: which it does behind those requests.
 */
static void
hears_the_window_behind_bytes(void **state)
{
	uint8_t zeros[2000] = {0};
	struct talk t;
	size_t n;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	talk_open(&t, 1000, 32768);
	talk_sftp(&t);
	assert_int_equal(wire_server_write(t.w, zeros, sizeof zeros, &n), ERR_OK);
	assert_int_equal(n, 1000);
	assert_false(wire_server_may_write(t.w));
	say_data(&t, "one");
	say_data(&t, "two");
	say(&t, "buu", SSH_MSG_CHANNEL_WINDOW_ADJUST, 0u, 500u);
	say_data(&t, "three");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_true(wire_server_may_write(t.w));
	assert_int_equal(wire_server_write(t.w, zeros, 1000, &n), ERR_OK);
	assert_int_equal(n, 500);
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_true(slice_is(wire_server_peek(t.w), "onetwothree"));
	wire_server_consume(t.w, 11);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	talk_end(&t);
}

/* While it can be sent, what isn't taken stays where it is. */
static void
listens_no_further_than_it_is_taken(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say_data(&t, "one");
	say_data(&t, "two");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_false(wire_server_wants_input(t.w));
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_true(slice_is(wire_server_peek(t.w), "one"));
	wire_server_consume(t.w, 3);
	assert_true(slice_is(wire_server_peek(t.w), "two"));
	wire_server_consume(t.w, 3);
	assert_true(wire_server_wants_input(t.w));
	talk_end(&t);
}

/* Their window and packet size. */
static const struct {
	uint32_t window, packet;
	size_t len, taken, n_messages;
} WRITES[] = {
    {1000, 32768, 2000, 1000, 1},
    {0, 32768, 10, 0, 0},
    {100000, 32768, 100000, 100000, 4},
    {100000, 256, 1000, 1000, 4},
    {UINT32_MAX, UINT32_MAX, 150000, 150000, 3},
};

static void
keeps_to_their_window(void **state)
{
	static uint8_t bytes[200000];
	struct talk t;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WRITES); i++) {
		talk_begin(&t);
		talk_log_in(&t);
		talk_open(&t, WRITES[i].window, WRITES[i].packet);
		talk_sftp(&t);
		assert_int_equal(wire_server_write(t.w, bytes, WRITES[i].len, &n), ERR_OK);
		assert_int_equal(n, WRITES[i].taken);
		for (size_t k = 0; k < WRITES[i].n_messages; k++)
			expect_hear(&t, SSH_MSG_CHANNEL_DATA);
		expect_silence(&t);
		talk_end(&t);
	}
}

/* A peer that reads nothing is not written to for ever. */
static void
bounds_what_waits_to_be_sent(void **state)
{
	static uint8_t bytes[64 * 1024];
	size_t n = 1, total = 0;
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	talk_open(&t, UINT32_MAX, 32768);
	talk_sftp(&t);
	while (n > 0) {
		assert_int_equal(wire_server_write(t.w, bytes, sizeof bytes, &n), ERR_OK);
		total += n;
	}
	assert_in_range(total, WIRE_OUTPUT_HIGH / 2, WIRE_OUTPUT_HIGH + 64 * 1024);
	assert_false(wire_server_may_write(t.w));
	/* Answers still fit on top, up to where nothing more is heard. */
	for (int i = 0; i < 100000 && wire_server_wants_input(t.w); i++) {
		say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
		(void)next_type(&t);
	}
	assert_in_range(
	    buf_len(wire_server_output(t.w)), WIRE_OUTPUT_DEAF, WIRE_OUTPUT_DEAF + 1024);
	talk_end(&t);
}

/* While keys are exchanged nothing of ours is sent, and nothing is lost. */
static void
waits_for_the_keys(void **state)
{
	uint8_t zeros[100] = {0};
	struct talk t;
	size_t n;

	(void)state;
	talk_up(&t);
	say_mark(&t, PLAINLINK_REKEY);
	say_data(&t, "under way");
	say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
	say(&t, "busbs", SSH_MSG_CHANNEL_REQUEST, 0u, "env", 1, "LANG");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	assert_int_equal(wire_server_write(t.w, zeros, sizeof zeros, &n), ERR_OK);
	assert_int_equal(n, 0);
	expect_silence(&t);
	assert_true(slice_is(wire_server_peek(t.w), "under way"));
	wire_server_consume(t.w, 9);
	say_mark(&t, PLAINLINK_REKEY);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_hear(&t, SSH_MSG_REQUEST_FAILURE);
	expect_hear(&t, SSH_MSG_CHANNEL_FAILURE);
	expect_silence(&t);
	assert_int_equal(wire_server_write(t.w, zeros, sizeof zeros, &n), ERR_OK);
	assert_int_equal(n, sizeof zeros);
	talk_end(&t);
}

/* A key exchange that never ends doesn't gather answers for ever. */
static void
bounds_what_waits_for_the_keys(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say_mark(&t, PLAINLINK_REKEY);
	for (int i = 0; i < CHANNEL_QUEUE_MAX / 5 + 1; i++)
		say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
	expect_closed(&t, ERR_LIMIT, "");
	talk_end(&t);
}

static void
tells_the_end_after_the_bytes(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say_data(&t, "last");
	say(&t, "bu", SSH_MSG_CHANNEL_EOF, 0u);
	say(&t, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
	assert_int_equal(next_type(&t), WIRE_READABLE);
	wire_server_consume(t.w, 4);
	assert_int_equal(next_type(&t), WIRE_PEER_EOF);
	expect_closed(&t, ERR_OK, "");
	expect_hear(&t, SSH_MSG_CHANNEL_CLOSE);
	talk_end(&t);
}

static void
closes_with_a_farewell(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	wire_server_close(t.w);
	assert_true(wire_server_is_closing(t.w));
	struct rd r = rd_of(hear(&t));
	assert_int_equal(rd_u8(&r), SSH_MSG_CHANNEL_REQUEST);
	assert_int_equal(rd_u32(&r), 7);
	assert_true(slice_is(rd_string(&r, 100), "exit-status"));
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_done(&r), ERR_OK);
	expect_hear(&t, SSH_MSG_CHANNEL_EOF);
	expect_hear(&t, SSH_MSG_CHANNEL_CLOSE);
	say_data(&t, "too late");
	say(&t, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
	assert_int_equal(next_type(&t), WIRE_PEER_EOF);
	expect_closed(&t, ERR_OK, "");
	talk_end(&t);
}

/* What breaks the protocol. */
static const struct {
	const char *what;
	const char *fields;
	int number;
	uint32_t a, b, c;
	const char *words;
} BROKEN[] = {
    {"data without a channel's number", "b", SSH_MSG_CHANNEL_DATA, 0, 0, 0, "not open"},
    {"data for another channel", "buu", SSH_MSG_CHANNEL_DATA, 1, 0, 0, "not open"},
    {"data that is cut off", "buu", SSH_MSG_CHANNEL_DATA, 0, 5, 0, "malformed"},
    {"data with more behind it", "buuu", SSH_MSG_CHANNEL_DATA, 0, 0, 1, "malformed"},
    {"a window past its end", "buu", SSH_MSG_CHANNEL_WINDOW_ADJUST, 0, UINT32_MAX, 0, "window"},
    {"half a window", "bu", SSH_MSG_CHANNEL_WINDOW_ADJUST, 0, 0, 0, "malformed"},
    {"an EOF with more behind it", "buu", SSH_MSG_CHANNEL_EOF, 0, 0, 0, "malformed"},
    {"a CLOSE of another channel", "bu", SSH_MSG_CHANNEL_CLOSE, 9, 0, 0, "not open"},
    {"an opening without its fields", "bu", SSH_MSG_CHANNEL_OPEN, 0, 0, 0, "malformed"},
    {"a request without its fields", "bu", SSH_MSG_CHANNEL_REQUEST, 0, 0, 0, "malformed"},
    {"a global request without fields", "b", SSH_MSG_GLOBAL_REQUEST, 0, 0, 0, "malformed"},
    {"stderr that is cut off", "buuu", SSH_MSG_CHANNEL_EXTENDED_DATA, 0, 1, 9, "malformed"},
};

static void
ends_what_breaks_the_protocol(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BROKEN); i++) {
		talk_up(&t);
		say(&t, BROKEN[i].fields, BROKEN[i].number, BROKEN[i].a, BROKEN[i].b, BROKEN[i].c);
		expect_closed(&t, ERR_FORMAT, BROKEN[i].words);
		talk_end(&t);
	}
}

static void
ends_data_out_of_place(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	say_data(&t, "x");
	expect_closed(&t, ERR_FORMAT, "not open");
	talk_end(&t);
	talk_begin(&t);
	talk_log_in(&t);
	talk_open(&t, 1000, 32768);
	say_data(&t, "x");
	expect_closed(&t, ERR_FORMAT, "before it asks for SFTP");
	talk_end(&t);
	talk_up(&t);
	say(&t, "bu", SSH_MSG_CHANNEL_EOF, 0u);
	say_data(&t, "x");
	expect_closed(&t, ERR_FORMAT, "after its end");
	talk_end(&t);
}

static void
answers_unknown_messages(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	for (int number = 101; number < 192; number++)
		say(&t, "bu", number, 0u);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	talk_end(&t);
}

static void
refuses_tiny_packets(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	say(&t, "bsuuu", SSH_MSG_CHANNEL_OPEN, "session", 7u, 1000u, 1u);
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_hear(&t, SSH_MSG_CHANNEL_OPEN_FAILURE);
	talk_open(&t, 1000, 256);
	talk_end(&t);
}

/* Whatever one payload is in an open channel: the server stands, and its output is bounded. */
static bool
take_payload(const uint8_t *data, size_t len, void *ctx)
{
	struct wire_event event;
	struct talk t;

	(void)ctx;
	talk_up(&t);
	if (len > 0)
		say(&t, "r", slice_of(data, len));
	(void)give(&t);
	wire_server_next_event(t.w, &event);
	assert_true(buf_len(wire_server_output(t.w)) < 4096);
	bool ended = event.type == WIRE_CLOSED;
	talk_end(&t);
	return !ended;
}

static void
survives_every_flip_and_cut(void **state)
{
	static const struct {
		const char *fields;
		int number;
		const char *text;
	} VALID[] = {
	    {"bu", SSH_MSG_CHANNEL_EOF, NULL},
	    {"bus", SSH_MSG_CHANNEL_DATA, "hello"},
	    {"busb", SSH_MSG_CHANNEL_REQUEST, "env"},
	};
	struct talk t;

	(void)state;
	talk_begin(&t);
	for (size_t i = 0; i < ARRAY_LEN(VALID); i++) {
		buf_clear(&t.said);
		say(&t, VALID[i].fields, VALID[i].number, 0u, VALID[i].text, 1);
		struct slice payload = buf_slice(&t.said);
		payload = slice_of(payload.ptr + 4, payload.len - 4);
		assert_true(sweep_decode_exact(take_payload, payload.ptr, payload.len, NULL));
		/* No payload at all is no message. */
		assert_int_equal(
		    sweep_truncations(take_payload, payload.ptr, payload.len, NULL), 1);
		sweep_bit_flips(take_payload, payload.ptr, payload.len, NULL);
	}
	talk_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serves_sftp_in_one_channel),
	    cmocka_unit_test(refuses_other_requests),
	    cmocka_unit_test(refuses_other_channels),
	    cmocka_unit_test(turns_commands_away),
	    cmocka_unit_test(turns_away_in_silence),
	    cmocka_unit_test(refuses_global_requests),
	    cmocka_unit_test(ends_a_flood_of_refusals),
	    cmocka_unit_test(opens_its_window_again),
	    cmocka_unit_test(holds_the_peer_to_its_window),
	    cmocka_unit_test(hears_the_window_behind_bytes),
	    cmocka_unit_test(listens_no_further_than_it_is_taken),
	    cmocka_unit_test(keeps_to_their_window),
	    cmocka_unit_test(bounds_what_waits_to_be_sent),
	    cmocka_unit_test(waits_for_the_keys),
	    cmocka_unit_test(bounds_what_waits_for_the_keys),
	    cmocka_unit_test(tells_the_end_after_the_bytes),
	    cmocka_unit_test(closes_with_a_farewell),
	    cmocka_unit_test(ends_what_breaks_the_protocol),
	    cmocka_unit_test(ends_data_out_of_place),
	    cmocka_unit_test(answers_unknown_messages),
	    cmocka_unit_test(refuses_tiny_packets),
	    cmocka_unit_test(survives_every_flip_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
