#include "client/ask.h"

#include <stdlib.h>

#include "client/ask_internal.h"
#include "sftp/proto.h"
#include "sftp/response.h"

void
ask_set_interrupt(struct remote *r, int fd)
{
	r->interrupt_fd = fd;
}

enum err
ask_wait(struct remote *r, const bool *until)
{
	bool interrupted = false;
	enum err e = ERR_OK;

	while (!*until && e == ERR_OK) {
		if (remote_turn(r))
			continue;
		if (r->lost)
			e = r->lost_error;
		else
			e = remote_wait(&r, 1, r->interrupt_fd, -1, &interrupted);
		if (e == ERR_OK && interrupted && !*until)
			e = ERR_AGAIN;
	}
	return *until ? ERR_OK : e;
}

void
ask_tell_wait(struct remote *r, enum err e, const char *what, struct slice path,
    struct ask_answer *ret_answer)
{
	const char *why = r->lost ? r->lost_story.text : err_text(e);

	refusal_own(ret_answer, what, path, e, e == ERR_AGAIN ? "interrupted" : why);
}

static void
ask_drop(struct sftp_client_job *job)
{
	free(job);
}

static void
ask_free(struct ask *k)
{
	LIST_REMOVE(&k->job, entry);
	free(k);
}

struct ask *
ask_new(struct remote *r, const char *what, struct slice path, struct ask_answer *ret_answer)
{
	struct ask *k = calloc(1, sizeof *k);

	*ret_answer = (struct ask_answer){.error = ERR_OK};
	if (k == NULL) {
		refusal_own(ret_answer, what, path, ERR_NOMEM, err_text(ERR_NOMEM));
		return NULL;
	}
	k->remote = r;
	k->what = what;
	k->path = path;
	k->answer = ret_answer;
	k->job.drop = ask_drop;
	sftp_client_attach(r->sftp, &k->job);
	return k;
}

void
ask_on_answer(void *ctx, const struct sftp_reply *reply)
{
	struct ask *k = ctx;

	if (k->left) {
		ask_free(k);
		return;
	}
	k->answered = true;
	if (reply->status != SSH_FX_OK)
		refusal_tell(k->answer, k->what, k->path, reply);
	else if (k->take != NULL && !k->take(k, reply))
		refusal_own(
		    k->answer, k->what, k->path, ERR_FORMAT, "the server's answer makes no sense");
}

bool
ask_end(struct ask *k, enum err e)
{
	struct remote *r = k->remote;
	bool submitted = e == ERR_OK;

	if (submitted)
		e = ask_wait(r, &k->answered);
	if (e != ERR_OK)
		ask_tell_wait(r, e, k->what, k->path, k->answer);
	bool done = k->answer->error == ERR_OK;
	if (submitted && !k->answered)
		k->left = true;
	else
		ask_free(k);
	return done;
}

static bool
take_attrs(struct ask *k, const struct sftp_reply *reply)
{
	*(struct sftp_attrs *)k->ret = reply->attrs;
	return true;
}

static bool
take_name(struct ask *k, const struct sftp_reply *reply)
{
	struct rd cursor = rd_of(reply->names);
	struct sftp_name name;

	return sftp_names_next(&cursor, &name) &&
	       buf_put(k->ret, name.filename.ptr, name.filename.len) == ERR_OK;
}

/* Questions of one path: what is said of a failure, how it is asked, what is taken of the answer.
 */
#define ASK_PATH(name, words, ask_take, RET_DECL, ret_value)                                \
	bool ask_##name(struct remote *r, struct slice path RET_DECL, struct ask_answer *a) \
	{                                                                                   \
		struct ask *k = ask_new(r, words, path, a);                                 \
		if (k == NULL)                                                              \
			return false;                                                       \
		k->take = ask_take;                                                         \
		k->ret = ret_value;                                                         \
		return ask_end(k, sftp_client_##name(r->sftp, path, ask_on_answer, k));     \
	}
#define RET_NONE
#define RET_ATTRS , struct sftp_attrs *ret
#define RET_PATH  , struct buf *ret_path
ASK_PATH(stat, "looking at", take_attrs, RET_ATTRS, ret)
ASK_PATH(lstat, "looking at", take_attrs, RET_ATTRS, ret)
ASK_PATH(realpath, "finding the path of", take_name, RET_PATH, ret_path)
ASK_PATH(expand_path, "expanding", take_name, RET_PATH, ret_path)
ASK_PATH(readlink, "reading the link", take_name, RET_PATH, ret_path)
ASK_PATH(rmdir, "removing the directory", NULL, RET_NONE, NULL)
ASK_PATH(remove, "removing", NULL, RET_NONE, NULL)

bool
ask_mkdir(struct remote *r, struct slice path, uint32_t mode, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "making the directory", path, a);

	if (k == NULL)
		return false;
	const struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = mode};
	return ask_end(k, sftp_client_mkdir_with(r->sftp, path, &attrs, ask_on_answer, k));
}

bool
ask_rename(struct remote *r, struct slice from, struct slice to, bool legacy, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "renaming", from, a);

	if (k == NULL)
		return false;
	if (!legacy && r->habits.posix_rename)
		return ask_end(k, sftp_client_posix_rename(r->sftp, from, to, ask_on_answer, k));
	return ask_end(k, sftp_client_rename(r->sftp, from, to, ask_on_answer, k));
}

bool
ask_symlink(struct remote *r, struct slice target, struct slice link, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "making the link", link, a);

	if (k == NULL)
		return false;
	return ask_end(k, sftp_client_symlink(r->sftp, target, link, ask_on_answer, k));
}

bool
ask_hardlink(struct remote *r, struct slice target, struct slice link, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "making the link", link, a);

	if (k == NULL)
		return false;
	return ask_end(k, sftp_client_hardlink(r->sftp, target, link, ask_on_answer, k));
}

bool
ask_setstat(struct remote *r, struct slice path, const struct sftp_attrs *attrs, bool follow,
    struct ask_answer *a)
{
	struct ask *k = ask_new(r, "setting the attributes of", path, a);

	if (k == NULL)
		return false;
	if (follow)
		return ask_end(k, sftp_client_setstat(r->sftp, path, attrs, ask_on_answer, k));
	return ask_end(k, sftp_client_lsetstat(r->sftp, path, attrs, ask_on_answer, k));
}

static bool
take_statvfs(struct ask *k, const struct sftp_reply *reply)
{
	return sftp_statvfs_get(reply->extended, k->ret) == ERR_OK;
}

bool
ask_statvfs(struct remote *r, struct slice path, struct sftp_fs_statvfs *ret, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "looking at the file system of", path, a);

	if (k == NULL)
		return false;
	k->take = take_statvfs;
	k->ret = ret;
	return ask_end(k, sftp_client_statvfs(r->sftp, path, ask_on_answer, k));
}
