/*
 * A program whose standard input and output are the SFTP stream: a server (-D), or a program that
 * understands ssh(1)'s options and connects to one (-S).
 */
#ifndef SHELL_PROGRAM_H
#define SHELL_PROGRAM_H

#include "shell/arguments.h"

struct program;

/* The command line is put together from the arguments, which are borrowed. */
enum err program_new(
    struct program **ret_p, const struct arguments *arguments, struct story *story) must_check;

/* Starts it, after the end of an earlier one; *ret_fd is our end of its line. Ctrl-C at the
 * terminal doesn't reach it. */
enum err program_start(struct program *p, int *ret_fd, struct story *story) must_check;

/* Waits for its end: it has to see that its line is closed. NULL-safe. */
void program_free(struct program *p);

#endif
