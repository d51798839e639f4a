/*
 * After a start (and after the ledger could not be written for a while): every row and every file
 * in staging is brought back into a legal state. What is done for each state stands in
 * ledger/state.h.
 */
#ifndef TRANSFER_RECOVER_H
#define TRANSFER_RECOVER_H

#include "transfer/gateway.h"

struct recovery {
	uint64_t n_resumed;   /* transfers that go on from where they were */
	uint64_t n_discarded; /* files in staging that belonged to nothing any more */
};

/* Changes the ledger and defers the next steps; the caller ends the turn. */
enum err recover(struct gateway *g, int64_t now_us, struct recovery *ret_r) must_check;

/*
 * A session of the account has ended without a word about uploads that were recorded for it: what
 * is in place is settled, what isn't stays private. Not while another session of the account may
 * still speak.
 */
enum err recover_uploads(struct gateway *g, const char *account, int64_t now_us) must_check;

/* The same for one upload that is recorded, and whose session says that it could not put it in
 * place. why: for people. */
enum err recover_upload_not_placed(
    struct gateway *g, const struct transfer *t, const char *why, int64_t now_us) must_check;

#endif
