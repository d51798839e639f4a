/* Ciphers that authenticate by themselves: AES-GCM and ChaCha20-Poly1305. */
#include <openssl/crypto.h>

#include "base/buf.h"
#include "wire/seal_internal.h"

enum { CHACHA_KEY_LEN = 32, POLY_KEY_LEN = 32, CHACHA_IV_LEN = 16 };

/*
 * AES-GCM (RFC 5647 section 7): the length is in clear and authenticated. The IV is 4 fixed bytes
 * and a counter of 8, one more for each packet; a re-exchange comes long before it could repeat.
 */
static enum err
gcm_begin(struct seal *s, const uint8_t *length)
{
	int len;

	if (EVP_CipherInit_ex2(s->ctx, NULL, NULL, s->iv, -1, NULL) != 1 ||
	    EVP_CipherUpdate(s->ctx, NULL, &len, length, SEAL_LENGTH_LEN) != 1)
		return ERR_IO;
	for (size_t i = s->cipher->iv_len; i > 4 && ++s->iv[i - 1] == 0; i--)
		;
	return ERR_OK;
}

static enum err
gcm_close(struct seal *s, uint32_t seq unused_arg, const struct seal_parts *parts)
{
	uint8_t *tag = parts->p + parts->len;
	enum err e = gcm_begin(s, parts->p);
	int len;

	if (e == ERR_OK)
		e = seal_crypt_parts(s->ctx, parts, SEAL_LENGTH_LEN);
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
		e = seal_crypt(
		    s->ctx, p + SEAL_LENGTH_LEN, p + SEAL_LENGTH_LEN, len - SEAL_LENGTH_LEN);
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

	return e == ERR_OK ? seal_crypt(s->length_ctx, in, out, SEAL_LENGTH_LEN) : e;
}

/* The tag of len bytes at p, and the main stream set to the packet's first byte. */
static enum err
chacha_tag(struct seal *s, uint32_t seq, const uint8_t *p, size_t len, uint8_t *ret_tag)
{
	uint8_t key[POLY_KEY_LEN] = {0};
	size_t tag_len;
	enum err e = chacha_begin(s->ctx, seq, 0);

	if (e == ERR_OK)
		e = seal_crypt(s->ctx, key, key, sizeof key);
	if (e == ERR_OK && (EVP_MAC_init(s->mac, key, sizeof key, NULL) != 1 ||
			       EVP_MAC_update(s->mac, p, len) != 1 ||
			       EVP_MAC_final(s->mac, ret_tag, &tag_len, CIPHER_TAG_LEN) != 1))
		e = ERR_IO;
	OPENSSL_cleanse(key, sizeof key);
	return e;
}

static enum err
chacha_close(struct seal *s, uint32_t seq, const struct seal_parts *parts)
{
	enum err e = chacha_crypt_length(s, seq, parts->p, parts->p);

	if (e == ERR_OK)
		e = chacha_begin(s->ctx, seq, 1);
	if (e == ERR_OK)
		e = seal_crypt_parts(s->ctx, parts, SEAL_LENGTH_LEN);
	if (e == ERR_OK)
		e = chacha_tag(s, seq, parts->p, parts->len, parts->p + parts->len);
	return e;
}

static enum err
chacha_length(struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len)
{
	uint8_t length[SEAL_LENGTH_LEN];
	/* Not in place: the tag is of the encrypted length. */
	enum err e = chacha_crypt_length(s, seq, p, length);

	*ret_len = e == ERR_OK ? seal_be32(length) : 0;
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
		e = seal_crypt(
		    s->ctx, p + SEAL_LENGTH_LEN, p + SEAL_LENGTH_LEN, len - SEAL_LENGTH_LEN);
	return e;
}

static enum err
chacha_start(struct seal *s, const struct mac *mac unused_arg, const struct seal_keys *keys)
{
	s->mac = EVP_MAC_CTX_new(library_mac(LIBRARY_POLY1305));
	if (s->mac == NULL)
		return ERR_NOMEM;
	return seal_start_cipher(
	    &s->length_ctx, s->cipher, keys->key + CHACHA_KEY_LEN, NULL, SEAL_SENDS);
}

const struct seal_way SEAL_GCM = {
    .length_apart = true,
    .head_len = SEAL_LENGTH_LEN,
    .close = gcm_close,
    .length = seal_length_in_clear,
    .open = gcm_open,
};

const struct seal_way SEAL_CHACHA = {
    .start = chacha_start,
    .length_apart = true,
    .head_len = SEAL_LENGTH_LEN,
    .close = chacha_close,
    .length = chacha_length,
    .open = chacha_open,
};
