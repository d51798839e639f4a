/*
 * The client's side of a transport: wire/client.h behind it, whether the server is still there, and
 * how much it may have under way to us.
 */
#include "ssh/transport_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/socket.h"
#include "ssh/pattern.h"

enum {
	/* A line this fast is never kept waiting by our window, whatever its length: twice what
	 * one core encrypts. */
	WINDOW_MIB_PER_SEC = 640,
	TRANSPORT_WINDOW_MIN = WIRE_WINDOW,
	/* OpenSSH before 9, and others that nobody has tried: senders stumble at 16 MiB and more,
	 * and some take the window for a signed number of few bits. */
	TRANSPORT_WINDOW_OTHERS = 15 * 1024 * 1024,
	/* Tried with 2 GiB in a row. */
	TRANSPORT_WINDOW_MAX = WIRE_CLIENT_WINDOW_MAX
};

/* What is known to send into a large window without a fault. The first that fits counts. */
static const struct {
	const char *software; /* pattern of its version behind "SSH-2.0-" */
	size_t max;
} WINDOWS[] = {
    {"OpenSSH_9.*", TRANSPORT_WINDOW_MAX},
    {"OpenSSH_??.*", TRANSPORT_WINDOW_MAX}, /* 10 and later */
    {"Dray*", TRANSPORT_WINDOW_MAX},
};

static struct wire_client *
wire_of(const struct transport *t)
{
	return ((const struct client *)(const void *)t)->wire;
}

/* The line. */

static uint8_t *
client_space(struct transport *t, size_t *ret_len)
{
	return wire_client_space(wire_of(t), ret_len);
}

/* A server that sends small packets one after another waits for each to be acknowledged, if it has
 * not turned Nagle's algorithm off: not for 40 ms then. */
static void
client_filled(struct transport *t, size_t len)
{
	struct client *c = client_of(t);

	wire_client_filled(c->wire, len);
	c->n_heard += len;
	if (c->alive_interval_us > 0)
		c->heard_us = time_mono_us();
	if (!wire_client_authenticated(c->wire))
		socket_acknowledge(t->fd);
}

static void
client_eof(struct transport *t, const char *why)
{
	wire_client_eof(wire_of(t), why);
}

static struct buf *
client_output(const struct transport *t)
{
	return wire_client_output(wire_of(t));
}

static bool
client_wants_input(const struct transport *t)
{
	return wire_client_wants_input(wire_of(t));
}

static void
client_hear_out(struct transport *t)
{
	wire_client_hear_out(wire_of(t));
}

/* Is the server still there? Only asked while we listen: its answer would wait behind bytes that
 * our caller leaves in the socket. */

static bool
asks(const struct client *c)
{
	return c->alive_interval_us > 0 && wire_client_authenticated(c->wire) &&
	       !wire_client_is_over(c->wire) && wire_client_wants_input(c->wire);
}

static int64_t
client_due_us(const struct transport *t)
{
	const struct client *c = (const struct client *)(const void *)t;

	return asks(c) ? c->heard_us + c->alive_interval_us : INT64_MAX;
}

static void
client_tick(struct transport *t)
{
	struct client *c = client_of(t);
	char waited[24], why[WIRE_TEXT_MAX];

	if (c->alive_interval_us <= 0)
		return;
	int64_t now_us = time_mono_us();
	if (!asks(c)) {
		c->heard_us = now_us;
		return;
	}
	if (now_us < c->heard_us + c->alive_interval_us)
		return;
	uint32_t unanswered = wire_client_unanswered(c->wire);
	if (c->alive_max == 0 || unanswered < c->alive_max) {
		c->heard_us = now_us;
		if (wire_client_keep_alive(c->wire) == ERR_OK)
			transport_push(t);
		return;
	}
	(void)snprintf(why, sizeof why, "the server has not answered for %s",
	    text_duration(c->alive_interval_us * ((int64_t)unanswered + 1), waited));
	wire_client_end(c->wire, ERR_TIMEOUT, why);
}

/* Events. */

static enum wire_event_type
client_look(struct transport *t)
{
	struct client *c = client_of(t);

	wire_client_next_event(c->wire, &c->next);
	return c->next.type;
}

static void
client_tell(struct transport *t, struct transport_event *ret_event)
{
	const struct wire_client_event *next = &client_of(t)->next;

	ret_event->error = next->error;
	ret_event->story = next->story;
}

/* The stream. */

static struct slice
client_peek(struct transport *t)
{
	return wire_client_peek(wire_of(t));
}

static void
client_consume(struct transport *t, size_t len)
{
	wire_client_consume(wire_of(t), len);
}

static enum err
client_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	return wire_client_write(wire_of(t), bytes, len, ret_len);
}

static bool
client_may_write(const struct transport *t)
{
	return wire_client_may_write(wire_of(t));
}

/* The end. */

static void
client_close(struct transport *t)
{
	wire_client_close(wire_of(t));
}

static bool
client_is_closing(const struct transport *t)
{
	return wire_client_is_closing(wire_of(t));
}

static bool
client_is_closed(const struct transport *t)
{
	return wire_client_is_closed(wire_of(t));
}

static void
client_end(struct transport *t)
{
	wire_client_end(wire_of(t), ERR_OK, "");
}

static bool
client_is_over(const struct transport *t)
{
	return wire_client_is_over(wire_of(t));
}

static void
client_trim(struct transport *t)
{
	wire_client_trim(wire_of(t));
}

static void
client_free(struct transport *t)
{
	struct client *c = client_of(t);

	wire_client_free(c->wire);
	free(c);
}

/* What is known. */

static int64_t
client_round_trip_us(const struct transport *t)
{
	return wire_client_round_trip_us(wire_of(t));
}

static size_t
client_window(const struct transport *t)
{
	return wire_client_window(wire_of(t));
}

static const struct transport_engine CLIENT_ENGINE = {
    .space = client_space,
    .filled = client_filled,
    .eof = client_eof,
    .output = client_output,
    .wants_input = client_wants_input,
    .hear_out = client_hear_out,
    .look = client_look,
    .tell = client_tell,
    .peek = client_peek,
    .consume = client_consume,
    .write = client_write,
    .may_write = client_may_write,
    .close = client_close,
    .is_closing = client_is_closing,
    .is_closed = client_is_closed,
    .end = client_end,
    .is_over = client_is_over,
    .trim = client_trim,
    .free = client_free,
    .due_us = client_due_us,
    .tick = client_tick,
    .round_trip_us = client_round_trip_us,
    .window = client_window,
};

void
client_note_facts(struct client *c)
{
	const struct wire_facts *wire = wire_client_facts(c->wire);
	struct transport_facts *facts = &c->base.facts;

	memcpy(facts->peer_version, wire->peer_version, sizeof facts->peer_version);
	memcpy(facts->algorithms, wire->algorithms, sizeof facts->algorithms);
}

size_t
client_window_for(const char *peer_version, int64_t round_trip_us)
{
	struct slice software = slice_str(peer_version), ignored;
	/* Past this the cap decides. */
	int64_t us = round_trip_us < US_PER_SEC ? round_trip_us : US_PER_SEC;
	size_t fills = (size_t)(us * WINDOW_MIB_PER_SEC / US_PER_SEC + 1) * 1024 * 1024;
	size_t cap = TRANSPORT_WINDOW_OTHERS;

	software = slice_cut(software, '-', &ignored);
	software = slice_cut(software, '-', &ignored);
	for (size_t i = 0; i < ARRAY_LEN(WINDOWS); i++) {
		if (pattern_match(slice_str(WINDOWS[i].software), software)) {
			cap = WINDOWS[i].max;
			break;
		}
	}
	if (fills < TRANSPORT_WINDOW_MIN)
		fills = TRANSPORT_WINDOW_MIN;
	return fills < cap ? fills : cap;
}

void
client_choose_window(struct client *c)
{
	wire_client_set_window(c->wire, client_window_for(wire_client_facts(c->wire)->peer_version,
					    wire_client_round_trip_us(c->wire)));
}

static enum err
make_wire(struct client *c, const struct dial_config *config, struct story *story)
{
	const char *what = config->subsystem == NULL ? "sftp" : config->subsystem;
	bool is_command = strchr(what, '/') != NULL;

	if (strlen(config->user) >= WIRE_TEXT_MAX || strlen(what) >= WIRE_TEXT_MAX)
		return story_fail(story, ERR_LIMIT, "the name of the %s is too long",
		    strlen(what) >= WIRE_TEXT_MAX ? "subsystem" : "user");
	return wire_client_new(&c->wire,
	    &(struct wire_client_config){
		.software = "Dray",
		.kex = config->kex,
		.host_keys = config->host_keys,
		.ciphers = config->ciphers,
		.macs = config->macs,
		.user = config->user,
		.subsystem = is_command ? NULL : what,
		.command = is_command ? what : NULL,
	    },
	    story);
}

enum err
client_new(struct client **ret_c, int fd, const struct dial_config *config, struct story *story)
{
	struct client *c = calloc(1, sizeof *c);

	story_set(story, "no memory for the connection");
	enum err e = c == NULL ? ERR_NOMEM : make_wire(c, config, story);
	if (e != ERR_OK) {
		free(c);
		(void)close(fd);
		return e;
	}
	c->base.engine = &CLIENT_ENGINE;
	c->base.fd = fd;
	c->alive_interval_us = config->alive_interval_us;
	c->alive_max = config->alive_max;
	/* What is small is a question that waits for its answer. A Unix socket has no such option.
	 */
	(void)!socket_set_nodelay(fd);
	*ret_c = c;
	return ERR_OK;
}
