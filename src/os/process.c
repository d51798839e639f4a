#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static int
open_program_in(const char *directory, size_t directory_len, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%.*s/%s", (int)directory_len, directory, name);
	return open(path, O_PATH | O_CLOEXEC);
}

enum err
process_open_program(const char *name, int *ret_fd)
{
	char ours[PATH_MAX] = "";

	*ret_fd = -1;
	if (readlink("/proc/self/exe", ours, sizeof ours - 1) < 0)
		return err_last();
	const char *slash = strrchr(ours, '/');
	if (slash != NULL)
		*ret_fd = open_program_in(ours, (size_t)(slash - ours), name);
	if (*ret_fd < 0)
		*ret_fd = open_program_in(DRAY_LIBEXECDIR, strlen(DRAY_LIBEXECDIR), name);
	return *ret_fd < 0 ? err_last() : ERR_OK;
}

enum { PROGRAM_FD = PROCESS_CHANNEL_FD + 1 };

/* The channel and the program into their places, and everything above them away. */
static bool
place_descriptors(int program, int channel_fd)
{
	/* First out of the way of both. */
	int channel = fcntl(channel_fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
	int copy = program < 0 ? open("/proc/self/exe", O_PATH | O_CLOEXEC) : program;
	int from = fcntl(copy, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);

	return channel >= 0 && from >= 0 && dup2(channel, PROCESS_CHANNEL_FD) >= 0 &&
	       dup3(from, PROGRAM_FD, O_CLOEXEC) >= 0 &&
	       syscall(SYS_close_range, PROGRAM_FD + 1, ~0U, 0) == 0;
}

static void
become_role(int program, const char *role, int channel_fd, pid_t parent)
{
	char name[] = "drayd", option[] = "--role", value[32];
	char *argv[] = {name, option, value, NULL};

	(void)snprintf(value, sizeof value, "%s", role);
	if (!place_descriptors(program, channel_fd) || !process_die_with_parent(parent))
		_exit(127);
	reset_signals();
	reduce_environment();
	if (program >= 0)
		(void)setenv("LD_BIND_NOW", "1", 1);
	(void)execveat(PROGRAM_FD, "", argv, environ, AT_EMPTY_PATH);
	dprintf(STDERR_FILENO, "drayd: cannot start the role %s: %s\n", role, strerror(errno));
	_exit(127);
}

enum err
process_spawn_role(int program, const char *role, int channel_fd, pid_t *ret_pid)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return err_last();
	if (pid == 0)
		become_role(program, role, channel_fd, parent);
	*ret_pid = pid;
	return ERR_OK;
}
