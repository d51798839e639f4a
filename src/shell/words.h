/*
 * The words of a command line, as sftp(1) takes a line apart: blanks separate, '…' and "…" hold
 * together, a backslash takes its meaning from the next byte, "#" outside of quotes begins a
 * comment.
 *
 * A word comes out as a pattern: what was quoted of "*", "?", "[" and "\" has a backslash before
 * it, so that only what stood bare is a wildcard. Who wants a plain name takes the backslashes out
 * (glob_unquote of client/glob.h).
 */
#ifndef SHELL_WORDS_H
#define SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { WORDS_MAX = 128, WORDS_LINE_MAX = 32 * 1024 };

/* The quote that a line leaves open: for completion, which goes on writing in it. */
enum words_quote { WORDS_BARE = 0, WORDS_SINGLE = '\'', WORDS_DOUBLE = '"' };

struct word {
	const char *text; /* the pattern; terminated */
	size_t start;     /* where it begins in the line, its quote with it */
	size_t end;       /* one past its last byte there */
};

struct words {
	struct word items[WORDS_MAX];
	size_t n;
	char *text;            /* all of them */
	enum words_quote open; /* the quote that isn't closed */
	bool ended;            /* a blank (or a comment) follows the last word */
};

/*
 * ERR_LIMIT: too long, or too many words; ERR_FORMAT: a 0 in it, or a quote that isn't closed
 * (then the words are there all the same). With a story. words_fini in every case.
 */
enum err words_split(struct slice line, struct words *ret_w, struct story *story) must_check;
void words_fini(struct words *w);

/* Appends name so that, read again by words_split, it is this very name and no pattern. quote: the
 * quote in which it is going to stand. */
enum err words_quote_name(struct buf *b, struct slice name, enum words_quote quote) must_check;

#endif
