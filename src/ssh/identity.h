/*
 * What a person can log in with: keys and certificates in files and in the agent, in the order in
 * which OpenSSH would offer them. Private keys are read when they are needed, and wiped with the
 * set.
 */
#ifndef SSH_IDENTITY_H
#define SSH_IDENTITY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "pki/sign.h"
#include "ssh/sshconfig.h"

enum { IDENTITIES_MAX = 256 };

struct identity {
	char *path;      /* of the private key; NULL: of the agent alone */
	struct buf blob; /* the plain public key; empty: not known without the passphrase */
	struct buf cert; /* a user's certificate of it; empty: none */
	bool named;      /* somebody asked for it: failures are told */
	bool in_agent;
	bool encrypted;      /* the file needs a passphrase */
	struct pki_key *key; /* once it was read */
};

struct identity_set {
	struct identity at[IDENTITIES_MAX];
	size_t n;
	int agent_fd; /* -1: none */
};

/* What goes wrong without being fatal. */
typedef void identity_tell_fn(void *ctx, unsigned level, const char *text);

/* Looks at the files of a settled configuration, and into the agent. Files that nobody named and
 * that aren't there are passed over. */
enum err identity_gather(struct identity_set *set, const struct sshconfig *c,
    identity_tell_fn *tell, void *ctx) must_check;
void identity_set_fini(struct identity_set *set);

/*
 * Reads the private key's file; passphrase is NULL for one without. ERR_ACCESS: others may read it,
 * or the passphrase is wrong (then the story is empty); the story tells.
 */
enum err identity_load(struct identity *id, const char *passphrase, struct story *story) must_check;

/* The public blob in the head of OpenSSH's private key format, which stands there in the clear, and
 * whether the rest is encrypted. ERR_FORMAT: another format. */
enum err identity_peek(struct slice content, struct buf *ret_blob, bool *ret_encrypted) must_check;

#endif
