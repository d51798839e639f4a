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
#include "sftp/serve_job.h"
#include "sftp/server.h"

enum {
	/*
	 * No request is begun while more than this waits for the client. One answer more, of at
	 * most a packet, fits on top of it.
	 */
	SERVE_OUTPUT_HIGH = 512 * 1024,
	/*
	 * The buffer is twice as large as what it ever holds: then it moves its content only when
	 * at least as much was sent (buf_reserve), and a byte is moved once at most.
	 */
	SERVE_OUTPUT_MAX = 2 * (SERVE_OUTPUT_HIGH + SFTP_HEADER_LEN + SFTP_PACKET_MAX),
	/* So the STATUSes of CLOSEs find room in it: messages of operations are short. */
	SERVE_STATUS_MAX = 256,
	SERVE_REQUESTS_MAX = SERVE_OUTPUT_MAX / 2 / SERVE_STATUS_MAX,
	/* Copies and hashes under way; no request is begun while there are so many. */
	SERVE_JOBS_MAX = 16
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
	struct sftp_server_limits limits;
	uint64_t refused; /* a bit for each enum sftp_request_kind */
	struct serve_jobs jobs;
	struct sftp_server_stats stats;
};
_Static_assert(SFTP_N_REQUESTS <= 64, "each kind of request has a bit");

/* What a handler returns beside the SSH_FX_* and SFTP_PENDING. */
#define SERVE_ANSWERED (UINT32_MAX - 1)

typedef struct sftp_result serve_fn(struct sftp_server *s, const struct sftp_request *r);

/* One row of the table of handlers. */
struct serve_handler {
	const char *name; /* for -P and -p of sftp-server(8) */
	serve_fn *serve;  /* NULL: not served */
	bool changes;     /* refused when read-only */
	bool later;       /* may be answered later: SFTP_PENDING */
	bool needs_op;    /* the file system must have the operation at ops_offset */
	size_t ops_offset;
	const char *advertised; /* an extension's version in VERSION */
};

/* The row of a kind, if it is served here: by this engine and this file system. */
const struct serve_handler *serve_handler(const struct sftp_server *s, enum sftp_request_kind kind);

/* Was it refused to all requests of the kind? */
bool serve_is_refused(const struct sftp_server *s, enum sftp_request_kind kind);

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
    serve_statvfs, serve_link, serve_limits, serve_expand_path, serve_home_directory;
serve_fn serve_users_groups, serve_copy_data, serve_check_handle, serve_check_name;

/* The open file behind a handle, or NULL; then the answer is serve_no_handle. */
struct sftp_slot *serve_file(struct sftp_server *s, struct slice handle);
struct sftp_result serve_no_handle(void);

/* Sends a STATUS: the result's words, or else those of its code. */
void serve_answer_status(struct sftp_server *s, uint32_t id, struct sftp_result result);

/* Answers with the body of an extension's own. */
struct sftp_result serve_extended(struct sftp_server *s, uint32_t id, const struct buf *body);

/* Answers with the only entry of a NAME: REALPATH and READLINK. */
struct sftp_result serve_one_name(struct sftp_server *s, uint32_t id, struct slice name);

/* Answers with a handle for object; sftp_handles_prepare went before. */
struct sftp_result serve_new_handle(
    struct sftp_server *s, uint32_t id, enum sftp_slot_kind kind, void *object);

/* Answers with the body of statvfs@openssh.com. */
struct sftp_result serve_statvfs_body(
    struct sftp_server *s, uint32_t id, const struct sftp_fs_statvfs *st);

#endif
