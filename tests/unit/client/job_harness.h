/* A job over a world, with what it told. */
#ifndef TESTS_CLIENT_JOB_HARNESS_H
#define TESTS_CLIENT_JOB_HARNESS_H

#include <fcntl.h>

#include "base/bug.h"
#include "client/job.h"
#include "client/world.h"

enum { HARNESS_RESULTS_MAX = 4096, HARNESS_DELAY_US = 1000 };

struct harness_result {
	enum job_outcome outcome;
	enum err error;
	bool is_directory;
	uint64_t bytes, resumed;
	char name[64]; /* the last part of the local path */
	char story[STORY_MAX];
	char hash[65];
};

struct harness {
	struct world *w;
	struct job_options options;
	struct job_events events;
	size_t n, n_started, n_notices, n_connects;
	struct harness_result results[HARNESS_RESULTS_MAX];
	char notice[STORY_MAX];
	struct story story;
	int interrupt_fd;
	/* Called before each connect; may change the world. */
	void (*on_connect)(struct harness *h);
};

static inline void
harness_started(void *ctx, const struct job_item *item)
{
	struct harness *h = ctx;

	(void)item;
	h->n_started++;
}

static inline void
harness_ended(void *ctx, const struct job_result *result)
{
	struct harness *h = ctx;
	struct harness_result *r = &h->results[h->n % HARNESS_RESULTS_MAX];
	const char *slash = strrchr(result->item->local, '/');

	BUG_ON(++h->n > h->n_started);
	*r = (struct harness_result){.outcome = result->outcome,
	    .error = result->error,
	    .is_directory = result->is_directory,
	    .bytes = result->bytes,
	    .resumed = result->resumed};
	(void)snprintf(
	    r->name, sizeof r->name, "%.63s", slash == NULL ? result->item->local : slash + 1);
	(void)snprintf(r->story, sizeof r->story, "%s", result->story);
	(void)snprintf(r->hash, sizeof r->hash, "%s", result->hash == NULL ? "" : result->hash);
}

static inline void
harness_notice(void *ctx, const char *text)
{
	struct harness *h = ctx;

	h->n_notices++;
	(void)snprintf(h->notice, sizeof h->notice, "%s", text);
}

static inline enum transport_outcome
harness_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	struct harness *h = ctx;

	h->n_connects++;
	if (h->on_connect != NULL)
		h->on_connect(h);
	return world_connect(h->w, ret_t, story);
}

static inline void
harness_init(struct harness *h, struct world *w)
{
	*h = (struct harness){.w = w, .interrupt_fd = -1};
	h->options = (struct job_options){
	    .connections = 1, .retries = 3, .retry_delay_us = HARNESS_DELAY_US};
	h->events = (struct job_events){.started = harness_started,
	    .ended = harness_ended,
	    .notice = harness_notice,
	    .connect = harness_connect,
	    .ctx = h};
}

static inline struct job *
harness_job(struct harness *h)
{
	struct job *j;

	BUG_ON(job_new(&j, NULL, &h->options, &h->events, 20 * INT64_C(1000000)) != ERR_OK);
	return j;
}

static inline enum job_outcome
harness_run(struct harness *h, struct job *j)
{
	enum job_outcome outcome = job_run(j, h->interrupt_fd, &h->story);

	job_free(j);
	return outcome;
}

/* One file or directory there, fetched to a name here. */
static inline enum job_outcome
harness_get(struct harness *h, const char *remote, const char *local)
{
	struct job *j = harness_job(h);
	const struct job_item item = {.direction = JOB_GET,
	    .remote = world_there(h->w, remote),
	    .local = world_here(h->w, local)};

	BUG_ON(job_add(j, &item) != ERR_OK);
	return harness_run(h, j);
}

#endif
