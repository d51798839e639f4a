/* The host keys that a server shows: one handshake for each type of key, none of them a login. */
#include "base/clock.h"
#include "ssh/algorithms.h"
#include "ssh/handshake.h"

struct scan {
	const char *host;
	uint16_t port;
	int64_t deadline_us;
	transport_found_fn *found;
	void *ctx;
	size_t n_found;
};

static enum transport_outcome
scan_one(struct scan *scan, int fd, const char *algorithms, struct story *story)
{
	struct handshake h;
	char type[64];

	enum err e = handshake_init(&h, fd, scan->host, scan->port, scan->deadline_us, algorithms);
	if (e != ERR_OK) {
		story_set(
		    story, "no connection to \"%s\" can be prepared: %s", scan->host, err_text(e));
		return TRANSPORT_LOCAL_FAILURE;
	}
	enum transport_outcome outcome = handshake_run(&h, story);
	if (outcome == TRANSPORT_LOGGED_IN &&
	    slice_copy(blob_type(buf_slice(&h.key)), type, sizeof type)) {
		scan->found(scan->ctx, type, buf_slice(&h.key), h.fingerprint);
		scan->n_found++;
	}
	handshake_fini(&h);
	return outcome;
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
