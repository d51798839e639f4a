/* From a connection to a session: accept, decide, hand over, tell core. Not a byte is read. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/socket.h"
#include "roles/listener.h"

/* What the system refuses now it won't grant at once. */
#define PAUSE          (100 * US_PER_MS)
#define COMPLAIN_EVERY (10 * US_PER_SEC)

enum { ACCEPTS_PER_WAKE = 16 };

/* Who connects. */
struct peer {
	struct sockaddr_storage socket;
	struct netaddr block;
	bool proxied;
};

/* Core learns of the session by its end of the session's line. */
static enum err
introduce(struct listener *l, const struct child *child, const struct peer *peer, int core_end)
{
	char text[ADDRESS_TEXT_MAX], host[ADDRESS_TEXT_MAX];

	socket_address_text(&peer->socket, text);
	socket_address_host(&peer->socket, host);
	return ipc_send(&l->core, IPC_SESSION_NEW,
	    &(struct ipc_session_new){
		.session = child->session,
		.pid = (uint32_t)child->pid,
		.peer = slice_str(text),
		.peer_host = slice_str(host),
		.proxied = peer->proxied,
		.channel = core_end,
	    });
}

static enum err
start_session(struct listener *l, int socket_fd, const struct peer *peer)
{
	struct spare process;
	struct child *child = calloc(1, sizeof *child);

	if (child == NULL)
		return ERR_NOMEM;
	enum err e = listener_session(l, socket_fd, peer->proxied, &process);
	if (e != ERR_OK) {
		free(child);
		return e;
	}
	*child = (struct child){.pid = process.pid, .session = ++l->n_sessions};
	if (!peer->proxied)
		child->block = peer->block;
	children_add(&l->children, child);
	e = introduce(l, child, peer, process.line.fd);
	ipc_link_fini(&process.line);
	return e;
}

static enum gate_verdict
decide(const struct listener *l, const struct peer *peer, const char *proxies)
{
	const struct ipc_listener_limits *limits = &l->now.limits;
	const struct gate_limits gate = {
	    .max_sessions = limits->max_sessions,
	    .max_per_address = limits->max_per_address,
	    .max_unauthenticated = limits->max_unauthenticated,
	    .drop_from = limits->drop_from,
	    .drop_percent = limits->drop_percent,
	};
	struct netaddr address = {.len = 0};
	struct gate_counts counts = {
	    .n_sessions = l->children.n, .n_unauthenticated = l->children.n_unauthenticated};

	if (peer->proxied) {
		bool known = netaddr_of_socket(&peer->socket, &address);
		counts.not_a_proxy = !known || !netaddr_is_in_list(&address, slice_str(proxies));
	} else {
		counts.banned = banlist_until(&l->bans, &peer->block, time_mono_us()) != 0;
		counts.n_of_address = children_of_block(&l->children, &peer->block);
	}
	return gate_decide(&gate, &counts, arc4random());
}

/* The one that could not be served is gone, and what waits is left to wait. */
static void
pause_accepting(struct listener *l, const char *what, enum err e)
{
	int64_t now_us = time_mono_us();

	l->pause_us = now_us + PAUSE;
	if (now_us < l->complain_us)
		return;
	l->complain_us = now_us + COMPLAIN_EVERY;
	log_error("listener.short-of-resources", F_STR("what", what), F_STR("error", err_text(e)));
}

/* False when there is nobody to accept at the moment. */
static bool
accept_one(struct listener *l, const struct listener_address *address)
{
	struct peer peer = {.proxied = address->proxies != NULL};
	struct netaddr from;
	socklen_t peer_len = sizeof peer.socket;
	int fd _cleanup_(fd_closep) =
	    accept4(address->fd, (struct sockaddr *)&peer.socket, &peer_len, SOCK_CLOEXEC);

	if (fd < 0) {
		/* A connection that broke while it waited is no reason to leave the others. */
		if (errno == ECONNABORTED || errno == EINTR)
			return true;
		if (errno != EAGAIN)
			pause_accepting(l, "accept", err_last());
		return false;
	}
	if (netaddr_of_socket(&peer.socket, &from))
		peer.block = netaddr_block(&from);
	enum gate_verdict verdict = decide(l, &peer, address->proxies);
	enum err e = verdict == GATE_ADMIT ? start_session(l, fd, &peer) : ERR_OK;
	if (e != ERR_OK) {
		pause_accepting(l, "session", e);
		verdict = GATE_RESOURCES;
	}
	if (verdict != GATE_ADMIT)
		drops_count(&l->drops, &peer.block, verdict);
	return e == ERR_OK;
}

void
listener_accept(struct listener *l, const struct listener_address *address)
{
	for (int i = 0; i < ACCEPTS_PER_WAKE && accept_one(l, address); i++)
		;
}
