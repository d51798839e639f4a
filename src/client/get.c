#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/get_internal.h"
#include "sftp/story.h"

static struct get *
get_of(struct job_task *t)
{
	return (struct get *)t;
}

void
get_fail(struct get *g, enum err e, const char *what, const char *why)
{
	struct get_file *f = g->f;

	if (f->failed)
		return;
	f->failed = true;
	f->error = e;
	sftp_story_own(&f->story, what, get_path(g), why);
}

void
get_refused(struct get *g, const char *what, const struct sftp_reply *reply)
{
	struct get_file *f = g->f;

	if (f->failed)
		return;
	f->failed = true;
	f->error = refusal_error(reply);
	sftp_story_refused(&f->story, what, get_path(g), reply);
}

bool
get_submitted(struct get *g, enum err e)
{
	if (e == ERR_OK)
		g->n_due++;
	else
		get_fail(g, e, "asking", err_text(e));
	return e == ERR_OK;
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct get *g = ctx;

	g->n_due--;
	if (reply->status != SSH_FX_OK) {
		/* A part leaves its range to the others. */
		if (g->task.is_part)
			g->f->no_split = true;
		else
			get_refused(g, "opening", reply);
	} else {
		BUG_ON(reply->handle.len > sizeof g->handle);
		if (reply->handle.len > 0)
			memcpy(g->handle, reply->handle.ptr, reply->handle.len);
		g->handle_len = reply->handle.len;
		g->open = true;
		g->close_sent = false;
	}
	get_settle(g);
}

void
get_open(struct get *g)
{
	struct get_file *f = g->f;

	if (f->options->read_once && f->opened_once) {
		get_fail(g, ERR_CLOSED, "reading",
		    "the connection was lost while it was read, and it may be opened only once");
		return;
	}
	f->opened_once = true;
	(void)get_submitted(
	    g, sftp_client_open(g->c, get_path(g), SSH_FXF_READ, NULL, on_opened, g));
}

static void
settle_main(struct get *g)
{
	struct get_file *f = g->f;

	if (g->n_reads == 0 && g->n_due == 0 && f->n_todo > 0 && get_range_done(g) && !g->open) {
		g->state = GET_OPENING;
		get_open(g);
		if (f->failed)
			get_settle(g);
		return;
	}
	get_fill(g);
	if (f->failed && g->n_reads == 0 && g->n_due == 0) {
		get_settle(g);
		return;
	}
	if (g->n_reads == 0 && f->n_parts == 0 && f->n_todo == 0 && get_range_done(g))
		get_all_read(g);
}

static void
settle_part(struct get *g)
{
	if (!g->open && g->state == GET_READING) {
		get_give_back(g);
		get_leave(g);
		return;
	}
	get_fill(g);
	if (g->n_reads == 0 && (g->f->failed || get_range_done(g)))
		get_leave(g);
}

/* Failed or stopped: everything that is under way has come. */
static void
wind_up(struct get *g)
{
	struct get_file *f = g->f;

	get_give_back(g);
	if (g->task.is_part)
		get_leave(g);
	else if (f->n_parts > 0)
		job_task_hungry(&g->task, 0);
	else if (f->failed)
		get_end_failed(g);
	else
		get_end_stopped(g);
}

void
get_settle(struct get *g)
{
	struct get_file *f = g->f;

	if (g->state == GET_LEAVING)
		return;
	if (f->failed || f->stopped) {
		/* A CLOSE that went along is waited for when it is told. */
		if (g->n_reads == 0 &&
		    (g->n_due == 0 || (g->close_sent && g->open && g->n_due == 1)))
			wind_up(g);
		return;
	}
	if (g->state == GET_READING) {
		if (g->task.is_part)
			settle_part(g);
		else
			settle_main(g);
		return;
	}
	if (g->n_due > 0)
		return;
	if (g->state == GET_LOOKING) {
		get_looked(g);
	} else if (g->state == GET_OPENING) {
		g->state = GET_READING;
		get_settle(g);
	}
}

static bool
file_make(struct get *g)
{
	struct get_file *f = calloc(1, sizeof *f);

	if (f == NULL)
		return false;
	f->main = g;
	f->n_tasks = 1;
	f->options = job_task_options(&g->task);
	f->eof_at = UINT64_MAX;
	local_target_init(&f->local);
	g->f = f;
	return true;
}

/* May the OPEN go with the STAT: would nothing but a failure keep us from it? */
static bool
may_open_along(const struct get *g)
{
	const struct job_options *o = g->f->options;

	return !o->recursive && !o->read_once && o->resume == JOB_RESUME_NONE && !g->f->ranged;
}

static void
begin_main(struct get *g)
{
	struct get_file *f = g->f;
	const struct sftp_attrs *a = &job_task_item(&g->task)->attrs;
	const uint32_t enough = SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_PERMISSIONS;
	bool again = f->ranged, link;

	if (!again && !f->looked)
		get_learn(g, a);
	link = S_ISLNK(get_kind_of(&f->attrs)) && f->options->follow;
	if (!get_find_local(g)) {
		get_end_failed(g);
		return;
	}
	if (f->options->no_clobber && f->local.exists && !again) {
		get_end_skipped(g, "the target exists");
		return;
	}
	g->state = GET_LOOKING;
	if (again || link || (!f->looked && (f->attrs.flags & enough) != enough)) {
		(void)get_submitted(g, sftp_client_stat(g->c, get_path(g), get_on_stat, g));
		if (may_open_along(g) && !f->failed)
			get_open(g);
	}
	if (g->n_due == 0)
		get_settle(g);
}

static void
get_begin(struct job_task *t)
{
	struct get *g = get_of(t);
	const struct job_task_end no_memory = {
	    .outcome = JOB_FAILED, .error = ERR_NOMEM, .story = err_text(ERR_NOMEM)};

	g->c = remote_sftp(t->remote);
	if (g->f == NULL && !file_make(g)) {
		job_task_ended(t, &no_memory);
		job_task_release(t);
		return;
	}
	if (!t->is_part) {
		begin_main(g);
		return;
	}
	g->state = GET_OPENING;
	get_open(g);
	if (g->n_due == 0)
		get_settle(g);
}

static void
get_room(struct job_task *t)
{
	struct get *g = get_of(t);

	job_task_hungry(t, 0);
	if (g->state == GET_READING || g->f->failed)
		get_settle(g);
}

static void
get_lost(struct job_task *t)
{
	struct get *g = get_of(t);

	get_give_back(g);
	g->open = g->close_sent = false;
	g->n_due = 0;
	g->proof = NULL;
	g->f->looked = g->f->looked && !g->f->ranged;
}

static void
get_stop(struct job_task *t)
{
	struct get *g = get_of(t);

	g->f->stopped = true;
	if (g->proof != NULL) {
		proof_forget(g->proof);
		g->proof = NULL;
		g->n_due--;
	}
	get_settle(g);
}

/* Main hears that a part has left, and takes over what that has left. */
static void
part_left(struct get_file *f)
{
	struct get *g = f->main;

	f->n_parts--;
	if (g == NULL || g->task.line == NULL)
		return;
	/* Not from here: it may end in there. */
	job_task_hungry(&g->task, 1);
}

static void
get_drop(struct job_task *t)
{
	struct get *g = get_of(t);
	struct get_file *f = g->f;
	struct get_piece *p;

	while ((p = TAILQ_FIRST(&g->pieces)) != NULL) {
		TAILQ_REMOVE(&g->pieces, p, entry);
		free(p);
	}
	if (f != NULL) {
		if (f->main == g)
			f->main = NULL;
		if (t->is_part)
			part_left(f);
		if (--f->n_tasks == 0) {
			/* Not ended: the line was lost for good, or the job goes. */
			get_keep_prefix(f);
			free(f);
		}
	}
	free(g);
}

struct job_task *
get_new(void)
{
	static const struct job_task_ops OPS = {
	    .begin = get_begin,
	    .room = get_room,
	    .lost = get_lost,
	    .stop = get_stop,
	    .split = get_split,
	    .drop = get_drop,
	};
	struct get *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->task.ops = &OPS;
	TAILQ_INIT(&g->pieces);
	return &g->task;
}
