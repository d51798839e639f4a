/*
 * The task of sending one directory:
 *
 *	making ──▶ listing ──▶ waiting ──▶ setting ──▶ done
 *	  │ (MKDIR; STAT when it is refused: one that is there will do)
 *	  └──▶ failed
 *
 * Its names are read at once and sorted, so that two runs go the same way; they are pushed as the
 * job has room. Mode and times follow when all children have ended: a directory may be one that
 * nobody can write to.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "client/refusal.h"
#include "client/task.h"
#include "os/fd.h"
#include "os/file.h"
#include "sftp/proto.h"
#include "sftp/server.h"
#include "sftp/story.h"

enum dir_state { DIR_MAKING, DIR_LISTING, DIR_WAITING, DIR_SETTING };

struct put_dir {
	struct job_task task;
	enum dir_state state;
	struct local_root *root; /* what children are beneath */
	int fd;
	struct stat st;
	char **names; /* sorted */
	size_t n_names, cap, next;
	bool stopped;
	bool ready;    /* the directory is open and read */
	bool awaiting; /* an answer is due */
	enum err error;
	struct story story;
};

static void
dir_end(struct put_dir *d, enum job_outcome outcome)
{
	const struct job_task_end end = {
	    .outcome = outcome, .error = d->error, .story = d->story.text};

	job_task_ended(&d->task, &end);
	job_task_release(&d->task);
}

static void
dir_fail_local(struct put_dir *d, enum err e, const char *why)
{
	d->error = e;
	sftp_story_own(&d->story, "reading", slice_str(job_task_item(&d->task)->local), why);
	dir_end(d, JOB_FAILED);
}

/* Beneath root, or the operator's own path. */
static enum err
dir_open(struct put_dir *d)
{
	struct local_root *root = job_task_root(&d->task);
	int flags = O_RDONLY | O_DIRECTORY;

	if (root == NULL)
		return file_open_trusted(job_task_item(&d->task)->local, flags, 0, &d->fd);
	if (!job_task_options(&d->task)->follow)
		return file_open_beneath(root->fd, job_task_beneath(&d->task), flags, 0, &d->fd);
	d->fd = openat(root->fd, job_task_beneath(&d->task), flags | O_CLOEXEC);
	return d->fd < 0 ? err_last() : ERR_OK;
}

/* A tree's top directory is what all in it is found beneath. */
static enum err
dir_take_root(struct put_dir *d)
{
	struct local_root *root = job_task_root(&d->task);

	if (root != NULL) {
		d->root = local_root_ref(root);
		return ERR_OK;
	}
	root = calloc(1, sizeof *root);
	if (root == NULL)
		return ERR_NOMEM;
	root->n_refs = 1;
	d->root = root;
	return fd_dup(d->fd, &root->fd);
}

/*
 * Links that are followed may lead back to a directory that they are in: one of those that lead
 * from the root to this one.
 */
static bool
dir_leads_back(const struct put_dir *d)
{
	const char *beneath = job_task_beneath(&d->task);
	char path[SFTP_PATH_MAX] = ".";
	struct stat st;

	if (job_task_root(&d->task) == NULL || !job_task_options(&d->task)->follow)
		return false;
	for (size_t i = 0; beneath[i] != '\0'; i++) {
		if (i > 0 && beneath[i] != '/')
			continue;
		if (i > 0 && !slice_copy(slice_of(beneath, i), path, sizeof path))
			return true;
		if (fstatat(d->root->fd, path, &st, 0) == 0 && st.st_dev == d->st.st_dev &&
		    st.st_ino == d->st.st_ino)
			return true;
	}
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
names_add(struct put_dir *d, const char *name)
{
	if (d->n_names == d->cap) {
		size_t cap = d->cap == 0 ? 32 : d->cap * 2;
		char **names = reallocarray(d->names, cap, sizeof *names);
		if (names == NULL)
			return false;
		d->names = names;
		d->cap = cap;
	}
	d->names[d->n_names] = slice_dup(slice_str(name));
	return d->names[d->n_names++] != NULL;
}

static enum err
dir_read(struct put_dir *d)
{
	DIR *dir = fdopendir(d->fd);
	struct dirent *entry;
	bool ok = true;

	if (dir == NULL)
		return err_last();
	d->fd = -1;
	errno = 0;
	while (ok && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = names_add(d, entry->d_name);
	}
	enum err e = !ok ? ERR_NOMEM : errno != 0 ? err_last() : ERR_OK;
	(void)closedir(dir);
	if (e == ERR_OK && d->n_names > 1)
		qsort(d->names, d->n_names, sizeof *d->names, compare_names);
	return e;
}

/* Opens and reads it. False: told. */
static bool
dir_prepare(struct put_dir *d)
{
	enum err e = dir_open(d);

	if (e == ERR_OK && fstat(d->fd, &d->st) < 0)
		e = err_last();
	if (e == ERR_OK)
		e = dir_take_root(d);
	if (e == ERR_OK && dir_leads_back(d)) {
		dir_fail_local(d, ERR_LIMIT, "a link leads back to a directory that it is in");
		return false;
	}
	if (e == ERR_OK)
		e = dir_read(d);
	if (e != ERR_OK)
		dir_fail_local(d, e, err_text(e));
	d->ready = e == ERR_OK;
	return e == ERR_OK;
}

/* "/a" and "b": "/a/b"; "" and "b": "b". */
static char *
join(const char *dir, const char *name)
{
	size_t len = strlen(dir);
	const char *slash = len == 0 || dir[len - 1] == '/' ? "" : "/";
	char *path = NULL;

	return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}

static enum err
push_one(struct put_dir *d, const char *name)
{
	const struct job_item *item = job_task_item(&d->task);
	bool top = job_task_root(&d->task) == NULL;
	int flags = job_task_options(&d->task)->follow ? 0 : AT_SYMLINK_NOFOLLOW;
	char *remote = join(item->remote, name), *local = join(item->local, name);
	char *beneath = join(top ? "" : job_task_beneath(&d->task), name);
	struct sftp_attrs attrs = {0};
	struct stat st;
	enum err e = ERR_NOMEM;

	if (remote != NULL && local != NULL && beneath != NULL) {
		/* What can't be looked at is told by who opens it. */
		if (fstatat(d->root->fd, beneath, &st, flags) == 0)
			sftp_attrs_from_stat(&attrs, &st);
		e = job_push(&d->task, remote, local, d->root, beneath, &attrs);
	}
	free(remote);
	free(local);
	free(beneath);
	return e;
}

static void
dir_push(struct put_dir *d)
{
	enum err e = ERR_OK;

	d->state = DIR_LISTING;
	while (!d->stopped && e == ERR_OK && d->next < d->n_names && !job_push_full(&d->task)) {
		e = push_one(d, d->names[d->next]);
		free(d->names[d->next]);
		d->names[d->next++] = NULL;
	}
	if (e != ERR_OK) {
		d->error = e;
		sftp_story_own(
		    &d->story, "sending", slice_str(job_task_item(&d->task)->local), err_text(e));
	}
	if (!d->stopped && e == ERR_OK && d->next < d->n_names) {
		job_task_hungry(&d->task, UINT64_MAX);
		return;
	}
	job_task_hungry(&d->task, 0);
	d->state = DIR_WAITING;
	job_task_listed(&d->task);
}

static void
dir_refused(struct put_dir *d, const char *what, const struct sftp_reply *reply)
{
	d->error = refusal_error(reply);
	sftp_story_refused(&d->story, what, slice_str(job_task_item(&d->task)->remote), reply);
}

/* MKDIR was refused: perhaps because it is there. */
static void
on_stat(void *ctx, const struct sftp_reply *reply)
{
	struct put_dir *d = ctx;

	d->awaiting = false;
	bool is_dir =
	    reply->status == SSH_FX_OK && (!(reply->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) ||
					      S_ISDIR(reply->attrs.permissions));
	if (d->stopped) {
		dir_end(d, JOB_INTERRUPTED);
	} else if (is_dir) {
		d->error = ERR_OK;
		d->story.text[0] = '\0';
		dir_push(d);
	} else {
		dir_end(d, JOB_FAILED);
	}
}

static void
on_made(void *ctx, const struct sftp_reply *reply)
{
	struct put_dir *d = ctx;
	struct slice path = slice_str(job_task_item(&d->task)->remote);

	d->awaiting = false;
	if (d->stopped) {
		dir_end(d, JOB_INTERRUPTED);
		return;
	}
	if (reply->status == SSH_FX_OK) {
		dir_push(d);
		return;
	}
	dir_refused(d, "making", reply);
	if (sftp_client_stat(remote_sftp(d->task.remote), path, on_stat, d) == ERR_OK)
		d->awaiting = true;
	else
		dir_end(d, JOB_FAILED);
}

/* Made so that its owner, who fills it, can; what else its mode says follows at the end. */
static void
dir_make(struct put_dir *d)
{
	struct slice path = slice_str(job_task_item(&d->task)->remote);
	const struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = (d->st.st_mode & 0777) | 0700};

	d->state = DIR_MAKING;
	d->error = sftp_client_mkdir_with(remote_sftp(d->task.remote), path, &attrs, on_made, d);
	d->awaiting = d->error == ERR_OK;
	if (d->awaiting)
		return;
	sftp_story_own(&d->story, "making", path, err_text(d->error));
	dir_end(d, JOB_FAILED);
}

static void
on_set(void *ctx, const struct sftp_reply *reply)
{
	struct put_dir *d = ctx;

	d->awaiting = false;
	if (reply->status != SSH_FX_OK && d->error == ERR_OK) {
		dir_refused(d, "setting mode and times", reply);
		d->error = ERR_OK;
	}
	dir_end(d, JOB_DONE);
}

/* All children have ended. */
static void
dir_set(struct put_dir *d)
{
	struct slice path = slice_str(job_task_item(&d->task)->remote);
	const struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS | SSH_FILEXFER_ATTR_ACMODTIME,
	    .permissions = d->st.st_mode & 07777,
	    .atime = (uint32_t)d->st.st_atim.tv_sec,
	    .mtime = (uint32_t)d->st.st_mtim.tv_sec};

	if (d->stopped) {
		dir_end(d, JOB_INTERRUPTED);
	} else if (d->error != ERR_OK) {
		dir_end(d, JOB_FAILED);
	} else if (!job_task_options(&d->task)->preserve) {
		dir_end(d, JOB_DONE);
	} else {
		d->state = DIR_SETTING;
		if (d->task.line == NULL)
			return;
		d->awaiting = sftp_client_setstat(
				  remote_sftp(d->task.remote), path, &attrs, on_set, d) == ERR_OK;
		if (!d->awaiting)
			dir_end(d, JOB_DONE);
	}
}

static void
put_dir_begin(struct job_task *t)
{
	struct put_dir *d = (struct put_dir *)t;

	if (!d->ready && !dir_prepare(d))
		return;
	if (d->state == DIR_MAKING)
		dir_make(d);
	else if (d->state == DIR_LISTING)
		dir_push(d);
	else
		/* It is begun again only when no child is left to wait for. */
		dir_set(d);
}

static void
put_dir_room(struct job_task *t)
{
	struct put_dir *d = (struct put_dir *)t;

	if (d->state == DIR_LISTING)
		dir_push(d);
}

static void
put_dir_lost(struct job_task *t)
{
	((struct put_dir *)t)->awaiting = false;
}

static void
put_dir_stop(struct job_task *t)
{
	struct put_dir *d = (struct put_dir *)t;

	d->stopped = true;
	if (d->state == DIR_LISTING)
		dir_push(d);
	else if (d->state == DIR_MAKING && !d->awaiting)
		dir_end(d, JOB_INTERRUPTED);
}

static void
put_dir_children(struct job_task *t)
{
	dir_set((struct put_dir *)t);
}

static void
put_dir_drop(struct job_task *t)
{
	struct put_dir *d = (struct put_dir *)t;

	for (size_t i = d->next; i < d->n_names; i++)
		free(d->names[i]);
	free(d->names);
	local_root_unref(d->root);
	fd_closep(&d->fd);
	free(d);
}

struct job_task *
put_dir_new(void)
{
	static const struct job_task_ops OPS = {
	    .begin = put_dir_begin,
	    .room = put_dir_room,
	    .lost = put_dir_lost,
	    .stop = put_dir_stop,
	    .children = put_dir_children,
	    .drop = put_dir_drop,
	};
	struct put_dir *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->task.ops = &OPS;
	d->task.is_directory = true;
	d->fd = -1;
	return &d->task;
}
