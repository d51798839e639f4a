#include "shell/session.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "shell/commands.h"
#include "shell/input.h"
#include "shell/shell.h"
#include "term/tty.h"

enum { PATH_BYTES_MAX = 64 * 1024, GO_ON = -1 };

static int
lost(struct shell *s, const char *story)
{
	if (story[0] != '\0')
		(void)shell_fail(s, "%s", story);
	(void)shell_fail(s, "Connection closed");
	return SHELL_LOST;
}

static bool
is_lost(const struct shell *s)
{
	return s->remote == NULL || remote_is_lost(s->remote);
}

static int
tell_lost(struct shell *s)
{
	return lost(s, s->remote == NULL ? "" : remote_lost_story(s->remote));
}

/* One command is through. GO_ON, or the status to leave with. */
static int
after_command(struct shell *s, const struct call *c, bool good)
{
	bool stopped = tty_interrupts() > 0;

	fflush(s->out);
	if (is_lost(s))
		return tell_lost(s);
	if (stopped && !s->interactive)
		return SHELL_FAILED;
	if (!good && s->batch && !c->go_on)
		return SHELL_FAILED;
	return s->leave ? SHELL_OK : GO_ON;
}

static void
echo(struct shell *s, struct slice line)
{
	char *text _cleanup_(shell_freep) = shell_keep(slice_dup(line));
	char *shown _cleanup_(shell_freep) = shell_safe(text);

	fprintf(s->out, "sftp> %s\n", shown);
}

static int
run_line(struct shell *s, struct slice line)
{
	struct call c _cleanup_(call_fini);
	struct story story;
	bool good;
	enum err e = call_parse(line, &c, &story);

	if (!s->interactive && !c.silent)
		echo(s, line);
	if (e != ERR_OK)
		good = shell_fail(s, "%s", story.text);
	else
		good = c.command == NULL || c.command->run(s, &c);
	return after_command(s, &c, good);
}

/* A terminal's Ctrl-C takes back what was typed; every other signal, or one to a batch, ends us. */
static int
after_interrupt(const struct shell *s)
{
	bool goes_on = s->interactive && tty_interrupt_signal() == SIGINT;

	return goes_on ? GO_ON : SHELL_FAILED;
}

static int
run_lines(struct shell *s, struct input *input)
{
	enum input_outcome outcome;
	struct slice line;
	int status = GO_ON;

	while (status == GO_ON) {
		if (s->interactive && tty_interrupt_signal() == SIGINT)
			tty_interrupt_clear();
		enum err e = input_next(input, &line, &outcome);
		if (e != ERR_OK) {
			(void)shell_fail(s, "Couldn't read a command: %s", err_text(e));
			return SHELL_FAILED;
		}
		if (is_lost(s))
			return tell_lost(s);
		if (outcome == INPUT_END)
			return SHELL_OK;
		status = outcome == INPUT_LINE ? run_line(s, line) : after_interrupt(s);
	}
	return status;
}

static int
run_input(struct shell *s, FILE *from)
{
	struct input *input;

	if (input_new(&input, s, from) != ERR_OK) {
		(void)shell_fail(s, "Couldn't read from the terminal");
		return SHELL_FAILED;
	}
	int status = run_lines(s, input);
	input_free(input);
	return status;
}

/* Where relative paths begin. */
static bool
find_start(struct shell *s)
{
	struct buf path _cleanup_(buf_fini);
	struct ask_answer a;

	buf_init(&path, PATH_BYTES_MAX);
	if (!ask_realpath(s->remote, slice_str("."), &path, &a))
		return shell_refused(s, "Need cwd: realpath \"", ".", "\"", &a);
	s->start = shell_keep(slice_dup(buf_slice(&path)));
	s->cwd = shell_keep(strdup(s->start));
	return true;
}

static bool
is_directory(struct shell *s, const char *path)
{
	struct sftp_attrs attrs;
	struct ask_answer a;

	return ask_stat(s->remote, slice_str(path), &attrs, &a) &&
	       (attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && S_ISDIR(attrs.permissions);
}

/* The destination's path: a directory to begin in, or something to be fetched, and that is all. */
static int
go_to_path(struct shell *s)
{
	const char *path = s->arguments->destination.path;

	if (path == NULL)
		return GO_ON;
	char *wanted _cleanup_(shell_freep) = shell_remote_path(s, path);
	if (s->arguments->local_path != NULL || !is_directory(s, wanted)) {
		bool good = shell_get_first(s, path, s->arguments->local_path);
		const struct call plain = {.flags = ""};
		s->leave = true;
		int status = after_command(s, &plain, good);
		return status == SHELL_OK && !good ? SHELL_FAILED : status;
	}
	const struct call cd = {.paths = {path}};
	if (!s->quiet) {
		char *shown _cleanup_(shell_freep) = shell_safe(wanted);
		(void)shell_fail(s, "Changing to: %s", shown);
	}
	return shell_cmd_cd(s, &cd) ? GO_ON : SHELL_FAILED;
}

static int
connect_first(struct shell *s)
{
	struct transport *t = NULL;
	struct story story = {.text = ""};

	if (connector_connect(s->connector, &t, &story) != TRANSPORT_LOGGED_IN)
		return lost(s, story.text);
	if (remote_new(&s->remote, t, connector_timeout_us(s->connector), &story) != ERR_OK)
		return lost(s, story.text);
	ask_set_interrupt(s->remote, tty_interrupt_fd());
	char *name _cleanup_(shell_freep) = shell_safe(connector_name(s->connector));
	if (!s->quiet)
		(void)shell_fail(s, "%s to %s.",
		    s->arguments->server_command != NULL ? "Attached" : "Connected", name);
	if (!find_start(s))
		return is_lost(s) ? tell_lost(s) : SHELL_LOST;
	return GO_ON;
}

static int
run_session(struct shell *s, FILE *from)
{
	int status = connect_first(s);

	if (status == GO_ON)
		status = go_to_path(s);
	if (status == GO_ON)
		status = run_input(s, from);
	return status;
}

static int
run_with(const struct arguments *a, FILE *from, FILE *out, FILE *err)
{
	struct shell s = {
	    .arguments = a,
	    .out = out,
	    .err = err,
	    .batch = a->batch_file != NULL,
	    .interactive = a->batch_file == NULL && tty_is(fileno(from)),
	    .quiet = a->quiet,
	    .progress = a->batch_file == NULL && !a->quiet,
	};
	struct story story = {.text = ""};
	int status = SHELL_LOST;

	if (connector_new(&s.connector, a, err, &story) != ERR_OK)
		(void)shell_fail(&s, "%s", story.text);
	else
		status = run_session(&s, from);
	remote_free(s.remote);
	connector_free(s.connector);
	free(s.cwd);
	free(s.start);
	return status;
}

int
shell_main(int argc, char *const *argv, FILE *out, FILE *err)
{
	struct arguments a _cleanup_(arguments_fini);
	struct story story;
	FILE *from = stdin;

	enum err e = arguments_parse(argc, argv, &a, &story);
	if (e != ERR_OK) {
		/* As sftp ends: 255 for a bad value, 1 with the usage. */
		fprintf(err, "%s\n%s", story.text, e == ERR_INVALID ? ARGUMENTS_USAGE : "");
		return e == ERR_INVALID ? SHELL_FAILED : SHELL_LOST;
	}
	if (a.batch_file != NULL && strcmp(a.batch_file, "-") != 0)
		from = fopen(a.batch_file, "re");
	if (from == NULL) {
		int why = errno;
		char *shown _cleanup_(shell_freep) = shell_safe(a.batch_file);
		fprintf(err, "%s (%s).\n", strerror(why), shown);
		return SHELL_LOST;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	e = tty_catch_interrupts();
	if (e != ERR_OK)
		fprintf(err, "cannot catch signals: %s\n", err_text(e));
	int status = e == ERR_OK ? run_with(&a, from, out, err) : SHELL_LOST;
	if (from != stdin)
		fclose(from);
	return status;
}
