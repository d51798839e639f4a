/*
 * The listener: binds, accepts, holds the host keys, and forks a session for each connection. It
 * reads not a byte of what the network sends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "roles/roles.h"
#include "roles/session.h"

#define GOODBYE_TIME (10 * US_PER_SEC)

enum { ADDRESSES_MAX = 64, HOST_KEY_MAX = 64 * 1024, ACCEPTS_PER_WAKE = 16 };

struct address {
	char host[IPC_HOST_MAX + 1];
	uint16_t port;
	int fd;
};

struct child {
	TAILQ_ENTRY(child) entry;
	pid_t pid;
	uint64_t session;
	int64_t over_us; /* when core closed its line, on time_mono_us's clock, or 0 */
};

/* What core has sent since the last LISTENER_START, and what is in force. */
struct settings {
	struct ipc_listener_limits limits;
	struct hostkeys *keys;
	struct address addresses[ADDRESSES_MAX];
	size_t n_addresses;
};

struct listener {
	struct ipc_link core;
	struct settings now, next;
	TAILQ_HEAD(, child) children;
	uint32_t n_children;
	uint64_t n_sessions;
	int signals_fd;
	int empty_dir; /* the root of every session */
};

static enum err
tell_failure(struct listener *l, const struct story *story)
{
	return ipc_send(&l->core, IPC_LISTENER_FAILED,
	    &(struct ipc_listener_failed){.story = slice_str(story->text)});
}

static enum err
on_limits(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;

	/* The first message of a set: what an unfinished one left is dropped. */
	hostkeys_free(l->next.keys);
	l->next = (struct settings){.limits = m->listener_limits};
	return hostkeys_new(&l->next.keys);
}

static enum err
on_host_key(void *ctx, struct ipc_message *m)
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

static enum err
on_bind(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;

	if (l->next.n_addresses == ADDRESSES_MAX || m->listener_bind.port > UINT16_MAX)
		return ERR_FORMAT;
	struct address *a = &l->next.addresses[l->next.n_addresses++];
	*a = (struct address){.port = (uint16_t)m->listener_bind.port, .fd = -1};
	return slice_copy(m->listener_bind.host, a->host, sizeof a->host) ? ERR_OK : ERR_FORMAT;
}

/* An address that is bound already keeps its socket, and what waits in its queue. */
static int
take_bound(struct settings *from, const struct address *wanted)
{
	for (size_t i = 0; i < from->n_addresses; i++) {
		struct address *a = &from->addresses[i];
		if (a->fd >= 0 && a->port == wanted->port && strcmp(a->host, wanted->host) == 0)
			return fd_take(&a->fd);
	}
	return -1;
}

/* Binds those addresses that aren't yet, as far as it goes; how many are bound then. */
static uint32_t
bind_missing(struct settings *settings, struct story stories[ADDRESSES_MAX])
{
	uint32_t n_bound = 0;

	for (size_t i = 0; i < settings->n_addresses; i++) {
		struct address *a = &settings->addresses[i];
		if (a->fd < 0 && socket_listen_tcp(a->host, a->port, &a->fd, &stories[i]) != ERR_OK)
			a->fd = -1;
		n_bound += a->fd >= 0 ? 1 : 0;
	}
	return n_bound;
}

static void
let_go(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_addresses; i++)
		fd_closep(&settings->addresses[i].fd);
}

/*
 * First with the old addresses still bound: a reload that can't have any of its new ones keeps
 * them. Then without those that nobody wants any more: one may be in the way of a new one, as the
 * wildcard is in the way of a single address.
 */
static uint32_t
bind_addresses(struct listener *l, struct story stories[ADDRESSES_MAX])
{
	struct story ignored[ADDRESSES_MAX];

	for (size_t i = 0; i < l->next.n_addresses; i++)
		l->next.addresses[i].fd = take_bound(&l->now, &l->next.addresses[i]);
	uint32_t n_bound = bind_missing(&l->next, stories);
	let_go(&l->now);
	if (n_bound < l->next.n_addresses)
		n_bound = bind_missing(&l->next, stories);
	if (n_bound == 0 && bind_missing(&l->now, ignored) > 0)
		log_warn("listener.old-addresses-kept", F_U64("addresses", l->now.n_addresses));
	return n_bound;
}

static enum err
tell_addresses(struct listener *l, const struct story stories[ADDRESSES_MAX])
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < l->next.n_addresses && e == ERR_OK; i++) {
		const struct address *a = &l->next.addresses[i];
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

static enum err
on_start(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct story stories[ADDRESSES_MAX];

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
		let_go(&l->now);
		hostkeys_free(l->now.keys);
		l->now = l->next;
		l->next = (struct settings){.keys = NULL};
	}
	l->core.state = IPC_RUNNING;
	return ipc_send(
	    &l->core, IPC_LISTENER_READY, &(struct ipc_listener_ready){.n_addresses = n_bound});
}

static enum err
on_session_over(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct child *child;

	/* Most are gone already. */
	TAILQ_FOREACH (child, &l->children, entry) {
		if (child->session == m->session_over.session)
			child->over_us = time_mono_us();
	}
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_LISTENER_LIMITS, on_limits},
    {IPC_LISTENER_HOST_KEY, on_host_key},
    {IPC_LISTENER_BIND, on_bind},
    {IPC_LISTENER_START, on_start},
    {IPC_SESSION_OVER, on_session_over},
};

/* The child's side of the fork: forgets everything that is the listener's,
 * and becomes a session. */
static never_returns void
become_session(struct listener *l, int socket_fd, int core_fd, pid_t parent)
{
	sigset_t none;

	if (!process_die_with_parent(parent))
		_exit(1);
	process_set_name("dray-session");
	log_set_role("session");
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < l->now.n_addresses; i++)
		fd_closep(&l->now.addresses[i].fd);
	fd_closep(&l->signals_fd);
	fd_closep(&l->core.fd);
	struct session_start start = {
	    .socket_fd = socket_fd,
	    .core_fd = core_fd,
	    .empty_dir = l->empty_dir,
	    .host_keys = l->now.keys,
	    .limits = {.login_grace_us = l->now.limits.login_grace_us,
		.auth_attempts = l->now.limits.auth_attempts},
	};
	_exit(session_run(&start));
}

/* Core learns of the session by its end of the session's line. */
static enum err
introduce(struct listener *l, const struct child *child, const struct sockaddr_storage *peer,
    int core_end)
{
	char text[ADDRESS_TEXT_MAX], host[ADDRESS_TEXT_MAX];

	socket_address_text(peer, text);
	socket_address_host(peer, host);
	return ipc_send(&l->core, IPC_SESSION_NEW,
	    &(struct ipc_session_new){
		.session = child->session,
		.pid = (uint32_t)child->pid,
		.peer = slice_str(text),
		.peer_host = slice_str(host),
		.channel = core_end,
	    });
}

static enum err
start_session(struct listener *l, int socket_fd, const struct sockaddr_storage *peer)
{
	pid_t parent = getpid();
	int line[2];

	enum err e = socket_packet_pair(line);
	if (e != ERR_OK)
		return e;
	struct child *child = calloc(1, sizeof *child);
	pid_t pid = child == NULL ? -1 : fork();
	if (pid == 0) {
		fd_closep(&line[0]);
		become_session(l, socket_fd, line[1], parent);
	}
	fd_closep(&line[1]);
	if (pid < 0) {
		e = child == NULL ? ERR_NOMEM : err_last();
		free(child);
	} else {
		*child = (struct child){.pid = pid, .session = ++l->n_sessions};
		TAILQ_INSERT_TAIL(&l->children, child, entry);
		l->n_children++;
		e = introduce(l, child, peer, line[0]);
	}
	fd_closep(&line[0]);
	return e;
}

/* False when there is nobody to accept at the moment. */
static bool
accept_one(struct listener *l, int listen_fd)
{
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	socklen_t peer_len = sizeof peer;
	int fd _cleanup_(fd_closep) =
	    accept4(listen_fd, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (l->n_children >= l->now.limits.max_sessions) {
		log_warn("session.too-many", F_STR("limit", "limits.max_sessions"));
		return true;
	}
	enum err e = socket_set_nodelay(fd);
	/* Or clients whose machines lost their power would hold their places for ever. */
	if (e == ERR_OK)
		e = socket_set_keepalive(fd);
	if (e == ERR_OK)
		e = start_session(l, fd, &peer);
	if (e != ERR_OK)
		log_error("session.not-started", F_STR("error", err_text(e)));
	return true;
}

/* Ended sessions: core is told how each ended. */
static enum err
bury_children(struct listener *l)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	while (read(l->signals_fd, &ignored, sizeof ignored) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child;
		TAILQ_FOREACH (child, &l->children, entry) {
			if (child->pid == pid)
				break;
		}
		if (child == NULL)
			continue;
		enum err e = ipc_send(&l->core, IPC_SESSION_GONE,
		    &(struct ipc_session_gone){
			.session = child->session, .status = (uint32_t)status});
		TAILQ_REMOVE(&l->children, child, entry);
		free(child);
		l->n_children--;
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/*
 * A session without a line has time for its goodbyes. Kills those that are still there after it;
 * returns the milliseconds until the next one is due, -1 for none.
 */
static int
end_overdue(struct listener *l)
{
	int64_t now_us = time_mono_us(), next_us = INT64_MAX;
	struct child *child;

	TAILQ_FOREACH (child, &l->children, entry) {
		if (child->over_us == 0)
			continue;
		int64_t due_us = child->over_us + GOODBYE_TIME;
		if (due_us > now_us) {
			next_us = due_us < next_us ? due_us : next_us;
			continue;
		}
		/* It is not buried yet, so the number is still its own. */
		(void)kill(child->pid, SIGKILL);
		child->over_us = 0;
	}
	return next_us == INT64_MAX ? -1 : (int)((next_us - now_us) / US_PER_MS) + 1;
}

static enum err
hear_core(struct listener *l)
{
	struct ipc_message m;

	enum err e = ipc_recv(&l->core, &m);
	return e == ERR_OK ? ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), l, &m) : e;
}

/* One wait and what came of it; not ERR_OK ends the listener. */
static enum err
turn(struct listener *l)
{
	struct pollfd fds[2 + ADDRESSES_MAX];
	nfds_t n = 0;

	fds[n++] = (struct pollfd){.fd = l->core.fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = l->signals_fd, .events = POLLIN};
	for (size_t i = 0; i < l->now.n_addresses; i++)
		fds[n++] = (struct pollfd){.fd = l->now.addresses[i].fd, .events = POLLIN};
	if (poll(fds, n, end_overdue(l)) < 0)
		return errno == EINTR ? ERR_OK : err_last();
	enum err e = ERR_OK;
	if (fds[1].revents != 0)
		e = bury_children(l);
	for (nfds_t i = 2; i < n && e == ERR_OK; i++) {
		if (fds[i].revents == 0)
			continue;
		for (int k = 0; k < ACCEPTS_PER_WAKE && accept_one(l, fds[i].fd); k++)
			;
	}
	/* Last: it may replace the addresses that were waited for. */
	if (fds[0].revents != 0 && e == ERR_OK)
		e = hear_core(l);
	return e;
}

static enum err
prepare_empty_root(struct listener *l)
{
	enum err e = sandbox_empty_dir(&l->empty_dir);

	if (e == ERR_OK && !sandbox_can_empty_root(l->empty_dir))
		log_warn("listener.no-empty-root",
		    F_STR("means",
			"neither chroot nor user namespaces are allowed here: before login, "
			"sessions are confined by seccomp alone"));
	return e;
}

int
role_listener(int core_fd)
{
	struct listener l = {.n_children = 0, .empty_dir = -1};
	sigset_t child;

	process_set_name("dray-listener");
	TAILQ_INIT(&l.children);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	l.signals_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	enum err e = ipc_link_init(&l.core, core_fd, IPC_ROLE_CORE);
	if (e == ERR_OK)
		e = l.signals_fd < 0 ? err_last() : sandbox_no_new_privileges();
	if (e == ERR_OK)
		e = prepare_empty_root(&l);
	if (e == ERR_OK)
		e = transport_library_init();
	while (e == ERR_OK)
		e = turn(&l);
	/* The end of core's line is the ordinary end. Sessions end with their own lines. */
	if (e == ERR_CLOSED)
		return 0;
	log_error("listener.ended", F_STR("error", err_text(e)));
	return 1;
}
