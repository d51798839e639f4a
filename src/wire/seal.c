#include "wire/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"

enum { LENGTH_LEN = 4, CHACHA_KEY_LEN = 32, POLY_KEY_LEN = 32, CHACHA_IV_LEN = 16 };

/* What a packet is made of when it is sent: see seal_close. */
struct parts {
	uint8_t *p;
	size_t len;
	size_t front_len;
	struct slice body;
};

/* The ways to protect a packet, as the table below has them. */
struct seal_way {
	bool length_apart; /* the length is not counted in what is padded to the block */
	size_t head_len;
	enum err (*close)(struct seal *s, uint32_t seq, const struct parts *parts);
	enum err (*length)(struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len);
	enum err (*open)(struct seal *s, uint32_t seq, uint8_t *p, size_t len);
};

struct seal {
	const struct seal_way *way;
	const struct cipher *cipher;
	size_t tag_len;
	EVP_CIPHER_CTX *ctx;
	EVP_CIPHER_CTX *length_ctx; /* ChaCha20: the lengths have a key of their own */
	EVP_MAC_CTX *mac;
	uint8_t iv[CIPHER_IV_MAX]; /* GCM: that of the next packet */
};

/* The stream goes on: for CTR over packets, for the others from the IV just set. */
static enum err
crypt_bytes(EVP_CIPHER_CTX *ctx, const uint8_t *in, uint8_t *out, size_t len)
{
	int out_len = 0;

	BUG_ON(len > INT32_MAX);
	if (len == 0)
		return ERR_OK;
	if (EVP_CipherUpdate(ctx, out, &out_len, in, (int)len) != 1)
		return ERR_IO;
	BUG_ON(out_len < 0 || (size_t)out_len != len);
	return ERR_OK;
}

/* Encrypts a packet from its byte `from` on: its front in place, the body from its source, the
 * padding in place. */
static enum err
crypt_parts(EVP_CIPHER_CTX *ctx, const struct parts *parts, size_t from)
{
	uint8_t *body_at = parts->p + parts->front_len;
	uint8_t *pad_at = body_at + parts->body.len;

	if (parts->body.len == 0)
		return crypt_bytes(ctx, parts->p + from, parts->p + from, parts->len - from);
	enum err e = crypt_bytes(ctx, parts->p + from, parts->p + from, parts->front_len - from);
	if (e == ERR_OK)
		e = crypt_bytes(ctx, parts->body.ptr, body_at, parts->body.len);
	if (e == ERR_OK)
		e = crypt_bytes(ctx, pad_at, pad_at, (size_t)(parts->p + parts->len - pad_at));
	return e;
}

static uint32_t
be32_load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum err
length_in_clear(struct seal *s unused_arg, uint32_t seq unused_arg, uint8_t *p, uint32_t *ret_len)
{
	*ret_len = be32_load(p);
	return ERR_OK;
}

/* Nothing: before the first keys. */

static enum err
plain_close(struct seal *s unused_arg, uint32_t seq unused_arg, const struct parts *parts)
{
	if (parts->body.len > 0)
		memcpy(parts->p + parts->front_len, parts->body.ptr, parts->body.len);
	return ERR_OK;
}

static enum err
plain_open(struct seal *s unused_arg, uint32_t seq unused_arg, uint8_t *p unused_arg,
    size_t len unused_arg)
{
	return ERR_OK;
}

/*
 * AES-GCM (RFC 5647 section 7): the length is in clear and authenticated. The IV is 4 fixed bytes
 * and a counter of 8, one more for each packet; a re-exchange comes long before it could repeat.
 */
static enum err
gcm_begin(struct seal *s, const uint8_t *length)
{
	int len;

	if (EVP_CipherInit_ex2(s->ctx, NULL, NULL, s->iv, -1, NULL) != 1 ||
	    EVP_CipherUpdate(s->ctx, NULL, &len, length, LENGTH_LEN) != 1)
		return ERR_IO;
	for (size_t i = s->cipher->iv_len; i > 4 && ++s->iv[i - 1] == 0; i--)
		;
	return ERR_OK;
}

static enum err
gcm_close(struct seal *s, uint32_t seq unused_arg, const struct parts *parts)
{
	uint8_t *tag = parts->p + parts->len;
	enum err e = gcm_begin(s, parts->p);
	int len;

	if (e == ERR_OK)
		e = crypt_parts(s->ctx, parts, LENGTH_LEN);
	if (e != ERR_OK)
		return e;
	if (EVP_CipherFinal_ex(s->ctx, tag, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_LEN, tag) != 1)
		return ERR_IO;
	return ERR_OK;
}

static enum err
gcm_open(struct seal *s, uint32_t seq unused_arg, uint8_t *p, size_t len)
{
	enum err e = gcm_begin(s, p);
	int final_len;

	if (e == ERR_OK &&
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_LEN, p + len) != 1)
		e = ERR_IO;
	if (e == ERR_OK)
		e = crypt_bytes(s->ctx, p + LENGTH_LEN, p + LENGTH_LEN, len - LENGTH_LEN);
	if (e == ERR_OK && EVP_CipherFinal_ex(s->ctx, p + len, &final_len) != 1)
		e = ERR_ACCESS;
	return e;
}

/*
 * ChaCha20-Poly1305 (PROTOCOL.chacha20poly1305): the nonce is the sequence number. The length is
 * encrypted with a key of its own; block 0 of the other key's stream is Poly1305's key, the packet
 * is encrypted from block 1 on, and all of what is sent is authenticated.
 */
static enum err
chacha_begin(EVP_CIPHER_CTX *ctx, uint32_t seq, uint8_t block)
{
	uint8_t iv[CHACHA_IV_LEN] = {block}; /* a counter, little-endian; then the nonce */

	be32_store(iv + 12, seq);
	return EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) == 1 ? ERR_OK : ERR_IO;
}

static enum err
chacha_crypt_length(struct seal *s, uint32_t seq, const uint8_t *in, uint8_t *out)
{
	enum err e = chacha_begin(s->length_ctx, seq, 0);

	return e == ERR_OK ? crypt_bytes(s->length_ctx, in, out, LENGTH_LEN) : e;
}

/* The tag of len bytes at p, and the main stream set to the packet's first byte. */
static enum err
chacha_tag(struct seal *s, uint32_t seq, const uint8_t *p, size_t len, uint8_t *ret_tag)
{
	uint8_t key[POLY_KEY_LEN] = {0};
	size_t tag_len;
	enum err e = chacha_begin(s->ctx, seq, 0);

	if (e == ERR_OK)
		e = crypt_bytes(s->ctx, key, key, sizeof key);
	if (e == ERR_OK && (EVP_MAC_init(s->mac, key, sizeof key, NULL) != 1 ||
			       EVP_MAC_update(s->mac, p, len) != 1 ||
			       EVP_MAC_final(s->mac, ret_tag, &tag_len, CIPHER_TAG_LEN) != 1))
		e = ERR_IO;
	OPENSSL_cleanse(key, sizeof key);
	return e;
}

static enum err
chacha_close(struct seal *s, uint32_t seq, const struct parts *parts)
{
	enum err e = chacha_crypt_length(s, seq, parts->p, parts->p);

	if (e == ERR_OK)
		e = chacha_begin(s->ctx, seq, 1);
	if (e == ERR_OK)
		e = crypt_parts(s->ctx, parts, LENGTH_LEN);
	if (e == ERR_OK)
		e = chacha_tag(s, seq, parts->p, parts->len, parts->p + parts->len);
	return e;
}

static enum err
chacha_length(struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len)
{
	uint8_t length[LENGTH_LEN];
	/* Not in place: the tag is of the encrypted length. */
	enum err e = chacha_crypt_length(s, seq, p, length);

	*ret_len = e == ERR_OK ? be32_load(length) : 0;
	return e;
}

static enum err
chacha_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len)
{
	uint8_t tag[CIPHER_TAG_LEN];
	enum err e = chacha_tag(s, seq, p, len, tag);

	if (e == ERR_OK && CRYPTO_memcmp(tag, p + len, sizeof tag) != 0)
		e = ERR_ACCESS;
	if (e == ERR_OK)
		e = chacha_begin(s->ctx, seq, 1);
	if (e == ERR_OK)
		e = crypt_bytes(s->ctx, p + LENGTH_LEN, p + LENGTH_LEN, len - LENGTH_LEN);
	return e;
}

/*
 * AES-CTR with an HMAC over sequence number and packet (RFC 4253 section 6.4): of the packet in
 * clear, the length encrypted like the rest; or, encrypt-then-MAC (OpenSSH's PROTOCOL section 1.5),
 * of the encrypted packet, the length in clear.
 */
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
etm_close(struct seal *s, uint32_t seq, const struct parts *parts)
{
	uint8_t code[MAC_LEN_MAX];
	enum err e = crypt_parts(s->ctx, parts, LENGTH_LEN);

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
		e = crypt_bytes(s->ctx, p + LENGTH_LEN, p + LENGTH_LEN, len - LENGTH_LEN);
	return e;
}

static enum err
eam_close(struct seal *s, uint32_t seq, const struct parts *parts)
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
		e = crypt_parts(s->ctx, parts, 0);
	if (e == ERR_OK)
		memcpy(parts->p + parts->len, code, s->tag_len);
	return e;
}

/* The first block, which has the length in it, is decrypted in place. */
static enum err
eam_length(struct seal *s, uint32_t seq unused_arg, uint8_t *p, uint32_t *ret_len)
{
	enum err e = crypt_bytes(s->ctx, p, p, s->way->head_len);

	*ret_len = e == ERR_OK ? be32_load(p) : 0;
	return e;
}

static enum err
eam_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len)
{
	size_t done = s->way->head_len;
	enum err e = crypt_bytes(s->ctx, p + done, p + done, len - done);

	return e == ERR_OK ? mac_check(s, seq, p, len) : e;
}

static const struct seal_way WAY_PLAIN = {
    false, LENGTH_LEN, plain_close, length_in_clear, plain_open};
static const struct seal_way WAY_GCM = {true, LENGTH_LEN, gcm_close, length_in_clear, gcm_open};
static const struct seal_way WAY_CHACHA = {
    true, LENGTH_LEN, chacha_close, chacha_length, chacha_open};
static const struct seal_way WAY_ETM = {true, LENGTH_LEN, etm_close, length_in_clear, etm_open};
static const struct seal_way WAY_EAM = {false, 16, eam_close, eam_length, eam_open};

static const struct seal_way *
way_of(const struct cipher *cipher, const struct mac *mac)
{
	switch (cipher->mode) {
	case CIPHER_PLAIN:
		return &WAY_PLAIN;
	case CIPHER_GCM:
		return &WAY_GCM;
	case CIPHER_CHACHA:
		return &WAY_CHACHA;
	case CIPHER_CTR:
		break;
	}
	return mac->encrypt_then_mac ? &WAY_ETM : &WAY_EAM;
}

static enum err
cipher_start(EVP_CIPHER_CTX **ret_ctx, const struct cipher *cipher, const uint8_t *key,
    const uint8_t *iv, enum seal_direction direction)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	*ret_ctx = ctx;
	if (ctx == NULL)
		return ERR_NOMEM;
	return EVP_CipherInit_ex2(ctx, library_cipher(cipher->library), key, iv,
		   direction == SEAL_SENDS, NULL) == 1
		   ? ERR_OK
		   : ERR_IO;
}

static enum err
hmac_start(struct seal *s, const struct mac *mac, const uint8_t *key)
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
	return EVP_MAC_init(s->mac, key, mac->len, params) == 1 ? ERR_OK : ERR_IO;
}

static enum err
chacha_start(struct seal *s, const struct seal_keys *keys)
{
	s->mac = EVP_MAC_CTX_new(library_mac(LIBRARY_POLY1305));
	if (s->mac == NULL)
		return ERR_NOMEM;
	return cipher_start(
	    &s->length_ctx, s->cipher, keys->key + CHACHA_KEY_LEN, NULL, SEAL_SENDS);
}

static enum err
seal_start(struct seal *s, enum seal_direction direction, const struct mac *mac,
    const struct seal_keys *keys)
{
	if (s->cipher->mode == CIPHER_PLAIN)
		return ERR_OK;
	s->tag_len = CIPHER_TAG_LEN;
	memcpy(s->iv, keys->iv, sizeof s->iv);
	enum err e = cipher_start(&s->ctx, s->cipher, keys->key,
	    s->cipher->mode == CIPHER_CTR ? keys->iv : NULL, direction);
	if (e == ERR_OK && s->cipher->mode == CIPHER_CHACHA)
		e = chacha_start(s, keys);
	if (e == ERR_OK && s->cipher->mode == CIPHER_CTR)
		e = hmac_start(s, mac, keys->mac);
	return e;
}

enum err
seal_new(struct seal **ret_s, enum seal_direction direction, const struct cipher *cipher,
    const struct mac *mac, const struct seal_keys *keys)
{
	BUG_ON((cipher->mode == CIPHER_CTR) != (mac != NULL));
	struct seal *s = calloc(1, sizeof *s);
	if (s == NULL)
		return ERR_NOMEM;
	s->cipher = cipher;
	s->way = way_of(cipher, mac);
	enum err e = seal_start(s, direction, mac, keys);
	if (e != ERR_OK) {
		seal_free(s);
		return e;
	}
	*ret_s = s;
	return ERR_OK;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->ctx);
	EVP_CIPHER_CTX_free(s->length_ctx);
	EVP_MAC_CTX_free(s->mac);
	OPENSSL_cleanse(s, sizeof *s);
	free(s);
}

size_t
seal_block(const struct seal *s)
{
	return s->cipher->block;
}

bool
seal_length_apart(const struct seal *s)
{
	return s->way->length_apart;
}

size_t
seal_tag_len(const struct seal *s)
{
	return s->tag_len;
}

size_t
seal_head_len(const struct seal *s)
{
	return s->way->head_len;
}

enum err
seal_close(
    struct seal *s, uint32_t seq, uint8_t *p, size_t len, size_t front_len, struct slice body)
{
	BUG_ON(front_len < LENGTH_LEN || len < front_len + body.len);
	return s->way->close(
	    s, seq, &(struct parts){.p = p, .len = len, .front_len = front_len, .body = body});
}

enum err
seal_length(struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len)
{
	return s->way->length(s, seq, p, ret_len);
}

enum err
seal_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len)
{
	BUG_ON(len < s->way->head_len);
	return s->way->open(s, seq, p, len);
}
