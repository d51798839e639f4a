#include "cli/exit.h"

#include <stddef.h>

#include "base/bug.h"
#include "ipc/messages.h"

static const char *const TEXTS[CLI_N_EXITS] = {
    [CLI_OK] = "done",
    [CLI_FAILED] = "it was tried and failed",
    [CLI_USAGE] = "the command line is wrong",
    [CLI_NO_DAEMON] = "drayd cannot be reached",
    [CLI_CONFIG] = "the configuration has errors",
    [CLI_HOST_KEY] = "a host key is not the one that it should be",
    [CLI_AUTH] = "the server refused our key",
    [CLI_NOT_FOUND] = "nothing has that name or number",
    [CLI_UNREACHABLE] = "the server cannot be reached, or the connection was lost",
    [CLI_PARTLY] = "some files failed, the others are done",
    [CLI_INTERRUPTED] = "it was interrupted",
};

/* What isn't listed is CLI_FAILED. */
static const struct {
	enum err err;
	enum cli_exit code;
} FROM_ERR[] = {
    {ERR_OK, CLI_OK},
    {ERR_NOENT, CLI_NOT_FOUND},
    {ERR_INVALID, CLI_USAGE},
};

const char *
exit_text(enum cli_exit code)
{
	BUG_ON((unsigned)code >= CLI_N_EXITS);
	return TEXTS[code];
}

enum cli_exit
exit_from_err(enum err e)
{
	for (size_t i = 0; i < ARRAY_LEN(FROM_ERR); i++) {
		if (FROM_ERR[i].err == e)
			return FROM_ERR[i].code;
	}
	return CLI_FAILED;
}

enum cli_exit
exit_from_cause(uint32_t cause)
{
	static const enum cli_exit FROM_CAUSE[] = {
	    [IPC_CONNECT_UNREACHABLE] = CLI_FAILED,
	    [IPC_CONNECT_NO_ALGORITHM] = CLI_FAILED,
	    [IPC_CONNECT_HOST_KEY_UNKNOWN] = CLI_HOST_KEY,
	    [IPC_CONNECT_HOST_KEY_CHANGED] = CLI_HOST_KEY,
	    [IPC_CONNECT_USER_KEY_REFUSED] = CLI_AUTH,
	    [IPC_CONNECT_BAD_PRIVATE_KEY] = CLI_AUTH,
	    [IPC_CONNECT_NO_SFTP] = CLI_FAILED,
	    [IPC_CONNECT_LOCAL_FAILURE] = CLI_FAILED,
	};

	return cause == 0 || cause > ARRAY_LEN(FROM_CAUSE) ? CLI_FAILED : FROM_CAUSE[cause - 1];
}

enum cli_exit
exit_from_outcome(enum transport_outcome outcome)
{
	static const enum cli_exit FROM_OUTCOME[] = {
	    [TRANSPORT_LOGGED_IN] = CLI_OK,
	    [TRANSPORT_UNREACHABLE] = CLI_UNREACHABLE,
	    [TRANSPORT_NO_ALGORITHM] = CLI_UNREACHABLE,
	    [TRANSPORT_HOST_KEY_UNKNOWN] = CLI_HOST_KEY,
	    [TRANSPORT_HOST_KEY_CHANGED] = CLI_HOST_KEY,
	    [TRANSPORT_USER_KEY_REFUSED] = CLI_AUTH,
	    [TRANSPORT_BAD_PRIVATE_KEY] = CLI_AUTH,
	    [TRANSPORT_NO_SFTP] = CLI_UNREACHABLE,
	    [TRANSPORT_LOCAL_FAILURE] = CLI_FAILED,
	};

	BUG_ON((unsigned)outcome >= ARRAY_LEN(FROM_OUTCOME));
	return FROM_OUTCOME[outcome];
}
