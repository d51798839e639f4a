/* Words for what isn't there, with what was probably meant. All of them are safe to be shown. */
#ifndef CLI_MISSING_H
#define CLI_MISSING_H

#include "config/config.h"

/* There is no such route, as drayd says. config: what the file says now; NULL when it can't be
 * read. */
void missing_route(const struct config *config, const char *name, struct story *ret_story);

/* There is no such state of a transfer. */
void missing_state(const char *name, struct story *ret_story);

/* No transfer has this number, path or name. */
void missing_transfer(const char *what, struct story *ret_story);

#endif
