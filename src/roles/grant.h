/*
 * What a session may tell core. Its account's mounts were granted to it at login; what it says it
 * did must have been possible with them. A session that was taken over can lie about its own
 * account's files and about no others, and nothing that it sends can make the ledger refuse.
 */
#ifndef ROLES_GRANT_H
#define ROLES_GRANT_H

#include <stdbool.h>

#include "config/config.h"

/* Has the account a mount of the folder with all of these rights (enum vfs_allow)? */
bool grant_covers(const struct config_account *account, struct slice folder, uint32_t rights);

/* Beneath a folder: "a/b", without "." and "..", without a slash at either end. */
bool grant_path_is_clean(struct slice path);

/* "up.ACCOUNT.RANDOM", as vfs/upload.c makes it: the account's own, and no path. */
bool grant_is_upload_name(const char *account, struct slice name);

/* The right that a change (the verbs of struct vfs_journal) takes; 0 when there is no such verb. */
uint32_t grant_change_needs(struct slice verb);

/*
 * May the account have been denied this (the verbs of struct vfs_journal)? In a folder of its own,
 * at a clean path or at the folder itself; or, with folder "", where nothing is mounted.
 */
bool grant_may_be_denied(const struct config_account *account, struct slice verb,
    struct slice folder, struct slice path);

/* Are bytes there charged to a quota, of the folder or of the account? */
bool grant_is_metered(const struct config_account *account, const struct config_folder *folder);

/*
 * Every right in every mount of the first is in the second, too, to the same directory, for the
 * same names, with the same care for what is written; and no quota is new.
 */
bool grant_is_within(const struct config_account *had, const struct config_account *has);

#endif
