#include "vfs/direct.h"

#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/result.h"

enum { DIRECT_MODE = 0640 };

static void
direct_free(struct direct *d)
{
	if (d == NULL)
		return;
	lease_end(&d->lease);
	fd_closep(&d->dir_fd);
	free(d->rel);
	free(d);
}

/* Its parent was opened O_PATH, which can't be synced. */
static enum err
make_file(
    const struct mount *m, const struct host_entry *entry, mode_t mode, int flags, struct file *f)
{
	struct direct *d = f->direct;
	enum err e = lease_cover(&d->lease, 0, 1);

	if (e == ERR_OK && !m->relaxed)
		e = file_open_beneath(entry->parent_fd, ".", O_RDONLY | O_DIRECTORY, 0, &d->dir_fd);
	if (e == ERR_OK)
		e = file_open_beneath(entry->parent_fd, entry->name,
		    flags | O_CREAT | O_EXCL | O_NOCTTY, mode == 0 ? DIRECT_MODE : mode, &f->fd);
	if (e != ERR_OK)
		return e;
	d->made = true;
	/* The process's umask has no say. */
	return mode != 0 && fchmod(f->fd, mode) < 0 ? err_last() : ERR_OK;
}

static enum err
open_there(const struct host_entry *entry, int flags, bool truncate, struct file *f)
{
	struct stat st;
	enum err e = host_open_file(entry, flags, &f->fd, &st);

	return e == ERR_OK && truncate ? direct_truncate(f, 0) : e;
}

struct sftp_result
direct_open(struct vfs *v, const struct place *place, const struct host_entry *entry,
    uint32_t pflags, mode_t mode, struct file *f)
{
	int flags = O_RDWR | ((pflags & SSH_FXF_APPEND) != 0 ? O_APPEND : 0);
	bool truncates = (pflags & SSH_FXF_TRUNC) != 0;
	enum err e;

	f->direct = calloc(1, sizeof *f->direct);
	if (f->direct == NULL)
		return result_of(ERR_NOMEM);
	*f->direct = (struct direct){.lease = {.vfs = v, .mount = place->mount}, .dir_fd = -1};
	f->direct->rel = slice_dup(slice_str(place->rel));
	v->n_direct++;
	if (f->direct->rel == NULL)
		e = ERR_NOMEM;
	else if (entry->kind == HOST_FILE)
		e = open_there(entry, flags, truncates, f);
	else
		e = make_file(place->mount, entry, mode, flags, f);
	/* Somebody else has made it meanwhile. */
	if (e == ERR_EXISTS && (pflags & SSH_FXF_EXCL) == 0 && place_allows(place, ACCESS_REPLACE))
		e = open_there(entry, flags, truncates, f);
	if (e == ERR_OK)
		return result_ok();
	(void)!direct_close(f);
	return denial_of(v, place, ACCESS_CREATE, e);
}

enum err
direct_reserve(struct file *f, uint64_t end)
{
	struct direct *d = f->direct;
	struct stat st;

	if (end > (uint64_t)INT64_MAX)
		return ERR_INVALID;
	if (fstat(f->fd, &st) < 0)
		return err_last();
	d->before = (uint64_t)st.st_size;
	int64_t grown = d->grown + (end > d->before ? (int64_t)(end - d->before) : 0);
	return grown > 0 ? lease_cover(&d->lease, (uint64_t)grown, 0) : ERR_OK;
}

void
direct_wrote(struct file *f, uint64_t end, enum err e)
{
	struct direct *d = f->direct;
	struct stat st;

	/* A write that failed may have been done in part. */
	if (e != ERR_OK)
		end = fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : d->before;
	if (end > d->before)
		d->grown += (int64_t)(end - d->before);
	d->changed = true;
}

enum err
direct_truncate(struct file *f, uint64_t size)
{
	struct direct *d = f->direct;
	enum err e = direct_reserve(f, size);

	if (e != ERR_OK || d->before == size)
		return e;
	if (ftruncate(f->fd, (off_t)size) < 0)
		return err_last();
	d->grown += (int64_t)size - (int64_t)d->before;
	d->changed = true;
	return ERR_OK;
}

enum err
direct_close(struct file *f)
{
	struct direct *d = f->direct;
	struct vfs *v = f->vfs;
	enum err e = ERR_OK;

	if (d->changed || d->made) {
		e = mount_sync(f->mount, f->fd);
		if (e == ERR_OK && d->made && d->dir_fd >= 0)
			e = file_sync(d->dir_fd);
		/* Also when it failed: it is there. */
		v->journal->changed(v->journal_ctx, "written", f->mount->folder, d->rel, "",
		    d->grown, d->made ? 1 : 0);
	}
	v->n_direct--;
	f->direct = NULL;
	direct_free(d);
	return e;
}

enum err
direct_resize(
    struct vfs *v, const struct place *place, const struct host_entry *entry, uint64_t size)
{
	struct lease lease = {.vfs = v, .mount = place->mount};
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	if (size > (uint64_t)INT64_MAX)
		return ERR_INVALID;
	enum err e = host_open_file(entry, O_RDWR, &fd, &st);
	uint64_t was = e == ERR_OK ? (uint64_t)st.st_size : 0;
	if (e == ERR_OK)
		e = lease_cover(&lease, size > was ? size - was : 0, 0);
	if (e == ERR_OK && ftruncate(fd, (off_t)size) < 0)
		e = err_last();
	if (e == ERR_OK) {
		v->journal->changed(v->journal_ctx, "resized", place->mount->folder, place->rel, "",
		    (int64_t)size - (int64_t)was, 0);
		e = mount_sync(place->mount, fd);
	}
	lease_end(&lease);
	return e;
}
