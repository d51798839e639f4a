/*
 * Setting attributes. Times and modes are kept where the mount allows it, and else accepted and
 * ignored, so that no transfer fails for them; owners are never changed. The owner's own access
 * isn't given up: Dray's other processes run as the same user, and have to read the file.
 */
#ifndef VFS_SETSTAT_H
#define VFS_SETSTAT_H

#include "vfs/namespace.h"

/* The mode that attrs ask for, or 0 where none is asked for or the mount doesn't allow it. */
mode_t setstat_mode(const struct mount *m, const struct sftp_attrs *attrs, bool is_dir);

/* Mode and times. fd is open for reading or writing (not O_PATH). */
enum err setstat_apply(
    int fd, const struct mount *m, const struct sftp_attrs *attrs, bool is_dir) must_check;

#endif
