/*
 * One file fetched: between the parts of get; nobody else includes this.
 *
 * Data is written at its offset as it arrives, to a temporary file beside the target, which is
 * renamed when everything is there. What is not fetched yet is a few ranges (todo); each task has
 * taken one of them. A big file may have tasks on several lines: the first is `main`, which alone
 * decides about the file and tells its end; the others (parts) take a range, and leave.
 *
 *	looking ──▶ (proving) ──▶ opening ──▶ reading ──▶ (checking) ──▶ (verifying) ──▶ ended
 *	                            ▲           │   ▲          │
 *	                            └───────────┘   └──────────┘
 *
 *	looking    STAT, where the listing didn't tell enough; with it the OPEN, when nothing
 *	           depends on the answer
 *	proving    is what is left of an earlier run the beginning of the file? (proof.h)
 *	reading    back to opening when the CLOSE went along with the READs and there is more
 *	checking   STAT: the file ended before its size was reached
 *	verifying  is what we have the file? (options.verify)
 *
 * A failure or a stop waits for what is under way, closes, and ends. A lost line gives the range
 * back, and leads to looking.
 */
#ifndef CLIENT_GET_INTERNAL_H
#define CLIENT_GET_INTERNAL_H

#include "client/local_target.h"
#include "client/proof.h"
#include "client/refusal.h"
#include "sftp/proto.h"

enum {
	GET_TODO_MAX = JOB_CONNECTIONS_MAX + 4,
	GET_TAIL_MIN = 1,     /* READs behind the end that was told */
	GET_TAIL_UNKNOWN = 4, /* ... where none was told */
	GET_TAIL_MAX = 64,
	GET_CHECKS_MAX = 2, /* how often an end is believed to be another */
	GET_IDENTITY_MAX = 4096 + 64
};

/* UINT64_MAX: to the end of the file, wherever that is. */
#define GET_END UINT64_MAX

struct get_range {
	uint64_t from, to;
};

struct get;

/* The file, for all of its tasks. */
struct get_file {
	struct get *main;
	unsigned n_tasks;
	unsigned n_parts; /* tasks beside main */
	const struct job_options *options;
	struct local_target local;
	bool found, looked, ranged; /* the local directory was; the STAT was; todo was filled */
	bool opened_once, complete, failed, stopped, no_split;

	struct sftp_attrs attrs;
	bool size_known;
	uint64_t size;   /* as told */
	uint64_t high;   /* behind the last byte that was written */
	uint64_t eof_at; /* the least offset at which there was nothing; UINT64_MAX: none yet */
	uint64_t resumed;
	uint64_t end; /* complete: how long it is */
	unsigned n_checks;

	struct get_range todo[GET_TODO_MAX];
	size_t n_todo;

	enum err error;
	struct story story; /* why it failed; of a success: a warning */
	char hash[2 * 32 + 1];
};

enum get_state {
	GET_LOOKING,
	GET_PROVING,
	GET_OPENING,
	GET_READING,
	GET_CHECKING,
	GET_VERIFYING,
	GET_LEAVING /* the end was told; only the CLOSE is due */
};

/* A READ under way. Answered with less, it asks for the rest in its own place. */
struct get_piece {
	TAILQ_ENTRY(get_piece) entry;
	struct get *g;
	uint64_t offset;
	uint32_t len, charged;
	bool tail; /* behind the end that was told */
};

struct get {
	struct job_task task;
	struct get_file *f;
	enum get_state state;
	struct sftp_client *c;
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;
	bool open, close_sent;
	struct proof *proof;
	uint32_t n_due; /* answers that are waited for, but for those to READs */
	uint32_t n_reads, n_tail, tail_ahead;
	TAILQ_HEAD(, get_piece) pieces;

	bool has_range;
	uint64_t next, to;
};

static inline struct slice
get_path(const struct get *g)
{
	return slice_str(job_task_item(&g->task)->remote);
}

/* get.c */
/* Goes on with whatever is next, when nothing is due that it depends on. It may be gone then. */
void get_settle(struct get *g);
/* The first failure counts. why is clean text. */
void get_fail(struct get *g, enum err e, const char *what, const char *why);
void get_refused(struct get *g, const char *what, const struct sftp_reply *reply);
/* What a request could not be submitted for. True: it was, and its answer is due. */
bool get_submitted(struct get *g, enum err e);
void get_open(struct get *g);
void get_close(struct get *g);

/* get_look.c */
/* The file's attributes are these. */
void get_learn(struct get *g, const struct sftp_attrs *a);
/* What kind of file it is; S_IFREG where that isn't known. */
mode_t get_kind_of(const struct sftp_attrs *a);
/* The callback of the STAT. */
void get_on_stat(void *ctx, const struct sftp_reply *reply);
/* What is known is enough to decide how to go on. */
void get_looked(struct get *g);

/* get_end.c. After any of these but the two last the task may be gone. */
/* The task ends once its CLOSE is answered; the file's end was told, or is main's to tell. */
void get_leave(struct get *g);
void get_end_failed(struct get *g);
void get_end_stopped(struct get *g);
void get_end_skipped(struct get *g, const char *why);
/* Every range is through; everything is there, size bytes. */
void get_all_read(struct get *g);
void get_complete(struct get *g, uint64_t size);
/* What is there without a gap stays, so that it can be gone on with. */
void get_keep_prefix(struct get_file *f);
bool get_start_proof(struct get *g, enum job_proof how, uint64_t len, bool whole,
    void (*done)(void *ctx, const struct proof_answer *answer));

/* get_read.c */
void get_fill(struct get *g);
/* Is everything of its range there? */
bool get_range_done(const struct get *g);
/* What it has not got goes back to the file's todo; the READs under way are forgotten. */
void get_give_back(struct get *g);
void get_todo_add(struct get_file *f, uint64_t from, uint64_t to);
/* How much from the beginning is there without a gap, when no READ is under way. */
uint64_t get_prefix(const struct get_file *f);
struct job_task *get_split(struct job_task *t);

/* get_local.c: false: it has failed, and said why. */
bool get_find_local(struct get *g);
bool get_open_local(struct get *g);
bool get_write(struct get *g, uint64_t offset, struct slice data);
bool get_cut_local(struct get *g, uint64_t len);
/* ERR_EXISTS: no_clobber, and somebody was faster. */
enum err get_finish_local(struct get *g);

#endif
