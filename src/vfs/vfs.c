#include "vfs/vfs.h"

#include "base/bug.h"
#include "base/clock.h"
#include "vfs/names.h"
#include "vfs/ops.h"
#include "vfs/upload.h"

static const struct sftp_fs_ops OPS = {
    .open = file_open,
    .read = file_read,
    .peek = file_peek,
    .write = file_write,
    .close = file_close,
    .abandon = file_abandon,
    .fstat = file_fstat,
    .fsetstat = file_fsetstat,
    .fsync = file_fsync,
    .fstatvfs = file_fstatvfs,
    .opendir = dir_open,
    .readdir = dir_read,
    .closedir = dir_close,
    .stat = look_stat,
    .lstat = look_stat, /* there are no symbolic links to tell apart */
    .setstat = setstat_path,
    .lsetstat = setstat_path,
    .remove = change_remove,
    .mkdir = change_mkdir,
    .rmdir = change_rmdir,
    .rename = rename_path,
    .realpath = look_realpath,
    .readlink = look_readlink,
    .symlink = change_symlink,
    .statvfs = look_statvfs,
    .link = link_path,
    .copy = copy_piece,
    .user_name = look_owner_name,
    .group_name = look_owner_name,
};

const struct sftp_fs_ops *
vfs_ops(void)
{
	return &OPS;
}

enum err
vfs_new(struct vfs **ret_vfs, const char *account, const struct vfs_journal *journal, void *ctx)
{
	struct slice name = slice_str(account);

	/* It becomes part of a file's name. */
	if (name.len == 0 || name.len > STAGING_ACCOUNT_MAX || slice_has(name, '/'))
		return ERR_INVALID;
	struct vfs *v = calloc(1, sizeof *v);
	if (v == NULL)
		return ERR_NOMEM;
	*v = (struct vfs){.journal = journal, .journal_ctx = ctx, .born_us = time_now_us()};
	TAILQ_INIT(&v->uploads);
	TAILQ_INIT(&v->closing);
	TAILQ_INIT(&v->partials);
	v->account = slice_dup(name);
	if (v->account == NULL) {
		free(v);
		return ERR_NOMEM;
	}
	*ret_vfs = v;
	return ERR_OK;
}

static void
mount_fini(struct mount *m)
{
	free(m->at);
	free(m->folder);
	free(m->names);
	free(m->no_names);
	fd_closep(&m->dir_fd);
	fd_closep(&m->staging_fd);
}

void
vfs_free(struct vfs *v)
{
	struct upload *u;

	if (v == NULL)
		return;
	while ((u = TAILQ_FIRST(&v->uploads)) != NULL)
		upload_free(u);
	partial_forget_all(v);
	for (size_t i = 0; i < v->n_mounts; i++)
		mount_fini(&v->mounts[i]);
	free(v->mounts);
	free(v->account);
	free(v);
}

static enum err
check_mount(const struct vfs *v, const struct vfs_mount_options *options)
{
	const char *at = options->at;
	struct vpath path;

	enum err e = vpath_from_client(&path, slice_str(at));
	if (e == ERR_OK)
		e = names_check(options->names);
	if (e == ERR_OK)
		e = names_check(options->no_names);
	if (e != ERR_OK)
		return e;
	if (strcmp(path.text, at) != 0)
		return ERR_INVALID;
	for (size_t i = 0; i < v->n_mounts; i++) {
		if (strcmp(v->mounts[i].at, at) == 0)
			return ERR_EXISTS;
	}
	return v->n_mounts < VFS_MOUNTS_MAX ? ERR_OK : ERR_LIMIT;
}

static enum err
append_mount(struct vfs *v, struct mount *m)
{
	if (m->at == NULL || m->folder == NULL || m->names == NULL || m->no_names == NULL)
		return ERR_NOMEM;
	struct mount *grown = reallocarray(v->mounts, v->n_mounts + 1, sizeof *grown);
	if (grown == NULL)
		return ERR_NOMEM;
	v->mounts = grown;
	v->mounts[v->n_mounts++] = *m;
	return ERR_OK;
}

enum err
vfs_mount(struct vfs *v, const struct vfs_mount_options *options, int dir_fd, int staging_fd)
{
	/* Paths point at mounts from the first operation on. */
	BUG_ON(v->in_use);
	struct mount m = {
	    .allow = options->allow,
	    .direct = options->direct,
	    .relaxed = options->relaxed,
	    .metered = options->metered,
	    .names_sync = staging_syncs_names(staging_fd),
	    .dir_fd = dir_fd,
	    .staging_fd = staging_fd,
	};

	enum err e = check_mount(v, options);
	if (e == ERR_OK) {
		m.at = slice_dup(slice_str(options->at));
		m.folder = slice_dup(slice_str(options->folder));
		m.names = names_dup(options->names);
		m.no_names = names_dup(options->no_names);
		e = append_mount(v, &m);
	}
	if (e != ERR_OK)
		mount_fini(&m);
	return e;
}
