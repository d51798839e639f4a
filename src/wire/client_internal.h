/*
 * The inside of a client, shared by client.c (its life, what comes in, events) and client_calls.c
 * (answers, the stream, what there is to know).
 */
#ifndef WIRE_CLIENT_INTERNAL_H
#define WIRE_CLIENT_INTERNAL_H

#include "wire/channel.h"
#include "wire/client.h"
#include "wire/login.h"

struct wire_client {
	struct wire_offer offer;
	struct wire_link *link;
	struct login login;
	struct channel channel;
	bool told_host_key, told_open, told_eof;
	bool wants_end;        /* we closed the channel, the server only answers */
	uint32_t n_unanswered; /* keep-alives since the server was heard last */
	bool hung_up;          /* the server: what comes now is the last */
	bool line_ended;
	char line_story[WIRE_TEXT_MAX]; /* ... when it broke */
	bool over;
	enum err error; /* why it is over */
	enum wire_end end;
	struct story story;
};

/* It is over, for this reason, if it isn't already. What went wrong here is told to the caller; to
 * the server no more than that it is over. */
void client_give_up(struct wire_client *w, enum err error, enum wire_end end, const char *story);

/* The same without memory, which is all that can fail of our own. */
void client_no_memory(struct wire_client *w);

/* The same in silence: nothing is said to the server. */
void client_set_over(struct wire_client *w, enum err error, enum wire_end end);

/* Takes payloads until there is something to tell, or none is left. */
void client_step(struct wire_client *w);

#endif
