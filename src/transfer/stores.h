/*
 * The directories of a configuration, open: the staging of what is being fetched, and each folder
 * with its own staging. Opened once per snapshot; everything else goes beneath these descriptors.
 */
#ifndef TRANSFER_STORES_H
#define TRANSFER_STORES_H

#include "config/config.h"

/*
 * A folder's directories. Its staging is core's own; what accounts upload is in a directory of its
 * own beneath it, so that a session that went bad finds no output there that it could take away.
 */
struct store {
	const struct config_folder *folder;
	int dir_fd;
	int staging_fd;
	int uploads_fd;
	int archive_fd; /* -1 unless delivered files go there */
};

struct stores {
	int home_fd;
	int incoming_fd;      /* home/staging/incoming: a directory for each remote */
	struct store *stores; /* one per folder of the configuration, in its order */
	size_t n_stores;
};

/* Makes what is missing (mode 0750). A folder and its staging on two file systems: ERR_XDEV. */
enum err stores_open(const struct config *c, struct stores *ret_s, struct story *story) must_check;
void stores_close(struct stores *s);

/*
 * The directory for what comes from a remote; made when it is missing. Each remote has its own, so
 * that a courier reaches nothing that came from another. The caller closes it.
 */
enum err stores_open_incoming(const struct stores *s, const char *remote, int *ret_fd) must_check;

/* NULL when the configuration has no such folder. */
const struct store *stores_find(const struct stores *s, const char *folder);

#endif
