/*
 * Names with wildcards on the server, as sftp(1) has them (glob(3) with GLOB_NOCHECK and marks for
 * directories): "*", "?", "[…]" and "\" in any part of a path. Each part that has a wildcard costs
 * one listing of each directory that fits so far.
 */
#ifndef CLIENT_GLOB_H
#define CLIENT_GLOB_H

#include "client/ask.h"

enum { GLOB_RESULTS_MAX = 1000 * 1000 };

struct glob_match {
	char *path;
	struct sftp_attrs attrs; /* flags 0: not asked for */
};

struct glob_matches {
	struct glob_match *items; /* sorted by path */
	size_t n, cap;
};

bool glob_has_magic(const char *pattern);
/* Takes the backslashes of quoting out, in place. */
void glob_unquote(char *pattern);

/*
 * All that fits. Without wildcards: the one path, unquoted, attrs from STAT when `must_exist`
 * (else not asked for). No match: ERR_NOENT in the answer.
 */
bool glob_remote(struct remote *r, const char *pattern, bool must_exist, struct glob_matches *ret,
    struct ask_answer *a);
void glob_matches_fini(struct glob_matches *m);

#endif
