/*
 * AES-CTR with an HMAC over sequence number and packet (RFC 4253 section 6.4): of the packet in
 * clear, the length encrypted like the rest; or, encrypt-then-MAC (OpenSSH's PROTOCOL section 1.5),
 * of the encrypted packet, the length in clear.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "base/buf.h"
#include "wire/seal_internal.h"

static enum err
hmac_start(struct seal *s, const struct mac *mac, const struct seal_keys *keys)
{
	char digest[16];

	(void)snprintf(digest, sizeof digest, "%s", library_digest_name(mac->digest));
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	s->tag_len = mac->len;
	s->mac = EVP_MAC_CTX_new(library_mac(LIBRARY_HMAC));
	if (s->mac == NULL)
		return ERR_NOMEM;
	return EVP_MAC_init(s->mac, keys->mac, mac->len, params) == 1 ? ERR_OK : ERR_IO;
}

static enum err
mac_begin(struct seal *s, uint32_t seq)
{
	uint8_t number[4];

	be32_store(number, seq);
	/* Without a key: that of the first time again. */
	return EVP_MAC_init(s->mac, NULL, 0, NULL) == 1 &&
		       EVP_MAC_update(s->mac, number, sizeof number) == 1
		   ? ERR_OK
		   : ERR_IO;
}

static enum err
mac_end(struct seal *s, uint8_t ret_code[MAC_LEN_MAX])
{
	size_t len;

	return EVP_MAC_final(s->mac, ret_code, &len, MAC_LEN_MAX) == 1 ? ERR_OK : ERR_IO;
}

static enum err
mac_of(struct seal *s, uint32_t seq, const uint8_t *p, size_t len, uint8_t ret_code[MAC_LEN_MAX])
{
	enum err e = mac_begin(s, seq);

	if (e == ERR_OK && EVP_MAC_update(s->mac, p, len) != 1)
		e = ERR_IO;
	return e == ERR_OK ? mac_end(s, ret_code) : e;
}

/* Is the code behind the packet the one of what is at p now? */
static enum err
mac_check(struct seal *s, uint32_t seq, const uint8_t *p, size_t len)
{
	uint8_t code[MAC_LEN_MAX];
	enum err e = mac_of(s, seq, p, len, code);

	if (e == ERR_OK && CRYPTO_memcmp(code, p + len, s->tag_len) != 0)
		e = ERR_ACCESS;
	return e;
}

static enum err
etm_close(struct seal *s, uint32_t seq, const struct seal_parts *parts)
{
	uint8_t code[MAC_LEN_MAX];
	enum err e = seal_crypt_parts(s->ctx, parts, SEAL_LENGTH_LEN);

	if (e == ERR_OK)
		e = mac_of(s, seq, parts->p, parts->len, code);
	if (e == ERR_OK)
		memcpy(parts->p + parts->len, code, s->tag_len);
	return e;
}

static enum err
etm_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len)
{
	enum err e = mac_check(s, seq, p, len);

	if (e == ERR_OK)
		e = seal_crypt(
		    s->ctx, p + SEAL_LENGTH_LEN, p + SEAL_LENGTH_LEN, len - SEAL_LENGTH_LEN);
	return e;
}

static enum err
eam_close(struct seal *s, uint32_t seq, const struct seal_parts *parts)
{
	const uint8_t *pad_at = parts->p + parts->front_len + parts->body.len;
	size_t pad_len = parts->len - parts->front_len - parts->body.len;
	uint8_t code[MAC_LEN_MAX];
	enum err e = mac_begin(s, seq);

	if (e == ERR_OK && (EVP_MAC_update(s->mac, parts->p, parts->front_len) != 1 ||
			       EVP_MAC_update(s->mac, parts->body.ptr, parts->body.len) != 1 ||
			       EVP_MAC_update(s->mac, pad_at, pad_len) != 1))
		e = ERR_IO;
	if (e == ERR_OK)
		e = mac_end(s, code);
	if (e == ERR_OK)
		e = seal_crypt_parts(s->ctx, parts, 0);
	if (e == ERR_OK)
		memcpy(parts->p + parts->len, code, s->tag_len);
	return e;
}

/* The first block, which has the length in it, is decrypted in place. */
static enum err
eam_length(struct seal *s, uint32_t seq unused_arg, uint8_t *p, uint32_t *ret_len)
{
	enum err e = seal_crypt(s->ctx, p, p, s->way->head_len);

	*ret_len = e == ERR_OK ? seal_be32(p) : 0;
	return e;
}

static enum err
eam_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len)
{
	size_t done = s->way->head_len;
	enum err e = seal_crypt(s->ctx, p + done, p + done, len - done);

	return e == ERR_OK ? mac_check(s, seq, p, len) : e;
}

const struct seal_way SEAL_ENCRYPT_THEN_MAC = {
    .start = hmac_start,
    .length_apart = true,
    .head_len = SEAL_LENGTH_LEN,
    .close = etm_close,
    .length = seal_length_in_clear,
    .open = etm_open,
};

const struct seal_way SEAL_ENCRYPT_AND_MAC = {
    .start = hmac_start,
    .head_len = 16, /* a block of AES */
    .close = eam_close,
    .length = eam_length,
    .open = eam_open,
};
