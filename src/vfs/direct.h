/*
 * Files that are written in place, in mounts with `uploads: direct`: for programs that write here
 * and there in a file and read it back by its name at once (sshfs). What is written is seen by
 * everybody as it comes, and the journal is told of it at CLOSE, or when the line is lost. A
 * session that crashes tells nothing: what it had changed by then is in place all the same.
 *
 * CLOSE is answered when the bytes, and the name of a file that was made, are durable.
 */
#ifndef VFS_DIRECT_H
#define VFS_DIRECT_H

#include "vfs/file.h"

struct direct {
	struct lease lease;
	char *rel;       /* beneath the mount, at OPEN: a rename isn't followed */
	int dir_fd;      /* of a file that was made: its directory, to be synced; else -1 */
	uint64_t before; /* its size before the change that was reserved last */
	int64_t grown;   /* since OPEN, by what was done through this handle */
	bool made, changed;
};

/* The target (HOST_NONE or HOST_FILE) was checked against pflags. mode: for a file that is made. */
struct sftp_result direct_open(struct vfs *v, const struct place *place,
    const struct host_entry *entry, uint32_t pflags, mode_t mode, struct file *f);

/* Around each change: before it, that it reaches up to end; and after it, how it went. */
enum err direct_reserve(struct file *f, uint64_t end) must_check;
void direct_wrote(struct file *f, uint64_t end, enum err e);
enum err direct_truncate(struct file *f, uint64_t size) must_check;

/* Syncs, tells, and drops f->direct. For a client whose line was lost as well. */
enum err direct_close(struct file *f) must_check;

/* Another size for a file by its path, in place. */
enum err direct_resize(struct vfs *v, const struct place *place, const struct host_entry *entry,
    uint64_t size) must_check;

#endif
