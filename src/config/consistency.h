/* The parts of consistency.c: rules between values, each of which is good on its own. */
#ifndef CONFIG_CONSISTENCY_H
#define CONFIG_CONSISTENCY_H

#include "config/load.h"

/* A value that must not be there twice in its list. */
struct item {
	const char *text;
	const void *slot;
};

/* Sorts the items, and reports each but the first of one text. what: "the mount". */
void report_twice(struct loader *l, struct item *items, size_t n_items, const char *what);

/* consistency_access.c */
void consistency_check_account(struct loader *l, const struct config_account *a);
void consistency_check_folder(struct loader *l, const struct config_folder *f);

#endif
