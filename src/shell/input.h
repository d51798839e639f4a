/* Where a session's lines come from: a person with an editor, a file, or a pipe. */
#ifndef SHELL_INPUT_H
#define SHELL_INPUT_H

#include "base/buf.h"
#include "shell/shell.h"

enum input_outcome {
	INPUT_LINE,
	INPUT_END,        /* no more lines */
	INPUT_INTERRUPTED /* Ctrl-C, or another signal that asks us to stop */
};

struct input;

/* from: the batch, or standard input; borrowed. With s->interactive a line editor reads it. */
enum err input_new(struct input **ret_i, struct shell *s, FILE *from) must_check;

/*
 * The next line, without its end, in *ret_line, borrowed until the next call. One that is longer
 * than WORDS_LINE_MAX is given in full; words_split refuses it. ERR_IO: it can't be read.
 */
enum err input_next(
    struct input *i, struct slice *ret_line, enum input_outcome *ret_outcome) must_check;

/* NULL-safe. */
void input_free(struct input *i);

#endif
