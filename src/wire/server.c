#include "wire/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "wire/channel.h"
#include "wire/message.h"

/* Whose a message is, by its number (RFC 4250 section 4.1.2). */
enum { FIRST_OF_USERAUTH = 50, FIRST_OF_CONNECTION = 80 };

struct wire_server {
	struct wire_link *link;
	struct userauth *userauth;
	struct channel channel;
	bool asks, told_auth; /* somebody wants to log in, in `auth` */
	struct wire_auth auth;
	uint32_t n_denied;
	bool told_open, told_eof, told_over;
	bool hung_up; /* the peer: what comes now is the last */
	bool line_ended;
	char line_story[WIRE_TEXT_MAX]; /* ... when it broke */
	bool over;
	enum err error; /* why it is over */
	struct story story;
};

enum err
wire_server_new(struct wire_server **ret_w, const struct wire_server_config *config)
{
	struct wire_server *w = calloc(1, sizeof *w);

	if (w == NULL)
		return ERR_NOMEM;
	enum err e = wire_link_new(&w->link, &config->link);
	if (e == ERR_OK)
		e = userauth_new(&w->userauth, w->link, config->methods, config->max_failures);
	channel_init(&w->channel, w->link, WIRE_SERVER);
	if (e != ERR_OK) {
		wire_server_free(w);
		return e;
	}
	*ret_w = w;
	return ERR_OK;
}

void
wire_server_free(struct wire_server *w)
{
	if (w == NULL)
		return;
	channel_fini(&w->channel);
	userauth_free(w->userauth);
	wire_link_free(w->link);
	free(w);
}

/* The end. */

static void
set_over(struct wire_server *w, enum err error)
{
	w->over = true;
	w->error = error;
	w->asks = false;
}

void
wire_server_end(struct wire_server *w, enum err error, const char *story)
{
	if (w->over)
		return;
	story_set(&w->story, "%s", story);
	set_over(w, error);
	wire_link_disconnect(w->link,
	    error == ERR_FORMAT ? SSH_DISCONNECT_PROTOCOL_ERROR : SSH_DISCONNECT_BY_APPLICATION,
	    error == ERR_OK ? "bye" : story);
}

/*
 * The link can't go on; its story is told, and what is due to the peer is in the output. A goodbye
 * is an orderly end, but not of somebody whose login was refused.
 */
static void
end_with_link(struct wire_server *w, enum err e)
{
	bool goodbye = wire_link_ended_orderly(w->link) && w->n_denied == 0;

	if (e == ERR_CLOSED && (goodbye || w->channel.peer_eof)) {
		w->story.text[0] = '\0';
		e = ERR_OK;
	}
	set_over(w, e);
}

static void
end_with_line(struct wire_server *w)
{
	if (w->channel.peer_eof) {
		set_over(w, ERR_OK);
		return;
	}
	story_set(&w->story, "%s",
	    w->line_story[0] != '\0' ? w->line_story
				     : "the peer closed the connection without a goodbye");
	set_over(w, ERR_CLOSED);
}

/* What comes in. */

/* The link moves what waits in it: what is borrowed from it has to be put aside. What can't be is
 * lost, and the stream with it. */
uint8_t *
wire_server_space(struct wire_server *w, size_t *ret_len)
{
	*ret_len = 0;
	if (channel_stash(&w->channel) != ERR_OK) {
		wire_server_end(w, ERR_NOMEM, "no memory for the connection");
		return NULL;
	}
	return wire_link_space(w->link, ret_len);
}

void
wire_server_filled(struct wire_server *w, size_t len)
{
	wire_link_filled(w->link, len);
}

void
wire_server_eof(struct wire_server *w, const char *why)
{
	if (w->line_ended)
		return;
	w->line_ended = true;
	if (why != NULL)
		(void)snprintf(w->line_story, sizeof w->line_story, "%s", why);
}

static enum err
on_payload(struct wire_server *w, struct slice payload)
{
	uint8_t number = payload.len == 0 ? 0 : payload.ptr[0];
	bool authenticated = userauth_done(w->userauth);

	if (!authenticated && number >= FIRST_OF_CONNECTION)
		return story_fail(
		    &w->story, ERR_FORMAT, "the client does not log in first (message %u)", number);
	if (number < FIRST_OF_CONNECTION) {
		/* What a client asks about its login after it has logged in is void (RFC 4252
		 * section 5.1). */
		if (authenticated && number >= FIRST_OF_USERAUTH)
			return ERR_OK;
		/* Its answer could not be sent. Only a peer that began to exchange keys itself gets
		 * here, and may not say this before it has finished (RFC 4253 section 7.1). */
		if (!wire_link_open(w->link))
			return story_fail(&w->story, ERR_FORMAT,
			    "the client goes on while keys are exchanged (message %u)", number);
		return userauth_input(w->userauth, payload, &w->asks, &w->auth, &w->story);
	}
	enum err e = channel_input(&w->channel, payload, &w->story);
	return e == ERR_UNSUPPORTED ? wire_link_unimplemented(w->link) : e;
}

/*
 * May the next payload be taken? Not before somebody has answered, and not past bytes of the stream
 * that nobody took, but when they wait for a word of the peer's that is behind them.
 */
static bool
may_go_on(const struct wire_server *w)
{
	if (w->over || w->asks || buf_len(wire_link_output(w->link)) > WIRE_OUTPUT_DEAF)
		return false;
	return channel_peek(&w->channel).len == 0 || w->hung_up || channel_is_stalled(&w->channel);
}

/* Takes payloads until there is something to tell, or none is left. */
static void
step(struct wire_server *w)
{
	struct slice payload;
	enum err e = ERR_OK;

	while (may_go_on(w)) {
		e = channel_flush(&w->channel);
		if (e == ERR_OK)
			e = channel_stash(&w->channel);
		if (e != ERR_OK)
			break;
		e = wire_link_next(w->link, &payload, &w->story);
		if (e == ERR_AGAIN) {
			if (w->line_ended)
				end_with_line(w);
			return;
		}
		if (e != ERR_OK) {
			end_with_link(w, e);
			return;
		}
		e = on_payload(w, payload);
		if (e == ERR_OK && w->channel.peer_closed)
			e = channel_close(&w->channel, 0);
		if (e != ERR_OK)
			break;
	}
	if (e != ERR_OK) {
		struct story story = w->story;
		wire_server_end(
		    w, e, story.text[0] != '\0' ? story.text : "no memory for the connection");
	}
}

bool
wire_server_wants_input(const struct wire_server *w)
{
	return !w->line_ended && may_go_on(w);
}

void
wire_server_hear_out(struct wire_server *w)
{
	w->hung_up = true;
}

/* A flush after the last payload was taken, for what its consumption has made due. */
static void
flush(struct wire_server *w)
{
	if (!w->over && userauth_done(w->userauth) && channel_flush(&w->channel) != ERR_OK)
		wire_server_end(w, ERR_NOMEM, "no memory for the connection");
}

void
wire_server_next_event(struct wire_server *w, struct wire_event *ret_event)
{
	struct channel *c = &w->channel;

	*ret_event = (struct wire_event){.type = WIRE_NOTHING, .story = ""};
	step(w);
	flush(w);
	if (w->asks && !w->told_auth) {
		w->told_auth = true;
		ret_event->type = WIRE_AUTH;
		ret_event->auth = w->auth;
	} else if (c->state == CHANNEL_OPEN && !w->told_open) {
		w->told_open = true;
		ret_event->type = WIRE_OPENED;
	} else if (channel_peek(c).len > 0) {
		ret_event->type = WIRE_READABLE;
	} else if (w->told_open && c->peer_eof && !w->told_eof) {
		w->told_eof = true;
		ret_event->type = WIRE_PEER_EOF;
	} else if (c->peer_closed && !w->over) {
		set_over(w, ERR_OK);
	}
	if (w->over && ret_event->type == WIRE_NOTHING) {
		ret_event->type = WIRE_CLOSED;
		ret_event->error = w->error;
		ret_event->story = w->story.text;
	}
}

enum err
wire_server_answer(struct wire_server *w, enum wire_verdict verdict, uint32_t methods)
{
	if (w->over)
		return ERR_CLOSED;
	BUG_ON(!w->asks);
	w->asks = w->told_auth = false;
	w->n_denied += verdict == WIRE_DENY ? 1 : 0;
	enum err e = userauth_answer(w->userauth, verdict, methods);
	if (e == ERR_LIMIT) {
		story_set(&w->story, "too many logins were refused: %u", w->n_denied);
		set_over(w, e);
	} else if (e != ERR_OK) {
		wire_server_end(w, e, err_text(e));
	} else if (userauth_done(w->userauth)) {
		w->n_denied = 0;
		wire_link_authenticated(w->link);
	}
	return w->over ? ERR_CLOSED : ERR_OK;
}

/* The stream. */

struct slice
wire_server_peek(struct wire_server *w)
{
	if (channel_peek(&w->channel).len == 0)
		step(w);
	return channel_peek(&w->channel);
}

void
wire_server_consume(struct wire_server *w, size_t len)
{
	channel_consume(&w->channel, len);
}

enum err
wire_server_write(struct wire_server *w, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	size_t queued = buf_len(wire_link_output(w->link));

	*ret_len = 0;
	if (w->over || !channel_is_writable(&w->channel))
		return ERR_CLOSED;
	if (queued >= WIRE_OUTPUT_HIGH)
		return ERR_OK;
	enum err e = channel_write(&w->channel, bytes, len, WIRE_OUTPUT_HIGH - queued, ret_len);
	if (e != ERR_OK)
		wire_server_end(w, e, "no memory for the connection");
	return w->over ? ERR_CLOSED : ERR_OK;
}

bool
wire_server_may_write(const struct wire_server *w)
{
	return !w->over && channel_is_writable(&w->channel) && !channel_is_stalled(&w->channel) &&
	       buf_len(wire_link_output(w->link)) < WIRE_OUTPUT_HIGH;
}

struct buf *
wire_server_output(struct wire_server *w)
{
	return wire_link_output(w->link);
}

void
wire_server_close(struct wire_server *w)
{
	if (!w->over && channel_close(&w->channel, 0) != ERR_OK)
		wire_server_end(w, ERR_NOMEM, "no memory for the connection");
}

bool
wire_server_is_over(const struct wire_server *w)
{
	return w->over;
}

bool
wire_server_is_closing(const struct wire_server *w)
{
	return !w->over && w->channel.sent_close && !w->channel.peer_closed;
}

bool
wire_server_is_closed(const struct wire_server *w)
{
	return w->channel.sent_close && w->channel.peer_closed;
}

enum err
wire_server_prepare(struct wire_server *w)
{
	return wire_link_prepare(w->link);
}

void
wire_server_trim(struct wire_server *w)
{
	if (w->channel.data.len == 0)
		wire_link_trim(w->link);
}

bool
wire_server_authenticated(const struct wire_server *w)
{
	return userauth_done(w->userauth);
}

const struct wire_facts *
wire_server_facts(const struct wire_server *w)
{
	return wire_link_facts(w->link);
}
