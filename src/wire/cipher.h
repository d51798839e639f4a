/*
 * The ciphers and message authentication codes that we take, in the order in which we prefer them.
 * The order matters little: the client's decides (RFC 4253 section 7.1).
 */
#ifndef WIRE_CIPHER_H
#define WIRE_CIPHER_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/library.h"

/* How a packet is put under cipher and MAC. */
enum cipher_mode {
	CIPHER_PLAIN,  /* before the first keys */
	CIPHER_GCM,    /* RFC 5647, with OpenSSH's way of choosing it (PROTOCOL section 1.6) */
	CIPHER_CHACHA, /* OpenSSH's PROTOCOL.chacha20poly1305 */
	CIPHER_CTR     /* RFC 4344 section 4, with a MAC */
};

enum { CIPHER_KEY_MAX = 64, CIPHER_IV_MAX = 16, CIPHER_TAG_LEN = 16, MAC_LEN_MAX = 64 };

struct cipher {
	const char *name;
	enum cipher_mode mode;
	enum library_cipher library;
	size_t key_len;
	size_t iv_len; /* of what is derived; ChaCha20 takes the sequence number instead */
	size_t block;  /* packets are padded to a multiple of it */
};

struct mac {
	const char *name;
	enum library_digest digest;
	size_t len;            /* of key and code alike */
	bool encrypt_then_mac; /* the code is of the encrypted packet, whose length is in clear */
};

/* The i-th, NULL past the last. */
const struct cipher *cipher_at(size_t i);
/* By its name; NULL for others. */
const struct cipher *cipher_find(const char *name);
const struct mac *mac_at(size_t i);
const struct mac *mac_find(const char *name);

/* What protects packets before the first keys: nothing. */
const struct cipher *cipher_plain(void);

/* Does the cipher authenticate by itself? Then no MAC is agreed on. */
bool cipher_authenticates(const struct cipher *c);

#endif
