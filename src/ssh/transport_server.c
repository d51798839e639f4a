/*
 * The server's side of a transport: wire/server.h on a non-blocking socket. The rules by which
 * nothing sleeps that should run, and nothing spins that should sleep:
 *
 * - What can be told is told: the next event is looked for before every sleep, and kept for
 *   transport_next_event. But bytes that were told of and left don't end a wait.
 * - The socket is listened to only while the server wants input. So a peer whose requests nobody
 *   takes, or whose login is being asked about, fills its own socket and not our memory.
 * - What is to be sent goes out at once, as far as the socket takes it; poll(2) is asked for the
 *   rest.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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
	int fd;
	bool has_sent;    /* our version, at least */
	bool send_failed; /* nothing more can be sent */
	bool hung_up;     /* the peer */
	struct wire_server *wire;
	struct transport_server_limits limits;
	int64_t deadline_us; /* of the login, on time_mono_us's clock */
	struct wire_event next;
	bool has_next; /* `next` is an event that wasn't told yet */
	bool told_readable;
	bool write_was_short; /* the caller has more to write than was taken */
};

static struct server *
server_of(struct transport *t)
{
	return (struct server *)(void *)t;
}

/* The socket. */

/*
 * Sends what waits, as far as the socket takes it. When it fails, the line is over for reading,
 * too: what may still be in the socket was asked by somebody who can't hear the answer.
 */
static void
push(struct server *s)
{
	struct buf *out = wire_server_output(s->wire);
	char why[WIRE_TEXT_MAX];

	while (buf_len(out) > 0 && !s->send_failed) {
		struct slice bytes = buf_slice(out);
		ssize_t n = send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			buf_consume(out, (size_t)n);
			s->has_sent = true;
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			(void)snprintf(
			    why, sizeof why, "the connection broke: %s", strerror(errno));
			wire_server_eof(s->wire, why);
			s->send_failed = true;
		}
	}
	if (s->send_failed)
		buf_clear(out);
}

/* One read of whatever there is, into where it will be decrypted. */
static void
pull(struct server *s)
{
	char why[WIRE_TEXT_MAX];
	size_t len;
	uint8_t *space = wire_server_space(s->wire, &len);

	if (len == 0)
		return;
	ssize_t n = recv(s->fd, space, len, MSG_DONTWAIT);
	if (n > 0) {
		wire_server_filled(s->wire, (size_t)n);
		/* Of a login's small packets many have no answer; OpenSSH's client sends the next
		 * one when the kernel has acknowledged the last, which it would put off by 40 ms.
		 */
		if (!wire_server_authenticated(s->wire))
			socket_acknowledge(s->fd);
	} else if (n == 0) {
		wire_server_eof(s->wire, NULL);
	} else if (errno != EAGAIN && errno != EINTR) {
		(void)snprintf(why, sizeof why, "the connection broke: %s", strerror(errno));
		wire_server_eof(s->wire, why);
	}
}

static void
check_deadline(struct server *s)
{
	char grace[24], why[WIRE_TEXT_MAX];

	if (wire_server_authenticated(s->wire) || time_mono_us() < s->deadline_us)
		return;
	(void)snprintf(why, sizeof why, "nobody logged in within %s",
	    text_duration(s->limits.login_grace_us, grace));
	wire_server_end(s->wire, ERR_TIMEOUT, why);
}

/* Waits once, for the socket or the other descriptor, and moves what can be moved. */
static void
turn(struct server *s, int extra_fd, int64_t until_us, bool *ret_extra)
{
	bool authenticated = wire_server_authenticated(s->wire);
	short events = 0;

	push(s);
	/* A peer that has hung up is told of in any case: once, or it would be told for ever. */
	if (wire_server_wants_input(s->wire))
		events = POLLIN;
	else if (!s->hung_up)
		events = POLLRDHUP;
	if (buf_len(wire_server_output(s->wire)) > 0)
		events |= POLLOUT;
	struct pollfd fds[2] = {
	    {.fd = events == 0 ? -1 : s->fd, .events = events},
	    {.fd = extra_fd, .events = POLLIN},
	};
	int n =
	    poll(fds, 2, transport_wait_ms(until_us, authenticated ? INT64_MAX : s->deadline_us));
	if (n > 0) {
		short got = fds[0].revents;
		if ((got & POLLOUT) != 0)
			push(s);
		if ((got & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
			s->hung_up = true;
			wire_server_hear_out(s->wire);
		}
		if ((got & ~POLLOUT) != 0)
			pull(s);
		*ret_extra = fds[1].revents != 0;
	}
	check_deadline(s);
}

/* Events. */

static bool
may_write_again(const struct server *s)
{
	return s->write_was_short && wire_server_may_write(s->wire);
}

/*
 * Bytes that the caller knows of and has left: no news. When the line is over meanwhile, nobody
 * waits for an answer to them any more, and that it is over is what there is to tell.
 */
static void
leave_bytes(struct server *s)
{
	while (wire_server_is_over(s->wire) && s->next.type == WIRE_READABLE) {
		wire_server_consume(s->wire, wire_server_peek(s->wire).len);
		wire_server_next_event(s->wire, &s->next);
	}
	s->has_next = s->next.type != WIRE_READABLE;
}

/* Is there something for the caller? Looks ahead, so it may also do some of the work. */
static bool
has_news(struct server *s)
{
	if (!s->has_next) {
		wire_server_next_event(s->wire, &s->next);
		s->has_next = s->next.type != WIRE_NOTHING;
	}
	if (s->has_next && s->next.type == WIRE_READABLE && s->told_readable)
		leave_bytes(s);
	return s->has_next || may_write_again(s);
}

static const enum transport_event_type EVENT_TYPES[] = {
    [WIRE_NOTHING] = TRANSPORT_NOTHING,
    [WIRE_AUTH] = TRANSPORT_AUTH,
    [WIRE_OPENED] = TRANSPORT_OPENED,
    [WIRE_READABLE] = TRANSPORT_READABLE,
    [WIRE_PEER_EOF] = TRANSPORT_PEER_EOF,
    [WIRE_CLOSED] = TRANSPORT_CLOSED,
};

static void
server_next_event(struct transport *t, struct transport_event *ret_event)
{
	struct server *s = server_of(t);
	const struct wire_auth *auth = &s->next.auth;

	if (!s->has_next)
		wire_server_next_event(s->wire, &s->next);
	s->has_next = false;
	s->told_readable = s->next.type == WIRE_READABLE;
	*ret_event = (struct transport_event){
	    .type = EVENT_TYPES[s->next.type],
	    .error = s->next.error,
	    .story = s->next.story,
	};
	if (s->next.type == WIRE_CLOSED)
		push(s);
	if (s->next.type != WIRE_AUTH)
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

static enum err
server_wait(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	int64_t until_us = timeout_us < 0 ? INT64_MAX : time_mono_us() + timeout_us;
	struct server *s = server_of(t);

	*ret_extra = false;
	if (has_news(s)) {
		struct pollfd fd = {.fd = extra_fd, .events = POLLIN};
		push(s);
		*ret_extra = poll(&fd, 1, 0) > 0;
	}
	while (!*ret_extra && !has_news(s)) {
		turn(s, extra_fd, until_us, ret_extra);
		if (transport_wait_ms(until_us, INT64_MAX) == 0) {
			(void)has_news(s);
			break;
		}
	}
	/* Told once: a caller that has nothing to write any more must not spin. */
	s->write_was_short = s->write_was_short && !may_write_again(s);
	return ERR_OK;
}

/* The stream. */

static struct slice
server_peek(struct transport *t)
{
	return wire_server_peek(server_of(t)->wire);
}

static void
server_consume(struct transport *t, size_t len)
{
	struct server *s = server_of(t);

	wire_server_consume(s->wire, len);
	if (len > 0)
		s->told_readable = false;
}

static enum err
server_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	*ret_len = 0;
	while (*ret_len < len) {
		struct slice bytes = server_peek(t);
		size_t n = bytes.len < len - *ret_len ? bytes.len : len - *ret_len;
		if (n == 0)
			break;
		memcpy(dst + *ret_len, bytes.ptr, n);
		server_consume(t, n);
		*ret_len += n;
	}
	return ERR_OK;
}

/* Encrypts as much as stays in the cache, sends that, and goes on while the socket takes it. */
static enum err
server_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct server *s = server_of(t);
	enum err e = ERR_OK;
	size_t n = 1;

	*ret_len = 0;
	while (e == ERR_OK && *ret_len < len && n > 0) {
		e = wire_server_write(s->wire, bytes + *ret_len, len - *ret_len, &n);
		*ret_len += n;
		push(s);
	}
	s->write_was_short = *ret_len < len;
	return e;
}

static bool
server_flushed(const struct transport *t)
{
	const struct server *s = (const struct server *)(const void *)t;

	return s->send_failed || buf_len(wire_server_output(s->wire)) == 0;
}

/* The end. */

/* Waits until the peer's CLOSE is there and ours is gone, what it sends meanwhile dropped. */
static void
await_close(struct server *s, int64_t deadline_us)
{
	struct transport_event event;
	bool extra;

	for (;;) {
		server_next_event(&s->base, &event);
		if (event.type == TRANSPORT_READABLE) {
			server_consume(&s->base, server_peek(&s->base).len);
			continue;
		}
		/* Who was not let in has nothing to close: it is enough that all is said. */
		bool said = event.type == TRANSPORT_CLOSED || !wire_server_is_closing(s->wire);
		if ((said && server_flushed(&s->base)) ||
		    transport_wait_ms(deadline_us, INT64_MAX) == 0)
			return;
		turn(s, -1, deadline_us, &extra);
	}
}

/*
 * All is said, and both have closed the channel: the client ends the line, as it began it. Most do
 * so at once, and to some (Go's library) it is an error when the server was first.
 */
static void
await_hangup(const struct server *s, int64_t deadline_us)
{
	uint8_t ignored[1024];
	int ms;

	while (!s->hung_up && (ms = transport_wait_ms(deadline_us, INT64_MAX)) != 0) {
		struct pollfd fd = {.fd = s->fd, .events = POLLIN};
		if (poll(&fd, 1, ms) > 0 && recv(s->fd, ignored, sizeof ignored, MSG_DONTWAIT) <= 0)
			return;
	}
}

static void
server_close(struct transport *t, int64_t timeout_us)
{
	int64_t deadline_us = time_mono_us() + timeout_us;
	struct server *s = server_of(t);

	wire_server_close(s->wire);
	await_close(s, deadline_us);
	if (wire_server_is_closed(s->wire) && !s->send_failed)
		await_hangup(s, deadline_us);
	wire_server_end(s->wire, ERR_OK, "");
	push(s);
}

static void
server_free(struct transport *t)
{
	struct server *s = server_of(t);

	/* Before our version has gone out there is nobody to say goodbye to. */
	if (s->has_sent) {
		wire_server_end(s->wire, ERR_OK, "");
		push(s);
	}
	wire_server_free(s->wire);
	fd_closep(&s->fd);
	free(s);
}

static void
server_trim(struct transport *t)
{
	wire_server_trim(server_of(t)->wire);
}

static const struct transport_ops OPS = {
    .next_event = server_next_event,
    .auth_answer = server_auth_answer,
    .peek = server_peek,
    .consume = server_consume,
    .wait = server_wait,
    .read = server_read,
    .write = server_write,
    .flushed = server_flushed,
    .close = server_close,
    .trim = server_trim,
    .free = server_free,
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
transport_server_library_init(void)
{
	uint8_t seed[32];

	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1 ||
	    RAND_bytes(seed, sizeof seed) != 1)
		return ERR_NOMEM;
	return wire_library_init();
}

enum err
transport_server_prepare(struct transport **ret_t, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits)
{
	struct server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->base.ops = &OPS;
	s->fd = -1;
	s->limits = *limits;
	enum err e = make_wire(s, host_keys);
	if (e == ERR_OK)
		e = wire_server_prepare(s->wire);
	if (e != ERR_OK) {
		server_free(&s->base);
		return e;
	}
	*ret_t = &s->base;
	return ERR_OK;
}

void
transport_server_connect(struct transport *t, int fd, int64_t login_grace_us)
{
	struct server *s = server_of(t);

	BUG_ON(s->fd >= 0);
	s->fd = fd;
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
