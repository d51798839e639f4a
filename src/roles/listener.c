/*
 * The listener: binds, accepts, holds the host keys, and forks a session for each connection. It
 * reads not a byte of what the network sends.
 */
#include "roles/listener.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/process.h"
#include "roles/roles.h"

static enum err
on_session_over(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct child *child = children_find_session(&l->children, m->session_over.session);

	/* Most are gone already. */
	if (child != NULL)
		children_over(&l->children, child, time_mono_us());
	return ERR_OK;
}

static enum err
on_session_in(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	struct child *child = children_find_session(&l->children, m->session_in.session);

	if (child != NULL)
		children_logged_in(&l->children, child);
	return ERR_OK;
}

static enum err
on_ban(void *ctx, struct ipc_message *m)
{
	struct listener *l = ctx;
	const struct ipc_listener_ban *ban = &m->listener_ban;
	struct netaddr block;

	if (!netaddr_block_parse(ban->host, &block))
		return ERR_FORMAT;
	if (ban->until_us == 0) {
		(void)banlist_forget(&l->bans, &block);
		return ERR_OK;
	}
	/* Core never has more of them than fit. Without memory core's own check remains. */
	enum err e = banlist_ban(&l->bans, &block, ban->until_us, time_mono_us());
	if (e != ERR_OK)
		log_error("listener.not-banned", F_SLICE("address", ban->host),
		    F_STR("error", err_text(e)));
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_LISTENER_LIMITS, listener_on_limits},
    {IPC_LISTENER_HOST_KEY, listener_on_host_key},
    {IPC_LISTENER_BIND, listener_on_bind},
    {IPC_LISTENER_START, listener_on_start},
    {IPC_LISTENER_BAN, on_ban},
    {IPC_SESSION_OVER, on_session_over},
    {IPC_SESSION_IN, on_session_in},
};

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
		struct child *child = children_find_pid(&l->children, pid);
		if (child == NULL) {
			listener_spare_gone(l, pid);
			continue;
		}
		enum err e = ipc_send(&l->core, IPC_SESSION_GONE,
		    &(struct ipc_session_gone){
			.session = child->session, .status = (uint32_t)status});
		children_remove(&l->children, child);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err
tell_drops(struct listener *l, int64_t now_us)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < l->drops.n_kinds && e == ERR_OK; i++) {
		const struct drop *d = &l->drops.kinds[i];
		char block[NETADDR_TEXT_MAX] = "";
		if (d->block.len > 0)
			netaddr_block_text(&d->block, block);
		e = ipc_send(&l->core, IPC_LISTENER_DROPPED,
		    &(struct ipc_listener_dropped){.host = slice_str(block),
			.limit = slice_str(gate_limit_name(d->verdict)),
			.n_dropped = d->n_dropped});
	}
	drops_told(&l->drops, now_us);
	return e;
}

static enum err
hear_core(struct listener *l)
{
	struct ipc_message m;

	enum err e = ipc_recv(&l->core, &m);
	return e == ERR_OK ? ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), l, &m) : e;
}

/* What is due by the clock; *ret_wait_ms: until the next of it, -1 for none. */
static enum err
tend(struct listener *l, int *ret_wait_ms)
{
	int64_t now_us = time_mono_us();
	enum err e = ERR_OK;

	int64_t next_us = children_end_overdue(&l->children, now_us);
	if (drops_due(&l->drops) <= now_us)
		e = tell_drops(l, now_us);
	if (drops_due(&l->drops) < next_us)
		next_us = drops_due(&l->drops);
	if (l->pause_us > now_us && l->pause_us < next_us)
		next_us = l->pause_us;
	*ret_wait_ms = next_us == INT64_MAX ? -1 : (int)((next_us - now_us) / US_PER_MS) + 1;
	return e;
}

/* One wait and what came of it; not ERR_OK ends the listener. */
static enum err
turn(struct listener *l)
{
	struct pollfd fds[2 + LISTENER_ADDRESSES_MAX];
	nfds_t n = 0;
	int wait_ms;

	enum err e = tend(l, &wait_ms);
	bool accepting = l->pause_us <= time_mono_us();
	fds[n++] = (struct pollfd){.fd = l->core.fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = l->signals_fd, .events = POLLIN};
	for (size_t i = 0; i < l->now.n_addresses && accepting; i++)
		fds[n++] = (struct pollfd){.fd = l->now.addresses[i].fd, .events = POLLIN};
	if (e != ERR_OK)
		return e;
	bool wants_spare = listener_spare_is_wanted(l);
	int n_ready = poll(fds, n, wants_spare ? 0 : wait_ms);
	if (n_ready < 0)
		return errno == EINTR ? ERR_OK : err_last();
	if (n_ready == 0 && wants_spare)
		listener_spare_add(l);
	if (fds[1].revents != 0)
		e = bury_children(l);
	/* First what core has said, as of bans that were lifted. It may replace the addresses that
	 * were waited for: who knocks there is let in by the next turn. */
	if (fds[0].revents != 0)
		return e == ERR_OK ? hear_core(l) : e;
	for (nfds_t i = 2; i < n; i++) {
		if (fds[i].revents != 0)
			listener_accept(l, &l->now.addresses[i - 2]);
	}
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

/* Whatever is the same for all sessions is done once, here. */
static enum err
prepare_sessions(struct listener *l)
{
	enum err e = sandbox_no_new_privileges();

	if (e == ERR_OK)
		e = prepare_empty_root(l);
	if (e == ERR_OK)
		e = sandbox_filter_new(&l->filter);
	return e == ERR_OK ? transport_library_init() : e;
}

int
role_listener(int core_fd)
{
	static struct listener l = {.empty_dir = -1};
	sigset_t child;

	process_set_name("dray-listener");
	children_init(&l.children);
	banlist_init(&l.bans, BANLIST_MAX);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	l.signals_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	enum err e = ipc_link_init(&l.core, core_fd, IPC_ROLE_CORE);
	if (e == ERR_OK)
		e = l.signals_fd < 0 ? err_last() : prepare_sessions(&l);
	while (e == ERR_OK)
		e = turn(&l);
	/* The end of core's line is the ordinary end. Sessions end with their own lines. */
	if (e == ERR_CLOSED)
		return 0;
	log_error("listener.ended", F_STR("error", err_text(e)));
	return 1;
}
