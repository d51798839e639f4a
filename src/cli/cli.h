/*
 * The dray command as a function: a command line in, an exit code and text on two streams out. What
 * every command needs is in struct cli; each command is one function in a file of its own.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "cli/exit.h"
#include "cli/options.h"
#include "config/config.h"

struct cli {
	FILE *out;      /* answers */
	FILE *err;      /* complaints, and nothing else */
	int64_t now_us; /* for "3m ago"; the same moment for a whole answer */
	bool json;
	struct options options;
	const char *const *arguments; /* the words after the command's own */
	size_t n_arguments;
};

/* Runs one command line. The caller sets out, err and now_us. */
enum cli_exit cli_run(struct cli *cli, int argc, char *const *argv);

/* Writes "dray: …" to the complaints, and returns code. Text from outside must be escaped. */
enum cli_exit cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
    printf_like(3, 4);

/* The configuration file's path: -c, $DRAY_CONFIG, ./dray.yaml, /etc/dray/dray.yaml. */
const char *cli_config_path(const struct cli *cli);

/* Loads it, or tells every error in it: CLI_CONFIG. The caller ends it with config_unref. */
enum cli_exit cli_load_config(struct cli *cli, struct config **ret_config) must_check;

/* Tells the errors that config_load found, or e when it found none; returns CLI_CONFIG. */
enum { CLI_CONFIG_ERRORS_MAX = 64 * 1024 };
enum cli_exit cli_fail_config(struct cli *cli, enum err e, const struct buf *errors);

/* Fails with CLI_USAGE when text, an argument called `what`, has more than max bytes. */
enum cli_exit cli_check_length(
    struct cli *cli, const char *what, const char *text, size_t max) must_check;

/* "dray: no remote is called "x" …": for a name that the configuration doesn't know. */
enum cli_exit cli_no_such(struct cli *cli, const char *what, const char *name);

/* There is nothing sensible that a short-lived command could do without memory. */
void cli_no_memory(void) never_returns cold_path;

#endif
