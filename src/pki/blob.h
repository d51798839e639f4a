/*
 * Public key blobs (RFC 4253 section 6.6): their text form, their name, and which of them we deal
 * with at all. No secrets here, and no SSH library.
 */
#ifndef PKI_BLOB_H
#define PKI_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* An RSA key of 16384 bits has a blob of 2 KiB; nothing that we accept is longer. */
enum { BLOB_MAX = 4096, BLOB_FINGERPRINT_MAX = 64, BLOB_RSA_BITS_MIN = 2048 };

/* Appends the bytes that the base64 text stands for (RFC 4648 section 4, padded, nothing around
 * it). ERR_FORMAT leaves b as it was. */
enum err blob_from_base64(struct slice text, struct buf *b) must_check;

/* Appends the bytes as base64 text. */
enum err blob_to_base64(struct slice bytes, struct buf *b) must_check;

/* The type's name that a blob starts with, as "ssh-ed25519"; empty when it isn't a blob. */
struct slice blob_type(struct slice blob);

/* "SHA256:…", as ssh-keygen -l shows it. */
enum err blob_fingerprint(struct slice blob, char ret_fingerprint[BLOB_FINGERPRINT_MAX]) must_check;

/*
 * Why we don't deal with this as a plain key, or NULL when we do: Ed25519 and ECDSA on the NIST
 * curves, also from FIDO tokens, and RSA of at least 2048 bits. A certificate is no plain key.
 */
const char *blob_refusal(struct slice blob);

/* The same of a type by its name alone. */
const char *blob_type_refusal(struct slice name);

/* True for any name that stands for a key type in the SSH world, ours or not. */
bool blob_type_known(struct slice name);

#endif
