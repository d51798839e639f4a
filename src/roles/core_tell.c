/*
 * What the dray command is told: the gateway, its addresses, routes, remotes, sessions, transfers
 * and their events, as rows. Answers to questions; what commands change is in core_control.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/sandbox.h"
#include "roles/core_defence.h"

static struct core_control *
control_of(struct core_peer *peer)
{
	return (struct core_control *)(void *)peer;
}

static void
send_gateway(struct core_control *control)
{
	const struct core *c = control->peer.core;

	core_peer_send(&control->peer, IPC_CTL_GATEWAY,
	    &(struct ipc_ctl_gateway){
		.version = slice_str(DRAY_VERSION),
		.pid = (uint32_t)getpid(),
		.started_us = c->started_us,
		.config = core_control_text(c->config_path, IPC_PATH_MAX),
		.landlock = (uint32_t)sandbox_landlock_abi(),
		.trouble = core_control_text(
		    c->trouble[0] != '\0' ? c->trouble : c->listener_trouble, IPC_TEXT_MAX - 1),
	    });
}

/* States in which a transfer is on its way. */
static uint64_t
count_waiting(const uint64_t counts[TRANSFER_N_STATES])
{
	return counts[TRANSFER_SEEN] + counts[TRANSFER_READY] + counts[TRANSFER_FETCHING] +
	       counts[TRANSFER_STAGED] + counts[TRANSFER_PROCESSED] + counts[TRANSFER_PUBLISHED] +
	       counts[TRANSFER_HELD];
}

static const char *
route_condition(const struct core_route *r, const struct config_route *config)
{
	if (config->disabled)
		return "disabled";
	if (r->courier != NULL)
		return "running";
	return r->trouble[0] != '\0' ? "in trouble" : "ok";
}

static enum err
send_route(struct core_control *control, const struct core_route *r)
{
	const struct core *c = control->peer.core;
	const struct config_route *config =
	    config_find_route(c->gateway.config, slice_str(r->name));
	uint64_t counts[TRANSFER_N_STATES];
	char from[IPC_PATH_MAX + 1];

	if (config == NULL)
		return ERR_OK;
	enum err e = ledger_count(c->gateway.ledger, r->name, counts);
	if (e != ERR_OK)
		return e;
	(void)snprintf(from, sizeof from, "%s:%s", config->from->name, config->from_path);
	core_peer_send(&control->peer, IPC_CTL_ROUTE,
	    &(struct ipc_ctl_route){
		.name = slice_str(r->name),
		.from = slice_str(from),
		.condition = slice_str(route_condition(r, config)),
		.last_run_us = r->last_run_us,
		.next_run_us = r->courier != NULL ? 0 : r->next_run_us,
		.n_waiting = count_waiting(counts) + r->n_young,
		.n_done = counts[TRANSFER_SETTLED] + counts[TRANSFER_DELIVERED],
		.n_failed = counts[TRANSFER_FAILED],
		.trouble = core_control_text(r->trouble, IPC_TEXT_MAX - 1),
	    });
	return ERR_OK;
}

static void
send_remote(struct core_control *control, const struct core_remote *r)
{
	const struct config_remote *config =
	    config_find_remote(control->peer.core->gateway.config, slice_str(r->name));
	char address[IPC_HOST_MAX + 8 + 1];

	if (config == NULL)
		return;
	(void)snprintf(address, sizeof address, "%s:%u", config->host, (unsigned)config->port);
	core_peer_send(&control->peer, IPC_CTL_REMOTE,
	    &(struct ipc_ctl_remote){
		.name = slice_str(r->name),
		.address = slice_str(address),
		.condition = slice_str(r->condition),
		.since_us = r->since_us,
		.trouble = core_control_text(r->trouble, IPC_TEXT_MAX - 1),
	    });
}

static void
send_session(struct core_control *control, const struct core_session *s)
{
	core_peer_send(&control->peer, IPC_CTL_SESSION,
	    &(struct ipc_ctl_session){
		.session = s->id,
		.account = slice_str(s->account),
		.peer = slice_str(s->address),
		.since_us = s->since_us,
	    });
}

/* Where the outputs of one transfer were published, "folder/path, folder/path". */
struct published {
	char text[IPC_PATH_MAX];
};

static enum err
add_published(void *ctx, const struct transfer_output *out)
{
	struct published *p = ctx;
	size_t len = strlen(p->text);

	(void)snprintf(p->text + len, sizeof p->text - len, "%s%s/%s", len > 0 ? ", " : "",
	    out->folder, out->path);
	return ERR_OK;
}

static enum err
send_transfer(void *ctx, const struct transfer *t)
{
	struct core_control *control = ctx;
	struct published published = {.text = ""};

	enum err e = ledger_each_output(
	    control->peer.core->gateway.ledger, t->id, add_published, &published);
	if (e != ERR_OK)
		return e;
	core_peer_send(&control->peer, IPC_CTL_TRANSFER,
	    &(struct ipc_ctl_transfer){
		.id = t->id,
		.route = slice_str(t->route),
		.state = slice_str(transfer_state_name(t->state)),
		.source = slice_str(t->source),
		.path = slice_str(t->path),
		.published = slice_str(published.text),
		.size = t->size,
		.mtime = t->mtime,
		.sha256 = slice_of(t->sha256, t->has_sha256 ? sizeof t->sha256 : 0),
		.attempts = t->attempts,
		.seen_us = t->seen_us,
		.changed_us = t->changed_us,
		.retry_us = t->retry_us,
		.trouble = core_control_text(t->trouble, IPC_TEXT_MAX - 1),
	    });
	return ERR_OK;
}

static void
send_addresses(struct core_control *control)
{
	const struct core *c = control->peer.core;

	for (size_t i = 0; i < c->n_addresses; i++)
		core_peer_send(&control->peer, IPC_CTL_ADDRESS,
		    &(struct ipc_ctl_address){
			.address = slice_str(c->addresses[i].text),
			.listening = c->addresses[i].listening,
			.trouble = core_control_text(c->addresses[i].trouble, IPC_TEXT_MAX - 1),
		    });
}

/* The transfers that don't move, of one state after another. */
struct stuck {
	struct core_control *control;
	struct slice route; /* empty for all */
	size_t n;
};

enum { STUCK_TOLD_MAX = 20, STUCK_LOOKED_AT_MAX = 1000 };

static enum err
send_if_stuck(void *ctx, const struct transfer *t)
{
	struct stuck *stuck = ctx;

	if (t->trouble[0] == '\0' || stuck->n == STUCK_TOLD_MAX ||
	    (stuck->route.len > 0 && !slice_is(stuck->route, t->route)))
		return ERR_OK;
	stuck->n++;
	return send_transfer(stuck->control, t);
}

static enum err
send_stuck(struct core_control *control, struct slice route)
{
	static const enum transfer_state STATES[] = {TRANSFER_FAILED, TRANSFER_READY,
	    TRANSFER_STAGED, TRANSFER_PROCESSED, TRANSFER_PUBLISHED};
	struct stuck stuck = {.control = control, .route = route};
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(STATES) && e == ERR_OK; i++) {
		struct ledger_filter filter = {
		    .state = &STATES[i], .oldest_first = true, .limit = STUCK_LOOKED_AT_MAX};
		e = ledger_each(control->peer.core->gateway.ledger, &filter, send_if_stuck, &stuck);
	}
	return e;
}

/* All remotes, or the one that the route reads. */
static bool
is_asked_about(const struct core *c, struct slice route, const struct core_remote *remote)
{
	const struct config_route *config = config_find_route(c->gateway.config, route);

	return route.len == 0 || (config != NULL && strcmp(config->from->name, remote->name) == 0);
}

enum err
core_tell_status(void *ctx, struct ipc_message *m)
{
	struct core_control *control = control_of(ctx);
	struct core *c = control->peer.core;
	struct slice only = m->ctl_status.route;
	const struct core_route *route;
	const struct core_remote *remote;
	const struct core_session *session;
	enum err e = ERR_OK;

	if (only.len > 0 && core_route_find(c, only) == NULL) {
		core_control_done(control, ERR_NOENT, "there is no such route");
		return ERR_OK;
	}
	send_gateway(control);
	send_addresses(control);
	TAILQ_FOREACH (route, &c->routes, entry) {
		if (e == ERR_OK && (only.len == 0 || slice_is(only, route->name)))
			e = send_route(control, route);
	}
	TAILQ_FOREACH (remote, &c->remotes, entry) {
		if (is_asked_about(c, only, remote))
			send_remote(control, remote);
	}
	TAILQ_FOREACH (session, &c->sessions, entry) {
		if (only.len == 0)
			send_session(control, session);
	}
	if (only.len == 0)
		core_defence_send_bans(control);
	if (e == ERR_OK && only.len == 0)
		e = core_tell_usage(&control->peer);
	if (e == ERR_OK)
		e = send_stuck(control, only);
	core_control_done(control, e, e == ERR_OK ? "" : err_text(e));
	return ERR_OK;
}

/* As much of a list as may wait for its reader; core's memory is not for the rest. */
static enum err
send_listed(void *ctx, const struct transfer *t)
{
	struct core_control *control = ctx;

	return control->peer.link.queued_bytes > IPC_QUEUE_MAX / 2 ? ERR_LIMIT
								   : send_transfer(ctx, t);
}

enum err
core_tell_transfers(void *ctx, struct ipc_message *m)
{
	struct core_control *control = control_of(ctx);
	const struct ipc_ctl_transfers *q = &m->ctl_transfers;
	char route[IPC_NAME_MAX + 1];
	enum transfer_state state;
	struct ledger_filter filter = {.limit = q->limit, .beyond = q->before};

	if (!slice_copy(q->route, route, sizeof route))
		return ERR_FORMAT;
	if (route[0] != '\0')
		filter.route = route;
	if (q->state.len > 0) {
		if (!transfer_state_parse(q->state, &state)) {
			core_control_done(control, ERR_INVALID, "there is no such state");
			return ERR_OK;
		}
		filter.state = &state;
	}
	enum err e = ledger_each(control->peer.core->gateway.ledger, &filter, send_listed, control);
	if (e == ERR_LIMIT)
		core_peer_send(&control->peer, IPC_CTL_DONE, &(struct ipc_ctl_done){.more = true});
	else
		core_control_done(control, e, e == ERR_OK ? "" : err_text(e));
	return ERR_OK;
}

static enum err
send_event(void *ctx, const struct ledger_event *event)
{
	struct core_control *control = ctx;

	core_peer_send(&control->peer, IPC_CTL_EVENT,
	    &(struct ipc_ctl_event){
		.transfer = event->transfer,
		.at_us = event->at_us,
		.what = slice_str(event->what),
		.detail = core_control_text(event->detail, IPC_TEXT_MAX),
	    });
	return ERR_OK;
}

struct tracing {
	struct core_control *control;
	uint64_t n_found;
};

static enum err
trace_one(void *ctx, const struct transfer *t)
{
	struct tracing *tracing = ctx;

	tracing->n_found++;
	enum err e = send_transfer(tracing->control, t);
	if (e != ERR_OK)
		return e;
	return ledger_each_event(
	    tracing->control->peer.core->gateway.ledger, t->id, send_event, tracing->control);
}

/* "invoices/a.csv", as trace itself tells where a file was published: the path within the folder.
 */
static const char *
within_folder(const struct core *c, const char *what)
{
	const char *from = what[0] == '/' ? what + 1 : what;
	struct slice folder, rest = slice_cut(slice_str(from), '/', &folder);

	return rest.len > 0 && config_find_folder(c->gateway.config, folder) != NULL
		   ? (const char *)rest.ptr
		   : NULL;
}

static enum err
trace_by_name(struct tracing *tracing, const char *what)
{
	enum { TRACES_MAX = 100 };
	const struct core *c = tracing->control->peer.core;
	struct ledger_filter filter = {.what = what, .limit = TRACES_MAX};

	enum err e = ledger_each(c->gateway.ledger, &filter, trace_one, tracing);
	filter.what = within_folder(c, what);
	if (e == ERR_OK && tracing->n_found == 0 && filter.what != NULL)
		e = ledger_each(c->gateway.ledger, &filter, trace_one, tracing);
	return e;
}

enum err
core_tell_trace(void *ctx, struct ipc_message *m)
{
	struct tracing tracing = {.control = control_of(ctx)};
	struct ledger *l = tracing.control->peer.core->gateway.ledger;
	char what[IPC_PATH_MAX + 1];
	struct transfer t;
	uint64_t id;
	enum err e = ERR_NOENT;

	if (!slice_copy(m->ctl_trace.what, what, sizeof what) || what[0] == '\0')
		return ERR_FORMAT;
	if (text_to_u64(slice_str(what), INT64_MAX, &id))
		e = ledger_get(l, id, &t);
	if (e == ERR_OK)
		e = trace_one(&tracing, &t);
	else if (e == ERR_NOENT)
		e = trace_by_name(&tracing, what);
	if (e == ERR_OK && tracing.n_found == 0)
		core_control_done(
		    tracing.control, ERR_NOENT, "no transfer has this number, path or name");
	else
		core_control_done(tracing.control, e, e == ERR_OK ? "" : err_text(e));
	return ERR_OK;
}
