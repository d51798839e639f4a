/* The key exchange, as far as both sides do the same: RFC 4253 sections 7 and 8. */
#include <openssl/crypto.h>

#include "base/bug.h"
#include "base/clock.h"
#include "wire/link_internal.h"
#include "wire/message.h"

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
 * as the peer's own re-exchange lets no payload through until we have replied.
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
		    "strict key exchange: the %s's KEXINIT was not its first packet", link_peer(l));
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
		    "the %s's KEXINIT is too long", link_peer(l));
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
	return e == ERR_OK && l->config.role == WIRE_CLIENT ? link_kex_ask(l) : e;
}

enum err
link_kex_pair(struct wire_link *l, struct kex_pair **ret_pair)
{
	const struct kex_method *method = l->agreed.kex;

	if (l->prepared != NULL && kex_pair_method(l->prepared) == method) {
		*ret_pair = l->prepared;
		l->prepared = NULL;
		return ERR_OK;
	}
	/* What isn't of use now never will be. */
	kex_pair_freep(&l->prepared);
	return kex_pair_new(ret_pair, method);
}

void
link_secret_init(struct link_secret *s)
{
	*s = (struct link_secret){0};
	buf_init(&s->secret, KEX_SECRET_MAX);
}

void
link_secret_fini(struct link_secret *s)
{
	buf_wipe(&s->secret);
	OPENSSL_cleanse(&s->hash, sizeof s->hash);
}

enum err
link_secret_hash(struct wire_link *l, struct link_secret *s, struct slice host_key,
    struct slice client_value, struct slice server_value)
{
	bool is_client = l->config.role == WIRE_CLIENT;
	struct slice ours = buf_slice(&l->kexinit_ours), theirs = buf_slice(&l->kexinit_theirs);
	const struct slice transcript[KEYS_TRANSCRIPT] = {
	    [KEYS_VERSION_CLIENT] = slice_str(is_client ? l->version_ours : l->version_theirs),
	    [KEYS_VERSION_SERVER] = slice_str(is_client ? l->version_theirs : l->version_ours),
	    [KEYS_KEXINIT_CLIENT] = is_client ? ours : theirs,
	    [KEYS_KEXINIT_SERVER] = is_client ? theirs : ours,
	    [KEYS_HOST_KEY] = host_key,
	    [KEYS_PUBLIC_CLIENT] = client_value,
	    [KEYS_PUBLIC_SERVER] = server_value,
	};

	return keys_exchange_hash(
	    l->agreed.kex->digest, transcript, buf_slice(&s->secret), &s->hash);
}

static enum err
make_seal(struct seal **ret_seal, enum seal_direction direction, const struct keys_source *source,
    enum keys_way way, const struct algorithms_of_way *algorithms)
{
	const struct cipher *cipher = algorithms->cipher;
	struct seal_keys keys;
	enum err e = keys_derive_seal(source, way, cipher, algorithms->mac, &keys);

	if (e == ERR_OK)
		e = seal_new(ret_seal, direction, cipher, algorithms->mac, &keys);
	OPENSSL_cleanse(&keys, sizeof keys);
	return e;
}

enum err
link_secret_seals(struct wire_link *l, const struct link_secret *s, struct seal **ret_out)
{
	const struct algorithms_of_way *ways[] = {
	    [KEYS_TO_SERVER] = &l->agreed.to_server, [KEYS_TO_CLIENT] = &l->agreed.to_client};
	bool is_client = l->config.role == WIRE_CLIENT;
	enum keys_way in = is_client ? KEYS_TO_CLIENT : KEYS_TO_SERVER;
	enum keys_way out = is_client ? KEYS_TO_SERVER : KEYS_TO_CLIENT;

	if (l->session.len == 0)
		l->session = s->hash;
	const struct keys_source source = {
	    .digest = l->agreed.kex->digest,
	    .secret = buf_slice(&s->secret),
	    .hash = slice_of(s->hash.bytes, s->hash.len),
	    .session_id = slice_of(l->session.bytes, l->session.len),
	};
	enum err e = make_seal(&l->next_in, SEAL_RECEIVES, &source, in, ways[in]);
	return e == ERR_OK ? make_seal(ret_out, SEAL_SENDS, &source, out, ways[out]) : e;
}

enum err
link_kex_switch(struct wire_link *l, struct seal *out)
{
	static const uint8_t NEWKEYS[] = {SSH_MSG_NEWKEYS};
	enum err e = link_put(l, slice_of(NEWKEYS, sizeof NEWKEYS));

	packet_writer_rekey(&l->out, out, l->strict);
	buf_fini(&l->kexinit_ours);
	buf_fini(&l->kexinit_theirs);
	l->state = KEX_REPLIED;
	return e;
}

enum err
link_kex_newkeys(struct wire_link *l, struct slice payload)
{
	if (payload.len != 1)
		return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "the %s's NEWKEYS is malformed", link_peer(l));
	packet_reader_rekey(&l->in, l->next_in, l->strict);
	l->next_in = NULL;
	l->in.max = WIRE_PACKET_MAX;
	l->keyed = true;
	l->keyed_at_us = time_mono_us();
	l->state = KEX_NONE;
	algorithms_text(&l->agreed, l->facts.algorithms, sizeof l->facts.algorithms);
	return ERR_OK;
}
