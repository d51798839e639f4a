/* What get and put have in common: a list of files and directories to be moved, and the job that
 * moves them. */
#ifndef SHELL_TRANSFER_H
#define SHELL_TRANSFER_H

#include "client/job.h"
#include "shell/shell.h"

struct transfer_item {
	char *remote, *local;
	struct sftp_attrs attrs; /* flags 0: not known */
};

struct transfer {
	enum job_direction direction;
	bool resume, fsync, preserve, recursive;
	struct transfer_item *items;
	size_t n, cap;
};

/* Both paths are taken over. attrs may be NULL. */
void transfer_add(struct transfer *t, char *remote, char *local, const struct sftp_attrs *attrs);

/* Moves everything, in one job; tells of each as sftp does. False if anything failed. The session's
 * connection may be another one afterwards, or none. */
bool transfer_run(struct shell *s, const struct transfer *t);

void transfer_fini(struct transfer *t);

#endif
