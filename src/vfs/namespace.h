/*
 * The insides of a vfs, shared by the files of this folder: the mounts, and what a path means among
 * them.
 *
 * A path belongs to the mount with the longest `at` that it lies beneath: a nested mount hides what
 * the outer one has there. A path on the way to a mount is a directory whatever the host has under
 * that name, and can't be changed.
 */
#ifndef VFS_NAMESPACE_H
#define VFS_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vfs/access.h"
#include "vfs/vfs.h"
#include "vfs/vpath.h"

enum { VFS_MOUNTS_MAX = 256 };

struct mount {
	char *at; /* canonical */
	char *folder;
	uint32_t allow; /* enum vfs_allow */
	bool direct, relaxed, metered;
	bool names_sync; /* fsync of a new file makes its name durable, too (vfs/staging.c) */
	char *names, *no_names; /* globs, each ended by a NUL, the last by another; never NULL */
	int dir_fd;
	int staging_fd; /* -1: nothing can be written here */
};

struct upload;
TAILQ_HEAD(upload_list, upload);
struct partial;
TAILQ_HEAD(partial_list, partial);

struct vfs {
	char *account;
	const struct vfs_journal *journal;
	void *journal_ctx;
	struct mount *mounts; /* fixed from the first operation on: others point at them */
	size_t n_mounts;
	bool in_use;
	struct upload_list uploads; /* this session's, not yet in place; the newest first */
	size_t n_uploads;
	struct upload_list closing;   /* those whose CLOSE came, in its order (vfs/settle.c) */
	struct partial_list partials; /* of the account, that nobody has open; the newest first */
	size_t n_partials;
	size_t n_direct;   /* files that are open for writing in place */
	uint64_t last_age; /* numbers uploads and partials in the order in which they came */
	uint32_t last_tag;
	uint32_t n_denials; /* that the journal was told of: at most VFS_DENIALS_MAX + 1 */
	int64_t born_us;    /* the times of grouping directories */
};

/* Where a path leads. */
struct place {
	const struct mount *mount; /* NULL: in none */
	const char *path;          /* the canonical path itself */
	const char *rel;           /* beneath mount; "." for its directory itself */
	bool fixed; /* a mount is here or further down: a directory, not to be changed */
};

/* path is canonical; the place points into it. */
struct place namespace_find(struct vfs *v, const char *path);

/*
 * Canonical and found in one step. ERR_NOENT for what is in no mount and on the way to none;
 * paths that are malformed fail otherwise.
 */
enum err namespace_resolve(
    struct vfs *v, struct slice raw, struct vpath *ret_path, struct place *ret_place) must_check;

/* fsync, but where the mount says that nothing is to be synced. The directory may be O_PATH. */
enum err mount_sync(const struct mount *m, int fd) must_check;
enum err mount_sync_dir(const struct mount *m, int dir_fd) must_check;

/* Is at place (in a mount, and not fixed) op allowed? */
bool place_allows(const struct place *p, enum access_op op);

/*
 * The name, within dir, of the i-th mount's way: "b" for a mount at /a/b/c seen from /a. Empty when
 * it doesn't lie further down.
 */
struct slice namespace_child(const struct vfs *v, size_t i, const char *dir);

/* Do both lie in one folder's storage, so that a rename between them is atomic? */
bool mount_same_store(const struct mount *a, const struct mount *b);

#endif
