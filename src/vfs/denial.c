#include "vfs/denial.h"

#include <stdio.h>

#include "vfs/result.h"

enum { WHY_MAX = 256 };

static const char HIDDEN[] = "there is a symbolic link or a special file on the path";
static const char NOWHERE[] = "no folder is mounted there";

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

/* Why the rights don't reach. */
enum reason {
	REASON_NOTHING,   /* the mount allows nothing */
	REASON_FIXED,     /* a mount, or the way to one: rights have no say */
	REASON_READ_ONLY, /* the mount allows no change at all */
	REASON_IN_USE,    /* only the right to overwrite is missing */
	REASON_MISSING,
};

static enum reason
reason_of(const struct place *place, enum access_op op)
{
	if (place->mount == NULL)
		return REASON_FIXED;
	uint32_t allow = place->mount->allow;

	if (allow == 0)
		return REASON_NOTHING;
	if (access_lacks(allow, op) == 0)
		return REASON_FIXED;
	if (access_changes(op) && (allow & ~(uint32_t)(VFS_LIST | VFS_DOWNLOAD)) == 0)
		return REASON_READ_ONLY;
	if (access_lacks(allow, op) == VFS_OVERWRITE && op != ACCESS_RESIZE)
		return REASON_IN_USE;
	return REASON_MISSING;
}

/* For the journal; what lacks rights goes on with their names. */
static const char *const TOLD[] = {
    [REASON_NOTHING] = "the mount allows nothing",
    [REASON_FIXED] = "a mount, or the way to one, can't be changed",
    [REASON_READ_ONLY] = "the mount is read-only: it does not allow ",
    [REASON_IN_USE] = "the name is in use, and the mount does not allow ",
    [REASON_MISSING] = "the mount does not allow ",
};

/* For the client, in words that say what it can do about it. */
static const char *
answer(enum reason reason, enum access_op op)
{
	switch (reason) {
	case REASON_NOTHING:
		return "nothing is allowed here";
	case REASON_FIXED:
		return access_changes(op) ? "this directory is the account's own and stays as it is"
					  : err_text(ERR_ISDIR);
	case REASON_READ_ONLY:
		return "this directory is read-only";
	case REASON_IN_USE:
		return "the name is in use, and files can't be overwritten here";
	case REASON_MISSING:
		break;
	}
	return access_refusal(op);
}

struct sftp_result
denial_by_right(struct vfs *v, const struct place *place, enum access_op op)
{
	enum reason reason = reason_of(place, op);
	char rights[WHY_MAX / 2] = "", why[WHY_MAX];

	if (reason != REASON_NOTHING && reason != REASON_FIXED)
		name_rights(access_lacks(place->mount->allow, op), rights, sizeof rights);
	(void)snprintf(why, sizeof why, "%s%s", TOLD[reason], rights);
	denial_tell(v, place, op, why);
	return result_say(SSH_FX_PERMISSION_DENIED, answer(reason, op));
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
		return NOWHERE;
	return NULL;
}

struct sftp_result
denial_of(struct vfs *v, const struct place *place, enum access_op op, enum err e)
{
	const char *why = why_of(place, op, e);

	if (why != NULL)
		denial_tell(v, place, op, why);
	return why == NOWHERE ? result_say(SSH_FX_NO_SUCH_FILE, why) : result_of(e);
}
