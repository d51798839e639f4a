#include "vfs/mount.h"

const char *const VFS_ALLOW_NAMES[] = {"list", "download", "upload", "overwrite", "delete",
    "rename", "mkdir", "rmdir", "setstat", "link", NULL};
