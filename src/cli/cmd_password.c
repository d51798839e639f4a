/* dray key password: the hash of a password, as an account's `password` takes it. */
#include <errno.h>
#include <termios.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "os/password.h"

/* A line without its end, as it was typed or piped. Wiped by its owner. */
struct line {
	char text[PASSWORD_MAX + 2]; /* one byte more than a password may have, to see that */
	size_t len;
};

static void
line_wipe(struct line *line)
{
	explicit_bzero(line, sizeof *line);
}

/* Byte for byte: what stands behind the line is not ours, and no copy stays in a stream. */
static enum err
read_line(struct line *line)
{
	*line = (struct line){.len = 0};
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_last();
		if (n == 0 || c == '\n')
			return ERR_OK;
		if (line->len < sizeof line->text - 1)
			line->text[line->len++] = c;
	}
}

/* Asks on the terminal, which shows nothing of the answer. */
static enum err
ask(struct cli *cli, const char *prompt, struct line *line)
{
	struct termios before, silent;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return err_last();
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	/* First the silence: what is typed before the question is not the answer. */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return err_last();
	(void)fputs(prompt, cli->err);
	(void)fflush(cli->err);
	enum err e = read_line(line);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', cli->err);
	return e;
}

static enum cli_exit
ask_twice(struct cli *cli, struct line *line)
{
	struct line again _cleanup_(line_wipe);

	enum err e = ask(cli, "Password: ", line);
	if (e == ERR_OK)
		e = ask(cli, "Once more: ", &again);
	else
		again.len = 0;
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "cannot read from the terminal: %s", err_text(e));
	if (!slice_equal(slice_of(line->text, line->len), slice_of(again.text, again.len)))
		return cli_fail(cli, CLI_FAILED, "these are two different passwords");
	return CLI_OK;
}

static enum cli_exit
get_password(struct cli *cli, struct line *line)
{
	if (isatty(STDIN_FILENO))
		return ask_twice(cli, line);
	enum err e = read_line(line);
	return e == ERR_OK ? CLI_OK
			   : cli_fail(cli, CLI_FAILED, "cannot read the password: %s", err_text(e));
}

enum cli_exit
cmd_key_password(struct cli *cli)
{
	struct line line _cleanup_(line_wipe) = {.len = 0};
	char hash[PASSWORD_HASH_MAX];

	enum cli_exit code = get_password(cli, &line);
	if (code != CLI_OK)
		return code;
	enum err e = password_hash(slice_of(line.text, line.len), hash);
	if (e == ERR_INVALID)
		return cli_fail(cli, CLI_FAILED,
		    "a password has 1 to %d bytes, none of which is a NUL", PASSWORD_MAX);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "cannot hash the password: %s", err_text(e));
	if (cli->json) {
		json_t *o = json_new_object();
		json_put(o, "hash", json_new_text(slice_str(hash)));
		json_print_document(o, cli->out);
	} else {
		(void)fprintf(cli->out, "%s\n", hash);
	}
	return CLI_OK;
}
