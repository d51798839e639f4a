/*
 * The command line of dray sftp: the letters of sftp(1), which are not those of dray's other
 * commands ("-c" is a cipher here, "-P" a port).
 */
#ifndef SHELL_ARGUMENTS_H
#define SHELL_ARGUMENTS_H

#include "shell/destination.h"
#include "ssh/login.h"

struct arguments {
	struct login_options login; /* strings are borrowed from argv, or from destination */
	struct destination destination;
	const char *server_command;   /* -D: a local server instead of a connection; NULL */
	const char *program;          /* -S: a program that connects, as ssh(1); NULL */
	const char *batch_file;       /* -b; "-": standard input; NULL: none */
	const char *local_path;       /* the second operand: where a fetched file goes; NULL */
	bool forward_agent, compress; /* -A, -C: only a program of -S is told */
	bool resume, fsync, preserve, recursive;
	bool quiet;     /* -q and -b, but not with -N */
	bool not_quiet; /* -N */
	unsigned verbose;
	uint32_t request_len, requests; /* -B, -R; 0: what the server and the line allow */
	uint64_t bytes_per_second;      /* -l; 0: no limit */
};

enum {
	ARGUMENTS_REQUEST_MAX =
	    4 * 1024 * 1024, /* of -B: more is no error, the server's limit is */
	ARGUMENTS_REQUESTS_MAX = 4096,
	ARGUMENTS_LIMIT_MAX = 100 * 1024 * 1024 /* Kbit/s, as sftp has it */
};

/* argv[0] is passed over. With a story: ERR_INVALID for a line that has to be written in another
 * way, ERR_FORMAT for a value that can't be. arguments_fini in every case. */
enum err arguments_parse(
    int argc, char *const *argv, struct arguments *ret_a, struct story *story) must_check;
void arguments_fini(struct arguments *a);

/* The lines that say how it is used. */
extern const char ARGUMENTS_USAGE[];

#endif
