/*
 * The public keys that we deal with, read field by field, and made into keys of libcrypto's. One
 * table says which types there are and how SSH and libcrypto call them. Internal to pki/.
 */
#ifndef PKI_PUBKEY_H
#define PKI_PUBKEY_H

#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/slice.h"

enum {
	PUBKEY_ED25519_LEN = 32,
	PUBKEY_RSA_BITS_MAX = 16384,
	PUBKEY_COORDINATE_MAX = 66,   /* bytes of a number on the largest curve */
	PUBKEY_APPLICATION_MAX = 256, /* "ssh:", or another that its owner chose */
};

enum pubkey_kind { PUBKEY_ED25519, PUBKEY_ECDSA, PUBKEY_RSA };

struct curve {
	const char *ssh;    /* RFC 5656 section 6.1 */
	const char *crypto; /* libcrypto's */
	size_t len;         /* bytes of a coordinate, and of a number below the order */
};

struct pubkey_type {
	const char *name;
	enum pubkey_kind kind;
	const struct curve *curve; /* ECDSA */
	bool is_sk;                /* lives in a FIDO token (PROTOCOL.u2f) */
};

/* NULL for those that we don't take, and for certificates. */
const struct pubkey_type *pubkey_type_find(struct slice name);

/* Borrowed from the blob. */
struct pubkey {
	const struct pubkey_type *type;
	struct slice point;       /* Ed25519: its 32 bytes; ECDSA: 4, x, y */
	struct slice e, n;        /* RSA: positive numbers without leading zeros */
	struct slice application; /* FIDO */
};

/*
 * The fields of a key of this type, that is, of its blob behind the name. ERR_FORMAT,
 * ERR_UNSUPPORTED (too weak or too long), with why.
 */
enum err pubkey_read(struct rd *r, const struct pubkey_type *type, struct pubkey *ret,
    const char **ret_why) must_check;

/* A whole blob; left-over bytes are an error. */
enum err pubkey_parse(struct slice blob, struct pubkey *ret, const char **ret_why) must_check;

/* ERR_FORMAT for what is no key after all, as a point that isn't on its curve. */
enum err pubkey_import(const struct pubkey *key, EVP_PKEY **ret_pkey) must_check;

/* A key from libcrypto's parameters; selection is EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR. */
enum err pubkey_build(
    const char *name, OSSL_PARAM_BLD *params, int selection, EVP_PKEY **ret_pkey) must_check;

/* Appends the blob of a key of libcrypto's. ERR_UNSUPPORTED for a type that we don't take. */
enum err pubkey_export(const EVP_PKEY *pkey, struct buf *b) must_check;

/* A positive number of at most max bytes as RFC 4251 section 5 writes it ("mpint"), without its
 * leading zero. Another way to write the same is a failed read. */
struct slice pubkey_read_mpint(struct rd *r, size_t max);
enum err pubkey_put_mpint(struct buf *b, struct slice number) must_check;

static inline void
pkey_freep(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static inline void
param_bld_freep(OSSL_PARAM_BLD **bld)
{
	OSSL_PARAM_BLD_free(*bld);
}

static inline void
bn_freep(BIGNUM **bn)
{
	BN_clear_free(*bn);
}

#endif
