/*
 * Requests whose work is too long for one go: copy-data and check-file. Each is a job, and each
 * call of sftp_server_feed does one slice of one job, in turn, so that other requests are answered
 * between, and two jobs share the time.
 *
 * Section 6 of the draft lets a server answer requests in any order, but not change the outcome of
 * what touches one file. So a request on a handle that a job works on waits until the job is
 * answered, and what the client sent behind it waits as well (sftp_frame_back); the handle stays
 * valid as long, which is why a job may keep the file's pointer.
 */
#ifndef SFTP_SERVE_JOB_H
#define SFTP_SERVE_JOB_H

#include "sftp/handles.h"
#include "sftp/request.h"

struct serve_job;
struct sftp_server;

struct serve_job_class {
	/* Does a slice. SFTP_PENDING: there is more; else how the request ended. */
	struct sftp_result (*slice)(struct sftp_server *s, struct serve_job *job);
	/* Ends what the job has of its own, and its memory. */
	void (*free)(struct sftp_server *s, struct serve_job *job);
};

enum { SERVE_JOB_SLOTS = 2 };

struct serve_job {
	const struct serve_job_class *class;
	struct serve_job *next;
	uint32_t id;                     /* the request's */
	uint32_t slots[SERVE_JOB_SLOTS]; /* whose files it works on */
	uint32_t n_slots;
};

/* A queue: the first is the next to get a slice. */
struct serve_jobs {
	struct serve_job *first, *last;
	uint32_t n;
};

/* The file of a slot is the job's as long as it lives. Before serve_job_start. */
void serve_job_take(struct sftp_server *s, struct serve_job *job, struct sftp_slot *slot);

/* Queues the job, which is the engine's from now on. Always SFTP_PENDING. */
struct sftp_result serve_job_start(
    struct sftp_server *s, struct serve_job *job, uint32_t request_id);

/* Does a slice of the next job, if there is one. */
void serve_jobs_slice(struct sftp_server *s);

/* Does a job work on the file of one of the request's handles? */
bool serve_jobs_hold(struct sftp_server *s, const struct sftp_request *r);

/* Ends all jobs without an answer. */
void serve_jobs_free(struct sftp_server *s);

#endif
