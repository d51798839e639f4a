/*
 * One upload, from OPEN until it is in place or given up. Until then its bytes are a file in the
 * folder's staging directory, and its name exists for this session alone.
 *
 *	state      what is true                                next
 *	OPEN       its handle is open, bytes come in           CLOSED, DISCARDED, partial
 *	CLOSED     CLOSE came, and the client waits for its    RECORDING, failed
 *	           answer; the turn's end will take it on
 *	RECORDING  bytes and staging name are durable, the     RECORDED
 *	           journal was told; its answer is awaited
 *	RECORDED   the answer came: so or so, the turn's end   PLACED, failed
 *	           will take it on
 *	PLACED     renamed into place, the directory is being  in place, failed
 *	           synced
 *	DISCARDED  removed by its name while open: the handle  closed
 *	           works on, the bytes go with it
 *
 * SECURITY and durability. What the client has closed by the end of a turn (vfs_settle) goes the
 * same way together, each step only after the one before, for all of them:
 *
 *  1. fsync of each private file, their writeback having been begun for all of them before;
 *  2. one fsync of each staging directory that holds their names (but see vfs/staging.c: some file
 *     systems make the name durable together with the file);
 *  3. journal.staged for each; the journal makes its records durable and answers ERR_OK.
 *     HERE RESPONSIBILITY PASSES: from its record on Dray answers for the file. If the session
 *     dies now, core's recovery puts it in place from staging;
 *
 * and what the journal has answered by the end of a turn:
 *
 *  4. rename into place of each, atomically: a reader finds all of it or nothing;
 *  5. one fsync of each directory that they are in now;
 *  6. journal.published for each; then its client is told that CLOSE succeeded.
 *
 * The record must not be durable before the name is (2 before 3): recovery takes what is recorded
 * and isn't in staging for published. The staging directory isn't synced after 4: file systems with
 * a log write a rename as one, and 5 writes that log out. Where one has none and a power cut leaves
 * the file in both, it is in place, and for its owner a partial, too.
 * In a mount that is `relaxed` nothing is synced, and the order is all that remains.
 *
 * The client that saw CLOSE fail still has the file and may send it again; the one that saw it
 * succeed may delete its copy. What a failure leaves behind:
 *
 *	failed in                   the bytes
 *	OPEN (a write failed)       become a partial (vfs/partial.h) up to the first gap
 *	1 (fsync)                   are unlinked: no later fsync would tell what is lost of them
 *	2, 3 (nothing is recorded)  become a partial
 *	4, 5                        stay where they are: Dray answers for them, the journal is
 *	                            told (not_placed), and decides by what is in staging: a
 *	                            partial, or in place after all
 */
#ifndef VFS_UPLOAD_H
#define VFS_UPLOAD_H

#include <sys/stat.h>

#include "vfs/coverage.h"
#include "vfs/host.h"
#include "vfs/lease.h"
#include "vfs/namespace.h"
#include "vfs/partial.h"
#include "vfs/staging.h"

enum upload_state {
	UPLOAD_OPEN,
	UPLOAD_CLOSED,
	UPLOAD_RECORDING,
	UPLOAD_RECORDED,
	UPLOAD_PLACED,
	UPLOAD_DISCARDED,
	UPLOAD_STATES
};

/* Of one session, those that wait for the journal included. */
enum { UPLOADS_MAX = 2048 };

struct upload {
	TAILQ_ENTRY(upload) entry;
	TAILQ_ENTRY(upload) turn; /* in vfs.closing, from CLOSED on */
	struct vfs *vfs;
	const struct mount *mount;
	char *path; /* where it will be; canonical, in mount */
	char staging_name[STAGING_NAME_SIZE];
	bool claimed; /* the name came by a rename, of a partial */
	uint64_t age; /* as of partials: the lower, the older */
	int fd;       /* -1 from RECORDING on */
	enum upload_state state;
	uint64_t size;           /* while OPEN */
	struct coverage written; /* what of it is the client's, or was there before */
	struct lease lease;
	enum err spoilt; /* a write failed: what is there is not what the client sent */
	struct stat st;  /* from RECORDING on */
	/* From CLOSED on: who waits for the answer. NULL: the client is gone; it goes on. */
	struct file *waiting;
	struct sftp_token token;
	/* In RECORDING: the question asked of the journal; then its answer. */
	uint32_t tag;
	enum err failure; /* of the step that it is in */
	uint64_t transfer;
	size_t dir;    /* in PLACED: which of the turn's directories (vfs/publish.c) */
	bool replaced; /* in PLACED: a file of so many bytes had the name */
	uint64_t replaced_bytes;
};

/* What an upload starts with. */
struct upload_base {
	int fd; /* -1: nothing */
	uint64_t len;
};

/* Makes the private file and lists it. ERR_LIMIT past UPLOADS_MAX. mode: for the file. */
enum err upload_new(struct vfs *v, const struct mount *m, const char *path, mode_t mode,
    struct upload_base base, struct upload **ret_u) must_check;

/*
 * Goes on with a partial of the path, of size bytes. ERR_NOENT: another session was first. The
 * partial isn't known any more then.
 */
enum err upload_claim(struct vfs *v, const struct place *place, struct partial *partial,
    uint64_t size, struct upload **ret_u) must_check;

/* This session's newest upload of the path, that isn't discarded; NULL when there is none. */
struct upload *upload_find(struct vfs *v, const char *path);

/* Its attributes as they are now. */
enum err upload_stat(const struct upload *u, struct stat *ret_st) must_check;

/* Its bytes, opened anew; flags of open(2). */
enum err upload_reopen(const struct upload *u, int flags, int *ret_fd) must_check;

/* Where it will be, beneath its mount. */
const char *upload_rel(const struct upload *u);

/*
 * Around each change of its bytes: before it, that they may reach up to end; after it, what was
 * changed and how it went. A change that fails, or isn't allowed, spoils the upload.
 */
enum err upload_reserve(struct upload *u, uint64_t end) must_check;
void upload_wrote(struct upload *u, uint64_t offset, uint64_t len, enum err e);
enum err upload_truncate(struct upload *u, uint64_t size) must_check;

/*
 * The client closed its handle f. PENDING: then f waits with it for the end of the turn, and of the
 * next one after the journal's answer. Else the upload ends here.
 */
struct sftp_result upload_close(struct upload *u, struct file *f, struct sftp_token token);

/* The upload in RECORDING whose question has the tag; NULL when there is none. */
struct upload *upload_awaiting(struct vfs *v, uint32_t tag);

/*
 * The client went away. Before CLOSE the upload ends here and becomes a partial. After it, it goes
 * on without a client: it is complete.
 */
void upload_abandon(struct upload *u);

/* Ends it before it was recorded: its bytes become a partial, and the journal is told. */
void upload_leave(struct upload *u);

/* Ends it, and its bytes go. */
void upload_drop(struct upload *u);

/* Drops what is known of it; the bytes stay in staging. NULL-safe. */
void upload_free(struct upload *u);

/* The client removed it by name (OPEN only): its bytes go. The handle stays good until close. */
enum err upload_discard(struct upload *u) must_check;

/* The client renamed it (OPEN only): it will be at path, in mount, which is of the same folder. */
enum err upload_retarget(struct upload *u, const struct mount *m, const char *path) must_check;

/* Is there any, not discarded, going to be beneath the directory? */
bool upload_beneath(struct vfs *v, const char *dir);

/* The directory from is to become the directory to: moves what is OPEN beneath it along. */
enum err upload_move_beneath(struct vfs *v, const char *from, const char *to) must_check;

/*
 * Has each upload at or beneath path that was closed finished: what renames or removes it must not
 * come in between. Waits for the journal.
 */
enum err upload_finish_beneath(struct vfs *v, const char *path) must_check;

/* A file in place gets another size: a copy of that size takes its place, at once. */
enum err upload_resize(
    struct vfs *v, const struct place *p, const struct host_entry *entry, uint64_t size) must_check;

#endif
