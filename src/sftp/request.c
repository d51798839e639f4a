#include "sftp/request.h"

#include "base/bug.h"
#include "base/rd.h"
#include "sftp/field.h"

struct request_layout {
	uint8_t type;
	const char *extension; /* of SSH_FXP_EXTENDED */
	struct sftp_field fields[SFTP_FIELDS_MAX];
};

#define F(kind_, member)                                                                    \
	{                                                                                   \
		.kind = SFTP_FIELD_##kind_, .offset = offsetof(struct sftp_request, member) \
	}
#define CHECK_FIELDS F(TEXT, algorithms), F(U64, offset), F(U64, range_length), F(U32, block_size)

/* After the type stand the id (but for INIT), the extension's name, and the fields. */
static const struct request_layout LAYOUTS[SFTP_N_REQUESTS] = {
    [SFTP_REQ_INIT] = {SSH_FXP_INIT, NULL, {F(U32, version), F(PAIRS, pairs)}},
    [SFTP_REQ_OPEN] = {SSH_FXP_OPEN, NULL, {F(PATH, path), F(U32, pflags), F(ATTRS, attrs)}},
    [SFTP_REQ_CLOSE] = {SSH_FXP_CLOSE, NULL, {F(HANDLE, handle)}},
    [SFTP_REQ_READ] = {SSH_FXP_READ, NULL, {F(HANDLE, handle), F(U64, offset), F(U32, length)}},
    /*
     * Behind a file's last piece Go's pkg/sftp 1.13.5 (in the rclone of Debian 12) sends the rest
     * of its buffer, and every server reads over that.
     */
    [SFTP_REQ_WRITE] = {SSH_FXP_WRITE, NULL,
	{F(HANDLE, handle), F(U64, offset), F(DATA, data), {SFTP_FIELD_SLACK}}},
    [SFTP_REQ_LSTAT] = {SSH_FXP_LSTAT, NULL, {F(PATH, path)}},
    [SFTP_REQ_FSTAT] = {SSH_FXP_FSTAT, NULL, {F(HANDLE, handle)}},
    [SFTP_REQ_SETSTAT] = {SSH_FXP_SETSTAT, NULL, {F(PATH, path), F(ATTRS, attrs)}},
    [SFTP_REQ_FSETSTAT] = {SSH_FXP_FSETSTAT, NULL, {F(HANDLE, handle), F(ATTRS, attrs)}},
    [SFTP_REQ_OPENDIR] = {SSH_FXP_OPENDIR, NULL, {F(PATH, path)}},
    [SFTP_REQ_READDIR] = {SSH_FXP_READDIR, NULL, {F(HANDLE, handle)}},
    [SFTP_REQ_REMOVE] = {SSH_FXP_REMOVE, NULL, {F(PATH, path)}},
    [SFTP_REQ_MKDIR] = {SSH_FXP_MKDIR, NULL, {F(PATH, path), F(ATTRS, attrs)}},
    [SFTP_REQ_RMDIR] = {SSH_FXP_RMDIR, NULL, {F(PATH, path)}},
    [SFTP_REQ_REALPATH] = {SSH_FXP_REALPATH, NULL, {F(PATH, path)}},
    [SFTP_REQ_STAT] = {SSH_FXP_STAT, NULL, {F(PATH, path)}},
    [SFTP_REQ_RENAME] = {SSH_FXP_RENAME, NULL, {F(PATH, path), F(PATH, to)}},
    [SFTP_REQ_READLINK] = {SSH_FXP_READLINK, NULL, {F(PATH, path)}},
    /*
     * The draft (6.10) says linkpath, then targetpath. OpenSSH's sftp-server read them the other
     * way round from its first release on, so every client does: the target (path), then the link.
     */
    [SFTP_REQ_SYMLINK] = {SSH_FXP_SYMLINK, NULL, {F(PATH, path), F(PATH, to)}},
    [SFTP_REQ_POSIX_RENAME] = {SSH_FXP_EXTENDED, SFTP_EXT_POSIX_RENAME,
	{F(PATH, path), F(PATH, to)}},
    [SFTP_REQ_STATVFS] = {SSH_FXP_EXTENDED, SFTP_EXT_STATVFS, {F(PATH, path)}},
    [SFTP_REQ_FSTATVFS] = {SSH_FXP_EXTENDED, SFTP_EXT_FSTATVFS, {F(HANDLE, handle)}},
    [SFTP_REQ_HARDLINK] = {SSH_FXP_EXTENDED, SFTP_EXT_HARDLINK, {F(PATH, path), F(PATH, to)}},
    [SFTP_REQ_FSYNC] = {SSH_FXP_EXTENDED, SFTP_EXT_FSYNC, {F(HANDLE, handle)}},
    [SFTP_REQ_LSETSTAT] = {SSH_FXP_EXTENDED, SFTP_EXT_LSETSTAT, {F(PATH, path), F(ATTRS, attrs)}},
    [SFTP_REQ_LIMITS] = {SSH_FXP_EXTENDED, SFTP_EXT_LIMITS, {{SFTP_FIELD_END}}},
    [SFTP_REQ_EXPAND_PATH] = {SSH_FXP_EXTENDED, SFTP_EXT_EXPAND_PATH, {F(PATH, path)}},
    [SFTP_REQ_HOME_DIRECTORY] = {SSH_FXP_EXTENDED, SFTP_EXT_HOME_DIRECTORY, {F(PATH, user)}},
    [SFTP_REQ_USERS_GROUPS] = {SSH_FXP_EXTENDED, SFTP_EXT_USERS_GROUPS,
	{F(DATA, uids), F(DATA, gids)}},
    [SFTP_REQ_COPY_DATA] = {SSH_FXP_EXTENDED, SFTP_EXT_COPY_DATA,
	{F(HANDLE, handle), F(U64, offset), F(U64, range_length), F(HANDLE, to_handle),
	    F(U64, to_offset)}},
    [SFTP_REQ_CHECK_FILE] = {SSH_FXP_EXTENDED, SFTP_EXT_CHECK_FILE,
	{F(HANDLE, handle), CHECK_FIELDS}},
    [SFTP_REQ_CHECK_FILE_HANDLE] = {SSH_FXP_EXTENDED, SFTP_EXT_CHECK_FILE_HANDLE,
	{F(HANDLE, handle), CHECK_FIELDS}},
    [SFTP_REQ_CHECK_FILE_NAME] = {SSH_FXP_EXTENDED, SFTP_EXT_CHECK_FILE_NAME,
	{F(PATH, path), CHECK_FIELDS}},
};
#undef CHECK_FIELDS
#undef F

const char *
sftp_request_extension(enum sftp_request_kind kind)
{
	BUG_ON((unsigned)kind >= SFTP_N_REQUESTS);
	return LAYOUTS[kind].extension;
}

enum err
sftp_request_encode(const struct sftp_request *r, struct buf *b)
{
	BUG_ON((unsigned)r->kind >= SFTP_N_REQUESTS);
	const struct request_layout *layout = &LAYOUTS[r->kind];
	enum err e;
	size_t begin = sftp_packet_begin(b, &e);

	if (e == ERR_OK)
		e = buf_put_u8(b, layout->type);
	if (e == ERR_OK && r->kind != SFTP_REQ_INIT)
		e = buf_put_u32(b, r->id);
	if (e == ERR_OK && layout->extension != NULL)
		e = buf_put_string(b, slice_str(layout->extension));
	if (e == ERR_OK)
		e = sftp_fields_put(layout->fields, r, b);
	return sftp_packet_end(b, begin, e);
}

/* The kind of a request by its type and, for EXTENDED, its name; SFTP_N_REQUESTS: no such. */
static enum sftp_request_kind
request_find(uint8_t type, struct slice extension)
{
	enum sftp_request_kind kind;

	/* Version 3's types are numbered in the order of the enum, with a gap at VERSION. */
	if (type >= SSH_FXP_OPEN && type <= SSH_FXP_SYMLINK)
		return (enum sftp_request_kind)(type - SSH_FXP_OPEN + SFTP_REQ_OPEN);
	if (type != SSH_FXP_EXTENDED)
		return SFTP_N_REQUESTS;
	for (kind = SFTP_REQ_POSIX_RENAME; kind < SFTP_N_REQUESTS; kind++) {
		if (slice_is(extension, LAYOUTS[kind].extension))
			break;
	}
	return kind;
}

enum err
sftp_request_decode(struct slice packet, struct sftp_request *ret_r)
{
	struct rd r = rd_of(packet);
	struct slice extension = slice_of(NULL, 0);

	*ret_r = (struct sftp_request){.kind = SFTP_REQ_INIT};
	uint8_t type = rd_u8(&r);
	if (type != SSH_FXP_INIT) {
		ret_r->id = rd_u32(&r);
		ret_r->has_id = !r.failed;
		if (type == SSH_FXP_EXTENDED)
			extension = rd_string(&r, SFTP_TEXT_MAX);
		if (r.failed)
			return ERR_FORMAT;
		ret_r->kind = request_find(type, extension);
		if (ret_r->kind == SFTP_N_REQUESTS)
			return ERR_UNSUPPORTED;
	}
	BUG_ON(LAYOUTS[ret_r->kind].type != type);
	sftp_fields_get(LAYOUTS[ret_r->kind].fields, &r, ret_r);
	return rd_done(&r);
}
