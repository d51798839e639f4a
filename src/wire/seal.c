#include "wire/seal.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/bug.h"
#include "wire/seal_internal.h"

enum err
seal_crypt(EVP_CIPHER_CTX *ctx, const uint8_t *in, uint8_t *out, size_t len)
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

enum err
seal_crypt_parts(EVP_CIPHER_CTX *ctx, const struct seal_parts *parts, size_t from)
{
	uint8_t *body_at = parts->p + parts->front_len;
	uint8_t *pad_at = body_at + parts->body.len;

	if (parts->body.len == 0)
		return seal_crypt(ctx, parts->p + from, parts->p + from, parts->len - from);
	enum err e = seal_crypt(ctx, parts->p + from, parts->p + from, parts->front_len - from);
	if (e == ERR_OK)
		e = seal_crypt(ctx, parts->body.ptr, body_at, parts->body.len);
	if (e == ERR_OK)
		e = seal_crypt(ctx, pad_at, pad_at, (size_t)(parts->p + parts->len - pad_at));
	return e;
}

enum err
seal_length_in_clear(
    struct seal *s unused_arg, uint32_t seq unused_arg, uint8_t *p, uint32_t *ret_len)
{
	*ret_len = seal_be32(p);
	return ERR_OK;
}

/* Nothing: before the first keys. */

static enum err
plain_close(struct seal *s unused_arg, uint32_t seq unused_arg, const struct seal_parts *parts)
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

static const struct seal_way SEAL_PLAIN = {
    .head_len = SEAL_LENGTH_LEN,
    .close = plain_close,
    .length = seal_length_in_clear,
    .open = plain_open,
};

static const struct seal_way *
way_of(const struct cipher *cipher, const struct mac *mac)
{
	switch (cipher->mode) {
	case CIPHER_PLAIN:
		return &SEAL_PLAIN;
	case CIPHER_GCM:
		return &SEAL_GCM;
	case CIPHER_CHACHA:
		return &SEAL_CHACHA;
	case CIPHER_CTR:
		break;
	}
	return mac->encrypt_then_mac ? &SEAL_ENCRYPT_THEN_MAC : &SEAL_ENCRYPT_AND_MAC;
}

enum err
seal_start_cipher(EVP_CIPHER_CTX **ret_ctx, const struct cipher *cipher, const uint8_t *key,
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
seal_start(struct seal *s, enum seal_direction direction, const struct mac *mac,
    const struct seal_keys *keys)
{
	if (s->cipher->mode == CIPHER_PLAIN)
		return ERR_OK;
	s->tag_len = CIPHER_TAG_LEN;
	memcpy(s->iv, keys->iv, sizeof s->iv);
	enum err e = seal_start_cipher(&s->ctx, s->cipher, keys->key,
	    s->cipher->mode == CIPHER_CTR ? keys->iv : NULL, direction);
	if (e == ERR_OK && s->way->start != NULL)
		e = s->way->start(s, mac, keys);
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
	BUG_ON(front_len < SEAL_LENGTH_LEN || len < front_len + body.len);
	return s->way->close(
	    s, seq, &(struct seal_parts){.p = p, .len = len, .front_len = front_len, .body = body});
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
