/*
 * The outputs of a transfer: for each destination one file in that folder's staging, then, by a
 * rename, in the folder itself.
 *
 * The proof of publication is the absence of the output from staging: it is made and fsynced before
 * the transfer is `processed`, and from then on only the rename takes it away. So after a crash at
 * any instant we know what was published, whatever a consumer has done with the file since.
 */
#ifndef TRANSFER_OUTPUTS_H
#define TRANSFER_OUTPUTS_H

#include "transfer/gateway.h"

/*
 * Makes the n-th output of a staged transfer: the first as a link to the staged file, if its folder
 * is on the same file system; any other as an empty file that a worker must fill. Then *ret_fd is
 * open for writing (the caller closes it), else -1. Two links would share their times and modes,
 * which accounts may change. What an earlier try left under this name is replaced. Fills ret_out
 * but for its path.
 */
enum err outputs_prepare(struct gateway *g, const struct transfer *t, uint32_t n,
    const struct store *store, struct transfer_output *ret_out, int *ret_fd,
    struct story *story) must_check;

/* Makes the output's name in staging durable; before the transfer becomes `processed`. */
enum err outputs_sync(
    struct gateway *g, const struct transfer_output *out, struct story *story) must_check;

enum outputs_place_result {
	OUTPUTS_PLACED,     /* it is in place, durably; also when it was before */
	OUTPUTS_NAME_TAKEN, /* something else has its name: record out->path, the next one to try */
	OUTPUTS_FAILED      /* see the story; staging still has it */
};

/*
 * Renames one output into its folder, without overwriting, and syncs both directories. Of an
 * account's upload only: makes sure that the rename that its session did lasts.
 */
enum outputs_place_result outputs_place(
    struct gateway *g, struct transfer_output *out, enum err *ret_error, struct story *story);

/* Is the output still in staging? An error when that can't be told: the folder is not the one of
 * then. */
enum err outputs_is_staged(struct gateway *g, const struct transfer_output *out, bool *ret_staged,
    struct story *story) must_check;

/* The size of an output that is in staging: what it will take of its folder. */
enum err outputs_size(
    struct gateway *g, const struct transfer_output *out, uint64_t *ret_size) must_check;

/* Removes the fetched bytes; fine when there are none. */
void outputs_discard_incoming(struct gateway *g, const struct transfer *t);

#endif
