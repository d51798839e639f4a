/* How a command about several things ended: counted, and made into one exit code. */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include "cli/exit.h"
#include "client/ask.h"

struct tally {
	uint64_t n_done, n_failed;
	uint64_t n_missing; /* of those that failed: there is no such file */
};

/* One more failure. */
void tally_fail(struct tally *t, enum err error);

/* Counts how the server answered. */
void tally_answer(struct tally *t, const struct ask_answer *a);

/*
 * CLI_OK, or CLI_PARTLY when something is done and something failed; when nothing is done,
 * CLI_NOT_FOUND if none of it is there, else CLI_FAILED.
 */
enum cli_exit tally_exit(const struct tally *t);

#endif
