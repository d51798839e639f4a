#include "shell/connect.h"

#include "base/clock.h"
#include "shell/program.h"
#include "shell/shell.h"
#include "term/tty.h"

enum { ANSWER_DUE_S = 300 };

struct connector {
	const struct arguments *arguments;
	FILE *err;
	struct login *login;     /* NULL: a program */
	struct program *program; /* NULL: login */
};

static enum err
ui_ask(void *ctx unused_arg, const char *prompt, bool echo, struct buf *ret_answer)
{
	return tty_ask(prompt, echo, ret_answer);
}

static bool
ui_confirm(void *ctx, const char *question, const char *fingerprint)
{
	struct connector *c = ctx;
	struct buf answer _cleanup_(buf_fini);
	const char *prompt = question;

	/* Anything but the two is asked again, so that a slip doesn't count as trust or refusal. */
	for (;;) {
		buf_init(&answer, 256);
		if (tty_ask(prompt, true, &answer) != ERR_OK)
			return false;
		struct slice said = slice_trim(buf_slice(&answer));
		if (slice_is(said, "no"))
			return false;
		if (slice_is(said, "yes") || (fingerprint != NULL && slice_is(said, fingerprint)))
			return true;
		buf_fini(&answer);
		prompt = "Please type 'yes', 'no' or the fingerprint: ";
		fflush(c->err);
	}
}

static void
ui_tell(void *ctx, unsigned level, const char *text)
{
	struct connector *c = ctx;

	if (level == 0 ? c->arguments->quiet && c->arguments->verbose == 0
		       : level > c->arguments->verbose)
		return;
	fprintf(c->err, "%s\n", text);
}

static enum err
open_login(struct connector *c, struct story *story)
{
	const struct login_ui ui = {
	    .ask = tty_present() ? ui_ask : NULL,
	    .confirm = tty_present() ? ui_confirm : NULL,
	    .tell = ui_tell,
	    .ctx = c,
	};

	return login_new(&c->login, &c->arguments->login, &ui, story);
}

enum err
connector_new(
    struct connector **ret_c, const struct arguments *arguments, FILE *err, struct story *story)
{
	struct connector *c = calloc(1, sizeof *c);
	enum err e;

	if (c == NULL)
		shell_no_memory();
	c->arguments = arguments;
	c->err = err;
	if (arguments->server_command != NULL || arguments->program != NULL)
		e = program_new(&c->program, arguments, story);
	else
		e = open_login(c, story);
	if (e != ERR_OK) {
		connector_free(c);
		return e;
	}
	*ret_c = c;
	return ERR_OK;
}

enum transport_outcome
connector_connect(struct connector *c, struct transport **ret_t, struct story *story)
{
	struct transport_facts facts;
	int fd;

	if (c->login != NULL)
		return login_connect(c->login, ret_t, &facts, story);
	if (program_start(c->program, &fd, story) != ERR_OK ||
	    transport_plain_new(ret_t, fd) != ERR_OK)
		return TRANSPORT_LOCAL_FAILURE;
	return TRANSPORT_LOGGED_IN;
}

bool
connector_may_again(const struct connector *c)
{
	return c->arguments->server_command == NULL;
}

const char *
connector_name(const struct connector *c)
{
	return c->arguments->server_command != NULL ? c->arguments->server_command
						    : c->arguments->destination.host;
}

int64_t
connector_timeout_us(const struct connector *c unused_arg)
{
	return ANSWER_DUE_S * US_PER_SEC;
}

void
connector_free(struct connector *c)
{
	if (c == NULL)
		return;
	login_free(c->login);
	program_free(c->program);
	free(c);
}
