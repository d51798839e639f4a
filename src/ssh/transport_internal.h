/*
 * The insides of a transport, shared by the files transport*.c. Everything that knows libssh's
 * habits is in them:
 *
 * - The session is in non-blocking mode and so is its socket: nothing waits but transport_wait.
 * - libssh takes from the socket only inside of a poll of its own; what it took and decrypted waits
 *   in the channel, and no descriptor will say so. `buffered` knows how much that is.
 * - libssh queues what the socket doesn't take, without a bound: see output_is_clear.
 * - A session that failed can't be read from any more, even where decrypted bytes wait in its
 *   channel: they are moved to `stash` at the peer's EOF, before a disconnect can follow.
 */
#ifndef SSH_TRANSPORT_INTERNAL_H
#define SSH_TRANSPORT_INTERNAL_H

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/buf.h"
#include "ssh/transport.h"

/*
 * Where a connection stands. Only transport_set_state moves it, and only forward.
 *
 *	state       what is true                               next
 *	NEW         nothing was sent or read yet               LOGIN
 *	LOGIN       key exchange and authentication            ACCEPTED, OVER
 *	ACCEPTED    logged in; no SFTP subsystem yet           OPEN, OVER
 *	OPEN        the byte stream is there                   OVER
 *	OVER        nothing more will come from the session    -
 *
 * A client's transport begins in OPEN.
 */
enum transport_state {
	TRANSPORT_NEW,
	TRANSPORT_LOGIN,
	TRANSPORT_ACCEPTED,
	TRANSPORT_OPEN,
	TRANSPORT_OVER
};

enum {
	/* What we hand to libssh at once. It becomes packets of the peer's size, one write(2). */
	TRANSPORT_CHUNK = 256 * 1024,
	/* With more than this queued for a peer that doesn't read, we don't listen to it either. */
	TRANSPORT_OUTPUT_HIGH = 1024 * 1024,
	/*
	 * The receive window. Wide enough for 4 MiB in a round trip from the start; an OpenSSH peer
	 * that keeps sending gets up to 15 MiB: its older versions stumble at 16.
	 */
	TRANSPORT_WINDOW = 4 * 1024 * 1024,
	TRANSPORT_WINDOW_MAX = 15 * 1024 * 1024,
	/* With more than this in the channel it is emptied at once: see channel_is_crowded. */
	TRANSPORT_CROWD = 1024 * 1024,
	/* Packets that a peer may send before it is logged in: a login takes about ten. */
	TRANSPORT_LOGIN_PACKETS = 1000,
	/* Requests that we refuse after the login, before we take them for a flood. */
	TRANSPORT_REFUSALS = 1000
};

/* What became of a request for a command or a shell. */
enum transport_farewell { FAREWELL_NONE, FAREWELL_DUE, FAREWELL_SAID };

struct transport {
	ssh_session session;
	ssh_event event;     /* NULL before the key exchange was begun */
	ssh_channel channel; /* NULL when there is none; the session's */
	struct ssh_channel_callbacks_struct channel_callbacks;
	struct ssh_counter_struct socket_bytes, packets;
	bool is_server;
	enum transport_state state;
	int extra_fd; /* the one that is in event, or -1 */
	bool extra_ready;

	/* Server: authentication. */
	const struct hostkeys *host_keys;
	struct transport_server_limits limits;
	int64_t deadline_us; /* of the login, on time_mono_us's clock; INT64_MAX once logged in */
	ssh_message asked;   /* the AUTH event that awaits its answer, or NULL */
	bool asked_proven;
	struct buf asked_key;
	char asked_algorithm[64];
	bool login_packets_waiting; /* libssh's queue of messages may hold some */
	uint32_t n_refused;
	uint32_t n_refusals; /* of requests after the login */
	enum transport_farewell farewell;

	/* The byte stream. */
	size_t buffered; /* decrypted bytes in the channel */
	struct buf stash;
	uint64_t taken_since_grant; /* bytes read since the window was last opened fully */
	uint64_t taken_total;
	size_t window;
	bool peer_eof, peer_closed;
	bool told_open, told_readable, told_eof;
	bool write_was_short;               /* the caller has more to write than it could */
	bool write_needs_event;             /* ... and only the peer can change that */
	uint64_t mark_packets, mark_socket; /* counters when nothing was queued last */

	/* The end. */
	enum err error;
	struct story story;
	struct transport_facts facts;
};

/* transport.c */
struct transport *transport_new(ssh_session session, bool is_server);
void transport_set_state(struct transport *t, enum transport_state state);

/*
 * It is over, for this reason; the first reason stays. A farewell goes to the peer if it can. Never
 * from inside of a callback of libssh, which wants to find its session as it left it.
 */
void transport_over(struct transport *t, enum err error, const char *format, ...) printf_like(3, 4);

/* Ends the transport if its session has failed or was closed. */
void transport_notice_end(struct transport *t);

/* Notes version and algorithms while the session still has them. */
void transport_note_facts(struct transport *t);

/* transport_stream.c */
enum err transport_watch_channel(struct transport *t, ssh_channel channel) must_check;
enum err transport_watch_session(struct transport *t) must_check;

/* One turn of libssh: waits for at most timeout_ms (-1: for ever). False when time was up. */
bool transport_turn(struct transport *t, int timeout_ms);

/* transport_server.c */
void transport_server_start(struct transport *t);

/* transport_auth.c: answers what can be answered at once, until a login must be asked about. */
void transport_auth_step(struct transport *t);

/* transport_channel.c: from the login on, every request is answered as it comes. */
void transport_serve_requests(struct transport *t);

/* Says why to somebody who asked for a command, and closes the channel. */
void transport_turn_away(struct transport *t);

#endif
