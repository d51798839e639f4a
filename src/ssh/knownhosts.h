/*
 * known_hosts as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" describes it: plain names, patterns with * ?
 * !, hashed names (|1|salt|hash), [host]:port, several keys per host, @revoked. @cert-authority
 * lines are passed over. A line that can't be parsed is passed over too: it can only make us trust
 * less.
 */
#ifndef SSH_KNOWNHOSTS_H
#define SSH_KNOWNHOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { KNOWNHOSTS_FILE_MAX = 16 * 1024 * 1024, KNOWNHOSTS_LINE_MAX = 16 * 1024 };

enum knownhosts_verdict {
	KNOWNHOSTS_MATCH,
	KNOWNHOSTS_UNKNOWN, /* no key at all for this host */
	KNOWNHOSTS_CHANGED, /* keys for this host, none of them this one */
	KNOWNHOSTS_REVOKED
};

struct knownhosts_result {
	enum knownhosts_verdict verdict;
	size_t line; /* 1-based: the deciding line; 0 for UNKNOWN */
};

/* Is this key (type "ssh-ed25519", blob of RFC 4253 section 6.6) the host's,
 * by the file's content? */
struct knownhosts_result knownhosts_check(
    struct slice file, const char *host, uint16_t port, struct slice type, struct slice key);

/*
 * Appends to ret_types the key types that the file holds for the host, comma-separated, in the
 * file's order without repeats: to be offered first, so that a server with several keys shows the
 * pinned one.
 */
enum err knownhosts_types(
    struct slice file, const char *host, uint16_t port, struct buf *ret_types) must_check;

/* Appends the line that pins the key: "host ssh-ed25519 AAAA…\n",
 * or "[host]:port …" off port 22. */
enum err knownhosts_line(const char *host, uint16_t port, struct slice type, struct slice key,
    struct buf *ret_line) must_check;

#endif
