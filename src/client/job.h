/*
 * Many files moved at once: what one command wants fetched or put, over one or several connections
 * to one server, with one budget of bytes in flight over all of its files. The open of file n+1
 * travels while file n's data flows and file n-1's close is on its way; directories are listed
 * ahead; small files go whole. Memory is bounded whatever the number of files.
 *
 * Nothing half-written is seen under the target's name: a download is written beside it and renamed
 * when it is complete; so is an upload, where the server can (enum job_upload). A connection that
 * is lost is opened again, with growing delays, and every file goes on where it stopped; what the
 * server refuses for good is told as the file's failure.
 */
#ifndef CLIENT_JOB_H
#define CLIENT_JOB_H

#include "client/remote.h"

struct job;

/* How far a prefix that is there already must be proved equal before it is continued. */
enum job_proof {
	JOB_PROOF_HASH, /* all of it: check-file, or read back where the server has none */
	JOB_PROOF_TAIL, /* its last JOB_TAIL bytes, read back */
	JOB_PROOF_SIZE  /* only that it isn't longer */
};

enum job_resume {
	JOB_RESUME_NONE,  /* from the beginning; a partial file of ours that is left is replaced */
	JOB_RESUME_OURS,  /* what an earlier, interrupted run of ours left under its temporary name
			   */
	JOB_RESUME_TARGET /* the target itself is the partial file (get -a, put -a, reget, reput) */
};

enum job_upload {
	JOB_UPLOAD_AUTO,    /* TEMPORARY where the server can, else in place, with a warning */
	JOB_UPLOAD_TEMP,    /* a temporary name, and renamed; or it fails */
	JOB_UPLOAD_IN_PLACE /* straight to the target's name */
};

enum { JOB_TAIL = 1024 * 1024, JOB_BUDGET_MIN = 4 * 1024 * 1024, JOB_CONNECTIONS_MAX = 16 };

struct job_options {
	bool recursive;  /* directories, too; else each fails with a message */
	bool preserve;   /* times and modes (-p) */
	bool fsync;      /* files are flushed to disk before they get their name (-f) */
	bool verify;     /* hash compared after the transfer: check-file, or read back */
	bool read_once;  /* STAT, OPEN, READ…, CLOSE and nothing else; never opened twice */
	bool follow;     /* links met while walking are followed (put -r and get -r of sftp do) */
	bool no_clobber; /* an existing target is skipped */
	enum job_resume resume;
	enum job_proof proof;
	enum job_upload upload;
	uint32_t connections;      /* at least 1 */
	uint64_t budget;           /* bytes in flight over all files; 0: what the line needs */
	uint32_t request_len;      /* -B; 0: what the server allows */
	uint32_t requests;         /* -R; 0: as many as the budget allows */
	uint64_t bytes_per_second; /* 0: no limit */
	uint32_t retries;          /* of the connection, one after another without progress */
	int64_t retry_delay_us;    /* before the first, then doubled up to 60 s */
};

enum job_direction { JOB_GET, JOB_PUT };

/* One file or directory that is wanted. Strings are copied. */
struct job_item {
	enum job_direction direction;
	const char *remote; /* path on the server, as is: no wildcards any more */
	const char *local;  /* path here, the operator's own: may lead through links */
	/* attrs of the source as listed; flags 0: not known, and asked for */
	struct sftp_attrs attrs;
	void *tag; /* the caller's */
};

enum job_outcome {
	JOB_DONE,
	JOB_SKIPPED,    /* there already (no_clobber), or not a regular file: see story */
	JOB_FAILED,     /* see story; error's class says what kind of failure */
	JOB_INTERRUPTED /* the person stopped it, or the connection was lost for good */
};

struct job_result {
	const struct job_item *item; /* of a file in a tree: its own two paths */
	enum job_outcome outcome;
	enum err error;
	bool is_directory;
	uint64_t bytes;    /* moved now */
	uint64_t resumed;  /* bytes that were there before */
	int64_t us;        /* from its first request to its end */
	const char *hash;  /* sha256 in hexadecimal when it is known; NULL */
	const char *story; /* failed, skipped: why; done: a warning, or "" */
};

/* Counters of the whole job, for progress. */
struct job_tally {
	uint64_t files_done, files_failed, files_skipped, files_known;
	uint64_t bytes_done, bytes_known; /* known: of files whose size is known so far */
	bool walking;                     /* more may come */
	const char *current;              /* the first file in hand, unescaped; NULL: none */
	uint64_t current_bytes, current_size;
};

struct job_events {
	/* Each file as it is begun, and each as it ended, in the order in which they were added or
	 * met in a tree, whatever the order in which they are through. */
	void (*started)(void *ctx, const struct job_item *item);
	void (*ended)(void *ctx, const struct job_result *result);
	/* Something for people beside: "connection lost, trying again in 2s (1 of 5)". */
	void (*notice)(void *ctx, const char *text);
	/* Called often (at least ten times a second while there is work): draw progress. */
	void (*tick)(void *ctx, const struct job_tally *tally);
	/* There is room: job_add what comes next. False: there is no more. NULL: none comes. */
	bool (*refill)(void *ctx, struct job *job);
	/* One more connection; blocks. NULL: no reconnects and no second connection. */
	enum transport_outcome (*connect)(void *ctx, struct transport **ret_t, struct story *story);
	void *ctx;
};

/*
 * first: a live connection that is used first, borrowed: it stays the caller's, who asks
 * job_remote afterwards which one is live now (a lost one is freed by the job). NULL: connect.
 * timeout_us as remote_new has it, for connections of the job's own.
 */
enum err job_new(struct job **ret_j, struct remote *first, const struct job_options *options,
    const struct job_events *events, int64_t timeout_us) must_check;

/* ERR_AGAIN: enough is waiting; go on from refill. */
enum err job_add(struct job *j, const struct job_item *item) must_check;

/* How many are waiting to be begun: refill is asked for below JOB_QUEUE. */
enum { JOB_QUEUE = 1024 };

/*
 * Runs until everything is through, or interrupt_fd (-1: none) becomes readable: then nothing more
 * is begun, what is open is closed, and what was fetched in part is kept for a resume. Result: the
 * worst that happened: JOB_DONE when every file is done or skipped.
 */
enum job_outcome job_run(struct job *j, int interrupt_fd, struct story *story);

void job_tally(const struct job *j, struct job_tally *ret);

/* The connection that is live now, which becomes the caller's; NULL: none. Once, before job_free.
 */
struct remote *job_remote(struct job *j);
/* Why there is none: of the last connect. */
enum transport_outcome job_connect_outcome(const struct job *j);

void job_free(struct job *j);

#endif
