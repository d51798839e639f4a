#include "ssh/hostkeys.h"

#include <stdlib.h>

#include "pki/blob.h"
#include "ssh/hostkeys_internal.h"
#include "ssh/privkey.h"

/* One of each type: Ed25519, ECDSA (whatever curve), RSA. */
enum { SLOT_ED25519, SLOT_ECDSA, SLOT_RSA, N_SLOTS };

struct hostkey {
	int slot;
	ssh_key key;
	char fingerprint[BLOB_FINGERPRINT_MAX];
};

struct hostkeys {
	struct hostkey keys[N_SLOTS]; /* in the order in which they were added */
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
		ssh_key_free(keys->keys[i].key);
	free(keys);
}

static int
slot_of(ssh_key key)
{
	struct slice type = slice_str(ssh_key_type_to_char(ssh_key_type(key)));

	if (slice_is(type, "ssh-ed25519"))
		return SLOT_ED25519;
	return slice_is(type, "ssh-rsa") ? SLOT_RSA : SLOT_ECDSA;
}

static enum err
fingerprint_of(ssh_key key, char ret_fingerprint[BLOB_FINGERPRINT_MAX])
{
	struct buf blob _cleanup_(buf_fini);

	buf_init(&blob, BLOB_MAX);
	enum err e = privkey_blob(key, &blob);
	return e == ERR_OK ? blob_fingerprint(buf_slice(&blob), ret_fingerprint) : e;
}

enum err
hostkeys_add(struct hostkeys *keys, struct slice private_key, struct story *story)
{
	ssh_key key = NULL;

	enum err e = privkey_import(private_key, "the host key", &key, story);
	if (e != ERR_OK)
		return e;
	int slot = slot_of(key);
	for (size_t i = 0; i < keys->n_keys && e == ERR_OK; i++) {
		if (keys->keys[i].slot == slot)
			e = story_fail(story, ERR_EXISTS,
			    "there is a host key of this type already: %s",
			    keys->keys[i].fingerprint);
	}
	struct hostkey *added = &keys->keys[keys->n_keys];
	if (e == ERR_OK)
		e = fingerprint_of(key, added->fingerprint);
	if (e != ERR_OK) {
		ssh_key_free(key);
		return e;
	}
	added->slot = slot;
	added->key = key;
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
	return keys->keys[i].fingerprint;
}

enum err
hostkeys_offer(const struct hostkeys *keys, ssh_bind bind)
{
	for (size_t i = 0; i < keys->n_keys; i++) {
		/* The bind takes the key over, but only when the call succeeds. */
		ssh_key copy = ssh_key_dup(keys->keys[i].key);
		if (copy == NULL)
			return ERR_NOMEM;
		if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, copy) != SSH_OK) {
			ssh_key_free(copy);
			return ERR_UNSUPPORTED;
		}
	}
	return ERR_OK;
}

const char *
hostkeys_only_type(const struct hostkeys *keys)
{
	return keys->n_keys == 1 ? ssh_key_type_to_char(ssh_key_type(keys->keys[0].key)) : "-";
}
