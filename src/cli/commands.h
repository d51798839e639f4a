/* The commands of dray, as one table: parsing, help and the manual's test are made from it. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

struct command {
	const char *words; /* one or two: "status", "key new" */
	/* Their names. One in brackets may be left out, one with "…" behind it be repeated. */
	const char *arguments;
	const char *summary;
	uint64_t options; /* bits of enum option_id, beside OPTIONS_GENERAL */
	enum cli_exit (*run)(struct cli *cli);
	/* Instead of run: it reads its command line itself, argv[0] being its own word; its result
	 * is the process's. */
	int (*run_line)(struct cli *cli, int argc, char *const *argv);
};

extern const struct command COMMANDS[];
extern const size_t N_COMMANDS;

/*
 * The command that the words begin with, and in *ret_n_words how many of them are its own. NULL
 * with a story, when there is none.
 */
const struct command *command_find(
    const char *const *words, size_t n_words, size_t *ret_n_words, struct story *story);

/* False, with a story, when the command doesn't take so many arguments. */
bool command_takes(const struct command *c, size_t n_arguments, struct story *story) must_check;

/* How the command is written, "[-c FILE] trace ID|PATH": with its own options, or "[OPTIONS]" where
 * they are many; ready to be printed. */
enum { COMMAND_USAGE_MAX = 160, COMMAND_OPTIONS_SHOWN = 4 };
const char *command_usage(const struct command *c, char dst[COMMAND_USAGE_MAX]);

enum cli_exit cmd_check(struct cli *cli);
enum cli_exit cmd_status(struct cli *cli);
enum cli_exit cmd_transfers(struct cli *cli);
enum cli_exit cmd_trace(struct cli *cli);
enum cli_exit cmd_run(struct cli *cli);
enum cli_exit cmd_retry(struct cli *cli);
enum cli_exit cmd_bans(struct cli *cli);
enum cli_exit cmd_key_new(struct cli *cli);
enum cli_exit cmd_key_show(struct cli *cli);
enum cli_exit cmd_key_list(struct cli *cli);
enum cli_exit cmd_key_password(struct cli *cli);
enum cli_exit cmd_host_scan(struct cli *cli);
enum cli_exit cmd_host_trust(struct cli *cli);
enum cli_exit cmd_host_list(struct cli *cli);
enum cli_exit cmd_get(struct cli *cli);
enum cli_exit cmd_put(struct cli *cli);
enum cli_exit cmd_sync(struct cli *cli);
enum cli_exit cmd_ls(struct cli *cli);
enum cli_exit cmd_stat(struct cli *cli);
enum cli_exit cmd_sum(struct cli *cli);
enum cli_exit cmd_rm(struct cli *cli);
enum cli_exit cmd_mv(struct cli *cli);
enum cli_exit cmd_mkdir(struct cli *cli);
enum cli_exit cmd_version(struct cli *cli);
enum cli_exit cmd_help(struct cli *cli);

/* The help of one command, or of all (NULL), to `to`. */
void help_print(FILE *to, const struct command *c);

#endif
