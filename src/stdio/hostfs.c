/* Names in the plain file system. */
#include "stdio/hostfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "stdio/hostfs_ops.h"

static struct sftp_result
hostfs_opendir(void *fs unused_arg, struct slice raw, void **ret_dir)
{
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	*ret_dir = opendir(path.text);
	return hostfs_result(*ret_dir == NULL ? -1 : 0);
}

static struct sftp_result
hostfs_readdir(void *dir, struct sftp_fs_entry *ret_entry)
{
	struct stat st;

	for (;;) {
		errno = 0;
		const struct dirent *ent = readdir(dir);
		if (ent == NULL)
			return errno == 0 ? (struct sftp_result){.status = SSH_FX_EOF}
					  : hostfs_result(-1);
		/* It may be gone by now. */
		if (fstatat(dirfd(dir), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		ret_entry->name = slice_str(ent->d_name);
		sftp_attrs_from_stat(&ret_entry->attrs, &st);
		return result_ok();
	}
}

static void
hostfs_closedir(void *dir)
{
	(void)closedir(dir);
}

static struct sftp_result
hostfs_remove(void *fs unused_arg, struct slice raw)
{
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	return e != ERR_OK ? sftp_result_of(e) : hostfs_result(unlink(path.text));
}

static struct sftp_result
hostfs_mkdir(void *fs unused_arg, struct slice raw, const struct sftp_attrs *attrs)
{
	bool has_mode = (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0;
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	return hostfs_result(mkdir(path.text, has_mode ? attrs->permissions & 07777 : 0777));
}

static struct sftp_result
hostfs_rmdir(void *fs unused_arg, struct slice raw)
{
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	return e != ERR_OK ? sftp_result_of(e) : hostfs_result(rmdir(path.text));
}

/* RENAME doesn't overwrite; where the file system can't promise that, a look before has to do. */
static int
rename_new(const char *from, const char *to)
{
	struct stat st;

	int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
	if (rc == 0 || errno != EINVAL)
		return rc;
	if (lstat(to, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(from, to);
}

static struct sftp_result
hostfs_rename(void *fs unused_arg, struct slice raw_from, struct slice raw_to, bool replace)
{
	struct hostfs_path from, to;

	enum err e = hostfs_path_from(&from, raw_from);
	if (e == ERR_OK)
		e = hostfs_path_from(&to, raw_to);
	if (e != ERR_OK)
		return sftp_result_of(e);
	return hostfs_result(replace ? rename(from.text, to.text) : rename_new(from.text, to.text));
}

/* The directory's canonical path, and what stands behind its last slash, though it isn't there. */
static enum err
resolve_parent(char *path, char ret_resolved[PATH_MAX], const char **ret_name)
{
	char *slash = strrchr(path, '/');

	*ret_name = slash == NULL ? path : slash + 1;
	const char *dir = slash == NULL ? "." : slash == path ? "/" : path;
	if (slash != NULL && slash != path)
		*slash = '\0';
	return realpath(dir, ret_resolved) == NULL ? err_last() : ERR_OK;
}

static struct sftp_result
hostfs_realpath(void *fs unused_arg, struct slice raw, struct buf *ret_path)
{
	char resolved[PATH_MAX];
	struct hostfs_path path;
	const char *name;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	if (realpath(path.text, resolved) != NULL)
		return sftp_result_of(buf_put(ret_path, resolved, strlen(resolved)));
	if (errno != ENOENT)
		return hostfs_result(-1);
	/* Clients ask after what they are going to make: its last part may be missing. */
	while (strlen(path.text) > 1 && path.text[strlen(path.text) - 1] == '/')
		path.text[strlen(path.text) - 1] = '\0';
	e = resolve_parent(path.text, resolved, &name);
	if (e != ERR_OK)
		return sftp_result_of(e);
	const char *separator = strcmp(resolved, "/") == 0 ? "" : "/";
	return sftp_result_of(buf_printf(ret_path, "%s%s%s", resolved, separator, name));
}

static struct sftp_result
hostfs_readlink(void *fs unused_arg, struct slice raw, struct buf *ret_target)
{
	char target[PATH_MAX];
	struct hostfs_path path;

	enum err e = hostfs_path_from(&path, raw);
	if (e != ERR_OK)
		return sftp_result_of(e);
	ssize_t len = readlink(path.text, target, sizeof target);
	if (len < 0)
		return hostfs_result(-1);
	return sftp_result_of(buf_put(ret_target, target, (size_t)len));
}

static struct sftp_result
hostfs_symlink(void *fs unused_arg, struct slice raw_target, struct slice raw_link)
{
	struct hostfs_path target, link_path;

	enum err e = hostfs_path_from(&target, raw_target);
	if (e == ERR_OK)
		e = hostfs_path_from(&link_path, raw_link);
	if (e != ERR_OK)
		return sftp_result_of(e);
	return hostfs_result(symlink(target.text, link_path.text));
}

/* As link(2): of a symbolic link itself, not of what it points to. */
static struct sftp_result
hostfs_link(void *fs unused_arg, struct slice raw_from, struct slice raw_to)
{
	struct hostfs_path from, to;

	enum err e = hostfs_path_from(&from, raw_from);
	if (e == ERR_OK)
		e = hostfs_path_from(&to, raw_to);
	return e != ERR_OK ? sftp_result_of(e) : hostfs_result(link(from.text, to.text));
}

const struct sftp_fs_ops *
hostfs_ops(void)
{
	static const struct sftp_fs_ops OPS = {
	    .open = hostfs_open,
	    .read = hostfs_read,
	    .peek = hostfs_read, /* nobody takes note of reads here */
	    .write = hostfs_write,
	    .copy = hostfs_copy,
	    .close = hostfs_close,
	    .abandon = hostfs_abandon,
	    .fstat = hostfs_fstat,
	    .fsetstat = hostfs_fsetstat,
	    .fsync = hostfs_fsync,
	    .fstatvfs = hostfs_fstatvfs,
	    .opendir = hostfs_opendir,
	    .readdir = hostfs_readdir,
	    .closedir = hostfs_closedir,
	    .stat = hostfs_stat,
	    .lstat = hostfs_lstat,
	    .setstat = hostfs_setstat,
	    .lsetstat = hostfs_lsetstat,
	    .remove = hostfs_remove,
	    .mkdir = hostfs_mkdir,
	    .rmdir = hostfs_rmdir,
	    .rename = hostfs_rename,
	    .realpath = hostfs_realpath,
	    .readlink = hostfs_readlink,
	    .symlink = hostfs_symlink,
	    .link = hostfs_link,
	    .statvfs = hostfs_statvfs,
	    .home = hostfs_home,
	    .user_name = hostfs_user_name,
	    .group_name = hostfs_group_name,
	};

	return &OPS;
}
