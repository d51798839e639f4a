/*
 * How the dray command ends. The numbers are part of its interface: scripts ask for them, dray(1)
 * lists them, and they never change their meaning.
 */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include <stdint.h>

#include "base/err.h"
#include "ssh/transport.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,       /* it was understood and tried, and did not work */
	CLI_USAGE = 2,        /* the command line makes no sense */
	CLI_NO_DAEMON = 3,    /* drayd can't be reached */
	CLI_CONFIG = 4,       /* the configuration has errors */
	CLI_HOST_KEY = 5,     /* a host key is not what it should be */
	CLI_AUTH = 6,         /* a server refused our key */
	CLI_NOT_FOUND = 7,    /* no route, remote, identity, transfer or file of that name */
	CLI_UNREACHABLE = 8,  /* a server can't be reached, or the line to it is lost for good */
	CLI_PARTLY = 9,       /* some files failed, and others are done */
	CLI_INTERRUPTED = 10, /* a signal stopped it; what is whole is done */
	CLI_N_EXITS
};

/* What the number means, for the help. */
const char *exit_text(enum cli_exit code);

/* The number for an error that drayd answered with. */
enum cli_exit exit_from_err(enum err e);

/* The number for a connection that was made, or wasn't. */
enum cli_exit exit_from_outcome(enum transport_outcome outcome);

/* The number for a run that could not connect, by the cause that CTL_DONE gives. */
enum cli_exit exit_from_cause(uint32_t cause);

#endif
