#include "sftp/status.h"

#include "base/bug.h"

/*
 * Version 3 has codes up to 8. The others are of later drafts (filexfer-13 section 9.1): servers
 * send them all the same, and a person should read what they meant.
 */
static const char *const TEXTS[] = {
    [SSH_FX_OK] = "success",
    [SSH_FX_EOF] = "end of file",
    [SSH_FX_NO_SUCH_FILE] = "no such file",
    [SSH_FX_PERMISSION_DENIED] = "permission denied",
    [SSH_FX_FAILURE] = "failure",
    [SSH_FX_BAD_MESSAGE] = "bad message",
    [SSH_FX_NO_CONNECTION] = "no connection",
    [SSH_FX_CONNECTION_LOST] = "connection lost",
    [SSH_FX_OP_UNSUPPORTED] = "operation not supported",
    [9] = "invalid handle",
    [10] = "no such path",
    [11] = "file already exists",
    [12] = "write protected",
    [13] = "no media in the drive",
    [14] = "no space left on the file system",
    [15] = "quota exceeded",
    [16] = "unknown user or group",
    [17] = "the file is locked",
    [18] = "directory not empty",
    [19] = "not a directory",
    [20] = "invalid file name",
    [21] = "too many symbolic links",
    [22] = "the file can't be deleted",
    [23] = "invalid parameter",
    [24] = "it is a directory",
};

/* Version 3 has few codes: everything else is FAILURE, and the message says more. */
static const uint8_t FROM_ERR[ERR_N] = {
    [ERR_OK] = SSH_FX_OK,
    [ERR_NOMEM] = SSH_FX_FAILURE,
    [ERR_LIMIT] = SSH_FX_FAILURE,
    [ERR_FORMAT] = SSH_FX_BAD_MESSAGE,
    [ERR_IO] = SSH_FX_FAILURE,
    [ERR_NOSPACE] = SSH_FX_FAILURE,
    [ERR_QUOTA] = SSH_FX_FAILURE,
    [ERR_NOFILES] = SSH_FX_FAILURE,
    [ERR_NOENT] = SSH_FX_NO_SUCH_FILE,
    [ERR_EXISTS] = SSH_FX_FAILURE,
    [ERR_ACCESS] = SSH_FX_PERMISSION_DENIED,
    [ERR_READONLY] = SSH_FX_PERMISSION_DENIED,
    /* As OpenSSH: a path that goes through a file names nothing. */
    [ERR_NOTDIR] = SSH_FX_NO_SUCH_FILE,
    [ERR_ISDIR] = SSH_FX_FAILURE,
    [ERR_NOTEMPTY] = SSH_FX_FAILURE,
    /* What lies outside of the account's directories is no file of its. */
    [ERR_ESCAPE] = SSH_FX_NO_SUCH_FILE,
    [ERR_XDEV] = SSH_FX_FAILURE,
    [ERR_NAMETOOLONG] = SSH_FX_FAILURE,
    [ERR_INVALID] = SSH_FX_FAILURE,
    [ERR_UNSUPPORTED] = SSH_FX_OP_UNSUPPORTED,
    [ERR_AGAIN] = SSH_FX_FAILURE,
    [ERR_CLOSED] = SSH_FX_FAILURE,
    [ERR_TIMEOUT] = SSH_FX_FAILURE,
    [ERR_UNREACHABLE] = SSH_FX_FAILURE,
};

const char *
sftp_status_text(uint32_t status)
{
	return status < ARRAY_LEN(TEXTS) ? TEXTS[status] : "unknown status";
}

uint32_t
sftp_status_from_err(enum err e)
{
	BUG_ON((unsigned)e >= ERR_N);
	return FROM_ERR[e];
}

struct sftp_result
sftp_result_of(enum err e)
{
	if (e == ERR_OK)
		return (struct sftp_result){.status = SSH_FX_OK};
	/* The same words for what isn't there and what may not be known to be there. */
	if (sftp_status_from_err(e) == SSH_FX_NO_SUCH_FILE)
		return (struct sftp_result){.status = SSH_FX_NO_SUCH_FILE};
	return (struct sftp_result){.status = sftp_status_from_err(e), .message = err_text(e)};
}
