/* Private files in a folder's staging directory, by names that no other upload ever takes. */
#ifndef VFS_STAGING_H
#define VFS_STAGING_H

#include "vfs/host.h"
#include "vfs/namespace.h"

enum {
	STAGING_NAME_SIZE = 256,  /* with its terminator */
	STAGING_ACCOUNT_MAX = 200 /* of the account in it */
};

/* Makes one, open for reading and writing; mode 0 for the usual. */
enum err staging_create(const struct vfs *v, const struct mount *m, mode_t mode,
    char ret_name[STAGING_NAME_SIZE], int *ret_fd) must_check;

/*
 * Takes one of the account's over, as it is: gives it a name of its own. Several sessions may try,
 * and one is first; for the others it is ERR_NOENT.
 */
enum err staging_claim(const struct vfs *v, const struct mount *m, const char *name,
    char ret_name[STAGING_NAME_SIZE], int *ret_fd) must_check;

/* ERR_NOENT when it isn't there. */
enum err staging_unlink(const struct mount *m, const char *name) must_check;

/* Does fsync of a new file there make its name durable, too? */
bool staging_syncs_names(int staging_fd);

#endif
