/* The server's own host keys, in memory: read before the sandbox closes,
 * shared by forked sessions. */
#ifndef SSH_HOSTKEYS_H
#define SSH_HOSTKEYS_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct hostkeys;
struct pki_key;

enum err hostkeys_new(struct hostkeys **ret_keys) must_check;
void hostkeys_free(struct hostkeys *keys);

/* Adds a private key from its file's content (no passphrase). One of each type; ERR_EXISTS for a
 * second. */
enum err hostkeys_add(
    struct hostkeys *keys, struct slice private_key, struct story *story) must_check;

size_t hostkeys_count(const struct hostkeys *keys);

/* All of them, in the order in which they were added; borrowed, until one more is added. */
const struct pki_key *const *hostkeys_all(const struct hostkeys *keys, size_t *ret_n);

/* "SHA256:…" of the i-th key; borrowed. */
const char *hostkeys_fingerprint(const struct hostkeys *keys, size_t i);

#endif
