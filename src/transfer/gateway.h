/*
 * What the transfer logic works with: the ledger, the configuration in force with its open
 * directories, the turn, and the ports through which it asks core for processes. One per gateway.
 */
#ifndef TRANSFER_GATEWAY_H
#define TRANSFER_GATEWAY_H

#include "config/config.h"
#include "ledger/ledger.h"
#include "transfer/quota.h"
#include "transfer/stores.h"
#include "transfer/turn.h"

/* What the logic asks of core. Called only after what it depends on is durable. */
struct gateway_ports {
	/* Process this staged transfer: a worker, now or when one is free. */
	void (*work)(void *ctx, const struct transfer *t);
	/* Remove it at its source, if a courier is there; else the next run does. */
	void (*remove_source)(void *ctx, const struct transfer *t);
};

/* Files that wait to be disposed of (delivery.h): the numbers of their rows, in order. */
struct disposals {
	uint64_t *ids;
	size_t n, max;
	bool is_deferred; /* some of them are done after the next commit */
};

struct gateway {
	struct ledger *ledger; /* owned */
	struct config *config; /* one reference */
	struct stores stores;
	struct quotas quotas;
	struct turn turn;
	struct disposals disposals;
	const struct gateway_ports *ports;
	void *ports_ctx;
};

/* Takes a reference on config and opens its directories; on failure nothing is changed. */
enum err gateway_use_config(
    struct gateway *g, struct config *config, struct story *story) must_check;

void gateway_fini(struct gateway *g);

enum { STAGING_NAME_MAX = 64 };

/* The name of a transfer's bytes in its remote's directory, "t42". */
void staging_name(uint64_t transfer, char dst[STAGING_NAME_MAX]);

enum { STAGING_PATH_MAX = LEDGER_NAME_MAX + 1 + STAGING_NAME_MAX };

/* The same from incoming on, "acme/t42". */
void staging_path(const char *remote, uint64_t transfer, char dst[STAGING_PATH_MAX]);

/*
 * The name of its n-th output in a folder's staging, "t42.0-1f3a": with the inode of that
 * directory. Absence from staging proves publication, but only from the very staging that the
 * output was put into; a folder that was moved meanwhile must not look like one whose files were
 * taken.
 */
void staging_output_name(
    uint64_t transfer, uint32_t n, uint64_t staging_inode, char dst[STAGING_NAME_MAX]);

/* Which transfer a staging name belongs to; false for other files. *ret_output tells whether it is
 * an output. */
bool staging_parse(const char *name, uint64_t *ret_transfer, bool *ret_output) must_check;

#endif
