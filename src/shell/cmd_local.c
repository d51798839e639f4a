/* This side: directories, the shell, switches of the session. */
#include "shell/commands.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/paths.h"
#include "shell/shell.h"

enum { LOCAL_DIRECTORY_MODE = 0777 };

bool
shell_cmd_lpwd(struct shell *s, const struct call *c unused_arg)
{
	char *path _cleanup_(shell_freep) = getcwd(NULL, 0);

	if (path == NULL)
		return shell_fail(s, "Couldn't get local cwd: %s", strerror(errno));
	char *shown _cleanup_(shell_freep) = shell_safe(path);
	fprintf(s->out, "Local working directory: %s\n", shown);
	return true;
}

bool
shell_cmd_lcd(struct shell *s, const struct call *c)
{
	bool somewhere = c->paths[0] != NULL && c->paths[0][0] != '\0';
	char *path _cleanup_(shell_freep) = shell_local_path(somewhere ? c->paths[0] : "~");
	char *shown _cleanup_(shell_freep) = shell_safe(path);

	if (chdir(path) == 0)
		return true;
	return shell_fail(
	    s, "Couldn't change local directory to \"%s\": %s", shown, strerror(errno));
}

bool
shell_cmd_lmkdir(struct shell *s, const struct call *c)
{
	char *path _cleanup_(shell_freep) = shell_local_path(c->paths[0]);
	char *shown _cleanup_(shell_freep) = shell_safe(path);

	if (mkdir(path, LOCAL_DIRECTORY_MODE) == 0)
		return true;
	return shell_fail(s, "Couldn't create local directory \"%s\": %s", shown, strerror(errno));
}

bool
shell_cmd_lumask(struct shell *s, const struct call *c)
{
	(void)umask((mode_t)c->number);
	fprintf(s->out, "Local umask: %03o\n", c->number);
	return true;
}

bool
shell_cmd_progress(struct shell *s, const struct call *c unused_arg)
{
	s->progress = !s->progress;
	fprintf(s->out, "Progress meter %s\n", s->progress ? "enabled" : "disabled");
	return true;
}

static void
become_shell(const char *command)
{
	const char *shell = getenv("SHELL");

	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (shell == NULL || shell[0] == '\0')
		shell = "/bin/sh";
	if (command == NULL)
		execl(shell, shell, (char *)NULL);
	else
		execl(shell, shell, "-c", command, (char *)NULL);
	dprintf(STDERR_FILENO, "Couldn't execute \"%s\": %s\n", shell, strerror(errno));
	_exit(1);
}

/* The terminal's Ctrl-C is meant for the child alone, however often it comes. */
static int
wait_for_shell(pid_t pid)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	int status = 0;

	(void)sigaction(SIGINT, &ignore, &before);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	(void)sigaction(SIGINT, &before, NULL);
	return status;
}

/* NULL: a shell to type into. How it ends is told and is no failure of ours, as with sftp: a batch
 * goes on. */
static bool
run_in_shell(struct shell *s, const char *command)
{
	fflush(s->out);
	fflush(s->err);
	pid_t pid = fork();
	if (pid < 0)
		return shell_fail(s, "Couldn't fork: %s", strerror(errno));
	if (pid == 0)
		become_shell(command);
	int status = wait_for_shell(pid);
	if (!WIFEXITED(status))
		(void)shell_fail(s, "Shell exited abnormally");
	else if (WEXITSTATUS(status) != 0)
		(void)shell_fail(s, "Shell exited with status %d", WEXITSTATUS(status));
	return true;
}

bool
shell_cmd_escape(struct shell *s, const struct call *c)
{
	char *command _cleanup_(shell_freep) = shell_keep(slice_dup(c->rest));

	return run_in_shell(s, command[0] == '\0' ? NULL : command);
}

bool
shell_cmd_lls(struct shell *s, const struct call *c)
{
	char *command _cleanup_(shell_freep) = NULL;

	if (asprintf(&command, "ls%s%.*s", c->rest.len == 0 ? "" : " ", SLICE_ARG(c->rest)) < 0)
		shell_no_memory();
	return run_in_shell(s, command);
}
