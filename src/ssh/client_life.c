/* A client's transport: its birth, what it knows of its peer, and its end. */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ssh/client_internal.h"
#include "ssh/reason.h"

static const struct transport_ops OPS = {
    .next_event = client_next_event,
    .wait = client_wait,
    .read = client_read,
    .write = client_write,
    .flushed = client_flushed,
    .close = client_close,
    .free = client_free,
};

/* Whatever a server asks of us, the answer is no. A flood of it ends the connection, but not from
 * in here: see turn in client_stream.c. */
static int
refuse_message(ssh_session session, ssh_message msg, void *ctx)
{
	struct client *c = ctx;

	(void)session;
	(void)msg;
	c->n_refusals++;
	return 1;
}

struct client *
client_new(ssh_session session)
{
	struct client *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->base.ops = &OPS;
	c->session = session;
	c->extra_fd = -1;
	c->window = CLIENT_WINDOW;
	c->taken_since_grant = UINT64_MAX / 2; /* the window is still libssh's small one */
	buf_init(&c->stash, 2 * CLIENT_WINDOW_MAX);
	ssh_set_counters(session, &c->socket_bytes, &c->packets);
	ssh_set_message_callback(session, refuse_message, c);
	return c;
}

static const char *
or_dash(const char *text)
{
	return text == NULL ? "-" : text;
}

void
client_note_facts(struct client *c)
{
	struct transport_facts *facts = &c->base.facts;
	const char *version = ssh_get_serverbanner(c->session);
	char host_key[64] = "-";
	ssh_key key = NULL;

	if (version != NULL)
		(void)text_escape(
		    slice_str(version), facts->peer_version, sizeof facts->peer_version);
	if (ssh_get_cipher_out(c->session) == NULL)
		return;
	if (ssh_get_server_publickey(c->session, &key) == SSH_OK)
		(void)snprintf(host_key, sizeof host_key, "%s",
		    or_dash(ssh_key_type_to_char(ssh_key_type(key))));
	ssh_key_free(key);
	(void)snprintf(facts->algorithms, sizeof facts->algorithms, "%s %s %s %s",
	    or_dash(ssh_get_kex_algo(c->session)), or_dash(ssh_get_cipher_out(c->session)),
	    or_dash(ssh_get_hmac_out(c->session)), host_key);
}

/*
 * ssh_disconnect leaves a socket open that came in by option, and forgets it. And it frees the
 * channel.
 */
static void
say_goodbye(struct client *c, const char *message)
{
	int fd = ssh_get_fd(c->session);

	c->channel = NULL;
	c->buffered = 0;
	(void)ssh_session_set_disconnect_message(c->session, message);
	/* The last chance to send: libssh would otherwise wait for a poll that never comes. */
	ssh_set_fd_towrite(c->session);
	ssh_disconnect(c->session);
	if (fd >= 0)
		(void)close(fd);
}

void
client_over(struct client *c, enum err error, const char *format, ...)
{
	va_list args;

	if (c->over)
		return;
	c->error = error;
	va_start(args, format);
	(void)vsnprintf(c->story.text, sizeof c->story.text, format, args);
	va_end(args);
	client_note_facts(c);
	say_goodbye(c, error == ERR_OK ? "bye" : c->story.text);
	c->over = true;
}

void
client_notice_end(struct client *c)
{
	char reason[STORY_MAX / 2];

	if (c->over || (ssh_get_status(c->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0)
		return;
	struct reason why = reason_of(ssh_get_error(c->session));
	bool goodbye = why.kind == REASON_DISCONNECT && why.by_application;

	(void)text_escape(why.words, reason, sizeof reason);
	if (c->peer_eof || c->peer_closed || goodbye)
		client_over(c, ERR_OK, "%s", "");
	else if (why.kind == REASON_CLOSED)
		client_over(c, ERR_CLOSED, "the peer closed the connection without a goodbye");
	else if (why.kind == REASON_DISCONNECT)
		client_over(c, ERR_CLOSED, "the peer broke off the connection: \"%s\"", reason);
	else if (why.kind == REASON_BROKEN)
		client_over(c, ERR_CLOSED, "the connection broke: %s", reason);
	else
		client_over(c, ERR_FORMAT, "the SSH connection failed: %s", reason);
}

/*
 * Turns until the condition is true, the time is up or the transport is over. What was written
 * before may have found the socket dead: libssh doesn't poll such a one any more.
 */
static void
turn_until(struct client *c, bool (*done)(const struct client *c), int64_t deadline_us)
{
	for (;;) {
		client_notice_end(c);
		if (c->over || done(c))
			return;
		int64_t left_us = deadline_us - time_mono_us();
		if (left_us <= 0)
			return;
		client_turn(c, (int)((left_us + US_PER_MS - 1) / US_PER_MS));
	}
}

/* The caller's descriptor is nobody's business any more: it would wake us, or keep us waiting. */
static void
forget_extra(struct client *c)
{
	if (c->event != NULL && c->extra_fd >= 0)
		(void)ssh_event_remove_fd(c->event, c->extra_fd);
	c->extra_fd = -1;
}

static bool
is_flushed(const struct client *c)
{
	return client_flushed(&c->base);
}

static bool
peer_has_closed(const struct client *c)
{
	return c->peer_closed && is_flushed(c);
}

void
client_close(struct transport *t, int64_t timeout_us)
{
	int64_t deadline_us = time_mono_us() + timeout_us;
	struct client *c = client_of(t);

	forget_extra(c);
	if (!c->over && c->channel != NULL) {
		turn_until(c, is_flushed, deadline_us);
		/* The first call sends EOF and may find the socket full; the second sends CLOSE. */
		if (c->channel != NULL && ssh_channel_close(c->channel) == SSH_AGAIN) {
			turn_until(c, is_flushed, deadline_us);
			if (c->channel != NULL)
				(void)ssh_channel_close(c->channel);
		}
	}
	turn_until(c, peer_has_closed, deadline_us);
	client_over(c, ERR_OK, "%s", "");
}

void
client_free(struct transport *t)
{
	struct client *c = client_of(t);

	client_over(c, ERR_OK, "%s", "");
	/*
	 * The event gives the session its poll handle back, and the session frees it. The caller's
	 * descriptor it would forget to free.
	 */
	forget_extra(c);
	if (c->event != NULL)
		ssh_event_free(c->event);
	ssh_free(c->session);
	buf_fini(&c->stash);
	free(c);
}
