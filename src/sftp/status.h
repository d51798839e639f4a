/* Status codes (draft-ietf-secsh-filexfer-02 section 7) in words, and errors as status codes. */
#ifndef SFTP_STATUS_H
#define SFTP_STATUS_H

#include "base/err.h"
#include "sftp/fs.h"
#include "sftp/proto.h"

/* Words for a person, without a full stop, as "no such file"; also for codes of later versions. */
const char *sftp_status_text(uint32_t status);

/* The code that tells a client best what e is. */
uint32_t sftp_status_from_err(enum err e);

/* An operation that ended so: SSH_FX_OK for ERR_OK, else the code and the error's own words. */
struct sftp_result sftp_result_of(enum err e);

#endif
