/*
 * The authentication protocol (RFC 4252), client side: methods "none", "publickey" (with
 * certificates and FIDO keys), "password", and "keyboard-interactive" (RFC 4256). What to prove is
 * asked of the caller, proof by proof. Its payloads come from the link, and its requests go there;
 * those that may not be sent now, because the server has begun to exchange keys, wait here.
 *
 *	state    what is true                            next
 *	NEXT     the caller is asked what to prove       login_prove: SENT, SIGN
 *	SIGN     ... for a signature                     login_sign: SENT; login_skip: NEXT
 *	SENT     a request of ours awaits its answer     FAILURE: NEXT; PK_OK: SIGN; INFO_REQUEST:
 *	                                                 PROMPT; PASSWD_CHANGEREQ: NEXT;
 *	                                                 SUCCESS: DONE
 *	PROMPT   the caller is asked for answers         login_respond: SENT; login_skip: NEXT
 *	DONE     logged in
 */
#ifndef WIRE_LOGIN_H
#define WIRE_LOGIN_H

#include "wire/client.h"

enum login_state { LOGIN_NEXT, LOGIN_SIGN, LOGIN_SENT, LOGIN_PROMPT, LOGIN_DONE };

enum {
	LOGIN_MESSAGES_MAX = 1000, /* of the server's, banners among them */
	LOGIN_REQUEST_MAX = 32 * 1024,
	LOGIN_QUEUE_MAX = 2 * LOGIN_REQUEST_MAX
};

struct login {
	struct wire_link *link; /* borrowed */
	enum login_state state;
	bool told;    /* what the state asks for */
	bool begun;   /* the service was asked for */
	bool granted; /* ... and granted */
	char user[WIRE_TEXT_MAX];
	uint32_t n_messages, n_banners;

	/* Of the server's last answers. */
	struct buf methods, refusal, banner;
	bool partial, has_banner;

	enum wire_proof_type proof; /* SIGN, SENT, PROMPT */
	bool is_question;           /* publickey: PK_OK may come */
	struct buf request;         /* publickey: what is signed, the session's id before it */
	struct slice key;           /* in it */
	size_t flag_at;             /* in it: that it is signed */
	struct buf info;            /* PROMPT: the payload that `prompts` is read from */
	struct wire_prompts prompts;
	struct buf queue; /* requests that wait for the link, each with its length before it */
};

void login_init(struct login *l, struct wire_link *link, const char *user);
void login_fini(struct login *l);

/* One payload: SERVICE_ACCEPT, or a number from 50 to 79. What is wrong with it is in the story. */
enum err login_input(struct login *l, struct slice payload, struct story *story) must_check;

/* Sends what waited for the link to open. */
enum err login_flush(struct login *l) must_check;

/* Is there an event to be told or answered, before which no other payload is to be taken? The
 * first question waits for what the server has sent already. */
bool login_waits(const struct login *l);

/* That event, once; false: there is none. */
bool login_event(struct login *l, struct wire_client_event *ret_event);

/* As those of wire_client. BUG: not asked. */
enum err login_prove(struct login *l, const struct wire_proof *proof) must_check;
enum err login_sign(struct login *l, struct slice signature) must_check;
enum err login_respond(struct login *l, const struct slice *answers) must_check;
void login_skip(struct login *l);

/* Of login.c, for login_answer.c: sends a message now, or when the link is open. */
enum err login_send(struct login *l, struct slice message) must_check;
void login_set_state(struct login *l, enum login_state state);

#endif
