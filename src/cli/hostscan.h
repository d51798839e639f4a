/*
 * A remote's host keys: those that its server shows now, each judged by known_hosts; and (in
 * hostpins.c) those that known_hosts pins for it.
 */
#ifndef CLI_HOSTSCAN_H
#define CLI_HOSTSCAN_H

#include "base/buf.h"
#include "cli/cli.h"
#include "ssh/transport.h"

enum hostscan_verdict {
	HOSTSCAN_PINNED,
	HOSTSCAN_UNKNOWN, /* nothing is pinned for this host */
	HOSTSCAN_OTHER,   /* not pinned, but another of the server's keys is */
	HOSTSCAN_CHANGED, /* something else is pinned */
	HOSTSCAN_REVOKED
};

struct hostscan_key {
	char type[64];
	struct buf blob;
	char fingerprint[TRANSPORT_FINGERPRINT_MAX];
	enum hostscan_verdict verdict;
	size_t line; /* of known_hosts, that decided; 0 for none */
};

/* One key for each type of key that there is, with room for what may be invented. */
enum { HOSTSCAN_KEYS_MAX = 16 };

struct hostscan {
	const struct config_remote *remote; /* borrowed */
	struct buf known_hosts;             /* the file's content; empty when there is none */
	struct hostscan_key keys[HOSTSCAN_KEYS_MAX];
	size_t n_keys;
};

/* Reads known_hosts. Ended with hostscan_fini, in every case. */
enum err hostscan_init(
    struct hostscan *s, const struct config_remote *remote, struct story *story) must_check;
void hostscan_fini(struct hostscan *s);

/* Connects, once for each type of key, and fills keys. ERR_OK with at least one. */
enum err hostscan_connect(struct hostscan *s, struct story *story) must_check;

/* The key with this fingerprint, "SHA256:…", or NULL. */
const struct hostscan_key *hostscan_find(const struct hostscan *s, const char *fingerprint);

/* True when this server, as it shows itself now, must not be talked to though keys are pinned. */
bool hostscan_is_alarming(const struct hostscan *s);

/* "pinned", "unknown", … */
const char *hostscan_verdict_name(enum hostscan_verdict verdict);

/* A key that a line of known_hosts pins, or revokes, for the remote's host. */
struct hostscan_pin {
	size_t line;
	struct slice type; /* borrowed, unsafe */
	char fingerprint[TRANSPORT_FINGERPRINT_MAX];
	bool revoked;
};
typedef void hostscan_pin_fn(void *ctx, const struct hostscan_pin *pin);
void hostscan_each_pin(const struct hostscan *s, hostscan_pin_fn *fn, void *ctx);

#endif
