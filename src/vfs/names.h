/*
 * Which names may be made in a mount: the globs `names` and `no_names` of its options, matched with
 * the last part of a path (rules/glob.h). They are asked for what is uploaded, for directories, and
 * for the new names of renames and links; never for what is there already.
 *
 * A client that uploads under a temporary name and renames (X.filepart, X.part, X.partial) needs
 * both names allowed: what it puts there is a file of this account under its temporary name, and
 * would stay one if the rename never came.
 */
#ifndef VFS_NAMES_H
#define VFS_NAMES_H

#include "vfs/denial.h"

/* Globs as struct vfs_mount_options has them: ERR_INVALID unless each is one, and ended by a NUL.
 */
enum err names_check(struct slice globs) must_check;

/* A copy that ends in an empty glob; NULL when there is no memory. */
char *names_dup(struct slice globs);

/* May path (canonical, in the mount) be made? */
bool names_allow(const struct mount *m, const char *path);

/* The answer where names_allow said no; told to the journal. */
struct sftp_result names_refuse(struct vfs *v, const struct place *place, enum access_op op);

#endif
