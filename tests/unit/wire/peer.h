/*
 * The client's half of the protocol, for tests and fuzzers of the link: as little as speaks to it,
 * step by step, so that a test can do something else between any two steps. It works with the
 * link's own packets, keys and methods; that those are right against others is for known answers
 * and for OpenSSH's ssh to show.
 *
 * A step that fails on our own side (memory, the library) is a BUG; what the link makes of it is
 * what peer_turn returns.
 */
#ifndef TESTS_WIRE_PEER_H
#define TESTS_WIRE_PEER_H

#include "wire/kex.h"
#include "wire/keys.h"
#include "wire/link.h"
#include "wire/packet.h"

/* The link's host keys as files: Ed25519, ECDSA. */
enum { PEER_N_HOST_KEYS = 2 };
extern const char *const PEER_HOST_KEYS[PEER_N_HOST_KEYS];

struct peer_options {
	const char *kex; /* names; NULL: what most clients come to */
	const char *host_key;
	const char *cipher, *cipher_back; /* to the server, and back: NULL: as to the server */
	const char *mac, *mac_back;
	const char *compression;
	bool strict, ext_info;
	bool guess; /* first_kex_packet_follows */
	struct wire_rekey rekey;
};

struct peer {
	struct wire_link *link;
	struct pki_key *host_keys[PEER_N_HOST_KEYS];
	struct peer_options options;
	struct packet_reader in;
	struct packet_writer out;
	const struct kex_method *kex;
	struct kex_pair *pair;
	struct buf public_ours;
	struct buf kexinit_ours, kexinit_theirs;
	struct keys_hash session;
	struct seal *next_out;
	char version_theirs[WIRE_TEXT_MAX];
	struct buf above; /* payloads that the link gave to the layers above, as strings */
	struct story story;
	size_t chunk; /* bytes that reach the link at once */
};

extern const char PEER_VERSION[];

/* A fresh link, and a client that has sent nothing. */
void peer_init(struct peer *p, const struct peer_options *options);
void peer_fini(struct peer *p);

/* Queues bytes as they are, or a payload as a packet. */
void peer_raw(struct peer *p, const void *bytes, size_t len);
void peer_send(struct peer *p, const void *payload, size_t len);
void peer_send_u8(struct peer *p, uint8_t number);

/*
 * Everything that is queued goes to the link, which is asked for payloads until it has none left;
 * what it answers waits in p->in. The link's last word: ERR_AGAIN as long as it lives.
 */
enum err peer_turn(struct peer *p);

/* The next payload from the link; false: there is none, or it isn't authentic. */
bool peer_next(struct peer *p, struct slice *ret_payload);
/* The number of the next payload, 0 without one. */
uint8_t peer_next_number(struct peer *p);
/* The next payload that the link gave to the layers above; false: none. Borrowed until the next
 * turn. */
bool peer_above(struct peer *p, struct slice *ret_payload);

/* The steps of a key exchange. */
void peer_put_version(struct peer *p);
void peer_put_kexinit(struct peer *p);
void peer_put_kex_init(struct peer *p);
/* The link's version (at the first time), and its KEXINIT. */
bool peer_take_kexinit(struct peer *p);
/* KEX_REPLY, with its signature checked, and NEWKEYS. */
bool peer_take_reply(struct peer *p);
void peer_put_newkeys(struct peer *p);

/* All of them, from the version on; and of a re-exchange. True: done, and the link lives. */
bool peer_handshake(struct peer *p);
bool peer_rekey(struct peer *p);

#endif
