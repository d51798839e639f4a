/*
 * A client of ssh-agent(1), draft-miller-ssh-agent: which keys it has, and signatures with them.
 * Whoever owns the socket answers as it likes: every length has a bound here, and what it calls a
 * signature is only believed as far as the server checks it.
 */
#ifndef SSH_AGENT_H
#define SSH_AGENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	AGENT_MESSAGE_MAX = 256 * 1024,
	AGENT_KEYS_MAX = 64, /* more are not looked at: no server would let that many be tried */
	AGENT_BLOB_MAX = 16 * 1024,
	AGENT_COMMENT_MAX = 1024,
	AGENT_SIGNATURE_MAX = 8 * 1024
};

/* Of SIGN_REQUEST, for RSA keys (section 4.5.1). */
enum { AGENT_RSA_SHA2_256 = 2, AGENT_RSA_SHA2_512 = 4 };

struct agent_key {
	struct slice blob;    /* a plain key's, or a certificate's */
	struct slice comment; /* hostile */
};

struct agent_keys {
	struct agent_key key[AGENT_KEYS_MAX];
	size_t n;
};

/* Messages without their length. The keys borrow from the message. ERR_FORMAT, ERR_LIMIT;
 * ERR_ACCESS: the agent refuses (SSH_AGENT_FAILURE). */
enum err agent_decode_identities(struct slice message, struct agent_keys *ret_keys) must_check;
enum err agent_decode_signature(struct slice message, struct slice *ret_signature) must_check;
enum err agent_encode_sign(
    struct slice blob, struct slice data, uint32_t flags, struct buf *ret_message) must_check;

/* The socket at path, blocking. Caller closes. */
enum err agent_connect(const char *path, int *ret_fd) must_check;

/* reply holds what keys point into. ERR_TIMEOUT after timeout_us. */
enum err agent_list(
    int fd, int64_t timeout_us, struct buf *reply, struct agent_keys *ret_keys) must_check;

/* Appends the signature's blob (RFC 4253 section 6.6). Somebody may have to confirm it, or to touch
 * a token: so timeout_us should be long. */
enum err agent_sign(int fd, int64_t timeout_us, struct slice blob, struct slice data,
    uint32_t flags, struct buf *ret_signature) must_check;

#endif
