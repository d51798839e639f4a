#include <stdio.h>

#include "base/log.h"
#include "roles/core_defence.h"
#include "roles/core_pace.h"
#include "roles/core_partial.h"
#include "roles/core_quota.h"

enum { CONFIG_ERRORS_MAX = 64 * 1024 };

/* The file's errors, a log line each: whoever asked for the reload looks there. */
static void
log_errors(struct slice errors)
{
	while (errors.len > 0) {
		struct slice line;
		errors = slice_cut(errors, '\n', &line);
		if (line.len > 0)
			log_error("config.error", F_SLICE("at", line));
	}
}

static enum err
put_into_force(struct core *c, struct config *config, struct story *story)
{
	bool running = c->gateway.config != NULL;

	if (running && strcmp(config->home, c->gateway.config->home) != 0)
		return story_fail(
		    story, ERR_INVALID, "home can't be changed while the gateway runs");
	if (running && strcmp(config->control_socket, c->gateway.config->control_socket) != 0)
		return story_fail(
		    story, ERR_INVALID, "control can't be changed while the gateway runs");
	enum err e = gateway_use_config(&c->gateway, config, story);
	if (e != ERR_OK || !running)
		return e;
	/* Runs under way end with the snapshot that they began with;
	 * the next ones use the new one. */
	e = core_routes_update(c);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot set up the routes: %s", err_text(e));
	e = core_quota_use_config(c);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot set up the quotas: %s", err_text(e));
	core_partials_watch(c);
	core_listener_configure(c);
	core_sessions_recheck(c);
	core_pace_recheck(c);
	core_defence_recheck(c);
	return ERR_OK;
}

enum err
core_load_config(struct core *c)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	struct buf errors _cleanup_(buf_fini);
	struct story story = {.text = ""};
	bool running = c->gateway.config != NULL;

	buf_init(&errors, CONFIG_ERRORS_MAX);
	enum err e = config_load(c->config_path, &config, &errors);
	if (e == ERR_OK)
		e = put_into_force(c, config, &story);
	if (e == ERR_OK) {
		log_set_format(config->log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
		log_set_level((enum log_level)config->log_level);
		/* Roles that are started from now on. The listener, and with it its sessions,
		 * follows when it is started again. */
		log_export();
	}
	log_errors(buf_slice(&errors));
	if (e != ERR_OK)
		log_error("config.refused", F_STR("file", c->config_path),
		    F_STR("why", story.text[0] != '\0' ? story.text : "it has errors"),
		    F_STR("now",
			running ? "the running configuration stays in force" : "not started"));
	else if (running)
		log_info("config.reloaded", F_STR("file", c->config_path));
	return e;
}
