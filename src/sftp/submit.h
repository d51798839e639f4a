/* Between the client engine and the requests that it offers; nobody else includes this. */
#ifndef SFTP_SUBMIT_H
#define SFTP_SUBMIT_H

#include "sftp/client.h"
#include "sftp/request.h"

/*
 * Queues the request, and fn for its answer; gives it its id. As the requests of client.h; the
 * length of a READ is cut to max_read.
 */
enum err sftp_client_submit(
    struct sftp_client *c, struct sftp_request *r, sftp_reply_fn *fn, void *ctx) must_check;

#endif
