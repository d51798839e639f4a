/*
 * The line editor of an interactive session: libedit, with history in memory and completion. While
 * a person thinks the connection is served, so that it stays alive and its end is noticed.
 */
#ifndef SHELL_EDITOR_H
#define SHELL_EDITOR_H

#include "shell/input.h"

struct editor;

enum err editor_new(struct editor **ret_e, struct shell *s, FILE *from) must_check;
/* As input_next. */
enum err editor_next(
    struct editor *e, struct slice *ret_line, enum input_outcome *ret_outcome) must_check;
/* The terminal is as it was. NULL-safe. */
void editor_free(struct editor *e);

#endif
