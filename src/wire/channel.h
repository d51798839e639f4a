/*
 * The connection protocol (RFC 4254): one session channel, in it the subsystem "sftp" (a client may
 * ask for something else), and no to everything else. Its payloads come from the link, and its
 * answers go there; what may not be sent now, because keys are being exchanged, waits here in a
 * bounded queue. channel.c is for both sides; channel_requests.c for a server, channel_session.c
 * for a client.
 *
 *	state     what is true                                    next
 *	NONE      no channel was opened yet                       server: IDLE, client: ASKED
 *	ASKED     client: CHANNEL_OPEN is out                     OPEN
 *	IDLE      server: open; nothing runs in it                OPEN, AWAY
 *	OPEN      the byte stream is there (a client doesn't      -
 *	          wait for the answer to its request)
 *	AWAY      a command was asked for and turned away;        -
 *	          what comes in is dropped
 *
 * Beside it, each way once: EOF and CLOSE. The channel's life ends with the connection.
 */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include "base/buf.h"
#include "base/rd.h"
#include "wire/client.h"
#include "wire/link.h"

enum channel_state { CHANNEL_NONE, CHANNEL_ASKED, CHANNEL_IDLE, CHANNEL_OPEN, CHANNEL_AWAY };

enum {
	/* Of one CHANNEL_DATA from us. Peers ask for 32 KiB mostly; what asks for more gets this.
	 */
	CHANNEL_DATA_MAX = 64 * 1024,
	/* A peer that takes less than this at once would make us encrypt headers alone. */
	CHANNEL_PACKET_MIN = 256,
	CHANNEL_QUEUE_MAX = 64 * 1024, /* of answers that wait for a key exchange's end */
	/* Of one CHANNEL_DATA to a client: fewer packets are cheaper, and a peer that can't make
	 * such large ones makes smaller ones. */
	CHANNEL_CLIENT_PACKET = 64 * 1024,
	/* A client opens its window again after so much at the latest. */
	CHANNEL_STEP_MAX = 1024 * 1024
};

/* What only a client has. */
struct channel_session {
	char subsystem[WIRE_TEXT_MAX], command[WIRE_TEXT_MAX]; /* one of them */
	bool answered;                                         /* the request for it */
	enum wire_end end; /* when input has failed with ERR_ACCESS */
	struct wire_exit exit;
	struct buf last_words;
	int64_t asked_at_us; /* CHANNEL_OPEN, or a keep-alive that awaits its answer; 0: none */
	int64_t round_trip_us;
};

struct channel {
	struct wire_link *link; /* borrowed */
	enum wire_role role;
	enum channel_state state;
	uint32_t peer_id;     /* the peer's number for it; ours is 0 */
	uint32_t peer_window; /* bytes that we may send */
	uint32_t peer_packet; /* ... in one message */
	uint32_t our_window;  /* bytes that the peer may send */
	uint32_t consumed;    /* bytes taken since our_window was last opened */
	uint32_t window;      /* what is to be under way: our_window, and what isn't consumed */
	uint32_t granted;     /* ... and what may be, by what we have said */
	uint32_t step;        /* so much is consumed before our_window is opened again */
	bool peer_eof, peer_closed, sent_close;
	uint32_t n_refused;

	/*
	 * Bytes of the stream, in the order in which they came: the stash, then data, which lies in
	 * the link until it is given more input. Together they never pass what was granted.
	 */
	struct buf stash;
	struct slice data;

	struct buf queue; /* each answer with its length before it */
	struct channel_session session;
};

void channel_init(struct channel *c, struct wire_link *link, enum wire_role role);
void channel_fini(struct channel *c);

/* At any time; see wire_client_set_window. */
void channel_set_window(struct channel *c, size_t bytes);

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

/* EOF and CLOSE, of a server after this exit status; unless it was done. */
enum err channel_close(struct channel *c, uint32_t exit_status) must_check;

/* Of a client: asks for the channel, and keeps the line alive. */
enum err channel_ask(struct channel *c) must_check;
enum err channel_keep_alive(struct channel *c) must_check;

/* One payload of a request or an opening: of channel_requests.c (a server's; a client's, too, which
 * is refused everything by channel_on_global and channel_refuse_open) ... */
typedef enum err channel_input_fn(struct channel *c, struct slice payload, struct story *story);
channel_input_fn channel_on_global, channel_on_open, channel_on_request, channel_refuse_open;

/* ... and of channel_session.c. */
channel_input_fn channel_on_global_answer, channel_on_confirmation, channel_on_open_failure,
    channel_on_report;
enum err channel_on_success(struct channel *c, struct rd *r, struct story *story) must_check;
enum err channel_on_failure(struct channel *c, struct rd *r, struct story *story) must_check;
enum err channel_keep_words(struct channel *c, struct slice words) must_check;

/* A request that isn't ours to grant: CHANNEL_FAILURE, and how many of them there may be. */
enum err channel_refuse_request(
    struct channel *c, struct slice name, bool want_reply, struct story *story) must_check;

/* Of channel.c, for the others: sends an answer now or after the key exchange. */
enum err channel_answer(struct channel *c, const struct buf *payload) must_check;

#endif
