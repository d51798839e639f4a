/*
 * A session: one inbound connection, in a process of its own that the listener forks, maybe before
 * there is a connection: it gets that by SESSION_BEGIN.
 */
#ifndef ROLES_SESSION_H
#define ROLES_SESSION_H

#include "ipc/messages.h"
#include "os/sandbox.h"
#include "ssh/transport.h"
#include "vfs/vfs.h"

struct session_start {
	int line_fd;   /* at first to the listener, then to core; taken over */
	int empty_dir; /* of sandbox_empty_dir; taken over */
	const struct sandbox_filter *filter; /* the system calls that it may make; borrowed */
	const struct hostkeys *host_keys;
	struct transport_server_limits limits;
};

/* Confines the process, waits for its connection, serves it, and returns the exit status. Without a
 * connection, when the line ends, it ends, too. */
int session_run(const struct session_start *start);

struct session;

/*
 * Sends to core. What can't be told can't be recorded: then it ends the session, whether or not the
 * caller looks at the error.
 */
enum err session_tell(struct session *s, enum ipc_type type, const void *body);

/*
 * Asks for a lease of quota and waits for the answer: core gives it from its memory. ERR_QUOTA; any
 * other error ends the session.
 */
enum err session_ask_quota(struct session *s, const struct ipc_quota_ask *ask) must_check;

/* session_journal.c; its ctx is the session. */
extern const struct vfs_journal SESSION_JOURNAL;

#endif
