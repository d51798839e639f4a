/*
 * Completion of a line that is being typed: of commands' names in the first word, then of names on
 * either side, as the command's row says for that argument.
 */
#ifndef SHELL_COMPLETE_H
#define SHELL_COMPLETE_H

#include "base/buf.h"
#include "base/slice.h"

enum { COMPLETE_INSERT_MAX = 64 * 1024, COMPLETE_CANDIDATES_MAX = 10 * 1000 };

/* Where names come from: calls told for each name in the directory ("" for the one we are in). */
enum complete_side { COMPLETE_REMOTE, COMPLETE_LOCAL };
typedef void complete_told_fn(void *told_ctx, const char *name, bool is_directory);
typedef void complete_names_fn(void *ctx, enum complete_side side, const char *directory,
    complete_told_fn *told, void *told_ctx);

struct completion {
	struct buf insert; /* what is to be written at the cursor; may be empty */
	char **names;      /* more than one: what it may become; sorted */
	size_t n_names;
};

/* line: what stands before the cursor. completion_fini in every case. */
void complete_line(struct slice line, complete_names_fn *names, void *ctx, struct completion *ret);
void completion_fini(struct completion *c);

#endif
