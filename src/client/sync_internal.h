/*
 * Between the parts of sync; nobody else includes this.
 *
 * The tree is walked pair by pair of directories, in the order of names, each in front of what is
 * in it. Those at the front of the walk are listed ahead. What is to be moved is collected, and as
 * soon as there is enough of it a job moves it; then the walk goes on. So memory is bounded by
 * SYNC_AHEAD directories, SYNC_BATCH items and what is to be removed.
 *
 *	waiting ──▶ listing ──▶ listed ──▶ (proving) ──▶ decided: gone
 *	   ▲           │
 *	   └───────────┘ the line was lost
 */
#ifndef CLIENT_SYNC_INTERNAL_H
#define CLIENT_SYNC_INTERNAL_H

#include "client/list.h"
#include "client/proof.h"
#include "client/refusal.h"
#include "client/sync.h"

enum {
	SYNC_AHEAD = 64,  /* directories that are listed, or wait to be decided */
	SYNC_PROOFS = 16, /* contents compared at once */
	SYNC_BATCH = 8192 /* items of one job */
};

enum sync_kind { SYNC_FILE, SYNC_DIR, SYNC_LINK, SYNC_OTHER };

struct sync_entry {
	char *name;
	enum sync_kind kind;
	struct sftp_attrs attrs;
	/* Of a source's entry, after proving. */
	bool proved, same;
};

struct sync_entries {
	struct sync_entry *items; /* sorted by name once listed, each name once */
	size_t n, cap;
};

struct sync;

struct sync_pair {
	TAILQ_ENTRY(sync_pair) entry;
	struct sync *s;
	char *rel; /* "" is the root */
	enum { PAIR_WAITING, PAIR_LISTING, PAIR_MADE, PAIR_LISTED } state;
	bool is_new;  /* the target has no such directory: to be made */
	bool is_gone; /* the source has none: what is in it is to be removed */
	bool failed;  /* one of the sides could not be listed: nothing is decided */
	struct list *list;
	struct sync_entries source, target;
	uint32_t mode; /* of the source's, for the one that is made */
	size_t next_proof, n_proofs;
};

/* A content that is being compared. */
struct sync_proving {
	LIST_ENTRY(sync_proving) entry;
	struct sync_pair *p;
	struct sync_entry *source;
	struct proof *proof;
	int fd;
};

struct sync_batch_item {
	char *remote, *local;
	struct sftp_attrs attrs;
};

struct sync_removal {
	char *rel;
	bool is_dir;
	bool recursive; /* with what is in it */
};

struct sync {
	const struct sync_options *o;
	const struct sync_events *events;
	enum job_direction direction;
	const char *remote_root, *local_root;
	struct remote *r;
	int64_t timeout_us;
	int interrupt_fd;
	int root_fd; /* the local tree; -1: not there (a dry run) */

	TAILQ_HEAD(, sync_pair) pairs;
	LIST_HEAD(, sync_proving) provings;
	size_t n_listing; /* pairs with an answer due */
	size_t n_proofs;
	uint32_t n_retries; /* of the connection, since something was decided */

	struct sync_batch_item *batch;
	size_t n_batch, next_item;
	struct job_options job_options;
	struct job_tally base; /* of earlier jobs */

	struct sync_removal *removals;
	size_t n_removals, cap_removals;
	bool listing_failed;

	enum { TIMES_UNKNOWN, TIMES_KEPT, TIMES_REFUSED } times; /* by the server */
	bool no_memory;
	bool interrupted;
	struct sync_summary *sum;
	struct story *story;
};

/* sync.c */
void sync_notice(struct sync *s, const char *format, ...) printf_like(2, 3);
void sync_tell(struct sync *s, enum sync_action action, const char *rel, const char *why);
/* root, "/" and rel, on the heap. */
char *sync_join(const char *root, const char *rel) must_check;
/* Something could not be done: told, counted. */
void sync_failed(struct sync *s, const char *why);

/* sync_list.c */
struct sync_pair *sync_pair_new(struct sync *s, const char *dir, const char *name);
void sync_pair_free(struct sync_pair *p); /* NULL-safe */
/* Begins to list, or to make and list. */
enum err sync_pair_begin(struct sync_pair *p) must_check;
/* The line is lost: back to waiting. */
void sync_pair_lost(struct sync_pair *p);
/* Nobody wants to know any more; a directory that is being made is still awaited. */
void sync_pair_leave(struct sync_pair *p);

/* sync_decide.c */
/* Keeps proofs under way; true when none is needed any more. */
bool sync_pair_prove(struct sync_pair *p);
void sync_proving_end(struct sync_proving *v);
void sync_pair_decide(struct sync_pair *p);

/* sync_remove.c */
bool sync_removal_add(
    struct sync *s, const char *dir, const char *name, bool is_dir, bool recursive);
void sync_remove_all(struct sync *s);

#endif
