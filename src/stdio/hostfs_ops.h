/* The operations behind hostfs_ops(), by the file that has them; see sftp/fs.h for each. */
#ifndef STDIO_HOSTFS_OPS_H
#define STDIO_HOSTFS_OPS_H

#include <limits.h>
#include <sys/statvfs.h>

#include "sftp/fs.h"
#include "sftp/status.h"

static inline struct sftp_result
result_ok(void)
{
	return (struct sftp_result){.status = SSH_FX_OK};
}

/* A failure for which version 3 has no code of its own, in words (static text). */
static inline struct sftp_result
hostfs_say(const char *message)
{
	return (struct sftp_result){.status = SSH_FX_FAILURE, .message = message};
}

/* A client's path as the system calls want it; the empty one is ".". */
struct hostfs_path {
	char text[PATH_MAX];
};

/* ERR_NAMETOOLONG, or ERR_INVALID for a byte of value 0. */
enum err hostfs_path_from(struct hostfs_path *ret_path, struct slice raw) must_check;

/* The answer for a system call that returned rc (negative: failed, see errno). */
struct sftp_result hostfs_result(int rc);

void hostfs_statvfs_from(struct sftp_fs_statvfs *ret_st, const struct statvfs *st);

/* hostfs_file.c */
struct sftp_result hostfs_open(
    void *fs, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs, void **ret_file);
struct sftp_result hostfs_read(
    void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len);
struct sftp_result hostfs_write(void *file, uint64_t offset, struct slice data);
/* hostfs_copy.c */
struct sftp_result hostfs_copy(void *from_file, uint64_t from_offset, void *to_file,
    uint64_t to_offset, uint64_t len, uint64_t *ret_len);
/* hostfs_users.c */
struct sftp_result hostfs_home(void *fs, struct slice user, struct buf *ret_path);
struct sftp_result hostfs_user_name(void *fs, uint32_t uid, struct buf *ret_name);
struct sftp_result hostfs_group_name(void *fs, uint32_t gid, struct buf *ret_name);
/* hostfs_file.c */
struct sftp_result hostfs_close(void *file, struct sftp_token token);
void hostfs_abandon(void *file);
struct sftp_result hostfs_fstat(void *file, struct sftp_attrs *ret_attrs);
struct sftp_result hostfs_fsetstat(void *file, const struct sftp_attrs *attrs);
struct sftp_result hostfs_fsync(void *file);
struct sftp_result hostfs_fstatvfs(void *file, struct sftp_fs_statvfs *ret_st);

/* hostfs_attrs.c */
struct sftp_result hostfs_stat(void *fs, struct slice path, struct sftp_attrs *ret_attrs);
struct sftp_result hostfs_lstat(void *fs, struct slice path, struct sftp_attrs *ret_attrs);
struct sftp_result hostfs_setstat(void *fs, struct slice path, const struct sftp_attrs *attrs);
struct sftp_result hostfs_lsetstat(void *fs, struct slice path, const struct sftp_attrs *attrs);
struct sftp_result hostfs_statvfs(void *fs, struct slice path, struct sftp_fs_statvfs *ret_st);

#endif
