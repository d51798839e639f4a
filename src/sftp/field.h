/*
 * The fields that SFTP messages are made of. A message's layout is a row of fields, each a kind and
 * the place of its value in the message's struct; the encoder and the decoder walk the same row.
 */
#ifndef SFTP_FIELD_H
#define SFTP_FIELD_H

#include "base/buf.h"
#include "base/rd.h"

enum sftp_field_kind {
	SFTP_FIELD_END = 0,
	SFTP_FIELD_U32,
	SFTP_FIELD_U64,
	SFTP_FIELD_PATH,   /* a string without a 0, at most SFTP_PATH_MAX */
	SFTP_FIELD_HANDLE, /* a string of at most SFTP_HANDLE_MAX */
	SFTP_FIELD_DATA,   /* a string as long as its packet allows */
	SFTP_FIELD_TEXT, /* a string of at most SFTP_TEXT_MAX; missing at the packet's end: empty */
	SFTP_FIELD_ATTRS,
	SFTP_FIELD_REST,  /* everything to the packet's end */
	SFTP_FIELD_PAIRS, /* strings to the packet's end, an even number of them */
	SFTP_FIELD_SLACK  /* no value: what stands there to the packet's end is read over */
};

enum {
	SFTP_TEXT_MAX = 16 * 1024,
	SFTP_PAIRS_MAX = 128,
	SFTP_FIELDS_MAX = 6 /* of one message, with the END */
};

struct sftp_field {
	enum sftp_field_kind kind;
	size_t offset;
};

/* Appends the fields of the struct at base; on an error b may hold some of them. */
enum err sftp_fields_put(
    const struct sftp_field *fields, const void *base, struct buf *b) must_check;

/* Reads the fields into the struct at base. Errors stick to r;
 * slices are borrowed from its bytes. */
void sftp_fields_get(const struct sftp_field *fields, struct rd *r, void *base);

/*
 * The frame around a message: begin remembers the end of b and leaves room for the length, end
 * fills it in, or takes everything back when e is not ERR_OK.
 */
size_t sftp_packet_begin(struct buf *b, enum err *ret_e);
enum err sftp_packet_end(struct buf *b, size_t begin, enum err e) must_check;

#endif
