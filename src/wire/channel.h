/*
 * The connection protocol (RFC 4254), server side: one session channel, in it the subsystem "sftp",
 * and no to everything else. Its payloads come from the link, and its answers go there; what may
 * not be sent now, because keys are being exchanged, waits here in a bounded queue.
 *
 *	state     what is true                                    next
 *	NONE      no channel was opened yet                       IDLE
 *	IDLE      open; nothing runs in it                        OPEN, AWAY
 *	OPEN      the byte stream is there                        -
 *	AWAY      a command was asked for and turned away;        -
 *	          what comes in is dropped
 *
 * Beside it, each way once: EOF and CLOSE. The channel's life ends with the connection.
 */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include "base/buf.h"
#include "wire/link.h"

enum channel_state { CHANNEL_NONE, CHANNEL_IDLE, CHANNEL_OPEN, CHANNEL_AWAY };

enum {
	/* Of one CHANNEL_DATA from us. Peers ask for 32 KiB mostly; what asks for more gets this.
	 */
	CHANNEL_DATA_MAX = 64 * 1024,
	/* A peer that takes less than this at once would make us encrypt headers alone. */
	CHANNEL_PACKET_MIN = 256,
	CHANNEL_QUEUE_MAX = 64 * 1024 /* of answers that wait for a key exchange's end */
};

struct channel {
	struct wire_link *link; /* borrowed */
	enum channel_state state;
	uint32_t peer_id;     /* the peer's number for it; ours is 0 */
	uint32_t peer_window; /* bytes that we may send */
	uint32_t peer_packet; /* ... in one message */
	uint32_t our_window;  /* bytes that the peer may send */
	uint32_t consumed;    /* bytes taken since our_window was last opened */
	bool peer_eof, peer_closed, sent_close;
	uint32_t n_refused;

	/*
	 * Bytes of the stream, in the order in which they came: the stash, then data, which lies in
	 * the link until it is given more input. Together they never pass WIRE_WINDOW.
	 */
	struct buf stash;
	struct slice data;

	struct buf queue; /* each answer with its length before it */
};

void channel_init(struct channel *c, struct wire_link *link);
void channel_fini(struct channel *c);

/*
 * One payload, of the numbers 80 to 127. A CHANNEL_DATA is borrowed: channel_peek has it until the
 * link's next input. ERR_UNSUPPORTED: a number that isn't ours, nothing was done. Everything else
 * but ERR_OK ends the connection, and the story says why: ERR_FORMAT, ERR_LIMIT, ERR_NOMEM.
 */
enum err channel_input(struct channel *c, struct slice payload, struct story *story) must_check;

/* Sends what waited for the link to open: answers, and the window's opening. */
enum err channel_flush(struct channel *c) must_check;

/* Bytes of the stream that are there; borrowed until the next call. */
struct slice channel_peek(const struct channel *c);
void channel_consume(struct channel *c, size_t len);

/* Copies what is borrowed from the link: it is about to be given input. */
enum err channel_stash(struct channel *c) must_check;

/*
 * Can nothing be sent until the peer has spoken? Then its word has to be looked for behind bytes
 * that nobody takes, perhaps because nothing can be sent.
 */
bool channel_is_stalled(const struct channel *c);

/* May bytes of the stream be sent at all, now or later? */
bool channel_is_writable(const struct channel *c);

/* Sends up to len bytes: as much as the peer's window, the link and `room` allow. */
enum err channel_write(
    struct channel *c, const uint8_t *bytes, size_t len, size_t room, size_t *ret_len) must_check;

/* This exit status, EOF and CLOSE, unless it was done. */
enum err channel_close(struct channel *c, uint32_t exit_status) must_check;

/* Of channel_requests.c: one payload of a request or an opening. */
enum err channel_on_global(struct channel *c, struct slice payload, struct story *story) must_check;
enum err channel_on_open(struct channel *c, struct slice payload, struct story *story) must_check;
enum err channel_on_request(
    struct channel *c, struct slice payload, struct story *story) must_check;

/* Of channel.c, for channel_requests.c: sends an answer now or after the key exchange. */
enum err channel_answer(struct channel *c, const struct buf *payload) must_check;

#endif
