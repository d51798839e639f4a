/*
 * The file system as the SFTP server engine sees it: a table of operations. The engine calls them
 * with decoded, bounded requests; an implementation (vfs/, or a plain directory for the stdio
 * server) answers with a status. Paths are as the client sent them (UTF-8 or not, no NUL, at most
 * SFTP_PATH_MAX): the implementation makes them canonical.
 */
#ifndef SFTP_FS_H
#define SFTP_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "sftp/attrs.h"

/* How an operation ended. */
struct sftp_result {
	uint32_t status;     /* SSH_FX_*, or SFTP_PENDING */
	const char *message; /* static text for the client, or NULL for the status's own words */
};

/* The operation will be completed later, by sftp_fs_complete with the request's token. */
#define SFTP_PENDING UINT32_MAX

/*
 * Names the request that an operation belongs to; valid until it is completed, or its file was
 * abandoned. Its members are opaque: request_id is the engine's own number for the request, not
 * the client's, which need not be unique.
 */
struct sftp_token {
	void *server;
	uint32_t request_id, slot;
};

/*
 * Answers a request whose operation returned SFTP_PENDING: exactly once, and it may be before the
 * operation has returned. Implemented by the server engine.
 */
void sftp_fs_complete(struct sftp_token token, struct sftp_result result);

/* One entry of a directory; name is valid until the next call on the directory. */
struct sftp_fs_entry {
	struct slice name;
	struct sftp_attrs attrs;
};

struct sftp_fs_statvfs {
	uint64_t f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_fsid,
	    f_flag, f_namemax;
};

/*
 * Open files and directories are the implementation's; the engine keeps the pointers behind
 * handles. An operation that isn't there (NULL) is answered with SSH_FX_OP_UNSUPPORTED, and an
 * extension that needs it isn't offered. close, abandon and closedir must be there.
 */
struct sftp_fs_ops {
	/* pflags: SSH_FXF_* (draft-ietf-secsh-filexfer-02 section 6.3). */
	struct sftp_result (*open)(void *fs, struct slice path, uint32_t pflags,
	    const struct sftp_attrs *attrs, void **ret_file);
	/* Reads up to len bytes straight into dst; *ret_len 0 with SSH_FX_EOF at the end. */
	struct sftp_result (*read)(
	    void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len);
	/*
	 * As read, for check-file: the bytes don't go to the client, so whatever takes note of what
	 * a client has read of a file takes no note of these.
	 */
	struct sftp_result (*peek)(
	    void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len);
	struct sftp_result (*write)(void *file, uint64_t offset, struct slice data);
	/*
	 * Ends the file in every case. SFTP_PENDING: the file lives on until sftp_fs_complete, or
	 * until abandon, whichever comes first.
	 */
	struct sftp_result (*close)(void *file, struct sftp_token token);
	/*
	 * The connection ends with the file still open: no publication. Or with its CLOSE still
	 * pending: the token is dead, and nothing is answered any more.
	 */
	void (*abandon)(void *file);
	struct sftp_result (*fstat)(void *file, struct sftp_attrs *ret_attrs);
	struct sftp_result (*fsetstat)(void *file, const struct sftp_attrs *attrs);
	struct sftp_result (*fsync)(void *file);
	struct sftp_result (*fstatvfs)(void *file, struct sftp_fs_statvfs *ret_st);

	struct sftp_result (*opendir)(void *fs, struct slice path, void **ret_dir);
	/* SSH_FX_EOF after the last entry. */
	struct sftp_result (*readdir)(void *dir, struct sftp_fs_entry *ret_entry);
	void (*closedir)(void *dir);

	struct sftp_result (*stat)(void *fs, struct slice path, struct sftp_attrs *ret_attrs);
	struct sftp_result (*lstat)(void *fs, struct slice path, struct sftp_attrs *ret_attrs);
	struct sftp_result (*setstat)(void *fs, struct slice path, const struct sftp_attrs *attrs);
	struct sftp_result (*remove)(void *fs, struct slice path);
	struct sftp_result (*mkdir)(void *fs, struct slice path, const struct sftp_attrs *attrs);
	struct sftp_result (*rmdir)(void *fs, struct slice path);
	/* replace: posix-rename, may overwrite. */
	struct sftp_result (*rename)(void *fs, struct slice from, struct slice to, bool replace);
	/* Appends the canonical path to ret_path. */
	struct sftp_result (*realpath)(void *fs, struct slice path, struct buf *ret_path);
	struct sftp_result (*readlink)(void *fs, struct slice path, struct buf *ret_target);
	struct sftp_result (*symlink)(void *fs, struct slice target, struct slice link_path);
	struct sftp_result (*statvfs)(void *fs, struct slice path, struct sftp_fs_statvfs *ret_st);
	/* As setstat, on a symbolic link itself. */
	struct sftp_result (*lsetstat)(void *fs, struct slice path, const struct sftp_attrs *attrs);
	/* hardlink@openssh.com. */
	struct sftp_result (*link)(void *fs, struct slice from, struct slice to);
	/*
	 * copy-data, piece by piece: len is everything that is left to copy, and of it some
	 * milliseconds' worth is done; *ret_len says how much. Fewer than asked is not the end, 0
	 * with SSH_FX_OK is. The engine asks again until the client's length is done, and answers
	 * others between. It sees to it that ranges of one handle don't overlap; that two handles
	 * are of one file, only the file system can tell, and refuses it there.
	 */
	struct sftp_result (*copy)(void *from_file, uint64_t from_offset, void *to_file,
	    uint64_t to_offset, uint64_t len, uint64_t *ret_len);
	/*
	 * Appends the home directory of a user, "" for the client's own: what "~user" stands for.
	 * Not there: the only home is where relative paths begin.
	 */
	struct sftp_result (*home)(void *fs, struct slice user, struct buf *ret_path);
	/* users-groups-by-id@openssh.com: appends the name ("" when there is none to tell). */
	struct sftp_result (*user_name)(void *fs, uint32_t uid, struct buf *ret_name);
	struct sftp_result (*group_name)(void *fs, uint32_t gid, struct buf *ret_name);
};

#endif
