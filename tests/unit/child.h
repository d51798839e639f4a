/*
 * Runs a piece of a test in a forked child, for what changes a process for good: bugs that end it,
 * sandboxes. The child leaves with _exit, so that no handler of the test program runs in it.
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child does; its result is the child's exit code. */
typedef int child_fn(void *ctx);

/* The child's status as wait(2) gives it. Its standard error goes nowhere. */
static inline int
child_run(child_fn *fn, void *ctx)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void)setrlimit(RLIMIT_CORE, &no_core);
		if (null < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(126);
		_exit(fn(ctx));
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

static inline int
child_exit_code(child_fn *fn, void *ctx)
{
	int status = child_run(fn, ctx);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The signal that ended the child, or 0. */
static inline int
child_signal(child_fn *fn, void *ctx)
{
	int status = child_run(fn, ctx);

	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static inline bool
child_finds_bug(child_fn *fn, void *ctx)
{
	return child_signal(fn, ctx) == SIGABRT;
}

#endif
