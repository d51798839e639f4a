/* The server above the link: the order of login and channel, and how it ends. */
#include "talk.h"

static void
asks_before_it_goes_on(void **state)
{
	struct wire_event event;
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, "bs", SSH_MSG_SERVICE_REQUEST, "ssh-userauth");
	say(&t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "wrong");
	say(&t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "secret");
	(void)give(&t);
	wire_server_next_event(t.w, &event);
	assert_int_equal(event.type, WIRE_AUTH);
	assert_true(slice_is(event.auth.user, "erp"));
	assert_true(slice_is(event.auth.password, "wrong"));
	/* Told once, and nothing behind it is looked at. */
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	assert_false(wire_server_wants_input(t.w));
	assert_false(wire_server_authenticated(t.w));
	assert_int_equal(wire_server_answer(t.w, WIRE_DENY, 0), ERR_OK);
	wire_server_next_event(t.w, &event);
	assert_int_equal(event.type, WIRE_AUTH);
	assert_true(slice_is(event.auth.password, "secret"));
	assert_int_equal(wire_server_answer(t.w, WIRE_ACCEPT, 0), ERR_OK);
	assert_true(wire_server_authenticated(t.w));
	talk_end(&t);
}

/* Messages of the connection protocol before a login. */
static void
wants_a_login_first(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, "bsuuu", SSH_MSG_CHANNEL_OPEN, "session", 7u, 1000u, 32768u);
	expect_closed(&t, ERR_FORMAT, "log in first");
	expect_silence(&t);
	talk_end(&t);
	talk_begin(&t);
	say(&t, "bsb", SSH_MSG_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
	expect_closed(&t, ERR_FORMAT, "log in first");
	talk_end(&t);
}

/* ... and of the login after it: void (RFC 4252 section 5.1). */
static void
ignores_logins_after_the_login(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say(&t, "bsssbs", USERAUTH_REQUEST, "root", "ssh-connection", "password", 0, "secret");
	assert_int_equal(next_type(&t), WIRE_NOTHING);
	expect_silence(&t);
	say_data(&t, "still there");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	talk_end(&t);
}

static void
ends_after_too_many_refusals(void **state)
{
	struct wire_event event;
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, "bs", SSH_MSG_SERVICE_REQUEST, "ssh-userauth");
	for (int i = 0; i < 3; i++)
		say(&t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "no");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next_type(&t), WIRE_AUTH);
		assert_int_equal(wire_server_answer(t.w, WIRE_DENY, 0), ERR_OK);
	}
	assert_int_equal(next_type(&t), WIRE_AUTH);
	assert_int_equal(wire_server_answer(t.w, WIRE_DENY, 0), ERR_CLOSED);
	wire_server_next_event(t.w, &event);
	assert_int_equal(event.type, WIRE_CLOSED);
	assert_int_equal(event.error, ERR_LIMIT);
	assert_string_equal(event.story, "too many logins were refused: 3");
	talk_end(&t);
}

/* An answer that comes when the line is over. */
static void
answers_nobody(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, "bs", SSH_MSG_SERVICE_REQUEST, "ssh-userauth");
	say(&t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "secret");
	assert_int_equal(next_type(&t), WIRE_AUTH);
	wire_server_end(t.w, ERR_TIMEOUT, "too late");
	assert_int_equal(wire_server_answer(t.w, WIRE_ACCEPT, 0), ERR_CLOSED);
	expect_closed(&t, ERR_TIMEOUT, "too late");
	talk_end(&t);
}

/* How a line ends, as it is told. */
static const struct {
	const char *what;
	bool bye, data, eof;
	const char *why;
	enum err error;
	const char *words;
} ENDS[] = {
    {"a goodbye", true, false, false, NULL, ERR_OK, ""},
    {"a goodbye behind bytes", true, true, false, NULL, ERR_OK, ""},
    {"no goodbye", false, false, false, NULL, ERR_CLOSED, "without a goodbye"},
    {"no goodbye behind bytes", false, true, false, NULL, ERR_CLOSED, "without a goodbye"},
    {"no goodbye, but the stream's end", false, true, true, NULL, ERR_OK, ""},
    {"a broken line", false, true, false, "it broke", ERR_CLOSED, "it broke"},
};

static void
tells_how_the_line_ended(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
		talk_up(&t);
		if (ENDS[i].data)
			say_data(&t, "bytes");
		if (ENDS[i].eof)
			say(&t, "bu", SSH_MSG_CHANNEL_EOF, 0u);
		if (ENDS[i].bye)
			say_mark(&t, PLAINLINK_BYE);
		(void)give(&t);
		if (!ENDS[i].bye)
			wire_server_eof(t.w, ENDS[i].why);
		if (ENDS[i].data) {
			assert_int_equal(next_type(&t), WIRE_READABLE);
			wire_server_consume(t.w, wire_server_peek(t.w).len);
		}
		if (ENDS[i].eof)
			assert_int_equal(next_type(&t), WIRE_PEER_EOF);
		expect_closed(&t, ENDS[i].error, ENDS[i].words);
		/* And again, as often as it is asked. */
		expect_closed(&t, ENDS[i].error, ENDS[i].words);
		talk_end(&t);
	}
}

/* Whose login was refused goes without a goodbye of the orderly kind. */
static void
tells_who_gave_up(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	say(&t, "bs", SSH_MSG_SERVICE_REQUEST, "ssh-userauth");
	say(&t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "wrong");
	assert_int_equal(next_type(&t), WIRE_AUTH);
	assert_int_equal(wire_server_answer(t.w, WIRE_DENY, 0), ERR_OK);
	say_mark(&t, PLAINLINK_BYE);
	expect_closed(&t, ERR_CLOSED, "bye");
	talk_end(&t);
}

static void
writes_nothing_after_the_end(void **state)
{
	uint8_t bytes[10] = {0};
	struct talk t;
	size_t n;

	(void)state;
	talk_begin(&t);
	talk_log_in(&t);
	assert_int_equal(wire_server_write(t.w, bytes, sizeof bytes, &n), ERR_CLOSED);
	talk_end(&t);
	talk_up(&t);
	say(&t, "bu", SSH_MSG_CHANNEL_CLOSE, 0u);
	assert_int_equal(next_type(&t), WIRE_PEER_EOF);
	assert_int_equal(wire_server_write(t.w, bytes, sizeof bytes, &n), ERR_CLOSED);
	talk_end(&t);
	talk_up(&t);
	wire_server_close(t.w);
	assert_int_equal(wire_server_write(t.w, bytes, sizeof bytes, &n), ERR_CLOSED);
	assert_int_equal(n, 0);
	talk_end(&t);
}

static void
gives_its_memory_back(void **state)
{
	struct talk t;

	(void)state;
	talk_up(&t);
	say_data(&t, "bytes");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	/* What is borrowed stays. */
	wire_server_trim(t.w);
	assert_true(slice_is(wire_server_peek(t.w), "bytes"));
	wire_server_consume(t.w, 5);
	wire_server_trim(t.w);
	assert_int_equal(wire_server_output(t.w)->cap, 0);
	say_data(&t, "more");
	assert_int_equal(next_type(&t), WIRE_READABLE);
	talk_end(&t);
}

/* Cut anywhere, a whole conversation gives the same bytes. */
static void
takes_its_input_in_pieces(void **state)
{
	struct talk t;

	(void)state;
	for (size_t piece = 1; piece < 9; piece++) {
		char got[64];
		size_t n_got = 0;
		talk_up(&t);
		say_data(&t, "one ");
		say_data(&t, "");
		say_data(&t, "two ");
		say_data(&t, "three");
		while (buf_len(&t.said) > 0) {
			struct slice left = buf_slice(&t.said);
			size_t len, n = left.len < piece ? left.len : piece;
			uint8_t *space = wire_server_space(t.w, &len);
			assert_true(len >= n);
			memcpy(space, left.ptr, n);
			wire_server_filled(t.w, n);
			buf_consume(&t.said, n);
			struct slice bytes = wire_server_peek(t.w);
			for (; bytes.len > 0; bytes = wire_server_peek(t.w)) {
				memcpy(got + n_got, bytes.ptr, bytes.len);
				n_got += bytes.len;
				wire_server_consume(t.w, bytes.len);
			}
		}
		assert_true(slice_equal(slice_of(got, n_got), slice_str("one two three")));
		talk_end(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_before_it_goes_on),
	    cmocka_unit_test(wants_a_login_first),
	    cmocka_unit_test(ignores_logins_after_the_login),
	    cmocka_unit_test(ends_after_too_many_refusals),
	    cmocka_unit_test(answers_nobody),
	    cmocka_unit_test(tells_how_the_line_ended),
	    cmocka_unit_test(tells_who_gave_up),
	    cmocka_unit_test(writes_nothing_after_the_end),
	    cmocka_unit_test(gives_its_memory_back),
	    cmocka_unit_test(takes_its_input_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
