/* Open files of the plain file system. */
#include <fcntl.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "stdio/hostfs_file.h"
#include "stdio/hostfs_ops.h"

/* Behind the engine's handle: the descriptor alone. */
struct hostfs_file {
	int fd;
};

int
hostfs_fd(const void *file)
{
	return ((const struct hostfs_file *)file)->fd;
}

static int
open_flags(uint32_t pflags)
{
	static const struct {
		uint32_t pflag;
		int flag;
	} FLAGS[] = {
	    {SSH_FXF_APPEND, O_APPEND},
	    {SSH_FXF_CREAT, O_CREAT},
	    {SSH_FXF_TRUNC, O_TRUNC},
	    {SSH_FXF_EXCL, O_EXCL},
	};
	bool reads = (pflags & SSH_FXF_READ) != 0, writes = (pflags & SSH_FXF_WRITE) != 0;
	int flags = writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;

	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++)
		flags |= (pflags & FLAGS[i].pflag) != 0 ? FLAGS[i].flag : 0;
	return flags;
}

struct sftp_result
hostfs_open(void *fs unused_arg, struct slice raw, uint32_t pflags, const struct sftp_attrs *attrs,
    void **ret_file)
{
	bool has_mode = (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0;
	mode_t mode = has_mode ? attrs->permissions & 07777 : 0666;
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	struct hostfs_file *f = malloc(sizeof *f);
	if (f == NULL)
		return sftp_result_of(ERR_NOMEM);
	e = file_open_trusted(path.text, open_flags(pflags) | O_NOCTTY, mode, &f->fd);
	if (e == ERR_OK)
		*ret_file = f;
	else
		free(f);
	return sftp_result_of(e);
}

struct sftp_result
hostfs_read(void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	const struct hostfs_file *f = file;

	enum err e = file_pread_full(f->fd, dst, len, offset, ret_len);
	if (e == ERR_OK && *ret_len == 0 && len > 0)
		return (struct sftp_result){.status = SSH_FX_EOF};
	return sftp_result_of(e);
}

struct sftp_result
hostfs_write(void *file, uint64_t offset, struct slice data)
{
	const struct hostfs_file *f = file;

	/* With O_APPEND, Linux appends whatever the offset is (pwrite(2), BUGS): what is wanted. */
	return sftp_result_of(file_pwrite_all(f->fd, data.ptr, data.len, offset));
}

void
hostfs_abandon(void *file)
{
	struct hostfs_file *f = file;

	fd_closep(&f->fd);
	free(f);
}

struct sftp_result
hostfs_close(void *file, struct sftp_token token unused_arg)
{
	struct hostfs_file *f = file;
	int rc = close(fd_take(&f->fd));

	free(f);
	return hostfs_result(rc);
}

struct sftp_result
hostfs_fstat(void *file, struct sftp_attrs *ret_attrs)
{
	const struct hostfs_file *f = file;
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return hostfs_result(-1);
	sftp_attrs_from_stat(ret_attrs, &st);
	return result_ok();
}

struct sftp_result
hostfs_fsetstat(void *file, const struct sftp_attrs *attrs)
{
	const struct hostfs_file *f = file;
	const struct timespec times[2] = {{.tv_sec = attrs->atime}, {.tv_sec = attrs->mtime}};
	int rc = 0;

	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0) {
		if (attrs->size > (uint64_t)INT64_MAX)
			return sftp_result_of(ERR_INVALID);
		rc = ftruncate(f->fd, (off_t)attrs->size);
	}
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0)
		rc = fchmod(f->fd, attrs->permissions & 07777);
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_ACMODTIME) != 0)
		rc = futimens(f->fd, times);
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_UIDGID) != 0)
		rc = fchown(f->fd, attrs->uid, attrs->gid);
	return hostfs_result(rc);
}

struct sftp_result
hostfs_fsync(void *file)
{
	const struct hostfs_file *f = file;

	return sftp_result_of(file_sync(f->fd));
}

struct sftp_result
hostfs_fstatvfs(void *file, struct sftp_fs_statvfs *ret_st)
{
	const struct hostfs_file *f = file;
	struct statvfs st;

	if (fstatvfs(f->fd, &st) < 0)
		return hostfs_result(-1);
	hostfs_statvfs_from(ret_st, &st);
	return result_ok();
}
