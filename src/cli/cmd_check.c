/* dray check: is the configuration right, and are the files that it names? */
#include "cli/commands.h"
#include "cli/json.h"

enum { MESSAGES_MAX = 256 * 1024 };

/* The lines of text, without their ends. */
static json_t *
lines_of(struct slice text)
{
	json_t *lines = json_new_array();
	struct slice line;

	while (text.len > 0) {
		text = slice_cut(text, '\n', &line);
		if (line.len > 0)
			json_push(lines, json_new_text(line));
	}
	return lines;
}

static void
print_json(struct cli *cli, const struct buf *messages, bool ok)
{
	json_t *doc = json_new_object();

	json_put(doc, "config", json_new_text(slice_str(cli_config_path(cli))));
	json_put(doc, "ok", json_boolean(ok));
	json_put(doc, "messages", lines_of(buf_slice(messages)));
	json_print_document(doc, cli->out);
}

/* "1 route", "2 routes". */
static void
print_count(FILE *to, const char *before, size_t n, const char *one, const char *many)
{
	fprintf(to, "%s%zu %s", before, n, n == 1 ? one : many);
}

static void
print_summary(struct cli *cli, const struct config *c)
{
	fprintf(cli->out, "%s is right: ", cli_config_path(cli));
	print_count(cli->out, "", c->n_routes, "route", "routes");
	print_count(cli->out, ", ", c->n_remotes, "remote", "remotes");
	print_count(cli->out, ", ", c->n_folders, "folder", "folders");
	print_count(cli->out, ", ", c->n_accounts, "account", "accounts");
	print_count(cli->out, ", ", c->n_identities, "identity", "identities");
	fputs(".\n", cli->out);
}

enum cli_exit
cmd_check(struct cli *cli)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	struct buf messages _cleanup_(buf_fini);

	buf_init(&messages, MESSAGES_MAX);
	enum err e = config_load(cli_config_path(cli), &config, &messages);
	if (e == ERR_OK)
		e = config_check_files(config, &messages);
	if (e != ERR_OK && buf_len(&messages) == 0 &&
	    buf_printf(&messages, "%s: %s\n", cli_config_path(cli), err_text(e)) != ERR_OK)
		cli_no_memory();
	if (cli->json)
		print_json(cli, &messages, e == ERR_OK);
	else if (buf_len(&messages) > 0)
		fwrite(buf_slice(&messages).ptr, 1, buf_len(&messages), cli->err);
	if (e != ERR_OK)
		return CLI_CONFIG;
	if (!cli->json)
		print_summary(cli, config);
	return CLI_OK;
}
