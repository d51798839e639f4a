/*
 * The insides of a client's transport, shared by the files client_*.c. Everything that knows
 * libssh's habits is in them:
 *
 * - The session is in non-blocking mode and so is its socket: nothing waits but transport_wait.
 * - libssh takes from the socket only inside of a poll of its own; what it took and decrypted waits
 *   in the channel, and no descriptor will say so. `buffered` knows how much that is.
 * - libssh queues what the socket doesn't take, without a bound: see output_is_clear.
 * - A session that failed can't be read from any more, even where decrypted bytes wait in its
 *   channel: they are moved to `stash` at the peer's EOF, before a disconnect can follow.
 */
#ifndef SSH_CLIENT_INTERNAL_H
#define SSH_CLIENT_INTERNAL_H

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/buf.h"
#include "ssh/transport_ops.h"

enum {
	/* What we hand to libssh at once. It becomes packets of the peer's size, one write(2). */
	CLIENT_CHUNK = 256 * 1024,
	/* With more than this queued for a peer that doesn't read, we don't listen to it either. */
	CLIENT_OUTPUT_HIGH = 1024 * 1024,
	/*
	 * The receive window. Wide enough for 4 MiB in a round trip from the start; an OpenSSH peer
	 * that keeps sending gets up to 15 MiB: its older versions stumble at 16.
	 */
	CLIENT_WINDOW = 4 * 1024 * 1024,
	CLIENT_WINDOW_MAX = 15 * 1024 * 1024,
	/* With more than this in the channel it is emptied at once: see channel_is_crowded. */
	CLIENT_CROWD = 1024 * 1024,
	/* Requests of the server's that we refuse, before we take them for a flood. */
	CLIENT_REFUSALS = 1000
};

struct client {
	struct transport base;
	ssh_session session;
	ssh_event event;     /* NULL before the channel is open */
	ssh_channel channel; /* NULL when there is none; the session's */
	struct ssh_channel_callbacks_struct channel_callbacks;
	struct ssh_counter_struct socket_bytes, packets;
	int extra_fd; /* the one that is in event, or -1 */
	bool extra_ready;
	uint32_t n_refusals;

	/* The byte stream. */
	size_t buffered; /* decrypted bytes in the channel */
	struct buf stash;
	uint64_t taken_since_grant; /* bytes read since the window was last opened fully */
	uint64_t taken_total;
	size_t window;
	bool peer_eof, peer_closed;
	bool told_readable, told_eof;
	bool write_was_short;               /* the caller has more to write than it could */
	bool write_needs_event;             /* ... and only the peer can change that */
	uint64_t mark_packets, mark_socket; /* counters when nothing was queued last */

	/* The end. */
	bool over;
	enum err error;
	struct story story;
};

static inline struct client *
client_of(struct transport *t)
{
	return (struct client *)(void *)t;
}

/* client_life.c */

/* NULL without memory. The session is the client's from now on. */
struct client *client_new(ssh_session session);
void client_free(struct transport *t);

/*
 * It is over, for this reason; the first reason stays. A farewell goes to the peer if it can. Never
 * from inside of a callback of libssh, which wants to find its session as it left it.
 */
void client_over(struct client *c, enum err error, const char *format, ...) printf_like(3, 4);

/* Ends the transport if its session has failed or was closed. */
void client_notice_end(struct client *c);

/* Notes version and algorithms while the session still has them. */
void client_note_facts(struct client *c);

void client_close(struct transport *t, int64_t timeout_us);

/* client_stream.c */
enum err client_watch_channel(struct client *c, ssh_channel channel) must_check;
enum err client_watch_session(struct client *c) must_check;

/* One turn of libssh: waits for at most timeout_ms (-1: for ever). */
void client_turn(struct client *c, int timeout_ms);

bool client_flushed(const struct transport *t);
void client_next_event(struct transport *t, struct transport_event *ret_event);
enum err client_wait(
    struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra) must_check;
enum err client_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len) must_check;
enum err client_write(
    struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len) must_check;

#endif
