/*
 * The server's half of the protocol, for tests and fuzzers of the client: as little as speaks to
 * it, step by step, so that a test can do something else between any two steps, and lie in each.
 * Like peer.h it works with the link's own packets, keys and methods; that those are right against
 * others is for known answers and for OpenSSH's sshd to show.
 *
 * A step that fails on our own side (memory, the library) is a BUG; what the client makes of it is
 * what its events tell.
 */
#ifndef TESTS_WIRE_HOST_H
#define TESTS_WIRE_HOST_H

#include "wire/client.h"
#include "wire/kex.h"
#include "wire/keys.h"
#include "wire/packet.h"

struct host_options {
	const char *kex, *host_key, *cipher, *mac, *compression; /* names; NULL: usual ones */
	bool strict;
	bool guess;                /* first_kex_packet_follows */
	const struct pki_key *key; /* signs; NULL: the first of PEER_HOST_KEYS */
	struct slice blob;         /* is shown in its place, as a certificate of it; or empty */
	const char *signature;     /* algorithm, where not that of host_key's name */
	bool forged;               /* the signature is of something else */
	struct wire_client_config client;
};

struct host {
	struct wire_client *client;
	struct host_options options;
	struct pki_key *own_key;
	struct packet_reader in;
	struct packet_writer out;
	const struct kex_method *kex;
	struct buf kexinit_ours, kexinit_theirs, value_theirs;
	struct keys_hash session;
	struct seal *next_in;
	char version_theirs[WIRE_TEXT_MAX];
	size_t chunk;      /* bytes that reach the client at once */
	uint64_t n_given;  /* bytes that have reached it */
	uint64_t flip_bit; /* this one of all bits is flipped on its way, if flips */
	bool flips;
	uint64_t cut; /* nothing from this byte on reaches it, if cuts */
	bool cuts;
};

extern const char HOST_VERSION[];

/* A fresh client, and a server that has said nothing. */
void host_init(struct host *h, const struct host_options *options);
void host_fini(struct host *h);

/* Queues bytes as they are, or a payload as a packet. */
void host_raw(struct host *h, const void *bytes, size_t len);
void host_send(struct host *h, struct slice payload);
/* One of fields: b: a byte, u: a uint32, s: a string, l: a string of a slice, r: a slice as it is.
 */
void host_say(struct host *h, const char *fields, ...);

/* All that waits goes to the client as far as it wants input, and what it has comes to us. */
void host_turn(struct host *h);
/* ... until the client has an event, or nothing moves any more. */
void host_event(struct host *h, struct wire_client_event *ret_event);

/* The next payload from the client; false: there is none, or it isn't authentic. */
bool host_next(struct host *h, struct slice *ret_payload);
uint8_t host_next_number(struct host *h);

/* The steps of a key exchange. */
void host_put_version(struct host *h);
void host_put_kexinit(struct host *h);
/* The client's version (at the first time), KEXINIT and KEX_INIT. */
bool host_take_init(struct host *h);
/* KEX_REPLY and NEWKEYS. */
void host_put_reply(struct host *h);
/* The client's. */
bool host_take_newkeys(struct host *h);

/* All of them; the host key is accepted. And of a re-exchange that we begin. */
bool host_handshake(struct host *h);
bool host_rekey(struct host *h);

/* From the handshake to an open channel, by the client's first proof, a password. The peer's
 * number for the channel is 7. */
bool host_log_in(struct host *h);
bool host_up(struct host *h);

#endif
