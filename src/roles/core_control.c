/* The control socket: answers the dray command. Who may ask is decided by the peer's user id. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "roles/core_defence.h"

enum { CONTROLS_MAX = 64 };

static struct core_control *
control_of(struct core_peer *peer)
{
	return (struct core_control *)(void *)peer;
}

struct slice
core_control_text(const char *text, size_t max)
{
	struct slice s = slice_str(text);

	return s.len <= max ? s : slice_of(s.ptr, max);
}

void
core_control_done(struct core_control *control, enum err e, const char *message)
{
	core_peer_send(&control->peer, IPC_CTL_DONE,
	    &(struct ipc_ctl_done){
		.error = (uint32_t)e,
		.message = core_control_text(message, IPC_TEXT_MAX - 1),
	    });
}

/* Why the route can't be run by hand; NULL when it can. */
static const char *
why_not_run(const struct core *c, const struct core_route *route)
{
	if (route == NULL)
		return "there is no such route";
	if (c->stuck)
		return c->trouble;
	const struct config_route *config =
	    config_find_route(c->gateway.config, slice_str(route->name));
	return config != NULL && config->disabled ? "the route is disabled in the configuration"
						  : NULL;
}

/*
 * A person asks: what waits for a later try is tried now, and a remote that was stopped is tried
 * once more. If nothing has changed, it fails in the same words.
 */
static void
run_by_hand(struct core *c, struct core_route *route)
{
	const struct config_route *config =
	    config_find_route(c->gateway.config, slice_str(route->name));
	struct core_remote *remote =
	    config == NULL ? NULL : core_remote_find(c, config->from->name);

	if (remote != NULL)
		remote->stopped = false;
	route->forced = true;
	core_route_run(route);
}

static enum err
on_run(void *ctx, struct ipc_message *m)
{
	struct core_control *control = control_of(ctx);
	struct core *c = control->peer.core;
	struct core_route *route = core_route_find(c, m->ctl_run.route);
	const char *why = why_not_run(c, route);

	if (why != NULL) {
		core_control_done(control, route == NULL ? ERR_NOENT : ERR_UNSUPPORTED, why);
		return ERR_OK;
	}
	if (m->ctl_run.wait &&
	    !slice_copy(m->ctl_run.route, control->waits_for, sizeof control->waits_for))
		return ERR_FORMAT;
	run_by_hand(c, route);
	if (!m->ctl_run.wait)
		core_control_done(control, ERR_OK, "");
	return ERR_OK;
}

/* Back to ready, as if it had never been tried. */
static enum err
make_ready(struct core *c, const struct transfer *t)
{
	static const uint32_t NO_ATTEMPTS = 0;
	static const int64_t AT_ONCE = 0;
	struct transfer_change change = {
	    .attempts = &NO_ATTEMPTS, .retry_us = &AT_ONCE, .trouble = ""};
	enum transfer_state to;

	/* What is on its way needs no more than a run. */
	if (!transfer_next(t->state, TRANSFER_RETRIED, &to))
		return ERR_OK;
	return ledger_move(
	    c->gateway.ledger, t->id, TRANSFER_RETRIED, &change, "by an operator", time_now_us());
}

static const char *
why_not_retried(struct core *c, const struct transfer *t)
{
	if (t->route[0] == '\0')
		return "it is an account's upload: only its client can send it again";
	if (t->state == TRANSFER_PUBLISHED || t->state == TRANSFER_SETTLED ||
	    t->state == TRANSFER_DELIVERED)
		return "it was published already, and is not delivered twice";
	return why_not_run(c, core_route_find(c, slice_str(t->route)));
}

static enum err
on_retry(void *ctx, struct ipc_message *m)
{
	struct core_control *control = control_of(ctx);
	struct core *c = control->peer.core;
	struct transfer t;

	enum err e = ledger_get(c->gateway.ledger, m->ctl_retry.transfer, &t);
	if (e == ERR_NOENT) {
		core_control_done(control, e, "there is no transfer with this number");
		return ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	const char *why = why_not_retried(c, &t);
	if (why != NULL) {
		core_control_done(control, ERR_UNSUPPORTED, why);
		return ERR_OK;
	}
	e = make_ready(c, &t);
	if (e != ERR_OK)
		return e;
	run_by_hand(c, core_route_find(c, slice_str(t.route)));
	core_control_done(control, ERR_OK, "");
	return ERR_OK;
}

void
core_control_run_ended(struct core *c, const struct core_route *r)
{
	struct core_control *control;
	char summary[80];

	(void)snprintf(
	    summary, sizeof summary, "%u fetched, %u not", r->n_fetched, r->n_not_fetched);
	TAILQ_FOREACH (control, &c->controls, entry) {
		if (strcmp(control->waits_for, r->name) != 0)
			continue;
		control->waits_for[0] = '\0';
		core_peer_send(&control->peer, IPC_CTL_DONE,
		    &(struct ipc_ctl_done){
			.error = r->n_failures > 0 ? ERR_IO : ERR_OK,
			.cause = r->cause,
			.message = core_control_text(
			    r->trouble[0] != '\0' ? r->trouble : summary, IPC_TEXT_MAX - 1),
		    });
	}
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_CTL_STATUS, core_tell_status},
    {IPC_CTL_TRANSFERS, core_tell_transfers},
    {IPC_CTL_TRACE, core_tell_trace},
    {IPC_CTL_RUN, on_run},
    {IPC_CTL_RETRY, on_retry},
    {IPC_CTL_BANS, core_defence_on_bans},
};

static void
control_free(struct core_control *control)
{
	TAILQ_REMOVE(&control->peer.core->controls, control, entry);
	core_peer_fini(&control->peer);
	free(control);
}

static void
on_gone(struct core_peer *peer)
{
	control_free(control_of(peer));
}

/* Root, and the user that the gateway runs as. */
static bool
may_ask(int fd)
{
	uid_t uid;

	if (socket_peer_uid(fd, &uid) != ERR_OK)
		return false;
	if (uid == 0 || uid == geteuid())
		return true;
	log_warn("control.refused", F_U64("uid", uid));
	return false;
}

static uint32_t
count_controls(const struct core *c)
{
	const struct core_control *control;
	uint32_t n = 0;

	TAILQ_FOREACH (control, &c->controls, entry)
		n++;
	return n;
}

static int
on_accept(
    sd_event_source *source unused_arg, int listen_fd, uint32_t events unused_arg, void *userdata)
{
	struct core *c = userdata;
	int fd _cleanup_(fd_closep) = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || !may_ask(fd) || count_controls(c) >= CONTROLS_MAX)
		return 0;
	struct core_control *control = calloc(1, sizeof *control);
	if (control == NULL)
		return 0;
	if (core_peer_init(&control->peer, c, fd_take(&fd), IPC_ROLE_CONTROL, HANDLERS,
		ARRAY_LEN(HANDLERS), on_gone) != ERR_OK) {
		free(control);
		return 0;
	}
	control->peer.link.state = IPC_RUNNING;
	TAILQ_INSERT_TAIL(&c->controls, control, entry);
	return 0;
}

enum err
core_control_listen(struct core *c, struct story *story)
{
	enum err e = socket_listen_unix(c->gateway.config->control_socket, &c->control_fd, story);

	if (e != ERR_OK)
		return e;
	int rc = sd_event_add_io(c->event, &c->control_io, c->control_fd, EPOLLIN, on_accept, c);
	return rc < 0 ? err_from_errno(-rc) : ERR_OK;
}

void
core_control_close(struct core *c)
{
	struct core_control *control;

	while ((control = TAILQ_FIRST(&c->controls)) != NULL)
		control_free(control);
	c->control_io = sd_event_source_disable_unref(c->control_io);
	if (c->control_fd < 0)
		return;
	fd_closep(&c->control_fd);
	(void)unlink(c->gateway.config->control_socket);
}
