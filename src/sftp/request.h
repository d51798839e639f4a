/*
 * Requests: what a client sends (draft-ietf-secsh-filexfer-02 sections 4, 6 and 8). Encoder and
 * decoder walk the same table of layouts.
 */
#ifndef SFTP_REQUEST_H
#define SFTP_REQUEST_H

#include "base/buf.h"
#include "sftp/attrs.h"
#include "sftp/proto.h"

enum sftp_request_kind {
	SFTP_REQ_INIT,
	SFTP_REQ_OPEN,
	SFTP_REQ_CLOSE,
	SFTP_REQ_READ,
	SFTP_REQ_WRITE,
	SFTP_REQ_LSTAT,
	SFTP_REQ_FSTAT,
	SFTP_REQ_SETSTAT,
	SFTP_REQ_FSETSTAT,
	SFTP_REQ_OPENDIR,
	SFTP_REQ_READDIR,
	SFTP_REQ_REMOVE,
	SFTP_REQ_MKDIR,
	SFTP_REQ_RMDIR,
	SFTP_REQ_REALPATH,
	SFTP_REQ_STAT,
	SFTP_REQ_RENAME,
	SFTP_REQ_READLINK,
	SFTP_REQ_SYMLINK,
	/* EXTENDED, by their names. */
	SFTP_REQ_POSIX_RENAME,
	SFTP_REQ_STATVFS,
	SFTP_REQ_FSTATVFS,
	SFTP_REQ_HARDLINK,
	SFTP_REQ_FSYNC,
	SFTP_REQ_LSETSTAT,
	SFTP_REQ_LIMITS,
	SFTP_REQ_EXPAND_PATH,
	SFTP_REQ_HOME_DIRECTORY,
	SFTP_REQ_USERS_GROUPS,
	SFTP_REQ_COPY_DATA,
	SFTP_REQ_CHECK_FILE,
	SFTP_REQ_CHECK_FILE_HANDLE,
	SFTP_REQ_CHECK_FILE_NAME,
	SFTP_N_REQUESTS
};

/* One request. Only the members that the row of its kind names (request.c) are meaningful. */
struct sftp_request {
	enum sftp_request_kind kind;
	bool has_id; /* by the decoder: the packet was long enough for an id; INIT has none */
	uint32_t id;

	uint32_t version;
	uint32_t pflags; /* SSH_FXF_* */
	uint32_t length;
	uint64_t offset;
	struct slice handle;
	struct slice path;
	struct slice to; /* of a rename; for SYMLINK where the link is made */
	struct slice data;
	struct sftp_attrs attrs;
	struct slice pairs; /* extensions of INIT */

	/* copy-data: from handle, offset, range_length to to_handle, to_offset */
	uint64_t range_length; /* 0: to the end; of check-file, too */
	uint64_t to_offset;
	struct slice to_handle;

	struct slice algorithms; /* of check-file: names with commas between, the best first */
	uint32_t block_size;     /* 0: one hash over everything */

	struct slice user;       /* of home-directory */
	struct slice uids, gids; /* of users-groups-by-id: uint32s in a row */
};

/* Appends the whole packet, or nothing. ERR_LIMIT: longer than SFTP_PACKET_MAX. */
enum err sftp_request_encode(const struct sftp_request *r, struct buf *b) must_check;

/*
 * Reads a packet (without the length before it); slices are borrowed from it. ERR_UNSUPPORTED: no
 * such type or extension. ERR_FORMAT: malformed. After either, has_id and id tell whether and how
 * it can be answered.
 */
enum err sftp_request_decode(struct slice packet, struct sftp_request *ret_r) must_check;

/* The extension's name, or NULL for what version 3 has itself. */
const char *sftp_request_extension(enum sftp_request_kind kind);

#endif
