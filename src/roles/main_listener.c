/*
 * dray-listener: the listener and its sessions, run by drayd alone. A program of its own, as a
 * session is a fork of it: what isn't in it (the ledger, libssh, the configuration, and all that
 * those need) need not be copied for each connection, and is not there to be misused.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "os/process.h"
#include "roles/roles.h"

int
main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--role") != 0 || strcmp(argv[2], "listener") != 0) {
		(void)fprintf(stderr, "dray-listener: drayd starts it; see drayd(8)\n");
		return 2;
	}
	log_set_role("listener");
	log_import();
	/* Past exit handlers, as the other roles. */
	_exit(role_listener(PROCESS_CHANNEL_FD));
}
