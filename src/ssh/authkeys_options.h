/* The options before a key in authorized_keys, and when they let it in. Internal to authkeys. */
#ifndef SSH_AUTHKEYS_OPTIONS_H
#define SSH_AUTHKEYS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct authkeys_options {
	struct slice from;  /* a pattern list; empty: any address. Borrowed from the line */
	int64_t expires_us; /* INT64_MAX: never */
	bool cert_authority;
	struct slice
	    principals; /* names with commas between them; empty: the account's. Borrowed */
	bool no_touch_required;
	bool verify_required;
};

/*
 * Splits the options off a line that starts with some, and reads them. On success *ret_rest is
 * what follows them; otherwise the answer is why the key is unusable.
 */
const char *authkeys_options_parse(
    struct slice line, struct authkeys_options *ret, struct slice *ret_rest);

/* Does the from= list let this numeric address in? */
bool authkeys_from_allows(struct slice from, const char *peer_host);

/* Is one of the certificate's principals (each ended by a NUL) in the principals= list? */
bool authkeys_principals_allow(struct slice list, struct slice principals);

/* Why a from= list can't be used, or NULL. */
const char *authkeys_from_refusal(struct slice from);

/* An expiry-time= as YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z]; without Z in the system's time zone. */
bool authkeys_expiry_parse(struct slice text, int64_t *ret_us);

#endif
