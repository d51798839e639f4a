/* Messages of the transport itself, and which of them are legal when (RFC 4253 sections 7.1, 11).
 */
#include "base/rd.h"
#include "base/text.h"
#include "wire/link_internal.h"
#include "wire/message.h"

enum { EXTENSIONS_MAX = 64, SHOWN_MAX = 160 };

static enum err
malformed(struct wire_link *l, const char *name)
{
	return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR, "the %s's %s is malformed",
	    link_peer(l), name);
}

static enum err
take_nothing(struct wire_link *l unused_arg, struct slice payload unused_arg)
{
	return ERR_OK;
}

static enum err
take_disconnect(struct wire_link *l, struct slice payload)
{
	struct rd r = rd_of(payload);
	char shown[SHOWN_MAX];

	(void)rd_u8(&r);
	uint32_t reason = rd_u32(&r);
	struct slice text = rd_string(&r, WIRE_PACKET_MAX); /* a language may follow, or nothing */
	l->orderly = !r.failed && reason == SSH_DISCONNECT_BY_APPLICATION;
	return link_over(l, ERR_CLOSED, 0, "the %s disconnected: reason %u: %s", link_peer(l),
	    reason, text_escape(text, shown, sizeof shown));
}

/* What a server takes for users' signatures; a list that is too long tells nobody anything. */
static enum err
keep_signatures(struct wire_link *l, struct slice names)
{
	struct buf *kept = &l->client.signatures;

	buf_clear(kept);
	return names.len <= WIRE_SIGNATURES_MAX ? buf_put(kept, names.ptr, names.len) : ERR_OK;
}

/* Of what a client may tell, nothing matters to us; but it must be well-formed. */
static enum err
take_ext_info(struct wire_link *l, struct slice payload)
{
	struct slice signatures = {0};
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	uint32_t n = rd_u32(&r);
	for (uint32_t i = 0; i < n && i < EXTENSIONS_MAX; i++) {
		struct slice name = rd_string(&r, WIRE_PACKET_MAX);
		struct slice value = rd_string(&r, WIRE_PACKET_MAX);
		if (slice_is(name, "server-sig-algs"))
			signatures = value;
	}
	if (rd_done(&r) != ERR_OK)
		return malformed(l, "EXT_INFO");
	if (l->config.role == WIRE_CLIENT && signatures.len > 0)
		return keep_signatures(l, signatures);
	return ERR_OK;
}

static enum err
put_pong(struct wire_link *l, struct slice data)
{
	struct buf b _cleanup_(buf_fini) = {.max = 8 + LINK_PING_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_PONG);

	if (e == ERR_OK)
		e = buf_put_string(&b, data);
	return e == ERR_OK ? link_put(l, buf_slice(&b)) : e;
}

/* A PONG isn't of the transport's numbers, so it waits for a re-exchange that we began. */
static enum err
take_ping(struct wire_link *l, struct slice payload)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice data = rd_string(&r, LINK_PING_MAX);
	if (rd_done(&r) != ERR_OK)
		return malformed(l, "PING");
	if (l->state == KEX_NONE)
		return put_pong(l, data);
	if (4 + data.len > buf_room(&l->pongs))
		return link_over(l, ERR_LIMIT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "too many PINGs during a key exchange");
	return buf_put_string(&l->pongs, data);
}

enum err
link_send_pongs(struct wire_link *l)
{
	struct rd r = rd_of(buf_slice(&l->pongs));
	enum err e = ERR_OK;

	while (r.left > 0 && e == ERR_OK)
		e = put_pong(l, rd_string(&r, LINK_PING_MAX));
	buf_fini(&l->pongs);
	return e;
}

enum err
link_unimplemented(struct wire_link *l)
{
	uint8_t payload[5] = {SSH_MSG_UNIMPLEMENTED};

	be32_store(payload + 1, l->last_seq);
	return link_put(l, slice_of(payload, sizeof payload));
}

/* By whom a message is sent. */
enum {
	BY_CLIENT = 1 << WIRE_CLIENT,
	BY_SERVER = 1 << WIRE_SERVER,
	BY_BOTH = BY_CLIENT | BY_SERVER
};

struct message_kind {
	uint8_t number;
	unsigned by;
	unsigned legal;   /* enum kex_state */
	bool needs_keys;  /* not legal in the first exchange */
	bool when_strict; /* legal in a strict first exchange, whose list is closed */
	enum err (*take)(struct wire_link *l, struct slice payload);
};

static const struct message_kind MESSAGES[] = {
    {SSH_MSG_DISCONNECT, BY_BOTH, KEX_ANY, false, true, take_disconnect},
    {SSH_MSG_IGNORE, BY_BOTH, KEX_ANY, false, false, take_nothing},
    {SSH_MSG_UNIMPLEMENTED, BY_BOTH, KEX_ANY, false, false, take_nothing},
    {SSH_MSG_DEBUG, BY_BOTH, KEX_ANY, false, false, take_nothing},
    {SSH_MSG_EXT_INFO, BY_BOTH, KEX_NONE | KEX_OFFERED, true, false, take_ext_info},
    {SSH_MSG_KEXINIT, BY_BOTH, KEX_NONE | KEX_OFFERED, false, true, link_kex_kexinit},
    {SSH_MSG_NEWKEYS, BY_BOTH, KEX_REPLIED, false, true, link_kex_newkeys},
    {SSH_MSG_KEX_INIT, BY_CLIENT, KEX_AGREED, false, true, link_kex_init},
    {SSH_MSG_KEX_REPLY, BY_SERVER, KEX_AGREED, false, true, link_kex_reply},
    {SSH_MSG_PING, BY_BOTH, KEX_NONE | KEX_OFFERED, true, false, take_ping},
};

static unsigned
peer_bit(const struct wire_link *l)
{
	return l->config.role == WIRE_CLIENT ? BY_SERVER : BY_CLIENT;
}

static const struct message_kind *
message_kind(const struct wire_link *l, uint8_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(MESSAGES); i++) {
		if (MESSAGES[i].number == number && (MESSAGES[i].by & peer_bit(l)) != 0)
			return &MESSAGES[i];
	}
	return NULL;
}

static enum err
illegal(struct wire_link *l, uint8_t number)
{
	return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR, "message %u is not legal %s",
	    number, l->keyed ? "in this state of a key exchange" : "in the first key exchange");
}

/* May the first, strict exchange be in the way of this message? */
static bool
strict_forbids(const struct wire_link *l, const struct message_kind *kind)
{
	return link_is_first_exchange(l) && l->strict && (kind == NULL || !kind->when_strict);
}

/* Floods: nobody who wants to log in sends so much that isn't part of a login. */
static enum err
count_early(struct wire_link *l)
{
	bool many = link_is_first_exchange(l) ? l->in.n_packets > LINK_EARLY_PACKETS_MAX
					      : l->n_transport_early > LINK_TRANSPORT_EARLY_MAX;

	if (l->authenticated || !many)
		return ERR_OK;
	return link_over(
	    l, ERR_LIMIT, SSH_DISCONNECT_PROTOCOL_ERROR, "too many messages before the login");
}

static enum err
take_own(struct wire_link *l, struct slice payload)
{
	const struct message_kind *kind = message_kind(l, payload.ptr[0]);

	l->n_transport_early++;
	enum err e = count_early(l);
	if (e != ERR_OK)
		return e;
	/* The guess that came with the peer's KEXINIT, and was wrong (RFC 4253 section 7). */
	if (l->drop_guess && payload.ptr[0] >= SSH_MSG_KEX_FIRST &&
	    payload.ptr[0] <= SSH_MSG_KEX_LAST) {
		l->drop_guess = false;
		return ERR_OK;
	}
	if (strict_forbids(l, kind))
		return illegal(l, payload.ptr[0]);
	if (kind == NULL)
		return link_unimplemented(l);
	if ((kind->legal & l->state) == 0 || (kind->needs_keys && link_is_first_exchange(l)))
		return illegal(l, kind->number);
	return kind->take(l, payload);
}

enum err
link_message(struct wire_link *l, struct slice payload, bool *ret_above)
{
	uint8_t number = payload.ptr[0];

	uint8_t service =
	    l->config.role == WIRE_CLIENT ? SSH_MSG_SERVICE_ACCEPT : SSH_MSG_SERVICE_REQUEST;

	*ret_above = number == service || (number > SSH_MSG_KEX_LAST && number != SSH_MSG_PING);
	if (!*ret_above)
		return take_own(l, payload);
	if (!l->keyed || (!l->authenticated && (l->state & (KEX_NONE | KEX_OFFERED)) == 0))
		return illegal(l, number);
	return ERR_OK;
}
