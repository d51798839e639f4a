/* What is done with one file that was delivered; see delivery.h. */
#ifndef TRANSFER_DISPOSAL_H
#define TRANSFER_DISPOSAL_H

#include "ledger/deliveries.h"
#include "transfer/gateway.h"

/* So many at most block core at a time. */
enum { DISPOSALS_A_TURN = 64 };

/*
 * Carries disposals out, from wherever they were cut off, and nothing of one that is done already:
 * all are taken out and put away, then each directory is synced once, then their rows go. What the
 * file system refuses is logged, and left for the next try: only the ledger's errors are returned.
 */
enum err disposals_carry_out(
    struct gateway *g, const uint64_t *ids, size_t n_ids, int64_t now_us) must_check;

/* Which disposal a file in a folder's staging belongs to, "d42"; false for other files. */
bool disposal_name_parse(const char *name, uint64_t *ret_id) must_check;

#endif
