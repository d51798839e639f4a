/*
 * A tree made like another: new and changed files moved, and on request what the source doesn't
 * have removed. One side is the server's. Directory by directory: both sides are listed, compared,
 * and the differences become items of a job (job.h). Restartable: what is equal is passed over.
 *
 * Files are equal when size and mtime are (or content, with checksum). Where the server refuses to
 * set times, which is said once, an upload is equal when sizes are and the server's is not older.
 * Files' times and modes are kept; directories get the source's mode when they are made, and no
 * times. Symbolic links, and what is neither file nor directory, are skipped with a notice. A name
 * that is a file on one side and a directory on the other counts as failed.
 */
#ifndef CLIENT_SYNC_H
#define CLIENT_SYNC_H

#include "client/job.h"

/* A pattern decides for names (without "/") or for paths from the tree's root (with one); the first
 * one that fits wins; directories fit a pattern that ends in "/". */
struct sync_pattern {
	bool include;
	const char *pattern;
};

enum { SYNC_PATTERNS_MAX = 256 };

struct sync_options {
	struct job_options job; /* recursive and preserve are implied (times are kept) */
	bool checksum;          /* contents by hash where sizes are equal, not by mtime */
	bool remove;            /* --delete: after everything else, and not when a listing failed */
	bool dry_run;
	const struct sync_pattern *patterns;
	size_t n_patterns;
	int64_t max_age_us;          /* older files are passed over; 0: any */
	uint64_t min_size, max_size; /* 0: any */
	int64_t mtime_slack_s;       /* times that differ by less are equal; 0 */
};

enum sync_action { SYNC_NEW, SYNC_CHANGED, SYNC_REMOVED, SYNC_MADE_DIR, SYNC_EQUAL, SYNC_KEPT };

struct sync_events {
	struct job_events job; /* started, ended, notice, tick, connect; refill is sync's own */
	/* What was decided for one path (relative to the tree), in order. SYNC_KEPT: would have
	 * been removed, but a listing failed. why: "size 10, was 12". */
	void (*decided)(void *ctx, enum sync_action action, struct slice path, const char *why);
	void *ctx;
};

struct sync_summary {
	uint64_t n_new, n_changed, n_removed, n_equal, n_excluded, n_failed, n_dirs;
	uint64_t bytes;
};

/*
 * direction JOB_GET: remote is the source. Runs to the end as job_run does. *io_remote: the
 * connection, as job_new's first and job_remote.
 */
enum job_outcome sync_run(struct remote **io_remote, enum job_direction direction,
    const char *remote, const char *local, const struct sync_options *options,
    const struct sync_events *events, int64_t timeout_us, int interrupt_fd,
    struct sync_summary *ret_summary, struct story *story);

/* Does the relative path take part? For tests. */
bool sync_pattern_takes(const struct sync_options *o, struct slice path, bool is_directory);

#endif
