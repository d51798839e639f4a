/*
 * What we offer, and what is agreed on with the peer's offer: KEXINIT (RFC 4253 section 7.1), with
 * the marks in it that stand for the strict key exchange (OpenSSH's PROTOCOL section 1.10) and for
 * EXT_INFO (RFC 8308). The client's list decides, whoever we are.
 */
#ifndef WIRE_ALGORITHMS_H
#define WIRE_ALGORITHMS_H

#include "base/buf.h"
#include "wire/cipher.h"
#include "wire/kex.h"
#include "wire/link.h"

struct algorithms_of_way {
	const struct cipher *cipher;
	const struct mac *mac; /* NULL where the cipher authenticates */
};

struct algorithms {
	const struct kex_method *kex;
	const char *host_key_name;      /* the algorithm as it was agreed on */
	const char *signature;          /* by the host key: the same without a certificate */
	const struct pki_key *host_key; /* of a server: the key that makes it */
	struct algorithms_of_way to_server, to_client;
	bool guessed_wrong;  /* the peer's next packet is of another method: drop it */
	bool strict;         /* the peer's mark; counts in the first exchange only */
	bool wants_ext_info; /* likewise */
};

/* Appends the payload of our KEXINIT, with a fresh cookie. first: of the connection's first
 * exchange, the only one where the marks have a meaning. */
enum err algorithms_propose(
    const struct wire_link_config *config, bool first, struct buf *b) must_check;

/*
 * What the peer's KEXINIT and ours have in common. ERR_FORMAT; ERR_UNSUPPORTED: nothing of some
 * kind, and the story tells what the peer has of it.
 */
enum err algorithms_agree(const struct wire_link_config *config, struct slice kexinit,
    struct algorithms *ret_a, struct story *story) must_check;

/* For the log: "kex cipher mac hostkey"; where the directions differ, "cipher/cipher". */
void algorithms_text(const struct algorithms *a, char *dst, size_t dst_len);

#endif
