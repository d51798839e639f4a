/* What is done with one file that was delivered; see delivery.h. */
#ifndef TRANSFER_DISPOSAL_H
#define TRANSFER_DISPOSAL_H

#include "ledger/deliveries.h"
#include "transfer/gateway.h"

/*
 * Carries the disposal out, from wherever it was cut off; nothing when it is done already. What the
 * file system refuses is logged, and left for the next try: only the ledger's errors are returned.
 */
enum err disposal_carry_out(struct gateway *g, uint64_t id, int64_t now_us) must_check;

#endif
