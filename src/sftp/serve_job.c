#include "sftp/serve_job.h"

#include "base/bug.h"
#include "sftp/serve.h"

void
serve_job_take(struct sftp_server *s, struct serve_job *job, struct sftp_slot *slot)
{
	BUG_ON(job->n_slots == SERVE_JOB_SLOTS);
	slot->n_jobs++;
	job->slots[job->n_slots++] = sftp_handles_index(&s->handles, slot);
}

static void
jobs_push(struct serve_jobs *jobs, struct serve_job *job)
{
	job->next = NULL;
	if (jobs->first == NULL)
		jobs->first = job;
	else
		jobs->last->next = job;
	jobs->last = job;
	jobs->n++;
}

static struct serve_job *
jobs_pop(struct serve_jobs *jobs)
{
	struct serve_job *job = jobs->first;

	if (job != NULL) {
		jobs->first = job->next;
		jobs->n--;
	}
	return job;
}

struct sftp_result
serve_job_start(struct sftp_server *s, struct serve_job *job, uint32_t request_id)
{
	job->id = request_id;
	jobs_push(&s->jobs, job);
	return serve_status(SFTP_PENDING, NULL);
}

static void
job_end(struct sftp_server *s, struct serve_job *job)
{
	for (uint32_t i = 0; i < job->n_slots; i++)
		s->handles.slots[job->slots[i]].n_jobs--;
	job->class->free(s, job);
}

void
serve_jobs_slice(struct sftp_server *s)
{
	struct serve_job *job = jobs_pop(&s->jobs);

	if (job == NULL)
		return;
	uint32_t id = job->id;
	struct sftp_result result = job->class->slice(s, job);
	if (result.status == SFTP_PENDING) {
		jobs_push(&s->jobs, job);
		return;
	}
	job_end(s, job);
	if (result.status != SERVE_ANSWERED)
		serve_answer_status(s, id, result);
}

bool
serve_jobs_hold(struct sftp_server *s, const struct sftp_request *r)
{
	if (s->jobs.n == 0)
		return false;
	const struct sftp_slot *slot = serve_file(s, r->handle);
	const struct sftp_slot *to_slot = serve_file(s, r->to_handle);
	return (slot != NULL && slot->n_jobs > 0) || (to_slot != NULL && to_slot->n_jobs > 0);
}

void
serve_jobs_free(struct sftp_server *s)
{
	for (struct serve_job *job; (job = jobs_pop(&s->jobs)) != NULL;)
		job_end(s, job);
}
