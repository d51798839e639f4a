/*
 * The client's login, step after step, each with its own outcome. The order is the point: the host
 * key is compared with known_hosts before the user's name or key is used for anything.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"
#include "ssh/algorithms.h"
#include "ssh/client_internal.h"
#include "ssh/handshake.h"
#include "ssh/knownhosts.h"
#include "ssh/privkey.h"
#include "ssh/reason.h"

/* The name of a key type as ssh-keygen -l shows it. */
static const char *
short_type(struct slice type)
{
	if (slice_is(type, "ssh-ed25519"))
		return "ED25519";
	return slice_is(type, "ssh-rsa") ? "RSA" : "ECDSA";
}

static enum transport_outcome
check_host_key(
    const struct handshake *h, const struct transport_client_config *config, struct story *story)
{
	struct slice key = buf_slice(&h->key), type = blob_type(key);
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
		    config->host, port, name, h->fingerprint, found.line);
		return TRANSPORT_HOST_KEY_CHANGED;
	case KNOWNHOSTS_CHANGED:
		story_set(story,
		    "remote \"%s\" port %u shows the host key %s %s, but line %zu of known_hosts "
		    "has another: either the server was given a new key, or somebody stands "
		    "between (nothing was sent; ask the server's operator which key is right)",
		    config->host, port, name, h->fingerprint, found.line);
		return TRANSPORT_HOST_KEY_CHANGED;
	case KNOWNHOSTS_UNKNOWN:
	default:
		story_set(story,
		    "remote \"%s\" port %u shows the host key %s %s, which is not in known_hosts "
		    "(nothing was sent; compare the fingerprint with what the server's operator "
		    "says, then add the key)",
		    config->host, port, name, h->fingerprint);
		return TRANSPORT_HOST_KEY_UNKNOWN;
	}
}

/* What somebody has to do about a key that isn't enough. */
static const char *
refusal_advice(ssh_session session, bool partial)
{
	int methods = ssh_userauth_list(session, NULL);

	if (partial)
		return "another proof is asked for besides it, which we don't have";
	if ((methods & (int)SSH_AUTH_METHOD_PUBLICKEY) == 0)
		return "its operator must allow keys: it offers other ways to log in alone";
	return "its operator must add the public half: dray key show";
}

/* Which key it was, for the person who has to tell the other side's operator. */
static enum transport_outcome
explain_refusal(struct handshake *h, const struct transport_client_config *config, ssh_key key,
    bool partial, struct story *story)
{
	struct buf blob _cleanup_(buf_fini);
	char fingerprint[BLOB_FINGERPRINT_MAX] = "?";
	char user[128];

	buf_init(&blob, BLOB_MAX);
	if (privkey_blob(key, &blob) != ERR_OK ||
	    blob_fingerprint(buf_slice(&blob), fingerprint) != ERR_OK)
		fingerprint[0] = '?';
	story_set(story, "remote \"%s\" port %u %s the key %s %s for the user \"%s\" (%s)",
	    config->host, (unsigned)config->port, partial ? "wants more than" : "refuses",
	    short_type(blob_type(buf_slice(&blob))), fingerprint,
	    text_escape(slice_str(config->user), user, sizeof user),
	    refusal_advice(h->session, partial));
	return TRANSPORT_USER_KEY_REFUSED;
}

static enum transport_outcome
log_in(struct handshake *h, const struct transport_client_config *config, ssh_key key,
    struct story *story)
{
	int rc;

	while ((rc = ssh_userauth_publickey(h->session, config->user, key)) == SSH_AUTH_AGAIN) {
		/* libssh goes on waiting for an answer when the server has said goodbye. */
		bool lost = (ssh_get_status(h->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0;
		enum err e = lost ? ERR_CLOSED : handshake_wait(h);
		if (e != ERR_OK)
			return handshake_lost(h, e, "we logged in", story);
	}
	if (rc == SSH_AUTH_SUCCESS)
		return TRANSPORT_LOGGED_IN;
	if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL)
		return explain_refusal(h, config, key, rc == SSH_AUTH_PARTIAL, story);
	return handshake_lost(h, ERR_CLOSED, "we logged in", story);
}

/* Repeats one of libssh's calls until it is through. */
static enum transport_outcome
channel_step(
    struct handshake *h, ssh_channel channel, int (*step)(ssh_channel channel), struct story *story)
{
	char reason[STORY_MAX / 2];
	int rc;

	while ((rc = step(channel)) == SSH_AGAIN) {
		enum err e = handshake_wait(h);
		if (e != ERR_OK)
			return handshake_lost(h, e, "SFTP was asked for", story);
	}
	if (rc == SSH_OK)
		return TRANSPORT_LOGGED_IN;
	if ((ssh_get_status(h->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
		return handshake_lost(h, ERR_CLOSED, "SFTP was asked for", story);
	struct reason why = reason_of(ssh_get_error(h->session));
	bool no_word = why.kind == REASON_REFUSED;
	story_set(story, "remote \"%s\" port %u took the login, but offers no SFTP%s%s", h->host,
	    (unsigned)h->port, no_word ? "" : ": ",
	    no_word ? "" : text_escape(why.words, reason, sizeof reason));
	return TRANSPORT_NO_SFTP;
}

static int
request_sftp(ssh_channel channel)
{
	return ssh_channel_request_subsystem(channel, "sftp");
}

/*
 * The transport over a session that is logged in. From here on the session is the transport's, and
 * the descriptor with it; the channel is watched before the server can send into it.
 */
static enum transport_outcome
make_transport(struct handshake *h, struct transport **ret_t, struct story *story)
{
	struct client *c = client_new(h->session);
	ssh_channel channel = c == NULL ? NULL : ssh_channel_new(h->session);

	if (c == NULL) {
		story_set(story, "no memory for the connection");
		return TRANSPORT_LOCAL_FAILURE;
	}
	enum err e = channel == NULL ? ERR_NOMEM : client_watch_channel(c, channel);
	enum transport_outcome outcome = TRANSPORT_LOCAL_FAILURE;
	if (e == ERR_OK)
		outcome = channel_step(h, channel, ssh_channel_open_session, story);
	if (outcome == TRANSPORT_LOGGED_IN)
		outcome = channel_step(h, channel, request_sftp, story);
	if (outcome == TRANSPORT_LOGGED_IN && client_watch_session(c) != ERR_OK)
		outcome = TRANSPORT_LOCAL_FAILURE;
	/* The session goes with the transport, whatever comes of it. */
	h->session = NULL;
	h->fd = -1;
	if (outcome != TRANSPORT_LOGGED_IN) {
		if (outcome == TRANSPORT_LOCAL_FAILURE)
			story_set(story, "no memory for the connection");
		client_free(&c->base);
		return outcome;
	}
	client_note_facts(c);
	*ret_t = &c->base;
	return TRANSPORT_LOGGED_IN;
}

static enum transport_outcome
run(struct handshake *h, const struct transport_client_config *config, ssh_key key,
    struct transport **ret_t, struct transport_facts *ret_facts, struct story *story)
{
	enum transport_outcome outcome = handshake_run(h, story);
	const char *version = ssh_get_serverbanner(h->session);

	(void)snprintf(ret_facts->fingerprint, sizeof ret_facts->fingerprint, "%s", h->fingerprint);
	if (version != NULL)
		(void)text_escape(
		    slice_str(version), ret_facts->peer_version, sizeof ret_facts->peer_version);
	if (outcome == TRANSPORT_LOGGED_IN)
		outcome = check_host_key(h, config, story);
	if (outcome == TRANSPORT_LOGGED_IN)
		outcome = log_in(h, config, key, story);
	if (outcome == TRANSPORT_LOGGED_IN)
		outcome = make_transport(h, ret_t, story);
	if (outcome != TRANSPORT_LOGGED_IN)
		return outcome;
	memcpy((*ret_t)->facts.fingerprint, h->fingerprint, sizeof h->fingerprint);
	transport_facts(*ret_t, ret_facts);
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
	struct buf host_keys _cleanup_(buf_fini);
	struct handshake h;
	ssh_key key = NULL;

	*ret_facts = (struct transport_facts){0};
	buf_init(&host_keys, 1024);
	if (privkey_import(config->private_key, "the identity's private key", &key, story) !=
	    ERR_OK) {
		(void)close(fd);
		return TRANSPORT_BAD_PRIVATE_KEY;
	}
	enum err e = choose_host_keys(config, &host_keys);
	if (e != ERR_OK)
		(void)close(fd);
	else
		e = handshake_init(&h, fd, config->host, config->port,
		    time_mono_us() + config->timeout_us, (const char *)buf_slice(&host_keys).ptr);
	if (e != ERR_OK) {
		ssh_key_free(key);
		story_set(story, "no connection to \"%s\" can be prepared: %s", config->host,
		    err_text(e));
		return TRANSPORT_LOCAL_FAILURE;
	}
	enum transport_outcome outcome = run(&h, config, key, ret_t, ret_facts, story);
	ssh_key_free(key);
	handshake_fini(&h);
	return outcome;
}
