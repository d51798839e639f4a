/*
 * One upload, from OPEN until it is in place or given up. Until then its bytes are a file in the
 * folder's staging directory, and its name exists for this session alone.
 *
 *	state      what is true                                next
 *	OPEN       its handle is open, bytes come in           STAGING, DISCARDED, abandoned
 *	STAGING    CLOSE came; bytes and staging name are      RECORDING, failed
 *	           being made durable, the journal is told
 *	RECORDING  the journal was told; its answer is         in place, failed
 *	           awaited, and the client waits for CLOSE
 *	DISCARDED  removed by its name while open: the handle  closed
 *	           works on, the bytes go with it
 *
 * Abandoned and failed uploads leave their bytes in staging, under a name that no other upload ever
 * takes. Resuming them in another session, and clearing them away, is core's affair.
 *
 * SECURITY and durability, in this order, each step only after the one before:
 *
 *  1. fsync of the staging file, and of the staging directory that holds its name;
 *  2. journal.staged; the journal makes its record durable and answers ERR_OK.
 *     HERE RESPONSIBILITY PASSES: from this record on Dray answers for the file. If the session
 *     dies now, core's recovery puts it in place from staging;
 *  3. rename into place, atomically: a reader finds all of it or nothing;
 *  4. fsync of the directory that it is in now;
 *  5. journal.published; then the client is told that CLOSE succeeded.
 *
 * The client that saw CLOSE fail still has the file and may send it again; the one that saw it
 * succeed may delete its copy.
 */
#ifndef VFS_UPLOAD_H
#define VFS_UPLOAD_H

#include <sys/stat.h>

#include "vfs/host.h"
#include "vfs/namespace.h"

enum upload_state { UPLOAD_OPEN, UPLOAD_STAGING, UPLOAD_RECORDING, UPLOAD_DISCARDED };

enum {
	UPLOADS_MAX = 2048,      /* of one session, those that wait for the journal included */
	UPLOAD_NAME_SIZE = 256,  /* of a name in staging, with its terminator */
	UPLOAD_ACCOUNT_MAX = 200 /* of the account in it */
};

struct upload {
	TAILQ_ENTRY(upload) entry;
	struct vfs *vfs;
	const struct mount *mount;
	char *path; /* where it will be; canonical, in mount */
	char staging_name[UPLOAD_NAME_SIZE];
	int fd; /* -1 from RECORDING on */
	enum upload_state state;
	bool spoilt;    /* a write failed: what is there is not what the client sent */
	struct stat st; /* from RECORDING on */
	/* In RECORDING: the question asked of the journal, and who waits for CLOSE's answer. */
	uint32_t tag;
	struct file *waiting; /* NULL: the client is gone; it will be put in place all the same */
	struct sftp_token token;
};

/* What an upload starts with. */
struct upload_base {
	int fd; /* -1: nothing */
	uint64_t len;
};

/* Makes the private file and lists it. ERR_LIMIT past UPLOADS_MAX. mode: for the file. */
enum err upload_new(struct vfs *v, const struct mount *m, const char *path, mode_t mode,
    struct upload_base base, struct upload **ret_u) must_check;

/* This session's newest upload of the path, that isn't discarded; NULL when there is none. */
struct upload *upload_find(struct vfs *v, const char *path);

/* Its attributes as they are now. */
enum err upload_stat(const struct upload *u, struct stat *ret_st) must_check;

/* Its bytes, opened anew; flags of open(2). */
enum err upload_reopen(const struct upload *u, int flags, int *ret_fd) must_check;

/* Where it will be, beneath its mount. */
const char *upload_rel(const struct upload *u);

/*
 * The client closed its handle f: steps 1 and 2. The upload ends here, unless the result is
 * PENDING; then f waits with it.
 */
struct sftp_result upload_close(struct upload *u, struct file *f, struct sftp_token token);

/* The upload in RECORDING whose question has the tag; NULL when there is none. */
struct upload *upload_awaiting(struct vfs *v, uint32_t tag);

/* The journal's answer: steps 3 to 5, and what the client is to be told. The upload ends here. */
struct sftp_result upload_recorded(struct upload *u, enum err error, uint64_t transfer);

/*
 * The client went away. Before CLOSE the upload ends here: its bytes stay in staging, and the
 * journal is told. In RECORDING it goes on without a client: Dray answers for it.
 */
void upload_abandon(struct upload *u);

/* Drops what is known of it; the bytes stay in staging. NULL-safe. */
void upload_free(struct upload *u);

/* The client removed it by name (OPEN only): its bytes go. The handle stays good until close. */
enum err upload_discard(struct upload *u) must_check;

/* The client renamed it (OPEN only): it will be at path, in mount, which is of the same folder. */
enum err upload_retarget(struct upload *u, const struct mount *m, const char *path) must_check;

/*
 * The directory from is to become the directory to: moves what is going to be beneath it along.
 * upload_beneath says before whether there is any in that state.
 */
bool upload_beneath(struct vfs *v, const char *dir, enum upload_state state);
enum err upload_move_beneath(struct vfs *v, const char *from, const char *to) must_check;

/* A file in place gets another size: a copy of that size takes its place, at once. */
enum err upload_resize(
    struct vfs *v, const struct place *p, const struct host_entry *entry, uint64_t size) must_check;

#endif
