/*
 * One look at a source's directory: each entry is matched and compared with the ledger, and at the
 * end what was waited for and is no longer there is written off.
 *
 * A file that is too young is not a version of anything yet, and gets no row: a growing file would
 * leave one at every look. It is counted, so that status can say why it doesn't move.
 */
#ifndef TRANSFER_POLL_H
#define TRANSFER_POLL_H

#include "transfer/gateway.h"

struct poll {
	struct gateway *gateway;
	const struct config_route *route; /* valid while gateway->config is */
	int64_t began_us;
	uint64_t n_entries, n_young, n_odd;
	char odd_name[128]; /* the first of the odd ones, escaped */
	uint64_t *ids;      /* sorted at the end: transfers of this route that were listed */
	size_t n_ids, cap_ids;
};

void poll_init(struct poll *p, struct gateway *g, const struct config_route *route, int64_t now_us);
void poll_fini(struct poll *p);

/* A regular file of the directory. Names that we would not publish are counted and passed over. */
enum err poll_entry(struct poll *p, struct slice name, uint64_t size, int64_t mtime) must_check;

/* The listing was complete: what is ready and wasn't listed is gone, what is published and wasn't
 * is settled. */
enum err poll_complete(struct poll *p) must_check;

#endif
