/* What tasks ask of their job (task.h), and what the job does to them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/job_internal.h"
#include "sftp/proto.h"

const struct job_item *
job_task_item(const struct job_task *t)
{
	return &t->entry->item;
}

struct local_root *
job_task_root(const struct job_task *t)
{
	return t->entry->root;
}

const char *
job_task_beneath(const struct job_task *t)
{
	return t->entry->beneath;
}

uint32_t
job_task_depth(const struct job_task *t)
{
	return t->entry->depth;
}

const struct job_options *
job_task_options(const struct job_task *t)
{
	return &t->job->options;
}

void
job_task_know(struct job_task *t, const struct sftp_attrs *attrs)
{
	struct job_entry *e = t->entry;
	struct job_tally *tally = &t->job->tally;

	if (e->size_known)
		tally->bytes_known -= e->item.attrs.size;
	e->item.attrs = *attrs;
	e->size_known = (attrs->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
	if (e->size_known)
		tally->bytes_known += attrs->size;
}

/* The rate: a bucket that holds what a tenth of a second brings. */

void
job_rate_refill(struct job *j)
{
	int64_t now_us = time_mono_us();
	int64_t rate = (int64_t)(j->options.bytes_per_second < INT64_MAX / US_PER_SEC
				     ? j->options.bytes_per_second
				     : (uint64_t)(INT64_MAX / US_PER_SEC));
	int64_t most = rate / 10 + 1, span_us = now_us - j->tokens_us;

	if (rate == 0)
		return;
	span_us = span_us < US_PER_SEC ? span_us : US_PER_SEC;
	int64_t more =
	    rate / US_PER_MS * span_us / US_PER_MS + rate % US_PER_MS * span_us / US_PER_SEC;
	/* Too little time for one byte is not lost. */
	if (more == 0)
		return;
	j->tokens_us = now_us;
	j->tokens = j->tokens + more < most ? j->tokens + more : most;
}

int64_t
job_rate_due_in(const struct job *j)
{
	if (j->options.bytes_per_second == 0 || j->tokens > 0)
		return -1;
	int64_t rate = (int64_t)(j->options.bytes_per_second & INT64_MAX);
	return (int64_t)((double)(1 - j->tokens) * (double)US_PER_SEC / (double)rate) + 1;
}

static size_t
requests_max(const struct job *j)
{
	size_t most = SFTP_CLIENT_PENDING_MAX - JOB_REQUESTS_KEPT;

	return j->options.requests > 0 && j->options.requests < most ? j->options.requests : most;
}

uint64_t
job_task_room(const struct job_task *t)
{
	const struct job *j = t->job;

	if (t->line == NULL || j->interrupted ||
	    sftp_client_n_pending(remote_sftp(t->remote)) >= requests_max(j))
		return 0;
	uint64_t room = sftp_budget_free(&t->line->budget);
	if (room == 0 && t->charged == 0)
		room = 1;
	if (j->options.bytes_per_second == 0)
		return room;
	if (j->tokens <= 0)
		return 0;
	return room < (uint64_t)j->tokens ? room : (uint64_t)j->tokens;
}

void
job_task_charge(struct job_task *t, uint64_t bytes)
{
	BUG_ON(t->line == NULL);
	t->charged += bytes;
	sftp_budget_charge(&t->line->budget, bytes);
	if (t->job->options.bytes_per_second > 0)
		t->job->tokens -= (int64_t)bytes;
}

void
job_task_credit(struct job_task *t, uint64_t bytes, uint64_t moved)
{
	BUG_ON(t->line == NULL || bytes > t->charged);
	t->charged -= bytes;
	sftp_budget_credit(&t->line->budget, bytes, time_mono_us());
	if (moved == 0)
		return;
	t->job->tally.bytes_done += moved;
	t->job->progress = true;
	if (t->entry != NULL)
		t->entry->bytes += moved;
}

/* What is unknown counts as a little: enough that it isn't forgotten, and others begin, too. */
static uint64_t
left_counted(uint64_t left)
{
	return left == UINT64_MAX ? 0 : left;
}

void
job_task_hungry(struct job_task *t, uint64_t left)
{
	struct job_line *l = t->line;

	if (l == NULL)
		return;
	l->left -= left_counted(t->left);
	t->left = left;
	l->left += left_counted(left);
	if ((left > 0) == t->hungry)
		return;
	t->hungry = left > 0;
	if (t->hungry)
		TAILQ_INSERT_TAIL(&l->hungry, t, in_hungry);
	else
		TAILQ_REMOVE(&l->hungry, t, in_hungry);
}

void
job_task_unline(struct job_task *t)
{
	struct job_line *l = t->line;

	if (l == NULL)
		return;
	job_task_hungry(t, 0);
	sftp_budget_credit(&l->budget, t->charged, time_mono_us());
	t->charged = 0;
	TAILQ_REMOVE(&l->tasks, t, in_line);
	if (!t->is_directory)
		l->n_tasks--;
	else if (t->entry != NULL && !t->entry->listed)
		t->job->n_listings--;
	t->line = NULL;
	t->remote = NULL;
}

void
job_task_drop(struct job_task *t)
{
	struct job *j = t->job;

	job_task_unline(t);
	if (t->entry != NULL && t->entry->task == t)
		t->entry->task = NULL;
	j->n_tasks--;
	t->ops->drop(t);
}

static void
task_put_on_line(struct job_task *t, struct job_line *l)
{
	t->line = l;
	t->remote = l->remote;
	TAILQ_INSERT_TAIL(&l->tasks, t, in_line);
	if (!t->is_directory)
		l->n_tasks++;
	else if (!t->entry->listed)
		t->job->n_listings++;
}

static struct job_task *
task_new(const struct job_entry *e)
{
	static struct job_task *(*const MAKERS[][2])(void) = {
	    [JOB_GET] = {get_new, get_dir_new},
	    [JOB_PUT] = {put_new, put_dir_new},
	};

	return MAKERS[e->item.direction][e->is_dir ? 1 : 0]();
}

/* An item without a task can't tell its end itself. */
static void
entry_fail(struct job *j, struct job_entry *e, enum err error, const char *story)
{
	struct job_task stand_in = {.job = j, .entry = e};
	const struct job_task_end end = {.outcome = JOB_FAILED, .error = error, .story = story};

	e->task = &stand_in;
	job_entry_end(e, &end);
	e->task = NULL;
}

static bool
task_make(struct job *j, struct job_entry *e)
{
	if (e->task != NULL)
		return true;
	e->task = task_new(e);
	if (e->task == NULL) {
		entry_fail(j, e, ERR_NOMEM, err_text(ERR_NOMEM));
		return false;
	}
	e->task->job = j;
	e->task->entry = e;
	e->task->is_directory = e->is_dir;
	j->n_tasks++;
	return true;
}

void
job_task_start(struct job_line *l, struct job_entry *e)
{
	struct job *j = l->job;

	if (!e->begun) {
		e->begun = true;
		e->begun_us = time_mono_us();
	}
	if (!task_make(j, e))
		return;
	e->state = ENTRY_RUNNING;
	j->n_waiting--;
	j->n_running++;
	task_put_on_line(e->task, l);
	e->task->ops->begin(e->task);
}

void
job_task_start_part(struct job_line *l, struct job_task *t, struct job_entry *e)
{
	t->job = l->job;
	t->entry = e;
	t->is_part = true;
	l->job->n_tasks++;
	task_put_on_line(t, l);
	t->ops->begin(t);
}

static void
task_lost(struct job_task *t)
{
	struct job_entry *e = t->entry;

	if (t->has_ended || t->is_part) {
		if (t->is_part)
			t->ops->lost(t);
		job_task_drop(t);
		return;
	}
	job_task_unline(t);
	t->ops->lost(t);
	/* A directory that only waits for its children needs no line for that. */
	if (!(e->is_dir && e->listed && e->n_open > 0))
		job_entry_wait(e);
}

void
job_tasks_lost(struct job_line *l)
{
	struct job_task *t;

	while ((t = TAILQ_FIRST(&l->tasks)) != NULL)
		task_lost(t);
	BUG_ON(l->n_tasks > 0 || l->left > 0);
}

void
job_tasks_forget(struct job *j)
{
	struct job_entry *e;

	TAILQ_FOREACH (e, &j->entries, link) {
		if (e->task != NULL)
			job_task_drop(e->task);
	}
}

void
job_children_ended(struct job_entry *dir)
{
	struct job_task *t = dir->task;

	if (!dir->listed || dir->n_open > 0 || t == NULL || dir->state != ENTRY_RUNNING)
		return;
	if (t->line == NULL)
		job_entry_wait(dir);
	else
		t->ops->children(t);
}

static const char *
source_of(const struct job_entry *e)
{
	return e->item.direction == JOB_GET ? e->item.remote : e->item.local;
}

void
job_task_is_directory(struct job_task *t)
{
	struct job_entry *e = t->entry;
	struct job *j = t->job;

	if (!j->options.recursive) {
		char path[256];
		struct story story;
		const struct job_task_end end = {
		    .outcome = JOB_FAILED, .error = ERR_ISDIR, .story = story.text};
		story_set(&story, "%s: it is a directory",
		    text_escape(slice_str(source_of(e)), path, sizeof path));
		job_task_ended(t, &end);
		job_task_release(t);
		return;
	}
	e->is_dir = true;
	j->tally.files_known--;
	job_entry_wait(e);
	job_task_drop(t);
}

enum err
job_push(struct job_task *t, const char *remote, const char *local, struct local_root *root,
    const char *beneath, const struct sftp_attrs *attrs)
{
	const struct job_item item = {
	    .direction = t->entry->item.direction,
	    .remote = remote,
	    .local = local,
	    .attrs = *attrs,
	    .tag = t->entry->item.tag,
	};

	return job_entry_add(t->job, t->entry, &item, root, beneath);
}

bool
job_push_full(const struct job_task *t)
{
	return job_is_full(t->job, t->entry);
}

void
job_task_listed(struct job_task *t)
{
	BUG_ON(!t->is_directory || t->entry->listed);
	job_task_hungry(t, 0);
	t->entry->listed = true;
	t->job->n_listings--;
	job_children_ended(t->entry);
}

void
job_task_ended(struct job_task *t, const struct job_task_end *end)
{
	BUG_ON(t->has_ended || t->is_part);
	t->has_ended = true;
	t->job->progress = t->job->progress || end->outcome == JOB_DONE;
	job_entry_end(t->entry, end);
}

void
job_task_release(struct job_task *t)
{
	job_task_drop(t);
}

void
job_task_notice(struct job_task *t, const char *format, ...)
{
	char text[STORY_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (t->job->events.notice != NULL)
		t->job->events.notice(t->job->events.ctx, text);
}
