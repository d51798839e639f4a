/* dray status: the gateway at a glance; what is stuck, and why. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/missing.h"
#include "cli/out.h"
#include "cli/rows.h"
#include "cli/stuck.h"
#include "cli/usage.h"

#include <inttypes.h>

static void
keep_row(void *ctx, const struct ipc_message *m)
{
	struct rows *rows = ctx;

	rows_add(rows, m);
}

static json_t *
array_of(const struct rows *rows, enum ipc_type type)
{
	json_t *array = json_new_array();

	ROWS_FOREACH(row, rows, type)
	{
		json_push(array, json_new_row(&row->m));
	}
	return array;
}

static void
print_json(struct cli *cli, const struct rows *rows)
{
	const struct row *gateway = rows_next(rows, IPC_CTL_GATEWAY, NULL);
	json_t *doc = json_new_object();

	json_put(doc, "gateway", gateway == NULL ? json_null() : json_new_row(&gateway->m));
	json_put(doc, "addresses", array_of(rows, IPC_CTL_ADDRESS));
	json_put(doc, "routes", array_of(rows, IPC_CTL_ROUTE));
	json_put(doc, "remotes", array_of(rows, IPC_CTL_REMOTE));
	json_put(doc, "sessions", array_of(rows, IPC_CTL_SESSION));
	json_put(doc, "bans", array_of(rows, IPC_CTL_BAN));
	json_put(doc, "folders", array_of(rows, IPC_CTL_FOLDER));
	json_put(doc, "accounts", array_of(rows, IPC_CTL_ACCOUNT));
	json_put(doc, "stuck", array_of(rows, IPC_CTL_TRANSFER));
	json_print_document(doc, cli->out);
}

static void
print_gateway(struct cli *cli, const struct ipc_ctl_gateway *g)
{
	char span[24], since[TIME_TEXT_MAX];
	bool sane = g->started_us > 0 && g->started_us <= cli->now_us;
	int64_t age_us = sane ? cli->now_us - g->started_us : 0;

	fputs("drayd ", cli->out);
	out_text(cli->out, g->version);
	fprintf(cli->out, ", process %" PRIu32 ", up for %s, since %s\n", g->pid,
	    text_duration(age_us, span), out_moment(g->started_us, since));
	fputs("configuration ", cli->out);
	out_text(cli->out, g->config);
	if (g->landlock > 0)
		fprintf(cli->out, "\nLandlock version %" PRIu32 "\n", g->landlock);
	else
		fputs("\nno Landlock in this kernel: roles are confined by seccomp and an "
		      "empty root alone\n",
		    cli->out);
}

static void
print_addresses(struct cli *cli, const struct rows *rows)
{
	ROWS_FOREACH(row, rows, IPC_CTL_ADDRESS)
	{
		if (!row->m.ctl_address.listening)
			continue;
		fputs("listening on ", cli->out);
		out_text(cli->out, row->m.ctl_address.address);
		fputc('\n', cli->out);
	}
}

/* Is the route's remote one that nobody connects to until an operator has looked? */
static bool
is_stopped(const struct rows *rows, const struct ipc_ctl_route *r)
{
	struct slice remote;

	(void)slice_cut(r->from, ':', &remote);
	ROWS_FOREACH(row, rows, IPC_CTL_REMOTE)
	{
		if (slice_equal(row->m.ctl_remote.name, remote))
			return slice_starts_with(row->m.ctl_remote.condition, slice_str("stopped"));
	}
	return false;
}

static const char *
next_run(struct cli *cli, const struct rows *rows, const struct ipc_ctl_route *r,
    char dst[TIME_TEXT_MAX])
{
	/* None is planned while one is under way. */
	if (r->next_run_us == 0)
		return "-";
	/* Its timer goes on, but such a run ends before it has begun. */
	if (is_stopped(rows, r))
		return "when the remote goes on";
	return out_distance(r->next_run_us, cli->now_us, dst);
}

static void
print_routes(struct cli *cli, const struct rows *rows)
{
	static const struct table_column COLUMNS[] = {{"ROUTE", false}, {"FROM", false},
	    {"CONDITION", false}, {"LAST RUN", false}, {"NEXT RUN", false}, {"WAITING", true},
	    {"DONE", true}, {"FAILED", true}};
	struct table t _cleanup_(table_fini);
	char distance[TIME_TEXT_MAX];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_ROUTE)
	{
		const struct ipc_ctl_route *r = &row->m.ctl_route;
		table_add_text(&t, r->name);
		table_add_text(&t, r->from);
		table_add_text(&t, r->condition);
		table_add(&t, out_distance(r->last_run_us, cli->now_us, distance));
		table_add(&t, next_run(cli, rows, r, distance));
		table_add_u64(&t, r->n_waiting);
		table_add_u64(&t, r->n_done);
		table_add_u64(&t, r->n_failed);
	}
	if (table_rows(&t) > 0) {
		fputc('\n', cli->out);
		table_print(&t, cli->out);
	}
}

static void
print_remotes(struct cli *cli, const struct rows *rows)
{
	static const struct table_column COLUMNS[] = {
	    {"REMOTE", false}, {"ADDRESS", false}, {"CONDITION", false}, {"SINCE", false}};
	struct table t _cleanup_(table_fini);
	char distance[TIME_TEXT_MAX];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_REMOTE)
	{
		const struct ipc_ctl_remote *r = &row->m.ctl_remote;
		table_add_text(&t, r->name);
		table_add_text(&t, r->address);
		table_add_text(&t, r->condition);
		table_add(
		    &t, r->since_us == 0 ? "" : out_distance(r->since_us, cli->now_us, distance));
	}
	if (table_rows(&t) > 0) {
		fputc('\n', cli->out);
		table_print(&t, cli->out);
	}
}

static void
print_sessions(struct cli *cli, const struct rows *rows)
{
	static const struct table_column COLUMNS[] = {
	    {"SESSION", true}, {"ACCOUNT", false}, {"PEER", false}, {"SINCE", false}};
	struct table t _cleanup_(table_fini);
	char distance[TIME_TEXT_MAX];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_SESSION)
	{
		const struct ipc_ctl_session *s = &row->m.ctl_session;
		table_add_u64(&t, s->session);
		/* Connected, but not logged in yet. */
		table_add_text(&t, s->account.len == 0 ? slice_str("-") : s->account);
		table_add_text(&t, s->peer);
		table_add(&t, out_distance(s->since_us, cli->now_us, distance));
	}
	if (table_rows(&t) > 0) {
		fputc('\n', cli->out);
		table_print(&t, cli->out);
	}
}

static void
print_bans(struct cli *cli, const struct rows *rows)
{
	unsigned n = 0;

	ROWS_FOREACH(row, rows, IPC_CTL_BAN)
	{
		n++;
	}
	if (n > 0)
		fprintf(cli->out, "\n%u address%s turned away: dray bans lists them\n", n,
		    n == 1 ? " is" : "es are");
}

static void
print_page(struct cli *cli, const struct rows *rows)
{
	ROWS_FOREACH(row, rows, IPC_CTL_GATEWAY)
	{
		print_gateway(cli, &row->m.ctl_gateway);
	}
	print_addresses(cli, rows);
	print_routes(cli, rows);
	print_remotes(cli, rows);
	print_sessions(cli, rows);
	print_bans(cli, rows);
	usage_print(rows, cli->out);
	stuck_print(rows, cli->now_us, cli->out);
}

static enum cli_exit
ask(struct cli *cli, const char *route, struct rows *rows)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};
	struct ipc_ctl_status body = {.route = slice_str(route)};
	struct control_answer answer;
	struct story missing;

	enum cli_exit code = control_find(cli, &daemon);
	if (code != CLI_OK)
		return code;
	missing_route(daemon.config, route, &missing);
	return control_ask_for(cli, &daemon,
	    &(struct control_question){
		.type = IPC_CTL_STATUS,
		.body = &body,
		.silence_us = CONTROL_SILENCE_S * US_PER_SEC,
		.row = keep_row,
		.ctx = rows,
		.missing = missing.text,
	    },
	    &answer);
}

enum cli_exit
cmd_status(struct cli *cli)
{
	struct rows rows _cleanup_(rows_fini);
	const char *route = cli->n_arguments > 0 ? cli->arguments[0] : "";

	rows_init(&rows);
	enum cli_exit code = cli_check_length(cli, "route's name", route, IPC_NAME_MAX);
	if (code == CLI_OK)
		code = ask(cli, route, &rows);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		print_json(cli, &rows);
	else
		print_page(cli, &rows);
	return CLI_OK;
}
