/*
 * Connections that were turned away, gathered until core is told of them: at once when it has been
 * quiet, and then every few seconds, so that a flood of connections is no flood of messages.
 */
#ifndef ROLES_LISTENER_DROPS_H
#define ROLES_LISTENER_DROPS_H

#include "os/netaddr.h"
#include "roles/listener_gate.h"

/* Kinds (block and verdict) that are told apart at a time; of the others only how many. */
enum { DROPS_MAX = 16 };

struct drop {
	struct netaddr block; /* len 0: of several */
	enum gate_verdict verdict;
	uint32_t n_dropped;
};

struct drops {
	struct drop kinds[DROPS_MAX + GATE_N_VERDICTS];
	size_t n_kinds;
	int64_t next_us; /* not told of before */
};

void drops_count(struct drops *d, const struct netaddr *block, enum gate_verdict verdict);

/* When they are to be told of, INT64_MAX when there are none. */
int64_t drops_due(const struct drops *d);

/* All of them were told of. */
void drops_told(struct drops *d, int64_t now_us);

#endif
