#include "client/erase.h"

#include <stdlib.h>

#include "base/bug.h"
#include "client/list.h"
#include "client/refusal.h"
#include "sftp/proto.h"
#include "sftp/server.h"

enum { QUEUE_LOOK = 64 }; /* how far something is looked for that may be begun */

/*
 * A name that is to be removed:
 *
 *	queued ──▶ asked (LSTAT) ──▶ queued, as directory ──▶ listed ──▶ RMDIR ──▶ gone
 *	  │            │                      ▲                            │
 *	  └────────────┴──▶ REMOVE ──▶ gone   └──── (again: not empty) ────┘
 *
 * A directory stays until all of its children have ended. One that has a child that could not be
 * removed stays for good.
 */
enum node_kind { NODE_UNKNOWN, NODE_FILE, NODE_DIR };

struct node {
	TAILQ_ENTRY(node) entry; /* of the queue, or of the paused */
	LIST_ENTRY(node) all;
	struct eraser *e;
	struct node *parent;
	struct list *list;
	char *path;
	enum node_kind kind;
	bool given; /* by the caller: in the ring, told in order */
	bool ended;
	bool paused;       /* its listing is */
	bool passed;       /* it was listed, and is to be removed next */
	size_t n_children; /* that have not ended */
	size_t n_found;    /* in this pass */
	unsigned n_passes;
	struct ask_answer answer;
};

TAILQ_HEAD(node_queue, node);

struct eraser {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct remote *r;
	struct erase_options options;
	erase_told_fn *told;
	void *ctx;
	struct node_queue queue, paused;
	LIST_HEAD(, node) all;
	size_t n_under_way, n_listings, n_paused, n_nodes, n_failed;
	bool orphaned; /* the caller has left: what is under way is awaited, and nobody told */
	/* The caller's paths, a ring in their order. */
	struct node *given[ERASE_REQUESTS];
	size_t first, n_given;
};

static void
node_free(struct node *n)
{
	n->e->n_nodes--;
	LIST_REMOVE(n, all);
	free(n->path);
	free(n);
}

static struct node *
node_new(struct eraser *e, struct node *parent, struct slice name, enum node_kind kind)
{
	struct node *n = calloc(1, sizeof *n);
	int len = -1;

	if (n == NULL)
		return NULL;
	n->e = e;
	n->parent = parent;
	n->kind = kind;
	if (parent == NULL)
		n->path = slice_dup(name);
	else if ((len = asprintf(&n->path, "%s/%.*s", parent->path, SLICE_ARG(name))) < 0)
		n->path = NULL;
	if (n->path == NULL) {
		free(n);
		return NULL;
	}
	e->n_nodes++;
	LIST_INSERT_HEAD(&e->all, n, all);
	if (parent != NULL)
		parent->n_children++;
	return n;
}

static void node_end(struct node *n);

/* All that was found in a directory has ended. */
static void
dir_emptied(struct node *n)
{
	if (n->answer.error != ERR_OK) {
		node_end(n);
		return;
	}
	/* In front: what is begun is ended first, so that few directories are in hand. */
	TAILQ_INSERT_HEAD(&n->e->queue, n, entry);
}

static void
tell_given(struct eraser *e)
{
	while (e->n_given > 0 && e->given[e->first]->ended) {
		struct node *n = e->given[e->first];
		e->first = (e->first + 1) % ERASE_REQUESTS;
		e->n_given--;
		if (n->answer.error != ERR_OK)
			e->n_failed++;
		e->told(e->ctx, slice_str(n->path), &n->answer);
		node_free(n);
	}
}

/* A child that stays keeps its directory. */
static void
parent_hears(struct node *parent, const struct node *child)
{
	parent->n_children--;
	if (child->answer.error != ERR_OK && parent->answer.error == ERR_OK)
		refusal_own(&parent->answer, "removing", slice_str(parent->path), ERR_NOTEMPTY,
		    "something in it could not be removed");
	if (parent->n_children == 0 && parent->list == NULL)
		dir_emptied(parent);
}

static void
node_end(struct node *n)
{
	struct eraser *e = n->e;
	struct node *parent = n->parent;

	n->ended = true;
	if (n->given) {
		tell_given(e);
		return;
	}
	if (n->answer.error != ERR_OK)
		e->told(e->ctx, slice_str(n->path), &n->answer);
	if (parent != NULL)
		parent_hears(parent, n);
	node_free(n);
}

static void
eraser_free(struct eraser *e)
{
	struct node *n;

	while ((n = LIST_FIRST(&e->all)) != NULL)
		node_free(n);
	free(e);
}

static void
eraser_drop(struct sftp_client_job *job)
{
	eraser_free((struct eraser *)job);
}

/* An answer has come. False: nobody is interested any more, and n may be gone. */
static bool
answer_counts(struct node *n)
{
	struct eraser *e = n->e;

	e->n_under_way--;
	if (e->orphaned && e->n_under_way == 0) {
		LIST_REMOVE(&e->job, entry);
		eraser_free(e);
		return false;
	}
	return !e->orphaned;
}

static void
on_removed(void *ctx, const struct sftp_reply *reply)
{
	struct node *n = ctx;

	if (!answer_counts(n))
		return;
	if (reply->status != SSH_FX_OK)
		refusal_tell(&n->answer, "removing", slice_str(n->path), reply);
	node_end(n);
}

static void
on_rmdir(void *ctx, const struct sftp_reply *reply)
{
	struct node *n = ctx;

	if (!answer_counts(n))
		return;
	/* Names that a listing has skipped while others went, or that are new. */
	bool again = reply->status != SSH_FX_OK && n->n_found > 0 && n->n_passes < ERASE_PASSES;
	if (again) {
		n->n_found = 0;
		TAILQ_INSERT_HEAD(&n->e->queue, n, entry);
		return;
	}
	if (reply->status != SSH_FX_OK)
		refusal_tell(&n->answer, "removing", slice_str(n->path), reply);
	node_end(n);
}

static void
on_looked(void *ctx, const struct sftp_reply *reply)
{
	struct node *n = ctx;

	if (!answer_counts(n))
		return;
	if (reply->status != SSH_FX_OK) {
		refusal_tell(&n->answer, "removing", slice_str(n->path), reply);
		node_end(n);
		return;
	}
	bool is_dir = (reply->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) &&
		      S_ISDIR(reply->attrs.permissions);
	n->kind = is_dir ? NODE_DIR : NODE_FILE;
	TAILQ_INSERT_HEAD(&n->e->queue, n, entry);
}

static void
node_pause(struct node *n)
{
	list_pause(n->list, true);
	n->paused = true;
	n->e->n_paused++;
	n->e->n_listings--;
	TAILQ_INSERT_HEAD(&n->e->paused, n, entry);
}

static void
node_unpause(struct node *n)
{
	TAILQ_REMOVE(&n->e->paused, n, entry);
	n->paused = false;
	n->e->n_paused--;
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct node *dir = ctx, *n;
	struct eraser *e = dir->e;
	enum err error = ERR_NOMEM;

	if (e->orphaned)
		return false;
	if (slice_is(name->filename, ".") || slice_is(name->filename, ".."))
		return true;
	if (!list_name_is_safe(name->filename) ||
	    strlen(dir->path) + name->filename.len + 1 > SFTP_PATH_MAX)
		error = ERR_FORMAT;
	else if ((n = node_new(e, dir, name->filename, NODE_UNKNOWN)) != NULL)
		error = ERR_OK;
	if (error != ERR_OK) {
		refusal_own(&dir->answer, "listing", slice_str(dir->path), error,
		    error == ERR_NOMEM ? err_text(error) : "a name in it can't be used");
		return error != ERR_NOMEM;
	}
	if ((name->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) &&
	    (name->attrs.permissions & S_IFMT) != 0 && !S_ISDIR(name->attrs.permissions))
		n->kind = NODE_FILE;
	dir->n_found++;
	TAILQ_INSERT_HEAD(&e->queue, n, entry);
	if (e->n_nodes >= ERASE_NODES && !dir->paused)
		node_pause(dir);
	return true;
}

static void
on_listed(void *ctx, const struct ask_answer *answer)
{
	struct node *n = ctx;
	struct eraser *e = n->e;

	n->list = NULL;
	if (n->paused)
		node_unpause(n);
	else
		e->n_listings--;
	if (!answer_counts(n))
		return;
	if (answer->error != ERR_OK && n->answer.error == ERR_OK)
		n->answer = *answer;
	if (n->n_children == 0)
		dir_emptied(n);
}

/* A directory is listed in each pass; when the pass is over, it is to be removed itself. */
static enum err
dir_next(struct eraser *e, struct node *n)
{
	const struct list_config config = {
	    .path = slice_str(n->path), .entry = on_entry, .done = on_listed, .ctx = n};
	enum err error;

	if (n->passed) {
		error = sftp_client_rmdir(remote_sftp(e->r), slice_str(n->path), on_rmdir, n);
		n->passed = error != ERR_OK;
		return error;
	}
	error = list_start(&n->list, e->r, &config);
	if (error == ERR_OK) {
		n->passed = true;
		n->n_passes++;
		e->n_listings++;
	}
	return error;
}

static enum err
node_next(struct eraser *e, struct node *n)
{
	struct sftp_client *c = remote_sftp(e->r);
	struct slice path = slice_str(n->path);

	if (n->kind == NODE_DIR)
		return dir_next(e, n);
	if (n->kind == NODE_UNKNOWN)
		return sftp_client_lstat(c, path, on_looked, n);
	return sftp_client_remove(c, path, on_removed, n);
}

static size_t
listings_max(const struct eraser *e)
{
	uint32_t handles = remote_habits(e->r)->max_handles;

	return handles > 0 && handles < ERASE_LISTINGS ? handles : ERASE_LISTINGS;
}

/* The first in the queue that may be begun. */
static struct node *
queue_pick(struct eraser *e)
{
	struct node *n;
	bool listings = e->n_listings < listings_max(e);
	unsigned looked = 0;

	TAILQ_FOREACH (n, &e->queue, entry) {
		if (listings || n->kind != NODE_DIR || n->passed)
			return n;
		if (++looked == QUEUE_LOOK)
			break;
	}
	return NULL;
}

/* Submits what may be under way. */
static void
eraser_fill(struct eraser *e)
{
	struct node *n;

	while (e->n_under_way < ERASE_REQUESTS && (n = queue_pick(e)) != NULL) {
		enum err error = node_next(e, n);
		if (error == ERR_NOMEM && e->n_under_way > 0)
			return;
		TAILQ_REMOVE(&e->queue, n, entry);
		if (error == ERR_OK) {
			e->n_under_way++;
			continue;
		}
		refusal_own(&n->answer, "removing", slice_str(n->path), error, err_text(error));
		node_end(n);
	}
}

/* One listing goes on when there is room: the last that was paused, the deepest. */
static void
eraser_unpause(struct eraser *e)
{
	struct node *n = TAILQ_FIRST(&e->paused);

	bool stuck = TAILQ_EMPTY(&e->queue) && e->n_under_way == e->n_paused;
	if (n == NULL || (e->n_nodes > ERASE_NODES / 2 && !stuck))
		return;
	node_unpause(n);
	e->n_listings++;
	list_pause(n->list, false);
}

/* Takes the caller's next paths, as far as there is room in the ring. */
static size_t
take_given(struct eraser *e, const char *const *paths, size_t n)
{
	size_t taken = 0;

	while (taken < n && e->n_given < ERASE_REQUESTS) {
		struct node *node = node_new(e, NULL, slice_str(paths[taken]),
		    e->options.recursive ? NODE_UNKNOWN : NODE_FILE);
		if (node == NULL)
			break;
		node->given = true;
		e->given[(e->first + e->n_given++) % ERASE_REQUESTS] = node;
		TAILQ_INSERT_TAIL(&e->queue, node, entry);
		taken++;
	}
	return taken;
}

static struct eraser *
eraser_new(struct remote *r, const struct erase_options *options, erase_told_fn *told, void *ctx)
{
	struct eraser *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->r = r;
	e->options = *options;
	e->told = told;
	e->ctx = ctx;
	e->job.drop = eraser_drop;
	TAILQ_INIT(&e->queue);
	TAILQ_INIT(&e->paused);
	LIST_INIT(&e->all);
	sftp_client_attach(remote_sftp(r), &e->job);
	return e;
}

/* The caller leaves. What is under way ends it, or the end of the connection does. */
static void
eraser_leave(struct eraser *e)
{
	struct node *n;

	e->orphaned = true;
	if (e->n_under_way == 0) {
		LIST_REMOVE(&e->job, entry);
		eraser_free(e);
		return;
	}
	/* The last one may free e. */
	size_t n_paused = e->n_paused;
	while (n_paused-- > 0) {
		n = TAILQ_FIRST(&e->paused);
		node_unpause(n);
		e->n_listings++;
		list_pause(n->list, false);
	}
}

/* Waits for something to happen; an error ends it all. */
static enum err
eraser_wait(struct eraser *e)
{
	bool stopped = false;

	if (remote_turn(e->r))
		return ERR_OK;
	if (remote_is_lost(e->r))
		return remote_lost_error(e->r);
	enum err error = remote_wait(&e->r, 1, e->options.interrupt_fd, -1, &stopped);
	return error == ERR_OK && stopped ? ERR_AGAIN : error;
}

size_t
erase_paths(struct remote *r, const char *const *paths, size_t n,
    const struct erase_options *options, erase_told_fn *told, void *ctx, enum err *ret_error)
{
	struct eraser *e = eraser_new(r, options, told, ctx);
	size_t taken = 0;

	*ret_error = e == NULL ? ERR_NOMEM : ERR_OK;
	if (e == NULL)
		return n;
	while (*ret_error == ERR_OK) {
		taken += take_given(e, paths + taken, n - taken);
		eraser_fill(e);
		eraser_unpause(e);
		if (taken == n && e->n_given == 0)
			break;
		*ret_error = e->n_given == 0 ? ERR_NOMEM : eraser_wait(e);
	}
	size_t n_failed = e->n_failed + e->n_given + (n - taken);
	eraser_leave(e);
	return n_failed;
}
