/*
 * The directories of a configuration, open: the staging of what is being fetched, and each folder
 * with its own staging. Opened once per snapshot; everything else goes beneath these descriptors.
 */
#ifndef TRANSFER_STORES_H
#define TRANSFER_STORES_H

#include "config/config.h"

struct store {
	const struct config_folder *folder;
	int dir_fd;
	int staging_fd;
};

struct stores {
	int home_fd;
	int incoming_fd;      /* home/staging/incoming: files on their way from a remote */
	struct store *stores; /* one per folder of the configuration, in its order */
	size_t n_stores;
};

/* Makes what is missing (mode 0750). A folder and its staging on two file systems: ERR_XDEV. */
enum err stores_open(const struct config *c, struct stores *ret_s, struct story *story) must_check;
void stores_close(struct stores *s);

/* NULL when the configuration has no such folder. */
const struct store *stores_find(const struct stores *s, const char *folder);

#endif
