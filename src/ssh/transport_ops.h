/*
 * The inside of a transport: one connection's socket and what is told of it (transport.c,
 * transport_line.c), and an engine behind them that knows the protocol and does no I/O: a server's
 * (transport_server.c), a client's (transport_client.c), or none at all (transport_plain.c). Each
 * is a struct that begins with struct transport.
 */
#ifndef SSH_TRANSPORT_OPS_H
#define SSH_TRANSPORT_OPS_H

#include "base/buf.h"
#include "ssh/transport.h"
#include "wire/stream.h"

/* What an engine does. Those that may be NULL say so; the first groups are wire/server.h's. */
struct transport_engine {
	/* The line. */
	uint8_t *(*space)(struct transport *t, size_t *ret_len);
	void (*filled)(struct transport *t, size_t len);
	void (*eof)(struct transport *t, const char *why);
	struct buf *(*output)(const struct transport *t);
	bool (*wants_input)(const struct transport *t);
	void (*hear_out)(struct transport *t);

	/* The next event, which the engine keeps, until it is told. */
	enum wire_event_type (*look)(struct transport *t);
	/* What there is to say about it besides its type; that and "" as the story are set. */
	void (*tell)(struct transport *t, struct transport_event *ret_event);
	/* Of a server alone; NULL on a client. */
	enum err (*auth_answer)(
	    struct transport *t, enum transport_auth_answer answer, uint32_t methods);

	/* The stream. */
	struct slice (*peek)(struct transport *t);
	void (*consume)(struct transport *t, size_t len);
	enum err (*write)(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len);
	bool (*may_write)(const struct transport *t);

	/* The end. */
	void (*close)(struct transport *t);
	bool (*is_closing)(const struct transport *t);
	bool (*is_closed)(const struct transport *t);
	void (*end)(struct transport *t);
	bool (*is_over)(const struct transport *t);
	void (*trim)(struct transport *t);
	void (*free)(struct transport *t); /* the engine and the struct; the socket is gone */

	/* Time: when tick is to be called at the latest, on time_mono_us's clock, and what is then
	 * to be done. It is called after every wait. NULL: never. */
	int64_t (*due_us)(const struct transport *t);
	void (*tick)(struct transport *t);

	/* NULL: not known. */
	int64_t (*round_trip_us)(const struct transport *t);
	size_t (*window)(const struct transport *t);
};

struct transport {
	const struct transport_engine *engine;
	struct transport_facts facts;
	int fd;
	bool has_sent;             /* something, at least our version */
	bool send_failed;          /* nothing more can be sent */
	bool hung_up;              /* the peer */
	bool peer_hangs_up;        /* after the last word, as it began the line */
	bool has_next;             /* `next` wasn't told yet */
	enum wire_event_type next; /* what the engine keeps */
	bool told_readable;
	bool write_was_short; /* the caller has more to write than was taken */
};

/* Of transport_line.c. */

/* Sends what waits, as far as the socket takes it. */
void transport_push(struct transport *t);

/* One wait for the socket or the other descriptor until then, and what can be moved is moved. */
void transport_turn(struct transport *t, int extra_fd, int64_t until_us, bool *ret_extra);

/* The next event, told by its type alone; the engine keeps the rest. Moves nothing. */
enum wire_event_type transport_take_event(struct transport *t);

/* Milliseconds for poll(2), rounded up, until the earlier of both moments; -1 for never. */
int transport_wait_ms(int64_t until_us, int64_t deadline_us);

#endif
