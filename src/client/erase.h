/*
 * Removing many names, and trees, with hundreds of requests under way. A directory is looked at
 * (LSTAT) before it is listed, so that no link is followed, whatever a listing says. A server whose
 * listings skip names while others are removed is listed again, as long as that gets further.
 * Memory is bounded whatever the size of a tree.
 */
#ifndef CLIENT_ERASE_H
#define CLIENT_ERASE_H

#include "client/ask.h"

enum {
	ERASE_REQUESTS = 512, /* under way */
	ERASE_LISTINGS = 64,  /* directories being listed */
	ERASE_NODES = 8192,   /* names in hand; listings pause above it */
	ERASE_PASSES = 100    /* over one directory, each of which got further */
};

struct erase_options {
	bool recursive; /* directories with what is in them; links are removed, never followed */
	int interrupt_fd;
};

/* Each path's end; story "" for done. Of what is in a tree only what could not be removed is told,
 * at once. */
typedef void erase_told_fn(void *ctx, struct slice path, const struct ask_answer *answer);

/* Paths in the order given; told in order. Returns how many could not be removed; *ret_error: the
 * line was lost or the person stopped it (ERR_AGAIN). */
size_t erase_paths(struct remote *r, const char *const *paths, size_t n,
    const struct erase_options *options, erase_told_fn *told, void *ctx, enum err *ret_error);

#endif
