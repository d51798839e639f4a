/*
 * The lower half of SSH (RFC 4253), a server's or a client's: version exchange, binary packets, key
 * exchange and re-exchange, and the messages of the transport itself. Above it only whole payloads
 * are seen. No I/O: bytes of the line go in and come out.
 *
 * Strict key exchange (OpenSSH's PROTOCOL section 1.10, against CVE-2023-48795), EXT_INFO with
 * server-sig-algs (RFC 8308). No compression, no group exchange, nothing with SHA-1.
 *
 * SECURITY: this is the first code that a stranger's bytes meet, and runs without privilege, file
 * system or capability. Every length is checked before it is used; before the first key exchange is
 * complete a packet is bounded by WIRE_PACKET_EARLY.
 */
#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct cert;
struct pki_key;
struct wire_offer;

enum {
	WIRE_PACKET_MAX = 256 * 1024, /* of a packet from the peer, as OpenSSH has it */
	WIRE_PACKET_EARLY = 35000,    /* before the first keys (RFC 4253 section 6.1) */
	WIRE_INPUT_MAX = 512 * 1024,  /* bytes of the line that wait here, encrypted or not */
	WIRE_HOST_KEYS_MAX = 8,
	WIRE_SIGNATURES_MAX = 4096, /* server-sig-algs: longer is as if it had not come */
	WIRE_TEXT_MAX = 256
};

/* When we begin a re-exchange of keys ourselves; 0 is the default of each. */
struct wire_rekey {
	uint64_t bytes;   /* of either direction; 64 GiB */
	uint64_t packets; /* of either direction; 2^31 */
	int64_t us;       /* since the last exchange; an hour */
};

enum wire_role { WIRE_SERVER, WIRE_CLIENT };

struct wire_link_config {
	enum wire_role role;
	/* Borrowed for the life of the link. Of a server: at least one. */
	const struct pki_key *const *host_keys;
	size_t n_host_keys;
	const struct wire_offer *offer; /* of a client */
	const char *software; /* of our version: "Dray_0.2"; NULL: that with DRAY_VERSION */
	struct wire_rekey rekey;
};

/* What was agreed on, for the log. */
struct wire_facts {
	char peer_version[WIRE_TEXT_MAX]; /* as "SSH-2.0-OpenSSH_9.2", escaped */
	char algorithms[WIRE_TEXT_MAX];   /* "kex cipher mac hostkey" */
};

/* A host key whose signature of the exchange was good. */
struct wire_host_key {
	struct slice blob; /* as it came: of a plain key, or of a certificate */
	struct slice key;  /* the plain key: of a certificate, the one that it certifies */
	/* A host certificate (its type and its authority's signature checked); NULL: a plain key.
	 * Validity, principals and trust in the authority are for who judges. */
	const struct cert *cert;
};

struct wire_link;

/* Once per process, before a sandbox closes: fetches every algorithm from libcrypto. */
enum err wire_library_init(void) must_check;

/* The same without a trial of each method of key exchange, which takes some 30 ms: for a process
 * that makes one connection, and is not confined before its first exchange of keys. */
enum err wire_library_load(void) must_check;

/* Our version and KEXINIT are in the output from the start. */
enum err wire_link_new(struct wire_link **ret_l, const struct wire_link_config *config) must_check;

/*
 * Does ahead, while there is no client yet, what the exchange with most of them begins with: our
 * half of Curve25519's. It is used once, and for this link alone, or not at all.
 */
enum err wire_link_prepare(struct wire_link *l) must_check;

/* Wipes the keys. NULL-safe. */
void wire_link_free(struct wire_link *l);

/*
 * Input: the caller reads from the line straight into the space (*ret_len is 0 when nothing more is
 * taken before payloads were fetched), and says how much it was. A payload that was handed out
 * stays where it is.
 */
uint8_t *wire_link_space(struct wire_link *l, size_t *ret_len);
void wire_link_filled(struct wire_link *l, size_t len);

/*
 * The next payload for the layers above (of a service, and numbers from 50 on); what belongs to
 * the transport is dealt with here. Decrypted in place: *ret_payload is borrowed until the next
 * call of this function. ERR_AGAIN: more bytes are needed. Every other
 * error ends the link: ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED (no algorithm in common), ERR_ACCESS
 * (the server has not proven its host key), ERR_CLOSED (the peer sent DISCONNECT; an orderly one is
 * told by is_orderly); the story says more, and a DISCONNECT for the peer is in the output where
 * one is due.
 */
enum err wire_link_next(
    struct wire_link *l, struct slice *ret_payload, struct story *story) must_check;
bool wire_link_ended_orderly(const struct wire_link *l);

/*
 * May layers above send now? Not before the first keys, and not during a re-exchange (RFC 4253
 * section 7.1): then they wait until wire_link_next has brought it to its end.
 *
 * Before wire_link_authenticated a payload that was just fetched may always be answered: then only
 * the peer begins re-exchanges, and it sends nothing to those layers during one. Afterwards
 * payloads can come while the link is not open, as the peer may not have seen our KEXINIT yet.
 */
bool wire_link_open(const struct wire_link *l);

/*
 * Sends one payload: head, then body (each may be empty), encrypted from where they lie into the
 * output. BUG when the link is not open. ERR_NOMEM past the output's bound.
 */
enum err wire_link_send(struct wire_link *l, struct slice head, struct slice body) must_check;

/* The same for one whose exact length is a secret, as a password's is. */
enum err wire_link_send_secret(struct wire_link *l, struct slice payload) must_check;

/* Answers the payload that wire_link_next gave last, of a number that nobody knows, with
 * UNIMPLEMENTED (RFC 4253 section 11.4). It may be sent whether the link is open or not. */
enum err wire_link_unimplemented(struct wire_link *l) must_check;

/* Gives memory back that only much traffic needs, while nothing of it is in use. */
void wire_link_trim(struct wire_link *l);

/* Bytes for the line; the caller consumes what it sent. */
struct buf *wire_link_output(struct wire_link *l);

/* The first exchange hash (RFC 4253 section 7.2); empty before it. */
struct slice wire_link_session_id(const struct wire_link *l);

/* Queues a DISCONNECT (RFC 4253 section 11.1); nothing may be sent after it. */
void wire_link_disconnect(struct wire_link *l, uint32_t reason, const char *text);

/*
 * The login is done: we may begin re-exchanges from now on, messages to the transport itself are no
 * longer counted, and what was received so far, passwords among it, is wiped at the next
 * wire_link_next.
 */
void wire_link_authenticated(struct wire_link *l);

const struct wire_facts *wire_link_facts(const struct wire_link *l);

/* Of a client. */

/*
 * The host key that awaits to be judged, or NULL. Until wire_link_accept nothing more is sent, and
 * wire_link_next says ERR_AGAIN. Once in a connection: a re-exchange must show the same.
 */
const struct wire_host_key *wire_link_host_key(const struct wire_link *l);

/* It is the right host: NEWKEYS is in the output, and the link is open. */
enum err wire_link_accept(struct wire_link *l) must_check;

/* Nothing more is sent, and it is over. */
void wire_link_abandon(struct wire_link *l);

/* server-sig-algs (RFC 8308 section 3.1); empty: not told yet. */
struct slice wire_link_signatures(const struct wire_link *l);

/* The last line that the server sent before its version (RFC 4253 section 4.2), escaped; "". */
const char *wire_link_preamble(const struct wire_link *l);

/* Time from our KEX_INIT to the reply, the least that was seen; 0: none yet. */
int64_t wire_link_round_trip_us(const struct wire_link *l);

#endif
