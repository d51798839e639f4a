#include "sftp/fetch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "sftp/proto.h"
#include "sftp/status.h"
#include "sftp/story.h"

/* See the picture in fetch.h. */
enum fetch_state {
	FETCH_STAT,
	FETCH_OPENING,
	FETCH_READING,
	FETCH_DRAINING, /* failed; answers to READs are still due */
	FETCH_CLOSING,
	FETCH_CHECKING
};

/*
 * A range of the file that was asked for and not given to the sink yet. A READ may be answered with
 * less: then the same piece asks for the rest. What arrives before the pieces in front of it are
 * through is stored here.
 */
struct fetch_piece {
	struct fetch *fetch;
	uint64_t offset; /* of the next byte to arrive */
	uint32_t len;    /* of the whole piece: what it takes of the budget */
	uint32_t
	    missing; /* bytes that did not arrive yet; of the probe 1 until the end is proven */
	bool probe;  /* the READ behind the last byte, which must find the end of the file */
	uint8_t *stored;
	uint32_t n_stored;
};

struct fetch {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct sftp_client *c;
	struct sftp_fetch_job what;
	char *path;
	enum fetch_state state;

	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;

	uint64_t next; /* offset of the next piece to ask for */
	bool probed;   /* the probe was sent */
	struct sftp_budget own, *budget;
	uint64_t window; /* bytes of all pieces: what it takes of the budget */
	uint32_t n_under_way;

	enum sftp_fetch_outcome outcome;
	enum err sink_error;
	struct story story;

	/* A ring in the order of the file. */
	uint32_t first, n_pieces, cap;
	struct fetch_piece pieces[];
};

static struct slice
fetch_handle(const struct fetch *f)
{
	return slice_of(f->handle, f->handle_len);
}

static struct fetch_piece *
piece_at(struct fetch *f, uint32_t i)
{
	return &f->pieces[(f->first + i) % f->cap];
}

static void
fetch_free(struct fetch *f)
{
	sftp_budget_credit(f->budget, f->window, time_mono_us());
	f->budget->n_users--;
	for (uint32_t i = 0; i < f->cap; i++)
		free(f->pieces[i].stored);
	free(f->path);
	free(f);
}

static void
fetch_drop(struct sftp_client_job *job)
{
	fetch_free((struct fetch *)job);
}

static void
fetch_finish(struct fetch *f)
{
	LIST_REMOVE(&f->job, entry);
	f->what.done(f->what.ctx, f->outcome, f->sink_error, &f->story);
	fetch_free(f);
}

/* The first failure decides the outcome. */
static void
fetch_fail(struct fetch *f, enum sftp_fetch_outcome outcome, const char *why)
{
	f->outcome = outcome;
	sftp_story_own(&f->story, "fetching", f->what.path, why);
	if (f->state == FETCH_READING)
		f->state = FETCH_DRAINING;
}

static void
fetch_refused(struct fetch *f, const char *what, const struct sftp_reply *reply)
{
	f->outcome = reply->status == SSH_FX_NO_SUCH_FILE ? SFTP_FETCH_GONE : SFTP_FETCH_REFUSED;
	sftp_story_refused(&f->story, what, f->what.path, reply);
	if (f->state == FETCH_READING)
		f->state = FETCH_DRAINING;
}

/* Our own side failed. */
static void
fetch_fail_local(struct fetch *f, enum err e)
{
	f->sink_error = e;
	fetch_fail(f, SFTP_FETCH_SINK, err_text(e));
}

/* Is this still the file that was listed, as far as the server says? */
static bool
is_as_listed(const struct fetch *f, const struct sftp_attrs *a)
{
	if ((a->flags & SSH_FILEXFER_ATTR_SIZE) && a->size != f->what.size)
		return false;
	return !(a->flags & SSH_FILEXFER_ATTR_ACMODTIME) || (int64_t)a->mtime == f->what.mtime;
}

/*
 * Size and end were proven by reading, so only what STAT shows to be different counts against the
 * file. That it is gone, or may not be asked for, does not: some mailboxes drop a file once it was
 * read.
 */
static void
on_checked(void *ctx, const struct sftp_reply *reply)
{
	struct fetch *f = ctx;

	if (reply->status == SSH_FX_OK && !is_as_listed(f, &reply->attrs))
		fetch_fail(f, SFTP_FETCH_CHANGED, "it was changed while it was read");
	fetch_finish(f);
}

/* A CLOSE that is refused takes nothing back of what was read to its end. */
static void
on_closed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	struct fetch *f = ctx;

	if (f->outcome == SFTP_FETCH_DONE) {
		f->state = FETCH_CHECKING;
		enum err e = sftp_client_stat(f->c, f->what.path, on_checked, f);
		if (e == ERR_OK)
			return;
		fetch_fail_local(f, e);
	}
	fetch_finish(f);
}

static void
fetch_close(struct fetch *f)
{
	f->state = FETCH_CLOSING;
	enum err e = sftp_client_close(f->c, fetch_handle(f), on_closed, f);
	if (e == ERR_OK)
		return;
	if (f->outcome == SFTP_FETCH_DONE)
		fetch_fail_local(f, e);
	fetch_finish(f);
}

static void on_read(void *ctx, const struct sftp_reply *reply);

static enum err
piece_ask(struct fetch *f, struct fetch_piece *p)
{
	enum err e = sftp_client_read(f->c, fetch_handle(f), p->offset, p->missing, on_read, p);

	if (e == ERR_OK)
		f->n_under_way++;
	return e;
}

/* Asks for the next piece of the file, or for its end. */
static enum err
fetch_ask_next(struct fetch *f, uint32_t len)
{
	struct fetch_piece *p = piece_at(f, f->n_pieces);

	*p = (struct fetch_piece){.fetch = f, .offset = f->next, .len = len, .missing = len};
	if (len == 0) {
		p->probe = true;
		p->missing = 1;
	}
	enum err e = piece_ask(f, p);
	if (e != ERR_OK)
		return e;
	f->n_pieces++;
	f->window += len;
	sftp_budget_charge(f->budget, len);
	f->next += len;
	f->probed = p->probe;
	return ERR_OK;
}

/*
 * Keeps the budget under way, and never asks beyond the listed size but for the one probe. The
 * requests are in the order of the file: servers that stream from elsewhere can't do better.
 */
static void
fetch_fill(struct fetch *f)
{
	uint32_t max_read = sftp_client_limits(f->c)->max_read;

	while (f->n_pieces < f->cap && !f->probed) {
		uint64_t left = f->what.size - f->next;
		uint32_t len = left < max_read ? (uint32_t)left : max_read;
		if (f->n_pieces > 0 && !sftp_budget_fits(f->budget, f->window, len))
			return;
		enum err e = fetch_ask_next(f, len);
		if (e == ERR_OK)
			continue;
		/* Others' requests fill the client: ours that are under way go on later. */
		if (f->n_under_way == 0)
			fetch_fail_local(f, e);
		return;
	}
}

static void
fetch_sink(struct fetch *f, struct slice data)
{
	enum err e = f->what.sink(f->what.ctx, data);

	if (e != ERR_OK)
		fetch_fail_local(f, e);
}

/* Gives what is stored at the front of the ring to the sink,
 * and drops the pieces that are through. */
static void
fetch_deliver(struct fetch *f)
{
	while (f->n_pieces > 0 && f->state == FETCH_READING) {
		struct fetch_piece *p = piece_at(f, 0);
		if (p->n_stored > 0)
			fetch_sink(f, slice_of(p->stored, p->n_stored));
		free(p->stored);
		p->stored = NULL;
		p->n_stored = 0;
		if (p->missing > 0)
			return;
		f->window -= p->len;
		sftp_budget_credit(f->budget, p->len, time_mono_us());
		f->first = (f->first + 1) % f->cap;
		f->n_pieces--;
	}
}

static enum err
piece_store(struct fetch_piece *p, struct slice data)
{
	/* The rest of the piece fits, too: what is stored is at most its length. */
	if (p->stored == NULL) {
		p->stored = malloc(p->len);
		p->n_stored = 0;
	}
	if (p->stored == NULL)
		return ERR_NOMEM;
	BUG_ON(data.len > p->len - p->n_stored);
	memcpy(p->stored + p->n_stored, data.ptr, data.len);
	p->n_stored += (uint32_t)data.len;
	return ERR_OK;
}

static void
take_data(struct fetch *f, struct fetch_piece *p, struct slice data)
{
	enum err e = ERR_OK;

	if (p->probe) {
		fetch_fail(f, SFTP_FETCH_CHANGED, "it is longer than listed");
		return;
	}
	if (data.len == 0) {
		fetch_fail(f, SFTP_FETCH_REFUSED, "the server answers a READ with nothing");
		return;
	}
	p->offset += data.len;
	p->missing -= (uint32_t)data.len;
	/* First of all, while the answered request's place in the client is sure to be free. */
	if (p->missing > 0)
		e = piece_ask(f, p);
	if (e == ERR_OK && p != piece_at(f, 0))
		e = piece_store(p, data);
	else if (e == ERR_OK)
		fetch_sink(f, data);
	if (e != ERR_OK)
		fetch_fail_local(f, e);
}

static void
take_end(struct fetch *f, struct fetch_piece *p)
{
	char why[96];

	if (p->probe) {
		p->missing = 0;
		return;
	}
	(void)snprintf(why, sizeof why, "it ends before byte %" PRIu64 " of %" PRIu64, p->offset,
	    f->what.size);
	fetch_fail(f, SFTP_FETCH_CHANGED, why);
}

static void
on_read(void *ctx, const struct sftp_reply *reply)
{
	struct fetch_piece *p = ctx;
	struct fetch *f = p->fetch;

	f->n_under_way--;
	if (f->state == FETCH_READING) {
		if (reply->status == SSH_FX_OK)
			take_data(f, p, reply->data);
		else if (reply->status == SSH_FX_EOF)
			take_end(f, p);
		else
			fetch_refused(f, "reading", reply);
		fetch_deliver(f);
	}
	if (f->state == FETCH_READING)
		fetch_fill(f);
	/* All is through, the probe too; or nothing more is due of what failed. */
	if (f->n_under_way == 0 && (f->n_pieces == 0 || f->state == FETCH_DRAINING))
		fetch_close(f);
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct fetch *f = ctx;

	if (reply->status != SSH_FX_OK) {
		fetch_refused(f, "opening", reply);
		fetch_finish(f);
		return;
	}
	BUG_ON(reply->handle.len > sizeof f->handle);
	if (reply->handle.len > 0)
		memcpy(f->handle, reply->handle.ptr, reply->handle.len);
	f->handle_len = reply->handle.len;
	f->state = FETCH_READING;
	fetch_fill(f);
	if (f->n_under_way == 0)
		fetch_close(f);
}

static void
on_stat(void *ctx, const struct sftp_reply *reply)
{
	struct fetch *f = ctx;

	if (reply->status != SSH_FX_OK) {
		fetch_refused(f, "looking at", reply);
	} else if (!is_as_listed(f, &reply->attrs)) {
		fetch_fail(f, SFTP_FETCH_CHANGED, "it is not as it was listed");
	} else {
		f->state = FETCH_OPENING;
		enum err e = sftp_client_open(f->c, f->what.path, SSH_FXF_READ, NULL, on_opened, f);
		if (e == ERR_OK)
			return;
		fetch_fail_local(f, e);
	}
	fetch_finish(f);
}

/*
 * As many pieces as the file can need, with the probe, or the budget once it has grown. More would
 * pass it only where READs are smaller than the default.
 */
static uint32_t
pieces_needed(const struct sftp_client *c, const struct sftp_fetch_job *job)
{
	uint64_t budget = job->budget == NULL ? SFTP_FETCH_BUDGET : job->budget->max;
	uint64_t n = (job->size - job->offset) / sftp_client_limits(c)->max_read + 2;
	uint64_t most = budget / SFTP_CLIENT_DEFAULT_LEN + 1;

	most = most < SFTP_CLIENT_PENDING_MAX ? most : SFTP_CLIENT_PENDING_MAX;
	return (uint32_t)(n < most ? n : most);
}

enum err
sftp_fetch_start(struct sftp_client *c, const struct sftp_fetch_job *job)
{
	if (job->offset > job->size)
		return ERR_INVALID;
	uint32_t cap = pieces_needed(c, job);
	struct fetch *f = calloc(1, sizeof *f + cap * sizeof f->pieces[0]);
	if (f == NULL)
		return ERR_NOMEM;
	f->path = slice_dup(job->path);
	f->c = c;
	f->what = *job;
	f->what.path = slice_of(f->path, job->path.len);
	f->job.drop = fetch_drop;
	f->state = FETCH_STAT;
	f->outcome = SFTP_FETCH_DONE;
	f->next = job->offset;
	f->cap = cap;
	sftp_budget_init_fixed(&f->own, SFTP_FETCH_BUDGET);
	f->budget = job->budget == NULL ? &f->own : job->budget;
	f->budget->n_users++;
	enum err e = f->path == NULL ? ERR_NOMEM : sftp_client_stat(c, f->what.path, on_stat, f);
	if (e != ERR_OK) {
		fetch_free(f);
		return e;
	}
	sftp_client_attach(c, &f->job);
	return ERR_OK;
}
