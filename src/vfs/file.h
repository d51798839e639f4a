/*
 * An open file of a client: a download, an upload, a file that is written in place, or a look into
 * a private file of the account's own.
 */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include "vfs/coverage.h"
#include "vfs/upload.h"

struct file {
	struct vfs *vfs;
	const struct mount *mount;
	struct upload *upload; /* or NULL */
	struct direct *direct; /* or NULL; without either it is opened for reading only */
	int fd;                /* an upload has its own */
	char *taken_path;      /* of a download: what the journal is told; else NULL */
	bool readable, writable, append;
	bool saw_eof;
	struct coverage coverage;   /* of a download */
	struct vfs_version version; /* of a download, when it was opened */
};

/* It isn't open any more; what is behind it has ended before. */
void file_free(struct file *f);

/* open.c: makes the file for the path, or says why not. */
struct sftp_result file_open_reader(
    struct vfs *v, const struct vpath *path, const struct place *place, struct file *f);
struct sftp_result file_open_writer(struct vfs *v, const struct vpath *path,
    const struct place *place, uint32_t pflags, const struct sftp_attrs *attrs, struct file *f);

/*
 * Around each change of a file that is writable: before it, that its bytes may reach up to end
 * (SSH_FXP_WRITE and copy-data; the mount may be metered); and after it, how it went.
 */
enum err file_reserve(struct file *f, uint64_t end) must_check;
void file_wrote(struct file *f, uint64_t offset, uint64_t len, enum err e);

/* Where a write at this offset goes: APPEND writes at the end (section 6.3). */
enum err file_write_offset(const struct file *f, uint64_t *offset) must_check;

/* Which version of its file st is of. */
struct vfs_version file_version(const struct stat *st);

/* The descriptor that its bytes are behind. */
int file_fd(const struct file *f);

#endif
