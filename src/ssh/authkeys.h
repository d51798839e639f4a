/*
 * authorized_keys as sshd(8) "AUTHORIZED_KEYS FILE FORMAT" describes it: a key per line, with
 * options before it. from=, expiry-time= and restrict are honoured (and the no-* restrictions,
 * which are all in force here anyway); an option that we don't know makes its key unusable: it
 * might have been there to forbid something.
 */
#ifndef SSH_AUTHKEYS_H
#define SSH_AUTHKEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { AUTHKEYS_FILE_MAX = 4 * 1024 * 1024, AUTHKEYS_LINE_MAX = 16 * 1024 };

struct authkeys;

/* Told of each line that is unusable, and why: for the log and for `dray check`. */
typedef void authkeys_warn_fn(void *ctx, size_t line, const char *why);

/* Parses a file's content, which is copied. warn may be NULL. */
enum err authkeys_parse(
    struct authkeys **ret_keys, struct slice file, authkeys_warn_fn *warn, void *ctx) must_check;
void authkeys_free(struct authkeys *keys);

size_t authkeys_count(const struct authkeys *keys);

enum authkeys_verdict {
	AUTHKEYS_ALLOWED,
	AUTHKEYS_NO_SUCH_KEY,
	AUTHKEYS_WRONG_ADDRESS, /* from= excludes the peer */
	AUTHKEYS_EXPIRED
};

struct authkeys_result {
	enum authkeys_verdict verdict;
	size_t line;
};

/* May this key log in from this numeric address, at this moment? */
struct authkeys_result authkeys_check(
    const struct authkeys *keys, struct slice key, const char *peer_host, int64_t now_us);

#endif
