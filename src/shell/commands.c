#include "shell/commands.h"

#define ONE_PATH  "You must specify a path"
#define A_PATH    "You must specify at least one path"
#define TWO_PATHS "You must specify two paths"
#define NO_ARGS         \
	{               \
		ARG_END \
	}
#define REMOTE                      \
	{                           \
		ARG_REMOTE, ARG_END \
	}
#define REMOTE_GLOB                      \
	{                                \
		ARG_REMOTE_GLOB, ARG_END \
	}
#define LOCAL                      \
	{                          \
		ARG_LOCAL, ARG_END \
	}
#define TWO_REMOTE                              \
	{                                       \
		ARG_REMOTE, ARG_REMOTE, ARG_END \
	}
#define DOWN                                        \
	{                                           \
		ARG_REMOTE_GLOB, ARG_LOCAL, ARG_END \
	}
#define UP                                          \
	{                                           \
		ARG_LOCAL_GLOB, ARG_REMOTE, ARG_END \
	}

enum { MODE_MAX = 07777, UMASK_MAX = 0777 };

/* In the order in which help lists them. */
const struct shell_command SHELL_COMMANDS[] = {
    {.name = "bye", .usage = "", .summary = "Quit sftp", .run = shell_cmd_bye},
    {.name = "cd",
	.usage = "path",
	.summary = "Change remote directory to 'path'",
	.arguments = REMOTE,
	.run = shell_cmd_cd},
    {.name = "chdir", .arguments = REMOTE, .run = shell_cmd_cd},
    {.name = "chgrp",
	.usage = "[-h] grp path",
	.summary = "Change group of file 'path' to 'grp'",
	.flags = "h",
	.arguments = {ARG_DECIMAL, ARG_REMOTE_GLOB, ARG_END},
	.least = 2,
	.missing = ONE_PATH,
	.number_max = UINT32_MAX,
	.run = shell_cmd_chgrp},
    {.name = "chmod",
	.usage = "[-h] mode path",
	.summary = "Change permissions of file 'path' to 'mode'",
	.flags = "h",
	.arguments = {ARG_OCTAL, ARG_REMOTE_GLOB, ARG_END},
	.least = 2,
	.missing = ONE_PATH,
	.number_max = MODE_MAX,
	.run = shell_cmd_chmod},
    {.name = "chown",
	.usage = "[-h] own path",
	.summary = "Change owner of file 'path' to 'own'",
	.flags = "h",
	.arguments = {ARG_DECIMAL, ARG_REMOTE_GLOB, ARG_END},
	.least = 2,
	.missing = ONE_PATH,
	.number_max = UINT32_MAX,
	.run = shell_cmd_chown},
    {.name = "copy",
	.usage = "oldpath newpath",
	.summary = "Copy remote file",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.run = shell_cmd_copy},
    {.name = "cp",
	.usage = "oldpath newpath",
	.summary = "Copy remote file",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.run = shell_cmd_copy},
    {.name = "df",
	.usage = "[-hi] [path]",
	.summary = "Display statistics for current directory or\nfilesystem containing 'path'",
	.flags = "hi",
	.arguments = REMOTE,
	.run = shell_cmd_df},
    {.name = "dir", .flags = "1afhlnrSt", .arguments = REMOTE_GLOB, .run = shell_cmd_ls},
    {.name = "exit", .usage = "", .summary = "Quit sftp", .run = shell_cmd_bye},
    {.name = "get",
	.usage = "[-afpR] remote [local]",
	.summary = "Download file",
	.flags = "afpPrR",
	.arguments = DOWN,
	.least = 1,
	.missing = A_PATH,
	.run = shell_cmd_get},
    {.name = "help", .usage = "", .summary = "Display this help text", .run = shell_cmd_help},
    {.name = "lcd",
	.usage = "path",
	.summary = "Change local directory to 'path'",
	.arguments = LOCAL,
	.run = shell_cmd_lcd},
    {.name = "lchdir", .arguments = LOCAL, .run = shell_cmd_lcd},
    {.name = "lls",
	.usage = "[ls-options [path]]",
	.summary = "Display local directory listing",
	.arguments = {ARG_LOCAL_GLOB, ARG_END},
	.raw = true,
	.run = shell_cmd_lls},
    {.name = "lmkdir",
	.usage = "path",
	.summary = "Create local directory",
	.arguments = LOCAL,
	.least = 1,
	.missing = ONE_PATH,
	.run = shell_cmd_lmkdir},
    {.name = "ln",
	.usage = "[-s] oldpath newpath",
	.summary = "Link remote file (-s for symlink)",
	.flags = "s",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.run = shell_cmd_ln},
    {.name = "lpwd",
	.usage = "",
	.summary = "Print local working directory",
	.run = shell_cmd_lpwd},
    {.name = "ls",
	.usage = "[-1afhlnrSt] [path]",
	.summary = "Display remote directory listing",
	.flags = "1afhlnrSt",
	.arguments = REMOTE_GLOB,
	.run = shell_cmd_ls},
    {.name = "lumask",
	.usage = "umask",
	.summary = "Set local umask to 'umask'",
	.arguments = {ARG_OCTAL, ARG_END},
	.least = 1,
	.number_max = UMASK_MAX,
	.run = shell_cmd_lumask},
    {.name = "mget",
	.flags = "afpPrR",
	.arguments = DOWN,
	.least = 1,
	.missing = A_PATH,
	.run = shell_cmd_get},
    {.name = "mkdir",
	.usage = "path",
	.summary = "Create remote directory",
	.arguments = REMOTE,
	.least = 1,
	.missing = ONE_PATH,
	.run = shell_cmd_mkdir},
    {.name = "mput",
	.flags = "afpPrR",
	.arguments = UP,
	.least = 1,
	.missing = A_PATH,
	.run = shell_cmd_put},
    {.name = "mv",
	.flags = "l",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.run = shell_cmd_rename},
    {.name = "progress",
	.usage = "",
	.summary = "Toggle display of progress meter",
	.run = shell_cmd_progress},
    {.name = "put",
	.usage = "[-afpR] local [remote]",
	.summary = "Upload file",
	.flags = "afpPrR",
	.arguments = UP,
	.least = 1,
	.missing = A_PATH,
	.run = shell_cmd_put},
    {.name = "pwd",
	.usage = "",
	.summary = "Display remote working directory",
	.run = shell_cmd_pwd},
    {.name = "quit", .usage = "", .summary = "Quit sftp", .run = shell_cmd_bye},
    {.name = "reget",
	.usage = "[-fpR] remote [local]",
	.summary = "Resume download file",
	.flags = "fpPrR",
	.arguments = DOWN,
	.least = 1,
	.missing = A_PATH,
	.implied = "a",
	.run = shell_cmd_get},
    {.name = "rename",
	.usage = "[-l] oldpath newpath",
	.summary = "Rename remote file (-l: never over another)",
	.flags = "l",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.run = shell_cmd_rename},
    {.name = "reput",
	.usage = "[-fpR] local [remote]",
	.summary = "Resume upload file",
	.flags = "fpPrR",
	.arguments = UP,
	.least = 1,
	.missing = A_PATH,
	.implied = "a",
	.run = shell_cmd_put},
    {.name = "rm",
	.usage = "path",
	.summary = "Delete remote file",
	.arguments = REMOTE_GLOB,
	.least = 1,
	.missing = ONE_PATH,
	.run = shell_cmd_rm},
    {.name = "rmdir",
	.usage = "path",
	.summary = "Remove remote directory",
	.arguments = REMOTE,
	.least = 1,
	.missing = ONE_PATH,
	.run = shell_cmd_rmdir},
    {.name = "symlink",
	.usage = "oldpath newpath",
	.summary = "Symlink remote file",
	.arguments = TWO_REMOTE,
	.least = 2,
	.missing = TWO_PATHS,
	.implied = "s",
	.run = shell_cmd_ln},
    {.name = "version", .usage = "", .summary = "Show SFTP version", .run = shell_cmd_version},
    {.name = "!command",
	.usage = "",
	.summary = "Execute 'command' in local shell",
	.raw = true,
	.run = shell_cmd_escape},
    {.name = "!",
	.usage = "",
	.summary = "Escape to local shell",
	.raw = true,
	.run = shell_cmd_escape},
    {.name = "?", .usage = "", .summary = "Synonym for help", .run = shell_cmd_help},
};
const size_t N_SHELL_COMMANDS = sizeof SHELL_COMMANDS / sizeof SHELL_COMMANDS[0];

const struct shell_command *
shell_command_find(struct slice name)
{
	for (size_t i = 0; i < N_SHELL_COMMANDS; i++) {
		const char *known = SHELL_COMMANDS[i].name;
		if (name.len == strlen(known) &&
		    strncasecmp(known, (const char *)name.ptr, name.len) == 0)
			return &SHELL_COMMANDS[i];
	}
	return NULL;
}

enum { HELP_COLUMN = 35 };

void
shell_help(FILE *to)
{
	fputs("Available commands:\n", to);
	for (size_t i = 0; i < N_SHELL_COMMANDS; i++) {
		const struct shell_command *c = &SHELL_COMMANDS[i];
		struct slice line, rest;
		if (c->usage == NULL)
			continue;
		int width =
		    fprintf(to, "%s%s%s", c->name, c->usage[0] == '\0' ? "" : " ", c->usage);
		for (rest = slice_str(c->summary); rest.len > 0; width = 0) {
			rest = slice_cut(rest, '\n', &line);
			fprintf(to, "%*s%.*s\n", HELP_COLUMN - width, "", SLICE_ARG(line));
		}
	}
}
