/*
 * What a published file may be called: one path component of 1 to 255 bytes, not "." or "..",
 * without
 * '/', NUL and control bytes. Names from a source are checked before anything is done with them.
 */
#ifndef RULES_NAME_H
#define RULES_NAME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum { NAME_LEN_MAX = 255 };

/* ERR_INVALID or ERR_NAMETOOLONG with a story (the name in it is escaped). */
enum err name_check(struct slice name, struct story *story) must_check;

/*
 * The n-th alternative for a name that is taken: "report.csv" becomes "report.2.csv" for n = 2. The
 * stem is cut when the result would be too long. dst holds NAME_LEN_MAX + 1 bytes.
 */
void name_numbered(const char *name, unsigned n, char *dst);

#endif
