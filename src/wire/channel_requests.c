/*
 * Requests and openings: one channel, one subsystem, and a no to everything else. A no costs us
 * next to nothing, but a peer that asks on and on has no business here.
 */
#include "base/rd.h"
#include "base/text.h"
#include "wire/channel.h"
#include "wire/connection.h"

enum { NAME_MAX_LEN = 64, ANSWER_MAX = 1024 };

static const char ONLY_SFTP[] = "This server does SFTP alone: no commands and no shell. For scp, "
				"use a version that speaks SFTP "
				"(OpenSSH 9.0 and later, without -O).\r\n";

static enum err
count_refusal(struct channel *c, struct story *story)
{
	if (++c->n_refused <= WIRE_REFUSALS_MAX)
		return ERR_OK;
	return story_fail(story, ERR_LIMIT, "the peer makes too many requests that are refused");
}

static enum err
answer_id(struct channel *c, uint8_t number)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, ANSWER_MAX);
	enum err e = buf_put_u8(&b, number);
	if (e == ERR_OK)
		e = buf_put_u32(&b, c->peer_id);
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

/*
 * Global requests (section 4) are refused. The names that clients keep a line alive with come for
 * as long as it lives, so they don't count.
 */
enum err
channel_on_global(struct channel *c, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, ANSWER_MAX);
	(void)rd_u8(&r);
	struct slice name = rd_string(&r, WIRE_PACKET_MAX);
	bool want_reply = rd_u8(&r) != 0;
	if (r.failed)
		return story_fail(story, ERR_FORMAT, "a GLOBAL_REQUEST is malformed");
	enum err e =
	    slice_starts_with(name, slice_str("keepalive@")) ? ERR_OK : count_refusal(c, story);
	if (e != ERR_OK || !want_reply)
		return e;
	e = buf_put_u8(&b, SSH_MSG_REQUEST_FAILURE);
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

/* CHANNEL_OPEN (section 5.1). */
struct opening {
	struct slice type;
	uint32_t id, window, packet;
};

static enum err
refuse_opening(struct channel *c, uint32_t id, uint32_t reason, const char *why)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, ANSWER_MAX);
	enum err e = buf_put_u8(&b, SSH_MSG_CHANNEL_OPEN_FAILURE);
	if (e == ERR_OK)
		e = buf_put_u32(&b, id);
	if (e == ERR_OK)
		e = buf_put_u32(&b, reason);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str(why));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("en"));
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

static enum err
accept_opening(struct channel *c, const struct opening *o)
{
	struct buf b _cleanup_(buf_fini);

	c->state = CHANNEL_IDLE;
	c->peer_id = o->id;
	c->peer_window = o->window;
	c->peer_packet = o->packet;
	buf_init(&b, ANSWER_MAX);
	enum err e = buf_put_u8(&b, SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
	if (e == ERR_OK)
		e = buf_put_u32(&b, o->id);
	if (e == ERR_OK)
		e = buf_put_u32(&b, 0);
	if (e == ERR_OK)
		e = buf_put_u32(&b, WIRE_WINDOW);
	if (e == ERR_OK)
		e = buf_put_u32(&b, WIRE_CHANNEL_PACKET);
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

static enum err
read_opening(struct slice payload, struct opening *ret_o, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	ret_o->type = rd_string(&r, WIRE_PACKET_MAX);
	ret_o->id = rd_u32(&r);
	ret_o->window = rd_u32(&r);
	ret_o->packet = rd_u32(&r);
	/* What follows belongs to the type: addresses, for forwarding. */
	return r.failed ? story_fail(story, ERR_FORMAT, "a CHANNEL_OPEN is malformed") : ERR_OK;
}

/* A server has no reason to open one: we forward nothing. */
enum err
channel_refuse_open(struct channel *c, struct slice payload, struct story *story)
{
	struct opening o;
	enum err e = read_opening(payload, &o, story);

	if (e == ERR_OK)
		e = count_refusal(c, story);
	if (e != ERR_OK)
		return e;
	return refuse_opening(
	    c, o.id, SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "nothing is forwarded here");
}

enum err
channel_on_open(struct channel *c, struct slice payload, struct story *story)
{
	struct opening o;
	enum err e = read_opening(payload, &o, story);

	if (e != ERR_OK)
		return e;
	bool is_session = slice_is(o.type, "session");
	if (is_session && c->state == CHANNEL_NONE && o.packet >= CHANNEL_PACKET_MIN)
		return accept_opening(c, &o);
	e = count_refusal(c, story);
	if (e != ERR_OK)
		return e;
	if (!is_session)
		return refuse_opening(
		    c, o.id, SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "only SFTP is served here");
	return refuse_opening(c, o.id, SSH_OPEN_RESOURCE_SHORTAGE,
	    c->state == CHANNEL_NONE ? "its packets are too small"
				     : "one channel for each connection");
}

/* CHANNEL_REQUEST (section 5.4): what is behind the fields that all have. */

/* True when the subsystem runs from now on. */
static bool
take_subsystem(struct channel *c, struct slice *rest)
{
	struct rd r = rd_of(*rest);
	struct slice name = rd_string(&r, NAME_MAX_LEN);

	if (rd_done(&r) != ERR_OK || !slice_is(name, "sftp") || c->state != CHANNEL_IDLE)
		return false;
	c->state = CHANNEL_OPEN;
	return true;
}

/*
 * A command or a shell is not run. A plain refusal would leave a person with "exec request failed";
 * so the request is taken for the time of one sentence, which ends with exit status 1.
 */
static enum err
turn_away(struct channel *c, bool want_reply)
{
	struct buf b _cleanup_(buf_fini);
	enum err e = want_reply ? answer_id(c, SSH_MSG_CHANNEL_SUCCESS) : ERR_OK;

	c->state = CHANNEL_AWAY;
	buf_init(&b, ANSWER_MAX);
	if (e == ERR_OK && c->peer_window >= sizeof ONLY_SFTP) {
		e = buf_put_u8(&b, SSH_MSG_CHANNEL_EXTENDED_DATA);
		if (e == ERR_OK)
			e = buf_put_u32(&b, c->peer_id);
		if (e == ERR_OK)
			e = buf_put_u32(&b, SSH_EXTENDED_DATA_STDERR);
		if (e == ERR_OK)
			e = buf_put_string(&b, slice_str(ONLY_SFTP));
		if (e == ERR_OK)
			e = channel_answer(c, &b);
		c->peer_window -= (uint32_t)(sizeof ONLY_SFTP - 1);
	}
	return e == ERR_OK ? channel_close(c, 1) : e;
}

enum err
channel_refuse_request(struct channel *c, struct slice name, bool want_reply, struct story *story)
{
	enum err e =
	    slice_starts_with(name, slice_str("keepalive@")) ? ERR_OK : count_refusal(c, story);

	return e == ERR_OK && want_reply ? answer_id(c, SSH_MSG_CHANNEL_FAILURE) : e;
}

enum err
channel_on_request(struct channel *c, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	uint32_t id = rd_u32(&r);
	struct slice name = rd_string(&r, WIRE_PACKET_MAX);
	bool want_reply = rd_u8(&r) != 0;
	struct slice rest = rd_rest(&r);
	if (r.failed)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_REQUEST is malformed");
	if (id != 0 || c->state == CHANNEL_NONE || c->peer_closed)
		return story_fail(
		    story, ERR_FORMAT, "the peer makes a request in a channel that is not open");
	/* Nobody listens any more: the CLOSE is on its way. */
	if (c->sent_close)
		return count_refusal(c, story);
	if (slice_is(name, "subsystem") && take_subsystem(c, &rest))
		return want_reply ? answer_id(c, SSH_MSG_CHANNEL_SUCCESS) : ERR_OK;
	if ((slice_is(name, "exec") || slice_is(name, "shell")) && c->state == CHANNEL_IDLE)
		return turn_away(c, want_reply);
	return channel_refuse_request(c, name, want_reply, story);
}
