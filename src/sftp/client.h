/*
 * The SFTP client engine: requests are submitted, bytes for the server come out, bytes from it go
 * in, and callbacks tell the answers. No I/O of its own. Any number of requests may be under way;
 * answers may come in any order.
 *
 * Callbacks run inside of sftp_client_feed; they may submit further requests, but not free the
 * client.
 */
#ifndef SFTP_CLIENT_H
#define SFTP_CLIENT_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/rd.h"
#include "sftp/attrs.h"

struct sftp_client;

/* The answer to one request. Exactly one of the parts is meaningful, as the request type wants. */
struct sftp_reply {
	uint32_t status;         /* SSH_FX_*; SSH_FX_OK where another part answers */
	struct slice message;    /* the server's words of a STATUS; may be empty; hostile text */
	struct slice handle;     /* of HANDLE */
	struct slice data;       /* of DATA */
	struct sftp_attrs attrs; /* of ATTRS */
	struct slice names;      /* of NAME: n_names undecoded entries, for sftp_names_next */
	uint32_t n_names;
	struct slice extended; /* of EXTENDED_REPLY */
};

typedef void sftp_reply_fn(void *ctx, const struct sftp_reply *reply);

struct sftp_client_limits {
	uint32_t max_read,
	    max_write;        /* bytes of one request's data: limits@openssh.com, else 32 KiB */
	uint32_t max_handles; /* 0: unknown */
};

enum {
	/* Requests under way at the same time, of all who use one client. */
	SFTP_CLIENT_PENDING_MAX = 4096,
	/* WRITEs are refused while more than this waits to be sent: the caller sends it first. */
	SFTP_CLIENT_WRITES_MAX = 4 * 1024 * 1024,
	/* Used where limits@openssh.com is not offered, or says nothing. */
	SFTP_CLIENT_DEFAULT_LEN = 32 * 1024
};

enum err sftp_client_new(struct sftp_client **ret_c) must_check;

/* Requests under way get no answer any more. Jobs (fetch.h, listing.h) are dropped. NULL-safe. */
void sftp_client_free(struct sftp_client *c);

/*
 * Work that makes several requests and must not outlive the client: drop frees it, and calls
 * nobody. Whoever ends by itself takes itself off the list before (LIST_REMOVE).
 */
struct sftp_client_job {
	LIST_ENTRY(sftp_client_job) entry;
	void (*drop)(struct sftp_client_job *job);
};
void sftp_client_attach(struct sftp_client *c, struct sftp_client_job *job);

/*
 * Queues INIT, and limits@openssh.com when the server offers it. ready is called when requests may
 * be sent (status SSH_FX_OK), or the server can't be talked to. The limits come a little later:
 * until then they are the defaults, which every server takes.
 */
enum err sftp_client_start(struct sftp_client *c, sftp_reply_fn *ready, void *ctx) must_check;

const struct sftp_client_limits *sftp_client_limits(const struct sftp_client *c);

/* Did the server announce the extension, as "posix-rename@openssh.com"? */
bool sftp_client_has_extension(const struct sftp_client *c, const char *name);

/* All bytes must be taken by the engine. ERR_FORMAT: the server broke the protocol; end the
 * connection. */
enum err sftp_client_feed(struct sftp_client *c, const uint8_t *bytes, size_t len) must_check;

/* The bytes for the server; the caller sends from it and consumes what it sent. */
struct buf *sftp_client_output(struct sftp_client *c);

size_t sftp_client_n_pending(const struct sftp_client *c);

/*
 * The requests. Each is queued, or fails and calls nobody: ERR_NOMEM when too much is under way,
 * ERR_AGAIN before ready was called, ERR_FORMAT after the server broke the protocol, ERR_LIMIT for
 * one longer than the server takes. In the callback of an answer there is always room for one
 * request more: that of the answered one.
 *
 * open, setstat: attrs may be NULL for none. read: at most max_read bytes are asked for.
 */
enum err sftp_client_open(struct sftp_client *c, struct slice path, uint32_t pflags,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_close(
    struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_read(struct sftp_client *c, struct slice handle, uint64_t offset, uint32_t len,
    sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_write(struct sftp_client *c, struct slice handle, uint64_t offset,
    struct slice data, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_stat(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_lstat(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_fstat(
    struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_setstat(struct sftp_client *c, struct slice path,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_fsetstat(struct sftp_client *c, struct slice handle,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_opendir(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_readdir(
    struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_remove(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_rename(struct sftp_client *c, struct slice from, struct slice to,
    sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_posix_rename(struct sftp_client *c, struct slice from, struct slice to,
    sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_mkdir(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_mkdir_with(struct sftp_client *c, struct slice path,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_rmdir(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_realpath(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_readlink(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
/* The link is made at link, as OpenSSH and all after it read it. */
enum err sftp_client_symlink(struct sftp_client *c, struct slice target, struct slice link,
    sftp_reply_fn *fn, void *ctx) must_check;

/* Those of extensions: ask sftp_client_has_extension first. */
enum err sftp_client_fsync(
    struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_hardlink(struct sftp_client *c, struct slice from, struct slice to,
    sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_lsetstat(struct sftp_client *c, struct slice path,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx) must_check;
/* reply.extended: sftp_statvfs_get (response.h). */
enum err sftp_client_statvfs(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_expand_path(
    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) must_check;

struct sftp_range {
	uint64_t offset, len; /* len 0: to the end */
};
enum err sftp_client_copy_data(struct sftp_client *c, struct slice from, struct sftp_range range,
    struct slice to, uint64_t to_offset, sftp_reply_fn *fn, void *ctx) must_check;
/* One hash over the range. algorithms: names with commas between. reply.extended: the name of the
 * extension where the server has it in front, the algorithm's, then the hash. */
enum err sftp_client_check_file_handle(struct sftp_client *c, struct slice handle,
    struct slice algorithms, struct sftp_range range, sftp_reply_fn *fn, void *ctx) must_check;
enum err sftp_client_check_file_name(struct sftp_client *c, struct slice path,
    struct slice algorithms, struct sftp_range range, sftp_reply_fn *fn, void *ctx) must_check;

/* One entry of a NAME answer. */
struct sftp_name {
	struct slice filename, longname;
	struct sftp_attrs attrs;
};

/* Moves over the entries of reply: false after the last. The whole of it was checked before. */
bool sftp_names_next(struct rd *cursor, struct sftp_name *ret_name);

#endif
