/*
 * Pattern lists of ssh_config(5) "PATTERNS": "*" stands for any bytes, "?" for one, a "!" before a
 * pattern excludes. Letters match without regard to case, as host names do.
 */
#ifndef SSH_PATTERN_H
#define SSH_PATTERN_H

#include <stdbool.h>

#include "base/slice.h"

bool pattern_match(struct slice pattern, struct slice text);

enum pattern_verdict { PATTERN_NO, PATTERN_YES, PATTERN_EXCLUDED };

/* A comma-separated list: excluded when any "!" pattern matches, wherever it stands. */
enum pattern_verdict pattern_list_match(struct slice list, struct slice text);

#endif
