/* dray bans: the addresses that are turned away, and an end of it. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/rows.h"

static void
keep_row(void *ctx, const struct ipc_message *m)
{
	if (m->type == IPC_CTL_BAN)
		rows_add(ctx, m);
}

static void
print_table(struct cli *cli, const struct rows *rows)
{
	static const struct table_column COLUMNS[] = {
	    {"ADDRESS", false}, {"UNTIL", false}, {"IN A ROW", true}};
	struct table t _cleanup_(table_fini);
	char distance[TIME_TEXT_MAX];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_BAN)
	{
		const struct ipc_ctl_ban *b = &row->m.ctl_ban;
		table_add_text(&t, b->address);
		table_add(&t, out_distance(b->until_us, cli->now_us, distance));
		table_add_u64(&t, b->n_bans);
	}
	if (table_rows(&t) > 0)
		table_print(&t, cli->out);
	else
		fputs("No address is banned.\n", cli->out);
}

/* message is escaped already, when it was received. */
static void
print_answer(struct cli *cli, const struct rows *rows, const char *message)
{
	if (!cli->json) {
		if (option_given(&cli->options, OPTION_LIFT))
			fprintf(cli->out, "%s\n", message);
		else
			print_table(cli, rows);
		return;
	}
	json_t *doc = json_new_object(), *array = json_new_array();
	ROWS_FOREACH(row, rows, IPC_CTL_BAN)
	{
		json_push(array, json_new_row(&row->m));
	}
	json_put(doc, "bans", array);
	json_put(doc, "message", json_string(message));
	json_print_document(doc, cli->out);
}

static enum cli_exit
ask(struct cli *cli, const char *lift, struct rows *rows, struct control_answer *ret_answer)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};
	struct ipc_ctl_bans body = {.lift = slice_str(lift)};
	struct story missing, about;
	char *shown _cleanup_(out_freep) = out_safe(body.lift);

	enum cli_exit code = control_find(cli, &daemon);
	if (code != CLI_OK)
		return code;
	story_set(&missing, "%s is not banned", shown);
	story_set(&about, "%s", shown);
	return control_ask_for(cli, &daemon,
	    &(struct control_question){
		.type = IPC_CTL_BANS,
		.body = &body,
		.silence_us = CONTROL_SILENCE_S * US_PER_SEC,
		.row = keep_row,
		.ctx = rows,
		.missing = missing.text,
		.about = about.text,
	    },
	    ret_answer);
}

enum cli_exit
cmd_bans(struct cli *cli)
{
	const char *lift = cli->options.lift == NULL ? "" : cli->options.lift;
	struct rows rows _cleanup_(rows_fini);
	struct control_answer answer;

	rows_init(&rows);
	enum cli_exit code = cli_check_length(cli, "address", lift, IPC_ADDRESS_MAX);
	if (code == CLI_OK)
		code = ask(cli, lift, &rows, &answer);
	if (code == CLI_OK)
		print_answer(cli, &rows, answer.message);
	return code;
}
