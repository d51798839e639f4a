/*
 * One turn of core's event loop. What the messages of a turn change goes into one ledger
 * transaction; what may only happen once that is durable (an answer, a deletion at the source) is
 * deferred to after the commit. Deferred deeds are named by numbers, not pointers: what they are
 * about may be gone by then.
 */
#ifndef TRANSFER_TURN_H
#define TRANSFER_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "ledger/ledger.h"

struct turn_args {
	uint64_t a, b, c;
};

/* Not ERR_OK: the ledger failed, and the turn with it. */
typedef enum err turn_fn(void *ctx, const struct turn_args *args);

struct turn_deed;

struct turn {
	STAILQ_HEAD(turn_deeds, turn_deed) deeds;
};

void turn_init(struct turn *t);

/* Drops what is deferred. */
void turn_fini(struct turn *t);

/* Calls fn(ctx, args) after the next successful commit, in the order of deferral. */
enum err turn_defer(struct turn *t, turn_fn *fn, void *ctx, struct turn_args args) must_check;

/*
 * Commits, runs what was deferred, and again, until nothing is left: a deed may change the ledger
 * and defer more. On an error of the ledger everything deferred is dropped: it must not happen.
 */
enum err turn_end(struct turn *t, struct ledger *ledger) must_check;

/* Nothing is deferred. */
bool turn_is_over(const struct turn *t);

#endif
