/*
 * A directory of the server, listed with several READDIRs under way at once, so that a long line
 * costs a round trip for many answers. Entries are told as they come; "." and ".." are not left
 * out (ls -a shows them). Memory is bounded by what is under way.
 */
#ifndef CLIENT_LIST_H
#define CLIENT_LIST_H

#include "client/ask.h"
#include "client/remote.h"

enum {
	LIST_AHEAD_MIN = 2,                 /* READDIRs under way for one directory at first */
	LIST_AHEAD_MAX = 32,                /* ... once it has proved to be long */
	LIST_NAME_MAX = 1024,               /* of an entry; a longer one fails the listing */
	LIST_ENTRIES_MAX = 10 * 1000 * 1000 /* a directory without end is told as that */
};

struct list;

struct list_config {
	struct slice path; /* copied */
	/* An entry; its slices are borrowed. False: enough, end the listing. Names are as the
	 * server sent them: list_name_is_safe before they become a local name. */
	bool (*entry)(void *ctx, const struct sftp_name *name);
	/* The end, once; the list frees itself after it. */
	void (*done)(void *ctx, const struct ask_answer *answer);
	void *ctx;
};

enum err list_start(
    struct list **ret_l, struct remote *r, const struct list_config *config) must_check;

/* Holds further READDIRs back (a consumer without room), and lets them go on. */
void list_pause(struct list *l, bool paused);

/* Neither entry nor done is called any more; it ends and frees itself. NULL-safe; not from entry,
 * which says false instead. */
void list_forget(struct list *l);

/* Waits until it is complete, calling entry: for commands that do one thing at a time. */
bool ask_list(struct remote *r, struct slice path,
    bool (*entry)(void *ctx, const struct sftp_name *name), void *ctx, struct ask_answer *a);

/* May it be a name in a local directory: no slash, no NUL, neither empty nor "." nor ".."? */
bool list_name_is_safe(struct slice name);

#endif
