/*
 * The byte stream and the waiting. The rules by which nothing sleeps that should run, and nothing
 * spins that should sleep:
 *
 * - transport_wait returns at once for bytes that the caller hasn't been told of, or of which it
 *   took some and left some. It doesn't for bytes that it was told of and left: a caller without
 *   room for them waits for something else.
 * - After a write that was cut short it returns once there is room. Where libssh took nothing at
 *   all although the window is open (a key exchange is going on), only after the peer has spoken.
 */
#include <limits.h>
#include <poll.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "ssh/transport_internal.h"

/*
 * How much is queued in libssh, at least: what went into packets since the queue was empty, less
 * what went into the socket. The packets' own headers come on top of it.
 */
static uint64_t
output_queued(struct transport *t)
{
	if ((ssh_get_status(t->session) & SSH_WRITE_PENDING) == 0) {
		t->mark_packets = t->packets.out_bytes;
		t->mark_socket = t->socket_bytes.out_bytes;
		return 0;
	}
	uint64_t in = t->packets.out_bytes - t->mark_packets;
	uint64_t out = t->socket_bytes.out_bytes - t->mark_socket;
	return in > out ? in - out : 0;
}

bool
transport_flushed(const struct transport *t)
{
	return t->state == TRANSPORT_OVER || (ssh_get_status(t->session) & SSH_WRITE_PENDING) == 0;
}

/*
 * One chunk is handed to libssh only when the one before has left for the socket: so the queue
 * never holds more than a chunk, whatever window the peer opens (PuTTY's is 2 GiB).
 */
static bool
output_is_clear(const struct transport *t)
{
	return t->state == TRANSPORT_OPEN && t->channel != NULL && !t->peer_closed &&
	       ssh_channel_window_size(t->channel) > 0 && transport_flushed(t);
}

static size_t
readable(const struct transport *t)
{
	return t->buffered + buf_len(&t->stash);
}

/* Moves up to want bytes that wait in the channel to the stash, and opens the window to want. */
static enum err
fill_stash(struct transport *t, size_t want)
{
	uint8_t *room;

	enum err e = buf_reserve(&t->stash, want, &room);
	if (e != ERR_OK)
		return e;
	int n = ssh_channel_read_timeout(t->channel, room, (uint32_t)want, 0, 0);
	if (n < 0)
		return ERR_CLOSED;
	buf_commit(&t->stash, (size_t)n);
	t->buffered -= (size_t)n < t->buffered ? (size_t)n : t->buffered;
	return ERR_OK;
}

/* libssh shows what has gathered in the channel. Returning 0 leaves it there. */
static int
on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len, int is_stderr,
    void *userdata)
{
	struct transport *t = userdata;

	(void)session;
	(void)channel;
	(void)data;
	/* What a server says on its standard error has no place in the stream. */
	if (is_stderr)
		return (int)(len > INT_MAX ? INT_MAX : len);
	t->buffered = len;
	return 0;
}

static void
on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	struct transport *t = userdata;

	(void)session;
	(void)channel;
	t->peer_eof = true;
	if (t->buffered > 0 && fill_stash(t, t->buffered) != ERR_OK)
		t->peer_closed = true;
}

static void
on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	struct transport *t = userdata;

	if (!t->peer_eof)
		on_eof(session, channel, userdata);
	t->peer_closed = true;
}

enum err
transport_watch_channel(struct transport *t, ssh_channel channel)
{
	t->channel_callbacks = (struct ssh_channel_callbacks_struct){
	    .userdata = t,
	    .channel_data_function = on_data,
	    .channel_eof_function = on_eof,
	    .channel_close_function = on_close,
	};
	ssh_callbacks_init(&t->channel_callbacks);
	if (ssh_set_channel_callbacks(channel, &t->channel_callbacks) != SSH_OK)
		return ERR_NOMEM;
	t->channel = channel;
	return ERR_OK;
}

enum err
transport_watch_session(struct transport *t)
{
	t->event = ssh_event_new();
	if (t->event == NULL || ssh_event_add_session(t->event, t->session) != SSH_OK)
		return ERR_NOMEM;
	return ERR_OK;
}

static int
on_extra(socket_t fd, int revents, void *userdata)
{
	struct transport *t = userdata;

	(void)fd;
	(void)revents;
	t->extra_ready = true;
	return 0;
}

/* Keeps the caller's descriptor among those that libssh polls: one system call serves both. */
static enum err
watch_extra(struct transport *t, int fd)
{
	if (fd == t->extra_fd)
		return ERR_OK;
	if (t->extra_fd >= 0)
		(void)ssh_event_remove_fd(t->event, t->extra_fd);
	t->extra_fd = -1;
	if (fd >= 0 && ssh_event_add_fd(t->event, fd, POLLIN, on_extra, t) != SSH_OK)
		return ERR_NOMEM;
	t->extra_fd = fd;
	return ERR_OK;
}

/* A peer can't make us hold more than the window that we gave it. */
static void
check_window(struct transport *t)
{
	if (t->buffered > (size_t)TRANSPORT_WINDOW_MAX + TRANSPORT_CHUNK)
		transport_over(t, ERR_LIMIT, "the peer sends more than its window allows");
}

bool
transport_turn(struct transport *t, int timeout_ms)
{
	int rc = ssh_event_dopoll(t->event, timeout_ms);

	if (t->state <= TRANSPORT_LOGIN)
		t->login_packets_waiting = true;
	transport_turn_away(t);
	if (t->n_refusals > TRANSPORT_REFUSALS)
		transport_over(t, ERR_LIMIT, "the peer makes too many requests that are refused");
	check_window(t);
	transport_notice_end(t);
	if (rc == SSH_ERROR)
		transport_over(t, ERR_IO, "the connection can't be waited for");
	return rc != SSH_AGAIN;
}

/*
 * Waits without listening to the peer: while a login awaits its answer, so that what it sends
 * meanwhile stays in the socket; or while it doesn't take what we have for it. What is queued is
 * still sent.
 */
static bool
turn_deaf(struct transport *t, int timeout_ms)
{
	bool output = (ssh_get_poll_flags(t->session) & SSH_WRITE_PENDING) != 0;
	struct pollfd fds[2] = {
	    {.fd = t->extra_fd, .events = POLLIN},
	    {.fd = output ? ssh_get_fd(t->session) : -1, .events = POLLOUT},
	};

	int n = poll(fds, 2, timeout_ms);
	if (n > 0 && fds[0].revents != 0)
		t->extra_ready = true;
	if (n > 0 && fds[1].revents != 0)
		(void)transport_turn(t, 0);
	return n > 0;
}

/* Something for transport_next_event to tell. */
static bool
event_is_waiting(const struct transport *t)
{
	if (t->state == TRANSPORT_OVER)
		return true;
	if (t->state == TRANSPORT_LOGIN)
		return t->login_packets_waiting && t->asked == NULL;
	if (t->state != TRANSPORT_OPEN)
		return t->state == TRANSPORT_ACCEPTED && t->peer_closed;
	return !t->told_open || (readable(t) > 0 && !t->told_readable) ||
	       (t->peer_eof && readable(t) == 0 && (!t->told_eof || t->peer_closed));
}

static bool
may_write_again(const struct transport *t)
{
	return t->write_was_short && !t->write_needs_event && output_is_clear(t);
}

/* Milliseconds, rounded up, until the earlier of both; -1 for never. */
static int
wait_ms(int64_t until_us, int64_t deadline_us)
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

static void
check_deadline(struct transport *t)
{
	char grace[24];

	if (t->state < TRANSPORT_ACCEPTED && time_mono_us() >= t->deadline_us)
		transport_over(t, ERR_TIMEOUT, "nobody logged in within %s",
		    text_duration(t->limits.login_grace_us, grace));
}

/* One turn of whatever kind the state asks for. */
static void
turn_once(struct transport *t, int timeout_ms)
{
	bool deaf = t->asked != NULL || output_queued(t) > TRANSPORT_OUTPUT_HIGH;
	bool news = deaf ? turn_deaf(t, timeout_ms) : transport_turn(t, timeout_ms);

	if (news)
		t->write_needs_event = false;
	check_deadline(t);
}

enum err
transport_wait(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	int64_t until_us = timeout_us < 0 ? INT64_MAX : time_mono_us() + timeout_us;

	*ret_extra = false;
	if (t->state == TRANSPORT_NEW)
		transport_server_start(t);
	if (t->event == NULL)
		return ERR_OK;
	enum err e = watch_extra(t, extra_fd);
	if (e != ERR_OK)
		return e;
	t->extra_ready = false;
	/* A write, or the window's opening by a read, may have found the socket dead. */
	transport_notice_end(t);
	if (event_is_waiting(t) || may_write_again(t)) {
		struct pollfd fd = {.fd = extra_fd, .events = POLLIN};
		*ret_extra = poll(&fd, 1, 0) > 0;
		t->write_was_short = t->write_was_short && !may_write_again(t);
		return ERR_OK;
	}
	do {
		turn_once(t, wait_ms(until_us, t->deadline_us));
	} while (!t->extra_ready && !event_is_waiting(t) && !may_write_again(t) &&
		 wait_ms(until_us, INT64_MAX) != 0);
	/* Told once: a caller that has nothing to write any more must not spin. */
	t->write_was_short = t->write_was_short && !may_write_again(t);
	*ret_extra = t->extra_ready;
	return ERR_OK;
}

static bool
peer_is_openssh(const struct transport *t)
{
	return slice_starts_with(slice_str(t->facts.peer_version), slice_str("SSH-2.0-OpenSSH_"));
}

/*
 * What waits in a channel is one block of memory, whose rest libssh moves to the front for what
 * comes in. A caller that lags behind by much would have it moved again and again: better once,
 * into the stash.
 */
static bool
channel_is_crowded(const struct transport *t, size_t len)
{
	return t->buffered > TRANSPORT_CROWD && t->buffered > 2 * len;
}

/*
 * libssh opens the window to what a read asks for, or else to 1.28 MB. So one read in a while asks
 * for all of it: when half of the window is used up. A read into the caller's bytes mustn't ask for
 * more than they hold; that one goes by way of the stash.
 */
static enum err
open_window(struct transport *t)
{
	if (peer_is_openssh(t) && t->taken_total > 4 * (uint64_t)t->window)
		t->window =
		    t->window * 2 > TRANSPORT_WINDOW_MAX ? TRANSPORT_WINDOW_MAX : t->window * 2;
	t->taken_since_grant = 0;
	return fill_stash(t, t->window);
}

static size_t
take_stash(struct transport *t, uint8_t *dst, size_t len)
{
	struct slice stash = buf_slice(&t->stash);
	size_t n = len < stash.len ? len : stash.len;

	if (n > 0)
		memcpy(dst, stash.ptr, n);
	buf_consume(&t->stash, n);
	return n;
}

static enum err
take_channel(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	size_t want = len < t->buffered ? len : t->buffered;
	int n = ssh_channel_read_timeout(t->channel, dst, (uint32_t)want, 0, 0);

	if (n < 0) {
		transport_notice_end(t);
		transport_over(t, ERR_CLOSED, "the peer closed the channel");
		return ERR_CLOSED;
	}
	t->buffered -= (size_t)n;
	*ret_len = (size_t)n;
	return ERR_OK;
}

enum err
transport_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	enum err e = ERR_OK;

	*ret_len = 0;
	t->told_readable = false;
	if (len == 0)
		return ERR_OK;
	if (buf_len(&t->stash) == 0 && t->buffered > 0 && t->taken_since_grant >= t->window / 2)
		e = open_window(t);
	else if (buf_len(&t->stash) == 0 && channel_is_crowded(t, len))
		e = fill_stash(t, t->buffered < t->window ? t->buffered : t->window);
	if (e == ERR_OK && buf_len(&t->stash) > 0)
		*ret_len = take_stash(t, dst, len);
	else if (e == ERR_OK && t->buffered > 0)
		e = take_channel(t, dst, len, ret_len);
	t->taken_since_grant += *ret_len;
	t->taken_total += *ret_len;
	return e;
}

enum err
transport_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	size_t done = 0;

	*ret_len = 0;
	if (t->state != TRANSPORT_OPEN || t->peer_closed)
		return ERR_CLOSED;
	t->write_needs_event = false;
	while (done < len && output_is_clear(t)) {
		size_t chunk = len - done < TRANSPORT_CHUNK ? len - done : TRANSPORT_CHUNK;
		size_t window = ssh_channel_window_size(t->channel);
		chunk = chunk < window ? chunk : window;
		int n = ssh_channel_write(t->channel, bytes + done, (uint32_t)chunk);
		transport_notice_end(t);
		if (n < 0 || t->state == TRANSPORT_OVER) {
			transport_over(t, ERR_CLOSED, "the peer closed the channel");
			return ERR_CLOSED;
		}
		done += (size_t)n;
		if (n == 0) {
			t->write_needs_event = true;
			break;
		}
	}
	t->write_was_short = done < len;
	*ret_len = done;
	return ERR_OK;
}
