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

/* As sftp_result_of, in the words of an account: a quota is its own, and not the host's. */
static inline struct sftp_result
result_of(enum err e)
{
	if (e == ERR_QUOTA)
		return result_say(SSH_FX_FAILURE, "the quota is used up");
	return sftp_result_of(e);
}

/* The account's rights don't reach. */
static inline struct sftp_result
result_denied(void)
{
	return result_say(SSH_FX_PERMISSION_DENIED, "not allowed here");
}

#endif
