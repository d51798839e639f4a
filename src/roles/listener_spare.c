/*
 * Session processes: forked, and given their connection by the first message on their line. One or
 * two are kept in reserve, confined already, so that a client needn't wait for any of that.
 */
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/socket.h"
#include "roles/listener.h"
#include "roles/session.h"

/* After a spare ended by itself. */
#define SPARE_PAUSE US_PER_SEC

/*
 * The child's side of the fork: forgets everything that is the listener's, and becomes a session.
 * The lines of other spares above all: who holds one speaks to that session as core does.
 */
static never_returns void
become_session(struct listener *l, int line_fd, pid_t parent)
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
	for (size_t i = 0; i < l->n_spares; i++)
		fd_closep(&l->spares[i].line.fd);
	fd_closep(&l->signals_fd);
	fd_closep(&l->core.fd);
	struct session_start start = {
	    .line_fd = line_fd,
	    .empty_dir = l->empty_dir,
	    .filter = l->filter,
	    .host_keys = l->now.keys,
	    .limits = {.login_grace_us = l->now.limits.login_grace_us,
		.auth_attempts = l->now.limits.auth_attempts,
		.methods = l->now.limits.methods},
	};
	_exit(session_run(&start));
}

static enum err
spare_fork(struct listener *l, struct spare *ret_spare)
{
	pid_t parent = getpid();
	int line[2];

	enum err e = socket_packet_pair(line);
	if (e != ERR_OK)
		return e;
	pid_t pid = fork();
	if (pid == 0) {
		fd_closep(&line[0]);
		become_session(l, line[1], parent);
	}
	e = pid < 0 ? err_last() : ipc_link_init(&ret_spare->line, line[0], IPC_ROLE_SESSION);
	if (e != ERR_OK)
		fd_closep(&line[0]);
	fd_closep(&line[1]);
	ret_spare->pid = pid;
	return e;
}

static enum err
give(struct spare *spare, int socket_fd, bool proxied)
{
	return ipc_send(&spare->line, IPC_SESSION_BEGIN,
	    &(struct ipc_session_begin){.proxied = proxied, .socket = socket_fd});
}

enum err
listener_session(struct listener *l, int socket_fd, bool proxied, struct spare *ret_session)
{
	/* One that has ended meanwhile is buried by and by. */
	while (l->n_spares > 0) {
		*ret_session = l->spares[--l->n_spares];
		if (give(ret_session, socket_fd, proxied) == ERR_OK)
			return ERR_OK;
		ipc_link_fini(&ret_session->line);
	}
	enum err e = spare_fork(l, ret_session);
	if (e != ERR_OK)
		return e;
	e = give(ret_session, socket_fd, proxied);
	if (e != ERR_OK)
		ipc_link_fini(&ret_session->line);
	return e;
}

/* No more than there may be sessions besides those that there are. */
bool
listener_spare_is_wanted(const struct listener *l)
{
	int64_t now_us = time_mono_us();

	return l->n_spares < LISTENER_SPARES && l->now.n_addresses > 0 &&
	       l->children.n + l->n_spares < l->now.limits.max_sessions && now_us >= l->spare_us &&
	       now_us >= l->pause_us;
}

void
listener_spare_add(struct listener *l)
{
	if (spare_fork(l, &l->spares[l->n_spares]) == ERR_OK)
		l->n_spares++;
	else
		l->spare_us = time_mono_us() + SPARE_PAUSE;
}

void
listener_spares_drop(struct listener *l)
{
	while (l->n_spares > 0)
		ipc_link_fini(&l->spares[--l->n_spares].line);
}

void
listener_spare_gone(struct listener *l, pid_t pid)
{
	for (size_t i = 0; i < l->n_spares; i++) {
		if (l->spares[i].pid != pid)
			continue;
		ipc_link_fini(&l->spares[i].line);
		l->spares[i] = l->spares[--l->n_spares];
		/* What ends the one may end the next: not over and over. */
		l->spare_us = time_mono_us() + SPARE_PAUSE;
		return;
	}
}
