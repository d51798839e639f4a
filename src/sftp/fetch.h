/*
 * Fetching one file with the client engine: STAT, OPEN, many READs under way at once, CLOSE, and
 * STAT again where that is harmless. The content goes to a sink in order. Ends in exactly one
 * outcome.
 *
 * The file must be what was listed: another size or mtime before or after is SFTP_FETCH_CHANGED,
 * and so is an end of file at another length than listed.
 *
 * One OPEN, no STAT while the file is open: there are mailboxes that give a file only once. That
 * is why a file that is gone after its CLOSE was fetched all the same (SFTP_FETCH_DONE).
 *
 *	stat ──▶ opening ──▶ reading ──▶ closing ──▶ checking ──▶ done
 *	  │          │           │           ▲  │
 *	  │          │           ▼           │  │ (failed)
 *	  │          │        draining ──────┘  │
 *	  └──────────┴──────────────────────────┴──────────────▶ done
 */
#ifndef SFTP_FETCH_H
#define SFTP_FETCH_H

#include "sftp/budget.h"
#include "sftp/client.h"

enum sftp_fetch_outcome {
	SFTP_FETCH_DONE,
	SFTP_FETCH_GONE, /* no such file */
	SFTP_FETCH_CHANGED,
	SFTP_FETCH_REFUSED, /* the server said no: see the story */
	SFTP_FETCH_SINK     /* the sink failed: see sink_error; or we ran out of memory */
};

struct sftp_fetch_job {
	struct slice path; /* copied */
	uint64_t size;     /* as listed */
	int64_t mtime;     /* as listed, seconds */
	uint64_t offset;   /* where to begin: what is before is known already */
	/* Shared by all fetches of the connection, which it outlives; NULL: SFTP_FETCH_BUDGET for
	 * this one alone. */
	struct sftp_budget *budget;
	/* The next bytes of the file, in order, beginning at job.offset.
	 * Not ERR_OK ends the fetch. */
	enum err (*sink)(void *ctx, struct slice data);
	void (*done)(void *ctx, enum sftp_fetch_outcome outcome, enum err sink_error,
	    const struct story *story);
	void *ctx;
};

/*
 * Bytes of READ requests under way for one file that shares no budget. What is under way is also
 * the bound of memory for answers out of order.
 */
enum { SFTP_FETCH_BUDGET = 4 * 1024 * 1024 };

/*
 * Starts; frees itself after done was called. When it returns an error, done is never called; nor
 * is it when the client is freed before. ERR_INVALID: offset is past size.
 */
enum err sftp_fetch_start(struct sftp_client *c, const struct sftp_fetch_job *job) must_check;

#endif
