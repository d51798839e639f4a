#include "vfs/access.h"

#include "base/bug.h"
#include "vfs/mount.h"

enum { ANY = -1 };

/*
 * Every bit named must be there; ANY asks for at least one, whichever: who may do something in a
 * mount may ask after a name that it knows. Clients do so before and after every transfer, and an
 * upload under the name would tell the same.
 */
static const int NEEDS[ACCESS_N] = {
    [ACCESS_STAT] = ANY,
    [ACCESS_LIST] = VFS_LIST,
    [ACCESS_DOWNLOAD] = VFS_DOWNLOAD,
    [ACCESS_CREATE] = VFS_UPLOAD,
    [ACCESS_REPLACE] = VFS_UPLOAD | VFS_OVERWRITE,
    [ACCESS_RESIZE] = VFS_UPLOAD | VFS_OVERWRITE,
    [ACCESS_SETSTAT] = VFS_SETSTAT,
    [ACCESS_REMOVE] = VFS_DELETE,
    [ACCESS_RENAME] = VFS_RENAME,
    [ACCESS_RENAME_OVER] = VFS_RENAME | VFS_OVERWRITE,
    [ACCESS_MKDIR] = VFS_MKDIR,
    [ACCESS_RMDIR] = VFS_RMDIR,
};

bool
access_allows(uint32_t allow, enum access_op op)
{
	BUG_ON((unsigned)op >= ACCESS_N);
	int needs = NEEDS[op];

	if (needs == ANY)
		return allow != 0;
	return (allow & (uint32_t)needs) == (uint32_t)needs;
}
