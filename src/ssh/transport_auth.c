/*
 * Logins (RFC 4252), by public key alone. libssh checks a signature before it queues the request,
 * and drops one whose signature is wrong without an answer: so what comes out of the queue is
 * either a question ("would this key do?") or proven. Only SSH_PUBLICKEY_STATE_VALID is a proof.
 *
 * The request itself is kept until the caller has answered; libssh's queue holds those that the
 * peer sent after it. The user's name is that of the request, which the signature covers: a peer
 * may change it from one request to the next, and each stands for itself.
 */
#include "base/bug.h"
#include "base/text.h"
#include "pki/blob.h"
#include "ssh/transport_internal.h"

enum { USER_NAME_MAX = 256 };

static void
forget_asked(struct transport *t)
{
	ssh_message_free(t->asked);
	t->asked = NULL;
}

/* Tells the client what may go on ("publickey"); counts it, but for "none", which asks for that. */
static void
refuse(struct transport *t, ssh_message msg, bool counted)
{
	(void)ssh_message_reply_default(msg);
	if (!counted || ++t->n_refused < t->limits.auth_attempts)
		return;
	transport_over(t, ERR_LIMIT, "too many logins were refused: %u", t->n_refused);
}

/*
 * The name of the signature's algorithm. libssh doesn't tell which of the two an RSA key was used
 * with; it takes no other (see algorithms.c).
 */
static void
note_algorithm(struct transport *t)
{
	struct slice type = blob_type(buf_slice(&t->asked_key));

	if (slice_is(type, "ssh-rsa"))
		type = slice_str("rsa-sha2");
	if (!slice_copy(type, t->asked_algorithm, sizeof t->asked_algorithm))
		t->asked_algorithm[0] = '\0';
}

/* Puts the key's blob into asked_key; false when it is none that we deal with. */
static bool
note_key(struct transport *t, ssh_message msg)
{
	char *text = NULL;
	ssh_key key = ssh_message_auth_pubkey(msg);

	buf_clear(&t->asked_key);
	if (key == NULL || ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return false;
	enum err e = blob_from_base64(slice_str(text), &t->asked_key);
	ssh_string_free_char(text);
	if (e != ERR_OK || blob_refusal(buf_slice(&t->asked_key)) != NULL)
		return false;
	note_algorithm(t);
	return true;
}

/* A request by public key becomes the one that is asked about; false when it is refused instead. */
static bool
note_publickey(struct transport *t, ssh_message msg)
{
	enum ssh_publickey_state_e proof = ssh_message_auth_publickey_state(msg);
	const char *user = ssh_message_auth_user(msg);

	if (proof != SSH_PUBLICKEY_STATE_VALID && proof != SSH_PUBLICKEY_STATE_NONE)
		return false;
	if (user == NULL || strlen(user) > USER_NAME_MAX || !note_key(t, msg))
		return false;
	t->asked = msg;
	t->asked_proven = proof == SSH_PUBLICKEY_STATE_VALID;
	return true;
}

static void
on_service(struct transport *t, ssh_message msg)
{
	const char *service = ssh_message_service_service(msg);
	char name[64];

	if (service != NULL && strcmp(service, "ssh-userauth") == 0)
		(void)ssh_message_service_reply_success(msg);
	else
		transport_over(t, ERR_FORMAT,
		    "the client asks for the service \"%s\" before a login",
		    text_escape(slice_str(service), name, sizeof name));
}

/* Answers a message, or keeps it as the one that is asked about. True when it was kept. */
static bool
on_login_message(struct transport *t, ssh_message msg)
{
	int type = ssh_message_type(msg);

	if (type == SSH_REQUEST_SERVICE)
		on_service(t, msg);
	else if (type != SSH_REQUEST_AUTH)
		(void)ssh_message_reply_default(msg);
	else if (ssh_message_subtype(msg) != SSH_AUTH_METHOD_PUBLICKEY)
		refuse(t, msg, ssh_message_subtype(msg) != SSH_AUTH_METHOD_NONE);
	else if (note_publickey(t, msg))
		return true;
	else
		refuse(t, msg, true);
	return false;
}

/*
 * libssh notes why it dropped a request (a signature with SHA-1, a key too short), and says nothing
 * to the client, which would wait for its answer until the grace time ends.
 */
static void
notice_dropped_request(struct transport *t)
{
	char reason[STORY_MAX / 2];

	transport_notice_end(t);
	if (t->state != TRANSPORT_LOGIN)
		return;
	if (t->packets.in_packets > TRANSPORT_LOGIN_PACKETS)
		transport_over(t, ERR_LIMIT, "too many packets without a login");
	else if (ssh_get_error_code(t->session) == SSH_FATAL)
		transport_over(t, ERR_FORMAT, "the login can't be checked: %s",
		    text_escape(slice_str(ssh_get_error(t->session)), reason, sizeof reason));
}

void
transport_auth_step(struct transport *t)
{
	t->login_packets_waiting = false;
	while (t->state == TRANSPORT_LOGIN && t->asked == NULL) {
		ssh_message msg = ssh_message_get(t->session);
		if (msg == NULL)
			break;
		if (!on_login_message(t, msg))
			ssh_message_free(msg);
	}
	if (t->asked == NULL)
		notice_dropped_request(t);
}

static void
accept_login(struct transport *t)
{
	ssh_message msg = t->asked;

	transport_note_facts(t);
	t->deadline_us = INT64_MAX;
	transport_serve_requests(t);
	transport_set_state(t, TRANSPORT_ACCEPTED);
	(void)ssh_message_auth_reply_success(msg, 0);
	forget_asked(t);
	/* What the client asked meanwhile is void (RFC 4252 section 5.1). */
	while ((msg = ssh_message_get(t->session)) != NULL)
		ssh_message_free(msg);
}

enum err
transport_auth_answer(
    struct transport *t, enum transport_auth_answer answer, uint32_t methods unused_arg)
{
	if (t->state == TRANSPORT_OVER)
		return ERR_CLOSED;
	BUG_ON(t->asked == NULL);
	if (answer == TRANSPORT_AUTH_DENY) {
		ssh_message msg = t->asked;
		t->asked = NULL;
		refuse(t, msg, true);
		ssh_message_free(msg);
	} else if (t->asked_proven) {
		accept_login(t);
	} else {
		(void)ssh_message_auth_reply_pk_ok_simple(t->asked);
		forget_asked(t);
	}
	/* Others may have come in behind it. */
	t->login_packets_waiting = true;
	transport_notice_end(t);
	return t->state == TRANSPORT_OVER ? ERR_CLOSED : ERR_OK;
}
