/*
 * What is in an SSH_MSG_USERAUTH_REQUEST (RFC 4252 section 5), method by method, and whether its
 * signature is good. Internal to wire/: userauth.c decides what to do about it.
 */
#ifndef WIRE_AUTHREQ_H
#define WIRE_AUTHREQ_H

#include "base/buf.h"
#include "base/rd.h"
#include "wire/userauth.h"

/* A certificate, a signature and the names; nobody's is longer. */
enum { AUTHREQ_MAX = 32 * 1024 };

/* What a refusal costs, in quarters of a try. */
enum { AUTHREQ_QUESTION = 1, AUTHREQ_TRY = 4 };

struct authreq {
	struct buf payload;   /* our copy: may hold a password */
	struct slice session; /* the session's id, borrowed of the link */
	struct slice user, service, method;
	struct slice algorithm, key; /* publickey: as they were sent */
	struct cert *cert;           /* owned; NULL */
	uint32_t cost;
};

void authreq_init(struct authreq *req);

/* Wipes it; it may be used again. */
void authreq_fini(struct authreq *req);

/*
 * Copies the payload and reads what all methods have; *ret_rest is what the method has beside.
 * ERR_FORMAT; ERR_NOMEM also for one that is too long.
 */
enum err authreq_begin(struct authreq *req, struct slice payload, struct slice session,
    struct rd *ret_rest) must_check;

/*
 * The rest of a request. *ret_asks: it is worth asking about, and ret_auth says what is asked;
 * otherwise the answer is no. ERR_FORMAT, ERR_NOMEM.
 */
typedef enum err authreq_read_fn(
    struct authreq *req, struct rd rest, struct wire_auth *ret_auth, bool *ret_asks);

authreq_read_fn authreq_read_none, authreq_read_password, authreq_read_publickey;

#endif
