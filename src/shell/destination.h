/*
 * Where to: "[user@]host[:path]" or "sftp://[user@]host[:port][/path]", an IPv6 address in brackets
 * in either (sftp(1), draft-ietf-secsh-scp-sftp-ssh-uri-04 for the second).
 */
#ifndef SHELL_DESTINATION_H
#define SHELL_DESTINATION_H

#include <stdint.h>

#include "base/err.h"

enum { DESTINATION_MAX = 8 * 1024 };

struct destination {
	char *user;    /* NULL: not said */
	char *host;    /* without brackets */
	char *path;    /* NULL: not said. From a URI: relative to where the session begins */
	uint16_t port; /* 0: not said */
};

/* ERR_INVALID with a story. destination_fini in every case. */
enum err destination_parse(
    const char *text, struct destination *ret_d, struct story *story) must_check;
void destination_fini(struct destination *d);

#endif
