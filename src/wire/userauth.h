/*
 * The authentication protocol (RFC 4252), server side: methods "publickey" (with certificates and
 * FIDO keys), "password", and "none" to learn which there are. Signatures are checked here; whether
 * a key may log in is asked of the caller, as an event that is answered later.
 *
 * One user name and service per connection: a change of either starts over is refused (section 5
 * permits it). Requests that come while one awaits its answer wait in the link.
 */
#ifndef WIRE_USERAUTH_H
#define WIRE_USERAUTH_H

#include "pki/cert.h"
#include "pki/verify.h"
#include "wire/link.h"

enum wire_method { WIRE_PUBLICKEY = 1 << 0, WIRE_PASSWORD = 1 << 1 };

enum { WIRE_USER_MAX = 256, WIRE_PASSWORD_MAX = 1024, WIRE_USERAUTH_REQUESTS_MAX = 100 };

/* Somebody wants to log in. Slices are borrowed until the request is answered. */
struct wire_auth {
	struct slice user; /* hostile, UTF-8 or not */
	enum wire_method method;
	/* publickey */
	struct slice algorithm;  /* of the signature: "rsa-sha2-256" */
	struct slice key;        /* the plain public key; of a certificate, the one it certifies */
	const struct cert *cert; /* NULL: a plain key */
	bool proven;             /* a good signature was there; else the client only asks */
	bool forged;             /* a signature was there, and not good: the answer is no */
	struct pki_sk sk;        /* what a FIDO key's signature says */
	/* password */
	struct slice password; /* secret; wiped when answered */
};

struct userauth;

/* methods: those that are offered at first (enum wire_method). max_failures: with so many refused
 * tries the line is closed; at least 1. link is borrowed. */
enum err userauth_new(struct userauth **ret_u, struct wire_link *link, uint32_t methods,
    uint32_t max_failures) must_check;
void userauth_free(struct userauth *u);

/*
 * One payload: SERVICE_REQUEST or 50 to 79. *ret_asks: there is an event, in *ret_auth, to be
 * answered before the next payload is fetched. What can be answered at once is. ERR_FORMAT,
 * ERR_LIMIT (too many tries: a DISCONNECT is queued) end the connection.
 */
enum err userauth_input(struct userauth *u, struct slice payload, bool *ret_asks,
    struct wire_auth *ret_auth, struct story *story) must_check;

enum wire_verdict { WIRE_DENY, WIRE_PARTIAL, WIRE_ACCEPT };

/*
 * Accepting what isn't proven says PK_OK, and so does PARTIAL. After PARTIAL only `methods` are
 * left to do (section 5.1: "partial success"). A denial counts as a refused try, but for a mere
 * question's, which counts a quarter: agents offer many keys. What is forged is denied in any case.
 * ERR_LIMIT: that was the last try, and a DISCONNECT is queued.
 */
enum err userauth_answer(
    struct userauth *u, enum wire_verdict verdict, uint32_t methods) must_check;

bool userauth_done(const struct userauth *u);

#endif
