#include "pki/verify.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include "pki/blob.h"
#include "pki/pubkey.h"

/* Signature algorithms, the keys that make them, and the hash that is signed. */
struct algorithm {
	const char *name;
	const char *key_type;
	const char *digest; /* NULL: Ed25519 has its own inside */
};

static const struct algorithm ALGORITHMS[] = {
    {"ssh-ed25519", "ssh-ed25519", NULL},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "SHA256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "SHA384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "SHA512"},
    {"rsa-sha2-512", "ssh-rsa", "SHA512"},
    {"rsa-sha2-256", "ssh-rsa", "SHA256"},
    {"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", NULL},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "SHA256"},
};

enum { ED25519_SIGNATURE_LEN = 64, SIGNATURE_MAX = 4096 };

static const struct algorithm *
algorithm_find(struct slice name, struct slice key_type)
{
	for (size_t i = 0; i < ARRAY_LEN(ALGORITHMS); i++) {
		if (slice_is(name, ALGORITHMS[i].name) &&
		    slice_is(key_type, ALGORITHMS[i].key_type))
			return &ALGORITHMS[i];
	}
	return NULL;
}

bool
pki_algorithm_fits(struct slice algorithm, struct slice key_type)
{
	return algorithm_find(algorithm, key_type) != NULL;
}

/* libcrypto's verdict on a signature in the form that it knows. */
static enum err
check(EVP_PKEY *pkey, const char *digest, struct slice data, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum err e = ERR_ACCESS;

	if (ctx == NULL)
		return ERR_NOMEM;
	if (EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) == 1 &&
	    EVP_DigestVerify(ctx, signature.ptr, signature.len, data.ptr, data.len) == 1)
		e = ERR_OK;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return e;
}

/* RFC 8709 section 6. */
static enum err
check_ed25519(EVP_PKEY *pkey, const struct pubkey *key, const char *digest, struct slice data,
    struct slice signature)
{
	(void)key;
	if (signature.len != ED25519_SIGNATURE_LEN)
		return ERR_FORMAT;
	return check(pkey, digest, data, signature);
}

/* RFC 5656 section 3.1.2: r and s; libcrypto wants them in DER. */
static enum err
check_ecdsa(EVP_PKEY *pkey, const struct pubkey *key, const char *digest, struct slice data,
    struct slice signature)
{
	struct rd rd = rd_of(signature);
	struct slice r_bytes = pubkey_read_mpint(&rd, key->type->curve->len);
	struct slice s_bytes = pubkey_read_mpint(&rd, key->type->curve->len);
	uint8_t *der = NULL;

	if (rd_done(&rd) != ERR_OK)
		return ERR_FORMAT;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(r_bytes.ptr, (int)r_bytes.len, NULL);
	BIGNUM *s = BN_bin2bn(s_bytes.ptr, (int)s_bytes.len, NULL);
	int len = -1;
	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* they are the signature's now */
		len = i2d_ECDSA_SIG(sig, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	if (len < 0)
		return ERR_NOMEM;
	enum err e = check(pkey, digest, data, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	return e;
}

/* RFC 8332 section 3. Leading zeros may be missing ("without lengths or padding", RFC 4253 section
 * 6.6), but libcrypto wants them. */
static enum err
check_rsa(EVP_PKEY *pkey, const struct pubkey *key, const char *digest, struct slice data,
    struct slice signature)
{
	uint8_t padded[PUBKEY_RSA_BITS_MAX / 8] = {0};

	if (signature.len == 0 || signature.len > key->n.len || key->n.len > sizeof padded)
		return ERR_FORMAT;
	memcpy(padded + key->n.len - signature.len, signature.ptr, signature.len);
	return check(pkey, digest, data, slice_of(padded, key->n.len));
}

/*
 * What a FIDO token signs instead of the data (PROTOCOL.u2f "SSH U2F signatures"): the hash of the
 * application, what the token says, the hash of the data.
 */
static enum err
sk_data(const struct pubkey *key, const struct pki_sk *sk, struct slice data, struct buf *ret)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	const struct slice parts[] = {key->application, data};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (EVP_Digest(parts[i].ptr, parts[i].len, digest, NULL, EVP_sha256(), NULL) != 1)
			return ERR_NOMEM;
		enum err e = buf_put(ret, digest, sizeof digest);
		if (e == ERR_OK && i == 0)
			e = buf_put_u8(ret, sk->flags);
		if (e == ERR_OK && i == 0)
			e = buf_put_u32(ret, sk->counter);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err
check_signature(
    const struct pubkey *key, const char *digest, struct slice data, struct slice signature)
{
	static enum err (*const CHECK[])(
	    EVP_PKEY *, const struct pubkey *, const char *, struct slice, struct slice) = {
	    [PUBKEY_ED25519] = check_ed25519,
	    [PUBKEY_ECDSA] = check_ecdsa,
	    [PUBKEY_RSA] = check_rsa,
	};
	EVP_PKEY *pkey _cleanup_(pkey_freep) = NULL;

	enum err e = pubkey_import(key, &pkey);
	return e == ERR_OK ? CHECK[key->type->kind](pkey, key, digest, data, signature) : e;
}

/* The blob (RFC 4253 section 6.6): the algorithm's name, the signature, and what a FIDO token adds
 * to it. */
static enum err
read_signature(struct slice blob, struct slice algorithm, bool is_sk, struct slice *ret_signature,
    struct pki_sk *ret_sk)
{
	struct rd r = rd_of(blob);
	struct slice name = rd_string(&r, 64);

	*ret_signature = rd_string(&r, SIGNATURE_MAX);
	if (is_sk) {
		ret_sk->is_sk = true;
		ret_sk->flags = rd_u8(&r);
		ret_sk->counter = rd_u32(&r);
	}
	enum err e = rd_done(&r);
	return e == ERR_OK && !slice_equal(name, algorithm) ? ERR_FORMAT : e;
}

enum err
pki_verify(struct slice key_blob, struct slice algorithm, struct slice data, struct slice signature,
    struct pki_sk *ret_sk)
{
	struct buf sk_buf _cleanup_(buf_fini);
	struct pubkey key;
	struct slice bytes;
	const char *why;

	*ret_sk = (struct pki_sk){0};
	buf_init(&sk_buf, 2 * SHA256_DIGEST_LENGTH + 5);
	enum err e = pubkey_parse(key_blob, &key, &why);
	if (e != ERR_OK)
		return e;
	const struct algorithm *a = algorithm_find(algorithm, slice_str(key.type->name));
	if (a == NULL)
		return ERR_UNSUPPORTED;
	e = read_signature(signature, algorithm, key.type->is_sk, &bytes, ret_sk);
	if (e == ERR_OK && key.type->is_sk) {
		e = sk_data(&key, ret_sk, data, &sk_buf);
		data = buf_slice(&sk_buf);
	}
	if (e == ERR_OK)
		e = check_signature(&key, a->digest, data, bytes);
	if (e != ERR_OK)
		*ret_sk = (struct pki_sk){0};
	return e;
}
