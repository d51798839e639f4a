/*
 * What a person, or a program (--json), is told of a job: its events as job.h tells them, one line
 * each at most, a summary at the end, and the exit code.
 *
 * People: complaints and the summary on the standard error, what is done with -v on the standard
 * output. Programs: one JSON object a line on the standard output; dray(1) describes them.
 */
#ifndef CLI_TRANSFER_REPORT_H
#define CLI_TRANSFER_REPORT_H

#include "cli/remote_session.h"
#include "cli/tally.h"
#include "client/sync.h"

struct transfer_report {
	struct remote_session *session; /* borrowed; whose progress is drawn */
	int64_t started_us;             /* on time_mono_us's clock */
	const char *go_on;              /* how to go on after an interrupt, for people */
	struct tally files;
	uint64_t n_skipped, n_unfinished; /* of files; unfinished: interrupted */
	uint64_t bytes;                   /* moved now */
	uint64_t n_removed;               /* by sync --delete */
};

void transfer_report_init(struct transfer_report *r, struct remote_session *session);

/* The events of a job that is told by r, refill left out. */
struct job_events transfer_report_events(struct transfer_report *r);

/* Single events: ctx is the report. */
void transfer_report_started(void *ctx, const struct job_item *item);
void transfer_report_ended(void *ctx, const struct job_result *result);
void transfer_report_notice(void *ctx, const char *text);
void transfer_report_tick(void *ctx, const struct job_tally *tally);
void transfer_report_decided(
    void *ctx, enum sync_action action, struct slice path, const char *why);

/* A source that came to nothing before the job: told as a file's failure is. */
void transfer_report_refused(
    struct transfer_report *r, const char *path, const struct ask_answer *a);

/* How it ended. */
struct report_end {
	enum job_outcome outcome;       /* of job_run */
	const char *story;              /* of job_run: why it is not all done; may be "" */
	bool interrupted;               /* by a person's signal */
	enum transport_outcome connect; /* TRANSPORT_LOGGED_IN, or why there is no connection */
};

/* Takes the progress away, tells the summary, and returns the exit code. */
enum cli_exit transfer_report_finish(struct transfer_report *r, const struct report_end *end);

#endif
