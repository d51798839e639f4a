/* What the server side of the transport needs of the host keys. Internal to ssh/. */
#ifndef SSH_HOSTKEYS_INTERNAL_H
#define SSH_HOSTKEYS_INTERNAL_H

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/server.h>

#include "ssh/hostkeys.h"

/* Gives a copy of each key to the bind. */
enum err hostkeys_offer(const struct hostkeys *keys, ssh_bind bind) must_check;

/* The type of the only key, or "-" when there are several: libssh doesn't tell which one a server
 * used. */
const char *hostkeys_only_type(const struct hostkeys *keys);

#endif
