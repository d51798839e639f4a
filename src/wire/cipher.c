#include "wire/cipher.h"

#include <string.h>

/*
 * Authenticated ciphers first. With AES in hardware both GCMs run at the same speed but for 5%, so
 * the larger key goes first. ChaCha20-Poly1305 is for peers without AES in hardware. CTR is for old
 * peers; no CBC.
 */
static const struct cipher CIPHERS[] = {
    {"aes256-gcm@openssh.com", CIPHER_GCM, LIBRARY_AES256_GCM, 32, 12, 16},
    {"aes128-gcm@openssh.com", CIPHER_GCM, LIBRARY_AES128_GCM, 16, 12, 16},
    {"chacha20-poly1305@openssh.com", CIPHER_CHACHA, LIBRARY_CHACHA20, 64, 0, 8},
    {"aes256-ctr", CIPHER_CTR, LIBRARY_AES256_CTR, 32, 16, 16},
    {"aes192-ctr", CIPHER_CTR, LIBRARY_AES192_CTR, 24, 16, 16},
    {"aes128-ctr", CIPHER_CTR, LIBRARY_AES128_CTR, 16, 16, 16},
};

static const struct cipher PLAIN = {"none", CIPHER_PLAIN, LIBRARY_CIPHERS, 0, 0, 8};

/* Only used with CTR. Encrypt-then-MAC first; the plain ones are for old peers. */
static const struct mac MACS[] = {
    {"hmac-sha2-256-etm@openssh.com", LIBRARY_SHA256, 32, true},
    {"hmac-sha2-512-etm@openssh.com", LIBRARY_SHA512, 64, true},
    {"hmac-sha2-256", LIBRARY_SHA256, 32, false},
    {"hmac-sha2-512", LIBRARY_SHA512, 64, false},
};

const struct cipher *
cipher_at(size_t i)
{
	return i < ARRAY_LEN(CIPHERS) ? &CIPHERS[i] : NULL;
}

const struct cipher *
cipher_find(const char *name)
{
	for (size_t i = 0; cipher_at(i) != NULL; i++) {
		if (strcmp(cipher_at(i)->name, name) == 0)
			return cipher_at(i);
	}
	return NULL;
}

const struct mac *
mac_at(size_t i)
{
	return i < ARRAY_LEN(MACS) ? &MACS[i] : NULL;
}

const struct mac *
mac_find(const char *name)
{
	for (size_t i = 0; mac_at(i) != NULL; i++) {
		if (strcmp(mac_at(i)->name, name) == 0)
			return mac_at(i);
	}
	return NULL;
}

const struct cipher *
cipher_plain(void)
{
	return &PLAIN;
}

bool
cipher_authenticates(const struct cipher *c)
{
	return c->mode == CIPHER_GCM || c->mode == CIPHER_CHACHA;
}
