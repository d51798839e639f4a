/* Names in a mount's directory on the host, by descriptors alone; adds to os/file.h. */
#ifndef VFS_HOST_H
#define VFS_HOST_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "os/fd.h"
#include "os/file.h"

/*
 * What a name stands for. Only regular files and directories exist for an account; symbolic links,
 * FIFOs, sockets and devices are hidden: never opened, followed or listed.
 */
enum host_kind { HOST_NONE, HOST_FILE, HOST_DIR, HOST_HIDDEN };

enum host_kind host_kind_of(const struct stat *st);

struct host_entry {
	int parent_fd;    /* O_PATH */
	const char *name; /* the last part; points into the path that was looked up */
	enum host_kind kind;
	struct stat st; /* of HOST_FILE and HOST_DIR */
};

/*
 * Looks rel up beneath dir_fd. A missing last part is HOST_NONE; a missing or hidden parent is an
 * error. Release with host_entry_fini, in every case.
 */
enum err host_find(int dir_fd, const char *rel, struct host_entry *ret_entry) must_check;
void host_entry_fini(struct host_entry *entry);

/*
 * Opens what was found as a HOST_FILE, flags as of open(2). It is looked at once more after it is
 * open, since the name may have changed hands: what isn't a regular file by then is ERR_NOENT.
 */
enum err host_open_file(
    const struct host_entry *entry, int flags, int *ret_fd, struct stat *ret_st) must_check;

/* fsync of a directory; dir_fd may be O_PATH. */
enum err host_sync_dir(int dir_fd) must_check;

/*
 * Copies the first len bytes (fewer, where the file ends sooner), sharing blocks where the file
 * system can. to_fd is empty and at its start.
 */
enum err host_copy(int from_fd, int to_fd, uint64_t len) must_check;

#endif
