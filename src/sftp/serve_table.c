/* The one table of what the server does: dispatch, read-only mode and VERSION are made from it. */
#include "base/bug.h"
#include "sftp/serve.h"

#define OP(op)    .needs_op = true, .ops_offset = offsetof(struct sftp_fs_ops, op)
#define CHANGES   .changes = true
#define LATER     .later = true
#define OFFERS(v) .advertised = (v)

/* INIT is the engine's own. */
static const struct serve_handler HANDLERS[SFTP_N_REQUESTS] = {
    [SFTP_REQ_OPEN] = {"open", serve_open, OP(open)},
    [SFTP_REQ_CLOSE] = {"close", serve_close, LATER},
    [SFTP_REQ_READ] = {"read", serve_read, OP(read)},
    [SFTP_REQ_WRITE] = {"write", serve_write, CHANGES, OP(write)},
    [SFTP_REQ_LSTAT] = {"lstat", serve_lstat, OP(lstat)},
    [SFTP_REQ_FSTAT] = {"fstat", serve_fstat, OP(fstat)},
    [SFTP_REQ_SETSTAT] = {"setstat", serve_setstat, CHANGES, OP(setstat)},
    [SFTP_REQ_FSETSTAT] = {"fsetstat", serve_fsetstat, CHANGES, OP(fsetstat)},
    [SFTP_REQ_OPENDIR] = {"opendir", serve_opendir, OP(opendir)},
    [SFTP_REQ_READDIR] = {"readdir", serve_readdir, OP(readdir)},
    [SFTP_REQ_REMOVE] = {"remove", serve_remove, CHANGES, OP(remove)},
    [SFTP_REQ_MKDIR] = {"mkdir", serve_mkdir, CHANGES, OP(mkdir)},
    [SFTP_REQ_RMDIR] = {"rmdir", serve_rmdir, CHANGES, OP(rmdir)},
    [SFTP_REQ_REALPATH] = {"realpath", serve_realpath, OP(realpath)},
    [SFTP_REQ_STAT] = {"stat", serve_stat, OP(stat)},
    [SFTP_REQ_RENAME] = {"rename", serve_rename, CHANGES, OP(rename)},
    [SFTP_REQ_READLINK] = {"readlink", serve_readlink, OP(readlink)},
    [SFTP_REQ_SYMLINK] = {"symlink", serve_symlink, CHANGES, OP(symlink)},
    [SFTP_REQ_POSIX_RENAME] = {"posix-rename", serve_posix_rename, CHANGES, OP(rename),
	OFFERS("1")},
    [SFTP_REQ_STATVFS] = {"statvfs", serve_statvfs, OP(statvfs), OFFERS("2")},
    [SFTP_REQ_FSTATVFS] = {"fstatvfs", serve_fstatvfs, OP(fstatvfs), OFFERS("2")},
    [SFTP_REQ_HARDLINK] = {"hardlink", serve_link, CHANGES, OP(link), OFFERS("1")},
    [SFTP_REQ_FSYNC] = {"fsync", serve_fsync, CHANGES, OP(fsync), OFFERS("1")},
    [SFTP_REQ_LSETSTAT] = {"lsetstat", serve_lsetstat, CHANGES, OP(lsetstat), OFFERS("1")},
    [SFTP_REQ_LIMITS] = {"limits", serve_limits, OFFERS("1")},
    [SFTP_REQ_EXPAND_PATH] = {"expand-path", serve_expand_path, OP(realpath), OFFERS("1")},
    [SFTP_REQ_HOME_DIRECTORY] = {"home-directory", serve_home_directory, OP(realpath), OFFERS("1")},
    [SFTP_REQ_USERS_GROUPS] = {"users-groups-by-id", serve_users_groups, OP(user_name),
	OFFERS("1")},
    [SFTP_REQ_COPY_DATA] = {"copy-data", serve_copy_data, CHANGES, LATER, OP(copy), OFFERS("1")},
    /* One name is offered, with our algorithms (check-file's section 3), for all three. */
    [SFTP_REQ_CHECK_FILE] = {"check-file", serve_check_handle, LATER, OP(peek),
	OFFERS("sha256,sha1,md5")},
    [SFTP_REQ_CHECK_FILE_HANDLE] = {"check-file-handle", serve_check_handle, LATER, OP(peek)},
    [SFTP_REQ_CHECK_FILE_NAME] = {"check-file-name", serve_check_name, LATER, OP(peek)},
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

bool
serve_is_refused(const struct sftp_server *s, enum sftp_request_kind kind)
{
	return (s->refused >> kind & 1) != 0;
}

/* INIT, the first kind, can't be refused. */
const char *
sftp_server_request_name(unsigned i)
{
	return i + 1 < SFTP_N_REQUESTS ? HANDLERS[i + 1].name : NULL;
}

void
sftp_server_refuse(struct sftp_server *s, unsigned i)
{
	BUG_ON(s->greeted || i + 1 >= SFTP_N_REQUESTS);
	s->refused |= UINT64_C(1) << (i + 1);
}
