/*
 * Partials: private files of this account that no session has open. An upload whose line was lost
 * leaves one, and so does one that failed before it was recorded. For their owner they stand under
 * their path, before what is in place there; they can be gone on with (vfs/open.c), read, renamed
 * and removed, without another right than that to upload.
 *
 * Other sessions of the account do the same at the same time. What decides is the file's name in
 * staging: whoever renames or unlinks it first has it, and a partial whose file is gone is
 * forgotten as soon as it is looked at. So a struct partial is valid only until the journal is
 * asked for something (vfs/lease.h) or another partial is looked for.
 */
#ifndef VFS_PARTIAL_H
#define VFS_PARTIAL_H

#include <sys/stat.h>

#include "vfs/namespace.h"

/* What is left behind by clients past this many isn't shown. */
enum { PARTIALS_MAX = 4096 };

struct partial {
	TAILQ_ENTRY(partial) entry;
	char *folder;
	char *path; /* beneath the folder */
	char *staging_name;
	uint64_t age; /* as of uploads: the lower, the older */
};

/* The newest at place, and the status of its file; NULL: there is none. */
enum err partial_find(struct vfs *v, const struct place *place, struct partial **ret_p,
    struct stat *ret_st) must_check;

/* Is any known at place, whether its file is there or not? */
bool partial_is_known(const struct vfs *v, const struct place *place);

/* No longer known of; its file stays, as whatever it is now. NULL-safe. */
void partial_forget(struct vfs *v, struct partial *p);

/* Unlinks its file, tells the journal and forgets it. ERR_NOENT: somebody else was first. */
enum err partial_discard(struct vfs *v, const struct mount *m, struct partial *p) must_check;

/* Discards those of m's folder at path that are older than age: something newer is in place. */
void partial_discard_older(struct vfs *v, const struct mount *m, const char *path, uint64_t age);

/* It will be at path (beneath the folder); the journal is told. */
enum err partial_move(struct vfs *v, struct partial *p, const char *path) must_check;

/* What stands in path behind the directory dir, "." for the folder itself; NULL: not beneath it. */
const char *partial_after(const char *path, const char *dir);

/* ERR_NOTEMPTY: there is one beneath the directory at place. */
enum err partial_beneath(struct vfs *v, const struct place *dir) must_check;

/* The directory from (of folder) is called to now: moves what is beneath it along. */
enum err partial_move_beneath(
    struct vfs *v, const char *folder, const char *from, const char *to) must_check;

/* Forgets all. */
void partial_forget_all(struct vfs *v);

#endif
