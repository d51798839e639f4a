/* Shares of bandwidth, and the gateway's graceful stop. */
#ifndef ROLES_CORE_PACE_H
#define ROLES_CORE_PACE_H

#include "roles/core_session.h"

/* core_pace.c */

/* A session of this account has logged in or ended: the shares of its sessions change. */
void core_pace_changed(struct core *c, const char *account);

/* After a reload: the rates of accounts may be others. */
void core_pace_recheck(struct core *c);

/* core_drain.c */

/*
 * The first wish to stop: nobody is let in any more, what is fetched stops (it is gone on with at
 * the next start), and sessions may finish the files that they have open, for limits.drain. Then,
 * or when the last of them is gone, or at the second wish, the loop ends.
 */
void core_drain_begin(struct core *c, uint32_t signal);

/* A session is gone: the last one ends the loop when the gateway is stopping. */
void core_drain_session_gone(struct core *c);

#endif
