/*
 * Quotas: how much may be in a folder, and how much of all folders an account may fill. What counts
 * is what is there, and what sessions have leased and are writing; who asks for more than is left
 * gets nothing.
 *
 * A folder's content is counted when a configuration first has it, and followed from then on; an
 * account's is in the ledger (ledger/holdings.h). What people do to a folder beside the gateway is
 * noticed when a quota seems to be used up: then it is counted again. A folder that can't be
 * counted counts as full: a quota that isn't known to be kept is no quota.
 */
#ifndef TRANSFER_QUOTA_H
#define TRANSFER_QUOTA_H

#include <sys/types.h>

#include "config/config.h"

struct gateway;

struct quota_amount {
	uint64_t bytes, files;
};

/* Of one folder or account that has a quota. */
struct quota_pot {
	char name[64 + 1];
	bool account; /* else a folder */
	struct config_quota limit;
	struct quota_amount content; /* of a folder: at the last count, and what came since */
	struct quota_amount leased;
	int64_t next_count_us; /* not counted again before */
	bool is_counted;       /* there is a count to go by */
	/* It has more than can be counted, or was never counted: nothing more is let in. */
	bool is_uncountable;
	dev_t dev; /* of a folder: the directory that was counted */
	ino_t inode;
};

struct quotas {
	struct quota_pot *pots;
	size_t n_pots;
};

/* a + b, and a - b but not below 0: no word of a session can make them wrap. */
struct quota_amount quota_plus(struct quota_amount a, struct quota_amount b);
struct quota_amount quota_minus(struct quota_amount a, struct quota_amount b);

/* Does `more` fit beside what is used? Nothing more always does. */
bool quota_fits(
    const struct config_quota *limit, struct quota_amount used, struct quota_amount more);

/*
 * Makes the pots of the configuration in force and counts what is in their folders; but what was
 * counted before, in the same directory, and followed since, isn't counted again (after quotas_fini
 * all is). Nothing is leased then: the caller leases again what sessions hold.
 */
enum err quotas_use_config(struct gateway *g, int64_t now_us) must_check;
void quotas_fini(struct quotas *q);

/* All of it, of both pots, or ERR_QUOTA and a story that says whose quota it is. Other errors are
 * the ledger's. A folder or account without a quota always has room. */
enum err quota_lease(struct gateway *g, const char *folder, const char *account,
    struct quota_amount more, int64_t now_us, struct story *story) must_check;

/* Charges without asking: what a session held before a reload. */
void quota_charge(
    struct gateway *g, const char *folder, const char *account, struct quota_amount more);
void quota_release(
    struct gateway *g, const char *folder, const char *account, struct quota_amount less);

/* A file is about to be published in the folder, by nobody's lease: ERR_QUOTA as above. */
enum err quota_admit(struct gateway *g, const char *folder, struct quota_amount more,
    int64_t now_us, struct story *story) must_check;

/* The folder's content has changed by this much. */
void quota_content(struct gateway *g, const char *folder, int64_t bytes, int64_t files);

/* What counts against the pot's limit now. */
enum err quota_used(
    struct gateway *g, const struct quota_pot *pot, struct quota_amount *ret_used) must_check;

/* NULL when it has no quota. */
const struct quota_pot *quota_pot_find(const struct quotas *q, const char *name, bool account);

#endif
