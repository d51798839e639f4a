/*
 * Messages as bytes: a uint16 type, then the fields in the table's order. Booleans are one byte, 0
 * or 1; numbers big-endian; STR and BYTES have a uint32 length; an FD has no bytes, it travels
 * beside them. Both sides are the same program, so there are no versions. STR never holds a 0.
 */
#ifndef IPC_CODEC_H
#define IPC_CODEC_H

#include "base/buf.h"
#include "base/err.h"
#include "ipc/messages.h"
#include "os/socket.h"

/* A received message. Slices are borrowed from the received bytes, descriptors are owned. */
struct ipc_message {
	enum ipc_type type;
	union {
#define IPC_MEMBER(NAME, name, sender, states) struct ipc_##name name;
		IPC_MESSAGES(IPC_MEMBER)
#undef IPC_MEMBER
	};
};

/* Closes the descriptors that were not taken. */
void ipc_message_fini(struct ipc_message *m);

/*
 * Appends the message that body points at (struct ipc_<type>) to b, and its descriptors, borrowed,
 * to ret_fds. A field past its bound is a bug of the sender.
 */
enum err ipc_encode(enum ipc_type type, const void *body, struct buf *b,
    int ret_fds[SOCKET_FDS_MAX], size_t *ret_n_fds) must_check;

/*
 * Reads one message; ERR_FORMAT for an unknown type, a field past its bound, missing or left-over
 * bytes, or the wrong number of descriptors. Takes the descriptors over in every case.
 */
enum err ipc_decode(
    struct slice bytes, const int *fds, size_t n_fds, struct ipc_message *ret_m) must_check;

#endif
