/* The lists of requests of -P, -p and -Q, over the engine's own names. */
#ifndef STDIO_REQUESTS_H
#define STDIO_REQUESTS_H

#include <stdio.h>

#include "base/attr.h"
#include "sftp/server.h"

/* One name a line. */
void requests_print(FILE *to);

/*
 * Refuses what is denied, and what isn't allowed; a list may be NULL. False: told to standard error
 * which name is of no request. Nobody is to rely on a line with a slip of the pen in it.
 */
bool requests_restrict(
    struct sftp_server *server, const char *denied, const char *allowed) must_check;

#endif
