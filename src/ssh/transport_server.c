/* The server's side of a transport: wire/server.h behind it, and the time that a login may take. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/socket.h"
#include "ssh/hostkeys.h"
#include "ssh/transport_ops.h"
#include "wire/server.h"

struct server {
	struct transport base;
	struct wire_server *wire;
	struct transport_server_limits limits;
	int64_t deadline_us; /* of the login, on time_mono_us's clock */
	struct wire_event next;
};

static struct server *
server_of(struct transport *t)
{
	return (struct server *)(void *)t;
}

static struct wire_server *
wire_of(const struct transport *t)
{
	return ((const struct server *)(const void *)t)->wire;
}

/* The line. */

static uint8_t *
server_space(struct transport *t, size_t *ret_len)
{
	return wire_server_space(wire_of(t), ret_len);
}

/*
 * Of a login's small packets many have no answer; OpenSSH's client sends the next one when the
 * kernel has acknowledged the last, which it would put off by 40 ms.
 */
static void
server_filled(struct transport *t, size_t len)
{
	wire_server_filled(wire_of(t), len);
	if (!wire_server_authenticated(wire_of(t)))
		socket_acknowledge(t->fd);
}

static void
server_eof(struct transport *t, const char *why)
{
	wire_server_eof(wire_of(t), why);
}

static struct buf *
server_output(const struct transport *t)
{
	return wire_server_output(wire_of(t));
}

static bool
server_wants_input(const struct transport *t)
{
	return wire_server_wants_input(wire_of(t));
}

static void
server_hear_out(struct transport *t)
{
	wire_server_hear_out(wire_of(t));
}

/* Time. */

static int64_t
server_due_us(const struct transport *t)
{
	const struct server *s = (const struct server *)(const void *)t;

	return wire_server_authenticated(s->wire) ? INT64_MAX : s->deadline_us;
}

static void
server_tick(struct transport *t)
{
	struct server *s = server_of(t);
	char grace[24], why[WIRE_TEXT_MAX];

	if (wire_server_authenticated(s->wire) || time_mono_us() < s->deadline_us)
		return;
	(void)snprintf(why, sizeof why, "nobody logged in within %s",
	    text_duration(s->limits.login_grace_us, grace));
	wire_server_end(s->wire, ERR_TIMEOUT, why);
}

/* Events. */

static enum wire_event_type
server_look(struct transport *t)
{
	struct server *s = server_of(t);

	wire_server_next_event(s->wire, &s->next);
	return s->next.type;
}

static void
server_tell(struct transport *t, struct transport_event *ret_event)
{
	const struct wire_event *next = &server_of(t)->next;
	const struct wire_auth *auth = &next->auth;

	ret_event->error = next->error;
	ret_event->story = next->story;
	if (next->type != WIRE_AUTH)
		return;
	ret_event->user = auth->user;
	ret_event->method =
	    auth->method == WIRE_PASSWORD ? TRANSPORT_PASSWORD : TRANSPORT_PUBLICKEY;
	ret_event->algorithm = auth->algorithm;
	ret_event->key = auth->key;
	ret_event->cert = auth->cert;
	ret_event->proven = auth->proven;
	ret_event->forged = auth->forged;
	ret_event->sk = auth->sk;
	ret_event->password = auth->password;
}

static enum err
server_auth_answer(struct transport *t, enum transport_auth_answer answer, uint32_t methods)
{
	static const enum wire_verdict VERDICTS[] = {
	    [TRANSPORT_AUTH_DENY] = WIRE_DENY,
	    [TRANSPORT_AUTH_PARTIAL] = WIRE_PARTIAL,
	    [TRANSPORT_AUTH_ACCEPT] = WIRE_ACCEPT,
	};
	struct server *s = server_of(t);

	enum err e = wire_server_answer(s->wire, VERDICTS[answer], methods);
	const struct wire_facts *facts = wire_server_facts(s->wire);
	(void)snprintf(
	    t->facts.peer_version, sizeof t->facts.peer_version, "%s", facts->peer_version);
	(void)snprintf(t->facts.algorithms, sizeof t->facts.algorithms, "%s", facts->algorithms);
	return e;
}

/* The stream. */

static struct slice
server_peek(struct transport *t)
{
	return wire_server_peek(wire_of(t));
}

static void
server_consume(struct transport *t, size_t len)
{
	wire_server_consume(wire_of(t), len);
}

static enum err
server_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	return wire_server_write(wire_of(t), bytes, len, ret_len);
}

static bool
server_may_write(const struct transport *t)
{
	return wire_server_may_write(wire_of(t));
}

/* The end. */

static void
server_close(struct transport *t)
{
	wire_server_close(wire_of(t));
}

static bool
server_is_closing(const struct transport *t)
{
	return wire_server_is_closing(wire_of(t));
}

static bool
server_is_closed(const struct transport *t)
{
	return wire_server_is_closed(wire_of(t));
}

static void
server_end(struct transport *t)
{
	wire_server_end(wire_of(t), ERR_OK, "");
}

static bool
server_is_over(const struct transport *t)
{
	return wire_server_is_over(wire_of(t));
}

static void
server_trim(struct transport *t)
{
	wire_server_trim(wire_of(t));
}

static void
server_free(struct transport *t)
{
	struct server *s = server_of(t);

	wire_server_free(s->wire);
	free(s);
}

static const struct transport_engine SERVER_ENGINE = {
    .space = server_space,
    .filled = server_filled,
    .eof = server_eof,
    .output = server_output,
    .wants_input = server_wants_input,
    .hear_out = server_hear_out,
    .look = server_look,
    .tell = server_tell,
    .auth_answer = server_auth_answer,
    .peek = server_peek,
    .consume = server_consume,
    .write = server_write,
    .may_write = server_may_write,
    .close = server_close,
    .is_closing = server_is_closing,
    .is_closed = server_is_closed,
    .end = server_end,
    .is_over = server_is_over,
    .trim = server_trim,
    .free = server_free,
    .due_us = server_due_us,
    .tick = server_tick,
};

static enum err
make_wire(struct server *s, const struct hostkeys *host_keys)
{
	struct wire_server_config config = {
	    .link.software = "Dray",
	    .max_failures = s->limits.auth_attempts,
	};

	/* Not in the initialiser, whose end may be what sets the number to 0. */
	config.link.host_keys = hostkeys_all(host_keys, &config.link.n_host_keys);
	if ((s->limits.methods & TRANSPORT_PUBLICKEY) != 0)
		config.methods |= WIRE_PUBLICKEY;
	if ((s->limits.methods & TRANSPORT_PASSWORD) != 0)
		config.methods |= WIRE_PASSWORD;
	return wire_server_new(&s->wire, &config);
}

enum err
transport_server_prepare(struct transport **ret_t, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits)
{
	struct server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->base.engine = &SERVER_ENGINE;
	s->base.fd = -1;
	s->base.peer_hangs_up = true;
	s->limits = *limits;
	enum err e = make_wire(s, host_keys);
	if (e == ERR_OK)
		e = wire_server_prepare(s->wire);
	if (e != ERR_OK) {
		transport_free(&s->base);
		return e;
	}
	*ret_t = &s->base;
	return ERR_OK;
}

void
transport_server_connect(struct transport *t, int fd, int64_t login_grace_us)
{
	struct server *s = server_of(t);

	BUG_ON(t->fd >= 0);
	t->fd = fd;
	s->deadline_us = time_mono_us() + login_grace_us;
	/* Answers are small, and somebody waits for each. A Unix socket has no such option. */
	(void)!socket_set_nodelay(fd);
}

enum err
transport_server_new(struct transport **ret_t, int fd, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits)
{
	enum err e = transport_server_prepare(ret_t, host_keys, limits);

	if (e == ERR_OK)
		transport_server_connect(*ret_t, fd, limits->login_grace_us);
	else
		(void)close(fd);
	return e;
}
