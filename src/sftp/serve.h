/*
 * The insides of the server engine, shared by server.c (the engine) and serve_*.c (the handlers of
 * the requests). Nobody else includes this.
 *
 * A handler returns how its request ended, and the engine sends that as a STATUS; or it has sent
 * another answer itself and returns ANSWERED; or the answer comes later, and it returns PENDING.
 * So every request gets exactly one answer.
 */
#ifndef SFTP_SERVE_H
#define SFTP_SERVE_H

#include "sftp/frame.h"
#include "sftp/handles.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"

enum {
	/*
	 * No request is begun while more than this waits for the client. One answer more, of at
	 * most a packet, fits on top of it; so do the STATUSes of all CLOSEs that may be pending.
	 */
	SERVE_OUTPUT_HIGH = 512 * 1024,
	/*
	 * The buffer is twice as large as what it ever holds: then it moves its content only when
	 * at least as much was sent (buf_reserve), and a byte is moved once at most.
	 */
	SERVE_OUTPUT_MAX = 2 * (SERVE_OUTPUT_HIGH + SFTP_HEADER_LEN + SFTP_PACKET_MAX)
};

struct sftp_server {
	const struct sftp_fs_ops *ops;
	void *fs;
	bool read_only;
	bool greeted;    /* INIT was answered */
	enum err broken; /* once it isn't ERR_OK, the engine answers no more */
	struct sftp_frame input;
	struct buf output;
	struct sftp_handles handles;
	struct sftp_server_stats stats;
};

/* What a handler returns beside the SSH_FX_* and SFTP_PENDING. */
#define SERVE_ANSWERED (UINT32_MAX - 1)

typedef struct sftp_result serve_fn(struct sftp_server *s, const struct sftp_request *r);

/* One row of the table of handlers. */
struct serve_handler {
	serve_fn *serve; /* NULL: not served */
	bool changes;    /* refused when read-only */
	bool needs_op;   /* the file system must have the operation at ops_offset */
	size_t ops_offset;
	const char *advertised; /* an extension's version in VERSION */
};

/* The row of a kind, if it is served here: by this engine, this file system, in this mode. */
const struct serve_handler *serve_handler(const struct sftp_server *s, enum sftp_request_kind kind);

/* Is the request one that may change something? OPEN depends on its flags. */
bool serve_changes(const struct sftp_request *r);

static inline struct sftp_result
serve_status(uint32_t status, const char *message)
{
	return (struct sftp_result){.status = status, .message = message};
}

/* Sends the answer and counts it. Without memory for it the engine is broken. */
struct sftp_result serve_answer(struct sftp_server *s, const struct sftp_response *response);

serve_fn serve_open, serve_close, serve_read, serve_write, serve_fstat, serve_fsetstat, serve_fsync,
    serve_fstatvfs;
serve_fn serve_opendir, serve_readdir;
serve_fn serve_stat, serve_lstat, serve_setstat, serve_lsetstat, serve_remove, serve_mkdir,
    serve_rmdir, serve_rename, serve_posix_rename, serve_realpath, serve_readlink, serve_symlink,
    serve_statvfs, serve_limits, serve_expand_path, serve_home_directory;

/* Answers with the only entry of a NAME: REALPATH and READLINK. */
struct sftp_result serve_one_name(struct sftp_server *s, uint32_t id, struct slice name);

/* Answers with a handle for object; sftp_handles_prepare went before. */
struct sftp_result serve_new_handle(
    struct sftp_server *s, uint32_t id, enum sftp_slot_kind kind, void *object);

/* Answers with the body of statvfs@openssh.com. */
struct sftp_result serve_statvfs_body(
    struct sftp_server *s, uint32_t id, const struct sftp_fs_statvfs *st);

#endif
