/*
 * What an account was refused, because it may not or must not, is told to the journal: who runs the
 * gateway can then say why a partner can't upload. Of one session VFS_DENIALS_MAX are told: a
 * client may try the same for ever.
 *
 * Each gives the answer for the client, which says less than what is told.
 */
#ifndef VFS_DENIAL_H
#define VFS_DENIAL_H

#include "vfs/namespace.h"

/* place_allows, or access_allows for its mount, has said no to op. */
struct sftp_result denial_by_right(struct vfs *v, const struct place *place, enum access_op op);

/* The name is held by something that isn't shown (HOST_HIDDEN). */
struct sftp_result denial_by_name(struct vfs *v, const struct place *place, enum access_op op);

/*
 * As sftp_result_of. Told are ways out (symbolic links), what the host doesn't let the gateway do,
 * and changes where no folder is mounted; other errors, and ERR_OK, are no denials.
 */
struct sftp_result denial_of(
    struct vfs *v, const struct place *place, enum access_op op, enum err e);

/* Tells a denial with another answer than these; why is for people. */
void denial_tell(struct vfs *v, const struct place *place, enum access_op op, const char *why);

#endif
