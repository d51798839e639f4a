/* What a client's caller says and asks. */
#include "base/bug.h"
#include "wire/client_internal.h"

/* Answers. */

/* Only memory can fail, and the line with it. */
static enum err
answered(struct wire_client *w, enum err e)
{
	if (e != ERR_OK)
		client_no_memory(w);
	return w->over ? ERR_CLOSED : ERR_OK;
}

enum err
wire_client_accept_host_key(struct wire_client *w)
{
	return w->over ? ERR_CLOSED : answered(w, wire_link_accept(w->link));
}

void
wire_client_refuse_host_key(struct wire_client *w, enum err error, const char *story)
{
	if (w->over)
		return;
	wire_link_abandon(w->link);
	story_set(&w->story, "%s", story);
	client_set_over(w, error, WIRE_END_OWN);
}

enum err
wire_client_prove(struct wire_client *w, const struct wire_proof *proof)
{
	return w->over ? ERR_CLOSED : answered(w, login_prove(&w->login, proof));
}

enum err
wire_client_sign(struct wire_client *w, struct slice signature)
{
	return w->over ? ERR_CLOSED : answered(w, login_sign(&w->login, signature));
}

enum err
wire_client_respond(struct wire_client *w, const struct slice *answers)
{
	return w->over ? ERR_CLOSED : answered(w, login_respond(&w->login, answers));
}

enum err
wire_client_skip(struct wire_client *w)
{
	if (w->over)
		return ERR_CLOSED;
	login_skip(&w->login);
	return ERR_OK;
}

/* The stream. */

struct slice
wire_client_peek(struct wire_client *w)
{
	if (channel_peek(&w->channel).len == 0)
		client_step(w);
	return channel_peek(&w->channel);
}

void
wire_client_consume(struct wire_client *w, size_t len)
{
	channel_consume(&w->channel, len);
}

enum err
wire_client_write(struct wire_client *w, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	size_t queued = buf_len(wire_link_output(w->link));

	*ret_len = 0;
	if (w->over || !channel_is_writable(&w->channel))
		return ERR_CLOSED;
	if (queued >= WIRE_OUTPUT_HIGH)
		return ERR_OK;
	enum err e = channel_write(&w->channel, bytes, len, WIRE_OUTPUT_HIGH - queued, ret_len);
	return answered(w, e);
}

bool
wire_client_may_write(const struct wire_client *w)
{
	return !w->over && channel_is_writable(&w->channel) && !channel_is_stalled(&w->channel) &&
	       buf_len(wire_link_output(w->link)) < WIRE_OUTPUT_HIGH;
}

void
wire_client_close(struct wire_client *w)
{
	w->wants_end = true;
	if (!w->over && channel_close(&w->channel, 0) != ERR_OK)
		client_no_memory(w);
}

enum err
wire_client_keep_alive(struct wire_client *w)
{
	if (w->over || !wire_client_authenticated(w))
		return ERR_CLOSED;
	w->n_unanswered++;
	return answered(w, channel_keep_alive(&w->channel));
}

/* What there is to know. */

struct buf *
wire_client_output(struct wire_client *w)
{
	return wire_link_output(w->link);
}

void
wire_client_set_window(struct wire_client *w, size_t bytes)
{
	channel_set_window(&w->channel, bytes);
}

size_t
wire_client_window(const struct wire_client *w)
{
	return w->channel.window;
}

uint32_t
wire_client_unanswered(const struct wire_client *w)
{
	return w->n_unanswered;
}

int64_t
wire_client_round_trip_us(const struct wire_client *w)
{
	int64_t keys = wire_link_round_trip_us(w->link);
	int64_t later = w->channel.session.round_trip_us;

	if (keys == 0 || later == 0)
		return keys + later;
	return keys < later ? keys : later;
}

bool
wire_client_is_over(const struct wire_client *w)
{
	return w->over;
}

bool
wire_client_is_closing(const struct wire_client *w)
{
	return !w->over && w->channel.sent_close && !w->channel.peer_closed;
}

bool
wire_client_is_closed(const struct wire_client *w)
{
	return w->channel.sent_close && w->channel.peer_closed;
}

void
wire_client_trim(struct wire_client *w)
{
	if (w->channel.data.len == 0)
		wire_link_trim(w->link);
}

enum wire_stage
wire_client_stage(const struct wire_client *w)
{
	if (w->channel.state == CHANNEL_OPEN && w->channel.session.answered)
		return WIRE_STAGE_OPEN;
	if (wire_client_authenticated(w))
		return WIRE_STAGE_CHANNEL;
	if (w->login.begun)
		return WIRE_STAGE_LOGIN;
	return wire_link_facts(w->link)->peer_version[0] != '\0' ? WIRE_STAGE_KEYS
								 : WIRE_STAGE_VERSION;
}

bool
wire_client_authenticated(const struct wire_client *w)
{
	return w->login.state == LOGIN_DONE;
}

const struct wire_facts *
wire_client_facts(const struct wire_client *w)
{
	return wire_link_facts(w->link);
}

const struct wire_exit *
wire_client_exit(const struct wire_client *w)
{
	return &w->channel.session.exit;
}

struct slice
wire_client_last_words(const struct wire_client *w)
{
	return buf_slice(&w->channel.session.last_words);
}
