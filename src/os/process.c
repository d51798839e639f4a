#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "os/fd.h"

bool
process_die_with_parent(pid_t parent)
{
	/* The parent may have died between fork and here: then nobody would ever tell us. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

void
process_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
process_set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name);
}

/* The variables that a role may see: nothing of an operator's shell leaks into it. */
static void
reduce_environment(void)
{
	static const char *const KEPT[] = {
	    "PATH", "TZ", "LANG", LOG_ENVIRONMENT, "ASAN_OPTIONS", "UBSAN_OPTIONS"};
	char *values[ARRAY_LEN(KEPT)];

	for (size_t i = 0; i < ARRAY_LEN(KEPT); i++)
		values[i] = getenv(KEPT[i]);
	if (clearenv() != 0)
		_exit(127);
	for (size_t i = 0; i < ARRAY_LEN(KEPT); i++) {
		if (values[i] != NULL)
			(void)setenv(KEPT[i], values[i], 1);
	}
}

static void
reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	/* Ctrl-C at a terminal goes to all of us: it is the parent's to act on. */
	(void)signal(SIGINT, SIG_IGN);
}

static void
become_role(const char *role, int channel_fd, pid_t parent)
{
	/*
	 * Into descriptor 3, and everything above it away; a channel that is 3 already only needs
	 * to survive the exec.
	 */
	if (channel_fd == PROCESS_CHANNEL_FD) {
		if (fd_keep_on_exec(channel_fd) != ERR_OK)
			_exit(127);
	} else if (dup2(channel_fd, PROCESS_CHANNEL_FD) < 0) {
		_exit(127);
	}
	if (syscall(SYS_close_range, PROCESS_CHANNEL_FD + 1, ~0U, 0) < 0)
		_exit(127);
	if (!process_die_with_parent(parent))
		_exit(127);
	reset_signals();
	reduce_environment();
	(void)execl("/proc/self/exe", "drayd", "--role", role, (char *)NULL);
	dprintf(STDERR_FILENO, "drayd: cannot start the role %s: %s\n", role, strerror(errno));
	_exit(127);
}

enum err
process_spawn_role(const char *role, int channel_fd, pid_t *ret_pid)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return err_last();
	if (pid == 0)
		become_role(role, channel_fd, parent);
	*ret_pid = pid;
	return ERR_OK;
}
