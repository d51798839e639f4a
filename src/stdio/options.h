/* The command line of dray-sftp-server: the flags of OpenSSH's sftp-server(8). */
#ifndef STDIO_OPTIONS_H
#define STDIO_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/attr.h"
#include "stdio/report.h"

struct stdio_options {
	bool read_only;
	bool help;
	bool query_requests;   /* -Q requests */
	const char *denied;    /* -P: names with commas between, or NULL */
	const char *allowed;   /* -p: what isn't among them is denied, too; or NULL: all are */
	const char *start_dir; /* NULL: where we are */
	int umask;             /* -1: as it is */
	struct report_settings report;
};

/* False: told to standard error what is wrong with it. Borrows from argv. */
bool stdio_options_parse(int argc, char **argv, struct stdio_options *ret_o) must_check;

void stdio_options_usage(FILE *to);

#endif
