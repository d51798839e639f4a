#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles/core.h"
#include "transfer/backoff.h"
#include "transfer/pipeline.h"

#define REMOTE_RETRY_MAX (300 * US_PER_SEC)

struct core_route *
core_route_find(struct core *c, struct slice name)
{
	struct core_route *r;

	TAILQ_FOREACH (r, &c->routes, entry) {
		if (slice_is(name, r->name))
			return r;
	}
	return NULL;
}

struct core_remote *
core_remote_find(struct core *c, const char *name)
{
	struct core_remote *r;

	TAILQ_FOREACH (r, &c->remotes, entry) {
		if (strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

void
core_remote_set(struct core_remote *r, const char *condition, const char *trouble)
{
	/* A reload may have taken it away while a courier is still on its way there. */
	if (r == NULL)
		return;
	if (strcmp(r->condition, condition) != 0)
		r->since_us = time_now_us();
	r->condition = condition;
	(void)snprintf(r->trouble, sizeof r->trouble, "%s", trouble);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void
schedule(struct core_route *r, int64_t delay_us)
{
	r->next_run_us = time_now_us() + delay_us;
	core_after(r->core, &r->timer, delay_us, on_timer, r);
}

static enum err
resume_one(void *ctx, const struct transfer *t)
{
	struct core_route *r = ctx;

	/* A person who asks for a run does not wait for the time of the next try. */
	return pipeline_resume(&r->core->gateway, t->id, r->forced ? INT64_MAX : time_now_us());
}

/* What waits on our own side: it needs no connection. */
static enum err
resume_own(struct core_route *r)
{
	static const enum transfer_state OWN[] = {TRANSFER_STAGED, TRANSFER_PROCESSED};
	struct gateway *g = &r->core->gateway;
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(OWN) && e == ERR_OK; i++) {
		struct ledger_filter filter = {
		    .route = r->name, .state = &OWN[i], .oldest_first = true};
		e = ledger_each(g->ledger, &filter, resume_one, r);
	}
	return e;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/*
 * A remote that was stopped stays so until somebody has looked: until the known_hosts file or the
 * key that the decision was made with is another.
 */
static bool
still_stopped(struct core_remote *remote, const struct config_remote *config)
{
	struct stat now[2] = {{0}, {0}};

	if (!remote->stopped)
		return false;
	(void)stat(config->known_hosts, &now[0]);
	(void)stat(config->identity->private_key, &now[1]);
	remote->stopped = same_file(&now[0], &remote->trust_at_stop[0]) &&
			  same_file(&now[1], &remote->trust_at_stop[1]);
	return remote->stopped;
}

void
core_route_run(struct core_route *r)
{
	struct core *c = r->core;
	const struct config_route *config =
	    config_find_route(c->gateway.config, slice_str(r->name));
	struct story story = {.text = ""};

	if (r->courier != NULL || config == NULL || c->stuck || c->stopping)
		return;
	enum err e = resume_own(r);
	if (e != ERR_OK) {
		core_ledger_failed(c, e);
		return;
	}
	struct core_remote *remote = core_remote_find(c, config->from->name);
	if (remote != NULL && still_stopped(remote, config->from)) {
		core_route_ended(r, true, remote->trouble);
		return;
	}
	r->last_run_us = time_now_us();
	r->cause = r->n_fetched = r->n_not_fetched = 0;
	e = core_courier_start(r, config, &story);
	if (e != ERR_OK) {
		log_error("route.not-run", F_STR("route", r->name), F_STR("why", story.text));
		core_route_ended(r, true, story.text);
	}
}

static int
on_timer(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core_route *r = userdata;

	core_route_run(r);
	/* A run that is under way schedules the next one at its end. */
	if (r->courier == NULL) {
		const struct config_route *config =
		    config_find_route(r->core->gateway.config, slice_str(r->name));
		if (config != NULL && r->core->stuck)
			schedule(r, config->every_us);
	}
	return 0;
}

void
core_route_ended(struct core_route *r, bool failed, const char *trouble)
{
	const struct config *config = r->core->gateway.config;
	const struct config_route *route = config_find_route(config, slice_str(r->name));

	r->courier = NULL;
	r->forced = false;
	r->n_failures = failed ? r->n_failures + 1 : 0;
	(void)snprintf(r->trouble, sizeof r->trouble, "%s", trouble);
	core_control_run_ended(r->core, r);
	if (route == NULL || route->disabled || r->core->stopping)
		return;
	int64_t delay = route->every_us;
	if (failed) {
		int64_t wait =
		    backoff_delay(config->limits.retry_after_us, r->n_failures, REMOTE_RETRY_MAX);
		delay = wait > delay ? wait : delay;
	}
	schedule(r, delay);
}

static void
route_free(struct core_route *r)
{
	TAILQ_REMOVE(&r->core->routes, r, entry);
	if (r->courier != NULL)
		core_courier_free(r->courier);
	r->timer = sd_event_source_disable_unref(r->timer);
	free(r);
}

static enum err
route_update(struct core *c, const struct config_route *config)
{
	struct core_route *r = core_route_find(c, slice_str(config->name));

	if (r == NULL) {
		r = calloc(1, sizeof *r);
		if (r == NULL)
			return ERR_NOMEM;
		r->core = c;
		(void)snprintf(r->name, sizeof r->name, "%s", config->name);
		TAILQ_INSERT_TAIL(&c->routes, r, entry);
	}
	r->n_failures = 0;
	if (config->disabled) {
		r->timer = sd_event_source_disable_unref(r->timer);
		r->next_run_us = 0;
	} else if (r->courier == NULL) {
		schedule(r, 0);
	}
	return ERR_OK;
}

static enum err
remote_update(struct core *c, const struct config_remote *config)
{
	struct core_remote *r = core_remote_find(c, config->name);

	if (r == NULL) {
		r = calloc(1, sizeof *r);
		if (r == NULL)
			return ERR_NOMEM;
		(void)snprintf(r->name, sizeof r->name, "%s", config->name);
		r->condition = "not tried yet";
		r->since_us = time_now_us();
		TAILQ_INSERT_TAIL(&c->remotes, r, entry);
	}
	/* A reload is an operator's word: what was stopped is tried once more. */
	r->stopped = false;
	return ERR_OK;
}

/* The run of a route that is no longer in the configuration ends here, and whoever waits for it is
 * told. */
static void
end_run(struct core_route *r)
{
	if (r->courier == NULL)
		return;
	enum err e = core_courier_drop(r->courier);
	core_route_ended(r, true, "the route is no longer in the configuration");
	if (e != ERR_OK)
		core_ledger_failed(r->core, e);
}

static void
forget_others(struct core *c)
{
	struct core_route *route, *next_route;
	struct core_remote *remote, *next_remote;

	for (route = TAILQ_FIRST(&c->routes); route != NULL; route = next_route) {
		next_route = TAILQ_NEXT(route, entry);
		if (config_find_route(c->gateway.config, slice_str(route->name)) != NULL)
			continue;
		end_run(route);
		route_free(route);
	}
	for (remote = TAILQ_FIRST(&c->remotes); remote != NULL; remote = next_remote) {
		next_remote = TAILQ_NEXT(remote, entry);
		if (config_find_remote(c->gateway.config, slice_str(remote->name)) != NULL)
			continue;
		TAILQ_REMOVE(&c->remotes, remote, entry);
		free(remote);
	}
}

enum err
core_routes_update(struct core *c)
{
	const struct config *config = c->gateway.config;
	enum err e = ERR_OK;

	forget_others(c);
	for (size_t i = 0; i < config->n_remotes && e == ERR_OK; i++)
		e = remote_update(c, &config->remotes[i]);
	for (size_t i = 0; i < config->n_routes && e == ERR_OK; i++)
		e = route_update(c, &config->routes[i]);
	return e;
}

void
core_routes_free(struct core *c)
{
	struct core_route *route;
	struct core_remote *remote;

	while ((route = TAILQ_FIRST(&c->routes)) != NULL)
		route_free(route);
	while ((remote = TAILQ_FIRST(&c->remotes)) != NULL) {
		TAILQ_REMOVE(&c->remotes, remote, entry);
		free(remote);
	}
}
