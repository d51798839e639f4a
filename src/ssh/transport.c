/* A transport's events, its byte stream and its end, whatever engine is behind it. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bug.h"
#include "base/clock.h"
#include "os/fd.h"
#include "ssh/transport_ops.h"

/* Events. */

static const enum transport_event_type EVENT_TYPES[] = {
    [WIRE_NOTHING] = TRANSPORT_NOTHING,
    [WIRE_AUTH] = TRANSPORT_AUTH,
    [WIRE_OPENED] = TRANSPORT_OPENED,
    [WIRE_READABLE] = TRANSPORT_READABLE,
    [WIRE_PEER_EOF] = TRANSPORT_PEER_EOF,
    [WIRE_CLOSED] = TRANSPORT_CLOSED,
};

void
transport_next_event(struct transport *t, struct transport_event *ret_event)
{
	enum wire_event_type type = transport_take_event(t);
	*ret_event = (struct transport_event){.type = EVENT_TYPES[type], .story = ""};
	t->engine->tell(t, ret_event);
	if (type == WIRE_CLOSED)
		transport_push(t);
}

enum err
transport_auth_answer(struct transport *t, enum transport_auth_answer answer, uint32_t methods)
{
	BUG_ON(t->engine->auth_answer == NULL);
	return t->engine->auth_answer(t, answer, methods);
}

enum err
transport_wait(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	return transport_wait_many(&t, 1, extra_fd, timeout_us, ret_extra);
}

/* The stream. */

struct slice
transport_peek(struct transport *t)
{
	return t->engine->peek(t);
}

void
transport_consume(struct transport *t, size_t len)
{
	t->engine->consume(t, len);
	if (len == 0)
		return;
	/* What is left is news again; and that there was something isn't any more. */
	t->told_readable = false;
	if (t->next == WIRE_READABLE)
		t->has_next = false;
}

enum err
transport_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	*ret_len = 0;
	while (*ret_len < len) {
		struct slice bytes = transport_peek(t);
		size_t n = bytes.len < len - *ret_len ? bytes.len : len - *ret_len;
		if (n == 0)
			break;
		memcpy(dst + *ret_len, bytes.ptr, n);
		transport_consume(t, n);
		*ret_len += n;
	}
	return ERR_OK;
}

/* Encrypts as much as stays in the cache, sends that, and goes on while the socket takes it. */
enum err
transport_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	enum err e = ERR_OK;
	size_t n = 1;

	*ret_len = 0;
	while (e == ERR_OK && *ret_len < len && n > 0) {
		e = t->engine->write(t, bytes + *ret_len, len - *ret_len, &n);
		*ret_len += n;
		transport_push(t);
	}
	t->write_was_short = *ret_len < len;
	return e;
}

bool
transport_flushed(const struct transport *t)
{
	return t->send_failed || buf_len(t->engine->output(t)) == 0;
}

void
transport_facts(const struct transport *t, struct transport_facts *ret_facts)
{
	*ret_facts = t->facts;
}

int64_t
transport_round_trip_us(const struct transport *t)
{
	if (t->engine->round_trip_us == NULL)
		return 0;
	return t->engine->round_trip_us(t);
}

size_t
transport_window(const struct transport *t)
{
	return t->engine->window == NULL ? 0 : t->engine->window(t);
}

void
transport_trim(struct transport *t)
{
	t->engine->trim(t);
}

/* The end. */

/* Waits until the peer's CLOSE is there and ours is gone, what it sends meanwhile dropped. */
static void
await_close(struct transport *t, int64_t deadline_us)
{
	bool extra;

	for (;;) {
		enum wire_event_type type = transport_take_event(t);
		if (type == WIRE_READABLE) {
			transport_consume(t, transport_peek(t).len);
			continue;
		}
		/* Who was not let in has nothing to close: it is enough that all is said. */
		bool said = type == WIRE_CLOSED || !t->engine->is_closing(t);
		transport_push(t);
		if ((said && transport_flushed(t)) ||
		    transport_wait_ms(deadline_us, INT64_MAX) == 0)
			return;
		transport_turn(t, -1, deadline_us, &extra);
	}
}

/*
 * All is said, and both have closed the channel: the client ends the line, as it began it. Most do
 * so at once, and to some (Go's library) it is an error when the server was first.
 */
static void
await_hangup(const struct transport *t, int64_t deadline_us)
{
	uint8_t ignored[1024];
	int ms;

	while (!t->hung_up && (ms = transport_wait_ms(deadline_us, INT64_MAX)) != 0) {
		struct pollfd fd = {.fd = t->fd, .events = POLLIN};
		if (poll(&fd, 1, ms) > 0 && recv(t->fd, ignored, sizeof ignored, MSG_DONTWAIT) <= 0)
			return;
	}
}

void
transport_close(struct transport *t, int64_t timeout_us)
{
	int64_t deadline_us = time_mono_us() + timeout_us;

	t->engine->close(t);
	await_close(t, deadline_us);
	if (t->peer_hangs_up && t->engine->is_closed(t) && !t->send_failed)
		await_hangup(t, deadline_us);
	t->engine->end(t);
	transport_push(t);
}

void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	/* Before our version has gone out there is nobody to say goodbye to. */
	if (t->has_sent) {
		t->engine->end(t);
		transport_push(t);
	}
	fd_closep(&t->fd);
	t->engine->free(t);
}
