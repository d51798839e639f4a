/* dray run: a route's run, now instead of at its time. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/missing.h"
#include "cli/out.h"

enum { SHOWN_MAX = 160 };

static void
print_answer(struct cli *cli, const struct ipc_ctl_run *body, const struct control_answer *answer)
{
	if (cli->json) {
		json_t *doc = json_new_object();
		json_put(doc, "route", json_new_text(body->route));
		json_put(doc, "ended", json_boolean(body->wait));
		/* Escaped already, when it was received. */
		json_put(doc, "message", json_string(answer->message));
		json_print_document(doc, cli->out);
		return;
	}
	fputs("route ", cli->out);
	out_text(cli->out, body->route);
	fputs(body->wait ? ": the run has ended" : ": the run was started", cli->out);
	if (answer->message[0] != '\0')
		fprintf(cli->out, ": %s", answer->message);
	fputc('\n', cli->out);
}

/* A run takes as long as its files do: with --wait there is no limit to the silence. */
static enum cli_exit
ask(struct cli *cli, const struct control_daemon *daemon, const struct ipc_ctl_run *body,
    struct control_answer *ret_answer)
{
	const char *route = cli->arguments[0];
	struct story missing, about;
	char shown[SHOWN_MAX];

	missing_route(daemon->config, route, &missing);
	story_set(&about, "route %s", text_escape(slice_str(route), shown, sizeof shown));
	return control_ask_for(cli, daemon,
	    &(struct control_question){
		.type = IPC_CTL_RUN,
		.body = body,
		.silence_us = body->wait ? 0 : CONTROL_SILENCE_S * US_PER_SEC,
		.missing = missing.text,
		.about = about.text,
	    },
	    ret_answer);
}

enum cli_exit
cmd_run(struct cli *cli)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};
	struct ipc_ctl_run body = {.route = slice_str(cli->arguments[0]),
	    .wait = option_given(&cli->options, OPTION_WAIT)};
	struct control_answer answer;

	enum cli_exit code = cli_check_length(cli, "route's name", cli->arguments[0], IPC_NAME_MAX);
	if (code == CLI_OK)
		code = control_find(cli, &daemon);
	if (code == CLI_OK)
		code = ask(cli, &daemon, &body, &answer);
	if (code == CLI_OK)
		print_answer(cli, &body, &answer);
	return code;
}
