/*
 * When a session may move bytes, how long it may wait, and when it is to end: bandwidth, the idle
 * time-out, a graceful stop, and the PROXY header before all. The loop (session.c,
 * session_serve.c) asks these functions and follows their answer.
 */
#ifndef ROLES_SESSION_PACE_H
#define ROLES_SESSION_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct session;
struct session_start;

struct session_pace {
	uint64_t rate_in, rate_out; /* bytes per second; 0: no limit */
};

/* Before the transport takes the socket, and after the process was confined. */
enum err session_pace_begin(struct session *s, const struct session_start *start) must_check;

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
