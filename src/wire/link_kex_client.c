/* The key exchange as the client sees it: RFC 4253 section 8, and whose host key it is. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/rd.h"
#include "pki/blob.h"
#include "pki/cert.h"
#include "pki/sign.h"
#include "pki/verify.h"
#include "wire/link_internal.h"
#include "wire/message.h"

void
link_client_init(struct link_client *c)
{
	buf_init(&c->value, 4 + KEX_PUBLIC_MAX);
	buf_init(&c->host_key, CERT_BLOB_MAX);
	buf_init(&c->signatures, WIRE_SIGNATURES_MAX);
}

static void
cert_drop(struct cert **cert)
{
	if (*cert != NULL)
		cert_fini(*cert);
	free(*cert);
	*cert = NULL;
}

void
link_client_fini(struct link_client *c)
{
	kex_pair_freep(&c->pair);
	buf_fini(&c->value);
	seal_free(c->next_out);
	buf_fini(&c->host_key);
	cert_drop(&c->cert);
	buf_fini(&c->signatures);
}

enum err
link_kex_ask(struct wire_link *l)
{
	struct link_client *c = &l->client;
	struct buf b _cleanup_(buf_fini) = {.max = 8 + KEX_PUBLIC_MAX};

	kex_pair_freep(&c->pair);
	buf_clear(&c->value);
	enum err e = link_kex_pair(l, &c->pair);
	if (e == ERR_OK)
		e = kex_pair_public(c->pair, &c->value);
	if (e == ERR_OK)
		e = buf_put_u8(&b, SSH_MSG_KEX_INIT);
	if (e == ERR_OK)
		e = buf_put(&b, buf_slice(&c->value).ptr, buf_len(&c->value));
	c->asked_at_us = time_mono_us();
	return e == ERR_OK ? link_put(l, buf_slice(&b)) : e;
}

struct reply {
	struct slice host_key, value, signature;
};

/*
 * The plain key that has to have signed: of a certificate the one that it certifies, its
 * authority's signature checked. ERR_FORMAT: it isn't of the kind that was agreed on;
 * ERR_UNSUPPORTED: too weak.
 */
static enum err
read_host_key(const struct algorithms *a, struct slice blob, struct cert **ret_cert,
    struct slice *ret_key, struct story *story)
{
	bool certified = cert_type_name(slice_str(a->host_key_name));
	enum err e;

	*ret_key = blob;
	if (certified) {
		*ret_cert = calloc(1, sizeof **ret_cert);
		if (*ret_cert == NULL)
			return ERR_NOMEM;
		e = cert_parse(blob, *ret_cert, story);
		if (e != ERR_OK)
			return e;
		if ((*ret_cert)->type != CERT_HOST)
			return story_fail(story, ERR_FORMAT, "it is not a host's");
		*ret_key = buf_slice(&(*ret_cert)->key);
	}
	if (certified != cert_type_name(blob_type(blob)) ||
	    !pki_algorithm_fits(slice_str(a->signature), blob_type(*ret_key)))
		return story_fail(story, ERR_FORMAT, "it is not one for %s", a->host_key_name);
	const char *why = blob_refusal(*ret_key);
	return why == NULL ? ERR_OK : story_fail(story, ERR_ACCESS, "%s", why);
}

/* Remembers the first host key, in our own memory; of a later one, whether it is the same. */
static enum err
keep_host_key(struct wire_link *l, struct slice blob)
{
	struct link_client *c = &l->client;
	struct story story = {.text = ""};

	if (c->accepted && slice_equal(blob, c->shown.blob))
		return ERR_OK;
	if (c->accepted)
		return link_over(l, ERR_ACCESS, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "the server shows another host key than it began with");
	buf_clear(&c->host_key);
	cert_drop(&c->cert);
	enum err e = buf_put(&c->host_key, blob.ptr, blob.len);
	if (e != ERR_OK)
		return e;
	c->shown.blob = buf_slice(&c->host_key);
	e = read_host_key(&l->agreed, c->shown.blob, &c->cert, &c->shown.key, &story);
	c->shown.cert = c->cert;
	if (e == ERR_OK || e == ERR_NOMEM)
		return e;
	return link_over(l, ERR_ACCESS, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
	    "the server's host key (%s) is not acceptable: %s", l->agreed.host_key_name,
	    story.text);
}

/* ERR_FORMAT: the server's value is none that the method permits. ERR_ACCESS: not its signature. */
static enum err
check_reply(struct wire_link *l, const struct reply *reply, struct link_secret *s)
{
	struct link_client *c = &l->client;
	struct slice ours = buf_slice(&c->value);
	struct pki_sk sk;
	enum err e = kex_pair_secret(c->pair, reply->value, &s->secret);

	if (e == ERR_OK)
		e = link_secret_hash(
		    l, s, reply->host_key, slice_of(ours.ptr + 4, ours.len - 4), reply->value);
	if (e != ERR_OK)
		return e;
	e = pki_verify(c->shown.key, slice_str(l->agreed.signature),
	    slice_of(s->hash.bytes, s->hash.len), reply->signature, &sk);
	return e == ERR_OK || e == ERR_NOMEM ? e : ERR_ACCESS;
}

static void
take_round_trip(struct link_client *c)
{
	int64_t us = time_mono_us() - c->asked_at_us;

	if (c->round_trip_us == 0 || us < c->round_trip_us)
		c->round_trip_us = us > 0 ? us : 1;
}

static enum err
use_reply(struct wire_link *l, const struct reply *reply)
{
	struct link_secret secret _cleanup_(link_secret_fini);
	struct link_client *c = &l->client;

	link_secret_init(&secret);
	enum err e = keep_host_key(l, reply->host_key);
	if (e == ERR_OK)
		e = check_reply(l, reply, &secret);
	if (e == ERR_FORMAT)
		return link_over(l, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "the server's value for %s is not a good one", l->agreed.kex->name);
	if (e == ERR_ACCESS)
		return link_over(l, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "the server can't prove that it has its host key: the signature is not good");
	seal_free(c->next_out);
	c->next_out = NULL;
	if (e == ERR_OK)
		e = link_secret_seals(l, &secret, &c->next_out);
	kex_pair_freep(&c->pair);
	return e;
}

enum err
link_kex_reply(struct wire_link *l, struct slice payload)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct reply reply = {.host_key = rd_string(&r, CERT_BLOB_MAX)};
	reply.value = rd_string(&r, KEX_PUBLIC_MAX);
	reply.signature = rd_string(&r, PKI_SIGNATURE_MAX);
	if (rd_done(&r) != ERR_OK)
		return link_over(l, ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "the server's reply to the key exchange is malformed");
	take_round_trip(&l->client);
	enum err e = use_reply(l, &reply);
	if (e != ERR_OK)
		return e;
	l->state = KEX_SHOWN;
	return l->client.accepted ? link_kex_accept(l) : ERR_OK;
}

enum err
link_kex_accept(struct wire_link *l)
{
	struct link_client *c = &l->client;
	struct seal *out = c->next_out;

	c->accepted = true;
	c->next_out = NULL;
	enum err e = link_kex_switch(l, out);
	return e == ERR_OK ? link_send_pongs(l) : e;
}
