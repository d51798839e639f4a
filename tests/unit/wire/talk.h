/*
 * A client in memory for a wire_server over the plain link: says messages, and reads what comes
 * back. Included by one test program each, so everything is static.
 */
#ifndef TESTS_WIRE_TALK_H
#define TESTS_WIRE_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "plainlink.h"
#include "wire/connection.h"
#include "wire/message.h"
#include "wire/server.h"

enum { TALK_MAX = 8 * 1024 * 1024, USERAUTH_REQUEST = 50, USERAUTH_SUCCESS = 52 };

struct talk {
	struct wire_server *w;
	struct buf said; /* to be given to the server */
	struct buf heard;
};

static inline void
talk_begin(struct talk *t)
{
	const struct wire_server_config config = {.methods = WIRE_PASSWORD, .max_failures = 3};

	assert_int_equal(wire_server_new(&t->w, &config), ERR_OK);
	buf_init(&t->said, TALK_MAX);
	buf_init(&t->heard, TALK_MAX);
}

static inline void
talk_end(struct talk *t)
{
	wire_server_free(t->w);
	buf_fini(&t->said);
	buf_fini(&t->heard);
}

/*
 * Appends one payload: letters for its fields. b: a byte, u: a uint32, s: a string, r: the bytes of
 * a slice as they are.
 */
static inline void
say(struct talk *t, const char *fields, ...)
{
	size_t before = buf_len(&t->said);
	enum err e = buf_put_u32(&t->said, 0);
	va_list args;

	va_start(args, fields);
	for (const char *f = fields; *f != '\0' && e == ERR_OK; f++) {
		if (*f == 'b') {
			e = buf_put_u8(&t->said, (uint8_t)va_arg(args, int));
		} else if (*f == 'u') {
			e = buf_put_u32(&t->said, va_arg(args, uint32_t));
		} else if (*f == 's') {
			e = buf_put_string(&t->said, slice_str(va_arg(args, const char *)));
		} else {
			struct slice raw = va_arg(args, struct slice);
			e = buf_put(&t->said, raw.ptr, raw.len);
		}
	}
	va_end(args);
	assert_int_equal(e, ERR_OK);
	buf_patch_u32(&t->said, before, (uint32_t)(buf_len(&t->said) - before - 4));
}

/* A mark of the plain link: PLAINLINK_REKEY, PLAINLINK_BYE. */
static inline void
say_mark(struct talk *t, uint32_t mark)
{
	assert_int_equal(buf_put_u32(&t->said, mark), ERR_OK);
}

/* Gives the server what was said, as far as it takes it; false when something is left. */
static inline bool
give(struct talk *t)
{
	while (buf_len(&t->said) > 0 && wire_server_wants_input(t->w)) {
		struct slice left = buf_slice(&t->said);
		size_t len;
		uint8_t *space = wire_server_space(t->w, &len);
		if (len == 0)
			break;
		len = len < left.len ? len : left.len;
		memcpy(space, left.ptr, len);
		wire_server_filled(t->w, len);
		buf_consume(&t->said, len);
	}
	return buf_len(&t->said) == 0;
}

static inline enum wire_event_type
next_type(struct talk *t)
{
	struct wire_event event;

	(void)give(t);
	wire_server_next_event(t->w, &event);
	return event.type;
}

/* The server is over, for this reason. */
static inline void
expect_closed(struct talk *t, enum err error, const char *words)
{
	struct wire_event event;

	(void)give(t);
	for (int i = 0; i < 10; i++) {
		wire_server_next_event(t->w, &event);
		if (event.type == WIRE_CLOSED)
			break;
	}
	assert_int_equal(event.type, WIRE_CLOSED);
	if (event.error != error || strstr(event.story, words) == NULL)
		fail_msg("closed with %s: \"%s\"", err_name(event.error), event.story);
}

/* The next payload that the server sent, in t->heard's front; empty when there is none. */
static inline struct slice
hear(struct talk *t)
{
	struct buf *out = wire_server_output(t->w);
	struct rd r = rd_of(buf_slice(out));
	uint32_t len = rd_u32(&r);
	struct slice payload = rd_bytes(&r, len);

	buf_clear(&t->heard);
	if (r.failed)
		return slice_of(NULL, 0);
	assert_int_equal(buf_put(&t->heard, payload.ptr, payload.len), ERR_OK);
	buf_consume(out, 4 + payload.len);
	return buf_slice(&t->heard);
}

static inline void
expect_hear(struct talk *t, uint8_t number)
{
	struct slice payload = hear(t);

	if (payload.len == 0 || payload.ptr[0] != number)
		fail_msg("heard %d, not %d", payload.len == 0 ? -1 : payload.ptr[0], number);
}

static inline void
expect_silence(struct talk *t)
{
	struct slice payload = hear(t);

	if (payload.len > 0)
		fail_msg("heard %d", payload.ptr[0]);
}

/* Logs in by password. */
static inline void
talk_log_in(struct talk *t)
{
	say(t, "bs", SSH_MSG_SERVICE_REQUEST, "ssh-userauth");
	say(t, "bsssbs", USERAUTH_REQUEST, "erp", "ssh-connection", "password", 0, "secret");
	assert_int_equal(next_type(t), WIRE_AUTH);
	assert_int_equal(wire_server_answer(t->w, WIRE_ACCEPT, 0), ERR_OK);
	expect_hear(t, SSH_MSG_SERVICE_ACCEPT);
	expect_hear(t, USERAUTH_SUCCESS);
}

/* Opens the channel, with this window and packet size of ours. */
static inline void
talk_open(struct talk *t, uint32_t window, uint32_t packet)
{
	say(t, "bsuuu", SSH_MSG_CHANNEL_OPEN, "session", (uint32_t)7, window, packet);
	assert_int_equal(next_type(t), WIRE_NOTHING);
	expect_hear(t, SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
}

static inline void
talk_sftp(struct talk *t)
{
	say(t, "busbs", SSH_MSG_CHANNEL_REQUEST, (uint32_t)0, "subsystem", 1, "sftp");
	assert_int_equal(next_type(t), WIRE_OPENED);
	expect_hear(t, SSH_MSG_CHANNEL_SUCCESS);
}

/* Up to the byte stream. */
static inline void
talk_up(struct talk *t)
{
	talk_begin(t);
	talk_log_in(t);
	talk_open(t, 1024 * 1024, 32768);
	talk_sftp(t);
}

static inline void
say_data(struct talk *t, const char *text)
{
	say(t, "bus", SSH_MSG_CHANNEL_DATA, (uint32_t)0, text);
}

/* A CHANNEL_DATA of len bytes, each 'x'. */
static inline void
say_bytes(struct talk *t, size_t len)
{
	static uint8_t bytes[256 * 1024];

	memset(bytes, 'x', sizeof bytes);
	assert_true(len <= sizeof bytes);
	say(t, "buur", SSH_MSG_CHANNEL_DATA, (uint32_t)0, (uint32_t)len, slice_of(bytes, len));
}

#endif
