/*
 * A list of what is revoked, in the words of ssh-keygen(1) "KEY REVOCATION LISTS": a public key per
 * line, or "key:", "serial: N[-M]", "id: text", "sha256: hash". Serial numbers and ids are those of
 * certificates, of whichever authority is trusted.
 */
#ifndef PKI_REVOKED_H
#define PKI_REVOKED_H

#include "base/err.h"
#include "base/slice.h"
#include "pki/cert.h"

enum { REVOKED_FILE_MAX = 4 * 1024 * 1024 };

struct revoked;

/*
 * ERR_FORMAT with line and reason in the story: a list that can't be understood as a whole must let
 * nobody in. A binary KRL is ERR_UNSUPPORTED, and the story says so.
 */
enum err revoked_parse(struct revoked **ret_r, struct slice file, struct story *story) must_check;
void revoked_free(struct revoked *r);

/* Is the key (its blob) revoked: itself, or by its fingerprint? */
bool revoked_key(const struct revoked *r, struct slice key);
/* By its serial or id (0 serials are never matched). */
bool revoked_cert(const struct revoked *r, uint64_t serial, struct slice key_id);

#endif
