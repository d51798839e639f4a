#include "client/list.h"

#include <stdlib.h>

#include "base/bug.h"
#include "client/refusal.h"
#include "sftp/proto.h"
#include "sftp/story.h"

enum {
	/* Answers without an entry, one after another, after which a server is taken to go on
	   like that for ever. */
	LIST_EMPTY_MAX = 16
};

/*
 * opening ──▶ reading ──▶ ended ──▶ done is told, when no READDIR is under way any more
 *
 * What is still under way when the end was seen is absorbed: entries count (answers may have
 * overtaken each other), refusals don't.
 */
struct list {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct remote *r;
	struct list_config what;
	char *path;

	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;

	uint32_t ahead; /* READDIRs that may be under way */
	uint32_t n_under_way;
	uint32_t n_entries, n_empty;
	bool open, paused;
	bool ended;  /* no READDIR is sent any more */
	bool enough; /* the consumer wants no more entries, or it failed */
	bool closed; /* the CLOSE was sent */
	bool forgotten;
	bool busy; /* the consumer is being called: it may pause, but the list stays */
	struct ask_answer answer;
};

static struct slice
list_handle(const struct list *l)
{
	return slice_of(l->handle, l->handle_len);
}

static void
list_free(struct list *l)
{
	free(l->path);
	free(l);
}

static void
list_drop(struct sftp_client_job *job)
{
	list_free((struct list *)job);
}

static void
list_finish(struct list *l)
{
	LIST_REMOVE(&l->job, entry);
	if (!l->forgotten)
		l->what.done(l->what.ctx, &l->answer);
	list_free(l);
}

/* The first failure counts. */
static void
list_fail(struct list *l, enum err e, const char *why)
{
	if (l->answer.error == ERR_OK)
		refusal_own(&l->answer, "listing", l->what.path, e, why);
	l->ended = true;
	l->enough = true;
}

static void
list_refused(struct list *l, const struct sftp_reply *reply)
{
	if (l->answer.error == ERR_OK)
		refusal_tell(&l->answer, "listing", l->what.path, reply);
	l->ended = true;
}

/* What was listed is listed, whatever the server thinks of the CLOSE: nobody waits for it. */
static void
on_closed(void *ctx unused_arg, const struct sftp_reply *reply unused_arg)
{
}

/*
 * A server that acts in the order of requests gets the CLOSE behind the READDIRs that are under
 * way; others only when those are answered, for it could overtake one that has entries.
 */
static void
list_close(struct list *l)
{
	if (l->closed || (l->n_under_way > 0 && !remote_habits(l->r)->in_order))
		return;
	l->closed = true;
	(void)!sftp_client_close(remote_sftp(l->r), list_handle(l), on_closed, NULL);
}

static void on_names(void *ctx, const struct sftp_reply *reply);

/* Keeps READDIRs under way; after the end closes, and tells it when none is due any more. */
static void
list_go_on(struct list *l)
{
	enum err e = ERR_OK;

	while (!l->ended && !l->paused && l->n_under_way < l->ahead && e == ERR_OK) {
		e = sftp_client_readdir(remote_sftp(l->r), list_handle(l), on_names, l);
		if (e == ERR_OK)
			l->n_under_way++;
	}
	/* Others fill the client: what is under way goes on later. */
	if (e != ERR_OK && l->n_under_way == 0)
		list_fail(l, e, err_text(e));
	if (!l->ended)
		return;
	list_close(l);
	if (l->n_under_way == 0)
		list_finish(l);
}

/* Tells the entries; how many there were. */
static uint32_t
take_names(struct list *l, const struct sftp_reply *reply)
{
	struct rd cursor = rd_of(reply->names);
	struct sftp_name name;
	uint32_t n = 0;

	for (; !l->enough && sftp_names_next(&cursor, &name); n++) {
		if (name.filename.len > LIST_NAME_MAX)
			list_fail(l, ERR_NAMETOOLONG, "the server tells of a name without end");
		else if (++l->n_entries > LIST_ENTRIES_MAX)
			list_fail(l, ERR_LIMIT, "it has more entries than can be believed");
		else if (!l->what.entry(l->what.ctx, &name))
			l->enough = l->ended = true;
	}
	return n;
}

static void
on_names(void *ctx, const struct sftp_reply *reply)
{
	struct list *l = ctx;

	l->n_under_way--;
	l->busy = true;
	if (reply->status == SSH_FX_EOF) {
		l->ended = true;
	} else if (reply->status != SSH_FX_OK) {
		if (!l->ended)
			list_refused(l, reply);
	} else if (take_names(l, reply) > 0) {
		l->n_empty = 0;
		/* It was no short one: the more that it proves to have, the more is asked at once.
		 */
		l->ahead = l->ahead * 2 < LIST_AHEAD_MAX ? l->ahead * 2 : LIST_AHEAD_MAX;
	} else if (!l->enough && ++l->n_empty == LIST_EMPTY_MAX) {
		list_fail(l, ERR_LIMIT, "the server goes on answering READDIR with nothing");
	}
	l->busy = false;
	list_go_on(l);
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct list *l = ctx;

	if (reply->status != SSH_FX_OK) {
		list_refused(l, reply);
		list_finish(l);
		return;
	}
	BUG_ON(reply->handle.len > sizeof l->handle);
	if (reply->handle.len > 0)
		memcpy(l->handle, reply->handle.ptr, reply->handle.len);
	l->handle_len = reply->handle.len;
	l->open = true;
	list_go_on(l);
}

enum err
list_start(struct list **ret_l, struct remote *r, const struct list_config *config)
{
	struct list *l = calloc(1, sizeof *l);

	if (l == NULL)
		return ERR_NOMEM;
	l->r = r;
	l->path = slice_dup(config->path);
	l->what = *config;
	l->what.path = slice_of(l->path, config->path.len);
	l->job.drop = list_drop;
	l->ahead = LIST_AHEAD_MIN;
	enum err e = l->path == NULL
			 ? ERR_NOMEM
			 : sftp_client_opendir(remote_sftp(r), l->what.path, on_opened, l);
	if (e != ERR_OK) {
		list_free(l);
		return e;
	}
	sftp_client_attach(remote_sftp(r), &l->job);
	*ret_l = l;
	return ERR_OK;
}

void
list_pause(struct list *l, bool paused)
{
	l->paused = paused;
	if (!paused && l->open && !l->busy)
		list_go_on(l);
}

void
list_forget(struct list *l)
{
	if (l == NULL)
		return;
	l->forgotten = l->enough = l->ended = true;
	if (l->open && !l->busy)
		list_go_on(l);
}

bool
list_name_is_safe(struct slice name)
{
	return name.len > 0 && !slice_is(name, ".") && !slice_is(name, "..") &&
	       !slice_has(name, '/') && !slice_has(name, 0);
}
