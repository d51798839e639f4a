/*
 * The job's loop: bytes are moved, what was lost is noticed, room is given to who wants it, and
 * what comes next is begun, until everything has ended.
 */
#include "base/bug.h"
#include "client/job_internal.h"

#define TICK_US (US_PER_SEC / 10)
/* How long answers are waited for after an interrupt. */
#define STOP_US (2 * US_PER_SEC)

/* A part of a file for another connection is worth an OPEN of its own. */
#define SPLIT_MIN (UINT64_C(32) << 20)

static bool
line_may_begin(const struct job_line *l)
{
	const struct job *j = l->job;

	if (l->state != LINE_LIVE || j->n_tasks >= j->n_tasks_max)
		return false;
	return l->n_tasks == 0 ||
	       (l->n_tasks + j->n_listings < remote_habits(l->remote)->max_handles &&
		   l->left < l->budget.size && sftp_budget_free(&l->budget) > 0);
}

/* The line that has the least to do, of those that may begin something. */
static struct job_line *
line_idlest(struct job *j)
{
	struct job_line *best = NULL;

	for (size_t i = 0; i < j->options.connections; i++) {
		struct job_line *l = &j->lines[i];
		if (line_may_begin(l) && (best == NULL || l->left + l->budget.in_flight <
							      best->left + best->budget.in_flight))
			best = l;
	}
	return best;
}

static struct job_line *
line_any_live(struct job *j)
{
	for (size_t i = 0; i < j->options.connections; i++) {
		if (j->lines[i].state == LINE_LIVE)
			return &j->lines[i];
	}
	return NULL;
}

/* How many directories may be listed at once on a line, for they take handles, too. */
static bool
may_list(const struct job *j, const struct job_line *l)
{
	size_t most = remote_habits(l->remote)->max_handles / 4;

	most = most < JOB_LISTINGS_MAX ? most : (size_t)JOB_LISTINGS_MAX;
	return j->n_listings == 0 || j->n_listings < most;
}

static void
begin_waiting(struct job *j)
{
	struct job_entry *e;
	struct job_line *l;

	while ((e = job_next_waiting(j)) != NULL && (l = line_idlest(j)) != NULL) {
		if (e->is_dir && !e->listed && (!may_list(j, l) || job_is_full(j, e)))
			return;
		job_task_start(l, e);
	}
}

/* The next files should be known when the line becomes free for them. */
static void
list_ahead(struct job *j)
{
	struct job_line *l = line_any_live(j);
	struct job_entry *e;

	if (l == NULL || j->n_listings > 0 || j->n_waiting == 0 || j->n_waiting > JOB_QUEUE / 4 ||
	    j->n_tasks >= j->n_tasks_max)
		return;
	e = job_waiting_dir(j);
	if (e != NULL)
		job_task_start(l, e);
}

/* The task with the most to do, on whatever line but this. */
static struct job_task *
task_biggest(struct job *j, const struct job_line *but)
{
	struct job_task *best = NULL, *t;

	for (size_t i = 0; i < j->options.connections; i++) {
		if (&j->lines[i] == but)
			continue;
		TAILQ_FOREACH (t, &j->lines[i].hungry, in_hungry) {
			if (t->ops->split != NULL && t->left != UINT64_MAX && t->left > SPLIT_MIN &&
			    (best == NULL || t->left > best->left))
				best = t;
		}
	}
	return best;
}

/* A line without anything to do takes a part of a big file from another. */
static void
split_for_idle(struct job *j)
{
	if (j->options.connections < 2 || j->options.read_once || job_next_waiting(j) != NULL)
		return;
	for (size_t i = 0; i < j->options.connections; i++) {
		struct job_line *l = &j->lines[i];
		if (l->state != LINE_LIVE || l->n_tasks > 0 || j->n_tasks >= j->n_tasks_max)
			continue;
		struct job_task *t = task_biggest(j, l);
		struct job_task *part = t == NULL ? NULL : t->ops->split(t);
		if (part != NULL)
			job_task_start_part(l, part, t->entry);
	}
}

/* Gives room to the hungry, the first first: files are to be complete one after the other. */
static void
line_feed(struct job_line *l)
{
	struct job_task *t = TAILQ_FIRST(&l->hungry), *last = TAILQ_LAST(&l->hungry, job_task_list);

	while (t != NULL) {
		struct job_task *next = t == last ? NULL : TAILQ_NEXT(t, in_hungry);
		bool full = t->is_directory ? job_push_full(t) : job_task_room(t) == 0;
		/* It may end in there: neither it nor the room is looked at after that. */
		if (!full)
			t->ops->room(t);
		else if (!t->is_directory && sftp_budget_free(&l->budget) == 0 && t->charged > 0)
			return;
		t = next;
	}
}

static void
refill(struct job *j)
{
	while (!j->no_more && j->n_waiting < JOB_QUEUE / 2 && j->n_entries < JOB_ENTRIES_MAX) {
		size_t before = j->n_entries;
		if (j->events.refill == NULL || !j->events.refill(j->events.ctx, j))
			j->no_more = true;
		else if (j->n_entries == before)
			return;
	}
}

/* A task that waited for another to stop. */
static void
stop_hungry(struct job *j)
{
	struct job_task *t;

	for (size_t i = 0; i < j->options.connections; i++) {
		while ((t = TAILQ_FIRST(&j->lines[i].hungry)) != NULL) {
			job_task_hungry(t, 0);
			if (!t->has_ended)
				t->ops->stop(t);
		}
	}
}

static void
fill(struct job *j)
{
	if (j->interrupted) {
		stop_hungry(j);
		return;
	}
	refill(j);
	job_rate_refill(j);
	for (size_t i = 0; i < j->options.connections; i++) {
		if (j->lines[i].state == LINE_LIVE)
			line_feed(&j->lines[i]);
	}
	begin_waiting(j);
	list_ahead(j);
	split_for_idle(j);
}

static bool
turn_lines(struct job *j)
{
	bool moved = false;

	for (size_t i = 0; i < j->options.connections; i++) {
		struct job_line *l = &j->lines[i];
		if (l->state == LINE_LIVE && !remote_is_lost(l->remote))
			moved = remote_turn(l->remote) || moved;
	}
	return moved;
}

static void
tick(struct job *j)
{
	struct job_tally tally;
	int64_t now_us = time_mono_us();

	if (j->events.tick == NULL || now_us - j->ticked_us < TICK_US)
		return;
	j->ticked_us = now_us;
	job_tally(j, &tally);
	j->events.tick(j->events.ctx, &tally);
}

static int64_t
sooner(int64_t a_us, int64_t b_us)
{
	if (a_us < 0 || b_us < 0)
		return a_us < 0 ? b_us : a_us;
	return a_us < b_us ? a_us : b_us;
}

static int64_t
wait_span(const struct job *j)
{
	int64_t span_us = j->events.tick == NULL ? -1 : TICK_US;

	if (j->interrupted) {
		int64_t left_us = j->stop_us - time_mono_us();
		span_us = sooner(span_us, left_us < 0 ? 0 : left_us);
	}
	for (size_t i = 0; i < j->options.connections; i++) {
		if (!TAILQ_EMPTY(&j->lines[i].hungry))
			span_us = sooner(span_us, job_rate_due_in(j));
	}
	return sooner(span_us, job_lines_due_in(j));
}

static enum err
wait_lines(struct job *j, int interrupt_fd, bool *ret_interrupted)
{
	struct remote *remotes[JOB_CONNECTIONS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < j->options.connections; i++) {
		if (j->lines[i].state == LINE_LIVE)
			remotes[n++] = j->lines[i].remote;
	}
	return remote_wait(remotes, n, interrupt_fd, wait_span(j), ret_interrupted);
}

static void
stop_tasks(struct job *j)
{
	for (size_t i = 0; i < j->options.connections; i++) {
		struct job_task *t = TAILQ_FIRST(&j->lines[i].tasks);
		while (t != NULL) {
			if (t->stopped) {
				t = TAILQ_NEXT(t, in_line);
				continue;
			}
			t->stopped = true;
			job_task_hungry(t, 0);
			if (!t->has_ended)
				t->ops->stop(t);
			/* It, and others with it, may have ended in there. */
			t = TAILQ_FIRST(&j->lines[i].tasks);
		}
	}
}

static void
interrupt(struct job *j)
{
	j->interrupted = true;
	j->stop_us = time_mono_us() + STOP_US;
	story_set(&j->story, "interrupted");
	stop_tasks(j);
}

/* What was begun ends as interrupted; what is kept on disk stays. */
static void
drop_all(struct job *j)
{
	struct job_entry *e;
	const struct job_task_end end = {
	    .outcome = JOB_INTERRUPTED, .error = ERR_CLOSED, .story = j->story.text};

	/* Answers that are still due would come to who isn't there any more: the line goes, too. */
	for (size_t i = 0; i < JOB_CONNECTIONS_MAX; i++) {
		if (TAILQ_EMPTY(&j->lines[i].tasks))
			continue;
		job_tasks_lost(&j->lines[i]);
		remote_free(j->lines[i].remote);
		j->lines[i].remote = NULL;
		j->lines[i].state = LINE_DEAD;
	}
	/* From behind: directories come after what is in them, and would want to end. */
	TAILQ_FOREACH_REVERSE(e, &j->entries, job_entry_list, link)
	{
		struct job_task *t = e->task;
		if (t != NULL && e->state != ENTRY_ENDED) {
			job_task_ended(t, &end);
			job_task_drop(t);
		}
	}
	j->worst = j->n_entries > 0 ? JOB_INTERRUPTED : j->worst;
	TAILQ_FOREACH (e, &j->entries, link) {
		if (e->begun && e->state == ENTRY_ENDED)
			job_entry_tell(j, e);
	}
	job_entries_free(j);
}

static bool
is_through(const struct job *j)
{
	if (j->over)
		return true;
	if (j->interrupted)
		return j->n_tasks == 0 || time_mono_us() >= j->stop_us;
	return j->n_entries == 0 && j->n_tasks == 0 && j->no_more;
}

enum job_outcome
job_run(struct job *j, int interrupt_fd, struct story *story)
{
	bool interrupted = false;
	enum err e = ERR_OK;

	j->tokens_us = time_mono_us();
	j->no_more = j->events.refill == NULL;
	while (e == ERR_OK) {
		(void)turn_lines(j);
		job_lines_look(j);
		fill(j);
		job_order_tell(j);
		tick(j);
		if (is_through(j))
			break;
		/* What was submitted is sent before anything is waited for. */
		if (!turn_lines(j))
			e = wait_lines(j, j->interrupted ? -1 : interrupt_fd, &interrupted);
		if (interrupted && !j->interrupted)
			interrupt(j);
	}
	if (e != ERR_OK)
		story_set(&j->story, "waiting: %s", err_text(e));
	drop_all(j);
	story_set(story, "%s", j->story.text);
	return j->worst;
}
