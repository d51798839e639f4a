#include "transfer/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "ledger/partials.h"
#include "os/fd.h"
#include "os/file.h"
#include "transfer/delivery.h"
#include "transfer/disposal.h"
#include "transfer/outputs.h"
#include "transfer/pipeline.h"

struct walk {
	struct gateway *g;
	int64_t now_us;
	struct recovery *r;
};

/* The courier is gone. Its prefix stays: the checkpoint says how much of it is sure. */
static enum err
recover_fetching(struct walk *w, const struct transfer *t)
{
	return ledger_move(w->g->ledger, t->id, TRANSFER_INTERRUPTED, NULL,
	    "the gateway was restarted during the fetch", w->now_us);
}

/* We answer for it: its bytes must be there. */
static enum err
recover_staged(struct walk *w, const struct transfer *t)
{
	char path[STAGING_PATH_MAX];
	struct stat st;

	staging_path(t->source, t->id, path);
	enum err e = file_stat_beneath(w->g->stores.incoming_fd, path, &st);
	if (e == ERR_OK)
		return pipeline_resume(w->g, t->id, w->now_us);
	log_error("recover.staged-file-missing", F_U64("transfer", t->id), F_STR("path", t->path));
	return ledger_move(w->g->ledger, t->id, TRANSFER_GAVE_UP,
	    &(struct transfer_change){.trouble = "its bytes are missing from staging"},
	    "its bytes are missing from staging", w->now_us);
}

/* The outputs of an upload: is any of them still private? */
struct private
{
	struct walk *w;
	const struct transfer *t;
	bool any;
};

static enum err
find_private(void *ctx, const struct transfer_output *out)
{
	struct private *p = ctx;
	bool staged = false;

	enum err e = outputs_is_staged(p->w->g, out, &staged, NULL);
	p->any = p->any || staged || e != ERR_OK;
	return ERR_OK;
}

/* As an upload that was never closed: its client can go on with it, and finds all of it there. */
static enum err
keep_private(void *ctx, const struct transfer_output *out)
{
	struct private *p = ctx;
	struct partial_row row = {.size = p->t->size, .since_us = p->w->now_us};

	(void)snprintf(row.folder, sizeof row.folder, "%s", out->folder);
	(void)snprintf(row.staging_name, sizeof row.staging_name, "%s", out->staging_name);
	(void)snprintf(row.path, sizeof row.path, "%s", out->path);
	(void)snprintf(row.account, sizeof row.account, "%s", p->t->source);
	return ledger_partial_put(p->w->g->ledger, &row);
}

/* An account's upload: its client was never told that it arrived. What is not in place stays
 * private, for the client will send it again. */
static enum err
settle_upload(struct walk *w, const struct transfer *t, const char *trouble, const char *detail)
{
	struct private private = {.w = w, .t = t};

	enum err e = ledger_each_output(w->g->ledger, t->id, find_private, &private);
	if (e != ERR_OK)
		return e;
	if (!private.any)
		return pipeline_resume(w->g, t->id, w->now_us);
	e = ledger_each_output(w->g->ledger, t->id, keep_private, &private);
	if (e != ERR_OK)
		return e;
	return ledger_move(w->g->ledger, t->id, TRANSFER_GAVE_UP,
	    &(struct transfer_change){.trouble = trouble}, detail, w->now_us);
}

/* A route's transfer is placed: outputs that are no longer in staging were. */
static enum err
recover_processed(struct walk *w, const struct transfer *t)
{
	if (t->route[0] != '\0')
		return pipeline_resume(w->g, t->id, w->now_us);
	return settle_upload(w, t, "the upload was cut off before it was published",
	    "its session ended before the upload was published");
}

enum err
recover_upload_not_placed(
    struct gateway *g, const struct transfer *t, const char *why, int64_t now_us)
{
	struct walk w = {.g = g, .now_us = now_us};

	return settle_upload(&w, t, why, why);
}

/* The row for each state that doesn't rest by itself; the others need nothing. */
static const struct {
	enum transfer_state state;
	enum err (*recover)(struct walk *w, const struct transfer *t);
} RECOVERIES[] = {
    {TRANSFER_FETCHING, recover_fetching},
    {TRANSFER_STAGED, recover_staged},
    {TRANSFER_PROCESSED, recover_processed},
};

static enum err
recover_row(void *ctx, const struct transfer *t)
{
	struct walk *w = ctx;

	for (size_t i = 0; i < ARRAY_LEN(RECOVERIES); i++) {
		if (RECOVERIES[i].state != t->state)
			continue;
		w->r->n_resumed++;
		log_info("recover.transfer", F_U64("transfer", t->id),
		    F_STR("state", transfer_state_name(t->state)), F_STR("path", t->path));
		return RECOVERIES[i].recover(w, t);
	}
	return ERR_OK;
}

/* Does some row still need this file of staging? */
static bool
is_needed(struct gateway *g, uint64_t id, bool output)
{
	struct transfer t;

	enum err e = ledger_get(g->ledger, id, &t);
	if (e != ERR_OK)
		return e != ERR_NOENT;
	if (output)
		return t.state == TRANSFER_PROCESSED || t.state == TRANSFER_FAILED;
	return t.state == TRANSFER_READY || t.state == TRANSFER_STAGED ||
	       t.state == TRANSFER_HELD || t.state == TRANSFER_PROCESSED ||
	       t.state == TRANSFER_FAILED;
}

/* Does some row still need this file of ours? True for other files: they are somebody else's. */
static bool
is_kept(struct gateway *g, const char *name)
{
	struct disposal d;
	uint64_t id;
	bool output;

	if (staging_parse(name, &id, &output))
		return is_needed(g, id, output);
	return !disposal_name_parse(name, &id) ||
	       ledger_disposal_get(g->ledger, id, &d) != ERR_NOENT;
}

/* Opens a directory for reading beneath dir_fd. */
static enum err
open_dir(int dir_fd, const char *path, DIR **ret_dir)
{
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_beneath(dir_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e != ERR_OK)
		return e;
	*ret_dir = fdopendir(fd);
	if (*ret_dir == NULL)
		return err_last();
	(void)fd_take(&fd);
	return ERR_OK;
}

/* Removes the files of ours that no row needs. */
static enum err
sweep_dir(struct walk *w, int dir_fd, const char *path)
{
	struct dirent *entry;
	DIR *dir;

	enum err e = open_dir(dir_fd, path, &dir);
	if (e != ERR_OK)
		return e;
	while ((entry = readdir(dir)) != NULL) {
		if (is_kept(w->g, entry->d_name))
			continue;
		log_info("recover.discarded", F_STR("file", entry->d_name));
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			w->r->n_discarded++;
	}
	closedir(dir);
	return ERR_OK;
}

/* Every remote's directory, also of those that the configuration no longer has. */
static enum err
sweep_incoming(struct walk *w)
{
	int incoming = w->g->stores.incoming_fd;
	struct dirent *entry;
	DIR *dir;

	enum err e = open_dir(incoming, ".", &dir);
	if (e != ERR_OK)
		return e;
	while (e == ERR_OK && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR)
			e = sweep_dir(w, incoming, entry->d_name);
	}
	closedir(dir);
	return e;
}

enum err
recover(struct gateway *g, int64_t now_us, struct recovery *ret_r)
{
	struct walk w = {.g = g, .now_us = now_us, .r = ret_r};
	enum err e = ERR_OK;

	*ret_r = (struct recovery){.n_resumed = 0};
	for (size_t i = 0; i < ARRAY_LEN(RECOVERIES) && e == ERR_OK; i++) {
		struct ledger_filter filter = {.state = &RECOVERIES[i].state, .oldest_first = true};
		e = ledger_each(g->ledger, &filter, recover_row, &w);
	}
	if (e == ERR_OK)
		e = sweep_incoming(&w);
	for (size_t i = 0; i < g->stores.n_stores && e == ERR_OK; i++)
		e = sweep_dir(&w, g->stores.stores[i].staging_fd, ".");
	if (e == ERR_OK)
		e = delivery_resume(g);
	return e;
}

struct uploads_walk {
	struct walk walk;
	const char *account;
};

static enum err
recover_upload(void *ctx, const struct transfer *t)
{
	struct uploads_walk *u = ctx;

	if (t->route[0] != '\0' || strcmp(t->source, u->account) != 0)
		return ERR_OK;
	return recover_processed(&u->walk, t);
}

enum err
recover_uploads(struct gateway *g, const char *account, int64_t now_us)
{
	static const enum transfer_state PROCESSED = TRANSFER_PROCESSED;
	struct recovery ignored = {.n_resumed = 0};
	struct uploads_walk u = {
	    .walk = {.g = g, .now_us = now_us, .r = &ignored}, .account = account};
	struct ledger_filter filter = {.state = &PROCESSED, .oldest_first = true};

	return ledger_each(g->ledger, &filter, recover_upload, &u);
}
