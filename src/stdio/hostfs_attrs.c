/* Attributes by path, of the plain file system. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "stdio/hostfs_ops.h"

enum err
hostfs_path_from(struct hostfs_path *ret_path, struct slice raw)
{
	if (raw.len >= sizeof ret_path->text)
		return ERR_NAMETOOLONG;
	if (raw.len == 0)
		raw = slice_str(".");
	return slice_copy(raw, ret_path->text, sizeof ret_path->text) ? ERR_OK : ERR_INVALID;
}

struct sftp_result
hostfs_result(int rc)
{
	if (rc >= 0)
		return result_ok();
	/* Clients of OpenSSH's server meet a symbolic link to itself as a failure,
	 * not as absent. */
	return errno == ELOOP ? hostfs_say("too many symbolic links") : sftp_result_of(err_last());
}

void
hostfs_statvfs_from(struct sftp_fs_statvfs *ret_st, const struct statvfs *st)
{
	*ret_st = (struct sftp_fs_statvfs){
	    .f_bsize = st->f_bsize,
	    .f_frsize = st->f_frsize,
	    .f_blocks = st->f_blocks,
	    .f_bfree = st->f_bfree,
	    .f_bavail = st->f_bavail,
	    .f_files = st->f_files,
	    .f_ffree = st->f_ffree,
	    .f_favail = st->f_favail,
	    .f_fsid = st->f_fsid,
	    .f_namemax = st->f_namemax,
	};
	if ((st->f_flag & ST_RDONLY) != 0)
		ret_st->f_flag |= SSH_FXE_STATVFS_ST_RDONLY;
	if ((st->f_flag & ST_NOSUID) != 0)
		ret_st->f_flag |= SSH_FXE_STATVFS_ST_NOSUID;
}

static struct sftp_result
stat_at(struct slice raw, int at_flags, struct sftp_attrs *ret_attrs)
{
	struct hostfs_path path;
	struct stat st;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	if (fstatat(AT_FDCWD, path.text, &st, at_flags) < 0)
		return hostfs_result(-1);
	sftp_attrs_from_stat(ret_attrs, &st);
	return result_ok();
}

struct sftp_result
hostfs_stat(void *fs unused_arg, struct slice raw, struct sftp_attrs *ret_attrs)
{
	return stat_at(raw, 0, ret_attrs);
}

struct sftp_result
hostfs_lstat(void *fs unused_arg, struct slice raw, struct sftp_attrs *ret_attrs)
{
	return stat_at(raw, AT_SYMLINK_NOFOLLOW, ret_attrs);
}

/* What attrs name, in the order of OpenSSH's server; at the first failure it stops. */
static struct sftp_result
set_at(struct slice raw, int at_flags, const struct sftp_attrs *attrs)
{
	const struct timespec times[2] = {{.tv_sec = attrs->atime}, {.tv_sec = attrs->mtime}};
	struct hostfs_path path;
	int rc = 0;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0) {
		if (at_flags != 0 || attrs->size > (uint64_t)INT64_MAX)
			return sftp_result_of(ERR_INVALID);
		rc = truncate(path.text, (off_t)attrs->size);
	}
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0)
		rc = fchmodat(AT_FDCWD, path.text, attrs->permissions & 07777, at_flags);
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_ACMODTIME) != 0)
		rc = utimensat(AT_FDCWD, path.text, times, at_flags);
	if (rc == 0 && (attrs->flags & SSH_FILEXFER_ATTR_UIDGID) != 0)
		rc = fchownat(AT_FDCWD, path.text, attrs->uid, attrs->gid, at_flags);
	return hostfs_result(rc);
}

struct sftp_result
hostfs_setstat(void *fs unused_arg, struct slice raw, const struct sftp_attrs *attrs)
{
	return set_at(raw, 0, attrs);
}

struct sftp_result
hostfs_lsetstat(void *fs unused_arg, struct slice raw, const struct sftp_attrs *attrs)
{
	return set_at(raw, AT_SYMLINK_NOFOLLOW, attrs);
}

struct sftp_result
hostfs_statvfs(void *fs unused_arg, struct slice raw, struct sftp_fs_statvfs *ret_st)
{
	struct hostfs_path path;
	struct statvfs st;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	if (statvfs(path.text, &st) < 0)
		return hostfs_result(-1);
	hostfs_statvfs_from(ret_st, &st);
	return result_ok();
}
