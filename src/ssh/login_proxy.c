/*
 * A login's line through a program: ProxyCommand by a shell, ProxyJump by ssh -W. Its standard
 * input and output are one socket. It ends with the connection, at the latest with the login.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "os/fd.h"
#include "os/process.h"
#include "ssh/login_internal.h"

enum { ARGS_MAX = 16, ERRORS_MAX = 4096 };

struct command {
	const char *argv[ARGS_MAX + 1];
	size_t n;
	char text[SSHCONFIG_VALUE_MAX + 8]; /* "exec …", or where to (-W) */
	char jump[SSHCONFIG_VALUE_MAX];     /* the hops */
	char *hop;                          /* the last of them */
};

static void
add(struct command *c, const char *argument)
{
	if (c->n < ARGS_MAX)
		c->argv[c->n++] = argument;
}

/* "user@host:port" is no name that ssh takes, but the same as a URI is. */
static void
make_uri(struct command *c)
{
	char *at = strchr(c->hop, '@');
	const char *port = strrchr(at == NULL ? c->hop : at, ':');
	static const char SCHEME[] = "ssh://";
	size_t len = strlen(c->hop);

	if (port == NULL || strncmp(c->hop, SCHEME, sizeof SCHEME - 1) == 0 ||
	    (size_t)(c->hop - c->jump) + len + sizeof SCHEME > sizeof c->jump)
		return;
	memmove(c->hop + sizeof SCHEME - 1, c->hop, len + 1);
	memcpy(c->hop, SCHEME, sizeof SCHEME - 1);
}

/* As OpenSSH runs itself: the last hop is who it connects to, those before it are for -J. Options
 * other than -F are not handed on. */
static void
make_jump(const struct login *l, struct command *c)
{
	(void)snprintf(c->jump, sizeof c->jump, "%s", l->c.proxy_jump);
	c->hop = strrchr(c->jump, ',');
	add(c, "ssh");
	if (l->config_file != NULL) {
		add(c, "-F");
		add(c, l->config_file);
	}
	for (unsigned i = 0; i < l->verbose && i < 3; i++)
		add(c, "-v");
	if (c->hop != NULL) {
		*c->hop++ = '\0';
		add(c, "-J");
		add(c, c->jump);
	} else {
		c->hop = c->jump;
	}
	make_uri(c);
	(void)snprintf(c->text, sizeof c->text, "[%s]:%u", l->c.host_name, (unsigned)l->c.port);
	add(c, "-W");
	add(c, c->text);
	add(c, "--");
	add(c, c->hop);
}

static void
make_command(const struct login *l, struct command *c)
{
	(void)snprintf(c->text, sizeof c->text, "exec %s", l->c.proxy_command);
	add(c, "/bin/sh");
	add(c, "-c");
	add(c, c->text);
}

static void
become(const struct command *c, int line, int errors, pid_t parent)
{
	char *argv[ARGS_MAX + 1] = {NULL};
	sigset_t none;

	for (size_t i = 0; i < c->n; i++)
		argv[i] = slice_dup(slice_str(c->argv[i]));
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C is for us to act on: a command is broken off, the line stays. */
	(void)signal(SIGINT, SIG_IGN);
	if (!process_die_with_parent(parent) || dup2(line, STDIN_FILENO) < 0 ||
	    dup2(line, STDOUT_FILENO) < 0 || (errors >= 0 && dup2(errors, STDERR_FILENO) < 0))
		_exit(127);
	(void)execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Those that have ended make room. */
static void
reap(struct login *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_proxies; i++) {
		if (waitpid(l->proxies[i].pid, NULL, WNOHANG) == 0)
			l->proxies[kept++] = l->proxies[i];
		else
			fd_closep(&l->proxies[i].stderr_fd);
	}
	l->n_proxies = kept;
}

static void
end_proxy(struct login_proxy *p)
{
	(void)kill(p->pid, SIGHUP);
	for (int i = 0; i < 20; i++) {
		if (waitpid(p->pid, NULL, WNOHANG) != 0)
			goto gone;
		(void)usleep(10 * 1000);
	}
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
gone:
	fd_closep(&p->stderr_fd);
}

void
login_proxies_fini(struct login *l)
{
	for (size_t i = 0; i < l->n_proxies; i++)
		end_proxy(&l->proxies[i]);
	l->n_proxies = 0;
}

/* The pipe's writing end doesn't block: who reads nothing must not stop a program that complains a
 * lot. */
static enum err
spawn(struct login *l, const struct command *c, int line, struct login_proxy *ret)
{
	int pipe_fds[2] = {-1, -1};
	pid_t parent = getpid();

	if (l->verbose == 0 && (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0))
		return err_last();
	pid_t pid = fork();
	if (pid == 0)
		become(c, line, pipe_fds[1], parent);
	enum err e = pid < 0 ? err_last() : ERR_OK;
	fd_closep(&pipe_fds[1]);
	if (e != ERR_OK)
		fd_closep(&pipe_fds[0]);
	*ret = (struct login_proxy){.pid = pid, .stderr_fd = pipe_fds[0]};
	return e;
}

enum err
login_connect_proxy(struct login *l, int *ret_fd, struct story *story)
{
	struct command *c = calloc(1, sizeof *c);
	int ours _cleanup_(fd_closep) = -1, theirs _cleanup_(fd_closep) = -1;
	int pair[2];

	reap(l);
	if (c == NULL || l->n_proxies == LOGIN_PROXIES_MAX) {
		free(c);
		return story_fail(story, ERR_LIMIT, "too many connections through a proxy");
	}
	if (l->c.proxy_jump != NULL)
		make_jump(l, c);
	else
		make_command(l, c);
	enum err e =
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? err_last() : ERR_OK;
	if (e == ERR_OK) {
		ours = pair[0];
		theirs = pair[1];
		e = spawn(l, c, theirs, &l->proxies[l->n_proxies]);
	}
	free(c);
	if (e != ERR_OK)
		return story_fail(story, e, "the proxy can't be started: %s", err_text(e));
	l->n_proxies++;
	*ret_fd = fd_take(&ours);
	return ERR_OK;
}

/* The last line that isn't empty. */
static struct slice
last_line(struct slice text)
{
	struct slice line, last = {0};

	while (text.len > 0) {
		text = slice_cut(text, '\n', &line);
		line = slice_trim(line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		last = line.len > 0 ? line : last;
	}
	return last;
}

void
login_proxy_failed(struct login *l, struct story *story)
{
	char text[ERRORS_MAX], shown[200], before[STORY_MAX];
	ssize_t n = 0, got = 0;

	if (l->n_proxies == 0)
		return;
	struct login_proxy p = l->proxies[--l->n_proxies];
	int errors _cleanup_(fd_closep) = p.stderr_fd;
	p.stderr_fd = -1;
	end_proxy(&p);
	/* What it wrote last is at the end of what may be more than we hold. */
	while (errors >= 0 && (n = read(errors, text, sizeof text)) > 0)
		got = n;
	struct slice last = last_line(slice_of(text, (size_t)got));
	if (last.len == 0 || story == NULL)
		return;
	(void)snprintf(before, sizeof before, "%s", story->text);
	story_set(
	    story, "%.300s (the proxy says: %s)", before, text_escape(last, shown, sizeof shown));
}
