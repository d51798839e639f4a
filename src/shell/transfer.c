#include "shell/transfer.h"

#include "base/clock.h"
#include "shell/connect.h"
#include "term/progress.h"
#include "term/tty.h"

enum { RETRIES = 5 };
#define RETRY_DELAY_US (1 * US_PER_SEC)

/* A job under way. */
struct run {
	struct shell *shell;
	const struct transfer *transfer;
	struct progress *progress;
	size_t next; /* to be added */
	bool failed;
};

void
transfer_add(struct transfer *t, char *remote, char *local, const struct sftp_attrs *attrs)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : t->cap * 2;
		struct transfer_item *more = reallocarray(t->items, cap, sizeof *more);
		if (more == NULL)
			shell_no_memory();
		t->items = more;
		t->cap = cap;
	}
	struct transfer_item *item = &t->items[t->n++];
	*item = (struct transfer_item){.remote = remote, .local = local};
	if (attrs != NULL)
		item->attrs = *attrs;
}

void
transfer_fini(struct transfer *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->items[i].remote);
		free(t->items[i].local);
	}
	free(t->items);
	t->items = NULL;
	t->n = t->cap = 0;
}

/* A file in a tree has paths of its own. */
static bool
was_asked_for(const struct job_item *item)
{
	const struct transfer_item *own = item->tag;

	return own != NULL && strcmp(own->remote, item->remote) == 0 &&
	       strcmp(own->local, item->local) == 0;
}

static bool
is_directory(const struct job_item *item)
{
	return (item->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 &&
	       S_ISDIR(item->attrs.permissions);
}

static void
on_started(void *ctx, const struct job_item *item)
{
	struct run *run = ctx;
	bool is_get = item->direction == JOB_GET;
	char *remote _cleanup_(shell_freep) = shell_safe(item->remote);
	char *local _cleanup_(shell_freep) = shell_safe(item->local);
	const char *verb = run->transfer->resume ? "Resuming" : is_get ? "Fetching" : "Uploading";

	if (was_asked_for(item) && !run->shell->quiet)
		progress_say(run->progress, run->shell->out, "%s %s to %s", verb,
		    is_get ? remote : local, is_get ? local : remote);
	if (is_directory(item) && run->transfer->recursive)
		progress_say(run->progress, run->shell->out, "%s %s",
		    is_get ? "Retrieving" : "Entering", is_get ? remote : local);
}

static void
on_ended(void *ctx, const struct job_result *result)
{
	struct run *run = ctx;
	const struct job_item *item = result->item;
	bool skipped = result->outcome == JOB_SKIPPED;

	/* What is no file is passed over in a tree; who asked for it by name asked in vain. */
	if (result->outcome == JOB_FAILED || (skipped && was_asked_for(item)))
		run->failed = true;
	if (result->story == NULL || result->story[0] == '\0')
		return;
	char *source _cleanup_(shell_freep) =
	    shell_safe(item->direction == JOB_GET ? item->remote : item->local);
	bool names_it = !skipped || strstr(result->story, source) != NULL;
	fflush(run->shell->out);
	progress_say(run->progress, run->shell->err, "%s%s%s", names_it ? "" : source,
	    names_it ? "" : ": ", result->story);
}

static void
on_notice(void *ctx, const char *text)
{
	struct run *run = ctx;

	fflush(run->shell->out);
	progress_say(run->progress, run->shell->err, "%s", text);
}

static void
on_tick(void *ctx, const struct job_tally *tally)
{
	struct run *run = ctx;
	const struct progress_state state = {
	    .name = slice_str(tally->current),
	    .file_bytes = tally->current_bytes,
	    .file_total = tally->current_size,
	    .files = tally->files_done + tally->files_failed + tally->files_skipped,
	    .files_total = tally->files_known,
	    .bytes = tally->bytes_done,
	    .bytes_total = tally->bytes_known,
	    .totals_grow = tally->walking,
	};

	progress_update(run->progress, &state, time_mono_us());
}

static bool
on_refill(void *ctx, struct job *job)
{
	struct run *run = ctx;
	const struct transfer *t = run->transfer;

	for (; run->next < t->n; run->next++) {
		struct transfer_item *own = &t->items[run->next];
		const struct job_item item = {
		    .direction = t->direction,
		    .remote = own->remote,
		    .local = own->local,
		    .attrs = own->attrs,
		    .tag = own,
		};
		enum err e = job_add(job, &item);
		if (e == ERR_AGAIN)
			return true;
		if (e != ERR_OK) {
			on_notice(run, err_text(e));
			run->failed = true;
			return false;
		}
	}
	return false;
}

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	struct run *run = ctx;

	return connector_connect(run->shell->connector, ret_t, story);
}

static struct job_options
options_of(const struct shell *s, const struct transfer *t)
{
	const struct arguments *a = s->arguments;

	return (struct job_options){
	    .recursive = t->recursive,
	    .preserve = t->preserve,
	    /* A server that can't is not asked, as sftp doesn't. */
	    .fsync = t->fsync && (t->direction == JOB_GET || remote_habits(s->remote)->fsync),
	    .resume = t->resume ? JOB_RESUME_TARGET : JOB_RESUME_NONE,
	    .upload = JOB_UPLOAD_AUTO,
	    .connections = 1,
	    .request_len = a->request_len,
	    .requests = a->requests,
	    .bytes_per_second = a->bytes_per_second,
	    .retries = connector_may_again(s->connector) ? RETRIES : 0,
	    .retry_delay_us = RETRY_DELAY_US,
	};
}

/* The job has freed a connection that was lost; what it has now is ours. */
static enum job_outcome
run_job(struct run *run, const struct job_events *events, struct story *story)
{
	struct shell *s = run->shell;
	const struct job_options options = options_of(s, run->transfer);
	struct job *job = NULL;
	enum err e = job_new(&job, s->remote, &options, events, connector_timeout_us(s->connector));

	if (e != ERR_OK) {
		story_set(story, "cannot begin: %s", err_text(e));
		return JOB_FAILED;
	}
	enum job_outcome outcome = job_run(job, tty_interrupt_fd(), story);
	s->remote = job_remote(job);
	job_free(job);
	if (s->remote != NULL)
		ask_set_interrupt(s->remote, tty_interrupt_fd());
	return outcome;
}

bool
transfer_run(struct shell *s, const struct transfer *t)
{
	struct run run = {.shell = s, .transfer = t};
	struct story story = {.text = ""};
	const struct job_events events = {
	    .started = on_started,
	    .ended = on_ended,
	    .notice = on_notice,
	    .tick = on_tick,
	    .refill = on_refill,
	    .connect = connector_may_again(s->connector) ? on_connect : NULL,
	    .ctx = &run,
	};

	if (t->n == 0)
		return true;
	fflush(s->out);
	run.progress = progress_new(s->out, s->progress && !s->quiet);
	enum job_outcome outcome = run_job(&run, &events, &story);
	progress_free(run.progress);
	fflush(s->out);
	/* What happened to each file was told; this is of the job as a whole. */
	if (!run.failed && outcome != JOB_DONE && outcome != JOB_SKIPPED && story.text[0] != '\0')
		return shell_fail(s, "%s", story.text);
	return !run.failed && (outcome == JOB_DONE || outcome == JOB_SKIPPED);
}
