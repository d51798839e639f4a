/* How much is in a folder's directory. */
#ifndef TRANSFER_QUOTA_COUNT_H
#define TRANSFER_QUOTA_COUNT_H

#include "base/err.h"
#include "transfer/quota.h"

/* Deeper than this, and more names than this, are not looked at: ERR_LIMIT. */
enum { QUOTA_DEPTH_MAX = 64, QUOTA_NAMES_MAX = 2000000 };

/*
 * Counts the regular files beneath dir_fd and their bytes. Symbolic links are not followed, and
 * other file systems not entered. What goes away meanwhile isn't counted. On failure *ret_amount is
 * what it was.
 */
enum err quota_count(int dir_fd, struct quota_amount *ret_amount) must_check;

#endif
