/* An account's mounts: which folder it sees where, and what it may do there. */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include <stddef.h>
#include <stdint.h>

/* What an account may do in a mount. The configuration's words are in VFS_ALLOW_NAMES, in this
 * order. */
enum vfs_allow {
	VFS_LIST = 1 << 0,
	VFS_DOWNLOAD = 1 << 1,
	VFS_UPLOAD = 1 << 2,
	VFS_OVERWRITE = 1 << 3,
	VFS_DELETE = 1 << 4,
	VFS_RENAME = 1 << 5,
	VFS_MKDIR = 1 << 6,
	VFS_RMDIR = 1 << 7,
	VFS_SETSTAT = 1 << 8,
	VFS_LINK = 1 << 9 /* hard links: a second name for a file */
};

/* "list", "download", … in the order of the bits; ends with NULL. */
extern const char *const VFS_ALLOW_NAMES[];

#endif
