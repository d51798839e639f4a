/*
 * The connections of a job: opened as there is work for them, and opened again when they are lost.
 *
 *	unused ──▶ live ──▶ down ──▶ live
 *	  │                  └──▶ dead (refused for good, or tried too often)
 *	  └──▶ dead
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/job_internal.h"

#define RETRY_MAX_US (60 * US_PER_SEC)

/* A further connection pays when this much is left for it. */
#define WORTH_BYTES (UINT64_C(64) << 20)
enum { WORTH_ITEMS = 4 };

static void notice(struct job *j, const char *format, ...) printf_like(2, 3);

static void
notice(struct job *j, const char *format, ...)
{
	char text[STORY_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (j->events.notice != NULL)
		j->events.notice(j->events.ctx, text);
}

static void
line_init(struct job_line *l, struct job *j)
{
	*l = (struct job_line){.job = j, .state = LINE_UNUSED};
	TAILQ_INIT(&l->tasks);
	TAILQ_INIT(&l->hungry);
}

static void
line_live(struct job_line *l, struct remote *r)
{
	const struct job *j = l->job;

	l->state = LINE_LIVE;
	l->remote = r;
	if (j->options.budget > 0)
		sftp_budget_init_fixed(&l->budget, j->options.budget / j->options.connections + 1);
	else
		sftp_budget_init(&l->budget, remote_round_trip_us(r), remote_window(r));
}

void
job_lines_init(struct job *j, struct remote *first)
{
	for (size_t i = 0; i < JOB_CONNECTIONS_MAX; i++)
		line_init(&j->lines[i], j);
	if (first != NULL) {
		line_live(&j->lines[0], first);
		j->was_connected = true;
	}
}

void
job_lines_fini(struct job *j)
{
	for (size_t i = 0; i < JOB_CONNECTIONS_MAX; i++) {
		remote_free(j->lines[i].remote);
		j->lines[i].remote = NULL;
	}
}

size_t
job_lines_live(const struct job *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->options.connections; i++)
		n += j->lines[i].state == LINE_LIVE ? 1 : 0;
	return n;
}

/* The delay before the n-th try, n from 0. */
static int64_t
retry_delay(const struct job *j, uint32_t n)
{
	int64_t us = j->options.retry_delay_us;

	while (n-- > 0 && us < RETRY_MAX_US)
		us *= 2;
	return us < RETRY_MAX_US ? us : RETRY_MAX_US;
}

static void
give_up(struct job *j, struct job_line *l, const char *why)
{
	l->state = LINE_DEAD;
	if (j->story.text[0] == '\0')
		story_set(&j->story, "%s", why);
}

/* It goes on later, or not at all. */
static void
line_down(struct job_line *l, const char *why, bool transient)
{
	struct job *j = l->job;
	char span[24];

	if (j->progress)
		j->n_attempts = 0;
	j->progress = false;
	if (!transient || j->events.connect == NULL || j->interrupted ||
	    j->n_attempts >= j->options.retries) {
		give_up(j, l, why);
		if (job_lines_live(j) > 0)
			notice(j, "%s (going on with fewer connections)", why);
		return;
	}
	int64_t delay_us = retry_delay(j, j->n_attempts++);
	l->state = LINE_DOWN;
	l->retry_us = time_mono_us() + delay_us;
	notice(j, "%s; trying again in %s (%u of %u)", why, text_duration(delay_us, span),
	    j->n_attempts, j->options.retries);
}

static bool
is_transient(enum err e)
{
	return err_class(e) == ERR_CLASS_TRANSIENT;
}

static void
line_lost(struct job_line *l)
{
	struct remote *r = l->remote;
	struct story why;
	enum err e = remote_lost_error(r);

	story_set(&why, "connection lost: %s", remote_lost_story(r));
	l->state = LINE_DOWN;
	job_tasks_lost(l);
	l->remote = NULL;
	remote_free(r);
	l->job->connect_outcome = TRANSPORT_UNREACHABLE;
	line_down(l, why.text, is_transient(e));
}

static void
line_connect(struct job_line *l)
{
	struct job *j = l->job;
	struct transport *t = NULL;
	struct remote *r = NULL;
	struct story why = {.text = ""};

	j->connect_outcome = j->events.connect(j->events.ctx, &t, &why);
	if (j->connect_outcome != TRANSPORT_LOGGED_IN) {
		line_down(
		    l, why.text, j->was_connected && j->connect_outcome == TRANSPORT_UNREACHABLE);
		return;
	}
	enum err e = remote_new(&r, t, j->timeout_us, &why);
	if (e != ERR_OK) {
		j->connect_outcome = TRANSPORT_NO_SFTP;
		line_down(l, why.text, is_transient(e));
		return;
	}
	j->was_connected = true;
	line_live(l, r);
}

static uint64_t
bytes_left(const struct job *j)
{
	uint64_t left = 0;

	for (size_t i = 0; i < j->options.connections; i++)
		left += j->lines[i].left;
	return left;
}

/* Is there work for one connection more? */
static bool
is_wanted(const struct job *j, const struct job_line *l)
{
	if (j->events.connect == NULL || j->interrupted || j->n_entries == 0)
		return false;
	if (l == &j->lines[0])
		return true;
	return job_lines_live(j) > 0 &&
	       (j->n_waiting >= WORTH_ITEMS || bytes_left(j) > WORTH_BYTES);
}

/* At most one a call: connecting waits, and what is live wants to go on. */
static void
connect_one(struct job *j)
{
	int64_t now_us = time_mono_us();

	for (size_t i = 0; i < j->options.connections; i++) {
		struct job_line *l = &j->lines[i];
		if ((l->state == LINE_UNUSED && is_wanted(j, l)) ||
		    (l->state == LINE_DOWN && l->retry_us <= now_us && !j->interrupted)) {
			line_connect(l);
			return;
		}
	}
}

void
job_lines_look(struct job *j)
{
	bool hope = false;

	for (size_t i = 0; i < j->options.connections; i++) {
		if (j->lines[i].state == LINE_LIVE && remote_is_lost(j->lines[i].remote))
			line_lost(&j->lines[i]);
	}
	connect_one(j);
	for (size_t i = 0; i < j->options.connections; i++)
		hope = hope || j->lines[i].state == LINE_LIVE || j->lines[i].state == LINE_DOWN;
	if (!hope && j->n_entries > 0) {
		j->over = true;
		if (j->story.text[0] == '\0')
			story_set(&j->story, "there is no connection");
	}
}

int64_t
job_lines_due_in(const struct job *j)
{
	int64_t due_us = -1, now_us = time_mono_us();

	for (size_t i = 0; i < j->options.connections; i++) {
		if (j->lines[i].state != LINE_DOWN)
			continue;
		int64_t left_us = j->lines[i].retry_us - now_us;
		left_us = left_us < 0 ? 0 : left_us;
		due_us = due_us < 0 || left_us < due_us ? left_us : due_us;
	}
	return due_us;
}
