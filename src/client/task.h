/*
 * Between the job and those who move one file or make one directory (get*, put*): nobody else
 * includes this.
 *
 * A task is one item's way over one connection at a time. The job makes it, begins it on a line,
 * and gives it room: bytes that it may have under way. It submits requests to t->remote by itself,
 * and tells the job what it charges. One budget stands behind all tasks of a line, so a task asks
 * before it submits what costs bytes:
 *
 *	begin ──▶ (charge, credit, hungry ──▶ room)* ──▶ ended ──▶ (drain, CLOSE) ──▶ release
 *	  ▲                    │
 *	  └── a new line ◀── lost
 *
 * A task takes one handle of its line from begin until release (or lost): so it releases itself
 * only when its CLOSE is answered. Answers to requests come to callbacks with whatever context the
 * task gave, never after lost or drop, which therefore may free that.
 */
#ifndef CLIENT_TASK_H
#define CLIENT_TASK_H

#include <sys/queue.h>

#include "client/job.h"

struct job_entry;
struct job_line;
struct job_task;

struct job_task_ops {
	/* Begins, or goes on after lost, on t->line; remote_* and the item are there. It may call
	 * job_task_ended and job_task_release inside. */
	void (*begin)(struct job_task *t);
	/* It was hungry, and there is room now. Hungry no more, unless it says so again. */
	void (*room)(struct job_task *t);
	/* The connection is gone: no request gets an answer any more. Keep what is needed to go on;
	 * begin follows on another, or drop. What was charged is credited by the job. Not called
	 * after job_task_ended: drop is. */
	void (*lost)(struct job_task *t);
	/* The person stopped the job: submit nothing more but what closes; end with
	 * JOB_INTERRUPTED (or as it is) when everything under way is answered. When that takes too
	 * long, lost and drop follow. */
	void (*stop)(struct job_task *t);
	/* Every child that was pushed has ended, after job_task_listed. NULL: pushes none. */
	void (*children)(struct job_task *t);
	/* Another task for a part of the same item, on another line, or NULL: can't be split now.
	 * Only the first task of an item tells its end; the job begins the new one. NULL: never. */
	struct job_task *(*split)(struct job_task *t);
	/* Frees it, whatever its state. Local files are closed; what is to be kept for a resume is
	 * left as it is on disk. The line may be gone. */
	void (*drop)(struct job_task *t);
};

/* The first member of whatever a task is. The job fills in everything but ops. */
struct job_task {
	const struct job_task_ops *ops;
	struct job *job;
	struct job_entry *entry;
	struct job_line *line; /* NULL: none at the moment */
	struct remote *remote; /* the line's */
	uint64_t charged;      /* bytes under way */
	uint64_t left;         /* bytes that it would still like to ask for: job_task_hungry */
	bool hungry, has_ended, stopped, is_part; /* is_part: made by split */
	bool is_directory;                        /* costs no handle; ended after its children */
	TAILQ_ENTRY(job_task) in_line, in_hungry;
};

/*
 * The makers, by direction; attrs of the item may be unknown (flags 0). NULL: no memory. Each looks
 * at the item itself: what is a directory is for the second of them, which a maker of files calls
 * by job_task_is_directory.
 */
struct job_task *get_new(void);
struct job_task *get_dir_new(void);
struct job_task *put_new(void);
struct job_task *put_dir_new(void);

/* A local directory beneath which the files of one tree, or the one file of an item, are. */
struct local_root {
	int fd; /* O_RDONLY | O_DIRECTORY */
	unsigned n_refs;
};
struct local_root *local_root_ref(struct local_root *root);
void local_root_unref(struct local_root *root); /* NULL-safe */

const struct job_item *job_task_item(const struct job_task *t);
/* Both NULL for an item that was added; of a child what job_push was given. */
struct local_root *job_task_root(const struct job_task *t);
const char *job_task_beneath(const struct job_task *t); /* path beneath root */
uint32_t job_task_depth(const struct job_task *t);      /* 0: added; n: in n directories */
const struct job_options *job_task_options(const struct job_task *t);
/* What was learnt about the source: so tally and order know its size. */
void job_task_know(struct job_task *t, const struct sftp_attrs *attrs);

/*
 * How many bytes may be asked for now, by this task: budget, rate, and slots for requests. 0: say
 * hungry and wait. A task without anything under way is always given at least one request's.
 */
uint64_t job_task_room(const struct job_task *t);

/* Bytes submitted, and bytes answered (moved: those of them that are content that arrived, or was
 * taken by the server). Requests without content charge nothing. */
void job_task_charge(struct job_task *t, uint64_t bytes);
void job_task_credit(struct job_task *t, uint64_t bytes, uint64_t moved);

/* It has more to submit than there was room for: about left bytes (UINT64_MAX: unknown). 0 takes it
 * back. A task that isn't hungry counts as one that has asked for everything, and the next file is
 * begun: so say it early. */
void job_task_hungry(struct job_task *t, uint64_t left);

/* The item turned out to be a directory: the task is released (dropped), and one for directories
 * takes its place, if the job is recursive; else the item fails. */
void job_task_is_directory(struct job_task *t);

/* One child of a directory, in the order of being met. Strings and attrs are copied; root is
 * referenced. ERR_AGAIN never: see job_push_full. */
enum err job_push(struct job_task *t, const char *remote, const char *local,
    struct local_root *root, const char *beneath, const struct sftp_attrs *attrs) must_check;
/* Enough is known for now: pause the listing; room follows for a hungry one. */
bool job_push_full(const struct job_task *t);
/* No child comes any more: children follows, at once or later. */
void job_task_listed(struct job_task *t);

/* The item's end. Strings are copied. bytes moved are known from credits. */
struct job_task_end {
	enum job_outcome outcome;
	enum err error;
	uint64_t resumed;
	const char *hash;  /* NULL: not known */
	const char *story; /* NULL: "" */
};
void job_task_ended(struct job_task *t, const struct job_task_end *end);
/* Nothing of it is under way any more: drop is called. */
void job_task_release(struct job_task *t);

/* Something for people beside. */
void job_task_notice(struct job_task *t, const char *format, ...) printf_like(2, 3);

/*
 * The name under which name is written until it is whole: "." name "." 16 hex digits ".part", name
 * cut so that it fits NAME_MAX. The digits are of identity's bytes, so that a later run finds it
 * again; random where random is said.
 */
enum { JOB_TEMP_NAME_MAX = 256 };
void job_temp_name(
    struct slice name, struct slice identity, bool random, char dst[JOB_TEMP_NAME_MAX]);

#endif
