#include "vfs/setstat.h"

#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/direct.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

mode_t
setstat_mode(const struct mount *m, const struct sftp_attrs *attrs, bool is_dir)
{
	if ((attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) == 0 ||
	    !access_allows(m->allow, ACCESS_SETSTAT))
		return 0;
	return (attrs->permissions & 0777) | (is_dir ? 0700 : 0600);
}

enum err
setstat_apply(int fd, const struct mount *m, const struct sftp_attrs *attrs, bool is_dir)
{
	mode_t mode = setstat_mode(m, attrs, is_dir);

	if (mode != 0 && fchmod(fd, mode) < 0)
		return err_last();
	if ((attrs->flags & SSH_FILEXFER_ATTR_ACMODTIME) == 0 ||
	    !access_allows(m->allow, ACCESS_SETSTAT))
		return ERR_OK;
	struct timespec times[2] = {{.tv_sec = attrs->atime}, {.tv_sec = attrs->mtime}};
	return futimens(fd, times) < 0 ? err_last() : ERR_OK;
}

/* Of this session's own upload, which is OPEN. */
static struct sftp_result
setstat_own(struct upload *u, const struct sftp_attrs *attrs)
{
	enum err e = ERR_OK;

	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0)
		e = upload_truncate(u, attrs->size);
	if (e == ERR_OK)
		e = setstat_apply(u->fd, u->mount, attrs, false);
	return result_of(e);
}

/* Another session may go on with it at the same time: only who has it open changes its size. */
static struct sftp_result
setstat_partial(
    const struct mount *m, const struct partial *partial, const struct sftp_attrs *attrs)
{
	int fd _cleanup_(fd_closep) = -1;

	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0)
		return result_say(SSH_FX_FAILURE, "open the unfinished upload to change its size");
	enum err e = file_open_beneath(m->staging_fd, partial->staging_name, O_RDWR, 0, &fd);
	return result_of(e == ERR_OK ? setstat_apply(fd, m, attrs, false) : e);
}

/* A directory has no size to set; of a file that is in place it is a change of content. */
static struct sftp_result
resize(struct vfs *v, const struct place *place, const struct host_entry *entry, uint64_t size)
{
	if (entry->kind == HOST_DIR)
		return sftp_result_of(ERR_ISDIR);
	if (!place_allows(place, ACCESS_RESIZE))
		return denial_by_right(v, place, ACCESS_RESIZE);
	enum err e = place->mount->direct ? direct_resize(v, place, entry, size)
					  : upload_resize(v, place, entry, size);
	return denial_of(v, place, ACCESS_RESIZE, e);
}

static struct sftp_result
setstat_placed(struct vfs *v, const struct place *place, const struct sftp_attrs *attrs)
{
	struct host_entry entry _cleanup_(host_entry_fini) = {.parent_fd = -1};
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	if (!place_allows(place, ACCESS_STAT))
		return denial_by_right(v, place, ACCESS_SETSTAT);
	enum err e = host_find(place->mount->dir_fd, place->rel, &entry);
	if (e == ERR_OK && entry.kind == HOST_HIDDEN)
		e = ERR_ESCAPE;
	if (e == ERR_OK && entry.kind == HOST_NONE)
		e = ERR_NOENT;
	if (e != ERR_OK)
		return denial_of(v, place, ACCESS_SETSTAT, e);
	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0) {
		struct sftp_result r = resize(v, place, &entry, attrs->size);
		if (r.status != SSH_FX_OK)
			return r;
	}
	if (!place_allows(place, ACCESS_SETSTAT))
		return result_ok();
	if (entry.kind == HOST_DIR)
		e = file_open_beneath(entry.parent_fd, entry.name, O_RDONLY | O_DIRECTORY, 0, &fd);
	else
		e = host_open_file(&entry, O_RDONLY, &fd, &st);
	if (e == ERR_OK)
		e = setstat_apply(fd, place->mount, attrs, entry.kind == HOST_DIR);
	return denial_of(v, place, ACCESS_SETSTAT, e);
}

struct sftp_result
setstat_path(void *fs, struct slice raw, const struct sftp_attrs *attrs)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	struct partial *partial;
	struct stat st;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_SETSTAT, e);
	if (place.fixed)
		return (attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0 ? sftp_result_of(ERR_ISDIR)
								    : result_ok();
	e = upload_finish_beneath(v, path.text);
	if (e != ERR_OK)
		return result_of(e);
	struct upload *own = upload_find(v, path.text);
	if (own != NULL)
		return setstat_own(own, attrs);
	e = partial_find(v, &place, &partial, &st);
	if (e != ERR_OK)
		return result_of(e);
	return partial != NULL ? setstat_partial(place.mount, partial, attrs)
			       : setstat_placed(v, &place, attrs);
}
