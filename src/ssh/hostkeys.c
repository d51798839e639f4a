#include "ssh/hostkeys.h"

#include <stdlib.h>

#include "pki/blob.h"
#include "pki/sign.h"

/* One of each type: Ed25519, ECDSA (whatever curve), RSA. */
enum slot { SLOT_ED25519, SLOT_ECDSA, SLOT_RSA, N_SLOTS };

/* The i-th of each array is the same key, in the order in which they were added. */
struct hostkeys {
	struct pki_key *owned[N_SLOTS];
	const struct pki_key *keys[N_SLOTS]; /* the same, to be looked at */
	char fingerprints[N_SLOTS][BLOB_FINGERPRINT_MAX];
	size_t n_keys;
};

enum err
hostkeys_new(struct hostkeys **ret_keys)
{
	*ret_keys = calloc(1, sizeof **ret_keys);
	return *ret_keys == NULL ? ERR_NOMEM : ERR_OK;
}

void
hostkeys_free(struct hostkeys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n_keys; i++)
		pki_key_free(keys->owned[i]);
	free(keys);
}

static enum slot
slot_of(const struct pki_key *key)
{
	struct slice type = blob_type(pki_key_blob(key));

	if (slice_is(type, "ssh-ed25519"))
		return SLOT_ED25519;
	return slice_is(type, "ssh-rsa") ? SLOT_RSA : SLOT_ECDSA;
}

enum err
hostkeys_add(struct hostkeys *keys, struct slice private_key, struct story *story)
{
	size_t n = keys->n_keys;
	struct pki_key *key;

	enum err e = pki_key_parse(private_key, "the host key", &key, story);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		if (slot_of(keys->keys[i]) == slot_of(key))
			e = story_fail(story, ERR_EXISTS,
			    "there is a host key of this type already: %s", keys->fingerprints[i]);
	}
	if (e == ERR_OK)
		e = blob_fingerprint(pki_key_blob(key), keys->fingerprints[n]);
	if (e != ERR_OK) {
		pki_key_free(key);
		return e;
	}
	keys->keys[n] = keys->owned[n] = key;
	keys->n_keys++;
	return ERR_OK;
}

size_t
hostkeys_count(const struct hostkeys *keys)
{
	return keys->n_keys;
}

const char *
hostkeys_fingerprint(const struct hostkeys *keys, size_t i)
{
	return keys->fingerprints[i];
}

const struct pki_key *const *
hostkeys_all(const struct hostkeys *keys, size_t *ret_n)
{
	*ret_n = keys->n_keys;
	return keys->keys;
}
