/*
 * Responses: what a server sends (draft-ietf-secsh-filexfer-02 sections 4, 7 and 8), and the bodies
 * of OpenSSH's extended replies.
 */
#ifndef SFTP_RESPONSE_H
#define SFTP_RESPONSE_H

#include "base/buf.h"
#include "sftp/attrs.h"
#include "sftp/client.h"
#include "sftp/fs.h"
#include "sftp/proto.h"

/* One response. Only the members that the row of its type names (response.c) are meaningful. */
struct sftp_response {
	uint8_t type; /* SSH_FXP_* */
	uint32_t id;  /* but for VERSION */

	uint32_t version;
	struct slice pairs; /* extensions of VERSION: name, data */
	uint32_t status;    /* SSH_FX_* */
	struct slice message, language;
	struct slice handle;
	struct slice data;
	uint32_t n_names;
	struct slice names; /* n_names entries: sftp_names_next */
	struct sftp_attrs attrs;
	struct slice extended;
};

/* Appends the whole packet, or nothing. ERR_LIMIT: longer than SFTP_PACKET_MAX. */
enum err sftp_response_encode(const struct sftp_response *r, struct buf *b) must_check;

/*
 * Reads a packet (without the length before it); slices are borrowed from it. The entries of a NAME
 * are checked. ERR_FORMAT: malformed, or no such type.
 */
enum err sftp_response_decode(struct slice packet, struct sftp_response *ret_r) must_check;

/*
 * A DATA whose content is written in place: reserve gives the place for up to len bytes in b, and
 * commit makes a packet of the first len of them, at least 1.
 */
enum err sftp_data_reserve(struct buf *b, size_t len, uint8_t **ret_content) must_check;
void sftp_data_commit(struct buf *b, uint32_t id, uint8_t *content, size_t len);

/*
 * A NAME of many entries, written in place: begin, then entries, each whole or not at all, then end
 * with their number. Without any, end takes everything back.
 */
enum err sftp_names_begin(struct buf *b, uint32_t id, size_t *ret_begin) must_check;
void sftp_names_end(struct buf *b, size_t begin, uint32_t n_names);

/* One entry of a NAME: section 7. */
enum err sftp_name_put(struct buf *b, const struct sftp_name *name) must_check;

/* The body of limits@openssh.com's reply. 0: no limit, or unknown. */
struct sftp_limits {
	uint64_t max_packet, max_read, max_write, max_handles;
};

enum err sftp_limits_put(struct buf *b, const struct sftp_limits *l) must_check;
enum err sftp_limits_get(struct slice body, struct sftp_limits *ret_l) must_check;

/* The body of statvfs@openssh.com's reply. */
enum err sftp_statvfs_put(struct buf *b, const struct sftp_fs_statvfs *st) must_check;
enum err sftp_statvfs_get(struct slice body, struct sftp_fs_statvfs *ret_st) must_check;

#endif
