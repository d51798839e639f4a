/*
 * Files beneath a directory. A path is resolved by the kernel (openat2(2), RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS), never as a string of ours: neither "..", nor an absolute path, nor a
 * symbolic link, nor a race leads out of dir_fd; an attempt is ERR_ESCAPE.
 *
 * Every descriptor is close-on-exec. Paths are terminated strings, relative, "." for dir_fd itself.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* open(2) with the flags given, beneath dir_fd. The caller closes *ret_fd. */
enum err file_open_beneath(
    int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd) must_check;

/*
 * The directory that holds path's last part, opened (O_PATH) beneath dir_fd, and that last part in
 * *ret_name, which points into path. ERR_INVALID for a path that ends in "", "." or "..": there is
 * no name to create, remove or rename.
 */
enum err file_open_parent(
    int dir_fd, const char *path, int *ret_parent_fd, const char **ret_name) must_check;

/* The status of what path names, beneath dir_fd;
 * a symbolic link as last part is described itself. */
enum err file_stat_beneath(int dir_fd, const char *path, struct stat *ret_st) must_check;

/* The same with the moment at which it was made, where the file system knows (STATX_BTIME). */
enum err file_statx_beneath(int dir_fd, const char *path, struct statx *ret_st) must_check;

/*
 * Creates the directories of path that are missing, mode 0750, and fsyncs each parent. ERR_NOTDIR
 * when something else has such a name, ERR_INVALID for a path with empty, "." or ".." parts.
 */
enum err file_make_dirs(int dir_fd, const char *path) must_check;

/*
 * An absolute or cwd-relative path of the operator's (from the configuration or a command line),
 * not confined: the operator may use symbolic links. The caller closes *ret_fd.
 */
enum err file_open_trusted(const char *path, int flags, mode_t mode, int *ret_fd) must_check;

/* mkdir -p of an operator's path, mode 0750 for what is made. */
enum err file_make_trusted_dirs(const char *path) must_check;

/* Everything from fd's position to its end, appended to b; ERR_NOMEM when it passes b's maximum. */
enum err file_read_all(int fd, struct buf *b) must_check;

/* All of the bytes, or an error: short writes are continued. */
enum err file_write_all(int fd, const void *bytes, size_t len) must_check;
enum err file_pwrite_all(int fd, const void *bytes, size_t len, uint64_t offset) must_check;

/* The next len bytes from offset, fewer only at the end of the file. */
enum err file_pread_full(
    int fd, void *bytes, size_t len, uint64_t offset, size_t *ret_len) must_check;

/* fsync(2) of a file, or of a directory so that the names in it are durable. */
enum err file_sync(int fd) must_check;

/*
 * Renames without overwriting (renameat2(2), RENAME_NOREPLACE): ERR_EXISTS when the target is
 * there. Names are single path components, or it is ERR_INVALID. Nothing is durable before both
 * directories are synced.
 */
enum err file_rename_new(int from_dir, const char *from, int to_dir, const char *to) must_check;

/* rename(2): replaces what has the name. */
enum err file_rename_over(int from_dir, const char *from, int to_dir, const char *to) must_check;

/* Free bytes for us on the file system of fd. */
enum err file_free_space(int fd, uint64_t *ret_bytes) must_check;

#endif
