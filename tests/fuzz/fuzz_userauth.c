/*
 * The authentication protocol, over a link that is none: one byte that says what core would answer,
 * then payloads, each behind its length of two bytes. Nobody is in who wasn't let in.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/rd.h"
#include "pki/blob.h"
#include "wire/userauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct wire_link {
	size_t n_sent;
	bool disconnected;
};

bool
wire_link_open(const struct wire_link *l)
{
	return !l->disconnected;
}

enum err
wire_link_send(struct wire_link *l, struct slice head, struct slice body)
{
	BUG_ON(l->disconnected || head.len + body.len == 0);
	l->n_sent++;
	return ERR_OK;
}

struct slice
wire_link_session_id(const struct wire_link *l)
{
	(void)l;
	return slice_str("0123456789abcdef0123456789abcdef");
}

void
wire_link_disconnect(struct wire_link *l, uint32_t reason, const char *text)
{
	BUG_ON(reason == 0 || text[0] == '\0');
	l->disconnected = true;
}

/* Two bits for each method: what core would say. */
static enum wire_verdict
verdict_of(uint8_t control, enum wire_method method)
{
	unsigned bits = method == WIRE_PASSWORD ? control >> 2 & 3u : control & 3u;

	return bits == 0 ? WIRE_DENY : bits == 1 ? WIRE_PARTIAL : WIRE_ACCEPT;
}

static enum err
answer(struct userauth *u, const struct wire_auth *auth, uint8_t control, bool *may_be_done)
{
	enum wire_verdict verdict = verdict_of(control, auth->method);
	bool shown = auth->method == WIRE_PASSWORD || auth->proven;

	BUG_ON(auth->proven && auth->forged);
	BUG_ON(auth->user.len > WIRE_USER_MAX || auth->password.len > WIRE_PASSWORD_MAX);
	BUG_ON(auth->method == WIRE_PUBLICKEY &&
	       !pki_algorithm_fits(auth->algorithm, blob_type(auth->key)));
	if (verdict == WIRE_ACCEPT && shown)
		*may_be_done = true;
	return userauth_answer(
	    u, verdict, auth->method == WIRE_PASSWORD ? WIRE_PUBLICKEY : WIRE_PASSWORD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rd r = rd_of(slice_of(data, len));
	struct wire_link link = {0};
	uint8_t control = rd_u8(&r);
	struct userauth *u;
	bool may_be_done = false;
	enum err e = ERR_OK;

	if (userauth_new(&u, &link, WIRE_PUBLICKEY | WIRE_PASSWORD, 3) != ERR_OK)
		return 0;
	while (r.left > 0 && e == ERR_OK) {
		struct slice payload = rd_bytes(&r, rd_u16(&r));
		struct wire_auth auth;
		struct story story;
		bool asks;
		if (r.failed)
			break;
		e = userauth_input(u, payload, &asks, &auth, &story);
		if (e == ERR_OK && asks)
			e = answer(u, &auth, control, &may_be_done);
		BUG_ON(userauth_done(u) && !may_be_done);
	}
	BUG_ON(e != ERR_OK && e != ERR_NOMEM && !link.disconnected);
	userauth_free(u);
	return 0;
}
