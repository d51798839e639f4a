#include "pki/pubkey.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "pki/blob.h"

static const struct curve P256 = {"nistp256", "prime256v1", 32};
static const struct curve P384 = {"nistp384", "secp384r1", 48};
static const struct curve P521 = {"nistp521", "secp521r1", PUBKEY_COORDINATE_MAX};

static const struct pubkey_type TYPES[] = {
    {"ssh-ed25519", PUBKEY_ED25519, NULL, false},
    {"ecdsa-sha2-nistp256", PUBKEY_ECDSA, &P256, false},
    {"ecdsa-sha2-nistp384", PUBKEY_ECDSA, &P384, false},
    {"ecdsa-sha2-nistp521", PUBKEY_ECDSA, &P521, false},
    {"ssh-rsa", PUBKEY_RSA, NULL, false},
    {"sk-ssh-ed25519@openssh.com", PUBKEY_ED25519, NULL, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", PUBKEY_ECDSA, &P256, true},
};

const struct pubkey_type *
pubkey_type_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (slice_is(name, TYPES[i].name))
			return &TYPES[i];
	}
	return NULL;
}

struct slice
pubkey_read_mpint(struct rd *r, size_t max)
{
	struct slice s = rd_string(r, max + 1);

	if (s.len > 0 && s.ptr[0] == 0) {
		s = slice_of(s.ptr + 1, s.len - 1);
		/* The zero is there to make a number positive, and for nothing else. */
		if (s.len == 0 || (s.ptr[0] & 0x80) == 0)
			r->failed = true;
	} else if (s.len == 0 || (s.ptr[0] & 0x80) != 0) {
		r->failed = true; /* zero, or negative */
	}
	if (s.len > max)
		r->failed = true;
	return r->failed ? slice_of(NULL, 0) : s;
}

enum err
pubkey_put_mpint(struct buf *b, struct slice number)
{
	while (number.len > 0 && number.ptr[0] == 0)
		number = slice_of(number.ptr + 1, number.len - 1);
	bool pad = number.len > 0 && (number.ptr[0] & 0x80) != 0;
	enum err e = buf_put_u32(b, (uint32_t)number.len + (pad ? 1 : 0));
	if (e == ERR_OK && pad)
		e = buf_put_u8(b, 0);
	return e == ERR_OK ? buf_put(b, number.ptr, number.len) : e;
}

/* RFC 8709 section 4: the point. */
static enum err
read_ed25519(struct rd *r, struct pubkey *key, const char **ret_why)
{
	(void)ret_why;
	key->point = rd_string(r, PUBKEY_ED25519_LEN);
	return key->point.len == PUBKEY_ED25519_LEN ? ERR_OK : ERR_FORMAT;
}

/* RFC 5656 section 3.1: the curve's name, the point; uncompressed, as everybody writes it. */
static enum err
read_ecdsa(struct rd *r, struct pubkey *key, const char **ret_why)
{
	const struct curve *curve = key->type->curve;
	struct slice name = rd_string(r, 16);

	(void)ret_why;
	key->point = rd_string(r, 1 + 2 * PUBKEY_COORDINATE_MAX);
	if (!slice_is(name, curve->ssh) || key->point.len != 1 + 2 * curve->len ||
	    key->point.ptr[0] != 4)
		return ERR_FORMAT;
	return ERR_OK;
}

static size_t
number_bits(struct slice n)
{
	size_t bits = n.len * 8;

	for (uint8_t mask = 0x80; n.len > 0 && (n.ptr[0] & mask) == 0; mask >>= 1)
		bits--;
	return bits;
}

/* RFC 4253 section 6.6: exponent, modulus. An even one of either is of no RSA key. */
static enum err
read_rsa(struct rd *r, struct pubkey *key, const char **ret_why)
{
	key->e = pubkey_read_mpint(r, PUBKEY_RSA_BITS_MAX / 8);
	key->n = pubkey_read_mpint(r, PUBKEY_RSA_BITS_MAX / 8);
	if (r->failed || (key->e.ptr[key->e.len - 1] & key->n.ptr[key->n.len - 1] & 1) == 0)
		return ERR_FORMAT;
	if (number_bits(key->n) >= BLOB_RSA_BITS_MIN)
		return ERR_OK;
	*ret_why = "RSA keys of less than 2048 bits are too weak";
	return ERR_UNSUPPORTED;
}

enum err
pubkey_read(struct rd *r, const struct pubkey_type *type, struct pubkey *ret, const char **ret_why)
{
	static enum err (*const READ[])(struct rd *, struct pubkey *, const char **) = {
	    [PUBKEY_ED25519] = read_ed25519,
	    [PUBKEY_ECDSA] = read_ecdsa,
	    [PUBKEY_RSA] = read_rsa,
	};

	*ret = (struct pubkey){.type = type};
	*ret_why = "the key is damaged";
	enum err e = READ[type->kind](r, ret, ret_why);
	if (e != ERR_OK)
		return e;
	if (type->is_sk)
		ret->application = rd_string(r, PUBKEY_APPLICATION_MAX);
	return r->failed ? ERR_FORMAT : ERR_OK;
}

enum err
pubkey_parse(struct slice blob, struct pubkey *ret, const char **ret_why)
{
	struct rd r = rd_of(blob);
	struct slice name = rd_string(&r, 64);
	const struct pubkey_type *type = pubkey_type_find(name);

	*ret_why = NULL;
	if (type == NULL) {
		*ret_why = blob_type_refusal(name);
		return ERR_UNSUPPORTED;
	}
	enum err e = pubkey_read(&r, type, ret, ret_why);
	if (e == ERR_OK && rd_done(&r) != ERR_OK) {
		*ret_why = "the key is damaged";
		e = ERR_FORMAT;
	}
	return e;
}

enum err
pubkey_build(const char *name, OSSL_PARAM_BLD *bld, int selection, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	enum err e = params == NULL || ctx == NULL ? ERR_NOMEM : ERR_OK;

	*ret_pkey = NULL;
	if (e == ERR_OK && (EVP_PKEY_fromdata_init(ctx) != 1 ||
			       EVP_PKEY_fromdata(ctx, ret_pkey, selection, params) != 1))
		e = ERR_FORMAT;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return e;
}

static enum err
import_ecdsa(const struct pubkey *key, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld _cleanup_(param_bld_freep) = OSSL_PARAM_BLD_new();

	if (bld == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, key->type->curve->crypto, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(
		bld, OSSL_PKEY_PARAM_PUB_KEY, key->point.ptr, key->point.len) != 1)
		return ERR_NOMEM;
	return pubkey_build("EC", bld, EVP_PKEY_PUBLIC_KEY, ret_pkey);
}

static enum err
import_rsa(const struct pubkey *key, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld _cleanup_(param_bld_freep) = OSSL_PARAM_BLD_new();
	BIGNUM *e _cleanup_(bn_freep) = BN_bin2bn(key->e.ptr, (int)key->e.len, NULL);
	BIGNUM *n _cleanup_(bn_freep) = BN_bin2bn(key->n.ptr, (int)key->n.len, NULL);

	if (bld == NULL || e == NULL || n == NULL ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1)
		return ERR_NOMEM;
	return pubkey_build("RSA", bld, EVP_PKEY_PUBLIC_KEY, ret_pkey);
}

static enum err
import_ed25519(const struct pubkey *key, EVP_PKEY **ret_pkey)
{
	*ret_pkey =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->point.ptr, key->point.len);
	ERR_clear_error();
	return *ret_pkey == NULL ? ERR_FORMAT : ERR_OK;
}

enum err
pubkey_import(const struct pubkey *key, EVP_PKEY **ret_pkey)
{
	static enum err (*const IMPORT[])(const struct pubkey *, EVP_PKEY **) = {
	    [PUBKEY_ED25519] = import_ed25519,
	    [PUBKEY_ECDSA] = import_ecdsa,
	    [PUBKEY_RSA] = import_rsa,
	};

	return IMPORT[key->type->kind](key, ret_pkey);
}

static enum err
export_ed25519(const EVP_PKEY *pkey, struct buf *b)
{
	uint8_t point[PUBKEY_ED25519_LEN];
	size_t len = sizeof point;

	if (EVP_PKEY_get_raw_public_key(pkey, point, &len) != 1 || len != sizeof point)
		return ERR_FORMAT;
	enum err e = buf_put_string(b, slice_str("ssh-ed25519"));
	return e == ERR_OK ? buf_put_string(b, slice_of(point, len)) : e;
}

/* A number of the key's, as len bytes (0: as many as it has) at the end of b. */
static enum err
put_number(const EVP_PKEY *pkey, const char *name, size_t len, struct buf *b)
{
	BIGNUM *number _cleanup_(bn_freep) = NULL;
	uint8_t bytes[PUBKEY_RSA_BITS_MAX / 8];

	if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1 ||
	    BN_num_bytes(number) > (int)sizeof bytes)
		return ERR_FORMAT;
	if (len == 0) {
		(void)BN_bn2bin(number, bytes);
		return pubkey_put_mpint(b, slice_of(bytes, (size_t)BN_num_bytes(number)));
	}
	if (BN_bn2binpad(number, bytes, (int)len) != (int)len)
		return ERR_FORMAT;
	return buf_put(b, bytes, len);
}

static enum err
export_ecdsa(const EVP_PKEY *pkey, struct buf *b)
{
	const struct pubkey_type *type = NULL;
	char group[32];

	if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
		return ERR_UNSUPPORTED;
	for (size_t i = 0; i < ARRAY_LEN(TYPES) && type == NULL; i++) {
		if (TYPES[i].curve != NULL && slice_is(slice_str(group), TYPES[i].curve->crypto))
			type = &TYPES[i];
	}
	if (type == NULL)
		return ERR_UNSUPPORTED;
	size_t len = type->curve->len;
	enum err e = buf_put_string(b, slice_str(type->name));
	if (e == ERR_OK)
		e = buf_put_string(b, slice_str(type->curve->ssh));
	if (e == ERR_OK)
		e = buf_put_u32(b, (uint32_t)(1 + 2 * len));
	if (e == ERR_OK)
		e = buf_put_u8(b, 4);
	if (e == ERR_OK)
		e = put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, len, b);
	return e == ERR_OK ? put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, len, b) : e;
}

static enum err
export_rsa(const EVP_PKEY *pkey, struct buf *b)
{
	enum err e = buf_put_string(b, slice_str("ssh-rsa"));

	if (e == ERR_OK)
		e = put_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, b);
	return e == ERR_OK ? put_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0, b) : e;
}

enum err
pubkey_export(const EVP_PKEY *pkey, struct buf *b)
{
	static const struct {
		int id;
		enum err (*export)(const EVP_PKEY *, struct buf *);
	} EXPORTS[] = {
	    {EVP_PKEY_ED25519, export_ed25519},
	    {EVP_PKEY_EC, export_ecdsa},
	    {EVP_PKEY_RSA, export_rsa},
	};

	for (size_t i = 0; i < ARRAY_LEN(EXPORTS); i++) {
		if (EVP_PKEY_get_base_id(pkey) != EXPORTS[i].id)
			continue;
		enum err e = EXPORTS[i].export(pkey, b);
		ERR_clear_error();
		return e;
	}
	return ERR_UNSUPPORTED;
}
