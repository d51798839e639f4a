/* Requests on paths, and those on nothing. */
#include "base/bug.h"
#include "sftp/serve.h"
#include "sftp/status.h"

typedef struct sftp_result stat_op(void *fs, struct slice path, struct sftp_attrs *ret_attrs);

static struct sftp_result
stat_by(struct sftp_server *s, const struct sftp_request *r, stat_op *op)
{
	struct sftp_response response = {.type = SSH_FXP_ATTRS, .id = r->id};
	struct sftp_result result = op(s->fs, r->path, &response.attrs);

	return result.status == SSH_FX_OK ? serve_answer(s, &response) : result;
}

struct sftp_result
serve_stat(struct sftp_server *s, const struct sftp_request *r)
{
	return stat_by(s, r, s->ops->stat);
}

struct sftp_result
serve_lstat(struct sftp_server *s, const struct sftp_request *r)
{
	return stat_by(s, r, s->ops->lstat);
}

struct sftp_result
serve_setstat(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->setstat(s->fs, r->path, &r->attrs);
}

struct sftp_result
serve_lsetstat(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->lsetstat(s->fs, r->path, &r->attrs);
}

struct sftp_result
serve_remove(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->remove(s->fs, r->path);
}

struct sftp_result
serve_mkdir(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->mkdir(s->fs, r->path, &r->attrs);
}

struct sftp_result
serve_rmdir(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->rmdir(s->fs, r->path);
}

/* Section 6.5: "It is an error if there already exists a file with the name specified". */
struct sftp_result
serve_rename(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->rename(s->fs, r->path, r->to, false);
}

struct sftp_result
serve_posix_rename(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->rename(s->fs, r->path, r->to, true);
}

struct sftp_result
serve_link(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->link(s->fs, r->path, r->to);
}

/* r->path is the target and r->to the link: see the table of layouts in request.c. */
struct sftp_result
serve_symlink(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->symlink(s->fs, r->path, r->to);
}

struct sftp_result
serve_one_name(struct sftp_server *s, uint32_t id, struct slice name)
{
	struct buf names _cleanup_(buf_fini);

	buf_init(&names, 2 * SFTP_PATH_MAX + 64);
	/* Section 6.11: the attributes of this entry are dummies. */
	enum err e = sftp_name_put(&names, &(struct sftp_name){.filename = name, .longname = name});
	if (e != ERR_OK)
		return sftp_result_of(e);
	return serve_answer(s, &(struct sftp_response){
				   .type = SSH_FXP_NAME,
				   .id = id,
				   .n_names = 1,
				   .names = buf_slice(&names),
			       });
}

typedef struct sftp_result name_op(void *fs, struct slice path, struct buf *ret_name);

static struct sftp_result
name_by(struct sftp_server *s, uint32_t id, struct slice path, name_op *op)
{
	struct buf name _cleanup_(buf_fini);

	buf_init(&name, SFTP_PATH_MAX);
	struct sftp_result result = op(s->fs, path, &name);
	if (result.status != SSH_FX_OK)
		return result;
	return serve_one_name(s, id, buf_slice(&name));
}

struct sftp_result
serve_realpath(struct sftp_server *s, const struct sftp_request *r)
{
	return name_by(s, r->id, r->path, s->ops->realpath);
}

struct sftp_result
serve_readlink(struct sftp_server *s, const struct sftp_request *r)
{
	return name_by(s, r->id, r->path, s->ops->readlink);
}

static struct sftp_result
put_home(struct sftp_server *s, struct slice user, struct buf *path)
{
	if (s->ops->home != NULL)
		return s->ops->home(s->fs, user, path);
	if (user.len > 0)
		return serve_status(SSH_FX_NO_SUCH_FILE, "no such user");
	return sftp_result_of(buf_put_u8(path, '.'));
}

/* "~" and "~/x" begin at home, "~user/x" at another's. */
struct sftp_result
serve_expand_path(struct sftp_server *s, const struct sftp_request *r)
{
	struct buf path _cleanup_(buf_fini);
	struct slice user;

	buf_init(&path, 2 * SFTP_PATH_MAX);
	if (!slice_starts_with(r->path, slice_str("~")))
		return name_by(
		    s, r->id, r->path.len == 0 ? slice_str(".") : r->path, s->ops->realpath);
	struct slice rest = slice_cut(slice_of(r->path.ptr + 1, r->path.len - 1), '/', &user);
	struct sftp_result result = put_home(s, user, &path);
	if (result.status != SSH_FX_OK)
		return result;
	/* "~//x" is "~/x", as everywhere. */
	enum err e = buf_put_u8(&path, '/');
	if (e == ERR_OK)
		e = buf_put(&path, rest.ptr, rest.len);
	if (e == ERR_OK && buf_len(&path) > SFTP_PATH_MAX)
		e = ERR_NAMETOOLONG;
	return e == ERR_OK ? name_by(s, r->id, buf_slice(&path), s->ops->realpath)
			   : sftp_result_of(e);
}

/* Where there is only one home, it is that whatever the user is called. */
struct sftp_result
serve_home_directory(struct sftp_server *s, const struct sftp_request *r)
{
	return s->ops->home != NULL ? name_by(s, r->id, r->user, s->ops->home)
				    : name_by(s, r->id, slice_str("."), s->ops->realpath);
}

struct sftp_result
serve_extended(struct sftp_server *s, uint32_t id, const struct buf *body)
{
	return serve_answer(s, &(struct sftp_response){
				   .type = SSH_FXP_EXTENDED_REPLY,
				   .id = id,
				   .extended = buf_slice(body),
			       });
}

struct sftp_result
serve_statvfs_body(struct sftp_server *s, uint32_t id, const struct sftp_fs_statvfs *st)
{
	struct buf body _cleanup_(buf_fini);

	buf_init(&body, 256);
	enum err e = sftp_statvfs_put(&body, st);
	return e == ERR_OK ? serve_extended(s, id, &body) : sftp_result_of(e);
}

struct sftp_result
serve_statvfs(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_fs_statvfs st = {0};
	struct sftp_result result = s->ops->statvfs(s->fs, r->path, &st);

	return result.status == SSH_FX_OK ? serve_statvfs_body(s, r->id, &st) : result;
}

struct sftp_result
serve_limits(struct sftp_server *s, const struct sftp_request *r)
{
	const struct sftp_limits limits = {
	    .max_packet = SFTP_PACKET_MAX,
	    .max_read = SFTP_READ_MAX,
	    .max_write = SFTP_WRITE_ADVISED,
	    .max_handles = s->limits.max_handles,
	};
	struct buf body _cleanup_(buf_fini);

	buf_init(&body, 64);
	enum err e = sftp_limits_put(&body, &limits);
	return e == ERR_OK ? serve_extended(s, r->id, &body) : sftp_result_of(e);
}
