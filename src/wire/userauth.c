#include "wire/userauth.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/rd.h"
#include "wire/authreq.h"
#include "wire/message.h"

/* RFC 4252 section 6, and 7 for the last. */
enum {
	USERAUTH_REQUEST = 50,
	USERAUTH_FAILURE = 51,
	USERAUTH_SUCCESS = 52,
	USERAUTH_PK_OK = 60,
};

struct userauth {
	struct wire_link *link;
	uint32_t methods; /* those that may be tried now */
	uint32_t quarters_left;
	uint32_t n_requests;
	bool service; /* ssh-userauth was asked for, and granted */
	bool named;   /* the user is known */
	bool pending; /* an event awaits its answer */
	bool done;
	char user[WIRE_USER_MAX];
	size_t user_len;
	struct authreq req;
	struct wire_auth auth; /* what was asked, while pending */
};

struct method {
	const char *name;
	uint32_t bit; /* enum wire_method; 0: always there, and never offered */
	authreq_read_fn *read;
};

static const struct method METHODS[] = {
    {"none", 0, authreq_read_none},
    {"publickey", WIRE_PUBLICKEY, authreq_read_publickey},
    {"password", WIRE_PASSWORD, authreq_read_password},
};

enum err
userauth_new(
    struct userauth **ret_u, struct wire_link *link, uint32_t methods, uint32_t max_failures)
{
	struct userauth *u = calloc(1, sizeof *u);

	BUG_ON(max_failures == 0 || max_failures > UINT32_MAX / AUTHREQ_TRY);
	if (u == NULL)
		return ERR_NOMEM;
	u->link = link;
	u->methods = methods;
	u->quarters_left = max_failures * AUTHREQ_TRY;
	authreq_init(&u->req);
	*ret_u = u;
	return ERR_OK;
}

void
userauth_free(struct userauth *u)
{
	if (u == NULL)
		return;
	authreq_fini(&u->req);
	free(u);
}

bool
userauth_done(const struct userauth *u)
{
	return u->done;
}

/* The end, told to both sides. */
static enum err
end(struct userauth *u, uint32_t reason, enum err e, const char *text, struct story *story)
{
	wire_link_disconnect(u->link, reason, text);
	return story_fail(story, e, "%s", text);
}

/*
 * We begin a key exchange only after so many bytes that a login never needs: who makes the link
 * busy with one before it has logged in has no good in mind.
 */
static enum err
reply(struct userauth *u, const struct buf *message, struct story *story)
{
	if (!wire_link_open(u->link))
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_LIMIT,
		    "too much was sent before the login", story);
	return wire_link_send(u->link, buf_slice(message), slice_of(NULL, 0));
}

/* Section 5.1: the methods that can go on, and whether this one was a step. */
static enum err
send_failure(struct userauth *u, bool partial, struct story *story)
{
	struct buf names _cleanup_(buf_fini);
	struct buf message _cleanup_(buf_fini);
	enum err e = ERR_OK;

	buf_init(&names, 64);
	buf_init(&message, 128);
	for (size_t i = 0; i < ARRAY_LEN(METHODS) && e == ERR_OK; i++) {
		if ((METHODS[i].bit & u->methods) != 0)
			e = buf_printf(
			    &names, "%s%s", buf_len(&names) > 0 ? "," : "", METHODS[i].name);
	}
	if (e == ERR_OK)
		e = buf_put_u8(&message, USERAUTH_FAILURE);
	if (e == ERR_OK)
		e = buf_put_string(&message, buf_slice(&names));
	if (e == ERR_OK)
		e = buf_put_u8(&message, partial ? 1 : 0);
	return e == ERR_OK ? reply(u, &message, story) : e;
}

/* No; and the end, when that was the last try. */
static enum err
refuse(struct userauth *u, struct story *story)
{
	uint32_t cost = u->req.cost;

	authreq_fini(&u->req);
	if (cost >= u->quarters_left)
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_LIMIT,
		    "Too many authentication failures", story);
	u->quarters_left -= cost;
	return send_failure(u, false, story);
}

/* RFC 4253 section 10. */
static enum err
on_service_request(struct userauth *u, struct slice payload, struct story *story)
{
	struct buf message _cleanup_(buf_fini);
	struct rd r = rd_of(payload);

	buf_init(&message, 64);
	(void)rd_u8(&r);
	struct slice name = rd_string(&r, payload.len);
	if (rd_done(&r) != ERR_OK)
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_FORMAT,
		    "a service request is damaged", story);
	if (!slice_is(name, "ssh-userauth"))
		return end(u, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE, ERR_FORMAT,
		    "another service was asked for", story);
	u->service = true;
	enum err e = buf_put_u8(&message, SSH_MSG_SERVICE_ACCEPT);
	if (e == ERR_OK)
		e = buf_put_string(&message, name);
	return e == ERR_OK ? reply(u, &message, story) : e;
}

/* The name stays what it was in the first request: *ret_usable is false for one that nobody has. */
static enum err
check_names(struct userauth *u, bool *ret_usable, struct story *story)
{
	struct slice user = u->req.user;

	*ret_usable = user.len <= sizeof u->user;
	if (!slice_is(u->req.service, "ssh-connection"))
		return end(u, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE, ERR_FORMAT,
		    "another service than ssh-connection was asked for", story);
	if (!*ret_usable)
		return ERR_OK;
	if (u->named && !slice_equal(user, slice_of(u->user, u->user_len)))
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_FORMAT,
		    "the user's name was changed between two tries", story);
	if (!u->named && user.len > 0)
		memcpy(u->user, user.ptr, user.len);
	u->user_len = user.len;
	u->named = true;
	return ERR_OK;
}

static const struct method *
method_find(const struct userauth *u, struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
		const struct method *m = &METHODS[i];
		if (slice_is(name, m->name) && (m->bit == 0 || (m->bit & u->methods) != 0))
			return m;
	}
	return NULL;
}

static enum err
on_request(struct userauth *u, struct slice payload, bool *ret_asks, struct wire_auth *ret_auth,
    struct story *story)
{
	struct wire_auth auth = {0};
	struct rd rest;
	bool usable, asks = false;

	if (!u->service)
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_FORMAT,
		    "a login before its service was asked for", story);
	enum err e = authreq_begin(&u->req, payload, wire_link_session_id(u->link), &rest);
	if (e == ERR_OK)
		e = check_names(u, &usable, story);
	else
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, e,
		    e == ERR_FORMAT ? "a login request is damaged" : "a login request is too long",
		    story);
	if (e != ERR_OK)
		return e;
	const struct method *method = usable ? method_find(u, u->req.method) : NULL;
	if (method == NULL)
		return refuse(u, story);
	auth.user = u->req.user;
	e = method->read(&u->req, rest, &auth, &asks);
	if (e != ERR_OK)
		return end(
		    u, SSH_DISCONNECT_PROTOCOL_ERROR, e, "a login request is damaged", story);
	if (!asks)
		return refuse(u, story);
	u->pending = *ret_asks = true;
	u->auth = *ret_auth = auth;
	return ERR_OK;
}

enum err
userauth_input(struct userauth *u, struct slice payload, bool *ret_asks, struct wire_auth *ret_auth,
    struct story *story)
{
	uint8_t number = payload.len == 0 ? 0 : payload.ptr[0];

	BUG_ON(u->pending);
	*ret_asks = false;
	if (number == USERAUTH_REQUEST && u->done)
		return ERR_OK; /* section 5.1: silently ignored */
	if (++u->n_requests > WIRE_USERAUTH_REQUESTS_MAX)
		return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_LIMIT,
		    "too many requests before the login", story);
	if (number == SSH_MSG_SERVICE_REQUEST)
		return on_service_request(u, payload, story);
	if (number == USERAUTH_REQUEST)
		return on_request(u, payload, ret_asks, ret_auth, story);
	return end(u, SSH_DISCONNECT_PROTOCOL_ERROR, ERR_FORMAT,
	    "a message that has no place in a login", story);
}

/* Section 7: the key would do. */
static enum err
send_pk_ok(struct userauth *u)
{
	struct buf message _cleanup_(buf_fini);

	buf_init(&message, AUTHREQ_MAX);
	enum err e = buf_put_u8(&message, USERAUTH_PK_OK);
	if (e == ERR_OK)
		e = buf_put_string(&message, u->req.algorithm);
	if (e == ERR_OK)
		e = buf_put_string(&message, u->req.key);
	return e == ERR_OK ? reply(u, &message, NULL) : e;
}

static enum err
send_success(struct userauth *u)
{
	struct buf message _cleanup_(buf_fini);

	buf_init(&message, 8);
	enum err e = buf_put_u8(&message, USERAUTH_SUCCESS);
	if (e == ERR_OK)
		e = reply(u, &message, NULL);
	u->done = e == ERR_OK;
	return e;
}

enum err
userauth_answer(struct userauth *u, enum wire_verdict verdict, uint32_t methods)
{
	bool is_question = u->auth.method == WIRE_PUBLICKEY && !u->auth.proven;
	enum err e;

	BUG_ON(!u->pending);
	BUG_ON(verdict == WIRE_PARTIAL && methods == 0);
	u->pending = false;
	if (verdict == WIRE_DENY || u->auth.forged) {
		e = refuse(u, NULL);
	} else if (is_question) {
		e = send_pk_ok(u);
	} else if (verdict == WIRE_PARTIAL) {
		u->methods = methods;
		e = send_failure(u, true, NULL);
	} else {
		e = send_success(u);
	}
	authreq_fini(&u->req);
	u->auth = (struct wire_auth){0};
	return e;
}
