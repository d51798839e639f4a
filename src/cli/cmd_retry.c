/* dray retry: a transfer that was given up, once more. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"

#include <inttypes.h>

enum { SHOWN_MAX = 80 };

static void
print_answer(struct cli *cli, uint64_t transfer, const struct control_answer *answer)
{
	if (cli->json) {
		json_t *doc = json_new_object();
		json_put(doc, "transfer", json_new_u64(transfer));
		/* Escaped already, when it was received. */
		json_put(doc, "message", json_string(answer->message));
		json_print_document(doc, cli->out);
		return;
	}
	fprintf(cli->out, "transfer %" PRIu64 ": it is tried again", transfer);
	if (answer->message[0] != '\0')
		fprintf(cli->out, ": %s", answer->message);
	fputc('\n', cli->out);
}

static enum cli_exit
ask(struct cli *cli, const struct ipc_ctl_retry *body, struct control_answer *ret_answer)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};
	struct story missing, about;

	enum cli_exit code = control_find(cli, &daemon);
	if (code != CLI_OK)
		return code;
	story_set(&missing, "there is no transfer %" PRIu64, body->transfer);
	story_set(&about, "transfer %" PRIu64, body->transfer);
	return control_ask_for(cli, &daemon,
	    &(struct control_question){
		.type = IPC_CTL_RETRY,
		.body = body,
		.silence_us = CONTROL_SILENCE_S * US_PER_SEC,
		.missing = missing.text,
		.about = about.text,
	    },
	    ret_answer);
}

enum cli_exit
cmd_retry(struct cli *cli)
{
	struct slice number = slice_str(cli->arguments[0]);
	struct ipc_ctl_retry body = {.transfer = 0};
	struct control_answer answer;
	char shown[SHOWN_MAX];

	if (!text_to_u64(number, INT64_MAX, &body.transfer))
		return cli_fail(cli, CLI_USAGE,
		    "\"%s\" is no transfer's number (dray transfers tells them)",
		    text_escape(number, shown, sizeof shown));
	enum cli_exit code = ask(cli, &body, &answer);
	if (code == CLI_OK)
		print_answer(cli, body.transfer, &answer);
	return code;
}
