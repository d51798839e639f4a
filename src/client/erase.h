/* Removing many names, and trees, with hundreds of requests under way. */
#ifndef CLIENT_ERASE_H
#define CLIENT_ERASE_H

#include "client/ask.h"

struct erase_options {
	bool recursive; /* directories with what is in them; links are removed, never followed */
	int interrupt_fd;
};

/* Each path's end; story "" for done. */
typedef void erase_told_fn(void *ctx, struct slice path, const struct ask_answer *answer);

/* Paths in the order given; told in order. Returns how many could not be removed; *ret_error: the
 * line was lost or the person stopped it (ERR_AGAIN). */
size_t erase_paths(struct remote *r, const char *const *paths, size_t n,
    const struct erase_options *options, erase_told_fn *told, void *ctx, enum err *ret_error);

#endif
