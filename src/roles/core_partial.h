/*
 * Private files as core knows them, in memory: those that a session has open, and those that nobody
 * goes on with. The latter, and what has been open for more than a second, have rows in the ledger
 * (transfer/partials.h), so that no crash of whoever it may be forgets one that is worth a word.
 *
 * Who renames a private file first, in staging, goes on with it: core only takes down who did.
 * Nothing that a session has open is ever removed.
 */
#ifndef ROLES_CORE_PARTIAL_H
#define ROLES_CORE_PARTIAL_H

#include "ledger/partials.h"
#include "roles/core_session.h"

/* Of one account that nobody has open: past this many the oldest go. */
enum { CORE_PARTIALS_MAX = 1000 };

struct core_partial {
	TAILQ_ENTRY(core_partial) entry;
	char folder[IPC_NAME_MAX + 1];
	char account[IPC_NAME_MAX + 1];
	char staging_name[IPC_FILE_NAME_MAX + 1];
	char *path;       /* beneath the folder; "": not known, nobody can go on with it */
	uint64_t session; /* that has it open; 0: none */
	uint64_t left_by; /* the session that left it, and knows */
	uint64_t size;    /* at the last look */
	int64_t since_us; /* since when it is open, or since when nobody has it open */
	bool in_ledger;
	bool
	    is_settled; /* nobody has it open, its row is written and its account's sessions told */
};

/*
 * At the start, and when the ledger can be written again: what is there, by the ledger and by the
 * folders' staging. Nothing is open then. Also sets the timer for what is to be removed.
 */
enum err core_partials_load(struct core *c) must_check;
void core_partials_free(struct core *c);

/* The file of this folder and name, or NULL. */
struct core_partial *core_partial_find(
    struct core *c, struct slice folder, struct slice staging_name);

/* A session has begun one, or goes on with one. ERR_FORMAT: it can't have. */
enum err core_partial_opened(struct core_session *s, const struct ipc_upload_opened *u) must_check;

/* It will be elsewhere. */
enum err core_partial_moved(
    struct core *c, struct core_partial *p, struct slice path, uint64_t by) must_check;

/* It is no more, or no longer private: published, or removed. by: the session that knows. */
enum err core_partial_gone(struct core *c, struct core_partial *p, uint64_t by) must_check;

/* A session has left it, or its end has. */
void core_partial_leave(struct core_partial *p);
void core_partials_leave_all(struct core *c, uint64_t session);

/* Writes down what was left, and tells the accounts' sessions of it. */
enum err core_partials_settle(struct core *c) must_check;

/*
 * Takes over rows that recovery wrote, of uploads that were recorded and not put in place: after
 * the commit. Whoever goes on with one renames it, and what is recorded and isn't in staging counts
 * as published.
 */
enum err core_partials_adopt_later(struct core *c) must_check;

/* How many nobody has open in this folder, and how many bytes they have. */
void core_partials_count(
    const struct core *c, const char *folder, uint64_t *ret_n, uint64_t *ret_bytes);

/*
 * core_partial_bound.c: p was left just now. Of what its account has left, the oldest go until the
 * rest is no longer too much.
 */
enum err core_partial_bound(struct core *c, struct core_partial *p) must_check;

/* core_partial_time.c: the timer. */

/* Something is new: the timer may have to come sooner. */
void core_partials_watch(struct core *c);

/* In core_partial.c, for the timer. */

/* Looks at the file and writes its row; forgets one whose file is gone. *p may be freed. */
enum err core_partial_write(struct core *c, struct core_partial *p) must_check;

/* Removes file and row, and tells the account's sessions. p is freed, unless the file system
 * refuses. */
enum err core_partial_expire(struct core *c, struct core_partial *p, const char *why) must_check;

#endif
