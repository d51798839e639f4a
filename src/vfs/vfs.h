/*
 * An account's file system: a tree of mounts, served through the operations of sftp/fs.h.
 * Directories that exist only by being on the way to a mount (grouping directories) can be listed
 * and nothing else.
 *
 * Rights stand in vfs/access.c, as a table. Every host path is resolved beneath the mount's
 * directory descriptor (os/file.h); there is no way out by "..", symbolic link or race. Symbolic
 * links are not followed, and not listed.
 *
 * An upload is private until it is closed: OPEN with WRITE|CREAT makes a file in the folder's
 * staging directory; on CLOSE it is fsynced, the journal is told (staged), it is renamed into
 * place, the directory is fsynced, the journal is told again (published), and only then CLOSE is
 * answered; the states, and the instant at which responsibility passes, stand in vfs/upload.h. A
 * connection that breaks before CLOSE leaves it in staging. Going on with such a file in a later
 * session, and clearing away what nobody goes on with, is not done here: it is core's to come.
 *
 * Without TRUNC an upload over an existing file begins as a private copy of it (vfs/open.c).
 *
 * The paths that the journal is told are relative to the folder's directory, without a slash before
 * them; they and all other texts are valid during the call. The caller keeps staging directories on
 * the file system of their folder, and outside of what is mounted.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include "base/err.h"
#include "base/slice.h"
#include "sftp/fs.h"
#include "vfs/mount.h"

/*
 * Who keeps the record of what is done in the file system: core, through the session's link. The
 * answer to `staged` comes later, through vfs_upload_recorded with the same tag.
 */
struct vfs_journal {
	/* An upload's bytes are durable in staging. Not ERR_OK: it can't be recorded, the CLOSE
	 * fails. The answer must not come before this has returned. */
	enum err (*staged)(void *ctx, uint32_t tag, const char *folder, const char *path,
	    const char *staging_name, uint64_t size);
	/* The upload with this number is in place, durably. */
	void (*published)(void *ctx, uint64_t transfer);
	/* A file was read from its first to its last byte, and closed. */
	void (*taken)(void *ctx, const char *folder, const char *path, uint64_t bytes);
	/*
	 * The client lost its line before it closed the upload: so many bytes stay in staging,
	 * under this name.
	 */
	void (*abandoned)(void *ctx, const char *folder, const char *path, const char *staging_name,
	    uint64_t bytes);
	/*
	 * An operation was refused: for want of a right, because the path leads out of the mount or
	 * into none, or by the host. verb: "upload", "overwrite", "download", "list", "stat",
	 * "delete", "rename", "make-directory", "remove-directory", "resize", "set-attributes".
	 * folder is "" for what lies in no mount; path is "" for the directory itself. why is for
	 * people. Called at most VFS_DENIALS_MAX times, and once more to say that this was it.
	 */
	void (*denied)(
	    void *ctx, const char *verb, const char *folder, const char *path, const char *why);
	/* verb: "removed", "renamed" (detail is the new path), "made-directory",
	 * "removed-directory", "resized" (a file in place, by SETSTAT). detail is never NULL. */
	void (*changed)(
	    void *ctx, const char *verb, const char *folder, const char *path, const char *detail);
};

enum { VFS_DENIALS_MAX = 100 };

struct vfs;

/*
 * journal and ctx are borrowed for the life of the vfs. account names the staging files:
 * ERR_INVALID when it can't be part of a file's name. vfs_free is NULL-safe; the SFTP server goes
 * first.
 */
enum err vfs_new(struct vfs **ret_vfs, const char *account, const struct vfs_journal *journal,
    void *ctx) must_check;
void vfs_free(struct vfs *v);

/*
 * Adds a mount: at is a clean absolute path, else ERR_INVALID; both descriptors are taken over, on
 * failure too, and may be O_PATH. ERR_EXISTS for a second mount at the same place. Before the first
 * operation only.
 */
enum err vfs_mount(struct vfs *v, const char *at, const char *folder, uint32_t allow, int dir_fd,
    int staging_fd) must_check;

/* The operations for sftp_server_new, with the vfs as their context. */
const struct sftp_fs_ops *vfs_ops(void);

/*
 * The journal's answer to `staged`: finishes the CLOSE that waits under this tag and completes it
 * through sftp_fs_complete; only finishes it, when the server is gone by then. An unknown tag is
 * ERR_FORMAT.
 */
enum err vfs_upload_recorded(
    struct vfs *v, uint32_t tag, enum err error, uint64_t transfer) must_check;

/* How many CLOSEs wait for the journal: a session whose client is gone may wait for them. */
size_t vfs_n_recording(const struct vfs *v);

#endif
