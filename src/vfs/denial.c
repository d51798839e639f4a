#include "vfs/denial.h"

#include <stdio.h>

#include "vfs/result.h"

enum { WHY_MAX = 256 };

static const char HIDDEN[] = "there is a symbolic link or a special file on the path";

void
denial_tell(struct vfs *v, const struct place *place, enum access_op op, const char *why)
{
	const struct mount *m = place->mount;
	const char *path = m != NULL ? place->rel : place->path + 1;

	if (v->n_denials > VFS_DENIALS_MAX)
		return;
	if (++v->n_denials > VFS_DENIALS_MAX)
		why = "more denials of this session are not told";
	v->journal->denied(v->journal_ctx, access_verb(op), m != NULL ? m->folder : "",
	    strcmp(path, ".") == 0 ? "" : path, why);
}

/* "upload, overwrite" */
static void
name_rights(uint32_t rights, char *dst, size_t dst_len)
{
	size_t at = 0;

	for (size_t i = 0; VFS_ALLOW_NAMES[i] != NULL && at < dst_len; i++) {
		if ((rights & (1u << i)) == 0)
			continue;
		int n = snprintf(
		    dst + at, dst_len - at, "%s%s", at == 0 ? "" : ", ", VFS_ALLOW_NAMES[i]);
		at += n < 0 ? dst_len : (size_t)n;
	}
}

/* What stands before the rights that are missing. */
static const char *
missing_prefix(uint32_t allow, enum access_op op)
{
	if (access_changes(op) && (allow & ~(uint32_t)(VFS_LIST | VFS_DOWNLOAD)) == 0)
		return "the mount is read-only: it does not allow ";
	if (access_lacks(allow, op) == VFS_OVERWRITE && op != ACCESS_RESIZE)
		return "the name is in use, and the mount does not allow ";
	return "the mount does not allow ";
}

struct sftp_result
denial_by_right(struct vfs *v, const struct place *place, enum access_op op)
{
	uint32_t allow = place->mount != NULL ? place->mount->allow : 0;
	char rights[WHY_MAX / 2], why[WHY_MAX];

	if (place->mount != NULL && allow == 0) {
		denial_tell(v, place, op, "the mount allows nothing");
	} else if (place->mount == NULL || access_lacks(allow, op) == 0) {
		denial_tell(v, place, op, "a mount, or the way to one, can't be changed");
	} else {
		name_rights(access_lacks(allow, op), rights, sizeof rights);
		(void)snprintf(why, sizeof why, "%s%s", missing_prefix(allow, op), rights);
		denial_tell(v, place, op, why);
	}
	return result_denied();
}

struct sftp_result
denial_by_name(struct vfs *v, const struct place *place, enum access_op op)
{
	denial_tell(v, place, op, HIDDEN);
	return result_denied();
}

/* Why the error is a denial; NULL when it is none. */
static const char *
why_of(const struct place *place, enum access_op op, enum err e)
{
	if (e == ERR_ESCAPE)
		return HIDDEN;
	if (e == ERR_ACCESS)
		return "the host's file system does not let the gateway do it";
	if (e == ERR_READONLY)
		return "the host's file system is read-only";
	/* The usual mistake: a file is put beside the mounts, and not into one. */
	if (e == ERR_NOENT && place->mount == NULL && access_changes(op))
		return "no folder is mounted there";
	return NULL;
}

struct sftp_result
denial_of(struct vfs *v, const struct place *place, enum access_op op, enum err e)
{
	const char *why = why_of(place, op, e);

	if (why != NULL)
		denial_tell(v, place, op, why);
	return result_of(e);
}
