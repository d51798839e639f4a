/*
 * dray sftp: a session as of sftp(1). It has a command line of its own, whose letters mean what
 * they mean there, and its exit statuses; the rest of dray's command line begins behind it.
 */
#include "cli/cmd_sftp.h"

#include "shell/session.h"
#include "ssh/transport.h"

int
cmd_sftp(struct cli *cli, int argc, char *const *argv)
{
	if (transport_library_load() != ERR_OK) {
		fputs("dray sftp: cannot start the SSH library\n", cli->err);
		return SHELL_LOST;
	}
	return shell_main(argc, argv, cli->out, cli->err);
}
