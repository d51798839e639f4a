/*
 * One file sent to the server: between the parts of put; nobody else includes this.
 *
 * It is written beside its target and renamed when it is complete, so nobody sees half of it; in
 * place where that can't be, or needn't be (a server that keeps uploads private until they are
 * closed). Where the server acts in the order of requests, all but the rename travels in one
 * flight. The temporary name follows from target, size and mtime, so that an interrupted run is
 * gone on with.
 *
 *	looking ──▶ proving ──▶ opening ──▶ writing ──▶ ending ──▶ verifying ──▶ renaming ──▶ done
 *	   └───────────────────────┘           └────────────┴───▶ cleaning ──▶ failed, stopped
 *
 *	looking    STATs of the target and of what is left of an earlier run (with the OPEN in the
 *	           same flight, when nothing depends on them)
 *	proving    is what is left the beginning of the source? (proof.h)
 *	ending     FSETSTAT, fsync, CLOSE; WRITEs may still be due
 *	renaming   see put_rename.c
 *	cleaning   CLOSE and REMOVE of what is no good
 *
 * A state is left only when no answer is due: n_due, n_writes. A lost line leads back to looking.
 */
#ifndef CLIENT_PUT_INTERNAL_H
#define CLIENT_PUT_INTERNAL_H

#include <openssl/evp.h>

#include "client/proof.h"
#include "client/refusal.h"
#include "client/task.h"
#include "sftp/proto.h"
#include "sftp/story.h"

enum {
	PUT_RESUME_MIN = 64 * 1024, /* a smaller source is sent anew rather than looked for */
	PUT_RESERVE = 256           /* requests that WRITEs leave to others */
};

enum put_state {
	PUT_LOOKING,
	PUT_PROVING,
	PUT_OPENING,
	PUT_WRITING,
	PUT_ENDING,
	PUT_VERIFYING,
	PUT_RENAMING,
	PUT_CLEANING
};

/* A WRITE under way, in the order of the file. */
struct put_piece {
	TAILQ_ENTRY(put_piece) entry;
	struct put *p;
	uint32_t len;
	bool answered;
};

struct put {
	struct job_task task;
	struct sftp_client *c;
	const struct job_options *options;
	const char *remote; /* the item's */
	char *temp, *aside;
	int fd; /* the source */
	struct stat source;
	enum put_state state;

	bool in_place;  /* writes to remote, else to temp */
	bool must_look; /* the OPEN waits for what the STATs say */
	bool removed;   /* what had the temporary name was removed, once */
	bool created;   /* the temporary file is there, and ours */
	bool began;     /* in place: asked for, so what has the target's name may be ours */
	bool target_is; /* the target exists */
	bool own_is;    /* what an earlier run has left is there, and a regular file */
	bool open;
	bool failed, stopped;
	bool setstat_refused;
	bool renaming; /* a line was lost while it was renamed */
	bool aside_is; /* the old file may stand aside */
	struct sftp_attrs target;
	uint64_t own_size;

	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;

	uint64_t start;   /* where sending begins */
	uint64_t resumed; /* the first of all starts */
	uint64_t next;    /* what is asked for up to here */
	uint64_t sure;    /* what is confirmed without a gap; outlives a line */
	TAILQ_HEAD(, put_piece) pieces;
	uint32_t n_writes; /* WRITEs without an answer */
	uint32_t n_due;    /* other answers that the state waits for */

	unsigned step;       /* of ending, and of closed */
	struct proof *proof; /* while proving */
	EVP_MD_CTX *hash; /* of the source as it is read; NULL: not wanted, or not from its start */
	char hash_text[2 * 32 + 1];
	enum err error;
	struct story story; /* why it failed */
	struct story warnings;
};

static inline struct slice
put_path(const struct put *p)
{
	return slice_str(p->in_place ? p->remote : p->temp);
}

static inline struct slice
put_handle(const struct put *p)
{
	return slice_of(p->handle, p->handle_len);
}

/* The first failure counts; put_settle goes on from it. why is clean text. */
void put_refused(
    struct put *p, const char *what, struct slice path, const struct sftp_reply *reply);
void put_fail(struct put *p, enum err e, const char *why);
/* A request that could not be submitted; true when e is none. */
bool put_submitted(struct put *p, enum err e);
/* Something for people although it succeeds. */
void put_warn(struct put *p, const char *format, ...) printf_like(2, 3);
/* Something has ended or failed: goes on with the next state when nothing is due. */
void put_settle(struct put *p);
void put_finish(struct put *p, enum job_outcome outcome, const char *story);

/* put_open.c: what is there is asked for, and decided about; then the file is opened. */
void put_look(struct put *p);
void put_looked(struct put *p);
void put_open(struct put *p);
/* A target that no rename can replace: true, and it goes another way. */
bool put_target_differs(struct put *p);
/* Is a temporary name itself what was refused? Not when a directory or room is missing. */
bool put_blames_name(const struct sftp_reply *reply);
/* Begins anew in place after a temporary name was refused. */
void put_go_in_place(struct put *p);

/* put_send.c */
void put_begin_writing(struct put *p);
void put_fill(struct put *p);
/* put_end.c */
void put_end_file(struct put *p);
void put_closed(struct put *p);
void put_clean(struct put *p);
/* put_rename.c */
void put_rename(struct put *p);
/* The rename is done. */
void put_renamed(struct put *p);

#endif
