/* A session of dray sftp, from its command line to its exit status. */
#ifndef SHELL_SESSION_H
#define SHELL_SESSION_H

#include <stdio.h>

/* As sftp(1) ends: 255 when there is no connection, or no more. */
enum { SHELL_OK = 0, SHELL_FAILED = 1, SHELL_LOST = 255 };

/*
 * argv[0] is passed over. Commands come from the standard input, or from -b's file. Catches the
 * signals of a person who wants to stop; transport_library_load must have been called.
 */
int shell_main(int argc, char *const *argv, FILE *out, FILE *err);

#endif
