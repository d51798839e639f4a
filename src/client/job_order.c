/*
 * The items of a job in their order. The cursor stands on the first that may be waiting; everything
 * before it is `passed`. It goes back when a directory before it gets children, or when a line was
 * lost: so what comes first in order is begun first.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "client/job_internal.h"
#include "sftp/proto.h"

static void
entry_free(struct job_entry *e)
{
	local_root_unref(e->root);
	free((void *)(uintptr_t)e->item.remote);
	free((void *)(uintptr_t)e->item.local);
	free(e->beneath);
	free(e->hash);
	free(e->story);
	free(e);
}

static struct job_entry *
entry_new(const struct job_item *item, struct local_root *root, const char *beneath)
{
	struct job_entry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->item = *item;
	e->item.remote = strdup(item->remote);
	e->item.local = strdup(item->local);
	e->beneath = beneath == NULL ? NULL : strdup(beneath);
	e->root = local_root_ref(root);
	if (e->item.remote == NULL || e->item.local == NULL ||
	    (beneath != NULL && e->beneath == NULL)) {
		entry_free(e);
		return NULL;
	}
	return e;
}

/* The cursor goes back to e, or stays where it is if that is before e. */
static void
cursor_back(struct job *j, struct job_entry *e)
{
	if (j->cursor == NULL || e->passed) {
		for (struct job_entry *i = e; i != NULL && i->passed; i = TAILQ_NEXT(i, link))
			i->passed = false;
		j->cursor = e;
	}
}

static void
know_size(struct job *j, struct job_entry *e)
{
	if (e->size_known || (e->item.attrs.flags & SSH_FILEXFER_ATTR_SIZE) == 0 || e->is_dir)
		return;
	e->size_known = true;
	j->tally.bytes_known += e->item.attrs.size;
}

static void
insert_child(struct job *j, struct job_entry *parent, struct job_entry *e)
{
	TAILQ_INSERT_BEFORE(parent, e, link);
	parent->n_open++;
	e->depth = parent->depth + 1;
	/* As if it had been passed with its directory: the cursor goes back to it. */
	e->passed = parent->passed;
	if (j->cursor == parent)
		j->cursor = e;
	else
		cursor_back(j, e);
}

enum err
job_entry_add(struct job *j, struct job_entry *parent, const struct job_item *item,
    struct local_root *root, const char *beneath)
{
	struct job_entry *e = entry_new(item, root, beneath);

	if (e == NULL)
		return ERR_NOMEM;
	e->parent = parent;
	e->is_dir = (item->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 &&
		    S_ISDIR(item->attrs.permissions);
	if (parent != NULL) {
		insert_child(j, parent, e);
	} else {
		TAILQ_INSERT_TAIL(&j->entries, e, link);
		cursor_back(j, e);
	}
	j->n_entries++;
	j->n_waiting++;
	if (!e->is_dir)
		j->tally.files_known++;
	know_size(j, e);
	return ERR_OK;
}

void
job_entry_wait(struct job_entry *e)
{
	struct job *j = e->task != NULL ? e->task->job : NULL;

	BUG_ON(j == NULL || e->state != ENTRY_RUNNING);
	e->state = ENTRY_WAITING;
	j->n_running--;
	j->n_waiting++;
	cursor_back(j, e);
}

struct job_entry *
job_next_waiting(struct job *j)
{
	while (j->cursor != NULL && j->cursor->state != ENTRY_WAITING) {
		j->cursor->passed = true;
		j->cursor = TAILQ_NEXT(j->cursor, link);
	}
	return j->cursor;
}

struct job_entry *
job_waiting_dir(struct job *j)
{
	struct job_entry *e = job_next_waiting(j);

	for (int n = 0; e != NULL && n < JOB_LOOK_AHEAD; n++, e = TAILQ_NEXT(e, link)) {
		if (e->state == ENTRY_WAITING && e->is_dir && !e->listed)
			return e;
	}
	return NULL;
}

/* The first in order is never held back: everything else waits for it. */
bool
job_is_full(const struct job *j, const struct job_entry *dir)
{
	if (j->n_waiting < JOB_QUEUE && j->n_entries < JOB_ENTRIES_MAX)
		return false;
	return dir != TAILQ_FIRST(&j->entries);
}

static void
count_end(struct job *j, const struct job_entry *e)
{
	if (e->outcome == JOB_FAILED)
		j->tally.files_failed++;
	else if (e->outcome == JOB_SKIPPED)
		j->tally.files_skipped++;
	else if (e->outcome == JOB_DONE && !e->is_dir)
		j->tally.files_done++;
	/* DONE and SKIPPED are no worse than each other. */
	if (e->outcome != JOB_SKIPPED && e->outcome > j->worst)
		j->worst = e->outcome;
}

void
job_entry_end(struct job_entry *e, const struct job_task_end *end)
{
	struct job *j = e->task->job;
	struct job_entry *parent = e->parent;

	BUG_ON(e->state == ENTRY_ENDED);
	if (e->state == ENTRY_WAITING)
		j->n_waiting--;
	else
		j->n_running--;
	e->state = ENTRY_ENDED;
	e->outcome = end->outcome;
	e->error = end->error;
	e->resumed = end->resumed;
	e->us = e->begun ? time_mono_us() - e->begun_us : 0;
	e->hash = end->hash == NULL ? NULL : strdup(end->hash);
	e->story = end->story == NULL || end->story[0] == '\0' ? NULL : strdup(end->story);
	count_end(j, e);
	if (parent == NULL)
		return;
	parent->n_open--;
	job_children_ended(parent);
}

/* A directory is told as begun before what is in it. */
static void
tell_started(struct job *j, struct job_entry *e)
{
	struct job_entry *chain[JOB_DEPTH_MAX + 2];
	size_t n = 0;

	for (; e != NULL && !e->told_started && n < ARRAY_LEN(chain); e = e->parent)
		chain[n++] = e;
	while (n > 0) {
		e = chain[--n];
		e->told_started = true;
		if (j->events.started != NULL)
			j->events.started(j->events.ctx, &e->item);
	}
}

void
job_entry_tell(struct job *j, struct job_entry *e)
{
	const struct job_result result = {
	    .item = &e->item,
	    .outcome = e->outcome,
	    .error = e->error,
	    .is_directory = e->is_dir,
	    .bytes = e->bytes,
	    .resumed = e->resumed,
	    .us = e->us,
	    .hash = e->hash,
	    .story = e->story == NULL ? "" : e->story,
	};

	tell_started(j, e);
	if (j->events.ended != NULL)
		j->events.ended(j->events.ctx, &result);
}

static void
forget(struct job *j, struct job_entry *e)
{
	if (j->cursor == e)
		j->cursor = TAILQ_NEXT(e, link);
	TAILQ_REMOVE(&j->entries, e, link);
	j->n_entries--;
	/* A task that still waits for its CLOSE does without. */
	if (e->task != NULL)
		e->task->entry = NULL;
	entry_free(e);
}

void
job_order_tell(struct job *j)
{
	struct job_entry *e;

	while ((e = TAILQ_FIRST(&j->entries)) != NULL && e->begun) {
		tell_started(j, e);
		if (e->state != ENTRY_ENDED)
			return;
		job_entry_tell(j, e);
		forget(j, e);
	}
}

void
job_entries_free(struct job *j)
{
	struct job_entry *e;

	while ((e = TAILQ_FIRST(&j->entries)) != NULL)
		forget(j, e);
	j->n_waiting = j->n_running = 0;
}
