#include "vfs/file.h"

#include "vfs/denial.h"
#include "vfs/direct.h"
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

void
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
file_peek(void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	const struct file *f = file;

	*ret_len = 0;
	if (!f->readable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for reading");
	if (offset > (uint64_t)INT64_MAX - len)
		return result_say(SSH_FX_EOF, NULL);
	enum err e = file_pread_full(file_fd(f), dst, len, offset, ret_len);
	if (e != ERR_OK)
		return sftp_result_of(e);
	return *ret_len > 0 || len == 0 ? result_ok() : result_say(SSH_FX_EOF, NULL);
}

struct sftp_result
file_read(void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	struct file *f = file;

	struct sftp_result result = file_peek(f, offset, dst, len, ret_len);
	if (result.status == SSH_FX_OK)
		coverage_add(&f->coverage, offset, *ret_len);
	else if (result.status == SSH_FX_EOF)
		f->saw_eof = true;
	return result;
}

enum err
file_write_offset(const struct file *f, uint64_t *offset)
{
	struct stat st;

	if (!f->append)
		return ERR_OK;
	if (fstat(file_fd(f), &st) < 0)
		return err_last();
	*offset = (uint64_t)st.st_size;
	return ERR_OK;
}

enum err
file_reserve(struct file *f, uint64_t end)
{
	return f->upload != NULL ? upload_reserve(f->upload, end) : direct_reserve(f, end);
}

void
file_wrote(struct file *f, uint64_t offset, uint64_t len, enum err e)
{
	if (f->upload != NULL)
		upload_wrote(f->upload, offset, len, e);
	else
		direct_wrote(f, offset + len, e);
}

struct sftp_result
file_write(void *file, uint64_t offset, struct slice data)
{
	struct file *f = file;

	if (!f->writable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for writing");
	enum err e = file_write_offset(f, &offset);
	/* What ends behind every offset there is, file_reserve refuses. */
	if (e == ERR_OK)
		e = file_reserve(
		    f, offset > UINT64_MAX - data.len ? UINT64_MAX : offset + data.len);
	if (e != ERR_OK)
		return result_of(e);
	e = file_pwrite_all(file_fd(f), data.ptr, data.len, offset);
	file_wrote(f, offset, data.len, e);
	return result_of(e);
}

struct vfs_version
file_version(const struct stat *st)
{
	return (struct vfs_version){
	    .inode = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime_ns = st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	};
}

static void
tell_pieces(const struct file *f)
{
	struct vfs_range ranges[COVERAGE_RANGES_MAX];
	const struct coverage *c = &f->coverage;

	for (size_t i = 0; i < c->n_ranges; i++)
		ranges[i] = (struct vfs_range){c->ranges[i].start, c->ranges[i].end};
	f->vfs->journal->pieces(
	    f->vfs->journal_ctx, f->mount->folder, f->taken_path, &f->version, ranges, c->n_ranges);
}

/*
 * A download is a taking of the file when all of it was read; of an empty one, when its end was
 * met. A part of it is told, too: other handles may have the rest. Not a file that has changed
 * since OPEN: nobody knows of which version the bytes were.
 */
static void
tell_taken(const struct file *f)
{
	struct stat st;

	if (f->taken_path == NULL || fstat(f->fd, &st) < 0)
		return;
	struct vfs_version now = file_version(&st);
	if (now.inode != f->version.inode || now.size != f->version.size ||
	    now.mtime_ns != f->version.mtime_ns)
		return;
	if (now.size == 0 && !f->saw_eof)
		return;
	if (coverage_is_whole(&f->coverage, now.size))
		f->vfs->journal->taken(
		    f->vfs->journal_ctx, f->mount->folder, f->taken_path, now.size, &now);
	else if (f->coverage.n_ranges > 0)
		tell_pieces(f);
}

struct sftp_result
file_close(void *file, struct sftp_token token)
{
	struct file *f = file;
	struct sftp_result result = result_ok();

	if (f->upload != NULL)
		result = upload_close(f->upload, f, token);
	else if (f->direct != NULL)
		result = result_of(direct_close(f));
	else
		tell_taken(f);
	if (result.status != SFTP_PENDING)
		file_free(f);
	return result;
}

void
file_abandon(void *file)
{
	struct file *f = file;

	if (f->upload != NULL)
		upload_abandon(f->upload);
	/* What was written is in place, whether its writer is there or not. */
	if (f->direct != NULL)
		(void)!direct_close(f);
	file_free(f);
}

struct sftp_result
file_fstat(void *file, struct sftp_attrs *ret_attrs)
{
	const struct file *f = file;
	struct stat st;

	if (fstat(file_fd(f), &st) < 0)
		return sftp_result_of(err_last());
	look_attrs(ret_attrs, &st);
	return result_ok();
}

struct sftp_result
file_fsetstat(void *file, const struct sftp_attrs *attrs)
{
	struct file *f = file;

	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0) {
		if (!f->writable)
			return result_say(SSH_FX_PERMISSION_DENIED, "not opened for writing");
		enum err e = f->upload != NULL ? upload_truncate(f->upload, attrs->size)
					       : direct_truncate(f, attrs->size);
		if (e != ERR_OK)
			return result_of(e);
	}
	return sftp_result_of(setstat_apply(file_fd(f), f->mount, attrs, false));
}

struct sftp_result
file_fsync(void *file)
{
	const struct file *f = file;

	return f->writable ? result_of(mount_sync(f->mount, file_fd(f))) : result_ok();
}

struct sftp_result
file_fstatvfs(void *file, struct sftp_fs_statvfs *ret_st)
{
	const struct file *f = file;

	return look_mount_statvfs(f->mount, ret_st);
}
