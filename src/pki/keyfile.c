#include "pki/keyfile.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "pki/blob.h"
#include "pki/pubkey.h"
#include "pki/sign.h"

static const char OPENSSH_BEGIN[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char OPENSSH_END[] = "-----END OPENSSH PRIVATE KEY-----";
static const char AUTH_MAGIC[] = "openssh-key-v1"; /* with its terminator */

/* Of a file without cipher; others pad to their own block. */
enum { PADDING_MAX = 16, COMMENT_MAX = 4096, ED25519_PRIVATE_LEN = 64 };

/* What people put in the place of a private key, and what they should do. */
struct mistake {
	const char *start;
	const char *advice;
};

static const struct mistake MISTAKES[] = {
    {"PuTTY-User-Key-File", "is in PuTTY's format (convert it: puttygen -O private-openssh)"},
    {"ssh-", "is a public key: the private one is in the file without .pub"},
    {"sk-", "is a public key: the private one is in the file without .pub"},
    {"ecdsa-", "is a public key: the private one is in the file without .pub"},
    {"---- BEGIN SSH2 PUBLIC", "is a public key"},
    {"-----BEGIN PUBLIC", "is a public key"},
    {"-----BEGIN RSA PUBLIC", "is a public key"},
    {"-----BEGIN CERTIFICATE", "is a certificate"},
    {"-----BEGIN OPENSSH PRIVATE KEY", "is damaged"},
};

static enum err
fail_format(struct slice content, const char *name, struct story *story)
{
	for (size_t i = 0; i < ARRAY_LEN(MISTAKES); i++) {
		if (slice_starts_with(content, slice_str(MISTAKES[i].start)))
			return story_fail(story, ERR_FORMAT, "%s %s", name, MISTAKES[i].advice);
	}
	return story_fail(
	    story, ERR_FORMAT, "%s is not a private key in OpenSSH or PEM format", name);
}

static enum err
fail_passphrase(const char *name, struct story *story)
{
	return story_fail(story, ERR_UNSUPPORTED,
	    "%s is encrypted with a passphrase, which nobody could type here", name);
}

/* The bytes between the first and the last line, which is all there may be. */
static enum err
unarmor(struct slice content, struct buf *ret)
{
	struct buf text _cleanup_(buf_wipe);
	struct slice line;
	enum err e = ERR_OK;

	buf_init(&text, PKI_KEY_FILE_MAX);
	content = slice_cut(content, '\n', &line);
	for (;;) {
		if (content.len == 0)
			return ERR_FORMAT;
		content = slice_cut(content, '\n', &line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (slice_is(line, OPENSSH_END))
			break;
		e = buf_put(&text, line.ptr, line.len);
		if (e != ERR_OK)
			return e;
	}
	return slice_trim(content).len > 0 ? ERR_FORMAT : blob_from_base64(buf_slice(&text), ret);
}

static enum err
build_ed25519(struct rd *r, EVP_PKEY **ret_pkey)
{
	struct slice public = rd_string(r, PUBKEY_ED25519_LEN);
	struct slice private = rd_string(r, ED25519_PRIVATE_LEN);

	if (public.len != PUBKEY_ED25519_LEN || private.len != ED25519_PRIVATE_LEN ||
	    memcmp(private.ptr + PUBKEY_ED25519_LEN, public.ptr, public.len) != 0)
		return ERR_FORMAT;
	*ret_pkey =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private.ptr, PUBKEY_ED25519_LEN);
	return *ret_pkey == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
build_ecdsa(struct rd *r, const struct curve *curve, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld _cleanup_(param_bld_freep) = OSSL_PARAM_BLD_new();
	struct slice name = rd_string(r, 16);
	struct slice point = rd_string(r, 1 + 2 * PUBKEY_COORDINATE_MAX);
	struct slice d_bytes = pubkey_read_mpint(r, curve->len);

	/* libcrypto would take a point in other forms, too. */
	if (r->failed || !slice_is(name, curve->ssh) || point.len != 1 + 2 * curve->len ||
	    point.ptr[0] != 4)
		return ERR_FORMAT;
	BIGNUM *d _cleanup_(bn_freep) = BN_secure_new();
	if (bld == NULL || d == NULL || BN_bin2bn(d_bytes.ptr, (int)d_bytes.len, d) == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->crypto, 0) !=
		1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len) !=
		1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1)
		return ERR_NOMEM;
	return pubkey_build("EC", bld, EVP_PKEY_KEYPAIR, ret_pkey);
}

/* The numbers of an RSA key: those of the file in its order, then two that it leaves out. */
enum { RSA_N, RSA_E, RSA_D, RSA_IQMP, RSA_P, RSA_Q, RSA_DMP1, RSA_DMQ1, RSA_NUMBERS };

static const char *const RSA_PARAMS[RSA_NUMBERS] = {
    [RSA_N] = OSSL_PKEY_PARAM_RSA_N,
    [RSA_E] = OSSL_PKEY_PARAM_RSA_E,
    [RSA_D] = OSSL_PKEY_PARAM_RSA_D,
    [RSA_IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    [RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [RSA_DMP1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [RSA_DMQ1] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
};

/* d mod (p - 1) into ret. */
static bool
reduce(BIGNUM *ret, const BIGNUM *d, const BIGNUM *p, BN_CTX *ctx)
{
	BIGNUM *less _cleanup_(bn_freep) = BN_secure_new();

	return less != NULL && BN_copy(less, p) != NULL && BN_sub_word(less, 1) == 1 &&
	       !BN_is_zero(less) && BN_mod(ret, d, less, ctx) == 1;
}

/*
 * Fills in what the file leaves out, and checks what it has: a key with factors of another one
 * would sign well for a while, by libcrypto's falling back to d.
 */
static enum err
complete_rsa(BIGNUM *v[static RSA_NUMBERS])
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *product _cleanup_(bn_freep) = BN_secure_new();
	enum err e = ERR_FORMAT;

	if (ctx == NULL || product == NULL)
		e = ERR_NOMEM;
	else if (BN_is_odd(v[RSA_P]) && BN_is_odd(v[RSA_Q]) &&
		 BN_mul(product, v[RSA_P], v[RSA_Q], ctx) == 1 && BN_cmp(product, v[RSA_N]) == 0 &&
		 BN_mod_mul(product, v[RSA_IQMP], v[RSA_Q], v[RSA_P], ctx) == 1 &&
		 BN_is_one(product) && reduce(v[RSA_DMP1], v[RSA_D], v[RSA_P], ctx) &&
		 reduce(v[RSA_DMQ1], v[RSA_D], v[RSA_Q], ctx))
		e = ERR_OK;
	BN_CTX_free(ctx);
	return e;
}

static enum err
build_rsa(struct rd *r, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld _cleanup_(param_bld_freep) = OSSL_PARAM_BLD_new();
	BIGNUM *v[RSA_NUMBERS] = {NULL};
	enum err e = bld == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < RSA_NUMBERS && e == ERR_OK; i++) {
		v[i] = BN_secure_new();
		if (v[i] == NULL)
			e = ERR_NOMEM;
		if (e != ERR_OK || i >= RSA_DMP1)
			continue;
		struct slice bytes = pubkey_read_mpint(r, PUBKEY_RSA_BITS_MAX / 8);
		if (r->failed)
			e = ERR_FORMAT;
		else if (BN_bin2bn(bytes.ptr, (int)bytes.len, v[i]) == NULL)
			e = ERR_NOMEM;
	}
	if (e == ERR_OK)
		e = complete_rsa(v);
	for (size_t i = 0; i < RSA_NUMBERS && e == ERR_OK; i++) {
		if (OSSL_PARAM_BLD_push_BN(bld, RSA_PARAMS[i], v[i]) != 1)
			e = ERR_NOMEM;
	}
	if (e == ERR_OK)
		e = pubkey_build("RSA", bld, EVP_PKEY_KEYPAIR, ret_pkey);
	for (size_t i = 0; i < RSA_NUMBERS; i++)
		BN_clear_free(v[i]);
	return e;
}

/*
 * PROTOCOL.key section 3, without a cipher: two equal numbers, the key, a comment, and the padding
 * 1, 2, 3 ….
 */
static enum err
read_private(struct slice section, const struct pubkey_type *type, EVP_PKEY **ret_pkey)
{
	struct rd r = rd_of(section);
	uint32_t check = rd_u32(&r);
	enum err e = ERR_FORMAT;

	if (rd_u32(&r) != check || !slice_is(rd_string(&r, 64), type->name))
		return ERR_FORMAT;
	if (type->kind == PUBKEY_ED25519)
		e = build_ed25519(&r, ret_pkey);
	else if (type->kind == PUBKEY_ECDSA)
		e = build_ecdsa(&r, type->curve, ret_pkey);
	else
		e = build_rsa(&r, ret_pkey);
	if (e != ERR_OK)
		return e;
	(void)rd_string(&r, COMMENT_MAX);
	struct slice padding = rd_rest(&r);
	if (r.failed || padding.len >= PADDING_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < padding.len; i++) {
		if (padding.ptr[i] != i + 1)
			return ERR_FORMAT;
	}
	return ERR_OK;
}

/* The public half stands before the private section; it must be the same key. */
static enum err
check_public(const EVP_PKEY *pkey, struct slice public)
{
	struct buf blob _cleanup_(buf_fini);

	buf_init(&blob, BLOB_MAX);
	enum err e = pubkey_export(pkey, &blob);
	return e == ERR_OK && !slice_equal(buf_slice(&blob), public) ? ERR_FORMAT : e;
}

static enum err
parse_openssh(struct slice content, const char *name, EVP_PKEY **ret_pkey, struct story *story)
{
	struct buf bytes _cleanup_(buf_wipe);
	EVP_PKEY *pkey _cleanup_(pkey_freep) = NULL;

	buf_init(&bytes, PKI_KEY_FILE_MAX);
	if (unarmor(content, &bytes) != ERR_OK)
		return fail_format(content, name, story);
	struct rd r = rd_of(buf_slice(&bytes));
	struct slice magic = rd_bytes(&r, sizeof AUTH_MAGIC);
	struct slice cipher = rd_string(&r, 64), kdf = rd_string(&r, 64);
	(void)rd_string(&r, 256); /* the kdf's options */
	uint32_t n_keys = rd_u32(&r);
	struct slice public = rd_string(&r, BLOB_MAX);
	struct slice private = rd_string(&r, PKI_KEY_FILE_MAX);
	if (!slice_equal(magic, slice_of(AUTH_MAGIC, sizeof AUTH_MAGIC)))
		return fail_format(content, name, story);
	if (!r.failed && (!slice_is(cipher, "none") || !slice_is(kdf, "none")))
		return fail_passphrase(name, story);
	if (rd_done(&r) != ERR_OK || n_keys != 1)
		return fail_format(content, name, story);
	const char *why = blob_refusal(public);
	const struct pubkey_type *type = pubkey_type_find(blob_type(public));
	if (why == NULL && type->is_sk)
		why = "it needs a FIDO token";
	if (why != NULL)
		return story_fail(story, ERR_UNSUPPORTED, "%s can't be used: %s", name, why);
	enum err e = read_private(private, type, &pkey);
	if (e == ERR_OK)
		e = check_public(pkey, public);
	if (e == ERR_NOMEM)
		return story_fail(story, e, "no memory for %s", name);
	if (e != ERR_OK)
		return fail_format(content, name, story);
	*ret_pkey = pkey;
	pkey = NULL;
	return ERR_OK;
}

/* Asked for a passphrase: notes that there is one, and gives none. */
static int
refuse_passphrase(char *answer, int len, int writing, void *ctx)
{
	bool *asked = ctx;

	(void)answer;
	(void)len;
	(void)writing;
	*asked = true;
	return -1;
}

static enum err
parse_pem(struct slice content, const char *name, EVP_PKEY **ret_pkey, struct story *story)
{
	bool asked = false;
	BIO *bio = BIO_new_mem_buf(content.ptr, (int)content.len);

	if (bio == NULL)
		return story_fail(story, ERR_NOMEM, "no memory for %s", name);
	*ret_pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (*ret_pkey != NULL)
		return ERR_OK;
	return asked ? fail_passphrase(name, story) : fail_format(content, name, story);
}

enum err
keyfile_parse(struct slice content, const char *name, EVP_PKEY **ret_pkey, struct story *story)
{
	*ret_pkey = NULL;
	if (content.len == 0 || content.len > PKI_KEY_FILE_MAX || slice_has(content, '\0') ||
	    !slice_starts_with(content, slice_str("-----BEGIN ")))
		return fail_format(content, name, story);
	if (slice_starts_with(content, slice_str(OPENSSH_BEGIN)))
		return parse_openssh(content, name, ret_pkey, story);
	return parse_pem(content, name, ret_pkey, story);
}
