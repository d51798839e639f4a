/*
 * When a session may move bytes, how long it may wait, and when it is to end: bandwidth, the idle
 * time-out and a graceful stop. The loop (session.c, session_serve.c) asks these functions and
 * follows their answer.
 */
#ifndef ROLES_SESSION_PACE_H
#define ROLES_SESSION_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "roles/bucket.h"

struct session;
struct session_start;

/* Times are on time_mono_us's clock. */
struct session_pace {
	struct bucket in, out;
	uint64_t counted_in, counted_out; /* of the session's bytes, in the buckets already */
	bool held_in, held_out;           /* a bucket was empty when it was asked last */
	int64_t idle_timeout_us;          /* 0: none */
	int64_t active_us;                /* when bytes of the stream last moved */
	int64_t stop_us;                  /* when a stop ends what is still open; 0: no stop */
	char stop_why[STORY_MAX];
};

/* The connection is there: idleness is counted from now on. */
void session_pace_begin(struct session *s);

/* The most that the loop may sleep now; -1 for no bound. Ends the session (session_end) when it is
 * due. Asked before each wait. */
int64_t session_pace_wait_us(struct session *s);

/* How many bytes may be taken from the client, and given to it, now: 0 holds them back until
 * another wait; SIZE_MAX is no limit. */
size_t session_pace_may_read(struct session *s);
size_t session_pace_may_write(struct session *s);

/* So many bytes of the stream came in and went out. Called after each round in which any did. */
void session_pace_moved(struct session *s, size_t in, size_t out);

#endif
