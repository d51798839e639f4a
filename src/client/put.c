/* The task of sending one file: its life on one line after another. The parts: put_internal.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/put_internal.h"
#include "os/fd.h"
#include "os/file.h"

static struct put *
put_of(struct job_task *t)
{
	return (struct put *)t;
}

void
put_refused(struct put *p, const char *what, struct slice path, const struct sftp_reply *reply)
{
	if (!p->failed) {
		p->error = refusal_error(reply);
		sftp_story_refused(&p->story, what, path, reply);
	}
	p->failed = true;
}

void
put_fail(struct put *p, enum err e, const char *why)
{
	if (!p->failed) {
		p->error = e;
		sftp_story_own(
		    &p->story, "sending", slice_str(job_task_item(&p->task)->local), why);
	}
	p->failed = true;
}

bool
put_submitted(struct put *p, enum err e)
{
	if (e != ERR_OK)
		put_fail(p, e, err_text(e));
	return e == ERR_OK;
}

void
put_warn(struct put *p, const char *format, ...)
{
	char *have = p->warnings.text;
	size_t len = strlen(have);
	va_list args;

	if (len > 0 && len + 3 < STORY_MAX) {
		memcpy(have + len, "; ", 3);
		len += 2;
	}
	va_start(args, format);
	(void)vsnprintf(have + len, STORY_MAX - len, format, args);
	va_end(args);
}

void
put_finish(struct put *p, enum job_outcome outcome, const char *story)
{
	const struct job_task_end end = {
	    .outcome = outcome,
	    .error = p->error,
	    .resumed = p->resumed,
	    .hash = p->hash_text[0] == '\0' ? NULL : p->hash_text,
	    .story = story,
	};

	job_task_ended(&p->task, &end);
	job_task_release(&p->task);
}

/* What follows when nothing is due any more, by state, if all went well. */
void
put_settle(struct put *p)
{
	static void (*const NEXT[])(struct put *) = {
	    [PUT_LOOKING] = put_looked,
	    [PUT_PROVING] = put_open,
	    [PUT_OPENING] = put_begin_writing,
	    [PUT_WRITING] = put_end_file,
	    [PUT_ENDING] = put_closed,
	    [PUT_VERIFYING] = put_rename,
	    [PUT_RENAMING] = put_rename,
	    [PUT_CLEANING] = put_clean,
	};

	if (p->n_due > 0)
		return;
	bool over = p->failed || p->stopped || p->state == PUT_CLEANING;
	if (over && p->n_writes == 0)
		put_clean(p);
	else if (!over && (p->n_writes == 0 || p->state == PUT_WRITING))
		NEXT[p->state](p);
}

/* What kind of thing it is, before it is opened: a device may do something when it is. */
static enum err
source_kind(mode_t mode)
{
	if (S_ISDIR(mode))
		return ERR_ISDIR;
	return S_ISREG(mode) ? ERR_OK : ERR_UNSUPPORTED;
}

/* The source, opened; ERR_ISDIR and ERR_UNSUPPORTED: it is no regular file. */
static enum err
source_open(struct put *p)
{
	struct local_root *root = job_task_root(&p->task);
	bool follow = root == NULL || p->options->follow;
	int dir = root == NULL ? AT_FDCWD : root->fd;
	const char *path =
	    root == NULL ? job_task_item(&p->task)->local : job_task_beneath(&p->task);
	enum err e = ERR_OK;

	if (fstatat(dir, path, &p->source, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return err_last();
	e = source_kind(p->source.st_mode);
	if (e != ERR_OK)
		return e;
	if (follow)
		p->fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	else
		e = file_open_beneath(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &p->fd);
	if (e == ERR_OK && (p->fd < 0 || fstat(p->fd, &p->source) < 0))
		e = err_last();
	return e == ERR_OK ? source_kind(p->source.st_mode) : e;
}

/* The path beside the target; NULL: no memory. */
static char *
temp_path(const struct put *p)
{
	const char *slash = strrchr(p->remote, '/');
	size_t dir_len = slash == NULL ? 0 : (size_t)(slash + 1 - p->remote);
	char *identity = NULL, *path = NULL, name[JOB_TEMP_NAME_MAX];

	int len = asprintf(&identity, "%s\n%lld\n%lld", p->remote, (long long)p->source.st_size,
	    (long long)p->source.st_mtim.tv_sec);
	if (len < 0)
		return NULL;
	job_temp_name(slice_str(p->remote + dir_len), slice_of(identity, (size_t)len), false, name);
	free(identity);
	return asprintf(&path, "%.*s%s", (int)dir_len, p->remote, name) < 0 ? NULL : path;
}

static bool
sends_in_place(const struct put *p)
{
	return p->in_place || p->options->upload == JOB_UPLOAD_IN_PLACE ||
	       p->options->resume == JOB_RESUME_TARGET ||
	       remote_habits(p->task.remote)->private_uploads;
}

/* The first time. False: it has ended, or is somebody else's. */
static bool
put_prepare(struct put *p)
{
	struct sftp_attrs attrs;

	p->options = job_task_options(&p->task);
	p->remote = job_task_item(&p->task)->remote;
	enum err e = source_open(p);
	if (e == ERR_ISDIR) {
		job_task_is_directory(&p->task);
		return false;
	}
	if (e == ERR_OK && (p->temp = temp_path(p)) == NULL)
		e = ERR_NOMEM;
	if (e == ERR_UNSUPPORTED) {
		put_finish(p, JOB_SKIPPED,
		    S_ISLNK(p->source.st_mode) ? "it is a symbolic link"
					       : "it is neither a file nor a directory");
		return false;
	}
	if (e != ERR_OK) {
		put_fail(p, e, err_text(e));
		put_finish(p, JOB_FAILED, p->story.text);
		return false;
	}
	sftp_attrs_from_stat(&attrs, &p->source);
	job_task_know(&p->task, &attrs);
	return true;
}

static void
put_begin(struct job_task *t)
{
	struct put *p = put_of(t);

	if (p->temp == NULL && !put_prepare(p))
		return;
	p->c = remote_sftp(t->remote);
	p->in_place = sends_in_place(p);
	job_task_hungry(t, (uint64_t)p->source.st_size);
	put_look(p);
}

static void
put_room(struct job_task *t)
{
	struct put *p = put_of(t);

	if (p->state == PUT_WRITING && !p->failed && !p->stopped)
		put_fill(p);
	else if (p->state < PUT_WRITING)
		job_task_hungry(t, (uint64_t)p->source.st_size - p->start);
}

/* Nothing is due any more; what the server has confirmed is gone on with. */
static void
put_lost(struct job_task *t)
{
	struct put *p = put_of(t);
	struct put_piece *piece;

	while ((piece = TAILQ_FIRST(&p->pieces)) != NULL) {
		TAILQ_REMOVE(&p->pieces, piece, entry);
		free(piece);
	}
	EVP_MD_CTX_free(p->hash);
	p->hash = NULL;
	p->proof = NULL;
	p->n_writes = p->n_due = 0;
	p->step = 0;
	p->open = p->removed = p->created = false;
	p->setstat_refused = false;
	p->renaming = p->state == PUT_RENAMING || (p->renaming && p->state == PUT_LOOKING);
	p->state = PUT_LOOKING;
}

static void
put_stop(struct job_task *t)
{
	struct put *p = put_of(t);

	/* What is complete but for its end is ended: that is no more work than to give it up. */
	if (p->state > PUT_WRITING)
		return;
	p->stopped = true;
	job_task_hungry(t, 0);
	if (p->proof != NULL) {
		proof_forget(p->proof);
		p->proof = NULL;
		p->n_due--;
	}
	put_settle(p);
}

static void
put_drop(struct job_task *t)
{
	struct put *p = put_of(t);

	put_lost(t);
	fd_closep(&p->fd);
	free(p->temp);
	free(p->aside);
	free(p);
}

struct job_task *
put_new(void)
{
	static const struct job_task_ops OPS = {
	    .begin = put_begin,
	    .room = put_room,
	    .lost = put_lost,
	    .stop = put_stop,
	    .drop = put_drop,
	};
	struct put *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->task.ops = &OPS;
	p->fd = -1;
	TAILQ_INIT(&p->pieces);
	return &p->task;
}
