#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core_defence.h"

#define RESTART_DELAY   (1 * US_PER_SEC)
#define CONFIGURE_AGAIN (30 * US_PER_SEC)

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

/* An address that comes later (an interface at boot), a key that is put right: tried again. */
static void
configure_again_later(struct core *c)
{
	core_after(c, &c->listener_timer, CONFIGURE_AGAIN, on_retry, c);
}

/* The first of a set takes the place of those that were told before. */
static enum err
on_address(void *ctx, struct ipc_message *m)
{
	struct core_peer *peer = ctx;
	struct core *c = peer->core;
	const struct ipc_listener_address *told = &m->listener_address;

	struct core_address *grown =
	    reallocarray(c->addresses, c->n_addresses + 1, sizeof *c->addresses);
	if (grown == NULL)
		return ERR_NOMEM;
	c->addresses = grown;
	struct core_address *a = &c->addresses[c->n_addresses++];
	*a = (struct core_address){.listening = told->listening};
	bool v6 = slice_has(told->host, ':');
	(void)snprintf(a->text, sizeof a->text, v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_ARG(told->host),
	    told->port);
	text_escape(told->story, a->trouble, sizeof a->trouble);
	if (told->listening) {
		log_info("listener.listening", F_STR("address", a->text));
		return ERR_OK;
	}
	log_error("listener.not-listening", F_STR("address", a->text), F_STR("why", a->trouble));
	configure_again_later(c);
	return ERR_OK;
}

static enum err
on_ready(void *ctx, struct ipc_message *m)
{
	struct core_peer *peer = ctx;

	peer->core->listener_running = true;
	peer->core->listener_trouble[0] = '\0';
	peer->link.state = IPC_RUNNING;
	log_info("listener.ready", F_U64("addresses", m->listener_ready.n_addresses));
	return ERR_OK;
}

static int
on_retry(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	core_listener_configure(userdata);
	return 0;
}

static enum err
on_failed(void *ctx, struct ipc_message *m)
{
	struct core_peer *peer = ctx;
	struct core *c = peer->core;

	text_escape(m->listener_failed.story, c->listener_trouble, sizeof c->listener_trouble);
	log_error("listener.failed", F_STR("why", c->listener_trouble));
	configure_again_later(c);
	return ERR_OK;
}

static enum err
on_session_new(void *ctx, struct ipc_message *m)
{
	struct core_peer *peer = ctx;
	struct core *c = peer->core;

	/* Each listener counts from 1; to core no number comes twice. */
	m->session_new.session += c->session_base;
	c->session_last = m->session_new.session;
	core_session_new(c, &m->session_new);
	return ERR_OK;
}

static enum err
on_session_gone(void *ctx, struct ipc_message *m)
{
	struct core_peer *peer = ctx;

	core_session_ended(
	    peer->core, peer->core->session_base + m->session_gone.session, m->session_gone.status);
	return ERR_OK;
}

static enum err
on_dropped(void *ctx unused_arg, struct ipc_message *m)
{
	const struct ipc_listener_dropped *told = &m->listener_dropped;
	bool several = told->host.len == 0;

	log_warn("address.dropped", F_SLICE("address", several ? slice_str("several") : told->host),
	    F_SLICE("limit", told->limit), F_U64("connections", told->n_dropped));
	return ERR_OK;
}

const struct ipc_handler CORE_LISTENER_HANDLERS[] = {
    {IPC_LISTENER_READY, on_ready},
    {IPC_LISTENER_FAILED, on_failed},
    {IPC_LISTENER_ADDRESS, on_address},
    {IPC_SESSION_NEW, on_session_new},
    {IPC_SESSION_GONE, on_session_gone},
    {IPC_LISTENER_DROPPED, on_dropped},
};

static int
on_restart(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;

	if (core_listener_start(c) != ERR_OK)
		core_after(c, &c->listener_timer, RESTART_DELAY, on_restart, c);
	return 0;
}

/* The kernel ends its sessions with it; their lines tell core so one by one. */
static void
on_gone(struct core_peer *peer)
{
	struct core *c = peer->core;

	core_peer_fini(peer);
	c->listener_running = false;
	c->session_base = c->session_last;
	log_error("listener.gone",
	    F_STR("now", c->stopping ? "the gateway is stopping" : "started again"));
	core_session_all_buried(c);
	if (!c->stopping)
		core_after(c, &c->listener_timer, RESTART_DELAY, on_restart, c);
}

bool
core_listener_has(const struct core *c, uint64_t session)
{
	return c->listener_running && session > c->session_base;
}

void
core_listener_session_over(struct core *c, uint64_t session)
{
	if (!core_listener_has(c, session))
		return;
	core_peer_send(&c->listener, IPC_SESSION_OVER,
	    &(struct ipc_session_over){.session = session - c->session_base});
}

void
core_listener_session_in(struct core *c, uint64_t session)
{
	if (!core_listener_has(c, session))
		return;
	core_peer_send(&c->listener, IPC_SESSION_IN,
	    &(struct ipc_session_in){.session = session - c->session_base});
}

/* The key goes to the listener as an open file: core does not look into it. */
static void
send_host_key(struct core *c, const char *path)
{
	int fd _cleanup_(fd_closep) = -1;

	if (file_open_trusted(path, O_RDONLY, 0, &fd) != ERR_OK) {
		log_error("listener.host-key-unreadable", F_STR("file", path),
		    F_STR("error", strerror(errno)));
		return;
	}
	core_peer_send(&c->listener, IPC_LISTENER_HOST_KEY,
	    &(struct ipc_listener_host_key){.name = slice_str(path), .key = fd});
}

/* Several addresses share host keys; each key is sent once. */
static bool
key_was_sent(const struct config *config, size_t listen, size_t key)
{
	const char *path = config->listens[listen].host_keys[key];

	for (size_t i = 0; i <= listen; i++) {
		size_t n = i == listen ? key : config->listens[i].n_host_keys;
		for (size_t j = 0; j < n; j++) {
			if (strcmp(config->listens[i].host_keys[j], path) == 0)
				return true;
		}
	}
	return false;
}

/* What is offered before it is known who knocks: what any account asks for. */
static uint32_t
methods_offered(const struct config *config)
{
	uint32_t methods = IPC_METHOD_PUBLICKEY;

	for (size_t i = 0; i < config->n_accounts; i++) {
		if (config->accounts[i].login != CONFIG_LOGIN_KEY)
			methods |= IPC_METHOD_PASSWORD;
	}
	return methods;
}

static void
send_limits(struct core *c)
{
	const struct config_limits *limits = &c->gateway.config->limits;

	core_peer_send(&c->listener, IPC_LISTENER_LIMITS,
	    &(struct ipc_listener_limits){
		.max_sessions = limits->max_sessions,
		.max_per_address = limits->max_per_address,
		.max_unauthenticated = limits->max_unauthenticated,
		.drop_from = limits->drop_from,
		.drop_percent = limits->drop_percent,
		.auth_attempts = limits->auth_attempts,
		.methods = methods_offered(c->gateway.config),
		.login_grace_us = limits->login_grace_us,
	    });
}

/*
 * With the networks of its proxies, which the configuration bounds. Were they too many all the
 * same, those that don't fit would be turned away, never strangers believed.
 */
static void
send_address(struct core *c, const struct config_listen *l)
{
	char proxies[IPC_PATTERNS_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < l->n_proxies; i++) {
		size_t needed = strlen(l->proxies[i]) + 1;
		if (len + needed >= sizeof proxies) {
			log_error("listener.proxies-left-out", F_STR("from", l->proxies[i]));
			break;
		}
		len += (size_t)snprintf(
		    proxies + len, sizeof proxies - len, "%s%s", len > 0 ? "," : "", l->proxies[i]);
	}
	core_peer_send(&c->listener, IPC_LISTENER_BIND,
	    &(struct ipc_listener_bind){.host = slice_str(l->host),
		.port = l->port,
		.proxied = l->n_proxies > 0,
		.proxies = slice_str(proxies)});
}

void
core_listener_configure(struct core *c)
{
	const struct config *config = c->gateway.config;
	size_t n_listens = c->stopping ? 0 : config->n_listens;

	if (c->listener.io == NULL)
		return;
	c->n_addresses = 0;
	send_limits(c);
	for (size_t i = 0; i < n_listens; i++) {
		const struct config_listen *l = &config->listens[i];
		send_address(c, l);
		for (size_t k = 0; k < l->n_host_keys; k++) {
			if (!key_was_sent(config, i, k))
				send_host_key(c, l->host_keys[k]);
		}
	}
	core_peer_send(&c->listener, IPC_LISTENER_START,
	    &(struct ipc_listener_start){.n_addresses = (uint32_t)n_listens});
}

enum err
core_listener_start(struct core *c)
{
	enum err e = core_peer_spawn(&c->listener, c, IPC_ROLE_LISTENER, CORE_LISTENER_HANDLERS,
	    ARRAY_LEN(CORE_LISTENER_HANDLERS), on_gone);

	if (e != ERR_OK)
		return e;
	core_defence_tell_bans(c);
	core_listener_configure(c);
	return ERR_OK;
}
