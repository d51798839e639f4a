/*
 * Private files of accounts' uploads that nobody has open: their rows in the ledger and their bytes
 * in their folders' staging. The deed comes first and the row second, as everywhere: a crash leaves
 * a row without its file, or a file without a row, and partials_recover deals with both.
 */
#ifndef TRANSFER_PARTIALS_H
#define TRANSFER_PARTIALS_H

#include <sys/stat.h>

#include "ledger/partials.h"
#include "transfer/gateway.h"

/* Whether a name in the staging of uploads is one of ours, "up.ACCOUNT.RANDOM"; and the account. */
bool partial_name_parse(const char *staging_name, char ret_account[LEDGER_NAME_MAX + 1]) must_check;

/* The private file. ERR_NOENT: it is no more, or its folder is no longer in the configuration. */
enum err partial_stat(const struct gateway *g, const char *folder, const char *staging_name,
    struct stat *ret_st) must_check;

/*
 * As partial_stat, of one that nobody has open. Its session may have been killed, or the machine
 * lost power, when what came out of order was written and what belongs before it wasn't: who goes
 * on with it does so at its end, and so it is cut off at the first hole. The file system sees holes
 * of whole blocks; who ends in order cuts at the byte (vfs/upload.h).
 */
enum err partial_mend(const struct gateway *g, const char *folder, const char *staging_name,
    struct stat *ret_st) must_check;

/* When it is to be removed: keep_partial of its folder after it was left. */
int64_t partial_expires_us(const struct gateway *g, const char *folder, int64_t since_us);

/*
 * Removes the file and its row (it need not have one), and notes why. A file that is there no more
 * is no event: somebody was quicker. An error that isn't the ledger's leaves everything as it is,
 * and is logged.
 */
enum err partial_remove(
    struct gateway *g, const struct partial_row *p, const char *why, int64_t now_us) must_check;

/*
 * After a start: rows without a file go; fn is told of each file, of one without a row with path
 * "", since when nobody has written to it.
 */
enum err partials_recover(
    struct gateway *g, int64_t now_us, ledger_partial_fn *fn, void *ctx) must_check;

#endif
