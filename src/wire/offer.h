/*
 * What a client offers: of each kind of algorithm the names that it wants, best first, out of those
 * that we have.
 */
#ifndef WIRE_OFFER_H
#define WIRE_OFFER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum wire_kind {
	WIRE_KIND_KEX,
	WIRE_KIND_HOST_KEY, /* with certificates */
	WIRE_KIND_CIPHER,
	WIRE_KIND_MAC,
	WIRE_KIND_SIGNATURE /* of users' keys, with certificates; not offered but used */
};

/* The i-th name of a kind that we have as a client, best first; NULL past the last. */
const char *wire_name_at(enum wire_kind kind, size_t i);

/* Appends all of them, comma-separated. */
enum err wire_names_put(enum wire_kind kind, struct buf *b) must_check;

enum { WIRE_OFFERED = WIRE_KIND_MAC + 1, WIRE_NAMES_MAX = 24 };

/* Each list ends with NULL; static names. */
struct wire_offer {
	const char *names[WIRE_OFFERED][WIRE_NAMES_MAX + 1];
};

/* Those of ours among the wanted ones of a comma-separated list, once each; all when it is NULL.
 * ERR_UNSUPPORTED: none, told in the story. */
enum err wire_offer_set(
    struct wire_offer *o, enum wire_kind kind, const char *wanted, struct story *story) must_check;

#endif
