/*
 * Private keys that sign for us: the server's host keys. OpenSSH's own file format
 * (PROTOCOL.key, without a passphrase) and PEM, by way of libcrypto.
 */
#ifndef PKI_SIGN_H
#define PKI_SIGN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* A key file is a few KiB; what is longer is something else. */
enum { PKI_KEY_FILE_MAX = 64 * 1024, PKI_SIGNATURE_MAX = 4096 };

struct pki_key;

/*
 * Ed25519, ECDSA on the NIST curves, RSA of at least BLOB_RSA_BITS_MIN. ERR_FORMAT,
 * ERR_UNSUPPORTED (a passphrase, another type) with the reason in the story, which calls the key by
 * the name given.
 */
enum err pki_key_parse(struct slice content, const char *name, struct pki_key **ret_key,
    struct story *story) must_check;

/* Wipes it. NULL-safe. */
void pki_key_free(struct pki_key *key);

/* Its public half as a blob (RFC 4253 section 6.6); borrowed. */
struct slice pki_key_blob(const struct pki_key *key);

/* The i-th signature algorithm that the key can make ("rsa-sha2-512", "rsa-sha2-256" for RSA), NULL
 * past the last. */
const char *pki_key_algorithm(const struct pki_key *key, size_t i);

/* Appends the signature's blob (RFC 4253 section 6.6: name, then signature). The algorithm is one
 * of pki_key_algorithm; BUG else. */
enum err pki_sign(const struct pki_key *key, const char *algorithm, struct slice data,
    struct buf *ret_signature) must_check;

#endif
