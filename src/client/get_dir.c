/*
 * One directory fetched: made here, listed there, and what is in it pushed as items of the job. Its
 * times and mode are set when everything in it has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "client/list.h"
#include "client/task.h"
#include "os/fd.h"
#include "os/file.h"
#include "sftp/proto.h"
#include "sftp/story.h"

enum { DIR_MODE = 0777, DEPTH_MAX = 64, PATH_LEN_MAX = 64 * 1024 };

struct get_dir {
	struct job_task task;
	struct local_root *root;
	char *beneath; /* "." for root itself */
	struct list *list;
	bool listed, stopped, failed;
	enum err error;
	struct story story;
	/* Hashes of the names that were pushed, should the listing begin again after a lost line.
	 */
	uint64_t *pushed;
	size_t n_pushed, pushed_cap;
	size_t n_before; /* of them sorted, from earlier listings */
};

static struct get_dir *
dir_of(struct job_task *t)
{
	return (struct get_dir *)t;
}

static struct slice
remote_path(const struct get_dir *d)
{
	return slice_str(job_task_item(&d->task)->remote);
}

static void
dir_fail(struct get_dir *d, enum err e, const char *what, const char *why)
{
	if (d->failed)
		return;
	d->failed = true;
	d->error = e;
	sftp_story_own(&d->story, what, remote_path(d), why);
}

static void
dir_end(struct get_dir *d, enum job_outcome outcome)
{
	const struct job_task_end end = {
	    .outcome = outcome, .error = d->error, .story = d->story.text};

	job_task_ended(&d->task, &end);
	job_task_release(&d->task);
}

/* The operator's own: it may be there, and may be reached through links. */
static enum err
make_root(struct get_dir *d, const char *local)
{
	d->root = calloc(1, sizeof *d->root);
	if (d->root == NULL)
		return ERR_NOMEM;
	d->root->n_refs = 1;
	d->root->fd = -1;
	if (mkdir(local, DIR_MODE) < 0 && errno != EEXIST)
		return err_last();
	return file_open_trusted(local, O_RDONLY | O_DIRECTORY, 0, &d->root->fd);
}

static enum err
make_beneath(const struct get_dir *d)
{
	int parent _cleanup_(fd_closep) = -1, fd _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = file_open_parent(d->root->fd, d->beneath, &parent, &name);
	if (e != ERR_OK)
		return e;
	if (mkdirat(parent, name, DIR_MODE) < 0 && errno != EEXIST)
		return err_last();
	return file_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0, &fd);
}

static bool
make_local(struct get_dir *d)
{
	struct local_root *root = job_task_root(&d->task);
	const char *beneath = root == NULL ? "." : job_task_beneath(&d->task);
	enum err e = ERR_OK;

	if (d->root != NULL)
		return true;
	d->beneath = strdup(beneath);
	if (d->beneath == NULL) {
		e = ERR_NOMEM;
	} else if (root == NULL) {
		e = make_root(d, job_task_item(&d->task)->local);
	} else {
		d->root = local_root_ref(root);
		e = make_beneath(d);
	}
	if (e != ERR_OK)
		dir_fail(d, e, "making a directory for", err_text(e));
	return e == ERR_OK;
}

/* FNV-1a. */
static uint64_t
name_hash(struct slice name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.ptr[i]) * UINT64_C(1099511628211);
	return h;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Was it pushed by a listing that broke off? If not, it is from now on. */
static bool
was_pushed(struct get_dir *d, struct slice name)
{
	uint64_t hash = name_hash(name);

	if (d->n_before > 0 &&
	    bsearch(&hash, d->pushed, d->n_before, sizeof hash, compare_hashes) != NULL)
		return true;
	if (d->n_pushed == d->pushed_cap) {
		size_t cap = d->pushed_cap == 0 ? 64 : d->pushed_cap * 2;
		uint64_t *more = reallocarray(d->pushed, cap, sizeof *more);
		if (more == NULL) {
			dir_fail(d, ERR_NOMEM, "listing", err_text(ERR_NOMEM));
			return true;
		}
		d->pushed = more;
		d->pushed_cap = cap;
	}
	d->pushed[d->n_pushed++] = hash;
	return false;
}

/* dir "/" name; NULL: no memory, or too long. */
static char *
join(const char *dir, struct slice name)
{
	size_t len = strlen(dir);
	const char *slash = len > 0 && dir[len - 1] == '/' ? "" : "/";
	char *path = NULL;

	if (len + name.len > PATH_LEN_MAX ||
	    asprintf(&path, "%s%s%.*s", dir, slash, SLICE_ARG(name)) < 0)
		return NULL;
	return path;
}

static void
push(struct get_dir *d, const struct sftp_name *name)
{
	const struct job_item *item = job_task_item(&d->task);
	char *remote = join(item->remote, name->filename);
	char *local = join(item->local, name->filename);
	char *beneath = strcmp(d->beneath, ".") == 0 ? slice_dup(name->filename)
						     : join(d->beneath, name->filename);
	enum err e = ERR_NAMETOOLONG;

	if (remote != NULL && local != NULL && beneath != NULL)
		e = job_push(&d->task, remote, local, d->root, beneath, &name->attrs);
	if (e != ERR_OK)
		dir_fail(d, e, "listing", err_text(e));
	free(remote);
	free(local);
	free(beneath);
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct get_dir *d = ctx;
	char text[128];
	struct story why;

	if (d->stopped)
		return false;
	if (slice_is(name->filename, ".") || slice_is(name->filename, ".."))
		return true;
	if (!list_name_is_safe(name->filename)) {
		story_set(&why, "it has a name that can't be one here: \"%s\"",
		    text_escape(name->filename, text, sizeof text));
		dir_fail(d, ERR_ESCAPE, "listing", why.text);
		return true;
	}
	if (was_pushed(d, name->filename))
		return true;
	push(d, name);
	if (job_push_full(&d->task) && d->list != NULL) {
		list_pause(d->list, true);
		job_task_hungry(&d->task, 1);
	}
	return true;
}

static void
on_listed(void *ctx, const struct ask_answer *answer)
{
	struct get_dir *d = ctx;

	d->list = NULL;
	if (d->stopped) {
		dir_end(d, JOB_INTERRUPTED);
		return;
	}
	if (answer->error != ERR_OK && !d->failed) {
		d->failed = true;
		d->error = answer->error;
		d->story = answer->story;
	}
	d->listed = true;
	job_task_listed(&d->task);
}

/* Everything in it has ended: times last, for files have changed them. */
static void
set_attributes(struct get_dir *d)
{
	const struct sftp_attrs *a = &job_task_item(&d->task)->attrs;
	int fd _cleanup_(fd_closep) = -1;

	if (!job_task_options(&d->task)->preserve)
		return;
	enum err e = file_open_beneath(d->root->fd, d->beneath, O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e == ERR_OK && (a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) &&
	    fchmod(fd, a->permissions & 0777) < 0)
		e = err_last();
	const struct timespec times[2] = {{.tv_sec = a->atime}, {.tv_sec = a->mtime}};
	if (e == ERR_OK && (a->flags & SSH_FILEXFER_ATTR_ACMODTIME) && futimens(fd, times) < 0)
		e = err_last();
	if (e != ERR_OK)
		dir_fail(d, e, "setting times and mode of what was fetched from", err_text(e));
}

static void
get_dir_children(struct job_task *t)
{
	struct get_dir *d = dir_of(t);

	set_attributes(d);
	dir_end(d, d->failed ? JOB_FAILED : JOB_DONE);
}

static void
get_dir_begin(struct job_task *t)
{
	struct get_dir *d = dir_of(t);
	const struct list_config config = {
	    .path = remote_path(d), .entry = on_entry, .done = on_listed, .ctx = d};

	if (d->listed) {
		get_dir_children(t);
		return;
	}
	if (job_task_depth(t) > DEPTH_MAX)
		dir_fail(d, ERR_LIMIT, "listing", "too many directories in directories");
	if (!d->failed && make_local(d)) {
		d->n_before = d->n_pushed;
		if (d->n_before > 0)
			qsort(d->pushed, d->n_before, sizeof *d->pushed, compare_hashes);
		enum err e = list_start(&d->list, t->remote, &config);
		if (e == ERR_OK)
			return;
		dir_fail(d, e, "listing", err_text(e));
	}
	/* Children of an earlier listing may be under way. */
	d->listed = true;
	job_task_listed(t);
}

static void
get_dir_room(struct job_task *t)
{
	struct get_dir *d = dir_of(t);

	job_task_hungry(t, 0);
	if (d->list != NULL)
		list_pause(d->list, false);
}

static void
get_dir_lost(struct job_task *t)
{
	dir_of(t)->list = NULL;
}

/* A listing ends with the next answer; one that has ended waits for its children no more. */
static void
get_dir_stop(struct job_task *t)
{
	struct get_dir *d = dir_of(t);

	d->stopped = true;
	if (d->list != NULL)
		list_pause(d->list, false);
	else
		dir_end(d, JOB_INTERRUPTED);
}

static void
get_dir_drop(struct job_task *t)
{
	struct get_dir *d = dir_of(t);

	local_root_unref(d->root);
	free(d->beneath);
	free(d->pushed);
	free(d);
}

struct job_task *
get_dir_new(void)
{
	static const struct job_task_ops OPS = {
	    .begin = get_dir_begin,
	    .room = get_dir_room,
	    .lost = get_dir_lost,
	    .stop = get_dir_stop,
	    .children = get_dir_children,
	    .drop = get_dir_drop,
	};
	struct get_dir *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->task.ops = &OPS;
	return &d->task;
}
