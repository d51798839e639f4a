/* Roles as processes: started by exec of our own program, known by pidfd and by name. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Where a role that was started by exec finds the socket to its parent. */
enum { PROCESS_CHANNEL_FD = 3 };

/*
 * Runs this very program again as `drayd --role ROLE`, with channel_fd as descriptor 3 and the
 * standard three; every other descriptor is closed, the environment is reduced to PATH, TZ and
 * LANG (and what sanitizers read), and the child is killed when its parent dies. The channel stays
 * the caller's.
 */
enum err process_spawn_role(const char *role, int channel_fd, pid_t *ret_pid) must_check;

/* Ends this process when its parent does. False when the parent is gone already. */
bool process_die_with_parent(pid_t parent) must_check;

/* As many descriptors as we may have: the usual limit is from the times of select(2). */
void process_raise_fd_limit(void);

/* The name in ps and top, at most 15 bytes. */
void process_set_name(const char *name);

#endif
