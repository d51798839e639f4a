#include "wire/channel.h"

#include "base/bug.h"
#include "base/rd.h"
#include "wire/connection.h"

/* A peer's ids are its own; this is ours, of the only channel that there is. */
enum { OUR_ID = 0, SMALL_MAX = 256 };

void
channel_init(struct channel *c, struct wire_link *link, enum wire_role role)
{
	*c = (struct channel){.link = link, .role = role};
	channel_set_window(c, WIRE_WINDOW);
	if (role == WIRE_SERVER)
		c->step = WIRE_WINDOW / 2;
	buf_init(&c->stash, role == WIRE_CLIENT ? WIRE_CLIENT_WINDOW_MAX : WIRE_WINDOW);
	buf_init(&c->queue, CHANNEL_QUEUE_MAX);
	buf_init(&c->session.last_words, WIRE_LAST_WORDS_MAX);
}

void
channel_fini(struct channel *c)
{
	buf_fini(&c->stash);
	buf_fini(&c->queue);
	buf_fini(&c->session.last_words);
}

void
channel_set_window(struct channel *c, size_t bytes)
{
	if (bytes > WIRE_CLIENT_WINDOW_MAX)
		bytes = WIRE_CLIENT_WINDOW_MAX;
	if (bytes < WIRE_CHANNEL_PACKET)
		bytes = WIRE_CHANNEL_PACKET;
	c->window = (uint32_t)bytes;
	c->step = c->window / 4 < CHANNEL_STEP_MAX ? c->window / 4 : CHANNEL_STEP_MAX;
	if (c->state == CHANNEL_NONE)
		c->our_window = c->granted = c->window;
}

/* Sending. */

enum err
channel_answer(struct channel *c, const struct buf *payload)
{
	struct slice bytes = buf_slice(payload);

	if (buf_len(&c->queue) == 0 && wire_link_open(c->link))
		return wire_link_send(c->link, bytes, slice_of(NULL, 0));
	return buf_put_string(&c->queue, bytes) == ERR_OK ? ERR_OK : ERR_LIMIT;
}

/* A message of the channel that consists of its number and the peer's id. */
static enum err
say(struct channel *c, uint8_t number)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, SMALL_MAX);
	enum err e = buf_put_u8(&b, number);
	if (e == ERR_OK)
		e = buf_put_u32(&b, c->peer_id);
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

static enum err
send_queue(struct channel *c)
{
	while (buf_len(&c->queue) > 0 && wire_link_open(c->link)) {
		struct rd r = rd_of(buf_slice(&c->queue));
		struct slice payload = rd_string(&r, CHANNEL_QUEUE_MAX);
		BUG_ON(r.failed);
		enum err e = wire_link_send(c->link, payload, slice_of(NULL, 0));
		if (e != ERR_OK)
			return e;
		buf_consume(&c->queue, 4 + payload.len);
	}
	if (buf_len(&c->queue) == 0)
		buf_fini(&c->queue);
	return ERR_OK;
}

/*
 * Opens the window again (section 5.2) once a part of it was used: seldom enough to cost nothing,
 * and a peer with a full pipe never waits. A window that was made wider is opened at once; what was
 * granted beyond a narrower one is not granted again.
 */
static enum err
open_window(struct channel *c)
{
	int64_t more = (int64_t)c->consumed + c->window - c->granted;
	uint8_t message[9] = {SSH_MSG_CHANNEL_WINDOW_ADJUST};

	if ((c->consumed < c->step && c->window <= c->granted) || c->state != CHANNEL_OPEN ||
	    c->peer_eof || c->peer_closed || c->sent_close || !wire_link_open(c->link))
		return ERR_OK;
	if (more > 0) {
		be32_store(message + 1, c->peer_id);
		be32_store(message + 5, (uint32_t)more);
		enum err e =
		    wire_link_send(c->link, slice_of(message, sizeof message), slice_of(NULL, 0));
		if (e != ERR_OK)
			return e;
		c->our_window += (uint32_t)more;
		c->granted += (uint32_t)more;
	}
	c->granted -= c->consumed;
	c->consumed = 0;
	return ERR_OK;
}

enum err
channel_flush(struct channel *c)
{
	enum err e = send_queue(c);

	return e == ERR_OK ? open_window(c) : e;
}

bool
channel_is_writable(const struct channel *c)
{
	return c->state == CHANNEL_OPEN && !c->peer_closed && !c->sent_close;
}

bool
channel_is_stalled(const struct channel *c)
{
	return !wire_link_open(c->link) || c->peer_window == 0;
}

enum err
channel_write(struct channel *c, const uint8_t *bytes, size_t len, size_t room, size_t *ret_len)
{
	uint32_t most = c->peer_packet < CHANNEL_DATA_MAX ? c->peer_packet : CHANNEL_DATA_MAX;
	uint8_t head[9] = {SSH_MSG_CHANNEL_DATA};
	enum err e = channel_flush(c);

	*ret_len = 0;
	be32_store(head + 1, c->peer_id);
	while (e == ERR_OK && *ret_len < len && *ret_len < room && !channel_is_stalled(c)) {
		size_t n = len - *ret_len < most ? len - *ret_len : most;
		n = n < c->peer_window ? n : c->peer_window;
		be32_store(head + 5, (uint32_t)n);
		e = wire_link_send(
		    c->link, slice_of(head, sizeof head), slice_of(bytes + *ret_len, n));
		if (e != ERR_OK)
			break;
		c->peer_window -= (uint32_t)n;
		*ret_len += n;
	}
	return e;
}

/* "exit-status" (section 6.10), which wants no reply. */
static enum err
send_exit_status(struct channel *c, uint32_t status)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, SMALL_MAX);
	enum err e = buf_put_u8(&b, SSH_MSG_CHANNEL_REQUEST);
	if (e == ERR_OK)
		e = buf_put_u32(&b, c->peer_id);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("exit-status"));
	if (e == ERR_OK)
		e = buf_put_u8(&b, 0);
	if (e == ERR_OK)
		e = buf_put_u32(&b, status);
	return e == ERR_OK ? channel_answer(c, &b) : e;
}

enum err
channel_close(struct channel *c, uint32_t exit_status)
{
	enum err e = ERR_OK;

	if (c->state == CHANNEL_NONE || c->state == CHANNEL_ASKED || c->sent_close)
		return ERR_OK;
	if (!c->peer_closed) {
		if (c->role == WIRE_SERVER)
			e = send_exit_status(c, exit_status);
		if (e == ERR_OK)
			e = say(c, SSH_MSG_CHANNEL_EOF);
	}
	if (e == ERR_OK)
		e = say(c, SSH_MSG_CHANNEL_CLOSE);
	c->sent_close = true;
	return e;
}

/* Receiving. */

static enum err
on_window_adjust(struct channel *c, struct rd *r, struct story *story)
{
	uint32_t more = rd_u32(r);

	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "a WINDOW_ADJUST is malformed");
	if (more > UINT32_MAX - c->peer_window)
		return story_fail(
		    story, ERR_FORMAT, "the peer opens its window beyond what one can be");
	c->peer_window += more;
	return ERR_OK;
}

/* What comes in uses up the window, wanted or not. */
static enum err
charge_window(struct channel *c, size_t len, struct story *story)
{
	if (len > c->our_window)
		return story_fail(story, ERR_LIMIT, "the peer sends more than its window allows");
	c->our_window -= (uint32_t)len;
	return ERR_OK;
}

static enum err
on_data(struct channel *c, struct rd *r, struct story *story)
{
	struct slice data = rd_string(r, WIRE_PACKET_MAX);

	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_DATA is malformed");
	if (c->peer_eof || c->state == CHANNEL_IDLE)
		return story_fail(story, ERR_FORMAT,
		    c->peer_eof ? "the peer sends data after its end"
				: "the peer sends data before it asks for SFTP");
	enum err e = charge_window(c, data.len, story);
	if (e != ERR_OK)
		return e;
	/* After we have closed nobody reads it; a window that was used up stays so. */
	if (c->state != CHANNEL_OPEN || c->sent_close)
		return ERR_OK;
	/* The caller of channel_input has looked after what was there. */
	BUG_ON(c->data.len > 0);
	if (buf_len(&c->stash) == 0) {
		c->data = data;
		return ERR_OK;
	}
	return buf_put(&c->stash, data.ptr, data.len);
}

/* What is on another stream than the first is no part of ours; a server's is kept for stories. */
static enum err
on_extended_data(struct channel *c, struct rd *r, struct story *story)
{
	uint32_t stream = rd_u32(r);
	struct slice data = rd_string(r, WIRE_PACKET_MAX);

	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_EXTENDED_DATA is malformed");
	enum err e = charge_window(c, data.len, story);
	if (e != ERR_OK)
		return e;
	c->consumed += (uint32_t)data.len;
	if (c->role != WIRE_CLIENT || stream != SSH_EXTENDED_DATA_STDERR)
		return ERR_OK;
	return channel_keep_words(c, data);
}

static enum err
on_eof(struct channel *c, struct rd *r, struct story *story)
{
	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_EOF is malformed");
	c->peer_eof = true;
	return ERR_OK;
}

static enum err
on_close(struct channel *c, struct rd *r, struct story *story)
{
	if (rd_done(r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "a CHANNEL_CLOSE is malformed");
	c->peer_eof = true;
	c->peer_closed = true;
	return ERR_OK;
}

/* Messages in the channel: the cursor stands behind its id. */
static const struct channel_message {
	uint8_t number;
	enum err (*handle)(struct channel *c, struct rd *r, struct story *story);
} MESSAGES[] = {
    {SSH_MSG_CHANNEL_WINDOW_ADJUST, on_window_adjust},
    {SSH_MSG_CHANNEL_DATA, on_data},
    {SSH_MSG_CHANNEL_EXTENDED_DATA, on_extended_data},
    {SSH_MSG_CHANNEL_EOF, on_eof},
    {SSH_MSG_CHANNEL_CLOSE, on_close},
    {SSH_MSG_CHANNEL_SUCCESS, channel_on_success},
    {SSH_MSG_CHANNEL_FAILURE, channel_on_failure},
};

static enum err
on_channel_message(
    struct channel *c, const struct channel_message *m, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	uint32_t id = rd_u32(&r);
	if (r.failed || id != OUR_ID || c->state == CHANNEL_NONE || c->state == CHANNEL_ASKED ||
	    c->peer_closed)
		return story_fail(story, ERR_FORMAT,
		    "the peer speaks of a channel that is not open (message %u)",
		    (unsigned)m->number);
	return m->handle(c, &r, story);
}

/* Those that aren't in it, or bring more than a few numbers: as a server hears them, and a client.
 */
static const struct {
	uint8_t number;
	channel_input_fn *by_role[2];
} REQUESTS[] = {
    {SSH_MSG_GLOBAL_REQUEST,
	{[WIRE_SERVER] = channel_on_global, [WIRE_CLIENT] = channel_on_global}},
    {SSH_MSG_REQUEST_SUCCESS, {[WIRE_CLIENT] = channel_on_global_answer}},
    {SSH_MSG_REQUEST_FAILURE, {[WIRE_CLIENT] = channel_on_global_answer}},
    {SSH_MSG_CHANNEL_OPEN, {[WIRE_SERVER] = channel_on_open, [WIRE_CLIENT] = channel_refuse_open}},
    {SSH_MSG_CHANNEL_OPEN_CONFIRMATION, {[WIRE_CLIENT] = channel_on_confirmation}},
    {SSH_MSG_CHANNEL_OPEN_FAILURE, {[WIRE_CLIENT] = channel_on_open_failure}},
    {SSH_MSG_CHANNEL_REQUEST,
	{[WIRE_SERVER] = channel_on_request, [WIRE_CLIENT] = channel_on_report}},
};

enum err
channel_input(struct channel *c, struct slice payload, struct story *story)
{
	uint8_t number = payload.len == 0 ? 0 : payload.ptr[0];

	for (size_t i = 0; i < ARRAY_LEN(MESSAGES); i++) {
		if (MESSAGES[i].number == number)
			return on_channel_message(c, &MESSAGES[i], payload, story);
	}
	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
		channel_input_fn *handle = REQUESTS[i].by_role[c->role];
		if (REQUESTS[i].number == number && handle != NULL)
			return handle(c, payload, story);
	}
	return ERR_UNSUPPORTED;
}

/* The stream's bytes. */

struct slice
channel_peek(const struct channel *c)
{
	return buf_len(&c->stash) > 0 ? buf_slice(&c->stash) : c->data;
}

void
channel_consume(struct channel *c, size_t len)
{
	if (buf_len(&c->stash) > 0) {
		buf_consume(&c->stash, len);
		/* It was needed for a while, and may be large: the next time may never come. */
		if (buf_len(&c->stash) == 0)
			buf_fini(&c->stash);
	} else {
		BUG_ON(len > c->data.len);
		c->data = slice_of(c->data.ptr + len, c->data.len - len);
	}
	c->consumed += (uint32_t)len;
}

enum err
channel_stash(struct channel *c)
{
	enum err e = ERR_OK;

	if (c->data.len > 0)
		e = buf_put(&c->stash, c->data.ptr, c->data.len);
	c->data = slice_of(NULL, 0);
	return e;
}
