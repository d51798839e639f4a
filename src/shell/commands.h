/*
 * The commands of dray sftp, as one table: parsing, help, completion and the manual's test are made
 * from it. A row says which flags a command takes and what its words are; parsing checks them, and
 * `run` does it.
 */
#ifndef SHELL_COMMANDS_H
#define SHELL_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "shell/words.h"

struct shell;
struct call;

/* What a word of a command is; decides how it is checked, unquoted and completed. */
enum argument_kind {
	ARG_END = 0,
	ARG_REMOTE, /* one name on the server: no wildcards */
	ARG_REMOTE_GLOB,
	ARG_LOCAL,
	ARG_LOCAL_GLOB,
	ARG_OCTAL, /* a number */
	ARG_DECIMAL,
	ARG_TEXT /* anything: taken as it stands */
};

enum { CALL_PATHS_MAX = 2, CALL_FLAGS_MAX = 16, COMMAND_ARGUMENTS_MAX = 3 };

struct shell_command {
	const char *name;
	const char *usage;   /* flags and arguments, for help; NULL: an alias, not listed */
	const char *summary; /* a line feed in it begins another line */
	const char *flags;   /* letters that it takes */
	enum argument_kind arguments[COMMAND_ARGUMENTS_MAX];
	unsigned least;      /* so many of the arguments must be there */
	const char *missing; /* what is said of one that isn't, before " after a … command." */
	const char *implied; /* flags that it has always (reget is get -a) */
	uint32_t number_max;
	bool raw; /* the rest of the line is the shell's business, unread (lls) */
	/* False: it failed, and said why. */
	bool (*run)(struct shell *s, const struct call *c);
};

extern const struct shell_command SHELL_COMMANDS[];
extern const size_t N_SHELL_COMMANDS;

/* One line, understood. Text lives as long as the call. */
struct call {
	const struct shell_command *command; /* NULL: an empty line, or a comment */
	char flags[CALL_FLAGS_MAX];          /* letters, in the order given, each once */
	const char *paths[CALL_PATHS_MAX];   /* NULL: not given. Patterns for _GLOB, else plain */
	uint32_t number;
	struct slice rest; /* raw: what stands behind the command's name; borrowed from the line */
	bool go_on;        /* "-": a failure doesn't end the batch */
	bool silent;       /* "@": the line isn't echoed */
	struct words words;
};

/*
 * Takes a line apart and checks it. ERR_INVALID, ERR_FORMAT, ERR_LIMIT with a story in sftp's
 * words; go_on and silent are right even then. call_fini in every case.
 */
enum err call_parse(struct slice line, struct call *ret_c, struct story *story) must_check;
void call_fini(struct call *c);

/* Was the flag given? */
bool call_has(const struct call *c, char letter);

/* The one of these flags that was given last; 0: none. */
char call_last_of(const struct call *c, const char *letters);

/* The command of that name, in whatever case; NULL: none. */
const struct shell_command *shell_command_find(struct slice name);

/* Writes the list of commands. */
void shell_help(FILE *to);

/* cmd_*.c */
bool shell_cmd_bye(struct shell *s, const struct call *c);
bool shell_cmd_cd(struct shell *s, const struct call *c);
bool shell_cmd_chgrp(struct shell *s, const struct call *c);
bool shell_cmd_chmod(struct shell *s, const struct call *c);
bool shell_cmd_chown(struct shell *s, const struct call *c);
bool shell_cmd_copy(struct shell *s, const struct call *c);
bool shell_cmd_df(struct shell *s, const struct call *c);
bool shell_cmd_escape(struct shell *s, const struct call *c);
bool shell_cmd_get(struct shell *s, const struct call *c);
bool shell_cmd_help(struct shell *s, const struct call *c);
bool shell_cmd_lcd(struct shell *s, const struct call *c);
bool shell_cmd_lls(struct shell *s, const struct call *c);
bool shell_cmd_lmkdir(struct shell *s, const struct call *c);
bool shell_cmd_ln(struct shell *s, const struct call *c);
bool shell_cmd_lpwd(struct shell *s, const struct call *c);
bool shell_cmd_ls(struct shell *s, const struct call *c);
bool shell_cmd_lumask(struct shell *s, const struct call *c);
bool shell_cmd_mkdir(struct shell *s, const struct call *c);
bool shell_cmd_progress(struct shell *s, const struct call *c);
bool shell_cmd_put(struct shell *s, const struct call *c);
bool shell_cmd_pwd(struct shell *s, const struct call *c);
bool shell_cmd_rename(struct shell *s, const struct call *c);
bool shell_cmd_rm(struct shell *s, const struct call *c);
bool shell_cmd_rmdir(struct shell *s, const struct call *c);
bool shell_cmd_version(struct shell *s, const struct call *c);

#endif
