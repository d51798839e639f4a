/*
 * The inside of a link, shared by link.c (its life, payloads), link_version.c, link_kex.c (key
 * exchange; what only one of the sides does: link_kex_server.c, link_kex_client.c) and
 * link_message.c (messages of the transport itself).
 */
#ifndef WIRE_LINK_INTERNAL_H
#define WIRE_LINK_INTERNAL_H

#include "wire/algorithms.h"
#include "wire/keys.h"
#include "wire/link.h"
#include "wire/packet.h"

/*
 * Where a key exchange stands (RFC 4253 section 7). A link begins in KEX_OFFERED, its KEXINIT being
 * in the output from the start.
 *
 *   state        what is true                                   leaves by
 *   KEX_NONE     keys are in use, no exchange under way         KEXINIT of either side
 *   KEX_OFFERED  our KEXINIT is out                             the peer's KEXINIT
 *   KEX_AGREED   both KEXINITs are there; a client's KEX_INIT   server: KEX_INIT (link_kex_init)
 *                is out                                         client: KEX_REPLY (link_kex_reply)
 *   KEX_SHOWN    client: the reply is good, and its host key    link_kex_accept
 *                awaits to be judged; nothing is heard or said
 *   KEX_REPLIED  our NEWKEYS is out, and we send under the      NEWKEYS: link_kex_newkeys
 *                new keys
 *
 * Layers above may send in KEX_NONE and KEX_REPLIED, the peer's may in KEX_NONE and KEX_OFFERED;
 * neither before the first exchange is complete. After the login the peer's are heard in every
 * state: some (asyncssh) go on between their KEXINIT and NEWKEYS, though RFC 4253 section 7.1
 * forbids it, and what they say then is as authentic as it was before.
 */
enum kex_state {
	KEX_NONE = 1 << 0,
	KEX_OFFERED = 1 << 1,
	KEX_AGREED = 1 << 2,
	KEX_SHOWN = 1 << 3,
	KEX_REPLIED = 1 << 4,
	KEX_ANY = KEX_NONE | KEX_OFFERED | KEX_AGREED | KEX_SHOWN | KEX_REPLIED
};

enum {
	LINK_VERSION_MAX = 255, /* with CR LF (RFC 4253 section 4.2) */
	/* What a server says before its version (ibid.): of a line, and lines. */
	LINK_PREAMBLE_MAX = 1024,
	LINK_PREAMBLE_LINES = 64,
	/* Packets from the peer before the first keys: a handshake has 4, and an old client may
	 * put in an IGNORE or a DEBUG. */
	LINK_EARLY_PACKETS_MAX = 32,
	/* Messages to the transport itself before the login: nobody needs many. */
	LINK_TRANSPORT_EARLY_MAX = 1000,
	/* Exchanges of keys before it, after the first: they cost us most, and nobody needs any. */
	LINK_EXCHANGES_EARLY_MAX = 3,
	LINK_PING_MAX = 4096,
	LINK_PONGS_MAX = 64 * 1024
};

/* What only a client has. */
struct link_client {
	/* KEX_AGREED */
	struct kex_pair *pair;
	struct buf value; /* our public one, as a string */
	int64_t asked_at_us;

	/* KEX_SHOWN */
	struct seal *next_out; /* of what follows our NEWKEYS */

	struct buf host_key; /* the blob that was shown first */
	struct cert *cert;   /* when it is one */
	struct wire_host_key shown;
	bool accepted;

	struct buf signatures; /* server-sig-algs */
	uint32_t n_lines;      /* before the version */
	char preamble[WIRE_TEXT_MAX];
	int64_t round_trip_us;
};

struct wire_link {
	struct wire_link_config config;
	struct packet_reader in;
	struct packet_writer out;
	struct wire_facts facts;

	char version_ours[WIRE_TEXT_MAX];
	char version_theirs[WIRE_TEXT_MAX];
	bool has_version;

	enum kex_state state;
	struct algorithms agreed;   /* from KEX_AGREED on */
	struct buf kexinit_ours;    /* payloads, for the exchange hash */
	struct buf kexinit_theirs;  /* until KEX_REPLIED */
	struct kex_pair *prepared;  /* for the first exchange, if it is by this method; or NULL */
	struct seal *next_in;       /* from the reply on: of what follows the peer's NEWKEYS */
	struct keys_hash session;   /* the first exchange hash; len 0 before it */
	bool keyed;                 /* the first exchange is complete */
	bool strict;                /* the first exchange was strict: sequence numbers start over */
	bool drop_guess;            /* the next packet is a wrong guess */
	int64_t keyed_at_us;        /* when the keys in use were made */
	uint32_t n_transport_early; /* messages to the transport before the login */
	uint32_t n_exchanges_early; /* re-exchanges before the login */
	bool authenticated;
	bool forget;       /* wipe what was handed out, at the next call */
	uint32_t last_seq; /* of the packet that was fetched last */
	struct buf pongs;  /* strings to send back, when layers above may send */
	struct link_client client;

	bool over;
	bool orderly;
	bool disconnected; /* our DISCONNECT is in the output: nothing follows it */
	enum err error;
	struct story story;
};

static inline bool
link_is_first_exchange(const struct wire_link *l)
{
	return !l->keyed;
}

/* The one at the other end, for stories. */
static inline const char *
link_peer(const struct wire_link *l)
{
	return l->config.role == WIRE_CLIENT ? "server" : "client";
}

/* Ends the link with this error; the reason (0: none) goes into a DISCONNECT. Returns e. */
enum err link_over(struct wire_link *l, enum err e, uint32_t reason, const char *format, ...)
    printf_like(4, 5);

/* One payload of the transport's own, in any state. */
enum err link_put(struct wire_link *l, struct slice payload) must_check;

/* Queues our KEXINIT. From KEX_NONE, or at the link's start. */
enum err link_kex_offer(struct wire_link *l) must_check;
/* Is a re-exchange due? */
bool link_kex_due(const struct wire_link *l, int64_t now_us);

/* The peer's version, the first that comes: RFC 4253 section 4.2. ERR_AGAIN. */
enum err link_take_version(struct wire_link *l) must_check;

/* Messages of an exchange; both sides', and each side's. */
enum err link_kex_kexinit(struct wire_link *l, struct slice payload) must_check;
enum err link_kex_newkeys(struct wire_link *l, struct slice payload) must_check;
enum err link_kex_init(struct wire_link *l, struct slice payload) must_check;
enum err link_kex_reply(struct wire_link *l, struct slice payload) must_check;

/* A client's KEX_INIT, and what follows when the host key is good. */
enum err link_kex_ask(struct wire_link *l) must_check;
enum err link_kex_accept(struct wire_link *l) must_check;
void link_client_init(struct link_client *c);
void link_client_fini(struct link_client *c);

/* The pair that was made ahead, or a new one, for the method that was agreed on. */
enum err link_kex_pair(struct wire_link *l, struct kex_pair **ret_pair) must_check;

/* What an exchange gives: K, an mpint, and H. The public values are the contents of strings. */
struct link_secret {
	struct buf secret;
	struct keys_hash hash;
};
void link_secret_init(struct link_secret *s);
void link_secret_fini(struct link_secret *s);
enum err link_secret_hash(struct wire_link *l, struct link_secret *s, struct slice host_key,
    struct slice client_value, struct slice server_value) must_check;

/* The seals that follow from it: into next_in, and *ret_out for what follows our NEWKEYS. */
enum err link_secret_seals(
    struct wire_link *l, const struct link_secret *s, struct seal **ret_out) must_check;

/* Our NEWKEYS, and from here on we send under this seal, which is taken over. */
enum err link_kex_switch(struct wire_link *l, struct seal *out) must_check;

/*
 * A payload from the peer. *ret_above: it belongs to the layers above. Else it has been dealt
 * with.
 */
enum err link_message(struct wire_link *l, struct slice payload, bool *ret_above) must_check;
enum err link_send_pongs(struct wire_link *l) must_check;
enum err link_unimplemented(struct wire_link *l) must_check;

#endif
