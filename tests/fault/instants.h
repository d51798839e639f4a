/*
 * A process that dies at the n-th instant that matters: before and after each fsync, rename, link
 * and unlink of the code under test, and each commit of the ledger. Its program wraps these calls
 * (meson.build: crash_wrap).
 */
#ifndef TESTS_FAULT_INSTANTS_H
#define TESTS_FAULT_INSTANTS_H

#include "transfer/world.h"

#include <sys/wait.h>

enum { DIED = 99 };

/* The instant at which this process dies; 0: never. */
static unsigned die_at;
static unsigned n_instants;

static inline void
instant(void)
{
	n_instants++;
	if (n_instants == die_at)
		_exit(DIED);
}

/* Calls of the code under test come here first (-Wl,--wrap). */
#define WRAP(type, name, parameters, arguments)        \
	type __real_##name parameters;                 \
	type __wrap_##name parameters;                 \
	type __wrap_##name parameters                  \
	{                                              \
		instant();                             \
		type result = __real_##name arguments; \
		instant();                             \
		return result;                         \
	}
WRAP(int, fsync, (int fd), (fd))
WRAP(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
    (from_dir, from, to_dir, to, flags))
WRAP(int, renameat2, (int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
    (from_dir, from, to_dir, to, flags))
WRAP(enum err, ledger_commit, (struct ledger * l), (l))

/* Plays in a child that dies at the n-th instant. True when it did. */
static inline bool
play_and_die(struct world *w, unsigned at, void (*play)(struct world *w))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		die_at = at;
		n_instants = 0;
		play(w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
	return WEXITSTATUS(status) == DIED;
}

#endif
