/* Paths as text. Symbolic links are not looked at. */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include <stdbool.h>

#include "config/arena.h"

/*
 * path, relative to base when it isn't absolute, without empty parts, "." and "..": each ".." takes
 * the part before it away. The arena's; NULL without memory. base is absolute.
 */
char *path_resolve(struct arena *a, const char *base, const char *path) must_check;

/* True when path is dir or lies beneath it; both are results of path_resolve. */
bool path_within(const char *path, const char *dir);

/* An order in which a directory stands right before everything beneath it. */
int path_compare(const char *a, const char *b);

#endif
