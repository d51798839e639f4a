/*
 * A file or directory on a server, as the command line names it:
 *
 *	sftp://[user@]host[:port]/path    percent-decoded (RFC 3986 section 2.1); an absolute path
 *	sftp://[user@]host[:port]/~/path  relative to where the session begins, the home
 *	[user@]host:path                  as scp(1); an absolute path, or relative to the home
 *	[user@][v6]:path                  an address in brackets, in all forms
 *
 * What else stands on the command line is a local file; one with a colon before its first slash is
 * written as ./name. A password in a URL is refused: everybody who lists processes would see it.
 */
#ifndef CLI_URL_H
#define CLI_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { URL_MAX = 32 * 1024, URL_HOST_MAX = 255, URL_USER_MAX = 255, URL_PATH_MAX = 8 * 1024 };

struct url {
	char *user;    /* NULL: not said */
	char *host;    /* without brackets */
	uint16_t port; /* 0: not said */
	/* The path with "*", "?", "[…]" and "\" as in glob.h: what was percent-encoded of them is
	 * quoted. "" is the home. */
	char *pattern;
};

/* Does it name something on a server? Else it is a local path. */
bool url_is_remote(const char *text);

/* ERR_INVALID with a story for what makes no sense; ERR_NOMEM. url_fini in every case. */
enum err url_parse(const char *text, struct url *ret_url, struct story *story) must_check;

/* Are both on one server, with one user? */
bool url_same_server(const struct url *a, const struct url *b);

/* NULL-safe members. */
void url_fini(struct url *u);

#endif
