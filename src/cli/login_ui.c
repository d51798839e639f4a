#include "cli/login_ui.h"

#include <unistd.h>

#include "term/tty.h"

enum { TRIES = 3, CONFIRM_MAX = 128, PROMPT_MAX = 2048 };

bool
login_ui_may_ask(const struct cli *cli)
{
	return !option_given(&cli->options, OPTION_BATCH) && tty_is(STDIN_FILENO) && tty_present();
}

static enum err
ask(void *ctx unused_arg, const char *prompt, bool echo, struct buf *ret_answer)
{
	return tty_ask(prompt, echo, ret_answer);
}

static bool
confirm(void *ctx unused_arg, const char *question, const char *fingerprint)
{
	char prompt[PROMPT_MAX];

	(void)snprintf(prompt, sizeof prompt, "%s ", question);
	for (int i = 0; i < TRIES; i++) {
		struct buf answer _cleanup_(buf_fini);
		buf_init(&answer, CONFIRM_MAX);
		enum err e = tty_ask(prompt, true, &answer);
		struct slice said = slice_trim(buf_slice(&answer));
		if (e != ERR_OK && e != ERR_LIMIT)
			return false;
		if (slice_is(said, "yes") || (fingerprint != NULL && slice_is(said, fingerprint)))
			return true;
		if (slice_is(said, "no"))
			return false;
		(void)snprintf(prompt, sizeof prompt, "\"yes\", \"no\" or the fingerprint: ");
	}
	return false;
}

static void
tell(void *ctx, unsigned level, const char *text)
{
	const struct remote_session *s = ctx;
	const struct options *o = &s->cli->options;

	if (level > o->verbose || (level == 0 && option_given(o, OPTION_QUIET)))
		return;
	progress_say(s->progress, s->cli->err, "%s", text);
}

struct login_ui
login_ui_of(struct remote_session *s)
{
	bool may_ask = login_ui_may_ask(s->cli);

	return (struct login_ui){.ask = may_ask ? ask : NULL,
	    .confirm = may_ask ? confirm : NULL,
	    .tell = tell,
	    .ctx = s};
}
