/*
 * A bug is a state that the code promises can't happen. The process ends at once, so that the
 * damage stays in it; the environment's failures are never bugs, they are returned as enum err.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include "base/attr.h"

void bug_abort(const char *file, int line, const char *what) never_returns cold_path;

#define BUG(what) bug_abort(__FILE__, __LINE__, what)
#define BUG_ON(condition)                                          \
	do {                                                       \
		if (__builtin_expect(!!(condition), 0))            \
			bug_abort(__FILE__, __LINE__, #condition); \
	} while (0)

#endif
