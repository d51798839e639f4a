/* Between the files job*.c; nobody else includes this. */
#ifndef CLIENT_JOB_INTERNAL_H
#define CLIENT_JOB_INTERNAL_H

#include "base/clock.h"
#include "client/task.h"
#include "sftp/budget.h"

enum {
	/* Items that are known and not told: waiting, begun, or ended behind one that isn't. */
	JOB_ENTRIES_MAX = 16 * 1024,
	JOB_LISTINGS_MAX = 16, /* directories listed at the same time */
	JOB_DEPTH_MAX = 64,    /* directories in directories, as sftp(1) has it */
	JOB_LOOK_AHEAD = 64,   /* items looked at for a directory to list ahead */
	/* Requests are kept for closes, and for others on the same line. */
	JOB_REQUESTS_KEPT = 256,
	JOB_FDS_KEPT = 96
};

enum job_entry_state { ENTRY_WAITING, ENTRY_RUNNING, ENTRY_ENDED };

/*
 * An item in the order in which results are told: a child stands before its directory, which is
 * through last.
 */
struct job_entry {
	TAILQ_ENTRY(job_entry) link;
	struct job_entry *parent; /* NULL: added */
	struct job_item item;     /* its strings are ours */
	struct local_root *root;
	char *beneath; /* NULL without root */
	uint32_t depth;
	enum job_entry_state state;
	bool passed; /* stands before the cursor: isn't waiting */
	bool begun, told_started;
	bool is_dir, listed;
	size_t n_open;         /* children that have not ended */
	struct job_task *task; /* of the item itself, not of parts of it */
	bool size_known;

	enum job_outcome outcome;
	enum err error;
	uint64_t bytes, resumed;
	int64_t begun_us, us;
	char *hash, *story;
};

TAILQ_HEAD(job_entry_list, job_entry);
TAILQ_HEAD(job_task_list, job_task);

enum job_line_state {
	LINE_UNUSED, /* was never needed */
	LINE_LIVE,
	LINE_DOWN, /* to be tried again at retry_us */
	LINE_DEAD  /* for good */
};

/* A connection, and what is under way on it. */
struct job_line {
	struct job *job;
	enum job_line_state state;
	struct remote *remote;
	struct sftp_budget budget;
	struct job_task_list tasks, hungry;
	size_t n_tasks; /* that have a handle */
	uint64_t left;  /* what the hungry would still ask for */
	int64_t retry_us;
};

struct job {
	struct job_options options;
	struct job_events events;
	int64_t timeout_us;
	struct job_line lines[JOB_CONNECTIONS_MAX];
	enum transport_outcome connect_outcome;
	bool was_connected;
	uint32_t n_attempts; /* to connect again, without progress since */
	bool progress;

	struct job_entry_list entries;
	struct job_entry *cursor; /* the first that may be waiting; NULL: none is */
	size_t n_entries, n_waiting, n_running, n_listings, n_tasks, n_tasks_max;
	bool no_more; /* refill has said so */

	int64_t tokens; /* bytes that the rate allows now */
	int64_t tokens_us;

	bool interrupted, over; /* over: nothing can be gone on with */
	int64_t stop_us;        /* when what was interrupted is dropped */
	struct story story;     /* why it is over */
	enum job_outcome worst;
	struct job_tally tally;
	int64_t ticked_us;
};

/* job_order.c: the items. */
enum err job_entry_add(struct job *j, struct job_entry *parent, const struct job_item *item,
    struct local_root *root, const char *beneath) must_check;
/* Waiting again. */
void job_entry_wait(struct job_entry *e);
/* The next one that waits; NULL. */
struct job_entry *job_next_waiting(struct job *j);
/* A waiting directory not far behind the next; NULL. */
struct job_entry *job_waiting_dir(struct job *j);
void job_entry_end(struct job_entry *e, const struct job_task_end *end);
/* Tells what can be told in order. */
void job_order_tell(struct job *j);
void job_entry_tell(struct job *j, struct job_entry *e);
void job_entries_free(struct job *j);
bool job_is_full(const struct job *j, const struct job_entry *dir);

/* job_lines.c: the connections. */
void job_lines_init(struct job *j, struct remote *first);
void job_lines_fini(struct job *j);
/* Notices the lost, and connects where it is time. */
void job_lines_look(struct job *j);
size_t job_lines_live(const struct job *j);
/* Microseconds until a line is to be tried again; -1: none is. */
int64_t job_lines_due_in(const struct job *j);

/* job_task.c: the tasks. */
void job_task_start(struct job_line *l, struct job_entry *e);
void job_task_start_part(struct job_line *l, struct job_task *t, struct job_entry *e);
/* Has the last child of a directory ended, and it knows of no more? Then the task hears it, or is
 * begun again for it when its line was lost. */
void job_children_ended(struct job_entry *dir);
/* Takes it off its line. */
void job_task_unline(struct job_task *t);
void job_task_drop(struct job_task *t);
/* The line of all these is gone. */
void job_tasks_lost(struct job_line *l);

/* Of all that are on no line. */
void job_tasks_forget(struct job *j);

/* What the rate allows, and when it allows some again (-1: it does). */
void job_rate_refill(struct job *j);
int64_t job_rate_due_in(const struct job *j);

#endif
