/* The walk of a sync, and the jobs that move what it finds. */
#include "client/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/sync_internal.h"
#include "os/fd.h"
#include "os/file.h"

enum { RETRY_DELAY_MAX_S = 60 };

void
sync_notice(struct sync *s, const char *format, ...)
{
	char text[STORY_MAX];
	va_list args;

	if (s->events->job.notice == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	s->events->job.notice(s->events->job.ctx, text);
}

void
sync_failed(struct sync *s, const char *why)
{
	s->sum->n_failed++;
	sync_notice(s, "%s", why);
}

void
sync_tell(struct sync *s, enum sync_action action, const char *rel, const char *why)
{
	if (s->events->decided != NULL)
		s->events->decided(s->events->ctx, action, slice_str(rel), why);
}

char *
sync_join(const char *root, const char *rel)
{
	size_t len = strlen(root);
	bool slash = len > 0 && root[len - 1] != '/' && rel[0] != '\0';
	char *path = NULL;

	return asprintf(&path, "%s%s%s", root, slash ? "/" : "", rel) < 0 ? NULL : path;
}

/* Nothing that was asked of the connection gets an answer any more. */
static void
all_lost(struct sync *s)
{
	struct sync_pair *p;

	while (!LIST_EMPTY(&s->provings))
		sync_proving_end(LIST_FIRST(&s->provings));
	TAILQ_FOREACH (p, &s->pairs, entry)
		sync_pair_lost(p);
	remote_free(s->r);
	s->r = NULL;
}

static int64_t
retry_delay_us(const struct sync *s)
{
	int64_t us = s->o->job.retry_delay_us;

	for (uint32_t i = 1; i < s->n_retries && us < RETRY_DELAY_MAX_S * US_PER_SEC; i++)
		us *= 2;
	return us < RETRY_DELAY_MAX_S * US_PER_SEC ? us : RETRY_DELAY_MAX_S * US_PER_SEC;
}

/* Waits before a try; true when the person has had enough. */
static bool
interrupted_for(struct sync *s, int64_t us)
{
	struct pollfd fd = {.fd = s->interrupt_fd, .events = POLLIN};

	s->interrupted =
	    poll(&fd, s->interrupt_fd < 0 ? 0 : 1, (int)(us / US_PER_MS)) > 0 || s->interrupted;
	return s->interrupted;
}

static bool
connect_once(struct sync *s)
{
	struct transport *transport = NULL;

	enum transport_outcome outcome =
	    s->events->job.connect(s->events->job.ctx, &transport, s->story);
	if (outcome != TRANSPORT_LOGGED_IN)
		return false;
	return remote_new(&s->r, transport, s->timeout_us, s->story) == ERR_OK;
}

/* There is a live connection; false: for good there is none, told. */
static bool
have_remote(struct sync *s)
{
	if (s->r != NULL && !remote_is_lost(s->r))
		return true;
	if (s->r != NULL) {
		story_set(s->story, "%s", remote_lost_story(s->r));
		all_lost(s);
	}
	while (
	    s->r == NULL && s->events->job.connect != NULL && s->n_retries <= s->o->job.retries) {
		if (s->n_retries++ > 0) {
			sync_notice(s, "connection lost, trying again (%u of %u)", s->n_retries - 1,
			    s->o->job.retries);
			if (interrupted_for(s, retry_delay_us(s)))
				return false;
		}
		(void)connect_once(s);
	}
	return s->r != NULL;
}

static bool
is_busy(const struct sync *s)
{
	return s->n_listing > 0 || s->n_proofs > 0;
}

/* Directories at the front are listed ahead, contents compared. */
static void
keep_busy(struct sync *s)
{
	struct sync_pair *p;
	size_t n = 0;

	TAILQ_FOREACH (p, &s->pairs, entry) {
		if (n++ == SYNC_AHEAD)
			break;
		if (p->state == PAIR_LISTED)
			(void)sync_pair_prove(p);
		else if (p->state == PAIR_WAITING && s->n_listing < SYNC_AHEAD &&
			 sync_pair_begin(p) != ERR_OK)
			break;
	}
}

/* Decides about the directories at the front that are through. */
static bool
decide_ready(struct sync *s)
{
	struct sync_pair *p;
	bool any = false;

	while (s->n_batch < SYNC_BATCH && !s->no_memory && (p = TAILQ_FIRST(&s->pairs)) != NULL &&
	       p->state == PAIR_LISTED && sync_pair_prove(p)) {
		sync_pair_decide(p);
		TAILQ_REMOVE(&s->pairs, p, entry);
		sync_pair_free(p);
		s->n_retries = 0;
		any = true;
	}
	return any;
}

/* Until something has come. */
static void
turn(struct sync *s)
{
	bool stopped = false;

	if (remote_turn(s->r) || remote_is_lost(s->r))
		return;
	if (remote_wait(&s->r, 1, s->interrupt_fd, -1, &stopped) != ERR_OK)
		(void)remote_turn(s->r);
	s->interrupted = s->interrupted || stopped;
}

/* Goes on until there is enough to move. False: it can't go on. */
static bool
walk(struct sync *s)
{
	while (!TAILQ_EMPTY(&s->pairs) && s->n_batch < SYNC_BATCH) {
		if (s->interrupted || s->no_memory || !have_remote(s))
			return false;
		keep_busy(s);
		if (decide_ready(s))
			continue;
		if (is_busy(s)) {
			turn(s);
		} else if (TAILQ_FIRST(&s->pairs)->state == PAIR_WAITING) {
			story_set(s->story, "too much is under way");
			return false;
		}
	}
	/* The job has the connection for itself: what is under way is awaited. */
	while (is_busy(s)) {
		if (s->interrupted || !have_remote(s))
			return false;
		if (is_busy(s))
			turn(s);
	}
	return !s->no_memory;
}

static void
on_started(void *ctx, const struct job_item *item)
{
	const struct job_events *to = &((struct sync *)ctx)->events->job;

	if (to->started != NULL)
		to->started(to->ctx, item);
}

static void
on_ended(void *ctx, const struct job_result *result)
{
	struct sync *s = ctx;
	const struct job_events *to = &s->events->job;

	s->sum->bytes += result->bytes;
	if (result->outcome == JOB_FAILED)
		s->sum->n_failed++;
	if (to->ended != NULL)
		to->ended(to->ctx, result);
}

static void
on_notice(void *ctx, const char *text)
{
	sync_notice(ctx, "%s", text);
}

static void
tally_add(struct job_tally *t, const struct job_tally *base)
{
	t->files_done += base->files_done;
	t->files_failed += base->files_failed;
	t->files_skipped += base->files_skipped;
	t->files_known += base->files_known;
	t->bytes_done += base->bytes_done;
	t->bytes_known += base->bytes_known;
}

static void
on_tick(void *ctx, const struct job_tally *tally)
{
	struct sync *s = ctx;
	struct job_tally all = *tally;

	if (s->events->job.tick == NULL)
		return;
	tally_add(&all, &s->base);
	all.walking = all.walking || !TAILQ_EMPTY(&s->pairs);
	s->events->job.tick(s->events->job.ctx, &all);
}

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	const struct job_events *to = &((struct sync *)ctx)->events->job;

	return to->connect(to->ctx, ret_t, story);
}

static bool
on_refill(void *ctx, struct job *job)
{
	struct sync *s = ctx;

	for (; s->next_item < s->n_batch; s->next_item++) {
		const struct sync_batch_item *from = &s->batch[s->next_item];
		const struct job_item item = {.direction = s->direction,
		    .remote = from->remote,
		    .local = from->local,
		    .attrs = from->attrs};
		enum err e = job_add(job, &item);
		if (e == ERR_AGAIN)
			return true;
		if (e != ERR_OK)
			sync_failed(s, err_text(e));
	}
	return false;
}

static void
batch_clear(struct sync *s)
{
	for (size_t i = 0; i < s->n_batch; i++) {
		free(s->batch[i].remote);
		free(s->batch[i].local);
	}
	s->n_batch = s->next_item = 0;
}

/* Moves what was found. False: it was interrupted, or the line is lost for good. */
static bool
move_batch(struct sync *s)
{
	const struct job_events events = {.started = on_started,
	    .ended = on_ended,
	    .notice = on_notice,
	    .tick = on_tick,
	    .refill = on_refill,
	    .connect = s->events->job.connect == NULL ? NULL : on_connect,
	    .ctx = s};
	struct job_tally tally;
	struct job *job;

	enum err e = job_new(&job, s->r, &s->job_options, &events, s->timeout_us);
	if (e != ERR_OK) {
		story_set(s->story, "%s", err_text(e));
		s->no_memory = true;
		return false;
	}
	enum job_outcome outcome = job_run(job, s->interrupt_fd, s->story);
	job_tally(job, &tally);
	tally_add(&s->base, &tally);
	s->r = job_remote(job);
	job_free(job);
	batch_clear(s);
	s->interrupted = s->interrupted || outcome == JOB_INTERRUPTED;
	return !s->interrupted;
}

/* The local tree's top: that of a target is made. */
static enum err
open_root(struct sync *s)
{
	bool get = s->direction == JOB_GET;
	enum err e = ERR_OK;

	if (get && !s->o->dry_run)
		e = file_make_trusted_dirs(s->local_root);
	if (e == ERR_OK)
		e = file_open_trusted(s->local_root, O_RDONLY | O_DIRECTORY, 0, &s->root_fd);
	if (e == ERR_NOENT && get && s->o->dry_run)
		return ERR_OK;
	return e == ERR_OK ? ERR_OK
			   : story_fail(s->story, e, "opening: %s: %s", s->local_root, err_text(e));
}

/* All of it. False: it stopped before its end. */
static bool
run(struct sync *s)
{
	struct sync_pair *root = sync_pair_new(s, "", "");

	if (root == NULL)
		return false;
	root->mode = 0755;
	TAILQ_INSERT_HEAD(&s->pairs, root, entry);
	while (!TAILQ_EMPTY(&s->pairs)) {
		if (!walk(s))
			return false;
		if (s->n_batch > 0 && !move_batch(s))
			return false;
	}
	if (s->n_removals > 0 && (s->direction == JOB_GET || have_remote(s)))
		sync_remove_all(s);
	return !s->interrupted;
}

static enum job_outcome
outcome_of(struct sync *s, bool complete)
{
	if (s->no_memory)
		story_set(s->story, "%s", err_text(ERR_NOMEM));
	if (s->interrupted || (!complete && !s->no_memory))
		return JOB_INTERRUPTED;
	return s->sum->n_failed > 0 || s->no_memory ? JOB_FAILED : JOB_DONE;
}

/* Interrupted, with answers due: the connection is good, and stays the caller's. */
static void
leave(struct sync *s)
{
	struct sync_pair *p;

	while (!LIST_EMPTY(&s->provings)) {
		proof_forget(LIST_FIRST(&s->provings)->proof);
		sync_proving_end(LIST_FIRST(&s->provings));
	}
	TAILQ_FOREACH (p, &s->pairs, entry)
		sync_pair_leave(p);
	s->interrupt_fd = -1;
	while (s->r != NULL && s->n_listing > 0) {
		if (remote_is_lost(s->r))
			all_lost(s);
		else
			turn(s);
	}
}

static void
sync_fini(struct sync *s)
{
	struct sync_pair *p;

	while ((p = TAILQ_FIRST(&s->pairs)) != NULL) {
		TAILQ_REMOVE(&s->pairs, p, entry);
		sync_pair_free(p);
	}
	batch_clear(s);
	free(s->batch);
	for (size_t i = 0; i < s->n_removals; i++)
		free(s->removals[i].rel);
	free(s->removals);
	fd_closep(&s->root_fd);
}

enum job_outcome
sync_run(struct remote **io_remote, enum job_direction direction, const char *remote,
    const char *local, const struct sync_options *options, const struct sync_events *events,
    int64_t timeout_us, int interrupt_fd, struct sync_summary *ret_summary, struct story *story)
{
	struct sync s = {.o = options,
	    .events = events,
	    .direction = direction,
	    .remote_root = remote,
	    .local_root = local,
	    .r = *io_remote,
	    .timeout_us = timeout_us,
	    .interrupt_fd = interrupt_fd,
	    .root_fd = -1,
	    .job_options = options->job,
	    .sum = ret_summary,
	    .story = story};
	enum job_outcome outcome = JOB_FAILED;

	*ret_summary = (struct sync_summary){0};
	TAILQ_INIT(&s.pairs);
	LIST_INIT(&s.provings);
	s.job_options.preserve = true;
	s.job_options.recursive = false;
	s.job_options.no_clobber = false;
	if (open_root(&s) == ERR_OK)
		outcome = outcome_of(&s, run(&s));
	leave(&s);
	sync_fini(&s);
	*io_remote = s.r;
	return outcome;
}
