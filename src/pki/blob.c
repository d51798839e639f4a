#include "pki/blob.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/rd.h"
#include "pki/pubkey.h"

/* Key types by name, and why those that we don't take are refused. */
struct key_type {
	const char *name;
	const char *refusal; /* NULL: we take it */
};

static const char REFUSED_CERT[] =
    "it is a certificate; the key of the authority that signed it belongs here";

static const struct key_type KEY_TYPES[] = {
    {"ssh-ed25519", NULL},
    {"ecdsa-sha2-nistp256", NULL},
    {"ecdsa-sha2-nistp384", NULL},
    {"ecdsa-sha2-nistp521", NULL},
    {"ssh-rsa", NULL},
    {"ssh-dss", "DSA keys are too weak"},
    {"sk-ssh-ed25519@openssh.com", NULL},
    {"sk-ecdsa-sha2-nistp256@openssh.com", NULL},
    {"ssh-ed25519-cert-v01@openssh.com", REFUSED_CERT},
    {"ssh-rsa-cert-v01@openssh.com", REFUSED_CERT},
    {"rsa-sha2-256-cert-v01@openssh.com", REFUSED_CERT},
    {"rsa-sha2-512-cert-v01@openssh.com", REFUSED_CERT},
    {"ssh-dss-cert-v01@openssh.com", REFUSED_CERT},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", REFUSED_CERT},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", REFUSED_CERT},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", REFUSED_CERT},
    {"sk-ssh-ed25519-cert-v01@openssh.com", REFUSED_CERT},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", REFUSED_CERT},
};

/* The value of a base64 digit, or -1. */
static int
digit_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits of which the last n_pad are padding, into 3 - n_pad bytes. */
static bool
decode_group(const uint8_t *in, size_t n_pad, uint8_t *out)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - n_pad ? digit_value(in[i]) : 0;
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	for (size_t i = 0; i < 3 - n_pad; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	/* Bits that the padding cuts off must be zero, or two texts would stand for one blob. */
	return n_pad == 0 || (bits & ((1u << (8 * n_pad)) - 1)) == 0;
}

enum err
blob_from_base64(struct slice text, struct buf *b)
{
	uint8_t *out;

	if (text.len == 0 || text.len % 4 != 0)
		return ERR_FORMAT;
	size_t n_pad = text.ptr[text.len - 1] != '=' ? 0 : text.ptr[text.len - 2] != '=' ? 1 : 2;
	size_t len = text.len / 4 * 3 - n_pad;
	enum err e = buf_reserve(b, len, &out);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t pad = i + 4 == text.len ? n_pad : 0;
		if (!decode_group(text.ptr + i, pad, out + i / 4 * 3))
			return ERR_FORMAT;
	}
	buf_commit(b, len);
	return ERR_OK;
}

enum err
blob_to_base64(struct slice bytes, struct buf *b)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	uint8_t *out;

	if (bytes.len > INT32_MAX / 2)
		return ERR_NOMEM;
	/* One more than the text for the terminator that EVP_EncodeBlock insists on. */
	enum err e = buf_reserve(b, len + 1, &out);
	if (e != ERR_OK)
		return e;
	(void)EVP_EncodeBlock(out, bytes.ptr, (int)bytes.len);
	buf_commit(b, len);
	return ERR_OK;
}

struct slice
blob_type(struct slice blob)
{
	struct rd r = rd_of(blob);

	return rd_string(&r, 64);
}

enum err
blob_fingerprint(struct slice blob, char ret_fingerprint[BLOB_FINGERPRINT_MAX])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t text[48];

	ret_fingerprint[0] = '\0';
	if (EVP_Digest(blob.ptr, blob.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_NOMEM;
	int len = EVP_EncodeBlock(text, digest, sizeof digest);
	while (len > 0 && text[len - 1] == '=')
		len--;
	(void)snprintf(ret_fingerprint, BLOB_FINGERPRINT_MAX, "SHA256:%.*s", len, (char *)text);
	return ERR_OK;
}

static const struct key_type *
type_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(KEY_TYPES); i++) {
		if (slice_is(name, KEY_TYPES[i].name))
			return &KEY_TYPES[i];
	}
	return NULL;
}

bool
blob_type_known(struct slice name)
{
	return type_find(name) != NULL;
}

const char *
blob_type_refusal(struct slice name)
{
	const struct key_type *type = type_find(name);

	return type == NULL ? "the key's type is not known" : type->refusal;
}

const char *
blob_refusal(struct slice blob)
{
	struct pubkey key;
	const char *why;

	return pubkey_parse(blob, &key, &why) == ERR_OK ? NULL : why;
}
