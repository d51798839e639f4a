#include "wire/kex.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/bug.h"
#include "wire/mpint.h"

static const struct kex_method METHODS[] = {
    {"curve25519-sha256", KEX_X25519, "X25519", LIBRARY_SHA256, 32},
    {"curve25519-sha256@libssh.org", KEX_X25519, "X25519", LIBRARY_SHA256, 32},
    {"ecdh-sha2-nistp256", KEX_NIST, "P-256", LIBRARY_SHA256, 1 + 2 * 32},
    {"ecdh-sha2-nistp384", KEX_NIST, "P-384", LIBRARY_SHA384, 1 + 2 * 48},
    {"ecdh-sha2-nistp521", KEX_NIST, "P-521", LIBRARY_SHA512, 1 + 2 * 66},
    {"diffie-hellman-group16-sha512", KEX_GROUP, "modp_4096", LIBRARY_SHA512, 512},
    {"diffie-hellman-group18-sha512", KEX_GROUP, "modp_8192", LIBRARY_SHA512, 1024},
    {"diffie-hellman-group14-sha256", KEX_GROUP, "modp_2048", LIBRARY_SHA256, 256},
};

struct kex_pair {
	const struct kex_method *method;
	EVP_PKEY *key;
};

const struct kex_method *
kex_method_at(size_t i)
{
	return i < ARRAY_LEN(METHODS) ? &METHODS[i] : NULL;
}

const struct kex_method *
kex_method_find(const char *name)
{
	for (size_t i = 0; kex_method_at(i) != NULL; i++) {
		if (strcmp(kex_method_at(i)->name, name) == 0)
			return kex_method_at(i);
	}
	return NULL;
}

/* What libcrypto noted of a failure is of no use here, and must not be taken for another's. */
static enum err
library_fail(enum err e)
{
	ERR_clear_error();
	return e;
}

static EVP_PKEY *
group_keygen(const char *group)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	char name[16];
	EVP_PKEY *key = NULL;

	(void)snprintf(name, sizeof name, "%s", group);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
	    OSSL_PARAM_construct_end(),
	};
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_params(ctx, params) != 1 || EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

enum err
kex_pair_new(struct kex_pair **ret_pair, const struct kex_method *method)
{
	struct kex_pair *pair = calloc(1, sizeof *pair);

	if (pair == NULL)
		return ERR_NOMEM;
	pair->method = method;
	if (method->family == KEX_X25519)
		pair->key = EVP_PKEY_Q_keygen(NULL, NULL, method->group);
	else if (method->family == KEX_NIST)
		pair->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", method->group);
	else
		pair->key = group_keygen(method->group);
	if (pair->key == NULL) {
		kex_pair_freep(&pair);
		return library_fail(ERR_UNSUPPORTED);
	}
	*ret_pair = pair;
	return ERR_OK;
}

void
kex_pair_freep(struct kex_pair **pair)
{
	if (*pair == NULL)
		return;
	EVP_PKEY_free((*pair)->key); /* wipes */
	free(*pair);
	*pair = NULL;
}

const struct kex_method *
kex_pair_method(const struct kex_pair *pair)
{
	return pair->method;
}

enum err
kex_pair_public(const struct kex_pair *pair, struct buf *b)
{
	uint8_t *value = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(pair->key, &value);

	if (len != pair->method->public_len) {
		OPENSSL_free(value);
		return library_fail(ERR_IO);
	}
	struct slice s = slice_of(value, len);
	enum err e = pair->method->family == KEX_GROUP ? mpint_put(b, s) : buf_put_string(b, s);
	OPENSSL_free(value);
	return e;
}

/* 1 < value < p - 1 (RFC 4253 section 8, and RFC 8268 section 4): the other values make a secret
 * that anybody knows. */
static bool
group_value_allowed(const EVP_PKEY *key, struct slice value)
{
	BIGNUM *p = NULL, *v = BN_bin2bn(value.ptr, (int)value.len, NULL);
	bool allowed = v != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &p) == 1 &&
		       BN_sub_word(p, 1) == 1 && BN_cmp(v, BN_value_one()) > 0 && BN_cmp(v, p) < 0;

	BN_free(v);
	BN_free(p);
	return allowed;
}

/* The value with the zeros before it that make it as long as the prime: libcrypto's form. */
static enum err
group_value_pad(
    const struct kex_method *method, struct slice value, uint8_t ret_padded[KEX_PUBLIC_MAX])
{
	if (!mpint_is_positive(value))
		return ERR_FORMAT;
	if (value.ptr[0] == 0)
		value = slice_of(value.ptr + 1, value.len - 1);
	if (value.len > method->public_len)
		return ERR_FORMAT;
	memset(ret_padded, 0, method->public_len - value.len);
	memcpy(ret_padded + method->public_len - value.len, value.ptr, value.len);
	return ERR_OK;
}

static EVP_PKEY *
peer_of_bytes(const struct kex_pair *pair, const uint8_t *bytes)
{
	size_t len = pair->method->public_len;

	if (pair->method->family == KEX_X25519)
		return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, bytes, len);
	EVP_PKEY *peer = EVP_PKEY_new();
	if (peer != NULL && (EVP_PKEY_copy_parameters(peer, pair->key) != 1 ||
				EVP_PKEY_set1_encoded_public_key(peer, bytes, len) != 1)) {
		EVP_PKEY_free(peer);
		peer = NULL;
	}
	return peer;
}

/* The peer's public value as a key, checked as far as can be before the secret is there. */
static enum err
peer_key(const struct kex_pair *pair, struct slice value, EVP_PKEY **ret_peer)
{
	const struct kex_method *method = pair->method;
	uint8_t padded[KEX_PUBLIC_MAX];

	if (method->family == KEX_GROUP) {
		if (group_value_pad(method, value, padded) != ERR_OK ||
		    !group_value_allowed(pair->key, value))
			return library_fail(ERR_FORMAT);
		value = slice_of(padded, method->public_len);
	}
	/* Points are whole: 4, then both coordinates (RFC 5656 section 4 lets us refuse others). */
	if (value.len != method->public_len || (method->family == KEX_NIST && value.ptr[0] != 4))
		return ERR_FORMAT;
	*ret_peer = peer_of_bytes(pair, value.ptr);
	return *ret_peer == NULL ? library_fail(ERR_FORMAT) : ERR_OK;
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/*
 * For curves, set_peer has libcrypto check that the value is a point of the curve. For groups it
 * would check, by a power of full length that costs many times the exchange itself (88 ms in the
 * largest), that the value is in the subgroup that 2 generates: in a group of a safe prime a value
 * outside of it shows one bit of a key that is never used again. Its range has been checked.
 */
static enum err
derive(EVP_PKEY_CTX *ctx, enum kex_family family, EVP_PKEY *peer, struct buf *b)
{
	uint8_t secret[KEX_PUBLIC_MAX];
	size_t len = sizeof secret;

	if (ctx == NULL)
		return ERR_NOMEM;
	if (EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(ctx, peer, family != KEX_GROUP) != 1 ||
	    EVP_PKEY_derive(ctx, secret, &len) != 1)
		return library_fail(ERR_FORMAT);
	/* Points of small order make it zero whatever our key is (RFC 8731 section 3). */
	enum err e = is_zero(secret, len) ? ERR_FORMAT : mpint_put(b, slice_of(secret, len));
	OPENSSL_cleanse(secret, sizeof secret);
	return e;
}

enum err
kex_pair_secret(const struct kex_pair *pair, struct slice peer, struct buf *b)
{
	EVP_PKEY *peer_pkey = NULL;
	enum err e = peer_key(pair, peer, &peer_pkey);

	if (e != ERR_OK)
		return e;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair->key, NULL);
	e = derive(ctx, pair->method->family, peer_pkey, b);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer_pkey);
	return e;
}

/* The content of the one string in b. */
static struct slice
string_content(const struct buf *b)
{
	struct rd r = rd_of(buf_slice(b));

	return rd_string(&r, KEX_PUBLIC_MAX);
}

enum err
kex_try(const struct kex_method *method)
{
	struct kex_pair *ours _cleanup_(kex_pair_freep) = NULL;
	struct kex_pair *theirs _cleanup_(kex_pair_freep) = NULL;
	struct buf value _cleanup_(buf_wipe) = {.max = 2 * KEX_SECRET_MAX};
	struct buf one _cleanup_(buf_wipe) = {.max = KEX_SECRET_MAX};
	struct buf other _cleanup_(buf_wipe) = {.max = KEX_SECRET_MAX};
	enum err e = kex_pair_new(&ours, method);

	if (e == ERR_OK)
		e = kex_pair_new(&theirs, method);
	if (e == ERR_OK)
		e = kex_pair_public(ours, &value);
	if (e == ERR_OK)
		e = kex_pair_secret(theirs, string_content(&value), &one);
	buf_clear(&value);
	if (e == ERR_OK)
		e = kex_pair_public(theirs, &value);
	if (e == ERR_OK)
		e = kex_pair_secret(ours, string_content(&value), &other);
	if (e != ERR_OK)
		return e;
	return slice_equal(buf_slice(&one), buf_slice(&other)) ? ERR_OK : ERR_UNSUPPORTED;
}
