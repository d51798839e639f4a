/* The one table of what the server does: dispatch, read-only mode and VERSION are made from it. */
#include "base/bug.h"
#include "sftp/serve.h"

#define OP(name)  .needs_op = true, .ops_offset = offsetof(struct sftp_fs_ops, name)
#define CHANGES   .changes = true
#define OFFERS(v) .advertised = (v)

/*
 * HARDLINK, USERS_GROUPS and COPY_DATA have no row: they are not offered, and refused with
 * SSH_FX_OP_UNSUPPORTED, after which clients fall back on what version 3 has. INIT is the engine's
 * own.
 */
static const struct serve_handler HANDLERS[SFTP_N_REQUESTS] = {
    [SFTP_REQ_OPEN] = {serve_open, OP(open)},
    [SFTP_REQ_CLOSE] = {serve_close},
    [SFTP_REQ_READ] = {serve_read, OP(read)},
    [SFTP_REQ_WRITE] = {serve_write, CHANGES, OP(write)},
    [SFTP_REQ_LSTAT] = {serve_lstat, OP(lstat)},
    [SFTP_REQ_FSTAT] = {serve_fstat, OP(fstat)},
    [SFTP_REQ_SETSTAT] = {serve_setstat, CHANGES, OP(setstat)},
    [SFTP_REQ_FSETSTAT] = {serve_fsetstat, CHANGES, OP(fsetstat)},
    [SFTP_REQ_OPENDIR] = {serve_opendir, OP(opendir)},
    [SFTP_REQ_READDIR] = {serve_readdir, OP(readdir)},
    [SFTP_REQ_REMOVE] = {serve_remove, CHANGES, OP(remove)},
    [SFTP_REQ_MKDIR] = {serve_mkdir, CHANGES, OP(mkdir)},
    [SFTP_REQ_RMDIR] = {serve_rmdir, CHANGES, OP(rmdir)},
    [SFTP_REQ_REALPATH] = {serve_realpath, OP(realpath)},
    [SFTP_REQ_STAT] = {serve_stat, OP(stat)},
    [SFTP_REQ_RENAME] = {serve_rename, CHANGES, OP(rename)},
    [SFTP_REQ_READLINK] = {serve_readlink, OP(readlink)},
    [SFTP_REQ_SYMLINK] = {serve_symlink, CHANGES, OP(symlink)},
    [SFTP_REQ_POSIX_RENAME] = {serve_posix_rename, CHANGES, OP(rename), OFFERS("1")},
    [SFTP_REQ_STATVFS] = {serve_statvfs, OP(statvfs), OFFERS("2")},
    [SFTP_REQ_FSTATVFS] = {serve_fstatvfs, OP(fstatvfs), OFFERS("2")},
    [SFTP_REQ_FSYNC] = {serve_fsync, CHANGES, OP(fsync), OFFERS("1")},
    [SFTP_REQ_LSETSTAT] = {serve_lsetstat, CHANGES, OP(lsetstat), OFFERS("1")},
    [SFTP_REQ_LIMITS] = {serve_limits, OFFERS("1")},
    [SFTP_REQ_EXPAND_PATH] = {serve_expand_path, OP(realpath), OFFERS("1")},
    [SFTP_REQ_HOME_DIRECTORY] = {serve_home_directory, OP(realpath), OFFERS("1")},
};

/* Has the file system the operation? All members of the table are pointers to functions. */
static bool
has_op(const struct sftp_fs_ops *ops, size_t offset)
{
	void (*op)(void);

	memcpy(&op, (const uint8_t *)ops + offset, sizeof op);
	return op != NULL;
}

const struct serve_handler *
serve_handler(const struct sftp_server *s, enum sftp_request_kind kind)
{
	BUG_ON((unsigned)kind >= SFTP_N_REQUESTS);
	const struct serve_handler *h = &HANDLERS[kind];

	if (h->serve == NULL || (h->needs_op && !has_op(s->ops, h->ops_offset)))
		return NULL;
	return h;
}

bool
serve_changes(const struct sftp_request *r)
{
	if (r->kind == SFTP_REQ_OPEN)
		return (r->pflags & ~SSH_FXF_READ) != 0;
	return HANDLERS[r->kind].changes;
}
