/*
 * The client's login over a connected socket, with every decision left to the caller: which
 * algorithms, whether the host key is good, and what to prove with. login.h decides as a person's
 * ssh_config says; transport_client_login (transport.h) as a gateway's remote does.
 *
 * The order is the point: the host key is judged before the user's name or a proof is used.
 * Sent without waiting for an answer, so that a long line costs few round trips: version, KEXINIT
 * and, once the methods are agreed, our half of the exchange; NEWKEYS, the service request and the
 * first authentication request; the subsystem's request and what the caller writes first.
 */
#ifndef SSH_DIAL_H
#define SSH_DIAL_H

#include "ssh/transport.h"

/* Server's banner, prompts of keyboard-interactive: cut there, hostile. */
enum { DIAL_BANNER_MAX = 8 * 1024, DIAL_PROMPTS_MAX = 16, DIAL_PROMPT_MAX = 1024 };

/* A host key as the server showed it, the exchange's signature by it already checked. */
struct dial_host_key {
	struct slice blob; /* as it came: of a plain key, or of a certificate */
	struct slice key;  /* the plain key */
	/* A host certificate, its authority's signature checked; NULL for a plain key. Validity,
	 * principals and whether the authority is trusted are for who judges. */
	const struct cert *cert;
	const char *fingerprint; /* of the plain key */
};

/* What the server says about the login so far. */
struct dial_auth_state {
	struct slice methods; /* that can go on, comma-separated; empty before the first answer */
	bool partial;         /* the last proof was good, and more is asked for */
	struct slice signatures; /* server-sig-algs of EXT_INFO, comma-separated; empty: not told */
};

enum dial_proof_type {
	DIAL_NO_PROOF,  /* nothing is left to try: TRANSPORT_USER_KEY_REFUSED */
	DIAL_GIVE_UP,   /* the caller ends it, e.g. the person did: TRANSPORT_LOCAL_FAILURE */
	DIAL_ASK,       /* method "none": to learn the methods */
	DIAL_PUBLICKEY, /* algorithm, blob, sign */
	DIAL_PASSWORD,  /* secret */
	DIAL_KEYBOARD   /* keyboard-interactive (RFC 4256): answer */
};

/* Appends the answer to one prompt. Secret where !echo. ERR_CLOSED: the person gave up. */
typedef enum err dial_answer_fn(void *ctx, struct slice name, struct slice instruction,
    struct slice prompt, bool echo, struct buf *ret_answer);

/* Appends the signature's blob (RFC 4253 section 6.6) over data. ERR_CLOSED: go on with the next
 * proof. */
typedef enum err dial_sign_fn(void *ctx, struct slice data, struct buf *ret_signature);

/* One thing to try; what is borrowed lasts until next is called again, or the dial ends. */
struct dial_proof {
	enum dial_proof_type type;
	const char *algorithm; /* of the signature, as "rsa-sha2-512" or its certificate's name */
	struct slice blob;     /* public key or certificate */
	bool ask_first;        /* ask whether it would do before it is signed with */
	dial_sign_fn *sign;
	struct slice secret; /* of the password; wiped by the caller */
	dial_answer_fn *answer;
	void *ctx; /* of sign and answer */
};

struct dial_config {
	const char *host; /* as people call it: for stories */
	uint16_t port;
	const char *user;
	int64_t deadline_us; /* for all of it, on time_mono_us's clock; what people are asked
				for stops it: see paused */

	/* Offers, comma-separated, best first; NULL: all of ours. Names that aren't ours are
	 * passed over; ERR_UNSUPPORTED with a story when none is left (dial_check_offer). */
	const char *kex, *host_keys, *ciphers, *macs;

	/* "sftp" when NULL; with a slash in it: a command to exec (as sftp -s has it). */
	const char *subsystem;

	/* ServerAliveInterval and CountMax, 0: none: then TRANSPORT_CLOSED with ERR_TIMEOUT. */
	int64_t alive_interval_us;
	uint32_t alive_max;

	/* Is it the right host? TRANSPORT_LOGGED_IN, TRANSPORT_HOST_KEY_* with a story. May block
	 * (a person is asked). */
	enum transport_outcome (*judge)(
	    void *ctx, const struct dial_host_key *key, struct story *story);
	/* The next proof to try; may block. Called again after each refusal or partial success. */
	void (*next)(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof);
	/* The server's banner (RFC 4252 section 5.4), unescaped; may be NULL. */
	void (*banner)(void *ctx, struct slice text);
	void *ctx;
};

/*
 * fd (a connected socket or socket pair) is taken over in every case. *ret_t only for
 * TRANSPORT_LOGGED_IN; facts are as full as it got. Time spent in judge, next, answer and sign
 * doesn't count against the deadline.
 */
enum transport_outcome transport_dial(struct transport **ret_t, int fd,
    const struct dial_config *config, struct transport_facts *ret_facts,
    struct story *story) must_check;

/* What an option asks for: as "+a,b" "-a*" "^a" of ssh_config(5) over our own list of that kind
 * ("kex", "hostkey", "cipher", "mac", "signature"); appends the resulting list. ERR_UNSUPPORTED
 * with a story: none of the names is one that we know. */
enum err dial_offer(
    const char *kind, struct slice wanted, struct buf *ret_list, struct story *story) must_check;

#endif
