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
 * connection that breaks before CLOSE leaves it in staging, as a partial: its account can go on
 * with it in any session (vfs/partial.h). To clear away what nobody goes on with is the journal's
 * part. Where a mount is direct, files are written in place instead (vfs/direct.h).
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

/* Which version of a file: another one under the same name differs in at least one of these. */
struct vfs_version {
	uint64_t inode, size;
	int64_t mtime_ns;
};

/* Bytes of a file, from offset up to end. */
struct vfs_range {
	uint64_t offset, end;
};

/*
 * Who keeps the record of what is done in the file system: core, through the session's link. The
 * answer to `staged` comes later, through vfs_upload_recorded with the same tag.
 */
struct vfs_journal {
	/* An upload's bytes are durable in staging. Not ERR_OK: it can't be recorded, the CLOSE
	 * fails. The answer must not come before this has returned. */
	enum err (*staged)(void *ctx, uint32_t tag, const char *folder, const char *path,
	    const char *staging_name, uint64_t size);
	/* The upload with this number is in place, durably; a file of replaced_bytes was there
	 * before, if replaced. */
	void (*published)(void *ctx, uint64_t transfer, bool replaced, uint64_t replaced_bytes);
	/* The upload with this number could not be put in place, or not durably: its CLOSE fails,
	 * and the journal decides, by what is in staging, what becomes of it. why is for people. */
	void (*not_placed)(void *ctx, uint64_t transfer, const char *why);
	/*
	 * An upload began in staging under this name; from is the private file of an earlier one
	 * that it goes on with (and has renamed to staging_name), or "". Told once, before any byte
	 * is written.
	 */
	void (*opened)(void *ctx, const char *folder, const char *path, const char *staging_name,
	    const char *from);
	/* A private file (open or not) will be at another path. */
	void (*moved)(void *ctx, const char *folder, const char *path, const char *staging_name);
	/* A private file was unlinked. */
	void (*discarded)(void *ctx, const char *folder, const char *staging_name);
	/*
	 * Leases so many bytes and files of the folder's (and account's) quota: all or ERR_QUOTA.
	 * ahead: less is asked for when the answer is no. Waits for the answer. Only for mounts
	 * that are metered.
	 */
	enum err (*quota_ask)(
	    void *ctx, const char *folder, uint64_t bytes, uint32_t files, bool ahead);
	void (*quota_back)(void *ctx, const char *folder, uint64_t bytes, uint32_t files);
	/*
	 * Waits until the journal has said something, and hears it (vfs_upload_recorded and the
	 * like are called from within). Not ERR_OK: nothing more will come.
	 */
	enum err (*await)(void *ctx);
	/* A file was read from its first to its last byte through one handle, and closed. */
	void (*taken)(void *ctx, const char *folder, const char *path, uint64_t bytes,
	    const struct vfs_version *version);
	/* So much of it was read, and the handle closed: together with others it may be whole. */
	void (*pieces)(void *ctx, const char *folder, const char *path,
	    const struct vfs_version *version, const struct vfs_range *ranges, size_t n_ranges);
	/*
	 * The client lost its line before it closed the upload: so many bytes stay in staging,
	 * under this name.
	 */
	void (*abandoned)(void *ctx, const char *folder, const char *path, const char *staging_name,
	    uint64_t bytes);
	/*
	 * An operation was refused: for want of a right, because the path leads out of the mount or
	 * into none, or by the host. verb: "upload", "overwrite", "download", "list", "stat",
	 * "delete", "rename", "make-directory", "remove-directory", "resize", "set-attributes",
	 * "link". folder is "" for what lies in no mount; path is "" for the directory itself. why
	 * is for people. Called at most VFS_DENIALS_MAX times, and once more to say that this was
	 * it.
	 */
	void (*denied)(
	    void *ctx, const char *verb, const char *folder, const char *path, const char *why);
	/* verb: "removed", "renamed" (detail is the new path), "made-directory",
	 * "removed-directory", "resized" (a file in place, by SETSTAT), "linked" (detail is the new
	 * path), "written" (in place, where uploads are direct; told at its CLOSE). detail is never
	 * NULL. bytes, files: by how much the folder's content has changed with it. */
	void (*changed)(void *ctx, const char *verb, const char *folder, const char *path,
	    const char *detail, int64_t bytes, int64_t files);
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

/* What holds in a mount. */
struct vfs_mount_options {
	const char *at; /* a clean absolute path */
	const char
	    *folder;    /* mounts of one folder share its staging, and files move between them */
	uint32_t allow; /* enum vfs_allow */
	bool direct;    /* writes go into files in place, and are seen as they come */
	bool relaxed;   /* nothing is fsynced */
	bool metered;   /* the journal leases what is written */
	struct slice
	    names; /* globs (rules/glob.h) for an upload's name, each ended by a NUL: empty: any */
	struct slice no_names; /* globs that it must not match */
};

/*
 * Adds a mount; what the options hold is copied. ERR_INVALID for a bad `at` or a bad glob. Both
 * descriptors are taken over, on failure too, and may be O_PATH. ERR_EXISTS for a second mount at
 * the same place. Before the first operation only.
 */
enum err vfs_mount(
    struct vfs *v, const struct vfs_mount_options *options, int dir_fd, int staging_fd) must_check;

/*
 * A private file of this account that no session has open, with so many bytes: its owner sees it
 * under its path, and can go on with it, rename or remove it, in any session: who renames it first
 * in staging has it. Any time; a folder that isn't mounted is ERR_NOENT. And: it is there no more.
 */
enum err vfs_partial(struct vfs *v, const char *folder, const char *path, const char *staging_name,
    uint64_t size) must_check;
void vfs_partial_gone(struct vfs *v, const char *folder, const char *staging_name);

/*
 * The end of a turn of its caller, who has fed the engine all that was there: what was closed since
 * the last one is made durable together, and the journal told (`staged`); what the journal has
 * answered since is put in place together, its directories synced once, and completed.
 */
void vfs_settle(struct vfs *v);

/* Handles that are open for writing, or wait: what a graceful end waits for. */
size_t vfs_n_open_uploads(const struct vfs *v);

/* The operations for sftp_server_new, with the vfs as their context. */
const struct sftp_fs_ops *vfs_ops(void);

/*
 * The journal's answer to `staged`. The next vfs_settle finishes the CLOSE that waits under this
 * tag and completes it through sftp_fs_complete; only finishes it, when the server is gone by then.
 * An unknown tag is ERR_FORMAT.
 */
enum err vfs_upload_recorded(
    struct vfs *v, uint32_t tag, enum err error, uint64_t transfer) must_check;

/*
 * How many CLOSEs wait for the journal or for vfs_settle: a session whose client is gone may finish
 * them by vfs_settle, and by hearing the journal, in turn.
 */
size_t vfs_n_recording(const struct vfs *v);

#endif
