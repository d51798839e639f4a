#include "vfs/look.h"

#include <limits.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "vfs/denial.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

void
look_attrs(struct sftp_attrs *ret_attrs, const struct stat *st)
{
	sftp_attrs_from_stat(ret_attrs, st);
	ret_attrs->uid = 0;
	ret_attrs->gid = 0;
}

/* A directory that is there only because mounts are below it. */
static void
grouping_status(const struct vfs *v, struct stat *ret_st)
{
	struct timespec born = {.tv_sec = (time_t)(v->born_us / US_PER_SEC)};

	*ret_st = (struct stat){
	    .st_mode = S_IFDIR | 0555,
	    .st_nlink = 1,
	    .st_atim = born,
	    .st_mtim = born,
	};
}

/* A mount, or what is on the way to one: the host's directory, where there is one. */
static void
fixed_status(const struct vfs *v, const struct place *place, struct stat *ret_st)
{
	if (place->mount != NULL &&
	    file_stat_beneath(place->mount->dir_fd, place->rel, ret_st) == ERR_OK &&
	    S_ISDIR(ret_st->st_mode))
		return;
	grouping_status(v, ret_st);
}

static enum err
status_at(struct vfs *v, const struct place *place, struct stat *ret_st)
{
	struct partial *partial;

	if (place->fixed) {
		fixed_status(v, place, ret_st);
		return ERR_OK;
	}
	if (place->mount == NULL)
		return ERR_NOENT;
	if (!place_allows(place, ACCESS_STAT))
		return ERR_ACCESS;
	const struct upload *own = upload_find(v, place->path);
	if (own != NULL)
		return upload_stat(own, ret_st);
	enum err e = partial_find(v, place, &partial, ret_st);
	if (e != ERR_OK || partial != NULL)
		return e;
	e = file_stat_beneath(place->mount->dir_fd, place->rel, ret_st);
	if (e == ERR_OK && host_kind_of(ret_st) == HOST_HIDDEN)
		return ERR_ESCAPE;
	return e;
}

enum err
look_status(struct vfs *v, const char *path, struct stat *ret_st)
{
	struct place place = namespace_find(v, path);

	return status_at(v, &place, ret_st);
}

struct sftp_result
look_stat(void *fs, struct slice raw, struct sftp_attrs *ret_attrs)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	struct stat st;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e == ERR_OK && !place.fixed && !place_allows(&place, ACCESS_STAT))
		return denial_by_right(v, &place, ACCESS_STAT);
	if (e == ERR_OK)
		e = status_at(v, &place, &st);
	if (e == ERR_OK)
		look_attrs(ret_attrs, &st);
	return denial_of(v, &place, ACCESS_STAT, e);
}

struct sftp_result
look_realpath(void *fs unused_arg, struct slice raw, struct buf *ret_path)
{
	struct vpath path;

	/* What it names need not exist: clients ask before they create it. */
	enum err e = vpath_from_client(&path, raw);
	return sftp_result_of(e != ERR_OK ? e : buf_put(ret_path, path.text, path.len));
}

struct sftp_result
look_readlink(void *fs, struct slice raw, struct buf *ret_target unused_arg)
{
	struct sftp_attrs attrs;
	struct sftp_result result = look_stat(fs, raw, &attrs);

	if (result.status != SSH_FX_OK)
		return result;
	return result_say(SSH_FX_FAILURE, "not a symbolic link");
}

struct sftp_result
look_mount_statvfs(const struct mount *m, struct sftp_fs_statvfs *ret_st)
{
	struct statvfs st;

	if (fstatvfs(m->dir_fd, &st) < 0)
		return sftp_result_of(err_last());
	*ret_st = (struct sftp_fs_statvfs){
	    .f_bsize = st.f_bsize,
	    .f_frsize = st.f_frsize,
	    .f_blocks = st.f_blocks,
	    .f_bfree = st.f_bfree,
	    .f_bavail = st.f_bavail,
	    .f_files = st.f_files,
	    .f_ffree = st.f_ffree,
	    .f_favail = st.f_favail,
	    .f_fsid = st.f_fsid,
	    .f_flag = SSH_FXE_STATVFS_ST_NOSUID,
	    .f_namemax = st.f_namemax,
	};
	if ((st.f_flag & ST_RDONLY) != 0 || !access_allows(m->allow, ACCESS_CREATE))
		ret_st->f_flag |= SSH_FXE_STATVFS_ST_RDONLY;
	return result_ok();
}

struct sftp_result
look_statvfs(void *fs, struct slice raw, struct sftp_fs_statvfs *ret_st)
{
	struct vpath path;
	struct place place;

	enum err e = namespace_resolve(fs, raw, &path, &place);
	if (e != ERR_OK)
		return sftp_result_of(e);
	if (place.mount != NULL)
		return look_mount_statvfs(place.mount, ret_st);
	/* A grouping directory holds nothing, and nothing can be put into it. */
	*ret_st = (struct sftp_fs_statvfs){
	    .f_bsize = 4096,
	    .f_frsize = 4096,
	    .f_flag = SSH_FXE_STATVFS_ST_RDONLY | SSH_FXE_STATVFS_ST_NOSUID,
	    .f_namemax = NAME_MAX,
	};
	return result_ok();
}

/* Nobody has a name here; see look_attrs. */
struct sftp_result
look_owner_name(void *fs unused_arg, uint32_t id unused_arg, struct buf *ret_name unused_arg)
{
	return result_ok();
}
