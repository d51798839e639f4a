/*
 * What a courier does with files, from core's side: it lists, fetches what is ready, and removes at
 * the source what was published.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/file.h"
#include "roles/core.h"
#include "transfer/pipeline.h"

/* Fetches that a courier has at once: enough to keep small files flowing over a long line. */
enum { FETCHES_MAX = 16 };

/* Removals of earlier files that it is asked for at once: what refuses to be deleted for months
 * must not fill its line. */
enum { REMOVALS_MAX = 2048 };

void
core_courier_list(struct core_courier *courier)
{
	const struct config_route *route = courier->config_route;

	poll_init(&courier->poll, core_courier_gateway(courier), route, time_now_us());
	courier->polling = true;
	core_peer_send(&courier->peer, IPC_COURIER_LIST,
	    &(struct ipc_courier_list){.path = slice_str(route->from_path),
		.max_entries = courier->config->limits.max_entries});
}

enum err
core_courier_on_entry(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);
	const struct ipc_courier_entry *entry = &m->courier_entry;

	if (!courier->polling || courier->poll.n_entries >= courier->config->limits.max_entries)
		return ERR_FORMAT;
	return poll_entry(&courier->poll, entry->name, entry->size, entry->mtime);
}

/* Room for this file, beyond what must stay free for the ledger and others? */
static bool
has_space(struct core_courier *courier, const struct transfer *t)
{
	struct core_route *route = courier->route;
	uint64_t free_bytes;
	uint64_t need =
	    courier->reserved + t->size - t->checkpoint + courier->config->limits.min_free;
	char need_text[16], free_text[16];

	if (file_free_space(core_courier_gateway(courier)->stores.incoming_fd, &free_bytes) !=
		ERR_OK ||
	    free_bytes >= need)
		return true;
	/* Once a run: whatever else waits, waits for the same. */
	if (courier->lacks_space)
		return false;
	courier->lacks_space = true;
	(void)snprintf(route->trouble, sizeof route->trouble,
	    "waiting for disk space: %s needs %s, %s are free (limits.min_free is part of that)",
	    t->path, text_size(need, need_text), text_size(free_bytes, free_text));
	log_warn("route.waits-for-space", F_STR("route", route->name), F_STR("path", t->path),
	    F_U64("needed", need), F_U64("free", free_bytes));
	return false;
}

/* a: transfer. Durable now that this courier has it. */
static enum err
deed_fetch(void *ctx, const struct turn_args *args)
{
	struct core *c = ctx;
	char name[STAGING_NAME_MAX];
	struct transfer t;

	enum err e = ledger_get(c->gateway.ledger, args->a, &t);
	if (e != ERR_OK || t.state != TRANSFER_FETCHING)
		return e;
	struct core_route *route = core_route_find(c, slice_str(t.route));
	if (route == NULL || route->courier == NULL)
		return ERR_OK;
	staging_name(t.id, name);
	core_peer_send(&route->courier->peer, IPC_COURIER_FETCH,
	    &(struct ipc_courier_fetch){
		.transfer = t.id,
		.path = slice_str(t.path),
		.staging_name = slice_str(name),
		.size = t.size,
		.mtime = t.mtime,
		.checkpoint = t.checkpoint,
	    });
	return ERR_OK;
}

/* ERR_LIMIT: the courier has enough. */
static enum err
begin_fetch(void *ctx, const struct transfer *t)
{
	struct core_courier *courier = ctx;
	struct gateway *g = core_courier_gateway(courier);
	int64_t now = time_now_us();

	if (courier->n_busy >= FETCHES_MAX)
		return ERR_LIMIT;
	courier->fed = t->id;
	if ((t->retry_us > now && !courier->route->forced) || !has_space(courier, t))
		return ERR_OK;
	courier->n_busy++;
	courier->reserved += t->size - t->checkpoint;
	enum err e = pipeline_fetch_began(g, t->id, now);
	if (e != ERR_OK)
		return e;
	return turn_defer(&g->turn, deed_fetch, courier->peer.core, (struct turn_args){.a = t->id});
}

/*
 * Each run looks at each transfer once, oldest first: those that wait for a later try don't stand
 * in the way of others, however many they are.
 */
enum err
core_courier_feed(struct core_courier *courier)
{
	static const enum transfer_state READY = TRANSFER_READY;
	struct ledger_filter filter = {
	    .route = courier->route->name,
	    .state = &READY,
	    .oldest_first = true,
	    .beyond = courier->fed,
	};

	if (!courier->listed || courier->n_busy >= FETCHES_MAX)
		return ERR_OK;
	enum err e =
	    ledger_each(core_courier_gateway(courier)->ledger, &filter, begin_fetch, courier);
	return e == ERR_LIMIT ? ERR_OK : e;
}

/* Since a reload the route may read another remote: a file there is not the one that we have. */
static bool
came_from_here(const struct core_courier *courier, const struct transfer *t)
{
	return strcmp(t->source, courier->config_route->from->name) == 0;
}

static enum err
tell_source(void *ctx, const struct transfer *t)
{
	struct core_courier *courier = ctx;

	if (!came_from_here(courier, t))
		return ledger_trouble(core_courier_gateway(courier)->ledger, t->id,
		    "its route reads another remote now: it is still at the old one",
		    time_now_us());
	core_courier_remove(courier, t);
	return ERR_OK;
}

/* What was published in earlier runs, and the source was not told of yet. */
static enum err
tell_source_of_earlier(struct core_courier *courier)
{
	static const enum transfer_state PUBLISHED = TRANSFER_PUBLISHED;
	struct ledger_filter filter = {.route = courier->route->name,
	    .state = &PUBLISHED,
	    .oldest_first = true,
	    .limit = REMOVALS_MAX};

	if (courier->config_route->after != CONFIG_AFTER_DELETE)
		return ERR_OK;
	return ledger_each(core_courier_gateway(courier)->ledger, &filter, tell_source, courier);
}

static void
note_listing(struct core_courier *courier)
{
	const struct poll *p = &courier->poll;
	struct core_route *route = courier->route;

	route->n_young = p->n_young;
	route->trouble[0] = '\0';
	if (p->n_odd == 1)
		(void)snprintf(route->trouble, sizeof route->trouble,
		    "1 file has a name that can't be published: \"%s\"", p->odd_name);
	else if (p->n_odd > 1)
		(void)snprintf(route->trouble, sizeof route->trouble,
		    "%" PRIu64 " files have names that can't be published, as \"%s\"", p->n_odd,
		    p->odd_name);
	log_debug("route.listed", F_STR("route", route->name), F_U64("entries", p->n_entries),
	    F_U64("young", p->n_young), F_U64("odd", p->n_odd));
}

enum err
core_courier_on_listed(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);
	const struct ipc_courier_listed *listed = &m->courier_listed;
	char why[IPC_TEXT_MAX];

	if (!courier->polling)
		return ERR_FORMAT;
	courier->polling = false;
	if (listed->outcome != IPC_OUTCOME_DONE) {
		courier->failed = true;
		text_escape(listed->story, why, sizeof why);
		(void)snprintf(courier->route->trouble, sizeof courier->route->trouble, "%s", why);
		log_warn(
		    "route.not-listed", F_STR("route", courier->route->name), F_STR("why", why));
		return ERR_OK;
	}
	if (listed->n_entries != courier->poll.n_entries)
		return ERR_FORMAT;
	note_listing(courier);
	courier->listed = courier->wants_more = true;
	enum err e = poll_complete(&courier->poll);
	return e == ERR_OK ? tell_source_of_earlier(courier) : e;
}

enum err
core_courier_on_checkpoint(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);

	return pipeline_checkpoint(core_courier_gateway(courier), courier->route->name,
	    m->courier_checkpoint.transfer, m->courier_checkpoint.length);
}

/* One answer less to wait for; an answer to nothing is the courier's bug. */
static enum err
answered(struct core_courier *courier, uint32_t outcome)
{
	if (courier->n_busy == 0 || outcome > IPC_OUTCOME_LOCAL_FAILURE)
		return ERR_FORMAT;
	courier->n_busy--;
	return ERR_OK;
}

/* The file's space is used, or not needed now: it is no longer only promised. */
static enum err
release_space(struct core_courier *courier, uint64_t id)
{
	struct transfer t;

	enum err e = ledger_get(core_courier_gateway(courier)->ledger, id, &t);
	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_FORMAT : e;
	courier->reserved -= courier->reserved < t.size ? courier->reserved : t.size;
	return ERR_OK;
}

enum err
core_courier_on_fetched(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);
	const struct ipc_courier_fetched *f = &m->courier_fetched;
	struct pipeline_report report = {
	    .route = courier->route->name,
	    .transfer = f->transfer,
	    .outcome = (enum ipc_file_outcome)f->outcome,
	    .story = f->story,
	};

	courier->wants_more = true;
	enum err e = answered(courier, f->outcome);
	if (e == ERR_OK)
		e = release_space(courier, f->transfer);
	courier->route->n_fetched += f->outcome == IPC_OUTCOME_DONE ? 1 : 0;
	courier->route->n_not_fetched += f->outcome == IPC_OUTCOME_DONE ? 0 : 1;
	if (e == ERR_OK)
		e = pipeline_fetch_ended(
		    core_courier_gateway(courier), &report, f->size, f->sha256, time_now_us());
	return e;
}

enum err
core_courier_on_removed(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);
	const struct ipc_courier_removed *r = &m->courier_removed;
	struct pipeline_report report = {
	    .route = courier->route->name,
	    .transfer = r->transfer,
	    .outcome = (enum ipc_file_outcome)r->outcome,
	    .story = r->story,
	};

	courier->wants_more = true;
	enum err e = answered(courier, r->outcome);
	return e == ERR_OK
		   ? pipeline_source_answered(core_courier_gateway(courier), &report, time_now_us())
		   : e;
}

void
core_courier_remove(struct core_courier *courier, const struct transfer *t)
{
	/* Before its listing has ended it isn't asked: the end of the listing asks for all that is
	 * published by then, and to be asked twice would give an answer too many. */
	if (!courier->listed || courier->said_bye || !came_from_here(courier, t))
		return;
	courier->n_busy++;
	core_peer_send(&courier->peer, IPC_COURIER_REMOVE,
	    &(struct ipc_courier_remove){
		.transfer = t->id,
		.path = slice_str(t->path),
		.size = t->size,
		.mtime = t->mtime,
	    });
}
