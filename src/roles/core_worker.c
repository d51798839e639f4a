/* Core's side of the workers: one process for each staged file, a few at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core.h"
#include "rules/name.h"
#include "transfer/outputs.h"
#include "transfer/pipeline.h"

static void start_waiting(struct core *c);

static struct core_job *
job_of(struct core_peer *peer)
{
	/* `peer` is its first member. */
	return (struct core_job *)(void *)peer;
}

static void
job_free(struct core_job *job)
{
	struct core *c = job->peer.core;

	TAILQ_REMOVE(&c->jobs, job, entry);
	if (job->running) {
		c->n_running_jobs--;
		core_peer_fini(&job->peer);
	}
	free(job->outputs);
	free(job);
}

static enum err
job_failed(struct core_job *job, enum ipc_file_outcome outcome, struct slice story)
{
	struct pipeline_report report = {
	    .route = job->route, .transfer = job->transfer, .outcome = outcome, .story = story};

	return pipeline_work_failed(&job->peer.core->gateway, &report, time_now_us());
}

static enum err
on_done(void *ctx, struct ipc_message *m)
{
	struct core_job *job = job_of(ctx);
	const struct ipc_worker_done *done = &m->worker_done;
	char name[NAME_LEN_MAX + 1];

	if (job->answered || done->transfer != job->transfer ||
	    name_check(done->file_name, NULL) != ERR_OK ||
	    !slice_copy(done->file_name, name, sizeof name))
		return ERR_FORMAT;
	job->answered = true;
	return pipeline_worked(&job->peer.core->gateway, job->transfer, job->outputs,
	    job->n_outputs, name, time_now_us());
}

static enum err
on_failed(void *ctx, struct ipc_message *m)
{
	struct core_job *job = job_of(ctx);
	const struct ipc_worker_failed *failed = &m->worker_failed;

	if (job->answered || failed->transfer != job->transfer ||
	    failed->outcome > IPC_OUTCOME_LOCAL_FAILURE)
		return ERR_FORMAT;
	job->answered = true;
	return job_failed(job, (enum ipc_file_outcome)failed->outcome, failed->story);
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_WORKER_DONE, on_done},
    {IPC_WORKER_FAILED, on_failed},
};

/* The process has ended: with its answer, or, when it crashed, without one. */
static void
on_gone(struct core_peer *peer)
{
	struct core_job *job = job_of(peer);
	struct core *c = peer->core;
	enum err e = ERR_OK;

	if (!job->answered)
		e = job_failed(job, IPC_OUTCOME_LOCAL_FAILURE,
		    slice_str("the worker ended without an answer; see the log"));
	job_free(job);
	if (e != ERR_OK)
		core_ledger_failed(c, e);
	else
		start_waiting(c);
}

/* Makes the outputs; those that a link can't make are given to the worker, open. */
static enum err
send_outputs(struct core_job *job, const struct transfer *t, const struct config_route *route,
    struct story *story)
{
	struct gateway *g = &job->peer.core->gateway;

	job->outputs = calloc(route->n_to, sizeof *job->outputs);
	if (job->outputs == NULL)
		return ERR_NOMEM;
	job->n_outputs = route->n_to;
	for (size_t i = 0; i < route->n_to; i++) {
		int fd _cleanup_(fd_closep) = -1;
		const struct store *store = stores_find(&g->stores, route->to[i]->name);
		if (store == NULL)
			return story_fail(
			    story, ERR_NOENT, "folder %s is gone", route->to[i]->name);
		enum err e =
		    outputs_prepare(g, t, (uint32_t)i, store, &job->outputs[i], &fd, story);
		if (e != ERR_OK)
			return e;
		if (fd >= 0)
			core_peer_send(
			    &job->peer, IPC_WORKER_OUTPUT, &(struct ipc_worker_output){.file = fd});
	}
	return ERR_OK;
}

static const char *
last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static enum err
send_job(struct core_job *job, const struct transfer *t, const struct config_route *route,
    struct story *story)
{
	struct gateway *g = &job->peer.core->gateway;
	int input _cleanup_(fd_closep) = -1;
	char path[STAGING_PATH_MAX];

	staging_path(t->source, t->id, path);
	enum err e = file_open_beneath(g->stores.incoming_fd, path, O_RDONLY, 0, &input);
	if (e != ERR_OK)
		return story_fail(
		    story, e, "cannot open the staged file %s: %s", path, err_text(e));
	for (size_t i = 0; i < route->n_steps; i++)
		core_peer_send(&job->peer, IPC_WORKER_STEP,
		    &(struct ipc_worker_step){.kind = slice_str(route->steps[i].kind),
			.argument = slice_str(route->steps[i].argument)});
	e = send_outputs(job, t, route, story);
	if (e != ERR_OK)
		return e;
	core_peer_send(&job->peer, IPC_WORKER_JOB,
	    &(struct ipc_worker_job){
		.transfer = t->id,
		.sha256 = slice_of(t->sha256, sizeof t->sha256),
		.file_name = slice_str(last_component(t->path)),
		.remote = slice_str(t->source),
		.route = slice_str(t->route),
		/* When it was first seen: a later try gives the same name. */
		.at_us = t->seen_us,
		.input = input,
	    });
	return ERR_OK;
}

/* A job that can't even begin ends like one that failed. */
static void
start_job(struct core_job *job)
{
	struct core *c = job->peer.core;
	struct story story = {.text = ""};
	struct transfer t;

	enum err e = ledger_get(c->gateway.ledger, job->transfer, &t);
	const struct config_route *route =
	    e == ERR_OK ? config_find_route(c->gateway.config, slice_str(t.route)) : NULL;
	if (route == NULL || t.state != TRANSFER_STAGED) {
		job_free(job);
		return;
	}
	e = core_peer_spawn(&job->peer, c, IPC_ROLE_WORKER, HANDLERS, ARRAY_LEN(HANDLERS), on_gone);
	if (e == ERR_OK) {
		job->running = true;
		c->n_running_jobs++;
		e = send_job(job, &t, route, &story);
	}
	if (e == ERR_OK)
		return;
	/* What passes by itself (no room, no more processes) is not counted against the file. */
	enum ipc_file_outcome outcome =
	    err_class(e) == ERR_CLASS_PERMANENT ? IPC_OUTCOME_LOCAL_FAILURE : IPC_OUTCOME_NO_SPACE;
	e = job_failed(
	    job, outcome, slice_str(story.text[0] == '\0' ? "cannot start a worker" : story.text));
	job_free(job);
	if (e != ERR_OK)
		core_ledger_failed(c, e);
}

static uint32_t
jobs_max(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 2 ? 2 : n > 16 ? 16 : (uint32_t)n;
}

static void
start_waiting(struct core *c)
{
	struct core_job *job, *next;

	for (job = TAILQ_FIRST(&c->jobs); job != NULL && c->n_running_jobs < jobs_max();
	     job = next) {
		next = TAILQ_NEXT(job, entry);
		if (!job->running)
			start_job(job);
		/* The ledger failed meanwhile: all jobs are gone, `next` too. */
		if (c->stuck)
			return;
	}
}

void
core_work(struct core *c, const struct transfer *t)
{
	struct core_job *job;

	if (c->stuck || c->stopping)
		return;
	TAILQ_FOREACH (job, &c->jobs, entry) {
		if (job->transfer == t->id)
			return;
	}
	job = calloc(1, sizeof *job);
	if (job == NULL) {
		/* The next run of its route asks again. */
		log_error(
		    "worker.not-started", F_U64("transfer", t->id), F_STR("why", "out of memory"));
		return;
	}
	job->peer.core = c;
	job->peer.link.fd = -1;
	job->transfer = t->id;
	(void)snprintf(job->route, sizeof job->route, "%s", t->route);
	TAILQ_INSERT_TAIL(&c->jobs, job, entry);
	start_waiting(c);
}

void
core_jobs_drop(struct core *c)
{
	struct core_job *job;

	while ((job = TAILQ_FIRST(&c->jobs)) != NULL)
		job_free(job);
}
