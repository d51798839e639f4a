/*
 * The channel as a client has it: it opens a session and has something run in it (RFC 4254 section
 * 6), hears how that ended, and keeps the line alive.
 */
#include "base/clock.h"
#include "base/text.h"
#include "wire/channel.h"
#include "wire/connection.h"

enum { MESSAGE_MAX = 1024, SHOWN_MAX = 160 };

/* The time since the question. */
static void
take_round_trip(struct channel_session *s)
{
	int64_t us = time_mono_us() - s->asked_at_us;

	if (s->asked_at_us == 0)
		return;
	s->asked_at_us = 0;
	if (s->round_trip_us == 0 || us < s->round_trip_us)
		s->round_trip_us = us > 0 ? us : 1;
}

/* CHANNEL_OPEN (section 5.1). */
enum err
channel_ask(struct channel *c)
{
	struct buf b _cleanup_(buf_fini) = {.max = MESSAGE_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_CHANNEL_OPEN);

	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("session"));
	if (e == ERR_OK)
		e = buf_put_u32(&b, 0);
	if (e == ERR_OK)
		e = buf_put_u32(&b, c->our_window);
	if (e == ERR_OK)
		e = buf_put_u32(&b, CHANNEL_CLIENT_PACKET);
	c->state = CHANNEL_ASKED;
	c->session.asked_at_us = time_mono_us();
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

/* "subsystem" or "exec" (section 6.5). */
static enum err
request(struct channel *c)
{
	const struct channel_session *s = &c->session;
	bool is_command = s->subsystem[0] == '\0';
	struct buf b _cleanup_(buf_fini) = {.max = MESSAGE_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_CHANNEL_REQUEST);

	if (e == ERR_OK)
		e = buf_put_u32(&b, c->peer_id);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str(is_command ? "exec" : "subsystem"));
	if (e == ERR_OK)
		e = buf_put_u8(&b, 1);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str(is_command ? s->command : s->subsystem));
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

enum err
channel_on_confirmation(struct channel *c, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	uint32_t id = rd_u32(&r);
	c->peer_id = rd_u32(&r);
	c->peer_window = rd_u32(&r);
	c->peer_packet = rd_u32(&r);
	if (rd_done(&r) != ERR_OK || id != 0 || c->state != CHANNEL_ASKED)
		return story_fail(
		    story, ERR_FORMAT, "the server confirms a channel that was not asked for");
	if (c->peer_packet < CHANNEL_PACKET_MIN)
		return story_fail(story, ERR_LIMIT,
		    "the server takes packets of %u bytes alone: too small", c->peer_packet);
	take_round_trip(&c->session);
	c->state = CHANNEL_OPEN;
	return request(c);
}

enum err
channel_on_open_failure(struct channel *c, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);
	char shown[SHOWN_MAX];

	(void)rd_u8(&r);
	uint32_t id = rd_u32(&r);
	uint32_t reason = rd_u32(&r);
	struct slice text = rd_string(&r, WIRE_PACKET_MAX); /* a language may follow, or nothing */
	if (r.failed || id != 0 || c->state != CHANNEL_ASKED)
		return story_fail(
		    story, ERR_FORMAT, "the server refuses a channel that was not asked for");
	c->session.end = WIRE_END_NO_CHANNEL;
	return story_fail(story, ERR_ACCESS, "the server opens no session: %s (reason %u)",
	    text_escape(text, shown, sizeof shown), reason);
}

/* The answer to our only request in the channel. */
enum err
channel_on_success(struct channel *c, struct rd *r, struct story *story)
{
	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "an answer in the channel is malformed");
	/* A server's exit-status wants no answer, so there is nothing to do. */
	c->session.answered = true;
	return ERR_OK;
}

enum err
channel_on_failure(struct channel *c, struct rd *r, struct story *story)
{
	struct channel_session *s = &c->session;
	char shown[SHOWN_MAX];

	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "an answer in the channel is malformed");
	if (c->role != WIRE_CLIENT || s->answered)
		return ERR_OK;
	s->answered = true;
	s->end = WIRE_END_NO_SUBSYSTEM;
	if (strcmp(s->subsystem, "sftp") == 0)
		return story_fail(story, ERR_ACCESS, "the server offers no SFTP");
	return story_fail(story, ERR_ACCESS, "the server does not run \"%s\"",
	    text_escape(slice_str(s->subsystem[0] != '\0' ? s->subsystem : s->command), shown,
		sizeof shown));
}

/* How it ended (section 6.10). */

static void
take_signal(struct channel_session *s, struct slice rest)
{
	struct rd r = rd_of(rest);
	struct slice name = rd_string(&r, WIRE_PACKET_MAX);

	if (!r.failed)
		(void)text_escape(name, s->exit.signal, sizeof s->exit.signal);
}

static void
take_status(struct channel_session *s, struct slice rest)
{
	struct rd r = rd_of(rest);
	uint32_t status = rd_u32(&r);

	if (rd_done(&r) != ERR_OK)
		return;
	s->exit.has_status = true;
	s->exit.status = status;
}

enum err
channel_on_report(struct channel *c, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	uint32_t id = rd_u32(&r);
	struct slice name = rd_string(&r, WIRE_PACKET_MAX);
	bool want_reply = rd_u8(&r) != 0;
	struct slice rest = rd_rest(&r);
	if (r.failed)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_REQUEST is malformed");
	if (id != 0 || c->state != CHANNEL_OPEN || c->peer_closed)
		return story_fail(
		    story, ERR_FORMAT, "the server makes a request in a channel that is not open");
	if (slice_is(name, "exit-status"))
		take_status(&c->session, rest);
	else if (slice_is(name, "exit-signal"))
		take_signal(&c->session, rest);
	/* Nobody listens any more: the CLOSE is on its way. */
	return channel_refuse_request(c, name, want_reply && !c->sent_close, story);
}

enum err
channel_keep_words(struct channel *c, struct slice words)
{
	struct buf *kept = &c->session.last_words;

	if (words.len > kept->max)
		words = slice_of(words.ptr + words.len - kept->max, kept->max);
	if (words.len > buf_room(kept))
		buf_consume(kept, words.len - buf_room(kept));
	return buf_put(kept, words.ptr, words.len);
}

/* As OpenSSH does it; a server that doesn't know it must say so (section 4). */
enum err
channel_keep_alive(struct channel *c)
{
	struct buf b _cleanup_(buf_fini) = {.max = MESSAGE_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_GLOBAL_REQUEST);

	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("keepalive@openssh.com"));
	if (e == ERR_OK)
		e = buf_put_u8(&b, 1);
	if (c->session.asked_at_us == 0)
		c->session.asked_at_us = time_mono_us();
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

/* Whatever it says, and whatever follows: who answers is there. */
enum err
channel_on_global_answer(
    struct channel *c, struct slice payload unused_arg, struct story *story unused_arg)
{
	if (c->state != CHANNEL_ASKED)
		take_round_trip(&c->session);
	return ERR_OK;
}
