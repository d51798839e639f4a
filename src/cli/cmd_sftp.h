/* dray sftp: everything behind the word is its own. */
#ifndef CLI_CMD_SFTP_H
#define CLI_CMD_SFTP_H

#include "cli/cli.h"

/* argv[0] is the word itself. The exit status is sftp(1)'s: 0, 1, or 255. */
int cmd_sftp(struct cli *cli, int argc, char *const *argv);

#endif
