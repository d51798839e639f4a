#include "cli/stdio_server.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/text.h"
#include "os/fd.h"

enum { END_WAIT_MS = 2000, END_STEP_MS = 5, SHOWN_MAX = 200 };

/* The command's words, in place. False when there are none, or too many. */
static bool
split_command(char *text, char *ret_argv[STDIO_SERVER_WORDS_MAX + 1])
{
	size_t n = 0;
	char *rest = text, *word;

	while ((word = strsep(&rest, " \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (n == STDIO_SERVER_WORDS_MAX)
			return false;
		ret_argv[n++] = word;
	}
	ret_argv[n] = NULL;
	return n > 0;
}

/* Our signals are ours: it gets the usual ones, none blocked, in a process group of its own. */
static int
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;

	(void)sigemptyset(&none);
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGPIPE);
	int failed = posix_spawnattr_setflags(
	    attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	failed = failed != 0 ? failed : posix_spawnattr_setpgroup(attributes, 0);
	failed = failed != 0 ? failed : posix_spawnattr_setsigmask(attributes, &none);
	return failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &usual);
}

/* 0, or an errno value. */
static int
spawn(char *const *argv, int line, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	int failed = set_attributes(&attributes);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO && failed == 0; fd++)
		failed = posix_spawn_file_actions_adddup2(&actions, line, fd);
	if (failed == 0)
		failed = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* Room for one more: those that have ended are forgotten. */
static void
reap_ended(struct stdio_servers *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (waitpid(s->pids[i], NULL, WNOHANG) == 0)
			s->pids[n++] = s->pids[i];
	}
	s->n = n;
}

enum err
stdio_server_start(struct stdio_servers *s, const char *command, int *ret_fd, struct story *story)
{
	char *argv[STDIO_SERVER_WORDS_MAX + 1], *text = strdup(command), shown[SHOWN_MAX];
	int fds[2];
	enum err e = ERR_OK;

	if (text == NULL)
		return story_fail(story, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	text_escape(slice_str(command), shown, sizeof shown);
	reap_ended(s);
	if (s->n == STDIO_SERVERS_MAX || !split_command(text, argv)) {
		free(text);
		return story_fail(
		    story, ERR_INVALID, "cannot start the SFTP server: \"%s\"", shown);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		free(text);
		return story_fail(
		    story, err_last(), "cannot make a socket pair: %s", err_text(err_last()));
	}
	int failed = spawn(argv, fds[1], &s->pids[s->n]);
	free(text);
	fd_closep(&fds[1]);
	if (failed != 0) {
		fd_closep(&fds[0]);
		e = err_from_errno(failed);
		return story_fail(
		    story, e, "cannot start the SFTP server: %s: %s", shown, err_text(e));
	}
	s->n++;
	*ret_fd = fds[0];
	return ERR_OK;
}

static void
end_one(pid_t pid)
{
	for (unsigned waited = 0; waited < END_WAIT_MS; waited += END_STEP_MS) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		(void)usleep(END_STEP_MS * 1000);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

void
stdio_servers_end(struct stdio_servers *s)
{
	for (size_t i = 0; i < s->n; i++)
		end_one(s->pids[i]);
	s->n = 0;
}
