#include "vfs/access.h"

#include "base/bug.h"
#include "vfs/mount.h"

enum { ANY = -1 };

/*
 * Every bit named must be there; ANY asks for at least one, whichever: who may do something in a
 * mount may ask after a name that it knows. Clients do so before and after every transfer, and an
 * upload under the name would tell the same.
 */
static const struct access_row {
	int needs;
	const char *verb;
} ROWS[ACCESS_N] = {
    [ACCESS_STAT] = {ANY, "stat"},
    [ACCESS_LIST] = {VFS_LIST, "list"},
    [ACCESS_DOWNLOAD] = {VFS_DOWNLOAD, "download"},
    [ACCESS_CREATE] = {VFS_UPLOAD, "upload"},
    [ACCESS_REPLACE] = {VFS_UPLOAD | VFS_OVERWRITE, "overwrite"},
    [ACCESS_RESIZE] = {VFS_UPLOAD | VFS_OVERWRITE, "resize"},
    [ACCESS_SETSTAT] = {VFS_SETSTAT, "set-attributes"},
    [ACCESS_REMOVE] = {VFS_DELETE, "delete"},
    [ACCESS_RENAME] = {VFS_RENAME, "rename"},
    [ACCESS_RENAME_OVER] = {VFS_RENAME | VFS_OVERWRITE, "rename"},
    [ACCESS_MKDIR] = {VFS_MKDIR, "make-directory"},
    [ACCESS_RMDIR] = {VFS_RMDIR, "remove-directory"},
    [ACCESS_LINK_FROM] = {VFS_LINK, "link"},
    [ACCESS_LINK] = {VFS_LINK | VFS_UPLOAD, "link"},
};

static const struct access_row *
row_of(enum access_op op)
{
	BUG_ON((unsigned)op >= ACCESS_N);
	return &ROWS[op];
}

bool
access_allows(uint32_t allow, enum access_op op)
{
	if (row_of(op)->needs == ANY)
		return allow != 0;
	return access_lacks(allow, op) == 0;
}

uint32_t
access_lacks(uint32_t allow, enum access_op op)
{
	int needs = row_of(op)->needs;

	return needs == ANY ? 0 : (uint32_t)needs & ~allow;
}

bool
access_changes(enum access_op op)
{
	int needs = row_of(op)->needs;

	return needs != ANY && (needs & ~(VFS_LIST | VFS_DOWNLOAD)) != 0;
}

const char *
access_verb(enum access_op op)
{
	return row_of(op)->verb;
}
