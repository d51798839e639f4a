/*
 * A gateway's login at a remote: known_hosts is the content of one file, the proof is one private
 * key, and nobody is asked anything.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "pki/blob.h"
#include "pki/sign.h"
#include "ssh/algorithms.h"
#include "ssh/knownhosts.h"
#include "ssh/transport_client.h"

struct client_login {
	const struct transport_client_config *config;
	struct pki_key *key;
	const char *algorithm; /* of the signature, once it was tried; NULL before */
	bool partial;          /* the key was good, and more is asked for */
	bool keys_allowed;     /* it takes keys at all */
};

/* The name of a key type as ssh-keygen -l shows it. */
static const char *
short_type(struct slice type)
{
	if (slice_is(type, "ssh-ed25519"))
		return "ED25519";
	return slice_is(type, "ssh-rsa") ? "RSA" : "ECDSA";
}

static enum transport_outcome
judge(void *ctx, const struct dial_host_key *shown, struct story *story)
{
	const struct client_login *l = ctx;
	const struct transport_client_config *config = l->config;
	struct slice key = shown->key, type = blob_type(key);
	struct knownhosts_result found =
	    knownhosts_check(config->known_hosts, config->host, config->port, type, key);
	const char *name = short_type(type);
	unsigned port = config->port;

	switch (found.verdict) {
	case KNOWNHOSTS_MATCH:
		return TRANSPORT_LOGGED_IN;
	case KNOWNHOSTS_REVOKED:
		story_set(story,
		    "remote \"%s\" port %u shows the host key %s %s, which line %zu of known_hosts "
		    "revokes: whoever has it is not to be trusted (nothing was sent)",
		    config->host, port, name, shown->fingerprint, found.line);
		return TRANSPORT_HOST_KEY_CHANGED;
	case KNOWNHOSTS_CHANGED:
		story_set(story,
		    "remote \"%s\" port %u shows the host key %s %s, but line %zu of known_hosts "
		    "has another: either the server was given a new key, or somebody stands "
		    "between (nothing was sent; ask the server's operator which key is right)",
		    config->host, port, name, shown->fingerprint, found.line);
		return TRANSPORT_HOST_KEY_CHANGED;
	case KNOWNHOSTS_UNKNOWN:
	default:
		story_set(story,
		    "remote \"%s\" port %u shows the host key %s %s, which is not in known_hosts "
		    "(nothing was sent; compare the fingerprint with what the server's operator "
		    "says, then add the key)",
		    config->host, port, name, shown->fingerprint);
		return TRANSPORT_HOST_KEY_UNKNOWN;
	}
}

/* The first that the key can make and the server takes; a server that doesn't say gets the first.
 */
static const char *
choose_algorithm(const struct pki_key *key, struct slice taken)
{
	const char *name;

	for (size_t i = 0; (name = pki_key_algorithm(key, i)) != NULL; i++) {
		if (algorithms_has(taken, slice_str(name)))
			return name;
	}
	return pki_key_algorithm(key, 0);
}

static enum err
sign(void *ctx, struct slice data, struct buf *ret_signature)
{
	const struct client_login *l = ctx;

	return pki_sign(l->key, l->algorithm, data, ret_signature);
}

/* The key, once: the one request that a login needs, signed without asking first. */
static void
next(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof)
{
	struct client_login *l = ctx;

	l->partial = state->partial;
	l->keys_allowed = algorithms_has(state->methods, slice_str("publickey"));
	if (l->algorithm != NULL)
		return;
	l->algorithm = choose_algorithm(l->key, state->signatures);
	*ret_proof = (struct dial_proof){
	    .type = DIAL_PUBLICKEY,
	    .algorithm = l->algorithm,
	    .blob = pki_key_blob(l->key),
	    .sign = sign,
	    .ctx = l,
	};
}

/* What somebody has to do about a key that isn't enough. */
static const char *
refusal_advice(const struct client_login *l)
{
	if (l->partial)
		return "another proof is asked for besides it, which we don't have";
	if (!l->keys_allowed)
		return "its operator must allow keys: it offers other ways to log in alone";
	return "its operator must add the public half: dray key show";
}

/* Which key it was, for the person who has to tell the other side's operator. */
static void
explain_refusal(const struct client_login *l, struct story *story)
{
	const struct transport_client_config *config = l->config;
	struct slice blob = pki_key_blob(l->key);
	char fingerprint[BLOB_FINGERPRINT_MAX], user[128];

	if (blob_fingerprint(blob, fingerprint) != ERR_OK)
		(void)snprintf(fingerprint, sizeof fingerprint, "?");
	story_set(story, "remote \"%s\" port %u %s the key %s %s for the user \"%s\" (%s)",
	    config->host, (unsigned)config->port, l->partial ? "wants more than" : "refuses",
	    short_type(blob_type(blob)), fingerprint,
	    text_escape(slice_str(config->user), user, sizeof user), refusal_advice(l));
}

static enum transport_outcome
run(struct client_login *l, struct transport **ret_t, int fd, const char *host_keys,
    struct transport_facts *ret_facts, struct story *story)
{
	struct dial_config config = {
	    .host = l->config->host,
	    .port = l->config->port,
	    .user = l->config->user,
	    .deadline_us = time_mono_us() + l->config->timeout_us,
	    .host_keys = host_keys,
	    .judge = judge,
	    .next = next,
	    .ctx = l,
	};
	struct transport *t = NULL;

	enum transport_outcome outcome = transport_dial(&t, fd, &config, ret_facts, story);
	if (outcome == TRANSPORT_USER_KEY_REFUSED)
		explain_refusal(l, story);
	/* "No SFTP" is an outcome of the login here, so the server's word is waited for. */
	if (outcome == TRANSPORT_LOGGED_IN)
		outcome = dial_await_subsystem(t, &config, config.deadline_us, story);
	if (outcome == TRANSPORT_LOGGED_IN)
		*ret_t = t;
	else
		transport_free(t);
	return outcome;
}

/* The host key algorithms to offer: those of the pinned keys first. */
static enum err
choose_host_keys(const struct transport_client_config *config, struct buf *ret_list)
{
	struct buf pinned _cleanup_(buf_fini);

	buf_init(&pinned, 1024);
	enum err e = knownhosts_types(config->known_hosts, config->host, config->port, &pinned);
	return e == ERR_OK ? algorithms_host_keys(buf_slice(&pinned), ret_list) : e;
}

enum transport_outcome
transport_client_login(struct transport **ret_t, int fd,
    const struct transport_client_config *config, struct transport_facts *ret_facts,
    struct story *story)
{
	struct client_login l = {.config = config};
	struct buf host_keys _cleanup_(buf_fini);

	*ret_facts = (struct transport_facts){0};
	buf_init(&host_keys, 1024);
	if (pki_key_parse(config->private_key, "the identity's private key", &l.key, story) !=
	    ERR_OK) {
		(void)close(fd);
		return TRANSPORT_BAD_PRIVATE_KEY;
	}
	enum transport_outcome outcome = TRANSPORT_LOCAL_FAILURE;
	enum err e = choose_host_keys(config, &host_keys);
	if (e == ERR_OK) {
		outcome =
		    run(&l, ret_t, fd, (const char *)buf_slice(&host_keys).ptr, ret_facts, story);
	} else {
		(void)close(fd);
		story_set(story, "no connection to \"%s\" can be prepared: %s", config->host,
		    err_text(e));
	}
	pki_key_free(l.key);
	return outcome;
}
