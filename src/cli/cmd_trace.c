/* dray trace: one file's way, told as a story. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/missing.h"
#include "cli/out.h"
#include "cli/rows.h"

#include <inttypes.h>

/* What the ledger's events mean to people. Others are shown as they are. */
static const struct {
	const char *event;
	const char *words;
	const char *of_upload; /* where an account is the source, if that is something else */
} WORDS[] = {
    {"seen", "seen at the source", NULL},
    {"matched", "matched the route's rules, and ripe", NULL},
    {"ruled-out", "skipped by a rule", NULL},
    {"vanished", "no longer there, or another file now", NULL},
    {"fetch-began", "fetching began", NULL},
    {"interrupted", "interrupted, to be tried again", NULL},
    {"fetched", "fetched whole and safe on our disk", NULL},
    {"gave-up", "given up", NULL},
    {"worked", "processed", NULL},
    {"placed", "published", NULL},
    {"told", "settled with the source", "the account was told"},
    {"taken", "delivered", NULL},
    {"taken-in-part", "taken by one of its consumers", NULL},
    {"delivered-removed", "removed from its folder, as it was delivered", NULL},
    {"archived", "moved to the archive, as it was delivered", NULL},
    {"retried", "to be tried again, by an operator", NULL},
    {"withheld", "held for an operator", NULL},
    {"released", "released by an operator", NULL},
    {"uploaded", "uploaded by its account", NULL},
};

static void
keep_row(void *ctx, const struct ipc_message *m)
{
	struct rows *rows = ctx;

	rows_add(rows, m);
}

static void
print_json(struct cli *cli, const struct rows *rows)
{
	json_t *doc = json_new_object(), *transfers = json_new_array();

	ROWS_FOREACH(row, rows, IPC_CTL_TRANSFER)
	{
		json_t *transfer = json_new_row(&row->m), *events = json_new_array();
		ROWS_FOREACH(event, rows, IPC_CTL_EVENT)
		{
			if (event->m.ctl_event.transfer == row->m.ctl_transfer.id)
				json_push(events, json_new_row(&event->m));
		}
		json_put(transfer, "events", events);
		json_push(transfers, transfer);
	}
	json_put(doc, "transfers", transfers);
	json_print_document(doc, cli->out);
}

/* "  label       text" on a line, unless the text is empty. */
static void
print_fact(FILE *to, const char *label, struct slice text)
{
	if (text.len == 0)
		return;
	fprintf(to, "  %-12s", label);
	out_text(to, text);
	fputc('\n', to);
}

/* No route takes what an account uploads. */
static bool
is_upload(const struct ipc_ctl_transfer *t)
{
	return t->route.len == 0;
}

static void
print_modified(FILE *to, const struct ipc_ctl_transfer *t)
{
	char moment[TIME_TEXT_MAX];

	if (t->mtime <= 0 || t->mtime >= INT64_MAX / US_PER_SEC)
		return;
	fprintf(to, "  %-12s%s %s", "modified", out_moment(t->mtime * US_PER_SEC, moment),
	    is_upload(t) ? "by " : "at the source");
	if (is_upload(t))
		out_text(to, t->source);
	fputc('\n', to);
}

static void
print_numbers(struct cli *cli, const struct ipc_ctl_transfer *t)
{
	char size[16], hex[2 * IPC_SHA256_LEN + 1];

	fprintf(
	    cli->out, "  %-12s%s (%" PRIu64 " bytes)\n", "size", text_size(t->size, size), t->size);
	print_modified(cli->out, t);
	if (t->sha256.len > 0) {
		text_hex(t->sha256.ptr, t->sha256.len, hex);
		print_fact(cli->out, "sha256", slice_str(hex));
	}
}

/* What stands in its way, and when it will be tried again. */
static void
print_trouble(struct cli *cli, const struct ipc_ctl_transfer *t)
{
	char distance[TIME_TEXT_MAX];

	if (t->trouble.len > 0) {
		fprintf(cli->out, "  %-12s", "trouble");
		out_story(cli->out, t->trouble);
		fputc('\n', cli->out);
	}
	if (t->attempts > 0)
		fprintf(cli->out, "  %-12s%" PRIu32 " failed\n", "tries", t->attempts);
	if (t->retry_us > cli->now_us)
		fprintf(cli->out, "  %-12s%s\n", "next try",
		    out_distance(t->retry_us, cli->now_us, distance));
}

static void
print_event_name(FILE *to, const struct ipc_ctl_transfer *t, struct slice what)
{
	for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
		if (slice_is(what, WORDS[i].event)) {
			bool other = is_upload(t) && WORDS[i].of_upload != NULL;
			fputs(other ? WORDS[i].of_upload : WORDS[i].words, to);
			return;
		}
	}
	out_text(to, what);
}

/* One line: when, how long after the one before, what. */
static void
print_event(
    FILE *to, const struct ipc_ctl_transfer *t, const struct ipc_ctl_event *e, int64_t before_us)
{
	char moment[TIME_TEXT_MAX], span[24], later[28] = "";

	time_text(e->at_us, moment);
	if (before_us > 0 && e->at_us >= before_us)
		(void)snprintf(
		    later, sizeof later, "+%s", text_duration(e->at_us - before_us, span));
	fprintf(to, "  %s %9s  ", moment, later);
	print_event_name(to, t, e->what);
	if (e->detail.len > 0)
		fputs(": ", to);
	out_story(to, e->detail);
	fputc('\n', to);
}

static void
print_transfer(struct cli *cli, const struct rows *rows, const struct ipc_ctl_transfer *t)
{
	int64_t before_us = 0;

	fprintf(cli->out, "transfer %" PRIu64 ": ", t->id);
	out_text(cli->out, t->path);
	fputs(" from ", cli->out);
	out_text(cli->out, t->source);
	fputc('\n', cli->out);
	print_fact(cli->out, "route", t->route);
	print_fact(cli->out, "state", t->state);
	print_numbers(cli, t);
	print_fact(cli->out, "published", t->published);
	print_trouble(cli, t);
	ROWS_FOREACH(row, rows, IPC_CTL_EVENT)
	{
		if (row->m.ctl_event.transfer != t->id)
			continue;
		if (before_us == 0)
			fputc('\n', cli->out);
		print_event(cli->out, t, &row->m.ctl_event, before_us);
		before_us = row->m.ctl_event.at_us;
	}
}

static void
print_story(struct cli *cli, const struct rows *rows)
{
	const struct row *first = rows_next(rows, IPC_CTL_TRANSFER, NULL);

	ROWS_FOREACH(row, rows, IPC_CTL_TRANSFER)
	{
		if (row != first)
			fputc('\n', cli->out);
		print_transfer(cli, rows, &row->m.ctl_transfer);
	}
}

static enum cli_exit
ask(struct cli *cli, const char *what, const char *missing, struct rows *rows)
{
	struct control_daemon daemon _cleanup_(control_forget) = {.config = NULL};
	struct ipc_ctl_trace body = {.what = slice_str(what)};
	struct control_answer answer;

	enum cli_exit code = control_find(cli, &daemon);
	if (code != CLI_OK)
		return code;
	return control_ask_for(cli, &daemon,
	    &(struct control_question){
		.type = IPC_CTL_TRACE,
		.body = &body,
		.silence_us = CONTROL_SILENCE_S * US_PER_SEC,
		.row = keep_row,
		.ctx = rows,
		.missing = missing,
	    },
	    &answer);
}

enum cli_exit
cmd_trace(struct cli *cli)
{
	struct rows rows _cleanup_(rows_fini);
	const char *what = cli->arguments[0];
	struct story missing;

	rows_init(&rows);
	missing_transfer(what, &missing);
	enum cli_exit code = cli_check_length(cli, "number or path", what, IPC_PATH_MAX);
	if (code == CLI_OK)
		code = ask(cli, what, missing.text, &rows);
	if (code != CLI_OK)
		return code;
	if (rows_next(&rows, IPC_CTL_TRANSFER, NULL) == NULL)
		return cli_fail(cli, CLI_NOT_FOUND, "%s", missing.text);
	if (cli->json)
		print_json(cli, &rows);
	else
		print_story(cli, &rows);
	return CLI_OK;
}
