#include "sftp/listing.h"

#include <stdlib.h>

#include "base/bug.h"
#include "sftp/proto.h"
#include "sftp/status.h"
#include "sftp/story.h"

enum {
	/* READDIRs under way at once: a long line costs its delay once in so many answers. */
	LISTING_AHEAD = 4,
	/* Answers without a new entry, one after another, after which a server is taken to go on
	   like that for ever. */
	LISTING_EMPTY_MAX = 16
};

struct listing {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct sftp_client *c;
	struct sftp_listing_job what;
	char *path;

	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;

	uint32_t n_under_way;
	uint32_t n_entries;
	uint32_t n_empty;
	bool ended;      /* no READDIR is sent any more */
	uint32_t status; /* what done will be told */
	struct story story;
};

static struct slice
listing_handle(const struct listing *l)
{
	return slice_of(l->handle, l->handle_len);
}

static void
listing_free(struct listing *l)
{
	free(l->path);
	free(l);
}

static void
listing_drop(struct sftp_client_job *job)
{
	listing_free((struct listing *)job);
}

static void
listing_finish(struct listing *l)
{
	LIST_REMOVE(&l->job, entry);
	l->what.done(l->what.ctx, l->status, &l->story);
	listing_free(l);
}

/* The first failure counts. */
static void
listing_fail(struct listing *l, const char *why)
{
	if (l->status == SSH_FX_OK) {
		l->status = SSH_FX_FAILURE;
		sftp_story_own(&l->story, "listing", l->what.path, why);
	}
	l->ended = true;
}

static void
listing_refused(struct listing *l, const struct sftp_reply *reply)
{
	if (l->status == SSH_FX_OK) {
		l->status = reply->status;
		sftp_story_refused(&l->story, "listing", l->what.path, reply);
	}
	l->ended = true;
}

/* What was listed is listed, whatever the server thinks of the CLOSE. */
static void
on_closed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	listing_finish(ctx);
}

static void on_names(void *ctx, const struct sftp_reply *reply);

/* Keeps READDIRs under way; after the end, when none is any more, closes. */
static void
listing_go_on(struct listing *l)
{
	enum err e = ERR_OK;

	while (!l->ended && l->n_under_way < LISTING_AHEAD && e == ERR_OK) {
		e = sftp_client_readdir(l->c, listing_handle(l), on_names, l);
		if (e == ERR_OK)
			l->n_under_way++;
	}
	if (l->n_under_way > 0)
		return;
	if (e != ERR_OK)
		listing_fail(l, err_text(e));
	e = sftp_client_close(l->c, listing_handle(l), on_closed, l);
	if (e != ERR_OK) {
		listing_fail(l, err_text(e));
		listing_finish(l);
	}
}

/* Tells the entries; returns how many of them were real. */
static uint32_t
take_names(struct listing *l, const struct sftp_reply *reply)
{
	struct rd cursor = rd_of(reply->names);
	struct sftp_name name;
	uint32_t n = 0;

	while (!l->ended && sftp_names_next(&cursor, &name)) {
		if (slice_is(name.filename, ".") || slice_is(name.filename, ".."))
			continue;
		n++;
		if (l->n_entries == l->what.max_entries) {
			listing_fail(l, "it has more entries than are allowed");
			break;
		}
		l->n_entries++;
		l->what.entry(l->what.ctx, &name);
	}
	return n;
}

static void
on_names(void *ctx, const struct sftp_reply *reply)
{
	struct listing *l = ctx;

	l->n_under_way--;
	if (reply->status == SSH_FX_EOF)
		l->ended = true;
	else if (reply->status != SSH_FX_OK)
		listing_refused(l, reply);
	else if (take_names(l, reply) > 0)
		l->n_empty = 0;
	else if (++l->n_empty == LISTING_EMPTY_MAX)
		listing_fail(l, "the server goes on answering READDIR with nothing");
	listing_go_on(l);
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct listing *l = ctx;

	if (reply->status != SSH_FX_OK) {
		listing_refused(l, reply);
		listing_finish(l);
		return;
	}
	BUG_ON(reply->handle.len > sizeof l->handle);
	if (reply->handle.len > 0)
		memcpy(l->handle, reply->handle.ptr, reply->handle.len);
	l->handle_len = reply->handle.len;
	listing_go_on(l);
}

enum err
sftp_listing_start(struct sftp_client *c, const struct sftp_listing_job *job)
{
	struct listing *l = calloc(1, sizeof *l);

	if (l == NULL)
		return ERR_NOMEM;
	l->c = c;
	l->path = slice_dup(job->path);
	l->what = *job;
	l->what.path = slice_of(l->path, job->path.len);
	l->job.drop = listing_drop;
	l->status = SSH_FX_OK;
	enum err e =
	    l->path == NULL ? ERR_NOMEM : sftp_client_opendir(c, l->what.path, on_opened, l);
	if (e != ERR_OK) {
		listing_free(l);
		return e;
	}
	sftp_client_attach(c, &l->job);
	return ERR_OK;
}
