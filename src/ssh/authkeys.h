/*
 * authorized_keys as sshd(8) "AUTHORIZED_KEYS FILE FORMAT" describes it: a key per line, with
 * options before it. from=, expiry-time=, no-touch-required, verify-required, cert-authority with
 * principals=, and restrict are honoured (and the no-* restrictions, which are all in force here
 * anyway); an option that we don't know makes its key unusable: it might have been there to forbid
 * something.
 *
 * The same text without options serves for a file of trusted authorities, and for keys that stand
 * in the configuration.
 */
#ifndef SSH_AUTHKEYS_H
#define SSH_AUTHKEYS_H

#include <stdbool.h>
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
	AUTHKEYS_EXPIRED,
	AUTHKEYS_WRONG_PRINCIPAL /* a certificate for none of those that its authority may name */
};

/* What the line asks of a FIDO key: by default that it was touched, and that is all. */
struct authkeys_result {
	enum authkeys_verdict verdict;
	size_t line;
	bool no_touch_required;
	bool verify_required;
};

/*
 * May this key log in from this numeric address, at this moment? Lines of authorities (with
 * cert-authority) let no key in by itself.
 */
struct authkeys_result authkeys_check(
    const struct authkeys *keys, struct slice key, const char *peer_host, int64_t now_us);

/*
 * May a certificate of this authority, for these principals (each ended by a NUL), log in as the
 * account? It may where a cert-authority line has the authority's key, and the certificate one of
 * the line's principals=, or without such the account's name. A certificate without principals
 * speaks for nobody. What else the certificate says (until when, from where) is not looked at.
 */
struct authkeys_result authkeys_check_cert(const struct authkeys *keys, struct slice ca_key,
    struct slice principals, const char *account, const char *peer_host, int64_t now_us);

/* Is this name among the principals (each ended by a NUL)? */
bool authkeys_principals_have(struct slice principals, struct slice name);

#endif
