/* What a path stands for, as this session sees it. */
#ifndef VFS_LOOK_H
#define VFS_LOOK_H

#include <sys/stat.h>

#include "vfs/namespace.h"

/*
 * The status of a canonical path; its own uploads are regular files. ERR_ACCESS without the right,
 * ERR_ESCAPE for what isn't shown. Tells nobody.
 */
enum err look_status(struct vfs *v, const char *path, struct stat *ret_st) must_check;

/*
 * Attributes as they are shown. Owner and group are always 0: what the host calls them says nothing
 * to a client, and shouldn't be known to it. That everything belongs to one and the same is what
 * clients build on which compare (sshfs translates the owner of the root directory into its user).
 */
void look_attrs(struct sftp_attrs *ret_attrs, const struct stat *st);

struct sftp_result look_mount_statvfs(const struct mount *m, struct sftp_fs_statvfs *ret_st);

#endif
