/*
 * A client's byte stream and its waiting. The rules by which nothing sleeps that should run, and
 * nothing spins that should sleep:
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
#include "ssh/client_internal.h"

/*
 * How much is queued in libssh, at least: what went into packets since the queue was empty, less
 * what went into the socket. The packets' own headers come on top of it.
 */
static uint64_t
output_queued(struct client *c)
{
	if ((ssh_get_status(c->session) & SSH_WRITE_PENDING) == 0) {
		c->mark_packets = c->packets.out_bytes;
		c->mark_socket = c->socket_bytes.out_bytes;
		return 0;
	}
	uint64_t in = c->packets.out_bytes - c->mark_packets;
	uint64_t out = c->socket_bytes.out_bytes - c->mark_socket;
	return in > out ? in - out : 0;
}

static bool
is_flushed(const struct client *c)
{
	return c->over || (ssh_get_status(c->session) & SSH_WRITE_PENDING) == 0;
}

bool
client_flushed(const struct transport *t)
{
	return is_flushed((const struct client *)(const void *)t);
}

/*
 * One chunk is handed to libssh only when the one before has left for the socket: so the queue
 * never holds more than a chunk, whatever window the peer opens (PuTTY's is 2 GiB).
 */
static bool
output_is_clear(const struct client *c)
{
	return !c->over && c->channel != NULL && !c->peer_closed &&
	       ssh_channel_window_size(c->channel) > 0 && is_flushed(c);
}

static size_t
readable(const struct client *c)
{
	return c->buffered + buf_len(&c->stash);
}

/* Moves up to want bytes that wait in the channel to the stash, and opens the window to want. */
static enum err
fill_stash(struct client *c, size_t want)
{
	uint8_t *room;

	enum err e = buf_reserve(&c->stash, want, &room);
	if (e != ERR_OK)
		return e;
	int n = ssh_channel_read_timeout(c->channel, room, (uint32_t)want, 0, 0);
	if (n < 0)
		return ERR_CLOSED;
	buf_commit(&c->stash, (size_t)n);
	c->buffered -= (size_t)n < c->buffered ? (size_t)n : c->buffered;
	return ERR_OK;
}

/* libssh shows what has gathered in the channel. Returning 0 leaves it there. */
static int
on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len, int is_stderr,
    void *userdata)
{
	struct client *c = userdata;

	(void)session;
	(void)channel;
	(void)data;
	/* What a server says on its standard error has no place in the stream. */
	if (is_stderr)
		return (int)(len > INT_MAX ? INT_MAX : len);
	c->buffered = len;
	return 0;
}

static void
on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	struct client *c = userdata;

	(void)session;
	(void)channel;
	c->peer_eof = true;
	if (c->buffered > 0 && fill_stash(c, c->buffered) != ERR_OK)
		c->peer_closed = true;
}

static void
on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	struct client *c = userdata;

	if (!c->peer_eof)
		on_eof(session, channel, userdata);
	c->peer_closed = true;
}

enum err
client_watch_channel(struct client *c, ssh_channel channel)
{
	c->channel_callbacks = (struct ssh_channel_callbacks_struct){
	    .userdata = c,
	    .channel_data_function = on_data,
	    .channel_eof_function = on_eof,
	    .channel_close_function = on_close,
	};
	ssh_callbacks_init(&c->channel_callbacks);
	if (ssh_set_channel_callbacks(channel, &c->channel_callbacks) != SSH_OK)
		return ERR_NOMEM;
	c->channel = channel;
	return ERR_OK;
}

enum err
client_watch_session(struct client *c)
{
	c->event = ssh_event_new();
	if (c->event == NULL || ssh_event_add_session(c->event, c->session) != SSH_OK)
		return ERR_NOMEM;
	return ERR_OK;
}

static int
on_extra(socket_t fd, int revents, void *userdata)
{
	struct client *c = userdata;

	(void)fd;
	(void)revents;
	c->extra_ready = true;
	return 0;
}

/* Keeps the caller's descriptor among those that libssh polls: one system call serves both. */
static enum err
watch_extra(struct client *c, int fd)
{
	if (fd == c->extra_fd)
		return ERR_OK;
	if (c->extra_fd >= 0)
		(void)ssh_event_remove_fd(c->event, c->extra_fd);
	c->extra_fd = -1;
	if (fd >= 0 && ssh_event_add_fd(c->event, fd, POLLIN, on_extra, c) != SSH_OK)
		return ERR_NOMEM;
	c->extra_fd = fd;
	return ERR_OK;
}

/* A peer can't make us hold more than the window that we gave it. */
static void
check_window(struct client *c)
{
	if (c->buffered > (size_t)CLIENT_WINDOW_MAX + CLIENT_CHUNK)
		client_over(c, ERR_LIMIT, "the peer sends more than its window allows");
}

static bool
turn(struct client *c, int timeout_ms)
{
	int rc = ssh_event_dopoll(c->event, timeout_ms);

	if (c->n_refusals > CLIENT_REFUSALS)
		client_over(c, ERR_LIMIT, "the peer makes too many requests that are refused");
	check_window(c);
	client_notice_end(c);
	if (rc == SSH_ERROR)
		client_over(c, ERR_IO, "the connection can't be waited for");
	return rc != SSH_AGAIN;
}

void
client_turn(struct client *c, int timeout_ms)
{
	(void)turn(c, timeout_ms);
}

/* Waits without listening to a peer that doesn't take what we have for it. That is still sent. */
static bool
turn_deaf(struct client *c, int timeout_ms)
{
	bool output = (ssh_get_poll_flags(c->session) & SSH_WRITE_PENDING) != 0;
	struct pollfd fds[2] = {
	    {.fd = c->extra_fd, .events = POLLIN},
	    {.fd = output ? ssh_get_fd(c->session) : -1, .events = POLLOUT},
	};

	int n = poll(fds, 2, timeout_ms);
	if (n > 0 && fds[0].revents != 0)
		c->extra_ready = true;
	if (n > 0 && fds[1].revents != 0)
		(void)turn(c, 0);
	return n > 0;
}

/* Something for client_next_event to tell. */
static bool
event_is_waiting(const struct client *c)
{
	return c->over || (readable(c) > 0 && !c->told_readable) ||
	       (c->peer_eof && readable(c) == 0 && (!c->told_eof || c->peer_closed));
}

/* Bytes that came before the end are told before it. */
void
client_next_event(struct transport *t, struct transport_event *ret_event)
{
	struct client *c = client_of(t);

	*ret_event = (struct transport_event){.type = TRANSPORT_NOTHING, .story = ""};
	if (readable(c) > 0) {
		c->told_readable = true;
		ret_event->type = TRANSPORT_READABLE;
	} else if (c->peer_eof && !c->told_eof) {
		c->told_eof = true;
		ret_event->type = TRANSPORT_PEER_EOF;
	} else if (c->peer_closed) {
		client_over(c, ERR_OK, "%s", "");
	}
	if (c->over && ret_event->type == TRANSPORT_NOTHING) {
		ret_event->type = TRANSPORT_CLOSED;
		ret_event->error = c->error;
		ret_event->story = c->story.text;
	}
}

static bool
may_write_again(const struct client *c)
{
	return c->write_was_short && !c->write_needs_event && output_is_clear(c);
}

/* One turn of whatever kind is due. */
static void
turn_once(struct client *c, int timeout_ms)
{
	bool deaf = output_queued(c) > CLIENT_OUTPUT_HIGH;
	bool news = deaf ? turn_deaf(c, timeout_ms) : turn(c, timeout_ms);

	if (news)
		c->write_needs_event = false;
}

enum err
client_wait(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	struct client *c = client_of(t);
	int64_t until_us = timeout_us < 0 ? INT64_MAX : time_mono_us() + timeout_us;

	*ret_extra = false;
	enum err e = watch_extra(c, extra_fd);
	if (e != ERR_OK)
		return e;
	c->extra_ready = false;
	/* A write, or the window's opening by a read, may have found the socket dead. */
	client_notice_end(c);
	if (event_is_waiting(c) || may_write_again(c)) {
		struct pollfd fd = {.fd = extra_fd, .events = POLLIN};
		*ret_extra = poll(&fd, 1, 0) > 0;
		c->write_was_short = c->write_was_short && !may_write_again(c);
		return ERR_OK;
	}
	do {
		turn_once(c, transport_wait_ms(until_us, INT64_MAX));
	} while (!c->extra_ready && !event_is_waiting(c) && !may_write_again(c) &&
		 transport_wait_ms(until_us, INT64_MAX) != 0);
	/* Told once: a caller that has nothing to write any more must not spin. */
	c->write_was_short = c->write_was_short && !may_write_again(c);
	*ret_extra = c->extra_ready;
	return ERR_OK;
}

static bool
peer_is_openssh(const struct client *c)
{
	return slice_starts_with(
	    slice_str(c->base.facts.peer_version), slice_str("SSH-2.0-OpenSSH_"));
}

/*
 * What waits in a channel is one block of memory, whose rest libssh moves to the front for what
 * comes in. A caller that lags behind by much would have it moved again and again: better once,
 * into the stash.
 */
static bool
channel_is_crowded(const struct client *c, size_t len)
{
	return c->buffered > CLIENT_CROWD && c->buffered > 2 * len;
}

/*
 * libssh opens the window to what a read asks for, or else to 1.28 MB. So one read in a while asks
 * for all of it: when half of the window is used up. A read into the caller's bytes mustn't ask for
 * more than they hold; that one goes by way of the stash.
 */
static enum err
open_window(struct client *c)
{
	if (peer_is_openssh(c) && c->taken_total > 4 * (uint64_t)c->window)
		c->window = c->window * 2 > CLIENT_WINDOW_MAX ? CLIENT_WINDOW_MAX : c->window * 2;
	c->taken_since_grant = 0;
	return fill_stash(c, c->window);
}

static size_t
take_stash(struct client *c, uint8_t *dst, size_t len)
{
	struct slice stash = buf_slice(&c->stash);
	size_t n = len < stash.len ? len : stash.len;

	if (n > 0)
		memcpy(dst, stash.ptr, n);
	buf_consume(&c->stash, n);
	return n;
}

static enum err
take_channel(struct client *c, uint8_t *dst, size_t len, size_t *ret_len)
{
	size_t want = len < c->buffered ? len : c->buffered;
	int n = ssh_channel_read_timeout(c->channel, dst, (uint32_t)want, 0, 0);

	if (n < 0) {
		client_notice_end(c);
		client_over(c, ERR_CLOSED, "the peer closed the channel");
		return ERR_CLOSED;
	}
	c->buffered -= (size_t)n;
	*ret_len = (size_t)n;
	return ERR_OK;
}

enum err
client_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	struct client *c = client_of(t);
	enum err e = ERR_OK;

	*ret_len = 0;
	c->told_readable = false;
	if (len == 0)
		return ERR_OK;
	if (buf_len(&c->stash) == 0 && c->buffered > 0 && c->taken_since_grant >= c->window / 2)
		e = open_window(c);
	else if (buf_len(&c->stash) == 0 && channel_is_crowded(c, len))
		e = fill_stash(c, c->buffered < c->window ? c->buffered : c->window);
	if (e == ERR_OK && buf_len(&c->stash) > 0)
		*ret_len = take_stash(c, dst, len);
	else if (e == ERR_OK && c->buffered > 0)
		e = take_channel(c, dst, len, ret_len);
	c->taken_since_grant += *ret_len;
	c->taken_total += *ret_len;
	return e;
}

enum err
client_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct client *c = client_of(t);
	size_t done = 0;

	*ret_len = 0;
	if (c->over || c->peer_closed)
		return ERR_CLOSED;
	c->write_needs_event = false;
	while (done < len && output_is_clear(c)) {
		size_t chunk = len - done < CLIENT_CHUNK ? len - done : CLIENT_CHUNK;
		size_t window = ssh_channel_window_size(c->channel);
		chunk = chunk < window ? chunk : window;
		int n = ssh_channel_write(c->channel, bytes + done, (uint32_t)chunk);
		client_notice_end(c);
		if (n < 0 || c->over) {
			client_over(c, ERR_CLOSED, "the peer closed the channel");
			return ERR_CLOSED;
		}
		done += (size_t)n;
		if (n == 0) {
			c->write_needs_event = true;
			break;
		}
	}
	c->write_was_short = done < len;
	*ret_len = done;
	return ERR_OK;
}
