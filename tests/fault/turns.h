/*
 * A story for a ledger in turns, the same each time, so that one number, how many turns were
 * committed, says everything that must be in it, and that nothing else may be.
 */
#ifndef TESTS_FAULT_TURNS_H
#define TESTS_FAULT_TURNS_H

#include "ledger/ledger.h"

enum { N_TURNS = 6 };

/*
 * Opens it with a WAL so small that a few turns see several checkpoints, but not one each: a commit
 * must be durable by itself.
 */
enum err turns_open(const char *path, struct ledger **ret_l, struct story *story) must_check;

/* Plays turn k (0 is the first), all but its commit; the first error ends it. */
enum err turns_play(struct ledger *l, unsigned k) must_check;

/* Asserts that the ledger tells just what n turns make, no more and no less. */
void turns_check(struct ledger *l, unsigned n);

/* How many turns the ledger holds, by its ids alone. */
unsigned turns_count(struct ledger *l);

/* Asserts that the file is sound, by SQLite's own measure and by the sums. The ledger is closed. */
void turns_check_file(const char *path);

#endif
