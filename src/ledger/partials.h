/*
 * Private files of uploads that were not closed, so that they can be gone on with after whatever
 * happened. Errors are those of ledger.h.
 */
#ifndef LEDGER_PARTIALS_H
#define LEDGER_PARTIALS_H

#include "ledger/ledger.h"

struct partial_row {
	char folder[LEDGER_NAME_MAX + 1];
	char staging_name[LEDGER_FILE_NAME_MAX + 1]; /* in the staging of the folder's uploads */
	char path[LEDGER_PATH_MAX + 1];              /* where it will be, beneath the folder */
	char account[LEDGER_NAME_MAX + 1];
	uint64_t size;    /* at the last look */
	int64_t since_us; /* since when nobody has it open, as far as that is known */
};

/* A new row, or the one of this folder and staging name as it is now. */
enum err ledger_partial_put(struct ledger *l, const struct partial_row *p) must_check;

/* Is there such a row? */
enum err ledger_partial_find(
    struct ledger *l, const char *folder, const char *staging_name, bool *ret_found) must_check;

/* Fine when there is none. */
enum err ledger_partial_drop(
    struct ledger *l, const char *folder, const char *staging_name) must_check;

/* The oldest first; fn may change them. */
typedef enum err ledger_partial_fn(void *ctx, const struct partial_row *p);
enum err ledger_each_partial(struct ledger *l, ledger_partial_fn *fn, void *ctx) must_check;

#endif
