/*
 * A stand-in for wire/link.h without keys: each payload has its length before it, in both
 * directions, and nothing is encrypted. So tests and fuzzers of the layers above speak to them
 * directly. A length of PLAINLINK_REKEY opens and closes a key exchange, as it would be seen from
 * above; PLAINLINK_BYE is an orderly DISCONNECT.
 */
#ifndef TESTS_WIRE_PLAINLINK_H
#define TESTS_WIRE_PLAINLINK_H

#include "wire/link.h"

#define PLAINLINK_REKEY UINT32_C(0xffffffff)
#define PLAINLINK_BYE   UINT32_C(0xfffffffe)

enum { PLAINLINK_OUTPUT_MAX = 4 * 1024 * 1024 };

struct wire_link {
	struct buf input, output;
	bool rekeying, disconnected, authenticated, goodbye;
	size_t taken; /* of the input, by the payload that was given last */
	uint32_t n_unimplemented;
	struct wire_facts facts;
};

#endif
