/*
 * The socket beneath a transport, and waiting. The rules by which nothing sleeps that should run,
 * and nothing spins that should sleep:
 *
 * - What can be told is told: the next event is looked for before every sleep, and kept for
 *   transport_next_event. But bytes that were told of and left don't end a wait.
 * - The socket is listened to only while the engine wants input. So a peer whose requests nobody
 *   takes, or whose login is being asked about, fills its own socket and not our memory.
 * - What is to be sent goes out at once, as far as the socket takes it; poll(2) is asked for the
 *   rest.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/bug.h"
#include "base/clock.h"
#include "ssh/transport_ops.h"

enum { WHY_MAX = 128 };

/*
 * When it fails, the line is over for reading, too: what may still be in the socket was asked by
 * somebody who can't hear the answer.
 */
void
transport_push(struct transport *t)
{
	struct buf *out = t->engine->output(t);
	char why[WHY_MAX];

	while (buf_len(out) > 0 && !t->send_failed) {
		struct slice bytes = buf_slice(out);
		ssize_t n = send(t->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			buf_consume(out, (size_t)n);
			t->has_sent = true;
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			(void)snprintf(
			    why, sizeof why, "the connection broke: %s", strerror(errno));
			t->engine->eof(t, why);
			t->send_failed = true;
		}
	}
	if (t->send_failed)
		buf_clear(out);
}

/* One read of whatever there is, into where it will be decrypted. */
static void
pull(struct transport *t)
{
	char why[WHY_MAX];
	size_t len;
	uint8_t *space = t->engine->space(t, &len);

	if (len == 0)
		return;
	ssize_t n = recv(t->fd, space, len, MSG_DONTWAIT);
	if (n > 0) {
		t->engine->filled(t, (size_t)n);
	} else if (n == 0) {
		t->engine->eof(t, NULL);
	} else if (errno != EAGAIN && errno != EINTR) {
		(void)snprintf(why, sizeof why, "the connection broke: %s", strerror(errno));
		t->engine->eof(t, why);
	}
}

/* What to poll for. A peer that has hung up is told of in any case: once, or it would be told for
 * ever. */
static struct pollfd
watch(struct transport *t)
{
	short events = 0;

	transport_push(t);
	if (t->engine->wants_input(t))
		events = POLLIN;
	else if (!t->hung_up)
		events = POLLRDHUP;
	if (buf_len(t->engine->output(t)) > 0)
		events |= POLLOUT;
	return (struct pollfd){.fd = events == 0 ? -1 : t->fd, .events = events};
}

/* Does what poll has found possible. */
static void
move(struct transport *t, short got)
{
	if ((got & POLLOUT) != 0)
		transport_push(t);
	if ((got & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
		t->hung_up = true;
		t->engine->hear_out(t);
	}
	if ((got & ~POLLOUT) != 0)
		pull(t);
}

/* One wait for all of them. */
static void
turn_all(struct transport *const *ts, size_t n, int extra_fd, int64_t until_us, bool *ret_extra)
{
	struct pollfd fds[TRANSPORT_WAIT_MAX + 1];
	int64_t due_us = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct transport_engine *engine = ts[i]->engine;
		int64_t its_us = engine->due_us == NULL ? INT64_MAX : engine->due_us(ts[i]);
		due_us = its_us < due_us ? its_us : due_us;
		fds[i] = watch(ts[i]);
	}
	fds[n] = (struct pollfd){.fd = extra_fd, .events = POLLIN};
	if (poll(fds, n + 1, transport_wait_ms(until_us, due_us)) > 0) {
		for (size_t i = 0; i < n; i++)
			move(ts[i], fds[i].revents);
		*ret_extra = fds[n].revents != 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (ts[i]->engine->tick != NULL)
			ts[i]->engine->tick(ts[i]);
	}
}

void
transport_turn(struct transport *t, int extra_fd, int64_t until_us, bool *ret_extra)
{
	turn_all(&t, 1, extra_fd, until_us, ret_extra);
}

/* News. */

static bool
may_write_again(const struct transport *t)
{
	return t->write_was_short && t->engine->may_write(t);
}

/*
 * Bytes that the caller knows of and has left: no news. When the line is over meanwhile, nobody
 * waits for an answer to them any more, and that it is over is what there is to tell.
 */
static void
leave_bytes(struct transport *t)
{
	while (t->engine->is_over(t) && t->next == WIRE_READABLE) {
		t->engine->consume(t, t->engine->peek(t).len);
		t->next = t->engine->look(t);
	}
	t->has_next = t->next != WIRE_READABLE;
}

/* Is there something for the caller? Looks ahead, so it may also do some of the work. */
static bool
has_news(struct transport *t)
{
	if (!t->has_next) {
		t->next = t->engine->look(t);
		t->has_next = t->next != WIRE_NOTHING;
	}
	if (t->has_next && t->next == WIRE_READABLE && t->told_readable)
		leave_bytes(t);
	return t->has_next || may_write_again(t);
}

/* Of each: that one has news doesn't keep another from working. */
static bool
any_has_news(struct transport *const *ts, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any = has_news(ts[i]) || any;
	return any;
}

enum wire_event_type
transport_take_event(struct transport *t)
{
	if (!t->has_next)
		t->next = t->engine->look(t);
	t->has_next = false;
	t->told_readable = t->next == WIRE_READABLE;
	return t->next;
}

enum err
transport_wait_many(
    struct transport *const *ts, size_t n, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	int64_t until_us = timeout_us < 0 ? INT64_MAX : time_mono_us() + timeout_us;

	BUG_ON(n > TRANSPORT_WAIT_MAX);
	*ret_extra = false;
	if (any_has_news(ts, n)) {
		struct pollfd fd = {.fd = extra_fd, .events = POLLIN};
		for (size_t i = 0; i < n; i++)
			transport_push(ts[i]);
		*ret_extra = poll(&fd, 1, 0) > 0;
	}
	while (!*ret_extra && !any_has_news(ts, n)) {
		turn_all(ts, n, extra_fd, until_us, ret_extra);
		if (transport_wait_ms(until_us, INT64_MAX) == 0) {
			(void)any_has_news(ts, n);
			break;
		}
	}
	/* Told once: a caller that has nothing to write any more must not spin. */
	for (size_t i = 0; i < n; i++)
		ts[i]->write_was_short = ts[i]->write_was_short && !may_write_again(ts[i]);
	return ERR_OK;
}

int
transport_wait_ms(int64_t until_us, int64_t deadline_us)
{
	int64_t end_us = until_us < deadline_us ? until_us : deadline_us;

	if (end_us == INT64_MAX)
		return -1;
	int64_t left_us = end_us - time_mono_us();
	if (left_us <= 0)
		return 0;
	int64_t ms = (left_us + US_PER_MS - 1) / US_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
