#include "shell/program.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/glob.h"
#include "os/fd.h"
#include "shell/shell.h"
#include "shell/words.h"

/* Each option of ours is two words at most for a program of -S. */
enum { PROGRAM_WORDS_MAX = WORDS_MAX + 2 * (LOGIN_OPTIONS_MAX + LOGIN_IDENTITIES_MAX) + 32 };

struct program {
	char *argv[PROGRAM_WORDS_MAX + 1];
	size_t n;
	pid_t pid; /* 0: none runs */
};

static void
add(struct program *p, const char *word)
{
	if (p->n < PROGRAM_WORDS_MAX)
		p->argv[p->n++] = shell_keep(strdup(word));
}

static void
add_pair(struct program *p, const char *option, const char *value)
{
	if (value == NULL)
		return;
	add(p, option);
	add(p, value);
}

/* -D: a program and its arguments, with quotes as in a command. */
static enum err
take_command(struct program *p, const char *text, struct story *story)
{
	struct words w _cleanup_(words_fini);
	enum err e = words_split(slice_str(text), &w, story);

	if (e != ERR_OK)
		return e;
	if (w.n == 0)
		return story_fail(story, ERR_INVALID, "-D needs a command");
	for (size_t i = 0; i < w.n; i++) {
		add(p, w.items[i].text);
		glob_unquote(p->argv[i]);
	}
	return ERR_OK;
}

static void
add_flags(struct program *p, const struct arguments *a)
{
	const struct {
		bool given;
		const char *word;
	} FLAGS[] = {
	    {a->login.family == AF_INET, "-4"},
	    {a->login.family == AF_INET6, "-6"},
	    {a->forward_agent, "-A"},
	    {a->compress, "-C"},
	    {a->quiet && !a->not_quiet && a->batch_file == NULL, "-q"},
	};

	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
		if (FLAGS[i].given)
			add(p, FLAGS[i].word);
	}
	for (unsigned i = 0; i < a->verbose && i < 3; i++)
		add(p, "-v");
}

/* -S: what sftp(1) tells ssh(1). A server's path is run as a command, a name is a subsystem. */
static void
take_ssh(struct program *p, const struct arguments *a)
{
	const struct login_options *o = &a->login;
	const char *server = o->subsystem == NULL ? "sftp" : o->subsystem;
	char port[8];

	add(p, a->program);
	add_pair(p, "-o", "ForwardX11=no");
	add_pair(p, "-o", "PermitLocalCommand=no");
	add_pair(p, "-o", "ClearAllForwardings=yes");
	add_flags(p, a);
	add_pair(p, "-F", o->config_file);
	for (size_t i = 0; i < o->n_options; i++)
		add_pair(p, "-o", o->options[i]);
	for (size_t i = 0; i < o->n_identities; i++)
		add_pair(p, "-i", o->identities[i]);
	add_pair(p, "-J", o->jump);
	add_pair(p, "-c", o->ciphers);
	add_pair(p, "-l", o->user);
	snprintf(port, sizeof port, "%u", o->port);
	add_pair(p, "-p", o->port == 0 ? NULL : port);
	if (strchr(server, '/') == NULL)
		add(p, "-s");
	add(p, "--");
	add(p, o->host);
	add(p, server);
}

enum err
program_new(struct program **ret_p, const struct arguments *arguments, struct story *story)
{
	struct program *p = calloc(1, sizeof *p);
	enum err e = ERR_OK;

	if (p == NULL)
		shell_no_memory();
	if (arguments->server_command != NULL)
		e = take_command(p, arguments->server_command, story);
	else
		take_ssh(p, arguments);
	if (e != ERR_OK) {
		program_free(p);
		return e;
	}
	*ret_p = p;
	return ERR_OK;
}

static void
reap(struct program *p)
{
	while (p->pid > 0 && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	p->pid = 0;
}

static void
become(const struct program *p, int fd)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
		execvp(p->argv[0], p->argv);
	dprintf(STDERR_FILENO, "exec: %s: %s\n", p->argv[0], strerror(errno));
	_exit(127);
}

enum err
program_start(struct program *p, int *ret_fd, struct story *story)
{
	int ours _cleanup_(fd_closep) = -1, theirs _cleanup_(fd_closep) = -1, pair[2];

	reap(p);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return story_fail(story, err_last(), "cannot make a socket: %s", strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	p->pid = fork();
	if (p->pid < 0)
		return story_fail(story, err_last(), "cannot start a process: %s", strerror(errno));
	if (p->pid == 0)
		become(p, theirs);
	*ret_fd = fd_take(&ours);
	return ERR_OK;
}

void
program_free(struct program *p)
{
	if (p == NULL)
		return;
	reap(p);
	for (size_t i = 0; i < p->n; i++)
		free(p->argv[i]);
	free(p);
}
