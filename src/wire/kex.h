/*
 * The methods of key exchange: a key pair for one exchange, and the secret that it and the peer's
 * public value make. RFC 8731 (X25519), RFC 5656 section 4 (NIST curves), RFC 8268 (fixed groups).
 *
 * Curves first: small messages, constant time, and what every peer of the last ten years has. The
 * groups are fixed ones of 2048 bits and more; no group exchange, which would have the server
 * choose primes that nobody can check.
 */
#ifndef WIRE_KEX_H
#define WIRE_KEX_H

#include "base/buf.h"
#include "wire/library.h"

/* The public value of the largest group, 8192 bits, and its sign. */
enum { KEX_PUBLIC_MAX = 1025, KEX_SECRET_MAX = 4 + KEX_PUBLIC_MAX };

enum kex_family { KEX_X25519, KEX_NIST, KEX_GROUP };

struct kex_method {
	const char *name;
	enum kex_family family;
	const char *group; /* libcrypto's name */
	enum library_digest digest;
	size_t public_len; /* of a public value, without a sign */
};

/* The i-th in our order, NULL past the last. */
const struct kex_method *kex_method_at(size_t i);
/* By its name; NULL for others. */
const struct kex_method *kex_method_find(const char *name);

struct kex_pair;

enum err kex_pair_new(struct kex_pair **ret_pair, const struct kex_method *method) must_check;
const struct kex_method *kex_pair_method(const struct kex_pair *pair);
/* NULL-safe; usable with _cleanup_. */
void kex_pair_freep(struct kex_pair **pair);

/* Appends our public value as a string; of a group, that is an mpint. */
enum err kex_pair_public(const struct kex_pair *pair, struct buf *b) must_check;

/*
 * Appends the shared secret as an mpint. peer is the content of the string that brought the peer's
 * public value, which is checked in full: ERR_FORMAT when it isn't one that the method permits.
 */
enum err kex_pair_secret(const struct kex_pair *pair, struct slice peer, struct buf *b) must_check;

/* One exchange with ourselves. ERR_UNSUPPORTED when the secrets differ. */
enum err kex_try(const struct kex_method *method) must_check;

#endif
