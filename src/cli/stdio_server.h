/*
 * -D: an SFTP server that is started here, with its standard input and output as the line. One
 * process for each connection.
 */
#ifndef CLI_STDIO_SERVER_H
#define CLI_STDIO_SERVER_H

#include <sys/types.h>

#include "base/err.h"

enum { STDIO_SERVERS_MAX = 32, STDIO_SERVER_WORDS_MAX = 64 };

struct stdio_servers {
	pid_t pids[STDIO_SERVERS_MAX];
	size_t n;
};

/*
 * Starts command (a program, found along PATH, and its arguments, separated by blanks). *ret_fd is
 * our end of its line: whoever has it closes it. Ctrl-C at the terminal doesn't reach the server:
 * what is under way shall end in order.
 */
enum err stdio_server_start(
    struct stdio_servers *s, const char *command, int *ret_fd, struct story *story) must_check;

/* Waits for their ends; the lines must be closed. A server that doesn't see that is ended. */
void stdio_servers_end(struct stdio_servers *s);

#endif
