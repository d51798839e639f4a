/* Lines of known_hosts, for the files knownhosts*.c. Internal to them. */
#ifndef SSH_KNOWNHOSTS_PARTS_H
#define SSH_KNOWNHOSTS_PARTS_H

#include "ssh/knownhosts.h"

enum { KNOWNHOSTS_NAME_MAX = 300 };

/* A line that holds a key, taken apart. Slices point into the file. */
struct knownhosts_entry {
	size_t line;
	bool revoked, authority;
	struct slice hosts;
	struct slice type;
	struct slice base64;
};

/* Walks the lines of a file. */
struct knownhosts_walk {
	struct slice rest;
	size_t line;
};

bool knownhosts_next(struct knownhosts_walk *w, struct knownhosts_entry *ret);

/* name: as knownhosts_name made it. */
bool knownhosts_entry_is_for(const struct knownhosts_entry *entry, struct slice name);
bool knownhosts_entry_has(const struct knownhosts_entry *entry, struct slice key);

/* The host as known_hosts writes it: in lower case, with brackets and port off the usual port;
 * port 0: alone. */
bool knownhosts_name(const char *host, uint16_t port, char dst[KNOWNHOSTS_NAME_MAX]);

#endif
