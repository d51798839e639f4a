/* A FIDO token for the tests, made of libcrypto by PROTOCOL.u2f: there is no hardware here. */
#ifndef TESTS_PKI_TOKEN_H
#define TESTS_PKI_TOKEN_H

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/buf.h"

struct token {
	EVP_PKEY *pkey;
	bool is_ec;
	const char *application;
	const char *type;
	struct buf blob; /* the public key */
};

static inline void
token_init(struct token *t, bool is_ec, const char *application)
{
	uint8_t point[65];
	size_t len = sizeof point;
	bool ok;

	*t = (struct token){.is_ec = is_ec, .application = application};
	t->type = is_ec ? "sk-ecdsa-sha2-nistp256@openssh.com" : "sk-ssh-ed25519@openssh.com";
	t->pkey = is_ec ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
			: EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	buf_init(&t->blob, 1024);
	ok = t->pkey != NULL && buf_put_string(&t->blob, slice_str(t->type)) == ERR_OK;
	if (ok && is_ec)
		ok = EVP_PKEY_get_octet_string_param(
			 t->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) == 1 &&
		     buf_put_string(&t->blob, slice_str("nistp256")) == ERR_OK;
	else if (ok)
		ok = EVP_PKEY_get_raw_public_key(t->pkey, point, &len) == 1;
	ok = ok && buf_put_string(&t->blob, slice_of(point, len)) == ERR_OK &&
	     buf_put_string(&t->blob, slice_str(application)) == ERR_OK;
	if (!ok)
		abort();
}

static inline void
token_fini(struct token *t)
{
	EVP_PKEY_free(t->pkey);
	buf_fini(&t->blob);
}

static inline bool
token_put_bn(struct buf *b, const BIGNUM *n)
{
	uint8_t bytes[33] = {0};
	size_t len = (size_t)BN_num_bytes(n);

	(void)BN_bn2bin(n, bytes + 1);
	size_t pad = (bytes[1] & 0x80) != 0 ? 1 : 0;
	return buf_put_string(b, slice_of(bytes + 1 - pad, len + pad)) == ERR_OK;
}

/* Appends the signature's blob: as if the token had seen these flags and this counter. */
static inline void
token_sign(
    const struct token *t, uint8_t flags, uint32_t counter, struct slice data, struct buf *ret)
{
	uint8_t signed_data[69], raw[80];
	size_t len = sizeof raw;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf pair _cleanup_(buf_fini);
	bool ok;

	(void)SHA256((const uint8_t *)t->application, strlen(t->application), signed_data);
	signed_data[32] = flags;
	be32_store(signed_data + 33, counter);
	(void)SHA256(data.ptr, data.len, signed_data + 37);
	ok = EVP_DigestSignInit_ex(
		 ctx, NULL, t->is_ec ? "SHA256" : NULL, NULL, NULL, t->pkey, NULL) == 1 &&
	     EVP_DigestSign(ctx, raw, &len, signed_data, sizeof signed_data) == 1 &&
	     buf_put_string(ret, slice_str(t->type)) == ERR_OK;
	buf_init(&pair, 100);
	if (ok && t->is_ec) {
		const uint8_t *p = raw;
		ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
		ok = sig != NULL && token_put_bn(&pair, ECDSA_SIG_get0_r(sig)) &&
		     token_put_bn(&pair, ECDSA_SIG_get0_s(sig));
		ECDSA_SIG_free(sig);
	} else if (ok) {
		ok = buf_put(&pair, raw, len) == ERR_OK;
	}
	ok = ok && buf_put_string(ret, buf_slice(&pair)) == ERR_OK &&
	     buf_put_u8(ret, flags) == ERR_OK && buf_put_u32(ret, counter) == ERR_OK;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		abort();
}

#endif
