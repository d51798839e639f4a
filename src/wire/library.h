/*
 * libcrypto's algorithms, looked up once: the lookup takes locks and a store of providers, and a
 * session is forked after it and runs where no file can be opened. What was fetched is global and
 * never changes afterwards.
 */
#ifndef WIRE_LIBRARY_H
#define WIRE_LIBRARY_H

#include <openssl/evp.h>

#include "base/err.h"

enum library_digest { LIBRARY_SHA256, LIBRARY_SHA384, LIBRARY_SHA512, LIBRARY_DIGESTS };

enum library_cipher {
	LIBRARY_AES256_GCM,
	LIBRARY_AES128_GCM,
	LIBRARY_CHACHA20,
	LIBRARY_AES256_CTR,
	LIBRARY_AES192_CTR,
	LIBRARY_AES128_CTR,
	LIBRARY_CIPHERS
};

enum library_mac { LIBRARY_HMAC, LIBRARY_POLY1305, LIBRARY_MACS };

/* Borrowed. BUG before wire_library_init. */
const EVP_CIPHER *library_cipher(enum library_cipher which);
const EVP_MD *library_digest(enum library_digest which);
EVP_MAC *library_mac(enum library_mac which);

const char *library_digest_name(enum library_digest which);

#endif
