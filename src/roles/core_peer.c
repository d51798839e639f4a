#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/log.h"
#include "os/fd.h"
#include "os/process.h"
#include "roles/core.h"

/* Messages of one peer before the others get their turn. */
enum { MESSAGES_PER_WAKE = 64 };

/* A turn is ended early after so many messages, however busy the lines are. */
enum { TURN_MESSAGES_MAX = 512 };

static void
watch(struct core_peer *peer)
{
	uint32_t events = EPOLLIN | (ipc_link_wants_write(&peer->link) ? (uint32_t)EPOLLOUT : 0);

	(void)sd_event_source_set_io_events(peer->io, events);
}

/* A message that is not what the table permits: a bug, or somebody who has taken the role over. */
static void
peer_misbehaved(struct core_peer *peer)
{
	log_error("role.malformed-message", F_STR("role", ipc_role_name(peer->link.peer)),
	    F_I64("process", peer->pid));
	peer->gone(peer);
}

/* Receives and handles one message; false when the peer needs no more attention now. */
static bool
receive(struct core_peer *peer, bool *ret_gone)
{
	struct core *c = peer->core;
	struct ipc_message m;

	enum err e = ipc_recv(&peer->link, &m);
	if (e == ERR_AGAIN)
		return false;
	/* A connection too many, not a malformed message: its line is closed, and so it ends. */
	if (e == ERR_NOFILES && peer->link.peer == IPC_ROLE_LISTENER) {
		log_warn("session.too-many", F_STR("limit", "descriptors (RLIMIT_NOFILE)"));
		return true;
	}
	*ret_gone = e != ERR_OK;
	if (e == ERR_FORMAT) {
		peer_misbehaved(peer);
		return false;
	}
	if (e != ERR_OK) {
		peer->gone(peer);
		return false;
	}
	c->turn_messages++;
	e = ipc_dispatch(peer->handlers, peer->n_handlers, peer, &m);
	if (e == ERR_OK)
		return true;
	if (e == ERR_FORMAT) {
		*ret_gone = true;
		peer_misbehaved(peer);
	} else {
		/* What the handler could not do was the ledger's: everything it holds up stops. */
		core_ledger_failed(c, e);
		*ret_gone = true;
	}
	return false;
}

static int
on_io(sd_event_source *source unused_arg, int fd unused_arg, uint32_t events, void *userdata)
{
	struct core_peer *peer = userdata;
	struct core *core = peer->core;
	bool gone = false;

	if (events & EPOLLOUT) {
		if (ipc_link_flush(&peer->link) != ERR_OK) {
			peer->gone(peer);
			return 0;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		for (int i = 0; i < MESSAGES_PER_WAKE && receive(peer, &gone); i++)
			;
	}
	if (!gone)
		watch(peer);
	/* Lines that are never quiet must not keep the others from their answers. */
	if (core->turn_messages >= TURN_MESSAGES_MAX)
		core_end_turn(core);
	return 0;
}

enum err
core_peer_init(struct core_peer *peer, struct core *core, int fd, enum ipc_role role,
    const struct ipc_handler *handlers, size_t n_handlers, void (*gone)(struct core_peer *))
{
	peer->core = core;
	peer->handlers = handlers;
	peer->n_handlers = n_handlers;
	peer->gone = gone;
	enum err e = ipc_link_init(&peer->link, fd, role);
	if (e == ERR_OK)
		e = fd_set_nonblocking(fd);
	if (e == ERR_OK) {
		int rc = sd_event_add_io(core->event, &peer->io, fd, EPOLLIN, on_io, peer);
		e = rc < 0 ? err_from_errno(-rc) : ERR_OK;
	}
	if (e != ERR_OK)
		ipc_link_fini(&peer->link);
	return e;
}

enum err
core_peer_spawn(struct core_peer *peer, struct core *core, enum ipc_role role,
    const struct ipc_handler *handlers, size_t n_handlers, void (*gone)(struct core_peer *))
{
	int fds[2];

	enum err e = socket_packet_pair(fds);
	if (e != ERR_OK)
		return e;
	int program = role == IPC_ROLE_LISTENER ? core->listener_program : PROCESS_OURSELVES;
	e = process_spawn_role(program, ipc_role_name(role), fds[1], &peer->pid);
	fd_closep(&fds[1]);
	if (e != ERR_OK) {
		fd_closep(&fds[0]);
		return e;
	}
	return core_peer_init(peer, core, fds[0], role, handlers, n_handlers, gone);
}

void
core_peer_send(struct core_peer *peer, enum ipc_type type, const void *body)
{
	if (ipc_send(&peer->link, type, body) != ERR_OK)
		core_peer_hang_up(peer);
	else if (ipc_link_wants_write(&peer->link))
		watch(peer);
}

void
core_peer_hang_up(struct core_peer *peer)
{
	/* Both directions: the peer sees the end, and so do we, from the loop. */
	(void)shutdown(peer->link.fd, SHUT_RDWR);
}

void
core_peer_fini(struct core_peer *peer)
{
	peer->io = sd_event_source_disable_unref(peer->io);
	ipc_link_fini(&peer->link);
	/* Its process ends by itself when its line does;
	 * one that doesn't is not to be waited for. */
	if (peer->pid > 0)
		(void)kill(peer->pid, SIGKILL);
	peer->pid = 0;
}
