/* Addresses and host keys: a set of settings from core, and how it comes into force. */
#include <stdlib.h>

#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/socket.h"
#include "roles/listener.h"

enum { HOST_KEY_MAX = 64 * 1024 };

static enum err
tell_failure(struct listener *l, const struct story *story)
{
	return ipc_send(&l->core, IPC_LISTENER_FAILED,
	    &(struct ipc_listener_failed){.story = slice_str(story->text)});
}

/*
 * At once: a session that was just forked has these sockets too until it comes to closing them,
 * and as long as any process listened there, no other address of that port could be bound.
 */
static void
let_go(struct listener_settings *settings)
{
	for (size_t i = 0; i < settings->n_addresses; i++)
		socket_stop_listening(&settings->addresses[i].fd);
}

static void
settings_fini(struct listener_settings *settings)
{
	let_go(settings);
	for (size_t i = 0; i < settings->n_addresses; i++)
		free(settings->addresses[i].proxies);
	hostkeys_free(settings->keys);
	*settings = (struct listener_settings){.keys = NULL};
}

enum err
listener_on_limits(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;

	if (m->listener_limits.drop_percent > 100)
		return ERR_FORMAT;
	/* The first message of a set: what an unfinished one left is dropped. */
	settings_fini(&l->next);
	l->next.limits = m->listener_limits;
	return hostkeys_new(&l->next.keys);
}

enum err
listener_on_host_key(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct buf content _cleanup_(buf_wipe);
	struct story why = {.text = ""}, story;

	buf_init(&content, HOST_KEY_MAX);
	if (l->next.keys == NULL)
		return ERR_FORMAT;
	enum err e = file_read_all(m->listener_host_key.key, &content);
	if (e == ERR_OK)
		e = hostkeys_add(l->next.keys, buf_slice(&content), &why);
	if (e == ERR_OK)
		return ERR_OK;
	story_set(&story, "host key %.*s: %s", SLICE_ARG(m->listener_host_key.name),
	    why.text[0] != '\0' ? why.text : err_text(e));
	return tell_failure(l, &story);
}

enum err
listener_on_bind(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	const struct ipc_listener_bind *bind = &m->listener_bind;

	if (l->next.n_addresses == LISTENER_ADDRESSES_MAX || bind->port > UINT16_MAX)
		return ERR_FORMAT;
	struct listener_address *a = &l->next.addresses[l->next.n_addresses++];
	*a = (struct listener_address){.port = (uint16_t)bind->port, .fd = -1};
	if (!slice_copy(bind->host, a->host, sizeof a->host))
		return ERR_FORMAT;
	if (!bind->proxied)
		return ERR_OK;
	a->proxies = slice_dup(bind->proxies);
	return a->proxies == NULL ? ERR_NOMEM : ERR_OK;
}

/* An address that is bound already keeps its socket, and what waits in its queue. */
static int
take_bound(struct listener_settings *from, const struct listener_address *wanted)
{
	for (size_t i = 0; i < from->n_addresses; i++) {
		struct listener_address *a = &from->addresses[i];
		if (a->fd >= 0 && a->port == wanted->port && strcmp(a->host, wanted->host) == 0)
			return fd_take(&a->fd);
	}
	return -1;
}

/*
 * What holds for every connection is set on the listening socket, from which each inherits it.
 * Without keep-alives clients whose machines lost their power would hold their places for ever.
 */
static enum err
bind_one(struct listener_address *a, struct story *story)
{
	enum err e = socket_listen_tcp(a->host, a->port, &a->fd, story);

	if (e != ERR_OK) {
		a->fd = -1;
		return e;
	}
	e = socket_set_nodelay(a->fd);
	if (e == ERR_OK)
		e = socket_set_keepalive(a->fd);
	if (e == ERR_OK)
		return ERR_OK;
	fd_closep(&a->fd);
	return story_fail(story, e, "the socket can't be set up: %s", err_text(e));
}

/* Binds those addresses that aren't yet, as far as it goes; how many are bound then. */
static uint32_t
bind_missing(struct listener_settings *settings, struct story stories[LISTENER_ADDRESSES_MAX])
{
	uint32_t n_bound = 0;

	for (size_t i = 0; i < settings->n_addresses; i++) {
		struct listener_address *a = &settings->addresses[i];
		if (a->fd >= 0 || bind_one(a, &stories[i]) == ERR_OK)
			n_bound++;
	}
	return n_bound;
}

/*
 * First with the old addresses still bound: a reload that can't have any of its new ones keeps
 * them. Then without those that nobody wants any more: one may be in the way of a new one, as the
 * wildcard is in the way of a single address.
 */
static uint32_t
bind_addresses(struct listener *l, struct story stories[LISTENER_ADDRESSES_MAX])
{
	struct story ignored[LISTENER_ADDRESSES_MAX];

	for (size_t i = 0; i < l->next.n_addresses; i++)
		l->next.addresses[i].fd = take_bound(&l->now, &l->next.addresses[i]);
	uint32_t n_bound = bind_missing(&l->next, stories);
	let_go(&l->now);
	if (n_bound < l->next.n_addresses)
		n_bound = bind_missing(&l->next, stories);
	if (n_bound == 0 && l->next.n_addresses > 0 && bind_missing(&l->now, ignored) > 0)
		log_warn("listener.old-addresses-kept", F_U64("addresses", l->now.n_addresses));
	return n_bound;
}

static enum err
tell_addresses(struct listener *l, const struct story stories[LISTENER_ADDRESSES_MAX])
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < l->next.n_addresses && e == ERR_OK; i++) {
		const struct listener_address *a = &l->next.addresses[i];
		bool listening = a->fd >= 0;
		e = ipc_send(&l->core, IPC_LISTENER_ADDRESS,
		    &(struct ipc_listener_address){
			.host = slice_str(a->host),
			.port = a->port,
			.listening = listening,
			.story = slice_str(listening ? "" : stories[i].text),
		    });
	}
	return e;
}

enum err
listener_on_start(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct story stories[LISTENER_ADDRESSES_MAX];

	if (l->next.keys == NULL || m->listener_start.n_addresses != l->next.n_addresses)
		return ERR_FORMAT;
	if (hostkeys_count(l->next.keys) == 0 && l->next.n_addresses > 0)
		return tell_failure(
		    l, &(struct story){
			   .text = "there is no usable host key: nobody new can be let in"});
	uint32_t n_bound = bind_addresses(l, stories);
	enum err e = tell_addresses(l, stories);
	if (e != ERR_OK)
		return e;
	/* With none of the new addresses the old ones stay, and the keys that go with them. */
	if (n_bound > 0 || l->next.n_addresses == 0 || l->now.keys == NULL) {
		listener_spares_drop(l);
		settings_fini(&l->now);
		l->now = l->next;
		l->next = (struct listener_settings){.keys = NULL};
	}
	l->core.state = IPC_RUNNING;
	return ipc_send(
	    &l->core, IPC_LISTENER_READY, &(struct ipc_listener_ready){.n_addresses = n_bound});
}
