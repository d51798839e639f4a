/* The requests that the client engine offers, each a filled struct. */
#include "sftp/client.h"
#include "sftp/submit.h"

#define SUBMIT(...) sftp_client_submit(c, &(struct sftp_request){__VA_ARGS__}, fn, ctx)

static struct sftp_attrs
attrs_or_none(const struct sftp_attrs *attrs)
{
	return attrs == NULL ? (struct sftp_attrs){0} : *attrs;
}

enum err
sftp_client_open(struct sftp_client *c, struct slice path, uint32_t pflags,
    const struct sftp_attrs *attrs, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_OPEN, .path = path, .pflags = pflags,
	    .attrs = attrs_or_none(attrs));
}

enum err
sftp_client_close(struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_CLOSE, .handle = handle);
}

enum err
sftp_client_read(struct sftp_client *c, struct slice handle, uint64_t offset, uint32_t len,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_READ, .handle = handle, .offset = offset, .length = len);
}

enum err
sftp_client_write(struct sftp_client *c, struct slice handle, uint64_t offset, struct slice data,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_WRITE, .handle = handle, .offset = offset, .data = data);
}

enum err
sftp_client_fstat(struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_FSTAT, .handle = handle);
}

enum err
sftp_client_setstat(struct sftp_client *c, struct slice path, const struct sftp_attrs *attrs,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_SETSTAT, .path = path, .attrs = attrs_or_none(attrs));
}

enum err
sftp_client_fsetstat(struct sftp_client *c, struct slice handle, const struct sftp_attrs *attrs,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_FSETSTAT, .handle = handle, .attrs = attrs_or_none(attrs));
}

enum err
sftp_client_readdir(struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_READDIR, .handle = handle);
}

enum err
sftp_client_mkdir(struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_MKDIR, .path = path);
}

enum err
sftp_client_mkdir_with(struct sftp_client *c, struct slice path, const struct sftp_attrs *attrs,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_MKDIR, .path = path, .attrs = attrs_or_none(attrs));
}

enum err
sftp_client_fsync(struct sftp_client *c, struct slice handle, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_FSYNC, .handle = handle);
}

enum err
sftp_client_symlink(
    struct sftp_client *c, struct slice target, struct slice link, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_SYMLINK, .path = target, .to = link);
}

enum err
sftp_client_lsetstat(struct sftp_client *c, struct slice path, const struct sftp_attrs *attrs,
    sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_LSETSTAT, .path = path, .attrs = attrs_or_none(attrs));
}

enum err
sftp_client_copy_data(struct sftp_client *c, struct slice from, struct sftp_range range,
    struct slice to, uint64_t to_offset, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_COPY_DATA, .handle = from, .offset = range.offset,
	    .range_length = range.len, .to_handle = to, .to_offset = to_offset);
}

enum err
sftp_client_check_file_handle(struct sftp_client *c, struct slice handle, struct slice algorithms,
    struct sftp_range range, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_CHECK_FILE_HANDLE, .handle = handle,
	    .algorithms = algorithms, .offset = range.offset, .range_length = range.len);
}

enum err
sftp_client_check_file_name(struct sftp_client *c, struct slice path, struct slice algorithms,
    struct sftp_range range, sftp_reply_fn *fn, void *ctx)
{
	return SUBMIT(.kind = SFTP_REQ_CHECK_FILE_NAME, .path = path, .algorithms = algorithms,
	    .offset = range.offset, .range_length = range.len);
}

/* Requests of one path. */
#define PATH_REQUEST(name, KIND)                                                    \
	enum err sftp_client_##name(                                                \
	    struct sftp_client *c, struct slice path, sftp_reply_fn *fn, void *ctx) \
	{                                                                           \
		return SUBMIT(.kind = SFTP_REQ_##KIND, .path = path);               \
	}
PATH_REQUEST(stat, STAT)
PATH_REQUEST(lstat, LSTAT)
PATH_REQUEST(opendir, OPENDIR)
PATH_REQUEST(remove, REMOVE)
PATH_REQUEST(rmdir, RMDIR)
PATH_REQUEST(realpath, REALPATH)
PATH_REQUEST(readlink, READLINK)
PATH_REQUEST(statvfs, STATVFS)
PATH_REQUEST(expand_path, EXPAND_PATH)

/* Requests of two paths. */
#define RENAME_REQUEST(name, KIND)                                                             \
	enum err sftp_client_##name(struct sftp_client *c, struct slice from, struct slice to, \
	    sftp_reply_fn *fn, void *ctx)                                                      \
	{                                                                                      \
		return SUBMIT(.kind = SFTP_REQ_##KIND, .path = from, .to = to);                \
	}
RENAME_REQUEST(rename, RENAME)
RENAME_REQUEST(posix_rename, POSIX_RENAME)
RENAME_REQUEST(hardlink, HARDLINK)
