/* An open file of a client: a download, an upload, or a look into an upload of this session. */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include "vfs/coverage.h"
#include "vfs/upload.h"

struct file {
	struct vfs *vfs;
	const struct mount *mount;
	struct upload *upload; /* NULL: opened for reading only */
	int fd;                /* of a reader; an upload has its own */
	char *taken_path;      /* of a download: what the journal is told; else NULL */
	bool readable, writable, append;
	bool saw_eof;
	struct coverage coverage; /* of a download */
};

/* open.c: makes the file for the path, or says why not. */
struct sftp_result file_open_reader(
    struct vfs *v, const struct vpath *path, const struct place *place, struct file *f);
struct sftp_result file_open_writer(struct vfs *v, const struct vpath *path,
    const struct place *place, uint32_t pflags, const struct sftp_attrs *attrs, struct file *f);

/* The descriptor that its bytes are behind. */
int file_fd(const struct file *f);

#endif
