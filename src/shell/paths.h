/* Paths as strings, on either side. Results are on the heap, and never NULL. */
#ifndef SHELL_PATHS_H
#define SHELL_PATHS_H

#include <stdbool.h>

#include "base/slice.h"

/* directory/name; an absolute name is itself. */
char *path_join(const char *directory, const char *name);

/* The last part, without slashes behind it; "." for "/" and for "". */
struct slice path_name(const char *path);

/* path without "directory/" before it; path itself when it isn't beneath, or for NULL. */
const char *path_beneath(const char *path, const char *directory);

/* With a backslash before what a pattern would read. */
char *path_as_pattern(const char *path);

#endif
