/*
 * File name patterns: *, ?, [a-z], [!a-z], and \ before a character that stands for itself; the
 * classes of fnmatch(3), as [[:digit:]], too. Matching is by bytes in the C locale, which every
 * role runs in: ? takes one byte. Upper and lower case differ.
 */
#ifndef RULES_GLOB_H
#define RULES_GLOB_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Bounds that keep matching cheap, whatever the pattern and whatever the name. */
enum { GLOB_LEN_MAX = 255, GLOB_STARS_MAX = 8 };

/* ERR_INVALID with a story for a pattern that is empty, too long, holds a slash, an open bracket, a
 * backslash at its end, or too many stars. */
enum err glob_check(const char *pattern, struct story *story) must_check;

/* True when name as a whole matches. A leading dot is matched only by a pattern that begins with
 * one. A pattern or a name past its bound matches nothing. */
bool glob_match(const char *pattern, const char *name);

#endif
