/*
 * What accounts have put into folders and is still there, and how much that is: for quotas. Errors
 * are those of ledger.h.
 */
#ifndef LEDGER_HOLDINGS_H
#define LEDGER_HOLDINGS_H

#include "ledger/ledger.h"

/* More than this counts as this much: no size can make the sums overflow. */
#define LEDGER_HOLDING_MAX (UINT64_C(1) << 61)

struct holding {
	uint64_t id;
	char folder[LEDGER_NAME_MAX + 1];
	char path[LEDGER_PATH_MAX + 1]; /* beneath the folder */
	char account[LEDGER_NAME_MAX + 1];
	uint64_t size;
};

/* The account holds the file from now on, whoever held one of that path before. */
enum err ledger_holding_put(struct ledger *l, const struct holding *h) must_check;

/* ERR_NOENT: nobody's. */
enum err ledger_holding_get(
    struct ledger *l, const char *folder, const char *path, struct holding *ret_h) must_check;

/* Fine when there is none. */
enum err ledger_holding_drop(struct ledger *l, const char *folder, const char *path) must_check;

/*
 * A file, or a directory with all beneath it, has another path now; what had that path before is
 * held no more. A path that would be too long stays as it was.
 */
enum err ledger_holding_rename(
    struct ledger *l, const char *folder, const char *from, const char *to) must_check;

/* How much the account holds. */
enum err ledger_usage(
    struct ledger *l, const char *account, uint64_t *ret_bytes, uint64_t *ret_files) must_check;

/* Of one account, the oldest first; fn may change them. */
typedef enum err ledger_holding_fn(void *ctx, const struct holding *h);
enum err ledger_each_holding(
    struct ledger *l, const char *account, ledger_holding_fn *fn, void *ctx) must_check;

#endif
