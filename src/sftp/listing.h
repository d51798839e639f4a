/* Listing a directory with the client engine: OPENDIR, READDIRs, CLOSE; entries are streamed. */
#ifndef SFTP_LISTING_H
#define SFTP_LISTING_H

#include "sftp/client.h"

struct sftp_listing_job {
	struct slice path;    /* copied */
	uint32_t max_entries; /* more end the listing as refused */
	void (*entry)(void *ctx, const struct sftp_name *name); /* not for "." and ".." */
	/* status: SSH_FX_OK, or what the server said. */
	void (*done)(void *ctx, uint32_t status, const struct story *story);
	void *ctx;
};

/*
 * Starts; frees itself after done was called. When it returns an error, done is never called; nor
 * is it when the client is freed before. Entries may have been told already when a listing fails.
 */
enum err sftp_listing_start(struct sftp_client *c, const struct sftp_listing_job *job) must_check;

#endif
