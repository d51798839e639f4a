/* The key exchange as the server sees it: RFC 4253 section 8. */
#include <openssl/crypto.h>

#include "base/rd.h"
#include "pki/sign.h"
#include "wire/link_internal.h"
#include "wire/message.h"
#include "wire/offer.h"

/* One for each byte of the longest reply: two 8192-bit values, a host key, a signature. */
enum { REPLY_MAX = 16 * 1024, EXT_INFO_MAX = 4096 };

/* What one reply needs and makes. */
struct reply {
	struct kex_pair *pair;
	struct buf ours;      /* our public value, as a string */
	struct buf signature; /* of the hash */
	struct link_secret secret;
};

static void
reply_init(struct reply *r)
{
	*r = (struct reply){0};
	buf_init(&r->ours, 4 + KEX_PUBLIC_MAX);
	buf_init(&r->signature, PKI_SIGNATURE_MAX);
	link_secret_init(&r->secret);
}

static void
reply_fini(struct reply *r)
{
	kex_pair_freep(&r->pair);
	buf_fini(&r->ours);
	buf_fini(&r->signature);
	link_secret_fini(&r->secret);
}

/* Secret, hash, signature. ERR_FORMAT: the client's value is none that the method permits. */
static enum err
reply_make(struct wire_link *l, struct reply *r, struct slice theirs)
{
	const struct algorithms *a = &l->agreed;
	struct link_secret *s = &r->secret;
	enum err e = link_kex_pair(l, &r->pair);

	if (e == ERR_OK)
		e = kex_pair_secret(r->pair, theirs, &s->secret);
	if (e == ERR_OK)
		e = kex_pair_public(r->pair, &r->ours);
	if (e != ERR_OK)
		return e;
	struct slice ours = buf_slice(&r->ours);
	e = link_secret_hash(
	    l, s, pki_key_blob(a->host_key), theirs, slice_of(ours.ptr + 4, ours.len - 4));
	if (e == ERR_OK)
		e = pki_sign(
		    a->host_key, a->signature, slice_of(s->hash.bytes, s->hash.len), &r->signature);
	return e;
}

static enum err
reply_send(struct wire_link *l, const struct reply *r)
{
	struct slice ours = buf_slice(&r->ours);
	struct buf b _cleanup_(buf_fini) = {.max = REPLY_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_KEX_REPLY);

	if (e == ERR_OK)
		e = buf_put_string(&b, pki_key_blob(l->agreed.host_key));
	if (e == ERR_OK)
		e = buf_put(&b, ours.ptr, ours.len);
	if (e == ERR_OK)
		e = buf_put_string(&b, buf_slice(&r->signature));
	return e == ERR_OK ? link_put(l, buf_slice(&b)) : e;
}

/*
 * RFC 8308 sections 2.4 and 3.1: right behind our first NEWKEYS. OpenSSH's clients ping only where
 * that is told here, too (PROTOCOL section 1.9).
 */
static enum err
send_ext_info(struct wire_link *l)
{
	struct buf b _cleanup_(buf_fini) = {.max = EXT_INFO_MAX};
	struct buf names _cleanup_(buf_fini) = {.max = EXT_INFO_MAX};
	enum err e = wire_names_put(WIRE_KIND_SIGNATURE, &names);

	if (e == ERR_OK)
		e = buf_put_u8(&b, SSH_MSG_EXT_INFO);
	if (e == ERR_OK)
		e = buf_put_u32(&b, 2);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("server-sig-algs"));
	if (e == ERR_OK)
		e = buf_put_string(&b, buf_slice(&names));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("ping@openssh.com"));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("0"));
	return e == ERR_OK ? link_put(l, buf_slice(&b)) : e;
}

/* Our keys are in use from here on, the client's from its NEWKEYS on. */
static enum err
reply_all(struct wire_link *l, struct reply *r, struct slice theirs)
{
	struct seal *out = NULL;
	enum err e = reply_make(l, r, theirs);

	if (e == ERR_OK)
		e = reply_send(l, r);
	if (e == ERR_OK)
		e = link_secret_seals(l, &r->secret, &out);
	if (e == ERR_OK)
		e = link_kex_switch(l, out);
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
	return link_send_pongs(l);
}
