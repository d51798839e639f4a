/*
 * Files that are read in pieces, through several handles or by several sessions of one account at a
 * time: together they may have read all of it. Only what was read of one version counts together.
 *
 * Bounded: PIECES_FILES_MAX files, the one that was added to longest ago is forgotten first, and
 * each after PIECES_AGE_MAX. Forgetting means that a file isn't called whole, never the other way
 * round.
 */
#ifndef TRANSFER_PIECES_H
#define TRANSFER_PIECES_H

#include "ledger/deliveries.h"
#include "vfs/coverage.h"

enum { PIECES_FILES_MAX = 256 };
#define PIECES_AGE_MAX (INT64_C(3600) * 1000000)

struct pieces_file;

/* All zero: nothing was read. */
struct pieces {
	struct pieces_file *files[PIECES_FILES_MAX];
};

/*
 * The account has read these ranges of the file: offset and end of each, as big-endian uint64.
 * *ret_whole: with what it had read before, that is all of it; then it is forgotten. ERR_FORMAT:
 * they aren't ranges within the file.
 */
enum err pieces_add(struct pieces *p, const struct delivered_file *f, const char *account,
    struct slice ranges, int64_t now_us, bool *ret_whole) must_check;

void pieces_fini(struct pieces *p);

#endif
