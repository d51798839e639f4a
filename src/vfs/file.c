#include "vfs/file.h"

#include "vfs/denial.h"
#include "vfs/look.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/setstat.h"

/* Any of these makes or changes a file. */
enum { PFLAGS_CHANGE = SSH_FXF_WRITE | SSH_FXF_APPEND | SSH_FXF_CREAT | SSH_FXF_TRUNC };

int
file_fd(const struct file *f)
{
	return f->upload != NULL ? f->upload->fd : f->fd;
}

static void
file_free(struct file *f)
{
	fd_closep(&f->fd);
	free(f->taken_path);
	free(f);
}

struct sftp_result
file_open(
    void *fs, struct slice raw, uint32_t pflags, const struct sftp_attrs *attrs, void **ret_file)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	struct sftp_result result;
	bool changes = (pflags & PFLAGS_CHANGE) != 0;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, changes ? ACCESS_CREATE : ACCESS_DOWNLOAD, e);
	if (place.fixed)
		return sftp_result_of(ERR_ISDIR);
	struct file *f = calloc(1, sizeof *f);
	if (f == NULL)
		return sftp_result_of(ERR_NOMEM);
	*f = (struct file){.vfs = v, .mount = place.mount, .fd = -1};
	if (changes)
		result = file_open_writer(v, &path, &place, pflags, attrs, f);
	else
		result = file_open_reader(v, &path, &place, f);
	if (result.status == SSH_FX_OK)
		*ret_file = f;
	else
		file_free(f);
	return result;
}

struct sftp_result
file_read(void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	struct file *f = file;

	*ret_len = 0;
	if (!f->readable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for reading");
	if (offset > (uint64_t)INT64_MAX - len)
		return result_say(SSH_FX_EOF, NULL);
	enum err e = file_pread_full(file_fd(f), dst, len, offset, ret_len);
	if (e != ERR_OK)
		return sftp_result_of(e);
	coverage_add(&f->coverage, offset, *ret_len);
	if (*ret_len > 0 || len == 0)
		return result_ok();
	f->saw_eof = true;
	return result_say(SSH_FX_EOF, NULL);
}

/* Where APPEND writes, whatever offset the client names (section 6.3). */
static enum err
append_offset(const struct file *f, uint64_t *ret_offset)
{
	struct stat st;

	if (fstat(file_fd(f), &st) < 0)
		return err_last();
	*ret_offset = (uint64_t)st.st_size;
	return ERR_OK;
}

struct sftp_result
file_write(void *file, uint64_t offset, struct slice data)
{
	struct file *f = file;
	enum err e = ERR_OK;

	if (!f->writable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for writing");
	if (f->append)
		e = append_offset(f, &offset);
	if (e == ERR_OK)
		e = file_pwrite_all(file_fd(f), data.ptr, data.len, offset);
	/* A client that ignores the answer and closes must not publish a file with a gap. */
	if (e != ERR_OK)
		f->upload->spoilt = true;
	return sftp_result_of(e);
}

/* A download is a taking of the file when all of it was read, and its end was reached. */
static void
tell_taken(const struct file *f)
{
	struct stat st;

	if (f->taken_path == NULL || fstat(f->fd, &st) < 0)
		return;
	uint64_t size = (uint64_t)st.st_size;
	if (size == 0 && !f->saw_eof)
		return;
	if (coverage_is_whole(&f->coverage, size))
		f->vfs->journal->taken(f->vfs->journal_ctx, f->mount->folder, f->taken_path, size,
		    &(struct vfs_version){
			.inode = st.st_ino,
			.size = size,
			.mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		    });
}

struct sftp_result
file_close(void *file, struct sftp_token token)
{
	struct file *f = file;
	struct sftp_result result = result_ok();

	if (f->upload != NULL)
		result = upload_close(f->upload, f, token);
	else
		tell_taken(f);
	if (result.status != SFTP_PENDING)
		file_free(f);
	return result;
}

enum err
vfs_upload_recorded(struct vfs *v, uint32_t tag, enum err error, uint64_t transfer)
{
	struct upload *u = upload_awaiting(v, tag);

	if (u == NULL)
		return ERR_FORMAT;
	struct file *f = u->waiting;
	struct sftp_token token = u->token;
	struct sftp_result result = upload_recorded(u, error, transfer);
	if (f == NULL)
		return ERR_OK;
	file_free(f);
	sftp_fs_complete(token, result);
	return ERR_OK;
}

void
file_abandon(void *file)
{
	struct file *f = file;

	if (f->upload != NULL)
		upload_abandon(f->upload);
	file_free(f);
}

struct sftp_result
file_fstat(void *file, struct sftp_attrs *ret_attrs)
{
	const struct file *f = file;
	struct stat st;

	if (fstat(file_fd(f), &st) < 0)
		return sftp_result_of(err_last());
	sftp_attrs_from_stat(ret_attrs, &st);
	return result_ok();
}

struct sftp_result
file_fsetstat(void *file, const struct sftp_attrs *attrs)
{
	struct file *f = file;

	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0) {
		if (!f->writable)
			return result_say(SSH_FX_PERMISSION_DENIED, "not opened for writing");
		enum err e = setstat_size(file_fd(f), attrs->size);
		if (e != ERR_OK)
			return sftp_result_of(e);
	}
	return sftp_result_of(setstat_apply(file_fd(f), f->mount, attrs, false));
}

struct sftp_result
file_fsync(void *file)
{
	const struct file *f = file;

	return f->upload == NULL ? result_ok() : sftp_result_of(file_sync(file_fd(f)));
}

struct sftp_result
file_fstatvfs(void *file, struct sftp_fs_statvfs *ret_st)
{
	const struct file *f = file;

	return look_mount_statvfs(f->mount, ret_st);
}
