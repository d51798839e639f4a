#include "pki/sign.h"

#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "base/bug.h"
#include "pki/blob.h"
#include "pki/keyfile.h"
#include "pki/pubkey.h"
#include "pki/verify.h"

struct pki_key {
	EVP_PKEY *pkey;
	const struct pubkey_type *type;
	struct buf blob;
};

void
pki_key_free(struct pki_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* wipes what is secret in it */
	buf_fini(&key->blob);
	free(key);
}

struct slice
pki_key_blob(const struct pki_key *key)
{
	return buf_slice(&key->blob);
}

const char *
pki_key_algorithm(const struct pki_key *key, size_t i)
{
	static const char *const RSA[] = {"rsa-sha2-512", "rsa-sha2-256"};

	if (key->type->kind == PUBKEY_RSA)
		return i < ARRAY_LEN(RSA) ? RSA[i] : NULL;
	return i == 0 ? key->type->name : NULL;
}

/* The hash that is signed; NULL for Ed25519, which has its own inside. */
static const char *
digest_of(const struct pki_key *key, const char *algorithm)
{
	if (key->type->kind == PUBKEY_RSA)
		return slice_is(slice_str(algorithm), "rsa-sha2-512") ? "SHA512" : "SHA256";
	if (key->type->kind == PUBKEY_ED25519)
		return NULL;
	return key->type->curve->len == 32   ? "SHA256"
	       : key->type->curve->len == 48 ? "SHA384"
					     : "SHA512";
}

/* Appends libcrypto's signature: of RSA and Ed25519 the bytes, of ECDSA their DER. */
static enum err
sign_raw(EVP_PKEY *pkey, const char *digest, struct slice data, struct buf *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t room = (size_t)EVP_PKEY_get_size(pkey), len = room;
	uint8_t *p;
	enum err e = ctx == NULL ? ERR_NOMEM : buf_reserve(ret, room, &p);

	if (e == ERR_OK && (EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) != 1 ||
			       EVP_DigestSign(ctx, p, &len, data.ptr, data.len) != 1))
		e = ERR_FORMAT;
	/* Without memory libcrypto 3.0 says of ECDSA that all is well, with a length of -1. */
	if (e == ERR_OK && len > room)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		buf_commit(ret, len);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return e;
}

static enum err
put_bn(struct buf *b, const BIGNUM *n)
{
	uint8_t bytes[PUBKEY_COORDINATE_MAX];

	BUG_ON(BN_num_bytes(n) > (int)sizeof bytes);
	return pubkey_put_mpint(b, slice_of(bytes, (size_t)BN_bn2bin(n, bytes)));
}

/* RFC 5656 section 3.1.2: r and s, out of their DER. */
static enum err
put_ecdsa(struct buf *b, struct slice der)
{
	const uint8_t *p = der.ptr;
	struct buf pair _cleanup_(buf_fini);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);

	buf_init(&pair, 2 * (PUBKEY_COORDINATE_MAX + 5));
	if (sig == NULL)
		return ERR_NOMEM;
	enum err e = put_bn(&pair, ECDSA_SIG_get0_r(sig));
	if (e == ERR_OK)
		e = put_bn(&pair, ECDSA_SIG_get0_s(sig));
	ECDSA_SIG_free(sig);
	return e == ERR_OK ? buf_put_string(b, buf_slice(&pair)) : e;
}

enum err
pki_sign(
    const struct pki_key *key, const char *algorithm, struct slice data, struct buf *ret_signature)
{
	struct buf raw _cleanup_(buf_fini);
	size_t before = buf_len(ret_signature);

	BUG_ON(!pki_algorithm_fits(slice_str(algorithm), slice_str(key->type->name)));
	buf_init(&raw, PKI_SIGNATURE_MAX);
	enum err e = sign_raw(key->pkey, digest_of(key, algorithm), data, &raw);
	if (e == ERR_OK)
		e = buf_put_string(ret_signature, slice_str(algorithm));
	if (e == ERR_OK && key->type->kind == PUBKEY_ECDSA)
		e = put_ecdsa(ret_signature, buf_slice(&raw));
	else if (e == ERR_OK)
		e = buf_put_string(ret_signature, buf_slice(&raw));
	if (e != ERR_OK)
		buf_unput(ret_signature, buf_len(ret_signature) - before);
	return e;
}

/* A key whose halves don't belong together would fail at every client: it fails here first. */
static enum err
try_key(const struct pki_key *key)
{
	static const char PROBE[] = "signed to see that it can be";
	struct buf signature _cleanup_(buf_fini);
	struct pki_sk sk;
	const char *algorithm = pki_key_algorithm(key, 0);
	struct slice data = slice_of(PROBE, sizeof PROBE);

	buf_init(&signature, PKI_SIGNATURE_MAX);
	enum err e = pki_sign(key, algorithm, data, &signature);
	if (e != ERR_OK)
		return e;
	return pki_verify(
	    pki_key_blob(key), slice_str(algorithm), data, buf_slice(&signature), &sk);
}

/* The same rules as for everybody else's keys. */
static enum err
check_key(struct pki_key *key, const char *name, struct story *story)
{
	enum err e = pubkey_export(key->pkey, &key->blob);
	const char *why =
	    e == ERR_OK ? blob_refusal(buf_slice(&key->blob)) : "its type is not one of ours";

	if (e == ERR_NOMEM)
		return story_fail(story, e, "no memory for %s", name);
	if (why != NULL)
		return story_fail(story, ERR_UNSUPPORTED, "%s can't be used: %s", name, why);
	key->type = pubkey_type_find(blob_type(buf_slice(&key->blob)));
	e = try_key(key);
	if (e == ERR_NOMEM)
		return story_fail(story, e, "no memory for %s", name);
	return e == ERR_OK
		   ? ERR_OK
		   : story_fail(story, ERR_FORMAT,
			 "%s is damaged: what it signs, its public half does not verify", name);
}

enum err
pki_key_parse(struct slice content, const char *name, struct pki_key **ret_key, struct story *story)
{
	struct pki_key *key = calloc(1, sizeof *key);

	if (key == NULL)
		return story_fail(story, ERR_NOMEM, "no memory for %s", name);
	buf_init(&key->blob, BLOB_MAX);
	enum err e = keyfile_parse(content, name, &key->pkey, story);
	if (e == ERR_OK)
		e = check_key(key, name, story);
	if (e != ERR_OK) {
		pki_key_free(key);
		return e;
	}
	*ret_key = key;
	return ERR_OK;
}
