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
	const char *refusal;
} ROWS[ACCESS_N] = {
    [ACCESS_STAT] = {ANY, "stat", "nothing is allowed here"},
    [ACCESS_LIST] = {VFS_LIST, "list", "directories can't be listed here"},
    [ACCESS_DOWNLOAD] = {VFS_DOWNLOAD, "download", "files can't be read here"},
    [ACCESS_CREATE] = {VFS_UPLOAD, "upload", "files can't be uploaded here"},
    [ACCESS_REPLACE] = {VFS_UPLOAD | VFS_OVERWRITE, "overwrite", "files can't be overwritten here"},
    [ACCESS_RESIZE] = {VFS_UPLOAD | VFS_OVERWRITE, "resize", "files can't be changed here"},
    [ACCESS_SETSTAT] = {VFS_SETSTAT, "set-attributes", "attributes can't be changed here"},
    [ACCESS_REMOVE] = {VFS_DELETE, "delete", "files can't be deleted here"},
    [ACCESS_RENAME] = {VFS_RENAME, "rename", "nothing can be renamed here"},
    [ACCESS_RENAME_OVER] = {VFS_RENAME | VFS_OVERWRITE, "rename", "nothing can be renamed here"},
    [ACCESS_MKDIR] = {VFS_MKDIR, "make-directory", "directories can't be made here"},
    [ACCESS_RMDIR] = {VFS_RMDIR, "remove-directory", "directories can't be removed here"},
    [ACCESS_LINK_FROM] = {VFS_LINK, "link", "second names can't be made of files here"},
    [ACCESS_LINK] = {VFS_LINK | VFS_UPLOAD, "link", "second names can't be made here"},
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

const char *
access_refusal(enum access_op op)
{
	return row_of(op)->refusal;
}
