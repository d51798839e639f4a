/*
 * What a file that is being written holds of its folder's quota. It is asked of the journal before
 * anything grows, in pieces of LEASE_PIECE, so that a large upload doesn't wait for an answer at
 * each write; near the end of the quota just what is needed is asked. What is held is either given
 * back or, once the upload is published, has become the folder's content. Where the mount isn't
 * metered, nothing is asked and nothing held.
 *
 * Asking waits for an answer of the journal's, and others of its may come in between: no partial
 * (vfs/partial.h) found before may be used after it.
 */
#ifndef VFS_LEASE_H
#define VFS_LEASE_H

#include "vfs/namespace.h"

enum { LEASE_PIECE = 4 * 1024 * 1024 };

struct lease {
	struct vfs *vfs;
	const struct mount *mount; /* mounts of one folder have one quota */
	uint64_t bytes;
	uint32_t files;
};

/* Holds at least so much from here on: all of it, or ERR_QUOTA and nothing more than before. */
enum err lease_cover(struct lease *l, uint64_t bytes, uint32_t files) must_check;

/* Gives back what is held beyond so many bytes. */
void lease_trim(struct lease *l, uint64_t bytes);

/* Gives everything back. */
void lease_end(struct lease *l);

/* What is held is the folder's content from now on, and so the journal's affair. */
void lease_hand_over(struct lease *l);

#endif
