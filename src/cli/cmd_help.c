/* dray help and dray version: made from the tables of commands, options and exit codes. */
#include "cli/commands.h"
#include "cli/json.h"

static void
print_option(FILE *to, const struct option_row *o)
{
	char text[48];
	char letter[8] = "    ";

	if (o->letter != 0)
		(void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
	(void)snprintf(text, sizeof text, "%s--%s%s%s", letter, o->name,
	    o->value == NULL ? "" : " ", o->value == NULL ? "" : o->value);
	fprintf(to, "  %-22s  %s\n", text, o->summary);
}

static void
print_options(FILE *to, uint64_t which)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((which & OPTION_BIT(OPTIONS[i].id)) != 0)
			print_option(to, &OPTIONS[i]);
	}
}

static void
print_all(FILE *to)
{
	char usage[COMMAND_USAGE_MAX];

	fputs("usage: dray COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		fprintf(to, "  %s\n        %s\n", command_usage(&COMMANDS[i], usage),
		    COMMANDS[i].summary);
	}
	fputs("\noptions of every command:\n", to);
	print_options(to, OPTIONS_GENERAL);
	fputs("\nexit codes:\n", to);
	for (int i = 0; i < CLI_N_EXITS; i++)
		fprintf(to, "  %2d  %s\n", i, exit_text((enum cli_exit)i));
	fputs("\nThe manual, dray(1), says more.\n", to);
}

void
help_print(FILE *to, const struct command *c)
{
	char usage[COMMAND_USAGE_MAX];

	if (c == NULL) {
		print_all(to);
		return;
	}
	fprintf(
	    to, "usage: dray %s [--json]\n\n%s\n\noptions:\n", command_usage(c, usage), c->summary);
	print_options(to, OPTIONS_GENERAL | c->options);
}

static json_t *
command_json(const struct command *c)
{
	json_t *o = json_new_object(), *options = json_new_array();

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((c->options & OPTION_BIT(OPTIONS[i].id)) != 0)
			json_push(options, json_new_text(slice_str(OPTIONS[i].name)));
	}
	json_put(o, "command", json_new_text(slice_str(c->words)));
	json_put(o, "arguments", json_new_text(slice_str(c->arguments)));
	json_put(o, "summary", json_new_text(slice_str(c->summary)));
	json_put(o, "options", options);
	return o;
}

static void
print_json(FILE *to, const struct command *only)
{
	json_t *doc = json_new_object(), *commands = json_new_array();

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (only == NULL || only == &COMMANDS[i])
			json_push(commands, command_json(&COMMANDS[i]));
	}
	json_put(doc, "commands", commands);
	json_print_document(doc, to);
}

enum cli_exit
cmd_help(struct cli *cli)
{
	const struct command *c = NULL;
	struct story story;
	size_t n_own;

	if (cli->n_arguments > 0) {
		c = command_find(cli->arguments, cli->n_arguments, &n_own, &story);
		if (c == NULL)
			return cli_fail(cli, CLI_USAGE, "%s", story.text);
	}
	if (cli->json)
		print_json(cli->out, c);
	else
		help_print(cli->out, c);
	return CLI_OK;
}

enum cli_exit
cmd_version(struct cli *cli)
{
	if (cli->json) {
		json_t *doc = json_new_object();
		json_put(doc, "version", json_new_text(slice_str(DRAY_VERSION)));
		json_print_document(doc, cli->out);
	} else {
		fprintf(cli->out, "dray %s\n", DRAY_VERSION);
	}
	return CLI_OK;
}
