#include "sftp/field.h"

#include "base/bug.h"
#include "sftp/attrs.h"
#include "sftp/proto.h"
#include "sftp/server.h"

/*
 * One row per kind: how a value goes out and comes in. Values are reached through their type:
 * their offsets come from offsetof of the message's struct.
 */
struct field_codec {
	enum err (*put)(struct buf *b, const void *value);
	void (*get)(struct rd *r, void *value);
};

static enum err
put_u32(struct buf *b, const void *value)
{
	return buf_put_u32(b, *(const uint32_t *)value);
}

static void
get_u32(struct rd *r, void *value)
{
	*(uint32_t *)value = rd_u32(r);
}

static enum err
put_u64(struct buf *b, const void *value)
{
	return buf_put_u64(b, *(const uint64_t *)value);
}

static void
get_u64(struct rd *r, void *value)
{
	*(uint64_t *)value = rd_u64(r);
}

static enum err
put_string(struct buf *b, const void *value)
{
	return buf_put_string(b, *(const struct slice *)value);
}

static void
get_path(struct rd *r, void *value)
{
	struct slice path = rd_string(r, SFTP_PATH_MAX);

	if (slice_has(path, 0))
		r->failed = true;
	*(struct slice *)value = path;
}

static void
get_handle(struct rd *r, void *value)
{
	*(struct slice *)value = rd_string(r, SFTP_HANDLE_MAX);
}

static void
get_data(struct rd *r, void *value)
{
	*(struct slice *)value = rd_string(r, r->left);
}

/* Servers older than the draft leave the words of a STATUS out. */
static void
get_text(struct rd *r, void *value)
{
	*(struct slice *)value = r->left == 0 ? slice_of(NULL, 0) : rd_string(r, SFTP_TEXT_MAX);
}

static enum err
put_attrs(struct buf *b, const void *value)
{
	return sftp_attrs_put(b, value);
}

static void
get_attrs(struct rd *r, void *value)
{
	sftp_attrs_get(r, value);
}

static enum err
put_rest(struct buf *b, const void *value)
{
	const struct slice *s = value;

	return buf_put(b, s->ptr, s->len);
}

static void
get_rest(struct rd *r, void *value)
{
	*(struct slice *)value = rd_rest(r);
}

static void
get_pairs(struct rd *r, void *value)
{
	struct slice all = slice_of(r->at, r->left);
	size_t n_pairs = 0;

	for (; r->left > 0 && !r->failed; n_pairs++) {
		(void)rd_string(r, SFTP_TEXT_MAX);
		(void)rd_string(r, SFTP_TEXT_MAX);
	}
	if (n_pairs > SFTP_PAIRS_MAX)
		r->failed = true;
	*(struct slice *)value = all;
}

static enum err
put_nothing(struct buf *b unused_arg, const void *value unused_arg)
{
	return ERR_OK;
}

static void
get_slack(struct rd *r, void *value unused_arg)
{
	(void)rd_rest(r);
}

static const struct field_codec CODECS[] = {
    [SFTP_FIELD_U32] = {put_u32, get_u32},
    [SFTP_FIELD_U64] = {put_u64, get_u64},
    [SFTP_FIELD_PATH] = {put_string, get_path},
    [SFTP_FIELD_HANDLE] = {put_string, get_handle},
    [SFTP_FIELD_DATA] = {put_string, get_data},
    [SFTP_FIELD_TEXT] = {put_string, get_text},
    [SFTP_FIELD_ATTRS] = {put_attrs, get_attrs},
    [SFTP_FIELD_REST] = {put_rest, get_rest},
    [SFTP_FIELD_PAIRS] = {put_rest, get_pairs},
    [SFTP_FIELD_SLACK] = {put_nothing, get_slack},
};

enum err
sftp_fields_put(const struct sftp_field *fields, const void *base, struct buf *b)
{
	enum err e = ERR_OK;

	for (const struct sftp_field *f = fields; f->kind != SFTP_FIELD_END && e == ERR_OK; f++)
		e = CODECS[f->kind].put(b, (const uint8_t *)base + f->offset);
	return e;
}

void
sftp_fields_get(const struct sftp_field *fields, struct rd *r, void *base)
{
	for (const struct sftp_field *f = fields; f->kind != SFTP_FIELD_END; f++)
		CODECS[f->kind].get(r, (uint8_t *)base + f->offset);
}

size_t
sftp_packet_begin(struct buf *b, enum err *ret_e)
{
	size_t begin = buf_len(b);

	*ret_e = buf_put_u32(b, 0);
	return begin;
}

enum err
sftp_packet_end(struct buf *b, size_t begin, enum err e)
{
	size_t len = buf_len(b) - begin;

	if (e == ERR_OK && len - SFTP_HEADER_LEN > SFTP_PACKET_MAX)
		e = ERR_LIMIT;
	if (e != ERR_OK) {
		buf_unput(b, len);
		return e;
	}
	buf_patch_u32(b, begin, (uint32_t)(len - SFTP_HEADER_LEN));
	return ERR_OK;
}
