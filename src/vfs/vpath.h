/*
 * A path in an account's namespace, in its one canonical form: absolute, no empty part, no ".", no
 * "..", no slash at the end but in "/" itself.
 *
 * ".." is resolved on the text. That is exact here, because no symbolic link exists in the
 * namespace; and it is no barrier, because whatever comes out is resolved by the kernel once more,
 * beneath a mount's directory (os/file.h).
 */
#ifndef VFS_VPATH_H
#define VFS_VPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

/* With the terminator; what openat2(2) takes. */
enum { VPATH_SIZE = 4096 };

struct vpath {
	size_t len;
	char text[VPATH_SIZE];
};

/*
 * What a client meant by raw: relative paths begin at "/", and the empty one is "/". ".." at the
 * top stays there. ERR_NAMETOOLONG for a part of more than NAME_MAX or a whole of VPATH_SIZE bytes,
 * ERR_INVALID for a byte of value 0.
 */
enum err vpath_from_client(struct vpath *ret_path, struct slice raw) must_check;

/* Appends one part, which is neither empty, "." nor "..", and has no slash. */
enum err vpath_join(struct vpath *path, struct slice part) must_check;

/*
 * What stands in path after the directory dir (both canonical): "" when they are equal, NULL when
 * path isn't beneath dir. Points into path.
 */
const char *vpath_after(const char *path, const char *dir);

#endif
