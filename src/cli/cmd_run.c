/* dray run: a route's run, now instead of at its time. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/out.h"

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

enum cli_exit
cmd_run(struct cli *cli)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	struct ipc_ctl_run body = {
	    .route = slice_str(cli->arguments[0]), .wait = (cli->options.given & OPTION_WAIT) != 0};
	struct control_answer answer;

	enum cli_exit code = cli_check_length(cli, "route's name", cli->arguments[0], IPC_NAME_MAX);
	if (code == CLI_OK)
		code = cli_load_config(cli, &config);
	/* A run takes as long as its files do: with --wait there is no limit to the silence. */
	if (code == CLI_OK)
		code = control_ask_for(cli, config,
		    &(struct control_question){IPC_CTL_RUN, &body,
			body.wait ? 0 : CONTROL_SILENCE_S * US_PER_SEC, NULL, NULL},
		    &answer);
	if (code == CLI_OK)
		print_answer(cli, &body, &answer);
	return code;
}
