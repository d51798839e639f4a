/* A session: one inbound connection, in a process of its own that the listener forks. */
#ifndef ROLES_SESSION_H
#define ROLES_SESSION_H

#include "ssh/transport.h"

struct session_start {
	int socket_fd; /* the connection; taken over */
	int core_fd;   /* the line to core; taken over */
	int empty_dir; /* of sandbox_empty_dir; taken over */
	const struct hostkeys *host_keys;
	struct transport_server_limits limits;
};

/* Confines the process, serves the connection, and returns the exit status. */
int session_run(const struct session_start *start);

#endif
