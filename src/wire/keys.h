/* From a key exchange to keys: RFC 4253 sections 7.2 and 8. */
#ifndef WIRE_KEYS_H
#define WIRE_KEYS_H

#include "base/buf.h"
#include "wire/seal.h"

/* What the exchange hash is of, besides the secret: the strings in the order of section 8. */
enum {
	KEYS_VERSION_CLIENT,
	KEYS_VERSION_SERVER,
	KEYS_KEXINIT_CLIENT,
	KEYS_KEXINIT_SERVER,
	KEYS_HOST_KEY,
	KEYS_PUBLIC_CLIENT,
	KEYS_PUBLIC_SERVER,
	KEYS_TRANSCRIPT
};

struct keys_hash {
	uint8_t bytes[EVP_MAX_MD_SIZE];
	size_t len;
};

/* H. secret is an mpint. */
enum err keys_exchange_hash(enum library_digest digest,
    const struct slice transcript[KEYS_TRANSCRIPT], struct slice secret,
    struct keys_hash *ret_hash) must_check;

/* What all keys of one exchange come from. Borrowed. */
struct keys_source {
	enum library_digest digest;
	struct slice secret; /* K, an mpint */
	struct slice hash;   /* H */
	struct slice session_id;
};

/* len bytes of the key with this letter, 'A' to 'F'. */
enum err keys_derive(
    const struct keys_source *source, char letter, uint8_t *dst, size_t len) must_check;

/* IV, key and MAC key of one direction; the caller wipes them. */
enum keys_way { KEYS_TO_SERVER, KEYS_TO_CLIENT };
enum err keys_derive_seal(const struct keys_source *source, enum keys_way way,
    const struct cipher *cipher, const struct mac *mac, struct seal_keys *ret_keys) must_check;

#endif
