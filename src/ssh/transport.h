/*
 * An SSH connection that carries SFTP, as the rest of the program sees it: authentication as events
 * that are answered later, then one byte stream, and facts about the connection. The protocol is in
 * wire/; here it has a socket.
 *
 * One connection per process. The socket is given over at creation.
 */
#ifndef SSH_TRANSPORT_H
#define SSH_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "pki/cert.h"
#include "pki/verify.h"
#include "ssh/hostkeys.h"

struct transport;

enum { TRANSPORT_FINGERPRINT_MAX = 64, TRANSPORT_TEXT_MAX = 256 };

struct transport_facts {
	char peer_version[TRANSPORT_TEXT_MAX];       /* as "SSH-2.0-OpenSSH_9.2", escaped */
	char algorithms[TRANSPORT_TEXT_MAX];         /* "kex cipher mac hostkey", for the log */
	char fingerprint[TRANSPORT_FINGERPRINT_MAX]; /* client side: of the host key, "SHA256:…" */
};

/* Server side. */

/* Ways to log in, as bits. */
enum transport_method { TRANSPORT_PUBLICKEY = 1 << 0, TRANSPORT_PASSWORD = 1 << 1 };

struct transport_server_limits {
	int64_t login_grace_us; /* from creation to a successful login; then ERR_TIMEOUT */
	uint32_t auth_attempts; /* refused tries before the line is closed */
	uint32_t methods;       /* enum transport_method: what is offered at first */
};

/*
 * host_keys is borrowed for the life of the transport. The descriptor is taken over in every case.
 * Does no I/O yet: our version goes out with the first wait.
 */
enum err transport_server_new(struct transport **ret_t, int fd, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits) must_check;

/*
 * The same in two steps, for who waits for a connection: all that can be done without one, and then
 * the descriptor, taken over, and the time that is left for the login from now on. Between them the
 * transport can only be freed.
 */
enum err transport_server_prepare(struct transport **ret_t, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits) must_check;
void transport_server_connect(struct transport *t, int fd, int64_t login_grace_us);

enum transport_event_type {
	TRANSPORT_NOTHING,  /* no event now: wait */
	TRANSPORT_AUTH,     /* somebody wants to log in: answer with transport_auth_answer */
	TRANSPORT_OPENED,   /* the SFTP subsystem was asked for: the byte stream begins */
	TRANSPORT_READABLE, /* there are bytes to read */
	TRANSPORT_PEER_EOF, /* the peer will send no more */
	TRANSPORT_CLOSED    /* over; the story tells why */
};

/* Slices are borrowed until the next call. */
struct transport_event {
	enum transport_event_type type;
	struct slice user; /* AUTH: the account's name, as sent: hostile */
	enum transport_method method;
	/* AUTH by public key */
	struct slice algorithm; /* of the signature, as "ssh-ed25519", "rsa-sha2-256" */
	struct slice key;       /* the plain public key's blob (RFC 4253 section 6.6) */
	const struct cert
	    *cert;        /* the certificate that it came in, its CA's signature checked; NULL */
	bool proven;      /* the signature was checked; else the client only asks */
	bool forged;      /* the signature was bad: to be told of, and denied */
	struct pki_sk sk; /* what a FIDO key's signature says */
	/* AUTH by password; secret */
	struct slice password;
	const char *story; /* CLOSED: for people; "" for an orderly end */
	enum err error;    /* CLOSED: ERR_OK, ERR_CLOSED, ERR_TIMEOUT, ERR_FORMAT, ERR_LIMIT, … */
};

/* The next event, without waiting. */
void transport_next_event(struct transport *t, struct transport_event *ret_event);

/* PARTIAL: right so far, and `methods` are still to be done (RFC 4252 section 5.1). */
enum transport_auth_answer { TRANSPORT_AUTH_DENY, TRANSPORT_AUTH_PARTIAL, TRANSPORT_AUTH_ACCEPT };

/*
 * Answers the last AUTH event. Accepting one that isn't proven says "this key would do". ERR_CLOSED
 * when the connection ended meanwhile; CLOSED tells why. A denial counts as a refused try. methods:
 * after PARTIAL, what is left to do.
 */
enum err transport_auth_answer(
    struct transport *t, enum transport_auth_answer answer, uint32_t methods) must_check;

/*
 * The bytes of the stream that are there, where they were decrypted; borrowed until the
 * next call, empty when none are. transport_consume says how many of them were taken. Instead of
 * transport_read, and without its copy.
 */
struct slice transport_peek(struct transport *t);
void transport_consume(struct transport *t, size_t len);

/* Gives memory back that only much traffic needs. For a caller that has been idle for a
 * while. */
void transport_trim(struct transport *t);

/* Client side. */

struct transport_client_config {
	const char *host; /* as the operator calls it: for known_hosts and messages */
	uint16_t port;
	const char *user;
	struct slice known_hosts; /* the file's content; no other is read */
	struct slice private_key; /* the file's content (OpenSSH or PEM); no agent, no other key */
	int64_t timeout_us;       /* for the whole handshake and login */
};

/* Told apart, because people must do different things about them. */
enum transport_outcome {
	TRANSPORT_LOGGED_IN,
	TRANSPORT_UNREACHABLE, /* the line broke or timed out */
	TRANSPORT_NO_ALGORITHM,
	TRANSPORT_HOST_KEY_UNKNOWN,
	TRANSPORT_HOST_KEY_CHANGED, /* or revoked */
	TRANSPORT_USER_KEY_REFUSED,
	TRANSPORT_BAD_PRIVATE_KEY,
	TRANSPORT_NO_SFTP,
	TRANSPORT_LOCAL_FAILURE
};

/*
 * Over a connected socket (taken over in every case): key exchange, the host key against
 * known_hosts before anything of ours is sent, login with the private key, the SFTP subsystem.
 * Blocks for at most timeout_us. facts->fingerprint is set whenever a host key was seen. *ret_t
 * only when logged in.
 */
enum transport_outcome transport_client_login(struct transport **ret_t, int fd,
    const struct transport_client_config *config, struct transport_facts *ret_facts,
    struct story *story) must_check;

/*
 * The host keys that a server shows, one connection for each type of key that we know. connect
 * gives a fresh connected socket for each. Each key is told to found: type, blob, fingerprint.
 */
typedef enum err transport_connect_fn(void *ctx, int *ret_fd, struct story *story);
typedef void transport_found_fn(
    void *ctx, const char *type, struct slice key, const char *fingerprint);
enum err transport_scan_host_keys(const char *host, uint16_t port, int64_t timeout_us,
    transport_connect_fn *connect, transport_found_fn *found, void *ctx,
    struct story *story) must_check;

/*
 * No SSH at all: the byte stream is the descriptor itself (a socket pair to an SFTP server that the
 * caller started). Taken over in every case.
 */
enum err transport_plain_new(struct transport **ret_t, int fd) must_check;

/* Both sides, once the byte stream is open. */

/*
 * Waits until there may be an event, or extra_fd (-1 for none) is readable, or the time is up (-1:
 * no limit); sends what is queued meanwhile. *ret_extra tells whether extra_fd is readable.
 *
 * Also returns, once, when there is room again after a transport_write that took less than it was
 * given. Bytes that were told of (READABLE) and of which nothing was read since don't end the wait:
 * a caller without room for them waits for something else, and reads when it has room, or asks
 * transport_next_event again. While an AUTH event awaits its answer nothing is read from the peer;
 * nor, on a server, while bytes are left, unless nothing can be sent before the peer has spoken.
 */
enum err transport_wait(
    struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra) must_check;

/*
 * Up to len bytes that are there already; *ret_len 0 when none are. The peer's window opens again
 * as they are read, so a caller that doesn't read holds the peer back. Large buffers (256 KiB) pay.
 */
enum err transport_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len) must_check;

/*
 * Takes up to len bytes for sending: as many as the peer's window and our own bound on what waits
 * in memory allow; *ret_len may be 0: wait and try again.
 */
enum err transport_write(
    struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len) must_check;

/*
 * The same as transport_wait for several at once, for who has several connections. *ret_extra as
 * there; which of them have something to tell is learnt by asking each.
 */
enum err transport_wait_many(struct transport *const *ts, size_t n, int extra_fd,
    int64_t timeout_us, bool *ret_extra) must_check;
enum { TRANSPORT_WAIT_MAX = 32 };

/*
 * Client: the round trip of the line as the login measured it (the least of what was seen), and how
 * many bytes the peer may have under way to us: 4 MiB or what fills a fast line of that length,
 * whichever is more, capped for the peer's software (WINDOWS and its reasons in
 * transport_client.c). 0 where it isn't known.
 */
int64_t transport_round_trip_us(const struct transport *t);
size_t transport_window(const struct transport *t);

/* Everything that was taken for sending has left for the socket. */
bool transport_flushed(const struct transport *t);

void transport_facts(const struct transport *t, struct transport_facts *ret_facts);

/* Server: exit-status 0, EOF and CLOSE on the channel, then disconnect; waits for at most
 * timeout_us. */
void transport_close(struct transport *t, int64_t timeout_us);

/* Ends it in whatever state it is; closes the socket. NULL-safe. */
void transport_free(struct transport *t);

/* Once per process, before anything else here: the libraries' own start, while files may still be
 * opened. */
enum err transport_library_init(void) must_check;

/* The same for a client that is never confined, and sooner done: what is needed is loaded then. */
enum err transport_library_load(void) must_check;

#endif
