/*
 * A list of what is revoked, in the words of ssh-keygen(1) "KEY REVOCATION LISTS", a line each:
 *
 *	a public key; key: a public key; sha1: or sha256: a public key
 *	hash: or sha256: its fingerprint, "SHA256:…"
 *	serial: N or N-M
 *	id: text
 *
 * Empty lines and those that begin with # count for nothing. Serial numbers and ids are those of
 * certificates, of whichever authority is trusted.
 */
#ifndef PKI_REVOKED_H
#define PKI_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { REVOKED_FILE_MAX = 4 * 1024 * 1024 };

struct revoked;

/*
 * ERR_FORMAT with line and reason in the story: a list that can't be understood as a whole must let
 * nobody in. A binary KRL is ERR_UNSUPPORTED, and the story says so.
 */
enum err revoked_parse(struct revoked **ret_r, struct slice file, struct story *story) must_check;
void revoked_free(struct revoked *r);

/* Is the key (its plain blob) revoked: itself, or by its fingerprint? To be asked of a
 * certificate's key and of its authority's, too. Without memory to find out: yes. */
bool revoked_key(const struct revoked *r, struct slice key);
/* By its serial or id (serial 0, that of certificates without one, is never matched). */
bool revoked_cert(const struct revoked *r, uint64_t serial, struct slice key_id);

#endif
