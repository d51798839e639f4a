/*
 * One request, one answer: for commands that do one thing at a time. Each call turns the loop of
 * the connection until its answer is there. What fails is told with a story for people, which names
 * the operation, the path (escaped) and the server's reason.
 */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/remote.h"
#include "sftp/fs.h"

/* How the server answered. */
struct ask_answer {
	enum err error;   /* ERR_OK; ERR_CLOSED and its like: the line is lost; ERR_CLOSED with
			   * interrupted: see ask_set_interrupt; else the server said no */
	uint32_t status;  /* SSH_FX_*, when the server said no */
	bool unsupported; /* the server has no such operation */
	struct story story;
};

/* A descriptor that ends every wait of ask_* when it is readable: ERR_AGAIN. -1: none. */
void ask_set_interrupt(struct remote *r, int fd);

bool ask_stat(struct remote *r, struct slice path, struct sftp_attrs *ret, struct ask_answer *a);
bool ask_lstat(struct remote *r, struct slice path, struct sftp_attrs *ret, struct ask_answer *a);
bool ask_realpath(struct remote *r, struct slice path, struct buf *ret_path, struct ask_answer *a);
bool ask_expand_path(
    struct remote *r, struct slice path, struct buf *ret_path, struct ask_answer *a);
bool ask_readlink(struct remote *r, struct slice path, struct buf *ret_path, struct ask_answer *a);
bool ask_mkdir(struct remote *r, struct slice path, uint32_t mode, struct ask_answer *a);
bool ask_rmdir(struct remote *r, struct slice path, struct ask_answer *a);
bool ask_remove(struct remote *r, struct slice path, struct ask_answer *a);
/* The server's own RENAME, which overwrites nothing (legacy), or posix-rename where offered. */
bool ask_rename(
    struct remote *r, struct slice from, struct slice to, bool legacy, struct ask_answer *a);
bool ask_symlink(struct remote *r, struct slice target, struct slice link, struct ask_answer *a);
bool ask_hardlink(struct remote *r, struct slice target, struct slice link, struct ask_answer *a);
bool ask_setstat(struct remote *r, struct slice path, const struct sftp_attrs *attrs, bool follow,
    struct ask_answer *a);
bool ask_statvfs(
    struct remote *r, struct slice path, struct sftp_fs_statvfs *ret, struct ask_answer *a);
/* copy-data between two paths of the server, mode kept; overwrites. */
bool ask_copy(struct remote *r, struct slice from, struct slice to, struct ask_answer *a);
/* check-file by name: algorithm "sha256"; length 0: to the end. Appends the raw hash. */
bool ask_check_file(struct remote *r, struct slice path, const char *algorithm, uint64_t offset,
    uint64_t length, struct buf *ret_hash, struct ask_answer *a);

#endif
