/* File name patterns: *, ?, [a-z], [!a-z], and \ before a character that stands for itself. */
#ifndef RULES_GLOB_H
#define RULES_GLOB_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* ERR_INVALID with a story for a pattern that is empty, too long, holds a slash or an open bracket.
 */
enum err glob_check(const char *pattern, struct story *story) must_check;

/* True when name as a whole matches. A leading dot is matched only by a pattern that begins with
 * one. */
bool glob_match(const char *pattern, const char *name);

#endif
