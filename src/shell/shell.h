/*
 * What the commands of a session share. Everything here belongs to the session (session.c); a
 * command borrows it, and may change the directory, the switches and, when a connection was opened
 * anew, the connection.
 */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include <stdio.h>

#include "client/ask.h"
#include "client/glob.h"
#include "shell/arguments.h"
#include "shell/connect.h"

struct shell {
	const struct arguments *arguments;
	FILE *out, *err;
	struct connector *connector;
	struct remote *remote; /* NULL: lost for good */
	char *cwd;             /* on the server; absolute */
	char *start;           /* where cd without a path goes */
	bool interactive;      /* a person types: Ctrl-C ends a command, not the session */
	bool batch;            /* -b: the first failure ends it */
	bool quiet;
	bool progress; /* the meter is wanted */
	bool leave;    /* bye */
};

/* There is nothing sensible that a short-lived command could do without memory. */
void shell_no_memory(void) never_returns cold_path;

/* text, or the end without memory. */
char *shell_keep(char *text);

/* For char *text _cleanup_(shell_freep). */
void shell_freep(char **text);

/* A line to the complaints, after everything that was printed before; always false, so that a
 * command can tell and leave in one line. Text from outside must have been made safe. */
bool shell_fail(struct shell *s, const char *format, ...) printf_like(2, 3);

/* A line that -q leaves out. */
void shell_say(struct shell *s, const char *format, ...) printf_like(2, 3);

/*
 * A name, safe for a terminal, as sftp shows it: a backslash stays one, everything that isn't
 * printable is escaped. On the heap, never NULL.
 */
char *shell_safe(const char *name);

/* Why the server, or the line, said no, in sftp's words: "No such file or directory". Returns
 * dst. */
enum { SHELL_REASON_MAX = STORY_MAX };
const char *shell_reason(const struct ask_answer *a, char dst[SHELL_REASON_MAX]);

/* Tells of a refusal: before, the path made safe, after, ": " and the reason. Always false. */
bool shell_refused(struct shell *s, const char *before, const char *path, const char *after,
    const struct ask_answer *a);

/* The person wants it to stop, or the line is lost: no further request. */
bool shell_stops(const struct shell *s);

/*
 * What a command's path means on the server: relative to the directory; "~" and "~user" asked of
 * the server where it knows. As a pattern, the directory's own wildcards are made plain. On the
 * heap, never NULL.
 */
char *shell_remote_path(struct shell *s, const char *text);
char *shell_remote_pattern(struct shell *s, const char *text);

/* The same here: "~" is our home directory. */
char *shell_local_path(const char *text);

/*
 * Calls act for everything that fits the pattern (itself, when nothing does: then act fails, and
 * tells in its own words). All of it is done even if some fails. False if anything did.
 */
bool shell_for_each(struct shell *s, const char *pattern,
    bool (*act)(struct shell *s, const char *path, const void *ctx), const void *ctx);

/* What a destination's path that is no directory asks for: a pattern, and where to (NULL: here). */
bool shell_get_first(struct shell *s, const char *pattern, const char *target);

#endif
