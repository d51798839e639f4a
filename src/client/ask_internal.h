/* Between ask.c and its kin; nobody else includes this. */
#ifndef CLIENT_ASK_INTERNAL_H
#define CLIENT_ASK_INTERNAL_H

#include "client/ask.h"
#include "client/refusal.h"
#include "client/remote_internal.h"

struct ask;

/* Takes what an answer without a refusal holds. False: it makes no sense. */
typedef bool ask_take_fn(struct ask *k, const struct sftp_reply *reply);

/*
 * A question under way. On the heap, and the client's, because who asks may be interrupted and
 * leave before the answer is there.
 */
struct ask {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct remote *remote;
	bool answered, left; /* left: nobody waits any more */
	ask_take_fn *take;
	void *ret; /* what take fills in */

	/* What is told of a failure. */
	const char *what;
	struct slice path;
	struct ask_answer *answer;
};

/* NULL: no memory, told. */
struct ask *ask_new(
    struct remote *r, const char *what, struct slice path, struct ask_answer *ret_answer);

/* The callback for whatever request is made with it. */
void ask_on_answer(void *ctx, const struct sftp_reply *reply);

/*
 * e: how submitting went. Waits for the answer, and frees k (or leaves it to the answer that comes
 * too late). True: the server did it.
 */
bool ask_end(struct ask *k, enum err e);

/* Turns the loop until *until, or the line is lost or the person interrupts: the error. */
enum err ask_wait(struct remote *r, const bool *until) must_check;

/* The answer for what ask_wait failed with. */
void ask_tell_wait(struct remote *r, enum err e, const char *what, struct slice path,
    struct ask_answer *ret_answer);

#endif
