/* dray transfers: one line for each transfer, the newest first. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/missing.h"
#include "cli/out.h"
#include "ledger/state.h"

struct listing {
	struct cli *cli;
	struct table table;
	uint64_t n_rows, last_id;
};

/* A file's name may be as long as it likes, so it comes last and is in nothing's way. */
static const struct table_column COLUMNS[] = {{"ID", true}, {"ROUTE", false}, {"STATE", false},
    {"SIZE", true}, {"CHANGED", false}, {"TROUBLE", false}, {"FILE", false}};

/* The beginning of a trouble: the whole is in dray trace, and in JSON. */
enum { TROUBLE_WIDTH = 60 };

/* Where it is from. What an account uploads is named by where it was put: its folder and path. */
static void
add_file(struct table *t, const struct ipc_ctl_transfer *transfer)
{
	bool is_upload = transfer->route.len == 0 && transfer->published.len > 0;
	char *source _cleanup_(out_freep) = out_safe(transfer->source);
	char *path _cleanup_(out_freep) =
	    out_safe(is_upload ? transfer->published : transfer->path);
	char *file _cleanup_(out_freep) = NULL;

	if (asprintf(&file, "%s:%s", source, path) < 0)
		cli_no_memory();
	table_add(t, file);
}

/* A row of the table: people see it when the widths are known, after the last one. */
static void
add_row(struct listing *l, const struct ipc_ctl_transfer *t)
{
	char text[TIME_TEXT_MAX], size[16];

	table_add_u64(&l->table, t->id);
	table_add_text(&l->table, t->route.len == 0 ? slice_str("-") : t->route);
	table_add_text(&l->table, t->state);
	table_add(&l->table, text_size(t->size, size));
	table_add(&l->table, out_distance(t->changed_us, l->cli->now_us, text));
	table_add_cut(&l->table, t->trouble, TROUBLE_WIDTH);
	add_file(&l->table, t);
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
ask(struct cli *cli, const struct control_daemon *daemon, struct listing *l,
    const struct ipc_ctl_transfers *body)
{
	struct ipc_ctl_transfers page = *body;
	struct control_question q = {.type = IPC_CTL_TRANSFERS,
	    .body = &page,
	    .silence_us = CONTROL_SILENCE_S * US_PER_SEC,
	    .row = take_row,
	    .ctx = l};
	struct control_answer answer;
	uint64_t n_before;

	do {
		n_before = l->n_rows;
		page.before = l->last_id;
		if (body->limit > 0)
			page.limit = body->limit - (uint32_t)n_before;
		enum cli_exit code = control_ask_for(cli, daemon, &q, &answer);
		if (code != CLI_OK)
			return code;
	} while (
	    answer.more && l->n_rows > n_before && (body->limit == 0 || l->n_rows < body->limit));
	return CLI_OK;
}

/*
 * Nothing was listed. A route that there isn't is said to be one; but those of a route that was
 * taken out of the configuration can still be listed.
 */
static enum cli_exit
tell_none(struct cli *cli, const struct config *config)
{
	const char *route = cli->options.route;
	struct story story;

	if (route != NULL && config != NULL &&
	    config_find_route(config, slice_str(route)) == NULL) {
		missing_route(config, route, &story);
		return cli_fail(cli, CLI_NOT_FOUND, "%s", story.text);
	}
	if (!cli->json)
		fputs("No transfers.\n", cli->out);
	return CLI_OK;
}

static enum cli_exit
list(struct cli *cli, struct listing *l, const struct ipc_ctl_transfers *body)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};

	enum cli_exit code = control_find(cli, &daemon);
	if (code == CLI_OK)
		code = ask(cli, &daemon, l, body);
	if (code == CLI_OK && l->n_rows == 0)
		return tell_none(cli, daemon.config);
	/* What came is shown in any case; the exit code says that it isn't all. */
	if (table_rows(&l->table) > 0)
		table_print(&l->table, cli->out);
	if (code == CLI_OK && body->limit > 0 && table_rows(&l->table) == body->limit)
		fprintf(cli->out, "There may be more: --limit 0 shows all.\n");
	return code;
}

static enum cli_exit
check_options(struct cli *cli, const char *route, const char *state)
{
	enum transfer_state parsed;
	struct story story;

	if (state[0] == '\0' || transfer_state_parse(slice_str(state), &parsed))
		return cli_check_length(cli, "route's name", route, IPC_NAME_MAX);
	missing_state(state, &story);
	return cli_fail(cli, CLI_USAGE, "%s", story.text);
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

	enum cli_exit code = check_options(cli, route, state);
	if (code != CLI_OK)
		return code;
	table_init(&l.table, COLUMNS, ARRAY_LEN(COLUMNS));
	code = list(cli, &l, &body);
	table_fini(&l.table);
	return code;
}
