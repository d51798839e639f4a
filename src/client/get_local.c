/* What get does with local files. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "client/get_internal.h"
#include "os/fd.h"
#include "os/file.h"

static void
fail_local(struct get *g, enum err e, const char *what)
{
	char name[256];
	struct story why;
	const char *local = job_task_item(&g->task)->local;

	story_set(&why, "%s: %s: %s", what, text_escape(slice_str(local), name, sizeof name),
	    err_text(e));
	if (!g->f->failed) {
		g->f->failed = true;
		g->f->error = e;
		g->f->story = why;
	}
}

bool
get_find_local(struct get *g)
{
	struct get_file *f = g->f;
	const struct job_item *item = job_task_item(&g->task);

	if (f->found)
		return true;
	fd_closep(&f->local.dir_fd);
	enum err e = local_target_find(
	    &f->local, item->local, job_task_root(&g->task), job_task_beneath(&g->task));
	/* Where the source may be a directory, too, that is nothing bad: it is asked again then. */
	if (e == ERR_ISDIR && !f->looked && (f->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) == 0)
		return true;
	if (e != ERR_OK)
		fail_local(g, e, "writing");
	f->found = e == ERR_OK;
	return f->found;
}

/* What makes a partial file one of this file. */
static struct slice
identity(const struct get *g, char dst[GET_IDENTITY_MAX])
{
	const struct sftp_attrs *a = &g->f->attrs;
	uint64_t size = a->flags & SSH_FILEXFER_ATTR_SIZE ? a->size : 0;
	uint32_t mtime = a->flags & SSH_FILEXFER_ATTR_ACMODTIME ? a->mtime : 0;

	(void)snprintf(dst, GET_IDENTITY_MAX, "%" PRIu64 " %" PRIu32 " %s", size, mtime,
	    job_task_item(&g->task)->remote);
	return slice_str(dst);
}

bool
get_open_local(struct get *g)
{
	struct get_file *f = g->f;
	char text[GET_IDENTITY_MAX];
	static const enum local_way WAYS[] = {
	    [JOB_RESUME_NONE] = LOCAL_FRESH,
	    [JOB_RESUME_OURS] = LOCAL_OURS,
	    [JOB_RESUME_TARGET] = LOCAL_IN_PLACE,
	};

	if (f->local.fd >= 0)
		return true;
	enum err e = local_target_open(&f->local, WAYS[f->options->resume],
	    job_task_root(&g->task) == NULL, identity(g, text));
	if (e == ERR_AGAIN)
		get_fail(g, ERR_AGAIN, "writing", "another process is writing to the target");
	else if (e != ERR_OK)
		fail_local(g, e, "writing");
	return e == ERR_OK;
}

/* A pipe has no offsets; what comes in order goes to it all the same. */
static enum err
write_at(struct get_file *f, uint64_t offset, struct slice data)
{
	enum err e = file_pwrite_all(f->local.fd, data.ptr, data.len, offset);

	if (e == ERR_IO && f->local.temp[0] == '\0' && offset == f->high)
		e = file_write_all(f->local.fd, data.ptr, data.len);
	return e;
}

bool
get_write(struct get *g, uint64_t offset, struct slice data)
{
	struct get_file *f = g->f;

	if (!get_open_local(g))
		return false;
	enum err e = write_at(f, offset, data);
	if (e != ERR_OK) {
		fail_local(g, e, "writing");
		return false;
	}
	if (offset + data.len > f->high)
		f->high = offset + data.len;
	return true;
}

bool
get_cut_local(struct get *g, uint64_t len)
{
	if (!get_open_local(g))
		return false;
	enum err e = local_target_cut(&g->f->local, len);
	if (e != ERR_OK)
		fail_local(g, e, "writing");
	return e == ERR_OK;
}

/* As sftp(1): the source's permissions less the umask; a file that is replaced keeps its own. */
static mode_t
final_mode(const struct get_file *f)
{
	mode_t mask = umask(077), mode = 0666;

	(void)umask(mask);
	if (f->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS)
		mode = f->attrs.permissions & 0777;
	if (f->options->preserve && (f->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS))
		return mode;
	return f->local.exists && f->local.mode != 0 ? f->local.mode : mode & ~mask;
}

enum err
get_finish_local(struct get *g)
{
	struct get_file *f = g->f;
	const struct local_finish finish = {
	    .fsync = f->options->fsync,
	    .no_clobber = f->options->no_clobber,
	    .set_times =
		f->options->preserve && (f->attrs.flags & SSH_FILEXFER_ATTR_ACMODTIME) != 0,
	    .atime = f->attrs.atime,
	    .mtime = f->attrs.mtime,
	    .mode = final_mode(f),
	};
	enum err e = local_target_finish(&f->local, &finish);

	if (e != ERR_OK && e != ERR_EXISTS)
		fail_local(g, e, "finishing");
	return e;
}
