/* Roles as processes: started by exec of our own program, or of one beside it. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Where a role that was started by exec finds the socket to its parent. */
enum { PROCESS_CHANNEL_FD = 3 };

/* Instead of a program's descriptor: the one that is running. */
enum { PROCESS_OURSELVES = -1 };

/*
 * Opens a program of ours to be run later, from the directory of the one that is running, as in a
 * build, or from where it is installed. What is open stays as it is when files are replaced: core
 * and its roles are of one version.
 */
enum err process_open_program(const char *name, int *ret_fd) must_check;

/*
 * Runs the program as `drayd --role ROLE`, with channel_fd as descriptor 3 and the standard three;
 * every other descriptor is closed, the environment is reduced to PATH, TZ and LANG (and what
 * sanitizers read), and the child is killed when its parent dies. Both descriptors stay the
 * caller's.
 *
 * A program of its own is for a role that forks many others: it has its libraries' symbols resolved
 * at its start, or each of its children would do that again.
 */
enum err process_spawn_role(
    int program, const char *role, int channel_fd, pid_t *ret_pid) must_check;

/* Ends this process when its parent does. False when the parent is gone already. */
bool process_die_with_parent(pid_t parent) must_check;

/* As many descriptors as we may have: the usual limit is from the times of select(2). */
void process_raise_fd_limit(void);

/* The name in ps and top, at most 15 bytes. */
void process_set_name(const char *name);

#endif
