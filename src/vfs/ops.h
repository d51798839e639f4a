/* The operations behind vfs_ops(), by the file that has them; see sftp/fs.h for each. */
#ifndef VFS_OPS_H
#define VFS_OPS_H

#include "sftp/fs.h"

/* file.c */
struct sftp_result file_open(
    void *fs, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs, void **ret_file);
struct sftp_result file_read(
    void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len);
struct sftp_result file_peek(
    void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len);
struct sftp_result file_write(void *file, uint64_t offset, struct slice data);
struct sftp_result file_close(void *file, struct sftp_token token);
void file_abandon(void *file);
struct sftp_result file_fstat(void *file, struct sftp_attrs *ret_attrs);
struct sftp_result file_fsetstat(void *file, const struct sftp_attrs *attrs);
struct sftp_result file_fsync(void *file);
struct sftp_result file_fstatvfs(void *file, struct sftp_fs_statvfs *ret_st);

/* dir.c */
struct sftp_result dir_open(void *fs, struct slice path, void **ret_dir);
struct sftp_result dir_read(void *dir, struct sftp_fs_entry *ret_entry);
void dir_close(void *dir);

/* look.c */
struct sftp_result look_stat(void *fs, struct slice path, struct sftp_attrs *ret_attrs);
struct sftp_result look_realpath(void *fs, struct slice path, struct buf *ret_path);
struct sftp_result look_readlink(void *fs, struct slice path, struct buf *ret_target);
struct sftp_result look_owner_name(void *fs, uint32_t id, struct buf *ret_name);
struct sftp_result look_statvfs(void *fs, struct slice path, struct sftp_fs_statvfs *ret_st);

/* setstat.c */
struct sftp_result setstat_path(void *fs, struct slice path, const struct sftp_attrs *attrs);

/* change.c */
struct sftp_result change_remove(void *fs, struct slice path);
struct sftp_result change_mkdir(void *fs, struct slice path, const struct sftp_attrs *attrs);
struct sftp_result change_rmdir(void *fs, struct slice path);
struct sftp_result change_symlink(void *fs, struct slice target, struct slice link_path);

/* rename.c */
struct sftp_result rename_path(void *fs, struct slice from, struct slice to, bool replace);

/* link.c */
struct sftp_result link_path(void *fs, struct slice from, struct slice to);

/* copy.c */
struct sftp_result copy_piece(void *from_file, uint64_t from_offset, void *to_file,
    uint64_t to_offset, uint64_t len, uint64_t *ret_len);

#endif
