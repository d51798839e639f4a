/*
 * The client's way through version, key exchange and the sight of the server's host key, over a
 * connected socket, within a deadline. Nothing about the user has been sent when it is through.
 * Internal to ssh/.
 */
#ifndef SSH_HANDSHAKE_H
#define SSH_HANDSHAKE_H

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "base/buf.h"
#include "pki/blob.h"
#include "ssh/transport.h"

struct handshake {
	const char *host;
	uint16_t port;
	int fd;              /* owned until the session is closed */
	int64_t deadline_us; /* on time_mono_us's clock */
	ssh_session session;
	struct ssh_counter_struct socket_bytes;
	struct buf key; /* the host key's blob */
	char fingerprint[BLOB_FINGERPRINT_MAX];
};

/* fd is taken over in every case. */
enum err handshake_init(struct handshake *h, int fd, const char *host, uint16_t port,
    int64_t deadline_us, const char *host_key_algorithms) must_check;

/* Ends it wherever it is, without a goodbye, and closes the socket. */
void handshake_fini(struct handshake *h);

/* TRANSPORT_LOGGED_IN when the host key is there; nobody is logged in yet. */
enum transport_outcome handshake_run(struct handshake *h, struct story *story) must_check;

/*
 * Waits for the socket, as long as there is time. libssh's calls answer "again" and are made again
 * after this. ERR_TIMEOUT.
 */
enum err handshake_wait(struct handshake *h) must_check;

/* UNREACHABLE, with the words for a line that broke or a time that ran out while doing this. */
enum transport_outcome handshake_lost(
    const struct handshake *h, enum err e, const char *doing, struct story *story) must_check;

#endif
