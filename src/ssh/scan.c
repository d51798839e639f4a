/* The host keys that a server shows: one handshake for each type of key, none of them a login. */
#include "base/clock.h"
#include "pki/blob.h"
#include "ssh/algorithms.h"
#include "ssh/dial.h"

struct scan {
	const char *host;
	uint16_t port;
	int64_t deadline_us;
	transport_found_fn *found;
	void *ctx;
	size_t n_found;
	bool noted; /* this connection has shown one */
};

/* A host key is all that is wanted; refusing it keeps everything else from being sent. */
static enum transport_outcome
note(void *ctx, const struct dial_host_key *key, struct story *story)
{
	struct scan *scan = ctx;
	char type[64];

	story_set(story, "%s", "");
	scan->noted = slice_copy(blob_type(key->key), type, sizeof type);
	if (scan->noted) {
		scan->found(scan->ctx, type, key->key, key->fingerprint);
		scan->n_found++;
	}
	return TRANSPORT_HOST_KEY_UNKNOWN;
}

static void
prove_nothing(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof)
{
	(void)ctx;
	(void)state;
	ret_proof->type = DIAL_NO_PROOF;
}

static enum transport_outcome
scan_one(struct scan *scan, int fd, const char *algorithms, struct story *story)
{
	struct dial_config config = {
	    .host = scan->host,
	    .port = scan->port,
	    .user = "nobody",
	    .deadline_us = scan->deadline_us,
	    .host_keys = algorithms,
	    .judge = note,
	    .next = prove_nothing,
	    .ctx = scan,
	};
	struct transport_facts facts;
	struct transport *t = NULL;

	scan->noted = false;
	enum transport_outcome outcome = transport_dial(&t, fd, &config, &facts, story);
	transport_free(t);
	return scan->noted ? TRANSPORT_LOGGED_IN : outcome;
}

/*
 * A server that lacks a type says so, or just ends the connection; either way the next type is
 * tried, while there is time. The story of a scan that found nothing is the first failure's.
 */
enum err
transport_scan_host_keys(const char *host, uint16_t port, int64_t timeout_us,
    transport_connect_fn *connect, transport_found_fn *found, void *ctx, struct story *story)
{
	struct scan scan = {
	    .host = host,
	    .port = port,
	    .deadline_us = time_mono_us() + timeout_us,
	    .found = found,
	    .ctx = ctx,
	};
	struct story ignored;
	const char *algorithms;
	enum err failure = ERR_OK;

	for (size_t i = 0; (algorithms = algorithms_of_host_key_type(i)) != NULL; i++) {
		struct story *listener = failure == ERR_OK ? story : &ignored;
		int fd;
		enum err e = connect(ctx, &fd, listener);
		if (e != ERR_OK)
			return scan.n_found > 0 ? ERR_OK : failure != ERR_OK ? failure : e;
		enum transport_outcome outcome = scan_one(&scan, fd, algorithms, listener);
		if (outcome != TRANSPORT_LOGGED_IN && failure == ERR_OK)
			failure =
			    outcome == TRANSPORT_NO_ALGORITHM ? ERR_UNSUPPORTED : ERR_UNREACHABLE;
		if (time_mono_us() >= scan.deadline_us)
			break;
	}
	if (scan.n_found == 0)
		return failure;
	story_set(story, "%s", "");
	return ERR_OK;
}
