/*
 * One end of the line between core and another role: sends and receives whole messages, and lets
 * through only what the table permits for this peer in this state.
 */
#ifndef IPC_LINK_H
#define IPC_LINK_H

#include <sys/queue.h>

#include "ipc/codec.h"

/* What may wait for a peer that reads slowly, before it is given up. */
enum { IPC_QUEUE_MAX = 4 * 1024 * 1024 };

struct ipc_parcel;
TAILQ_HEAD(ipc_parcels, ipc_parcel);

struct ipc_link {
	int fd;                   /* owned */
	enum ipc_role peer;       /* who must be the sender of what we receive */
	enum ipc_state state;     /* set by the owner as the conversation goes on */
	struct ipc_parcels queue; /* encoded messages that the socket did not take yet */
	size_t queued_bytes;
	uint8_t *rx; /* IPC_MAX_PACKET bytes, where received slices lie */
	size_t rx_len;
};

/* Takes fd over. May be blocking (roles) or non-blocking (core). */
enum err ipc_link_init(struct ipc_link *link, int fd, enum ipc_role peer) must_check;

/* Closes the line and drops what waits. Safe on a zeroed struct whose fd is -1. */
void ipc_link_fini(struct ipc_link *link);

/*
 * Sends the message that body points at (struct ipc_<type>); descriptors in it stay the caller's.
 * On a full non-blocking socket it waits in the queue, for ipc_link_flush. ERR_LIMIT when the queue
 * is full, ERR_CLOSED when the peer is gone: the caller gives the link up.
 */
enum err ipc_send(struct ipc_link *link, enum ipc_type type, const void *body) must_check;

/* Sends what waits, as far as the socket takes it. */
enum err ipc_link_flush(struct ipc_link *link) must_check;

bool ipc_link_wants_write(const struct ipc_link *link);

/*
 * The next message. ERR_AGAIN when there is none yet, ERR_CLOSED at the end, ERR_FORMAT for one
 * that is malformed, from the wrong sender or illegal in this state: a bug of the peer, which must
 * be ended. Slices in it are valid until the next receive on this link; caller ends it with
 * ipc_message_fini.
 */
enum err ipc_recv(struct ipc_link *link, struct ipc_message *ret_m) must_check;

/* Overwrites the message that was received last: it held a secret. Its slices are no more. */
void ipc_link_wipe(struct ipc_link *link);

/* What a role does with one type of message. */
struct ipc_handler {
	enum ipc_type type;
	enum err (*handle)(void *ctx, struct ipc_message *m);
};

/* Runs the handler of m's type, then ends m; ERR_FORMAT when the table has none. */
enum err ipc_dispatch(const struct ipc_handler *handlers, size_t n_handlers, void *ctx,
    struct ipc_message *m) must_check;

#endif
