/* Host key algorithms of a client whose known_hosts pins plain keys. Internal to ssh/. */
#ifndef SSH_ALGORITHMS_H
#define SSH_ALGORITHMS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Is the name in the comma-separated list? */
bool algorithms_has(struct slice list, struct slice name);

/*
 * Appends, with a terminator, all host key algorithms that we take: those of the pinned key types
 * (comma-separated, as knownhosts_types gives them) first, so that a server with several keys shows
 * the one that we know.
 */
enum err algorithms_host_keys(struct slice pinned_types, struct buf *ret_list) must_check;

/* The signature algorithms of one key type, or NULL past the last: to ask a server for each. */
const char *algorithms_of_host_key_type(size_t i);

#endif
