/*
 * Core's side of one run of a route: a courier connects, lists, fetches what is ready, and removes
 * at the source what was published.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core.h"
#include "transfer/outputs.h"
#include "transfer/pipeline.h"

/* Fetches that a courier has at once: enough to keep small files flowing over a long line. */
enum { FETCHES_MAX = 16 };

/* Removals of earlier files that it is asked for at once: what refuses to be deleted for months
 * must not fill its line. */
enum { REMOVALS_MAX = 2048 };

static struct core_courier *
courier_of(struct core_peer *peer)
{
	return (struct core_courier *)(void *)peer;
}

static struct gateway *
gateway_of(struct core_courier *courier)
{
	return &courier->peer.core->gateway;
}

/* NULL when a reload has taken it away. */
static struct core_remote *
remote_of(struct core_courier *courier)
{
	return core_remote_find(courier->peer.core, courier->config_route->from->name);
}

/* Opens what the courier needs and may not open itself. */
static enum err
send_connect(struct core_courier *courier, struct story *story)
{
	const struct config_remote *remote = courier->config_route->from;
	int key _cleanup_(fd_closep) = -1;
	int known_hosts _cleanup_(fd_closep) = -1;

	enum err e = file_open_trusted(remote->identity->private_key, O_RDONLY, 0, &key);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot read the private key %s of identity %s: %s",
		    remote->identity->private_key, remote->identity->name, strerror(errno));
	/* Without the file no host is known: the courier finds out which key is shown, and says so.
	 */
	e = file_open_trusted(remote->known_hosts, O_RDONLY, 0, &known_hosts);
	if (e == ERR_NOENT)
		e = file_open_trusted("/dev/null", O_RDONLY, 0, &known_hosts);
	if (e != ERR_OK)
		return story_fail(story, e,
		    "cannot read %s: %s (dray host scan %s shows the host's keys)",
		    remote->known_hosts, strerror(errno), remote->name);
	core_peer_send(&courier->peer, IPC_COURIER_CONNECT,
	    &(struct ipc_courier_connect){
		.remote = slice_str(remote->name),
		.host = slice_str(remote->host),
		.port = remote->port,
		.user = slice_str(remote->user),
		.timeout_us = remote->timeout_us,
		.private_key = key,
		.known_hosts = known_hosts,
		.staging = gateway_of(courier)->stores.incoming_fd,
	    });
	return ERR_OK;
}

static enum err
on_connected(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
	const struct config_route *route = courier->config_route;
	const struct ipc_courier_connected *connected = &m->courier_connected;

	courier->peer.link.state = IPC_RUNNING;
	courier->connected = true;
	core_remote_set(remote_of(courier), "ok", "");
	log_info("remote.connected", F_STR("remote", route->from->name),
	    F_SLICE("host_key", connected->fingerprint), F_SLICE("server", connected->server),
	    F_SLICE("algorithms", connected->algorithms));
	poll_init(&courier->poll, gateway_of(courier), route, time_now_us());
	courier->polling = true;
	core_peer_send(&courier->peer, IPC_COURIER_LIST,
	    &(struct ipc_courier_list){.path = slice_str(route->from_path),
		.max_entries = courier->config->limits.max_entries});
	return ERR_OK;
}

/* What each outcome means for the remote. */
static const struct {
	const char *condition;
	bool stops; /* nothing goes there until somebody has looked */
} OUTCOMES[] = {
    [IPC_CONNECT_UNREACHABLE] = {"unreachable", false},
    [IPC_CONNECT_NO_ALGORITHM] = {"no common algorithm", false},
    [IPC_CONNECT_HOST_KEY_UNKNOWN] = {"stopped: host key unknown", true},
    [IPC_CONNECT_HOST_KEY_CHANGED] = {"stopped: host key CHANGED", true},
    [IPC_CONNECT_USER_KEY_REFUSED] = {"our key was refused", false},
    [IPC_CONNECT_BAD_PRIVATE_KEY] = {"our private key can't be used", false},
    [IPC_CONNECT_NO_SFTP] = {"no SFTP there", false},
    [IPC_CONNECT_LOCAL_FAILURE] = {"trouble on our side", false},
};

static void
note_refusal(struct core_courier *courier, uint32_t outcome, const char *why)
{
	const struct config_remote *config = courier->config_route->from;
	struct core_remote *remote = remote_of(courier);

	core_remote_set(remote, OUTCOMES[outcome].condition, why);
	if (!OUTCOMES[outcome].stops) {
		log_warn("remote.not-connected", F_STR("remote", config->name),
		    F_STR("condition", OUTCOMES[outcome].condition), F_STR("why", why));
		return;
	}
	log_error("remote.stopped", F_STR("remote", config->name),
	    F_STR("condition", OUTCOMES[outcome].condition), F_STR("why", why));
	if (remote == NULL)
		return;
	remote->stopped = true;
	(void)stat(config->known_hosts, &remote->trust_at_stop[0]);
	(void)stat(config->identity->private_key, &remote->trust_at_stop[1]);
}

static enum err
on_refused(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
	const struct ipc_courier_refused *refused = &m->courier_refused;
	char why[IPC_TEXT_MAX];

	if (refused->outcome >= ARRAY_LEN(OUTCOMES))
		return ERR_FORMAT;
	courier->failed = true;
	text_escape(refused->story, why, sizeof why);
	(void)snprintf(courier->route->trouble, sizeof courier->route->trouble, "%s", why);
	courier->route->cause = refused->outcome + 1;
	note_refusal(courier, refused->outcome, why);
	return ledger_note(gateway_of(courier)->ledger, 0, OUTCOMES[refused->outcome].condition,
	    why, time_now_us());
}

static enum err
on_entry(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
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

	if (file_free_space(gateway_of(courier)->stores.incoming_fd, &free_bytes) != ERR_OK ||
	    free_bytes >= need)
		return true;
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
	struct gateway *g = gateway_of(courier);
	int64_t now = time_now_us();

	if (courier->n_busy >= FETCHES_MAX)
		return ERR_LIMIT;
	if (t->retry_us > now || !has_space(courier, t))
		return ERR_OK;
	courier->n_busy++;
	courier->reserved += t->size - t->checkpoint;
	enum err e = pipeline_fetch_began(g, t->id, now);
	if (e != ERR_OK)
		return e;
	return turn_defer(&g->turn, deed_fetch, courier->peer.core, (struct turn_args){.a = t->id});
}

/* Gives the courier what is ready, oldest first, up to its fill. */
static enum err
feed(struct core_courier *courier)
{
	static const enum transfer_state READY = TRANSFER_READY;
	struct ledger_filter filter = {
	    .route = courier->route->name,
	    .state = &READY,
	    .oldest_first = true,
	    /* Those that wait for a later try stand in the way: look a little further. */
	    .limit = (uint64_t)FETCHES_MAX * 64,
	};

	if (!courier->listed || courier->n_busy >= FETCHES_MAX)
		return ERR_OK;
	enum err e = ledger_each(gateway_of(courier)->ledger, &filter, begin_fetch, courier);
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
		return ledger_trouble(gateway_of(courier)->ledger, t->id,
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
	return ledger_each(gateway_of(courier)->ledger, &filter, tell_source, courier);
}

static void
note_listing(struct core_courier *courier)
{
	const struct poll *p = &courier->poll;
	struct core_route *route = courier->route;

	route->n_young = p->n_young;
	route->trouble[0] = '\0';
	if (p->n_odd > 0)
		(void)snprintf(route->trouble, sizeof route->trouble,
		    "%" PRIu64 " files have names that can't be published; see the log", p->n_odd);
	log_debug("route.listed", F_STR("route", route->name), F_U64("entries", p->n_entries),
	    F_U64("young", p->n_young), F_U64("odd", p->n_odd));
}

static enum err
on_listed(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
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

static enum err
on_checkpoint(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);

	return pipeline_checkpoint(gateway_of(courier), courier->route->name,
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

	enum err e = ledger_get(gateway_of(courier)->ledger, id, &t);
	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_FORMAT : e;
	courier->reserved -= courier->reserved < t.size ? courier->reserved : t.size;
	return ERR_OK;
}

static enum err
on_fetched(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
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
	if (e == ERR_OK)
		e = pipeline_fetch_ended(
		    gateway_of(courier), &report, f->size, f->sha256, time_now_us());
	return e;
}

static enum err
on_removed(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = courier_of(ctx);
	const struct ipc_courier_removed *r = &m->courier_removed;
	struct pipeline_report report = {
	    .route = courier->route->name,
	    .transfer = r->transfer,
	    .outcome = (enum ipc_file_outcome)r->outcome,
	    .story = r->story,
	};

	courier->wants_more = true;
	enum err e = answered(courier, r->outcome);
	return e == ERR_OK ? pipeline_source_answered(gateway_of(courier), &report, time_now_us())
			   : e;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_COURIER_CONNECTED, on_connected},
    {IPC_COURIER_REFUSED, on_refused},
    {IPC_COURIER_ENTRY, on_entry},
    {IPC_COURIER_LISTED, on_listed},
    {IPC_COURIER_CHECKPOINT, on_checkpoint},
    {IPC_COURIER_FETCHED, on_fetched},
    {IPC_COURIER_REMOVED, on_removed},
};

void
core_courier_free(struct core_courier *courier)
{
	poll_fini(&courier->poll);
	core_peer_fini(&courier->peer);
	config_unref(courier->config);
	free(courier);
}

static enum err
interrupt_one(void *ctx, const struct transfer *t)
{
	return ledger_move(ctx, t->id, TRANSFER_INTERRUPTED, NULL,
	    "the connection ended during the fetch", time_now_us());
}

enum err
core_courier_drop(struct core_courier *courier)
{
	static const enum transfer_state FETCHING = TRANSFER_FETCHING;
	struct ledger *ledger = gateway_of(courier)->ledger;
	struct ledger_filter filter = {.route = courier->route->name, .state = &FETCHING};

	enum err e = ledger_each(ledger, &filter, interrupt_one, ledger);
	courier->route->courier = NULL;
	core_courier_free(courier);
	return e;
}

/* The line to the courier has ended: so has the run, one way or the other. */
static void
on_gone(struct core_peer *peer)
{
	struct core_courier *courier = courier_of(peer);
	struct core_route *route = courier->route;
	struct core *c = peer->core;
	bool failed = courier->failed || !courier->listed || courier->n_busy > 0;

	/* Copied: core_route_ended writes to where it may come from. */
	char trouble[IPC_TEXT_MAX];
	(void)snprintf(trouble, sizeof trouble, "%s",
	    failed && route->trouble[0] == '\0' ? "the courier ended early; see the log"
						: route->trouble);
	enum err e = core_courier_drop(courier);
	core_route_ended(route, failed, trouble);
	if (e != ERR_OK)
		core_ledger_failed(c, e);
}

enum err
core_courier_start(
    struct core_route *route, const struct config_route *config_route, struct story *story)
{
	struct core *c = route->core;
	struct core_courier *courier = calloc(1, sizeof *courier);

	if (courier == NULL)
		return story_fail(story, ERR_NOMEM, "cannot start a courier: out of memory");
	courier->route = route;
	courier->config = config_ref(c->gateway.config);
	courier->config_route = config_route;
	courier->peer.link.fd = -1;
	enum err e = core_peer_spawn(
	    &courier->peer, c, IPC_ROLE_COURIER, HANDLERS, ARRAY_LEN(HANDLERS), on_gone);
	if (e != ERR_OK)
		story_set(story, "cannot start a courier: %s", err_text(e));
	else
		e = send_connect(courier, story);
	if (e != ERR_OK) {
		struct core_remote *remote = remote_of(courier);
		core_remote_set(remote, OUTCOMES[IPC_CONNECT_LOCAL_FAILURE].condition, story->text);
		core_courier_free(courier);
		return e;
	}
	route->courier = courier;
	return ERR_OK;
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

/* Is a file of this route in a worker's hands, whose source must be told soon? */
static bool
has_work_under_way(const struct core_courier *courier)
{
	const struct core_job *job;

	TAILQ_FOREACH (job, &courier->peer.core->jobs, entry) {
		if (strcmp(job->route, courier->route->name) == 0)
			return true;
	}
	return false;
}

/* Lets the courier go when there is nothing left for it to do. */
static void
consider_end(struct core_courier *courier)
{
	if (courier->said_bye || !courier->connected || courier->n_busy > 0 || courier->polling ||
	    has_work_under_way(courier))
		return;
	courier->said_bye = true;
	core_peer_send(&courier->peer, IPC_COURIER_BYE,
	    &(struct ipc_courier_bye){.reason = slice_str("nothing left to do")});
}

enum err
core_couriers_tend(struct core *c)
{
	struct core_route *route;

	TAILQ_FOREACH (route, &c->routes, entry) {
		if (route->courier == NULL || !route->courier->wants_more)
			continue;
		route->courier->wants_more = false;
		enum err e = feed(route->courier);
		if (e != ERR_OK)
			return e;
	}
	if (ledger_dirty(c->gateway.ledger) || !turn_is_over(&c->gateway.turn))
		return ERR_OK;
	TAILQ_FOREACH (route, &c->routes, entry) {
		if (route->courier != NULL)
			consider_end(route->courier);
	}
	return ERR_OK;
}
