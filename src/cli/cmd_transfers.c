/* dray transfers: one line for each transfer, the newest first. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/out.h"

struct listing {
	struct cli *cli;
	struct table table;
	uint64_t n_rows, last_id;
};

static const struct table_column COLUMNS[] = {{"ID", true}, {"ROUTE", false}, {"STATE", false},
    {"SIZE", true}, {"CHANGED", false}, {"FILE", false}, {"TROUBLE", false}};

/* A row of the table: people see it when the widths are known, after the last one. */
static void
add_row(struct listing *l, const struct ipc_ctl_transfer *t)
{
	char *source _cleanup_(out_freep) = out_safe(t->source);
	char *path _cleanup_(out_freep) = out_safe(t->path);
	char *file _cleanup_(out_freep) = NULL;
	char text[TIME_TEXT_MAX], size[16];

	if (asprintf(&file, "%s:%s", source, path) < 0)
		cli_no_memory();
	table_add_u64(&l->table, t->id);
	table_add_text(&l->table, t->route.len == 0 ? slice_str("-") : t->route);
	table_add_text(&l->table, t->state);
	table_add(&l->table, text_size(t->size, size));
	table_add(&l->table, out_distance(t->changed_us, l->cli->now_us, text));
	table_add(&l->table, file);
	table_add_story(&l->table, t->trouble);
}

static void
take_row(void *ctx, const struct ipc_message *m)
{
	struct listing *l = ctx;

	if (m->type != IPC_CTL_TRANSFER)
		return;
	l->n_rows++;
	l->last_id = m->ctl_transfer.id;
	if (l->cli->json)
		json_print_line(json_new_row(m), l->cli->out);
	else
		add_row(l, &m->ctl_transfer);
}

/* Page after page, until there is no more or the limit is reached. A page without a row is the
 * last. */
static enum cli_exit
ask(struct cli *cli, const struct config *config, struct listing *l,
    const struct ipc_ctl_transfers *body)
{
	struct ipc_ctl_transfers page = *body;
	struct control_question q = {
	    IPC_CTL_TRANSFERS, &page, CONTROL_SILENCE_S * US_PER_SEC, take_row, l};
	struct control_answer answer;
	uint64_t n_before;

	do {
		n_before = l->n_rows;
		page.before = l->last_id;
		if (body->limit > 0)
			page.limit = body->limit - (uint32_t)n_before;
		enum cli_exit code = control_ask_for(cli, config, &q, &answer);
		if (code != CLI_OK)
			return code;
	} while (
	    answer.more && l->n_rows > n_before && (body->limit == 0 || l->n_rows < body->limit));
	return CLI_OK;
}

static enum cli_exit
list(struct cli *cli, struct listing *l, const struct ipc_ctl_transfers *body)
{
	struct config *config _cleanup_(config_unrefp) = NULL;

	enum cli_exit code = cli_load_config(cli, &config);
	if (code == CLI_OK)
		code = ask(cli, config, l, body);
	if (cli->json)
		return code;
	/* What came is shown in any case; the exit code says that it isn't all. */
	if (table_rows(&l->table) > 0)
		table_print(&l->table, cli->out);
	else if (code == CLI_OK)
		fputs("No transfers.\n", cli->out);
	if (code == CLI_OK && body->limit > 0 && table_rows(&l->table) == body->limit)
		fprintf(cli->out, "There may be more: --limit 0 shows all.\n");
	return code;
}

enum cli_exit
cmd_transfers(struct cli *cli)
{
	const struct options *o = &cli->options;
	const char *route = o->route == NULL ? "" : o->route;
	const char *state = o->state == NULL ? "" : o->state;
	struct ipc_ctl_transfers body = {
	    .route = slice_str(route), .state = slice_str(state), .limit = (uint32_t)o->limit};
	struct listing l = {.cli = cli};

	enum cli_exit code = cli_check_length(cli, "route's name", route, IPC_NAME_MAX);
	if (code == CLI_OK)
		code = cli_check_length(cli, "state's name", state, IPC_NAME_MAX);
	if (code != CLI_OK)
		return code;
	table_init(&l.table, COLUMNS, ARRAY_LEN(COLUMNS));
	code = list(cli, &l, &body);
	table_fini(&l.table);
	return code;
}
