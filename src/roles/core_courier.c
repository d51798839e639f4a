/*
 * Core's side of one run of a route, the life of its courier: how it is started, what came of its
 * connection, and when it is let go. What it does with files is in core_courier_files.c.
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
	int staging _cleanup_(fd_closep) = -1;

	enum err e = file_open_trusted(remote->identity->private_key, O_RDONLY, 0, &key);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot read the private key %s of identity %s: %s",
		    remote->identity->private_key, remote->identity->name, strerror(errno));
	/* Without the file no host is known: the courier finds out which key is shown,
	 * and says so. */
	e = file_open_trusted(remote->known_hosts, O_RDONLY, 0, &known_hosts);
	if (e == ERR_NOENT)
		e = file_open_trusted("/dev/null", O_RDONLY, 0, &known_hosts);
	if (e != ERR_OK)
		return story_fail(story, e,
		    "cannot read %s: %s (dray host scan %s shows the host's keys)",
		    remote->known_hosts, strerror(errno), remote->name);
	e = stores_open_incoming(&core_courier_gateway(courier)->stores, remote->name, &staging);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot open the staging of remote %s: %s",
		    remote->name, err_text(e));
	core_peer_send(&courier->peer, IPC_COURIER_CONNECT,
	    &(struct ipc_courier_connect){
		.remote = slice_str(remote->name),
		.host = slice_str(remote->host),
		.port = remote->port,
		.user = slice_str(remote->user),
		.timeout_us = remote->timeout_us,
		.private_key = key,
		.known_hosts = known_hosts,
		.staging = staging,
	    });
	return ERR_OK;
}

static enum err
on_connected(void *ctx, struct ipc_message *m)
{
	struct core_courier *courier = core_courier_of(ctx);
	const struct config_route *route = courier->config_route;
	const struct ipc_courier_connected *connected = &m->courier_connected;

	courier->peer.link.state = IPC_RUNNING;
	courier->connected = true;
	struct core_remote *remote = remote_of(courier);
	/* Told when it is news: not at every look. */
	enum log_level level = remote != NULL && strcmp(remote->condition, "ok") == 0
				   ? LOG_LEVEL_DEBUG
				   : LOG_LEVEL_INFO;
	core_remote_set(remote, "ok", "");
	LOG_EVENT(level, "remote.connected", F_STR("remote", route->from->name),
	    F_SLICE("host_key", connected->fingerprint), F_SLICE("server", connected->server),
	    F_SLICE("algorithms", connected->algorithms));
	core_courier_list(courier);
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
	struct core_courier *courier = core_courier_of(ctx);
	const struct ipc_courier_refused *refused = &m->courier_refused;
	char why[IPC_TEXT_MAX];

	if (refused->outcome >= ARRAY_LEN(OUTCOMES))
		return ERR_FORMAT;
	courier->failed = true;
	text_escape(refused->story, why, sizeof why);
	(void)snprintf(courier->route->trouble, sizeof courier->route->trouble, "%s", why);
	courier->route->cause = refused->outcome + 1;
	note_refusal(courier, refused->outcome, why);
	return ledger_note(core_courier_gateway(courier)->ledger, 0,
	    OUTCOMES[refused->outcome].condition, why, time_now_us());
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_COURIER_CONNECTED, on_connected},
    {IPC_COURIER_REFUSED, on_refused},
    {IPC_COURIER_ENTRY, core_courier_on_entry},
    {IPC_COURIER_LISTED, core_courier_on_listed},
    {IPC_COURIER_CHECKPOINT, core_courier_on_checkpoint},
    {IPC_COURIER_FETCHED, core_courier_on_fetched},
    {IPC_COURIER_REMOVED, core_courier_on_removed},
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
	struct core_courier *courier = ctx;

	return pipeline_interrupted(core_courier_gateway(courier), t, courier->route->n_failures,
	    "the connection ended during the fetch", time_now_us());
}

enum err
core_courier_drop(struct core_courier *courier)
{
	static const enum transfer_state FETCHING = TRANSFER_FETCHING;
	struct ledger_filter filter = {.route = courier->route->name, .state = &FETCHING};

	enum err e =
	    ledger_each(core_courier_gateway(courier)->ledger, &filter, interrupt_one, courier);
	courier->route->courier = NULL;
	core_courier_free(courier);
	return e;
}

/* The line to the courier has ended: so has the run, one way or the other. */
static void
on_gone(struct core_peer *peer)
{
	struct core_courier *courier = core_courier_of(peer);
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
		enum err e = core_courier_feed(route->courier);
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
