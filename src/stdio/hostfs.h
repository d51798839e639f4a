/*
 * The plain file system of the user that the process runs as, through the operations of sftp/fs.h:
 * what OpenSSH's sftp-server serves. Nothing is confined and nothing is private: absolute paths,
 * symbolic links and direct writes are all the user's own. Relative paths begin in the process's
 * working directory.
 *
 * Gateway accounts are served by vfs/vfs.h.
 */
#ifndef STDIO_HOSTFS_H
#define STDIO_HOSTFS_H

#include "sftp/fs.h"

/* Their fs is not used, and may be NULL. */
const struct sftp_fs_ops *hostfs_ops(void);

#endif
