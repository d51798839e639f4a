/*
 * Who has taken which version of a file, and what is still to be done about it. Errors are those of
 * ledger.h.
 */
#ifndef LEDGER_DELIVERIES_H
#define LEDGER_DELIVERIES_H

#include "ledger/ledger.h"

/* One version of a file in a folder: another one of this path differs in one of the numbers. */
struct delivered_file {
	uint64_t transfer; /* that published it; 0: none did */
	char folder[LEDGER_NAME_MAX + 1];
	char path[LEDGER_PATH_MAX + 1]; /* beneath the folder */
	uint64_t inode, size;
	int64_t mtime_ns;
	/* When it was made; 0: not known. Inodes are used again, and clients set times: what was
	 * taken before is another file, though it has the same numbers. */
	int64_t born_us;
};

/* The account has read it whole. *ret_new: for the first time. */
enum err ledger_delivery_add(struct ledger *l, const struct delivered_file *f, const char *account,
    uint64_t bytes, int64_t now_us, bool *ret_new) must_check;

/* Has the account taken this version? */
enum err ledger_delivery_find(struct ledger *l, const struct delivered_file *f, const char *account,
    bool *ret_found) must_check;

/* A file that everybody has taken, and that is to leave its folder. */
struct disposal {
	uint64_t id;
	struct delivered_file file;
	bool archive; /* else it is removed */
};

/* d->id isn't used. *ret_id is 0 when that is noted already. */
enum err ledger_disposal_add(
    struct ledger *l, const struct disposal *d, uint64_t *ret_id) must_check;
/* ERR_NOENT: it was done. */
enum err ledger_disposal_get(struct ledger *l, uint64_t id, struct disposal *ret_d) must_check;
enum err ledger_disposal_drop(struct ledger *l, uint64_t id) must_check;

/* The oldest first; fn may change them. */
typedef enum err ledger_disposal_fn(void *ctx, const struct disposal *d);
enum err ledger_each_disposal(struct ledger *l, ledger_disposal_fn *fn, void *ctx) must_check;

#endif
