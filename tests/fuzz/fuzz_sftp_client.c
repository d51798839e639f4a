/*
 * A hostile server against the client engine: a fetch and a listing are under way, and the input is
 * what the server sends. Whatever it is: each job ends at most once, the sink gets no more than was
 * listed, and nothing is lost track of. The first byte says in what pieces the rest arrives.
 */
#include "base/bug.h"
#include "sftp/fetch.h"
#include "sftp/listing.h"
#include "sftp/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SIZE = 40 * 1024, MTIME = 1700000000, ENTRIES_MAX = 20 };

struct job {
	struct sftp_client *c;
	size_t n_bytes, n_entries;
	unsigned n_fetched, n_listed;
};

static enum err
sink(void *ctx, struct slice data)
{
	struct job *job = ctx;

	job->n_bytes += data.len;
	BUG_ON(data.len == 0 || job->n_bytes > SIZE);
	return ERR_OK;
}

static void
fetched(void *ctx, enum sftp_fetch_outcome outcome, enum err sink_error, const struct story *story)
{
	struct job *job = ctx;

	BUG_ON(++job->n_fetched > 1);
	BUG_ON(outcome == SFTP_FETCH_DONE && job->n_bytes != SIZE);
	BUG_ON((outcome == SFTP_FETCH_DONE) != (story->text[0] == '\0'));
	BUG_ON(sink_error != ERR_OK);
}

static void
entry(void *ctx, const struct sftp_name *name)
{
	struct job *job = ctx;

	BUG_ON(slice_is(name->filename, ".") || slice_is(name->filename, ".."));
	BUG_ON(++job->n_entries > ENTRIES_MAX);
}

static void
listed(void *ctx, uint32_t status, const struct story *story)
{
	struct job *job = ctx;

	BUG_ON(++job->n_listed > 1);
	BUG_ON((status == SSH_FX_OK) != (story->text[0] == '\0'));
}

static void
ready(void *ctx, const struct sftp_reply *reply)
{
	struct job *job = ctx;
	const struct sftp_fetch_job fetch = {.path = slice_str("/f"),
	    .size = SIZE,
	    .mtime = MTIME,
	    .sink = sink,
	    .done = fetched,
	    .ctx = job};
	const struct sftp_listing_job listing = {.path = slice_str("/d"),
	    .max_entries = ENTRIES_MAX,
	    .entry = entry,
	    .done = listed,
	    .ctx = job};

	if (reply->status != SSH_FX_OK)
		return;
	(void)!sftp_fetch_start(job->c, &fetch);
	(void)!sftp_listing_start(job->c, &listing);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct job job = {0};

	if (len == 0 || sftp_client_new(&job.c) != ERR_OK)
		return 0;
	size_t most = data[0] == 0 ? SIZE_MAX : data[0];
	enum err e = sftp_client_start(job.c, ready, &job);
	for (size_t at = 1; at < len && e == ERR_OK;) {
		size_t n = len - at < most ? len - at : most;
		e = sftp_client_feed(job.c, data + at, n);
		buf_clear(sftp_client_output(job.c));
		at += n;
	}
	sftp_client_free(job.c);
	return 0;
}
