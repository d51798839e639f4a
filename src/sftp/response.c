#include "sftp/response.h"

#include "base/bug.h"
#include "base/rd.h"
#include "sftp/field.h"
#include "sftp/server.h"

struct response_layout {
	uint8_t type;
	struct sftp_field fields[SFTP_FIELDS_MAX];
};

#define F(kind_, member)                                                                     \
	{                                                                                    \
		.kind = SFTP_FIELD_##kind_, .offset = offsetof(struct sftp_response, member) \
	}

/* After the type stand the id (but for VERSION) and the fields. */
static const struct response_layout LAYOUTS[] = {
    {SSH_FXP_DATA, {F(DATA, data)}},
    {SSH_FXP_STATUS, {F(U32, status), F(TEXT, message), F(TEXT, language)}},
    {SSH_FXP_HANDLE, {F(HANDLE, handle)}},
    {SSH_FXP_NAME, {F(U32, n_names), F(REST, names)}},
    {SSH_FXP_ATTRS, {F(ATTRS, attrs)}},
    {SSH_FXP_EXTENDED_REPLY, {F(REST, extended)}},
    {SSH_FXP_VERSION, {F(U32, version), F(PAIRS, pairs)}},
};
#undef F

static const struct response_layout *
layout_find(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(LAYOUTS); i++) {
		if (LAYOUTS[i].type == type)
			return &LAYOUTS[i];
	}
	return NULL;
}

enum err
sftp_response_encode(const struct sftp_response *r, struct buf *b)
{
	const struct response_layout *layout = layout_find(r->type);
	enum err e;

	BUG_ON(layout == NULL);
	size_t begin = sftp_packet_begin(b, &e);
	if (e == ERR_OK)
		e = buf_put_u8(b, r->type);
	if (e == ERR_OK && r->type != SSH_FXP_VERSION)
		e = buf_put_u32(b, r->id);
	if (e == ERR_OK)
		e = sftp_fields_put(layout->fields, r, b);
	return sftp_packet_end(b, begin, e);
}

/* Are the names exactly n_names well-formed entries? Each takes bytes,
 * so a false count ends soon. */
static bool
names_are_sound(struct slice names, uint32_t n_names)
{
	struct rd cursor = rd_of(names);
	struct sftp_name name;
	uint32_t n = 0;

	while (n < n_names && sftp_names_next(&cursor, &name))
		n++;
	return n == n_names && rd_done(&cursor) == ERR_OK;
}

enum err
sftp_response_decode(struct slice packet, struct sftp_response *ret_r)
{
	struct rd r = rd_of(packet);

	*ret_r = (struct sftp_response){.type = rd_u8(&r)};
	const struct response_layout *layout = layout_find(ret_r->type);
	if (layout == NULL)
		return ERR_FORMAT;
	if (ret_r->type != SSH_FXP_VERSION)
		ret_r->id = rd_u32(&r);
	sftp_fields_get(layout->fields, &r, ret_r);
	enum err e = rd_done(&r);
	if (e == ERR_OK && ret_r->type == SSH_FXP_NAME &&
	    !names_are_sound(ret_r->names, ret_r->n_names))
		e = ERR_FORMAT;
	return e;
}

/* Before the content of a DATA: its packet's length, the type, the id, the content's length. */
enum { DATA_HEADER_LEN = SFTP_HEADER_LEN + 1 + 4 + 4 };

enum err
sftp_data_reserve(struct buf *b, size_t len, uint8_t **ret_content)
{
	uint8_t *packet;

	BUG_ON(len > SFTP_READ_MAX);
	enum err e = buf_reserve(b, DATA_HEADER_LEN + len, &packet);
	if (e == ERR_OK)
		*ret_content = packet + DATA_HEADER_LEN;
	return e;
}

void
sftp_data_commit(struct buf *b, uint32_t id, uint8_t *content, size_t len)
{
	uint8_t *packet = content - DATA_HEADER_LEN;

	BUG_ON(len == 0 || len > SFTP_READ_MAX);
	be32_store(packet, (uint32_t)(DATA_HEADER_LEN - SFTP_HEADER_LEN + len));
	packet[4] = SSH_FXP_DATA;
	be32_store(packet + 5, id);
	be32_store(packet + 9, (uint32_t)len);
	buf_commit(b, DATA_HEADER_LEN + len);
}

/* Before the entries of a NAME: its packet's length, the type, the id, the number of entries. */
enum { NAMES_HEADER_LEN = SFTP_HEADER_LEN + 1 + 4 + 4, NAMES_COUNT_AT = NAMES_HEADER_LEN - 4 };

enum err
sftp_names_begin(struct buf *b, uint32_t id, size_t *ret_begin)
{
	uint8_t header[NAMES_HEADER_LEN] = {0, 0, 0, 0, SSH_FXP_NAME};

	be32_store(header + 5, id);
	*ret_begin = buf_len(b);
	return buf_put(b, header, sizeof header);
}

void
sftp_names_end(struct buf *b, size_t begin, uint32_t n_names)
{
	size_t len = buf_len(b) - begin;

	if (n_names == 0) {
		buf_unput(b, len);
		return;
	}
	BUG_ON(len - SFTP_HEADER_LEN > SFTP_PACKET_MAX);
	buf_patch_u32(b, begin, (uint32_t)(len - SFTP_HEADER_LEN));
	buf_patch_u32(b, begin + NAMES_COUNT_AT, n_names);
}

enum err
sftp_name_put(struct buf *b, const struct sftp_name *name)
{
	enum err e = buf_put_string(b, name->filename);

	if (e == ERR_OK)
		e = buf_put_string(b, name->longname);
	if (e == ERR_OK)
		e = sftp_attrs_put(b, &name->attrs);
	return e;
}

bool
sftp_names_next(struct rd *cursor, struct sftp_name *ret_name)
{
	if (cursor->failed || cursor->left == 0)
		return false;
	ret_name->filename = rd_string(cursor, SFTP_PATH_MAX);
	ret_name->longname = rd_string(cursor, SFTP_TEXT_MAX);
	sftp_attrs_get(cursor, &ret_name->attrs);
	return !cursor->failed;
}

enum err
sftp_limits_put(struct buf *b, const struct sftp_limits *l)
{
	const uint64_t values[] = {l->max_packet, l->max_read, l->max_write, l->max_handles};
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(values) && e == ERR_OK; i++)
		e = buf_put_u64(b, values[i]);
	return e;
}

enum err
sftp_limits_get(struct slice body, struct sftp_limits *ret_l)
{
	struct rd r = rd_of(body);

	ret_l->max_packet = rd_u64(&r);
	ret_l->max_read = rd_u64(&r);
	ret_l->max_write = rd_u64(&r);
	ret_l->max_handles = rd_u64(&r);
	return rd_done(&r);
}

/* The members of struct sftp_fs_statvfs in the order of the wire, which is that of the struct. */
static const size_t STATVFS_OFFSETS[] = {
    offsetof(struct sftp_fs_statvfs, f_bsize),
    offsetof(struct sftp_fs_statvfs, f_frsize),
    offsetof(struct sftp_fs_statvfs, f_blocks),
    offsetof(struct sftp_fs_statvfs, f_bfree),
    offsetof(struct sftp_fs_statvfs, f_bavail),
    offsetof(struct sftp_fs_statvfs, f_files),
    offsetof(struct sftp_fs_statvfs, f_ffree),
    offsetof(struct sftp_fs_statvfs, f_favail),
    offsetof(struct sftp_fs_statvfs, f_fsid),
    offsetof(struct sftp_fs_statvfs, f_flag),
    offsetof(struct sftp_fs_statvfs, f_namemax),
};

enum err
sftp_statvfs_put(struct buf *b, const struct sftp_fs_statvfs *st)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(STATVFS_OFFSETS) && e == ERR_OK; i++) {
		uint64_t value;
		memcpy(&value, (const uint8_t *)st + STATVFS_OFFSETS[i], sizeof value);
		e = buf_put_u64(b, value);
	}
	return e;
}

enum err
sftp_statvfs_get(struct slice body, struct sftp_fs_statvfs *ret_st)
{
	struct rd r = rd_of(body);

	for (size_t i = 0; i < ARRAY_LEN(STATVFS_OFFSETS); i++) {
		uint64_t value = rd_u64(&r);
		memcpy((uint8_t *)ret_st + STATVFS_OFFSETS[i], &value, sizeof value);
	}
	return rd_done(&r);
}
