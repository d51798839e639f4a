/*
 * The listener's children: one process for each session. Found by process, by session and by the
 * address that they serve without looking at them all: there may be thousands of them, and they
 * come and go by the hundred a second.
 */
#ifndef ROLES_LISTENER_CHILDREN_H
#define ROLES_LISTENER_CHILDREN_H

#include <sys/queue.h>
#include <sys/types.h>

#include "os/netaddr.h"

enum { CHILDREN_BUCKETS = 1024 };

struct child {
	pid_t pid;
	uint64_t session;
	struct netaddr block; /* of its peer; len 0 for one behind a proxy, which has no say */
	bool logged_in;
	int64_t over_us; /* when core closed its line, on time_mono_us's clock, or 0 */
	LIST_ENTRY(child) of_pid, of_session, of_block;
	TAILQ_ENTRY(child) overdue; /* while over_us isn't 0 */
};

LIST_HEAD(child_chain, child);

struct children {
	struct child_chain by_pid[CHILDREN_BUCKETS];
	struct child_chain by_session[CHILDREN_BUCKETS];
	struct child_chain by_block[CHILDREN_BUCKETS];
	TAILQ_HEAD(, child) over; /* the first is due first */
	uint32_t n, n_unauthenticated;
};

void children_init(struct children *c);

/* Takes over a child from the heap, with pid, session and block set. */
void children_add(struct children *c, struct child *child);

/* Takes it out and frees it. */
void children_remove(struct children *c, struct child *child);

struct child *children_find_pid(const struct children *c, pid_t pid);
struct child *children_find_session(const struct children *c, uint64_t session);

/* How many serve this block of addresses. */
uint32_t children_of_block(const struct children *c, const struct netaddr *block);

void children_logged_in(struct children *c, struct child *child);

/* Core has closed its line: it has ten seconds from now to end by itself. */
void children_over(struct children *c, struct child *child, int64_t now_us);

/* Kills those that were told to end and are still there; when the next is due, INT64_MAX: never. */
int64_t children_end_overdue(struct children *c, int64_t now_us);

#endif
