#include "wire/login.h"

#include "base/bug.h"
#include "base/rd.h"
#include "pki/sign.h"
#include "wire/message.h"

enum { USERAUTH_REQUEST = 50, USERAUTH_INFO_RESPONSE = 61 };

static const char *const METHODS[] = {
    [WIRE_PROVE_NONE] = "none",
    [WIRE_PROVE_PUBLICKEY] = "publickey",
    [WIRE_PROVE_PASSWORD] = "password",
    [WIRE_PROVE_KEYBOARD] = "keyboard-interactive",
};

void
login_init(struct login *l, struct wire_link *link, const char *user)
{
	*l = (struct login){.link = link};
	BUG_ON(!slice_copy(slice_str(user), l->user, sizeof l->user));
	buf_init(&l->methods, WIRE_METHODS_MAX);
	buf_init(&l->refusal, WIRE_PROMPT_MAX);
	buf_init(&l->banner, WIRE_BANNER_MAX);
	buf_init(&l->request, LOGIN_REQUEST_MAX);
	buf_init(&l->info, WIRE_PACKET_MAX);
	buf_init(&l->queue, LOGIN_QUEUE_MAX);
}

void
login_fini(struct login *l)
{
	buf_fini(&l->methods);
	buf_fini(&l->refusal);
	buf_fini(&l->banner);
	buf_wipe(&l->request);
	buf_fini(&l->info);
	buf_wipe(&l->queue);
}

void
login_set_state(struct login *l, enum login_state state)
{
	l->state = state;
	l->told = false;
}

/* Sending. Messages may hold secrets: no buffer grows by being copied, and each is wiped. */

/* An empty buffer with room for all that it may hold. */
static enum err
make_room(struct buf *b, size_t max)
{
	uint8_t *space;

	buf_init(b, max);
	return buf_reserve(b, max, &space);
}

enum err
login_send(struct login *l, struct slice message)
{
	enum err e = ERR_OK;

	if (buf_len(&l->queue) == 0 && wire_link_open(l->link))
		return wire_link_send_secret(l->link, message);
	if (l->queue.cap == 0)
		e = make_room(&l->queue, LOGIN_QUEUE_MAX);
	return e == ERR_OK ? buf_put_string(&l->queue, message) : e;
}

enum err
login_flush(struct login *l)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && buf_len(&l->queue) > 0 && wire_link_open(l->link)) {
		struct rd r = rd_of(buf_slice(&l->queue));
		struct slice message = rd_string(&r, LOGIN_QUEUE_MAX);
		BUG_ON(r.failed);
		e = wire_link_send_secret(l->link, message);
		buf_consume(&l->queue, 4 + message.len);
	}
	if (buf_len(&l->queue) == 0)
		buf_wipe(&l->queue);
	return e;
}

/* The service, once, without waiting for the answer (RFC 4253 section 10). */
static enum err
begin(struct login *l)
{
	struct buf b _cleanup_(buf_fini) = {.max = 64};
	enum err e = buf_put_u8(&b, SSH_MSG_SERVICE_REQUEST);

	if (l->begun)
		return ERR_OK;
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str("ssh-userauth"));
	l->begun = true;
	return e == ERR_OK ? login_send(l, buf_slice(&b)) : e;
}

/* What is in front of all requests (RFC 4252 section 5); before it what a signature is of, too: the
 * session's id (section 7). */
static enum err
put_request(struct login *l, const struct wire_proof *proof)
{
	struct buf *b = &l->request;

	buf_wipe(b);
	enum err e = make_room(b, LOGIN_REQUEST_MAX);
	if (e == ERR_OK)
		e = buf_put_string(b, wire_link_session_id(l->link));
	if (e == ERR_OK)
		e = buf_put_u8(b, USERAUTH_REQUEST);
	if (e == ERR_OK)
		e = buf_put_string(b, slice_str(l->user));
	if (e == ERR_OK)
		e = buf_put_string(b, slice_str("ssh-connection"));
	return e == ERR_OK ? buf_put_string(b, slice_str(METHODS[proof->type])) : e;
}

/* The request itself. */
static struct slice
request_message(const struct login *l)
{
	struct slice all = buf_slice(&l->request);
	size_t id = 4 + wire_link_session_id(l->link).len;

	return slice_of(all.ptr + id, all.len - id);
}

/* The rest of a request of each type. */

static enum err
put_none(struct login *l unused_arg, const struct wire_proof *proof unused_arg)
{
	return ERR_OK;
}

/* RFC 4252 section 7, as it is signed. */
static enum err
put_publickey(struct login *l, const struct wire_proof *proof)
{
	struct buf *b = &l->request;

	l->flag_at = buf_len(b);
	enum err e = buf_put_u8(b, 1);

	if (e == ERR_OK)
		e = buf_put_string(b, slice_str(proof->algorithm));
	if (e == ERR_OK)
		e = buf_put_string(b, proof->blob);
	if (e != ERR_OK)
		return e;
	struct slice all = buf_slice(b);
	l->key = slice_of(all.ptr + all.len - proof->blob.len, proof->blob.len);
	l->is_question = proof->ask_first;
	return ERR_OK;
}

/* Section 8. */
static enum err
put_password(struct login *l, const struct wire_proof *proof)
{
	enum err e = buf_put_u8(&l->request, 0);

	return e == ERR_OK ? buf_put_string(&l->request, proof->password) : e;
}

/* RFC 4256 section 3.1: language and submethods are left to the server. */
static enum err
put_keyboard(struct login *l, const struct wire_proof *proof unused_arg)
{
	enum err e = buf_put_string(&l->request, slice_of(NULL, 0));

	return e == ERR_OK ? buf_put_string(&l->request, slice_of(NULL, 0)) : e;
}

static enum err (*const PUT[])(struct login *l, const struct wire_proof *proof) = {
    [WIRE_PROVE_NONE] = put_none,
    [WIRE_PROVE_PUBLICKEY] = put_publickey,
    [WIRE_PROVE_PASSWORD] = put_password,
    [WIRE_PROVE_KEYBOARD] = put_keyboard,
};

/* The same without a signature: would the key do? */
static enum err
send_question(struct login *l)
{
	struct slice all = request_message(l);
	size_t front = l->flag_at - (buf_len(&l->request) - all.len);
	struct buf b _cleanup_(buf_fini) = {.max = LOGIN_REQUEST_MAX};
	enum err e = buf_put(&b, all.ptr, front);

	if (e == ERR_OK)
		e = buf_put_u8(&b, 0);
	if (e == ERR_OK)
		e = buf_put(&b, all.ptr + front + 1, all.len - front - 1);
	return e == ERR_OK ? login_send(l, buf_slice(&b)) : e;
}

/* A signature is asked for before anything can be sent. */
static enum err
send_proof(struct login *l, const struct wire_proof *proof)
{
	if (proof->type == WIRE_PROVE_PUBLICKEY && !proof->ask_first) {
		login_set_state(l, LOGIN_SIGN);
		return ERR_OK;
	}
	login_set_state(l, LOGIN_SENT);
	if (l->is_question)
		return send_question(l);
	enum err e = login_send(l, request_message(l));
	buf_wipe(&l->request);
	return e;
}

enum err
login_prove(struct login *l, const struct wire_proof *proof)
{
	BUG_ON(l->state != LOGIN_NEXT);
	BUG_ON(proof->password.len > WIRE_ANSWER_MAX || proof->blob.len > CERT_BLOB_MAX);
	enum err e = begin(l);
	if (e == ERR_OK)
		e = put_request(l, proof);
	l->proof = proof->type;
	l->is_question = false;
	buf_clear(&l->refusal);
	if (e == ERR_OK)
		e = PUT[proof->type](l, proof);
	return e == ERR_OK ? send_proof(l, proof) : e;
}

enum err
login_sign(struct login *l, struct slice signature)
{
	BUG_ON(l->state != LOGIN_SIGN || signature.len > PKI_SIGNATURE_MAX);
	enum err e = buf_put_string(&l->request, signature);
	login_set_state(l, LOGIN_SENT);
	l->is_question = false;
	if (e == ERR_OK)
		e = login_send(l, request_message(l));
	buf_wipe(&l->request);
	return e;
}

enum err
login_respond(struct login *l, const struct slice *answers)
{
	struct buf b _cleanup_(buf_wipe);

	BUG_ON(l->state != LOGIN_PROMPT);
	enum err e = make_room(&b, LOGIN_REQUEST_MAX);
	if (e == ERR_OK)
		e = buf_put_u8(&b, USERAUTH_INFO_RESPONSE);
	if (e == ERR_OK)
		e = buf_put_u32(&b, (uint32_t)l->prompts.n);
	for (size_t i = 0; i < l->prompts.n && e == ERR_OK; i++) {
		BUG_ON(answers[i].len > WIRE_ANSWER_MAX);
		e = buf_put_string(&b, answers[i]);
	}
	if (e == ERR_OK)
		e = login_send(l, buf_slice(&b));
	buf_fini(&l->info);
	login_set_state(l, LOGIN_SENT);
	return e;
}

/* A question that the server has not heard the end of is taken back by asking another (RFC 4252
 * section 5.1). */
void
login_skip(struct login *l)
{
	BUG_ON(l->state != LOGIN_SIGN && l->state != LOGIN_PROMPT);
	buf_wipe(&l->request);
	buf_fini(&l->info);
	login_set_state(l, LOGIN_NEXT);
}

/* Events. */

bool
login_waits(const struct login *l)
{
	if (l->has_banner || l->state == LOGIN_SIGN || l->state == LOGIN_PROMPT)
		return true;
	return l->state == LOGIN_NEXT && (l->begun || l->told);
}

static void
tell_next(const struct login *l, struct wire_client_event *event)
{
	event->type = WIRE_AUTH_NEXT;
	event->login = (struct wire_login_state){
	    .methods = buf_slice(&l->methods),
	    .partial = l->partial,
	    .signatures = wire_link_signatures(l->link),
	    .refusal = buf_slice(&l->refusal),
	};
}

bool
login_event(struct login *l, struct wire_client_event *event)
{
	if (l->has_banner) {
		l->has_banner = false;
		event->type = WIRE_BANNER;
		event->text = buf_slice(&l->banner);
		return true;
	}
	/* There is no session's id before the first keys. */
	bool asks = l->state == LOGIN_SIGN || l->state == LOGIN_PROMPT ||
		    (l->state == LOGIN_NEXT && (l->begun || wire_link_open(l->link)));
	if (!asks || l->told)
		return false;
	l->told = true;
	if (l->state == LOGIN_SIGN) {
		event->type = WIRE_SIGN;
		event->text = buf_slice(&l->request);
	} else if (l->state == LOGIN_PROMPT) {
		event->type = WIRE_PROMPT;
		event->prompts = &l->prompts;
	} else {
		tell_next(l, event);
	}
	return true;
}
