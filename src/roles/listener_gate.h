/*
 * Who is let in: a decision from counts alone, so that it can be tested without a network. It is
 * made before there is a process for the connection.
 */
#ifndef ROLES_LISTENER_GATE_H
#define ROLES_LISTENER_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct gate_limits {
	uint32_t max_sessions;
	uint32_t max_per_address; /* of one block (os/netaddr.h) */
	/* From drop_from connections without a login on, a new one is dropped with drop_percent of
	 * probability, growing evenly to all of them at max_unauthenticated: some of those who
	 * want to log in still get through when somebody holds all the places. */
	uint32_t max_unauthenticated, drop_from, drop_percent;
};

/* As they are before the connection in question. */
struct gate_counts {
	uint32_t n_sessions;
	uint32_t n_of_address; /* 0 for what comes through a proxy: core counts those */
	uint32_t n_unauthenticated;
	bool not_a_proxy; /* where only proxies may connect */
	bool banned;
};

enum gate_verdict {
	GATE_ADMIT,
	GATE_NOT_A_PROXY,
	GATE_BANNED,
	GATE_SESSIONS,
	GATE_ADDRESS,
	GATE_UNAUTHENTICATED,
	GATE_EARLY,
	GATE_RESOURCES, /* not decided here: the system would not give us a process for it */
	GATE_N_VERDICTS
};

/* random: any number, evenly spread. */
enum gate_verdict gate_decide(
    const struct gate_limits *limits, const struct gate_counts *counts, uint32_t random);

/* The limit that was in the way, as the configuration calls it. Not of GATE_ADMIT. */
const char *gate_limit_name(enum gate_verdict verdict);

#endif
