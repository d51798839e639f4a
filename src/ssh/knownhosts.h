/*
 * known_hosts as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" describes it: plain names, patterns with * ?
 * !, hashed names (|1|salt|hash), [host]:port, several keys per host, @revoked and
 * @cert-authority. A line that can't be parsed is passed over too: it can only make us trust
 * less.
 */
#ifndef SSH_KNOWNHOSTS_H
#define SSH_KNOWNHOSTS_H

#include <stdbool.h>
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

/* Several files, as a person has them (known_hosts, ssh_known_hosts): the content is borrowed. */
struct knownhosts_file {
	const char *name;
	struct slice content;
};

/* Whose key it is: host and port, or with port 0 a HostKeyAlias, which stands for itself. */
struct knownhosts_found {
	enum knownhosts_verdict verdict;
	const char *file; /* the deciding line's; NULL for UNKNOWN */
	size_t line;
	char fingerprint[64]; /* CHANGED: of the key that stands there */
};

/*
 * As knownhosts_check over all of the files: a revocation in any of them wins, then a match.
 * A host off port 22 that isn't known by that port may be known without it, but only a match
 * counts there. @revoked authorities (the key of a certificate's) are asked for with the same
 * function.
 */
struct knownhosts_found knownhosts_look(const struct knownhosts_file *files, size_t n_files,
    const char *host, uint16_t port, struct slice key);

/* Does a line without hosts' keys, "@cert-authority", trust this authority for the host? MATCH,
 * UNKNOWN or REVOKED. */
struct knownhosts_found knownhosts_authority(const struct knownhosts_file *files, size_t n_files,
    const char *host, uint16_t port, struct slice ca_key);

/*
 * Appends what to offer first as "^a,b": algorithms of certificates where an authority is known
 * for the host, then those of the types of its keys; nothing when nothing is known.
 */
enum err knownhosts_offer(const struct knownhosts_file *files, size_t n_files, const char *host,
    uint16_t port, struct buf *ret_list) must_check;

/*
 * Appends the line that pins the key to the file at path, durably; its directory (0700) and the
 * file (0600) are made where they are missing. hashed: the name as HMAC under a fresh salt.
 */
enum err knownhosts_add(const char *path, const char *host, uint16_t port, struct slice key,
    bool hashed, struct story *story) must_check;

#endif
