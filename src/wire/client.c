/* A client's life, what comes in, and what is told of it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/text.h"
#include "wire/client_internal.h"
#include "wire/message.h"

/* Whose a message is, by its number (RFC 4250 section 4.1.2). */
enum { FIRST_OF_USERAUTH = 50, FIRST_OF_CONNECTION = 80 };

static enum err
make_offer(struct wire_offer *o, const struct wire_client_config *config, struct story *story)
{
	const char *const wanted[WIRE_OFFERED] = {
	    [WIRE_KIND_KEX] = config->kex,
	    [WIRE_KIND_HOST_KEY] = config->host_keys,
	    [WIRE_KIND_CIPHER] = config->ciphers,
	    [WIRE_KIND_MAC] = config->macs,
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < WIRE_OFFERED && e == ERR_OK; i++)
		e = wire_offer_set(o, (enum wire_kind)i, wanted[i], story);
	return e;
}

static void
init_channel(struct wire_client *w, const struct wire_client_config *config)
{
	struct channel_session *s = &w->channel.session;
	bool fits;

	channel_init(&w->channel, w->link, WIRE_CLIENT);
	if (config->window != 0)
		channel_set_window(&w->channel, config->window);
	if (config->subsystem != NULL)
		fits = slice_copy(slice_str(config->subsystem), s->subsystem, sizeof s->subsystem);
	else
		fits = slice_copy(slice_str(config->command), s->command, sizeof s->command);
	BUG_ON(!fits);
}

enum err
wire_client_new(
    struct wire_client **ret_w, const struct wire_client_config *config, struct story *story)
{
	struct wire_client *w = calloc(1, sizeof *w);

	if (w == NULL)
		return ERR_NOMEM;
	enum err e = make_offer(&w->offer, config, story);
	if (e == ERR_OK)
		e = wire_link_new(&w->link, &(struct wire_link_config){
						.role = WIRE_CLIENT,
						.offer = &w->offer,
						.software = config->software,
						.rekey = config->rekey,
					    });
	login_init(&w->login, w->link, config->user);
	init_channel(w, config);
	if (e != ERR_OK) {
		wire_client_free(w);
		return e;
	}
	*ret_w = w;
	return ERR_OK;
}

void
wire_client_free(struct wire_client *w)
{
	if (w == NULL)
		return;
	channel_fini(&w->channel);
	login_fini(&w->login);
	wire_link_free(w->link);
	free(w);
}

/* The end. */

void
client_set_over(struct wire_client *w, enum err error, enum wire_end end)
{
	w->over = true;
	w->error = error;
	w->end = end;
}

void
client_give_up(struct wire_client *w, enum err error, enum wire_end end, const char *story)
{
	if (w->over)
		return;
	story_set(&w->story, "%s", story);
	client_set_over(w, error, end);
	wire_link_disconnect(w->link,
	    error == ERR_FORMAT ? SSH_DISCONNECT_PROTOCOL_ERROR : SSH_DISCONNECT_BY_APPLICATION,
	    error == ERR_FORMAT ? "protocol error" : "bye");
}

void
wire_client_end(struct wire_client *w, enum err error, const char *story)
{
	client_give_up(w, error, WIRE_END_OWN, story);
}

void
client_no_memory(struct wire_client *w)
{
	client_give_up(w, ERR_NOMEM, WIRE_END_OWN, "no memory for the connection");
}

/* The link can't go on; its story is told. */
static void
end_with_link(struct wire_client *w, enum err e)
{
	enum wire_end end = WIRE_END_LINE;

	if (e == ERR_CLOSED && w->wants_end && w->channel.peer_eof) {
		w->story.text[0] = '\0';
		e = ERR_OK;
	}
	if (e == ERR_UNSUPPORTED)
		end = WIRE_END_NO_ALGORITHM;
	else if (e == ERR_ACCESS)
		end = WIRE_END_HOST_KEY;
	else if (e == ERR_NOMEM)
		end = WIRE_END_OWN;
	else if (e == ERR_CLOSED && wire_client_stage(w) == WIRE_STAGE_LOGIN)
		end = WIRE_END_LOGIN;
	client_set_over(w, e, end);
}

static void
end_with_line(struct wire_client *w)
{
	const char *said = wire_link_preamble(w->link);

	if (w->wants_end && w->channel.peer_eof) {
		client_set_over(w, ERR_OK, WIRE_END_LINE);
		return;
	}
	client_set_over(w, ERR_CLOSED, WIRE_END_LINE);
	if (w->line_story[0] != '\0')
		story_set(&w->story, "%s", w->line_story);
	else if (wire_client_stage(w) == WIRE_STAGE_VERSION && said[0] != '\0')
		story_set(&w->story, "the server closed the connection: it said \"%s\"", said);
	else
		story_set(&w->story, "the server closed the connection without a goodbye");
}

/* What ran has ended by itself: orderly, unless it says otherwise. */
static void
end_with_channel(struct wire_client *w)
{
	const struct wire_exit *x = &w->channel.session.exit;
	char words[160], how[64] = "";

	if (w->over)
		return;
	client_set_over(w, ERR_OK, WIRE_END_LINE);
	if (w->wants_end)
		return;
	if (x->signal[0] != '\0')
		(void)snprintf(how, sizeof how, " (signal %s)", x->signal);
	else if (x->has_status && x->status != 0)
		(void)snprintf(how, sizeof how, " (exit status %u)", x->status);
	else
		return;
	(void)text_escape(wire_client_last_words(w), words, sizeof words);
	w->error = ERR_CLOSED;
	story_set(&w->story, "what the server ran has ended%s%s%s", how,
	    words[0] == '\0' ? "" : ": ", words);
}

/* What comes in. */

/* The link moves what waits in it: what is borrowed from it has to be put aside. What can't be is
 * lost, and the stream with it. */
uint8_t *
wire_client_space(struct wire_client *w, size_t *ret_len)
{
	*ret_len = 0;
	if (channel_stash(&w->channel) != ERR_OK) {
		client_no_memory(w);
		return NULL;
	}
	return wire_link_space(w->link, ret_len);
}

void
wire_client_filled(struct wire_client *w, size_t len)
{
	wire_link_filled(w->link, len);
	if (len > 0)
		w->n_unanswered = 0;
}

void
wire_client_eof(struct wire_client *w, const char *why)
{
	if (w->line_ended)
		return;
	w->line_ended = true;
	if (why != NULL)
		(void)snprintf(w->line_story, sizeof w->line_story, "%s", why);
}

static enum err
on_login(struct wire_client *w, struct slice payload)
{
	/* Words of the login after it mean nothing any more. */
	if (wire_client_authenticated(w) && payload.ptr[0] >= FIRST_OF_USERAUTH)
		return ERR_OK;
	enum err e = login_input(&w->login, payload, &w->story);
	if (e != ERR_OK || !wire_client_authenticated(w))
		return e;
	wire_link_authenticated(w->link);
	return channel_ask(&w->channel);
}

static enum err
on_payload(struct wire_client *w, struct slice payload)
{
	uint8_t number = payload.ptr[0];

	if (number < FIRST_OF_CONNECTION)
		return on_login(w, payload);
	if (!wire_client_authenticated(w))
		return story_fail(&w->story, ERR_FORMAT,
		    "the server does not wait for the login (message %u)", number);
	enum err e = channel_input(&w->channel, payload, &w->story);
	return e == ERR_UNSUPPORTED ? wire_link_unimplemented(w->link) : e;
}

/*
 * May the next payload be taken? Not before the caller has answered what it is asked, and not past
 * bytes of the stream that nobody took, but when they wait for a word of the server's that is
 * behind them.
 */
static bool
may_go_on(const struct wire_client *w)
{
	if (w->over || wire_link_host_key(w->link) != NULL || login_waits(&w->login) ||
	    buf_len(wire_link_output(w->link)) > WIRE_OUTPUT_DEAF)
		return false;
	return channel_peek(&w->channel).len == 0 || w->hung_up || channel_is_stalled(&w->channel);
}

/* What waited for the link to open. */
static enum err
flush(struct wire_client *w)
{
	enum err e = login_flush(&w->login);

	return e == ERR_OK ? channel_flush(&w->channel) : e;
}

/* One payload. False: there is none now, or the line is over. */
static bool
step_one(struct wire_client *w, enum err *ret_error)
{
	struct slice payload;
	enum err e = wire_link_next(w->link, &payload, &w->story);

	if (e == ERR_AGAIN) {
		if (w->line_ended && wire_link_host_key(w->link) == NULL)
			end_with_line(w);
		return false;
	}
	if (e != ERR_OK) {
		end_with_link(w, e);
		return false;
	}
	e = on_payload(w, payload);
	if (e == ERR_OK && w->channel.peer_closed)
		e = channel_close(&w->channel, 0);
	*ret_error = e;
	return e == ERR_OK;
}

void
client_step(struct wire_client *w)
{
	enum err e = ERR_OK;
	bool more = true;

	while (more && may_go_on(w)) {
		e = flush(w);
		if (e == ERR_OK)
			e = channel_stash(&w->channel);
		more = e == ERR_OK && step_one(w, &e);
	}
	if (e == ERR_OK)
		return;
	struct story story = w->story;
	if (story.text[0] == '\0')
		client_no_memory(w);
	else
		client_give_up(
		    w, e, e == ERR_ACCESS ? w->channel.session.end : WIRE_END_LINE, story.text);
}

bool
wire_client_wants_input(const struct wire_client *w)
{
	return !w->line_ended && may_go_on(w);
}

void
wire_client_hear_out(struct wire_client *w)
{
	w->hung_up = true;
}

static bool
tell_host_key(struct wire_client *w, struct wire_client_event *event)
{
	const struct wire_host_key *key = wire_link_host_key(w->link);

	if (key == NULL || w->told_host_key)
		return false;
	w->told_host_key = true;
	event->type = WIRE_HOST_KEY;
	event->host_key = *key;
	return true;
}

static bool
tell_stream(struct wire_client *w, struct wire_client_event *event)
{
	const struct channel *c = &w->channel;

	if (c->state == CHANNEL_OPEN && !w->told_open) {
		w->told_open = true;
		event->type = WIRE_OPENED;
	} else if (channel_peek(c).len > 0) {
		event->type = WIRE_READABLE;
	} else if (w->told_open && c->peer_eof && !w->told_eof) {
		w->told_eof = true;
		event->type = WIRE_PEER_EOF;
	} else if (c->peer_closed) {
		end_with_channel(w);
	}
	return event->type != WIRE_NOTHING;
}

void
wire_client_next_event(struct wire_client *w, struct wire_client_event *ret_event)
{
	*ret_event = (struct wire_client_event){.type = WIRE_NOTHING, .story = ""};
	client_step(w);
	if (!w->over && flush(w) != ERR_OK)
		client_no_memory(w);
	if (!w->over && (tell_host_key(w, ret_event) || login_event(&w->login, ret_event)))
		return;
	if (tell_stream(w, ret_event) || !w->over)
		return;
	ret_event->type = WIRE_CLOSED;
	ret_event->error = w->error;
	ret_event->end = w->end;
	ret_event->story = w->story.text;
}
