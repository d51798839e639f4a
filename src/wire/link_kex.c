/* The key exchange as the server sees it: RFC 4253 sections 7 and 8. */
#include <openssl/crypto.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/rd.h"
#include "pki/sign.h"
#include "wire/link_internal.h"
#include "wire/message.h"

/* One for each byte of the longest reply: two 8192-bit values, a host key, a signature. */
enum { REPLY_MAX = 16 * 1024 };

/*
 * When we begin a re-exchange ourselves. Bytes as RFC 4344 section 3.2 has it for 128-bit blocks;
 * packets well below where a sequence number comes back (and with it a nonce of ChaCha20).
 */
static const struct wire_rekey REKEY_DEFAULT = {
    .bytes = UINT64_C(64) * 1024 * 1024 * 1024,
    .packets = UINT64_C(1) << 31,
    .us = 3600 * US_PER_SEC,
};

enum err
link_kex_offer(struct wire_link *l)
{
	buf_clear(&l->kexinit_ours);
	enum err e = algorithms_propose(&l->config, link_is_first_exchange(l), &l->kexinit_ours);

	if (e == ERR_OK)
		e = link_put(l, buf_slice(&l->kexinit_ours));
	l->state = KEX_OFFERED;
	return e;
}

/*
 * Only after the login: who answers a payload before it (the authentication) may then always send,
 * as the client's own re-exchange lets no payload through until we have replied.
 */
bool
link_kex_due(const struct wire_link *l, int64_t now_us)
{
	const struct wire_rekey *limit = &l->config.rekey;
	uint64_t bytes = limit->bytes != 0 ? limit->bytes : REKEY_DEFAULT.bytes;
	uint64_t packets = limit->packets != 0 ? limit->packets : REKEY_DEFAULT.packets;
	int64_t us = limit->us != 0 ? limit->us : REKEY_DEFAULT.us;

	if (!l->authenticated || l->state != KEX_NONE)
		return false;
	return l->in.n_bytes >= bytes || l->out.n_bytes >= bytes || l->in.n_packets >= packets ||
	       l->out.n_packets >= packets || now_us - l->keyed_at_us >= us;
}

/* The marks of the first KEXINIT count for the whole connection, those of later ones for nothing.
 */
static enum err
take_marks(struct wire_link *l)
{
	if (!link_is_first_exchange(l))
		return ERR_OK;
	l->strict = l->agreed.strict;
	if (l->strict && l->last_seq != 0)
		return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "strict key exchange: the client's KEXINIT was not its first packet");
	return ERR_OK;
}

enum err
link_kex_kexinit(struct wire_link *l, struct slice payload)
{
	struct story story;

	if (l->keyed && !l->authenticated && ++l->n_exchanges_early > LINK_EXCHANGES_EARLY_MAX)
		return link_over(l, ERR_LIMIT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "too many key exchanges before the login");
	buf_clear(&l->kexinit_theirs);
	if (payload.len > buf_room(&l->kexinit_theirs))
		return link_over(l, ERR_LIMIT, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "the client's KEXINIT is too long");
	enum err e = buf_put(&l->kexinit_theirs, payload.ptr, payload.len);
	if (e != ERR_OK)
		return e;
	e = algorithms_agree(&l->config, payload, &l->agreed, &story);
	if (e != ERR_OK)
		return link_over(l, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "%s", story.text);
	e = take_marks(l);
	if (e == ERR_OK && l->state == KEX_NONE)
		e = link_kex_offer(l);
	l->drop_guess = l->agreed.guessed_wrong;
	l->state = KEX_AGREED;
	return e;
}

/* What one reply needs and makes. */
struct reply {
	struct kex_pair *pair;
	struct buf ours;      /* our public value, as a string */
	struct buf secret;    /* K, an mpint */
	struct buf signature; /* of the hash */
	struct keys_hash hash;
};

static void
reply_init(struct reply *r)
{
	*r = (struct reply){0};
	buf_init(&r->ours, 4 + KEX_PUBLIC_MAX);
	buf_init(&r->secret, KEX_SECRET_MAX);
	buf_init(&r->signature, PKI_SIGNATURE_MAX);
}

static void
reply_fini(struct reply *r)
{
	kex_pair_freep(&r->pair);
	buf_fini(&r->ours);
	buf_wipe(&r->secret);
	buf_fini(&r->signature);
	OPENSSL_cleanse(&r->hash, sizeof r->hash);
}

static enum err
reply_hash(struct wire_link *l, struct reply *r, struct slice theirs)
{
	struct slice ours = buf_slice(&r->ours);
	const struct slice transcript[KEYS_TRANSCRIPT] = {
	    [KEYS_VERSION_CLIENT] = slice_str(l->version_theirs),
	    [KEYS_VERSION_SERVER] = slice_str(l->version_ours),
	    [KEYS_KEXINIT_CLIENT] = buf_slice(&l->kexinit_theirs),
	    [KEYS_KEXINIT_SERVER] = buf_slice(&l->kexinit_ours),
	    [KEYS_HOST_KEY] = pki_key_blob(l->agreed.host_key),
	    [KEYS_PUBLIC_CLIENT] = theirs,
	    [KEYS_PUBLIC_SERVER] = slice_of(ours.ptr + 4, ours.len - 4),
	};

	return keys_exchange_hash(
	    l->agreed.kex->digest, transcript, buf_slice(&r->secret), &r->hash);
}

/* The one that was made ahead, or a new one; what isn't of use now never will be. */
static enum err
reply_pair(struct wire_link *l, struct reply *r)
{
	const struct kex_method *method = l->agreed.kex;

	if (l->prepared != NULL && kex_pair_method(l->prepared) == method) {
		r->pair = l->prepared;
		l->prepared = NULL;
		return ERR_OK;
	}
	kex_pair_freep(&l->prepared);
	return kex_pair_new(&r->pair, method);
}

/* Secret, hash, signature. ERR_FORMAT: the client's value is none that the method permits. */
static enum err
reply_make(struct wire_link *l, struct reply *r, struct slice theirs)
{
	const struct algorithms *a = &l->agreed;
	enum err e = reply_pair(l, r);

	if (e == ERR_OK)
		e = kex_pair_secret(r->pair, theirs, &r->secret);
	if (e == ERR_OK)
		e = kex_pair_public(r->pair, &r->ours);
	if (e == ERR_OK)
		e = reply_hash(l, r, theirs);
	if (e == ERR_OK)
		e = pki_sign(
		    a->host_key, a->signature, slice_of(r->hash.bytes, r->hash.len), &r->signature);
	return e;
}

static enum err
reply_send(struct wire_link *l, const struct reply *r)
{
	static const uint8_t NEWKEYS[] = {SSH_MSG_NEWKEYS};
	struct slice ours = buf_slice(&r->ours);
	struct buf b _cleanup_(buf_fini) = {.max = REPLY_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_KEX_REPLY);

	if (e == ERR_OK)
		e = buf_put_string(&b, pki_key_blob(l->agreed.host_key));
	if (e == ERR_OK)
		e = buf_put(&b, ours.ptr, ours.len);
	if (e == ERR_OK)
		e = buf_put_string(&b, buf_slice(&r->signature));
	if (e == ERR_OK)
		e = link_put(l, buf_slice(&b));
	return e == ERR_OK ? link_put(l, slice_of(NEWKEYS, sizeof NEWKEYS)) : e;
}

static enum err
make_seal(struct seal **ret_seal, enum seal_direction direction, const struct keys_source *source,
    const struct algorithms_of_way *way)
{
	struct seal_keys keys;
	enum err e =
	    keys_derive_seal(source, direction == SEAL_SENDS ? KEYS_TO_CLIENT : KEYS_TO_SERVER,
		way->cipher, way->mac, &keys);

	if (e == ERR_OK)
		e = seal_new(ret_seal, direction, way->cipher, way->mac, &keys);
	OPENSSL_cleanse(&keys, sizeof keys);
	return e;
}

/* Ours are in use from here on, the client's from its NEWKEYS on. */
static enum err
use_keys(struct wire_link *l, const struct reply *r)
{
	struct seal *out = NULL;

	if (l->session.len == 0)
		l->session = r->hash;
	const struct keys_source source = {
	    .digest = l->agreed.kex->digest,
	    .secret = buf_slice(&r->secret),
	    .hash = slice_of(r->hash.bytes, r->hash.len),
	    .session_id = slice_of(l->session.bytes, l->session.len),
	};
	enum err e = make_seal(&l->next_in, SEAL_RECEIVES, &source, &l->agreed.to_server);
	if (e == ERR_OK)
		e = make_seal(&out, SEAL_SENDS, &source, &l->agreed.to_client);
	if (e == ERR_OK)
		packet_writer_rekey(&l->out, out, l->strict);
	return e;
}

/*
 * RFC 8308 sections 2.4 and 3.1: right behind our first NEWKEYS. OpenSSH's clients ping only where
 * that is told here, too (PROTOCOL section 1.9).
 */
static enum err
send_ext_info(struct wire_link *l)
{
	struct buf b _cleanup_(buf_fini) = {.max = 4096};
	enum err e = buf_put_u8(&b, SSH_MSG_EXT_INFO);

	if (e == ERR_OK)
		e = buf_put_u32(&b, 2);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("server-sig-algs"));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str(ALGORITHMS_USER_SIGNATURES));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("ping@openssh.com"));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("0"));
	return e == ERR_OK ? link_put(l, buf_slice(&b)) : e;
}

static enum err
reply_all(struct wire_link *l, struct reply *r, struct slice theirs)
{
	enum err e = reply_make(l, r, theirs);

	if (e == ERR_OK)
		e = reply_send(l, r);
	if (e == ERR_OK)
		e = use_keys(l, r);
	if (e == ERR_OK && link_is_first_exchange(l) && l->agreed.wants_ext_info)
		e = send_ext_info(l);
	return e;
}

enum err
link_kex_init(struct wire_link *l, struct slice payload)
{
	struct reply reply _cleanup_(reply_fini);
	struct rd r = rd_of(payload);

	reply_init(&reply);
	(void)rd_u8(&r);
	struct slice theirs = rd_string(&r, KEX_PUBLIC_MAX);
	enum err e = rd_done(&r);
	if (e == ERR_OK)
		e = reply_all(l, &reply, theirs);
	if (e != ERR_OK)
		return link_over(l, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    e == ERR_FORMAT ? "the client's value for %s is not a good one"
				    : "no reply by %s could be made",
		    l->agreed.kex->name);
	buf_fini(&l->kexinit_ours);
	buf_fini(&l->kexinit_theirs);
	l->state = KEX_REPLIED;
	return link_send_pongs(l);
}

enum err
link_kex_newkeys(struct wire_link *l, struct slice payload)
{
	if (payload.len != 1)
		return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "the client's NEWKEYS is malformed");
	packet_reader_rekey(&l->in, l->next_in, l->strict);
	l->next_in = NULL;
	l->in.max = WIRE_PACKET_MAX;
	l->keyed = true;
	l->keyed_at_us = time_mono_us();
	l->state = KEX_NONE;
	algorithms_text(&l->agreed, l->facts.algorithms, sizeof l->facts.algorithms);
	return ERR_OK;
}
