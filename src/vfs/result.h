/* Results for the SFTP client; adds to sftp/status.h. Messages are static, without host paths. */
#ifndef VFS_RESULT_H
#define VFS_RESULT_H

#include "sftp/status.h"

static inline struct sftp_result
result_ok(void)
{
	return (struct sftp_result){.status = SSH_FX_OK};
}

/* message: static, or NULL for the status's own words. */
static inline struct sftp_result
result_say(uint32_t status, const char *message)
{
	return (struct sftp_result){.status = status, .message = message};
}

/* The account's rights don't reach. */
static inline struct sftp_result
result_denied(void)
{
	return result_say(SSH_FX_PERMISSION_DENIED, "not allowed here");
}

/* CLOSE was asked for and isn't answered yet: its name and content are the journal's now. */
static inline struct sftp_result
result_recording(void)
{
	return result_say(SSH_FX_FAILURE, "the upload is still being recorded");
}

#endif
