/*
 * Which files of a directory a route takes: pure evaluation that says why. A file must match one of
 * the include patterns (none: all do), none of the exclude patterns, and the limits of size and
 * age.
 */
#ifndef RULES_MATCH_H
#define RULES_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct match {
	const char *const *include; /* n_include patterns */
	size_t n_include;
	const char *const *exclude;
	size_t n_exclude;
	int64_t min_age_us; /* 0: no limit */
	uint64_t min_size;  /* bytes; 0: no limit */
	uint64_t max_size;  /* bytes; 0: no limit */
};

struct match_file {
	const char *name;
	uint64_t size;
	int64_t mtime; /* seconds since the epoch, as the source says */
};

enum match_verdict {
	MATCH_TAKE,
	MATCH_NOT_NAMED, /* the name isn't included, or is excluded: not this route's */
	MATCH_TOO_YOUNG, /* ask again later */
	MATCH_TOO_SMALL,
	MATCH_TOO_LARGE
};

/* now_us: the gateway's clock. story, when not NULL, tells the rule that decided, for people. */
enum match_verdict match_evaluate(
    const struct match *m, const struct match_file *file, int64_t now_us, struct story *story);

#endif
