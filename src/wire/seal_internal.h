/*
 * The inside of a seal, shared by seal.c (its life), seal_aead.c (GCM, ChaCha20-Poly1305) and
 * seal_ctr.c (CTR with a MAC).
 */
#ifndef WIRE_SEAL_INTERNAL_H
#define WIRE_SEAL_INTERNAL_H

#include "wire/seal.h"

enum { SEAL_LENGTH_LEN = 4 };

/* What a packet is made of when it is sent: see seal_close. */
struct seal_parts {
	uint8_t *p;
	size_t len;
	size_t front_len;
	struct slice body;
};

/* A way to protect packets. */
struct seal_way {
	/* Sets up what the way needs beside the cipher; NULL: nothing. */
	enum err (*start)(struct seal *s, const struct mac *mac, const struct seal_keys *keys);
	bool length_apart; /* the length is not counted in what is padded to the block */
	size_t head_len;
	enum err (*close)(struct seal *s, uint32_t seq, const struct seal_parts *parts);
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

extern const struct seal_way SEAL_GCM, SEAL_CHACHA, SEAL_ENCRYPT_THEN_MAC, SEAL_ENCRYPT_AND_MAC;

/* Encrypts or decrypts len bytes, maybe in place. The stream goes on: for CTR over packets, for the
 * others from the IV that was set last. */
enum err seal_crypt(EVP_CIPHER_CTX *ctx, const uint8_t *in, uint8_t *out, size_t len) must_check;

/* Encrypts a packet from its byte `from` on: its front in place, the body from its source, the
 * padding in place. */
enum err seal_crypt_parts(
    EVP_CIPHER_CTX *ctx, const struct seal_parts *parts, size_t from) must_check;

/* A context of the seal's cipher, set up once. iv is NULL where each packet sets its own. */
enum err seal_start_cipher(EVP_CIPHER_CTX **ret_ctx, const struct cipher *cipher,
    const uint8_t *key, const uint8_t *iv, enum seal_direction direction) must_check;

/* A packet's length where it is in clear. */
enum err seal_length_in_clear(
    struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len) must_check;

static inline uint32_t
seal_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
