#include "wire/library.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/bug.h"
#include "wire/kex.h"
#include "wire/link.h"

static const char *const CIPHER_NAMES[LIBRARY_CIPHERS] = {
    [LIBRARY_AES256_GCM] = "AES-256-GCM",
    [LIBRARY_AES128_GCM] = "AES-128-GCM",
    [LIBRARY_CHACHA20] = "ChaCha20",
    [LIBRARY_AES256_CTR] = "AES-256-CTR",
    [LIBRARY_AES192_CTR] = "AES-192-CTR",
    [LIBRARY_AES128_CTR] = "AES-128-CTR",
};

static const char *const DIGEST_NAMES[LIBRARY_DIGESTS] = {
    [LIBRARY_SHA256] = "SHA256",
    [LIBRARY_SHA384] = "SHA384",
    [LIBRARY_SHA512] = "SHA512",
};

static const char *const MAC_NAMES[LIBRARY_MACS] = {
    [LIBRARY_HMAC] = "HMAC",
    [LIBRARY_POLY1305] = "POLY1305",
};

/* Written by wire_library_init alone, before any session is forked; read-only from then on. */
static struct {
	EVP_CIPHER *ciphers[LIBRARY_CIPHERS];
	EVP_MD *digests[LIBRARY_DIGESTS];
	EVP_MAC *macs[LIBRARY_MACS];
	bool ready, tried;
} library;

static bool
fetch_all(void)
{
	for (size_t i = 0; i < LIBRARY_CIPHERS; i++) {
		library.ciphers[i] = EVP_CIPHER_fetch(NULL, CIPHER_NAMES[i], NULL);
		if (library.ciphers[i] == NULL)
			return false;
	}
	for (size_t i = 0; i < LIBRARY_DIGESTS; i++) {
		library.digests[i] = EVP_MD_fetch(NULL, DIGEST_NAMES[i], NULL);
		if (library.digests[i] == NULL)
			return false;
	}
	for (size_t i = 0; i < LIBRARY_MACS; i++) {
		library.macs[i] = EVP_MAC_fetch(NULL, MAC_NAMES[i], NULL);
		if (library.macs[i] == NULL)
			return false;
	}
	return true;
}

/*
 * One exchange with ourselves by each method: what libcrypto loads lazily for them is there then,
 * and a library without one of them is told of at the start and not at the first login.
 */
static enum err
try_methods(void)
{
	enum err e = ERR_OK;

	for (size_t i = 0; kex_method_at(i) != NULL && e == ERR_OK; i++)
		e = kex_try(kex_method_at(i));
	return e;
}

enum err
wire_library_load(void)
{
	uint8_t byte;

	if (library.ready)
		return ERR_OK;
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 || !fetch_all() ||
	    RAND_bytes(&byte, 1) != 1)
		return ERR_UNSUPPORTED;
	library.ready = true;
	return ERR_OK;
}

enum err
wire_library_init(void)
{
	if (library.tried)
		return ERR_OK;
	enum err e = wire_library_load();
	if (e == ERR_OK)
		e = try_methods();
	library.tried = e == ERR_OK;
	return e;
}

const EVP_CIPHER *
library_cipher(enum library_cipher which)
{
	BUG_ON(!library.ready);
	return library.ciphers[which];
}

const EVP_MD *
library_digest(enum library_digest which)
{
	BUG_ON(!library.ready);
	return library.digests[which];
}

EVP_MAC *
library_mac(enum library_mac which)
{
	BUG_ON(!library.ready);
	return library.macs[which];
}

const char *
library_digest_name(enum library_digest which)
{
	return DIGEST_NAMES[which];
}
