#include "roles/core_checker.h"
#include "roles/core_pace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "roles/core_partial.h"
#include "roles/core_quota.h"
#include "roles/roles.h"
#include "transfer/delivery.h"
#include "transfer/recover.h"

#define STUCK_RETRY_DELAY (2 * US_PER_SEC)

/* How long a turn of patient messages waits for company, and how many of them. */
#define PATIENCE (50 * US_PER_MS)
enum { PATIENT_MAX = 64 };

void
core_after(struct core *c, sd_event_source **source, int64_t delay_us, sd_event_time_handler_t fn,
    void *userdata)
{
	*source = sd_event_source_disable_unref(*source);
	if (sd_event_add_time_relative(
		c->event, source, CLOCK_MONOTONIC, (uint64_t)delay_us, 1000, fn, userdata) < 0)
		log_error("core.no-timer", F_STR("error", strerror(errno)));
}

void
core_stop_transfers(struct core *c, const char *why)
{
	struct core_route *route;

	core_jobs_drop(c);
	TAILQ_FOREACH (route, &c->routes, entry) {
		if (route->courier != NULL) {
			core_courier_free(route->courier);
			core_route_ended(route, true, why);
		}
	}
}

/* Ends everything whose progress must be written down: it begins again from the ledger. */
static void
stop_all_work(struct core *c, const char *why)
{
	core_stop_transfers(c, why);
	/* Sessions may hold uploads that can't be recorded now: their clients must try again. */
	for (struct core_session *s; (s = TAILQ_FIRST(&c->sessions)) != NULL;)
		core_session_free(s);
	core_checks_drop(c);
}

static int
on_stuck_timer(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;
	struct recovery r;

	/* What is recorded may still be put in place; the listener ends them soon. */
	if (!TAILQ_EMPTY(&c->ended)) {
		core_after(c, &c->stuck_timer, STUCK_RETRY_DELAY, on_stuck_timer, c);
		return 0;
	}
	enum err e = recover(&c->gateway, time_now_us(), &r);
	if (e == ERR_OK)
		e = core_partials_load(c);
	/* What was followed in memory may be of a turn that was lost: all is counted again. */
	quotas_fini(&c->gateway.quotas);
	if (e == ERR_OK)
		e = core_quota_use_config(c);
	if (e == ERR_OK)
		e = ledger_note(c->gateway.ledger, 0, "ledger-recovered", "", time_now_us());
	/* The commit alone: what recovery has deferred is for a gateway that works again, and is
	 * done at the end of this turn. */
	if (e == ERR_OK)
		e = ledger_commit(c->gateway.ledger);
	if (e != ERR_OK) {
		ledger_rollback(c->gateway.ledger);
		turn_fini(&c->gateway.turn);
		core_after(c, &c->stuck_timer, STUCK_RETRY_DELAY, on_stuck_timer, c);
		return 0;
	}
	c->stuck = false;
	c->trouble[0] = '\0';
	log_info("ledger.writable", F_U64("resumed", r.n_resumed));
	return 0;
}

void
core_ledger_failed(struct core *c, enum err e)
{
	if (c->stuck)
		return;
	c->stuck = true;
	(void)snprintf(c->trouble, sizeof c->trouble,
	    "the ledger can't be written: %s (nothing moves until it can; tried again every %d s)",
	    err_text(e), (int)(STUCK_RETRY_DELAY / US_PER_SEC));
	log_error(
	    "ledger.stuck", F_STR("error", err_text(e)), F_STR("home", c->gateway.config->home));
	ledger_rollback(c->gateway.ledger);
	turn_fini(&c->gateway.turn);
	stop_all_work(c, "the ledger can't be written");
	core_after(c, &c->stuck_timer, STUCK_RETRY_DELAY, on_stuck_timer, c);
	core_drain_session_gone(c);
}

void
core_be_patient(struct core *c)
{
	c->turn_patient++;
}

static int
on_patience_over(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;

	/* No longer all of them: the turn that ends now is committed. */
	c->turn_patient = 0;
	return 0;
}

static bool
may_wait(const struct core *c)
{
	return c->turn_patient > 0 && c->turn_patient == c->turn_messages &&
	       c->turn_messages < PATIENT_MAX && turn_is_over(&c->gateway.turn) && !c->stopping;
}

static int
on_disposals(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;
	enum err e = c->stuck ? ERR_OK : delivery_go_on(&c->gateway);

	c->disposals_timer = sd_event_source_disable_unref(c->disposals_timer);
	if (e != ERR_OK)
		core_ledger_failed(c, e);
	return 0;
}

void
core_end_turn(struct core *c)
{
	if (c->stuck) {
		c->turn_messages = c->turn_patient = 0;
		return;
	}
	if (may_wait(c)) {
		if (c->patience_timer == NULL)
			core_after(c, &c->patience_timer, PATIENCE, on_patience_over, c);
		return;
	}
	c->turn_messages = c->turn_patient = 0;
	c->patience_timer = sd_event_source_disable_unref(c->patience_timer);
	enum err e;
	do {
		e = turn_end(&c->gateway.turn, c->gateway.ledger);
		if (e == ERR_OK)
			e = core_couriers_tend(c);
	} while (e == ERR_OK && !c->stuck &&
		 (ledger_dirty(c->gateway.ledger) || !turn_is_over(&c->gateway.turn)));
	if (e != ERR_OK)
		core_ledger_failed(c, e);
	else if (delivery_is_behind(&c->gateway) && c->disposals_timer == NULL)
		core_after(c, &c->disposals_timer, 0, on_disposals, c);
}

/* Runs when nothing of higher priority is left to do: the turn is over. */
static int
on_turn_end(sd_event_source *source unused_arg, void *userdata)
{
	core_end_turn(userdata);
	return 0;
}

/* From here on the number may be that of any process: it must not be killed any more. */
static void
forget_pid(struct core *c, pid_t pid)
{
	struct core_route *route;
	struct core_job *job;

	if (c->listener.pid == pid)
		c->listener.pid = 0;
	TAILQ_FOREACH (route, &c->routes, entry) {
		if (route->courier != NULL && route->courier->peer.pid == pid)
			route->courier->peer.pid = 0;
	}
	TAILQ_FOREACH (job, &c->jobs, entry) {
		if (job->peer.pid == pid)
			job->peer.pid = 0;
	}
	core_checks_forget_pid(c, pid);
}

/* Ended children of ours. Their lines tell what it means; here they are only buried. */
static int
on_child(sd_event_source *source unused_arg, const struct signalfd_siginfo *si unused_arg,
    void *userdata)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		forget_pid(userdata, pid);
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_error("role.crashed", F_I64("process", pid),
			    F_I64("signal", WTERMSIG(status)));
	}
	return 0;
}

static int
on_hangup_signal(sd_event_source *source unused_arg, const struct signalfd_siginfo *si unused_arg,
    void *userdata)
{
	(void)core_load_config(userdata);
	return 0;
}

static int
on_stop_signal(
    sd_event_source *source unused_arg, const struct signalfd_siginfo *si, void *userdata)
{
	core_drain_begin(userdata, si->ssi_signo);
	return 0;
}

static const struct {
	int signal;
	sd_event_signal_handler_t handler;
} SIGNALS[] = {
    {SIGCHLD, on_child},
    {SIGHUP, on_hangup_signal},
    {SIGINT, on_stop_signal},
    {SIGTERM, on_stop_signal},
};

static enum err
setup_loop(struct core *c)
{
	sd_event_source *post = NULL;
	sigset_t blocked;
	int rc = sd_event_new(&c->event);

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_LEN(SIGNALS); i++)
		(void)sigaddset(&blocked, SIGNALS[i].signal);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_last();
	for (size_t i = 0; i < ARRAY_LEN(SIGNALS) && rc >= 0; i++)
		rc = sd_event_add_signal(c->event, NULL, SIGNALS[i].signal, SIGNALS[i].handler, c);
	if (rc >= 0)
		rc = sd_event_add_post(c->event, &post, on_turn_end, c);
	if (rc >= 0)
		rc = sd_event_source_set_priority(post, SD_EVENT_PRIORITY_IDLE);
	if (rc >= 0)
		rc = sd_event_source_set_floating(post, 1);
	sd_event_source_unref(post);
	return rc < 0 ? err_from_errno(-rc) : ERR_OK;
}

/* Two gateways on one home would both believe that its files are theirs. */
static enum err
lock_home(struct core *c, struct story *story)
{
	enum err e = file_open_beneath(
	    c->gateway.stores.home_fd, "lock", O_RDWR | O_CREAT, 0640, &c->lock_fd);

	if (e != ERR_OK)
		return story_fail(
		    story, e, "cannot open %s/lock: %s", c->gateway.config->home, err_text(e));
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return story_fail(
		    story, ERR_EXISTS, "another drayd is running on %s", c->gateway.config->home);
	return ERR_OK;
}

static enum err
open_ledger(struct core *c, struct story *story)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof path, "%s/ledger.db", c->gateway.config->home);

	if ((size_t)len >= sizeof path)
		return story_fail(story, ERR_NAMETOOLONG, "home has a path that is too long");
	return ledger_open(path, &c->gateway.ledger, story);
}

static enum err
recover_at_start(struct core *c, struct story *story)
{
	struct recovery r;

	enum err e = recover(&c->gateway, time_now_us(), &r);
	if (e == ERR_OK)
		e = turn_end(&c->gateway.turn, c->gateway.ledger);
	/* What recovery has disposed of is neither counted nor held. */
	if (e == ERR_OK)
		e = core_partials_load(c);
	if (e == ERR_OK)
		e = core_quota_use_config(c);
	if (e == ERR_OK)
		e = turn_end(&c->gateway.turn, c->gateway.ledger);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot recover from the ledger: %s", err_text(e));
	log_info(
	    "core.recovered", F_U64("resumed", r.n_resumed), F_U64("discarded", r.n_discarded));
	return ERR_OK;
}

static void
port_work(void *ctx, const struct transfer *t)
{
	core_work(ctx, t);
}

static void
port_remove_source(void *ctx, const struct transfer *t)
{
	struct core_route *route = core_route_find(ctx, slice_str(t->route));

	/* Without a courier the next run does it. */
	if (route != NULL && route->courier != NULL)
		core_courier_remove(route->courier, t);
}

static const struct gateway_ports PORTS = {.work = port_work, .remove_source = port_remove_source};

static void
tell_about_sandbox(void)
{
	int abi = sandbox_landlock_abi();

	if (abi == 0)
		log_warn("core.no-landlock",
		    F_STR("means",
			"this kernel has no Landlock: sessions, couriers and workers are "
			"confined by seccomp and an empty root alone"));
	else
		log_info("core.landlock", F_I64("version", abi));
}

static enum err
open_programs(struct core *c, struct story *story)
{
	enum err e = process_open_program("dray-listener", &c->listener_program);

	return e == ERR_OK ? e
			   : story_fail(story, e, "the program dray-listener is not there: %s",
				 err_text(e));
}

static enum err
start(struct core *c, struct story *story)
{
	enum err e = setup_loop(c);

	if (e != ERR_OK)
		return story_fail(story, e, "cannot set up the event loop: %s", err_text(e));
	e = core_load_config(c);
	if (e != ERR_OK)
		return story_fail(story, e, "the configuration %s can't be used", c->config_path);
	e = lock_home(c, story);
	if (e == ERR_OK)
		e = open_ledger(c, story);
	if (e == ERR_OK)
		e = recover_at_start(c, story);
	if (e == ERR_OK)
		e = open_programs(c, story);
	if (e == ERR_OK)
		e = core_control_listen(c, story);
	if (e != ERR_OK)
		return e;
	tell_about_sandbox();
	e = core_routes_update(c);
	if (e == ERR_OK)
		e = core_listener_start(c);
	core_recheck_schedule(c);
	return e == ERR_OK ? e : story_fail(story, e, "cannot start: %s", err_text(e));
}

/* What sessions have open is to be found again, also what is too new for a row yet. */
static void
keep_partials(struct core *c)
{
	if (c->gateway.ledger == NULL || c->stuck)
		return;
	enum err e = core_partials_settle(c);
	if (e == ERR_OK)
		e = ledger_commit(c->gateway.ledger);
	if (e != ERR_OK)
		log_error("ledger.stuck", F_STR("error", err_text(e)),
		    F_STR("home", c->gateway.config->home));
}

/* The roles end when their lines do; couriers' prefixes and private uploads stay in staging. */
static void
stop(struct core *c)
{
	stop_all_work(c, "the gateway is stopping");
	core_session_forget_ended(c);
	keep_partials(c);
	core_control_close(c);
	core_routes_free(c);
	if (c->listener.io != NULL)
		core_peer_fini(&c->listener);
	free(c->addresses);
	banlist_fini(&c->bans);
	sd_event_source_disable_unref(c->listener_timer);
	sd_event_source_disable_unref(c->drain_timer);
	sd_event_source_disable_unref(c->stuck_timer);
	sd_event_source_disable_unref(c->patience_timer);
	sd_event_source_disable_unref(c->disposals_timer);
	sd_event_source_disable_unref(c->recheck_timer);
	core_partials_free(c);
	pieces_fini(&c->pieces);
	gateway_fini(&c->gateway);
	sd_event_unref(c->event);
	fd_closep(&c->listener_program);
	fd_closep(&c->lock_fd);
}

int
role_core(const char *config_path)
{
	struct core c = {
	    .config_path = config_path,
	    .lock_fd = -1,
	    .control_fd = -1,
	    .listener_program = -1,
	    .started_us = time_now_us(),
	    .gateway = {.ports = &PORTS, .ports_ctx = &c},
	};
	struct story story = {.text = ""};

	TAILQ_INIT(&c.sessions);
	TAILQ_INIT(&c.ended);
	TAILQ_INIT(&c.partials);
	TAILQ_INIT(&c.routes);
	TAILQ_INIT(&c.remotes);
	TAILQ_INIT(&c.jobs);
	TAILQ_INIT(&c.checks);
	TAILQ_INIT(&c.controls);
	turn_init(&c.gateway.turn);
	banlist_init(&c.bans, BANLIST_MAX);
	c.listener.link.fd = -1;
	process_raise_fd_limit();
	enum err e = start(&c, &story);
	if (e == ERR_OK) {
		log_info("core.started", F_STR("version", DRAY_VERSION),
		    F_STR("config", config_path), F_STR("home", c.gateway.config->home));
		int rc = sd_event_loop(c.event);
		e = rc < 0 ? err_from_errno(-rc) : ERR_OK;
		log_info("core.stopped", F_I64("status", rc));
	} else {
		log_error("core.not-started", F_STR("why", story.text));
	}
	stop(&c);
	return e == ERR_OK ? 0 : 1;
}
