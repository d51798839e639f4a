/*
 * What a published file may be called: one path component of 1 to 255 bytes, not "." or "..",
 * without '/', NUL and control bytes. Names from a source are checked before anything is done with
 * them.
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
 * The extension of a name, without its dot: what stands behind the last dot, unless that is the
 * first byte (".profile" has none). *ret_stem is the name without dot and extension. Both point
 * into name.
 */
struct slice name_extension(struct slice name, struct slice *ret_stem);

/*
 * The n-th alternative for a name that is taken: "report.csv" becomes "report.2.csv" for n = 2. The
 * stem is cut when the result would be too long, between the characters of UTF-8. dst holds
 * NAME_LEN_MAX + 1 bytes.
 */
void name_numbered(const char *name, unsigned n, char *dst);

#endif
