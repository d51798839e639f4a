#include "transfer/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/file.h"
#include "transfer/disposal.h"

/* Those that came first; the others are for another turn. */
static enum err
deed_dispose(void *ctx, const struct turn_args *args unused_arg)
{
	struct gateway *g = ctx;
	struct disposals *d = &g->disposals;
	size_t n = d->n < DISPOSALS_A_TURN ? d->n : DISPOSALS_A_TURN;
	uint64_t ids[DISPOSALS_A_TURN];

	d->is_deferred = false;
	if (n == 0)
		return ERR_OK;
	memcpy(ids, d->ids, n * sizeof *ids);
	d->n -= n;
	memmove(d->ids, d->ids + n, d->n * sizeof *ids);
	return disposals_carry_out(g, ids, n, time_now_us());
}

bool
delivery_is_behind(const struct gateway *g)
{
	return g->disposals.n > 0 && !g->disposals.is_deferred;
}

enum err
delivery_go_on(struct gateway *g)
{
	if (!delivery_is_behind(g))
		return ERR_OK;
	g->disposals.is_deferred = true;
	return turn_defer(&g->turn, deed_dispose, g, (struct turn_args){.a = 0});
}

static enum err
defer_disposal(struct gateway *g, uint64_t id)
{
	struct disposals *d = &g->disposals;

	if (d->n == d->max) {
		size_t max = d->max == 0 ? DISPOSALS_A_TURN : 2 * d->max;
		uint64_t *ids = reallocarray(d->ids, max, sizeof *ids);
		if (ids == NULL)
			return ERR_NOMEM;
		d->ids = ids;
		d->max = max;
	}
	d->ids[d->n++] = id;
	return delivery_go_on(g);
}

/* Has everybody taken it who must? `account` just has. */
static enum err
is_complete(struct gateway *g, const struct config_folder *folder, const struct delivered_file *f,
    bool *ret_complete)
{
	enum err e = ERR_OK;

	*ret_complete = true;
	for (size_t i = 0; i < folder->n_consumers && *ret_complete && e == ERR_OK; i++)
		e = ledger_delivery_find(g->ledger, f, folder->consumers[i], ret_complete);
	return e;
}

static enum err
dispose(struct gateway *g, const struct config_folder *folder, const struct delivered_file *f)
{
	struct disposal d = {
	    .file = *f, .archive = folder->on_delivered == CONFIG_DELIVERED_ARCHIVE};
	uint64_t id;

	if (folder->on_delivered == CONFIG_DELIVERED_KEEP)
		return ERR_OK;
	enum err e = ledger_disposal_add(g->ledger, &d, &id);
	return e == ERR_OK && id != 0 ? defer_disposal(g, id) : e;
}

/* The transfer that published it moves on when it is delivered; else the event alone. */
static enum err
note_taken(struct gateway *g, uint64_t transfer, bool complete, const char *detail, int64_t now_us)
{
	enum transfer_state to;
	struct transfer t;

	if (transfer == 0)
		return ledger_note(g->ledger, 0, "taken", detail, now_us);
	enum err e = ledger_get(g->ledger, transfer, &t);
	if (e != ERR_OK)
		return e;
	if (!complete || !transfer_next(t.state, TRANSFER_TAKEN, &to))
		return ledger_note(
		    g->ledger, transfer, complete ? "taken" : "taken-in-part", detail, now_us);
	return ledger_move(g->ledger, transfer, TRANSFER_TAKEN, NULL, detail, now_us);
}

static bool
is_version(const struct delivered_file *f, const struct statx *st)
{
	return st->stx_ino == f->inode && st->stx_size == f->size &&
	       st->stx_mtime.tv_sec * INT64_C(1000000000) + st->stx_mtime.tv_nsec == f->mtime_ns;
}

/*
 * What has the file's name now? Usually the file itself, or nothing any more, for its consumer has
 * removed it. But where it was replaced while it was read, what the ledger knows under this name is
 * the newer one's, and that has been taken by nobody.
 */
static enum err
look_up(struct gateway *g, struct delivered_file *f)
{
	const struct store *store = stores_find(&g->stores, f->folder);
	struct statx st;

	f->transfer = 0;
	f->born_us = 0;
	if (store != NULL && file_statx_beneath(store->dir_fd, f->path, &st) == ERR_OK) {
		if (!is_version(f, &st))
			return ERR_OK;
		if ((st.stx_mask & STATX_BTIME) != 0)
			f->born_us = st.stx_btime.tv_sec * US_PER_SEC + st.stx_btime.tv_nsec / 1000;
	}
	enum err e = ledger_find_published(g->ledger, f->folder, f->path, &f->transfer);
	return e == ERR_NOENT ? ERR_OK : e;
}

enum err
delivery_taken(struct gateway *g, struct delivered_file *f, const char *account, uint64_t bytes,
    const char *detail, int64_t now_us)
{
	const struct config_folder *folder = config_find_folder(g->config, slice_str(f->folder));
	bool is_new, complete = true;

	enum err e = look_up(g, f);
	if (e == ERR_OK)
		e = ledger_delivery_add(g->ledger, f, account, bytes, now_us, &is_new);
	if (e == ERR_OK && folder != NULL)
		e = is_complete(g, folder, f, &complete);
	if (e == ERR_OK)
		e = note_taken(g, f->transfer, complete, detail, now_us);
	/* A folder that a reload has taken away: nothing is done any more. */
	if (e != ERR_OK || folder == NULL || !complete)
		return e;
	return dispose(g, folder, f);
}

static enum err
resume(void *ctx, const struct disposal *d)
{
	return defer_disposal(ctx, d->id);
}

enum err
delivery_resume(struct gateway *g)
{
	/* All of them are in the ledger; what was deferred may have been dropped with its turn. */
	g->disposals.n = 0;
	g->disposals.is_deferred = false;
	return ledger_each_disposal(g->ledger, resume, g);
}
