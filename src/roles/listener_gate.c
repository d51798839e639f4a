#include "roles/listener_gate.h"

#include "base/attr.h"
#include "base/bug.h"

/* Of a hundred new connections, so many are dropped. */
static uint64_t
percent_dropped(const struct gate_limits *l, uint32_t n_unauthenticated)
{
	if (n_unauthenticated < l->drop_from)
		return 0;
	uint64_t span = l->max_unauthenticated - l->drop_from;
	uint64_t beyond = n_unauthenticated - l->drop_from;
	return l->drop_percent + (100 - l->drop_percent) * beyond / span;
}

enum gate_verdict
gate_decide(const struct gate_limits *limits, const struct gate_counts *counts, uint32_t random)
{
	if (counts->not_a_proxy)
		return GATE_NOT_A_PROXY;
	if (counts->banned)
		return GATE_BANNED;
	if (counts->n_sessions >= limits->max_sessions)
		return GATE_SESSIONS;
	if (counts->n_of_address >= limits->max_per_address)
		return GATE_ADDRESS;
	if (counts->n_unauthenticated >= limits->max_unauthenticated)
		return GATE_UNAUTHENTICATED;
	/* Below the maximum, so the span is not empty once drop_from is reached. */
	if (random % 100 < percent_dropped(limits, counts->n_unauthenticated))
		return GATE_EARLY;
	return GATE_ADMIT;
}

const char *
gate_limit_name(enum gate_verdict verdict)
{
	static const char *const NAMES[GATE_N_VERDICTS] = {
	    [GATE_NOT_A_PROXY] = "listen.proxy_protocol",
	    [GATE_BANNED] = "banned",
	    [GATE_SESSIONS] = "limits.max_sessions",
	    [GATE_ADDRESS] = "limits.max_per_address",
	    [GATE_UNAUTHENTICATED] = "limits.max_unauthenticated",
	    [GATE_EARLY] = "limits.drop",
	    [GATE_RESOURCES] = "processes or memory",
	};

	BUG_ON(verdict <= GATE_ADMIT || verdict >= GATE_N_VERDICTS);
	return NAMES[verdict];
}
