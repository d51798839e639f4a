/* What is stuck, and why: the last part of the status page. */
#ifndef CLI_STUCK_H
#define CLI_STUCK_H

#include <stdio.h>

#include "cli/rows.h"

/*
 * A line for each trouble in the rows of a status answer, from the gateway's own down to a single
 * file's; or that there is none.
 */
void stuck_print(const struct rows *rows, int64_t now_us, FILE *to);

#endif
