/* The part of dray status that says what is private in folders, and how far quotas are used up. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include <stdio.h>

#include "cli/rows.h"

/* Nothing where nothing is private and there is no quota. */
void usage_print(const struct rows *rows, FILE *to);

#endif
