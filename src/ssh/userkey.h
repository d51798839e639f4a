/* Our own key pairs: making them, and showing the public half. */
#ifndef SSH_USERKEY_H
#define SSH_USERKEY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* A new Ed25519 key: the private half in OpenSSH's format, the public half as an authorized_keys
 * line with the comment. The caller wipes ret_private (buf_wipe). */
enum err userkey_generate(
    const char *comment, struct buf *ret_private, struct buf *ret_public) must_check;

/* The public line and the fingerprint ("SHA256:…") of a private key's content. ret_line may be
 * NULL. */
enum err userkey_public(struct slice private_key, const char *comment, struct buf *ret_line,
    char ret_fingerprint[64], struct story *story) must_check;

/* "SHA256:…" of a public key's blob. */
enum err userkey_fingerprint(struct slice key, char ret_fingerprint[64]) must_check;

#endif
