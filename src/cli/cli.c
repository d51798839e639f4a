#include "cli/cli.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"

enum { SHOWN_MAX = 160 };

enum cli_exit
cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
{
	va_list args;

	/* Both may go to one place: what was said before stands before. */
	(void)fflush(cli->out);
	fputs("dray: ", cli->err);
	va_start(args, format);
	vfprintf(cli->err, format, args);
	va_end(args);
	fputc('\n', cli->err);
	return code;
}

void
cli_no_memory(void)
{
	dprintf(STDERR_FILENO, "dray: out of memory\n");
	_exit(CLI_FAILED);
}

const char *
cli_config_path(const struct cli *cli)
{
	const char *from_environment = getenv("DRAY_CONFIG");

	if (cli->options.config != NULL)
		return cli->options.config;
	if (from_environment != NULL && from_environment[0] != '\0')
		return from_environment;
	return access("dray.yaml", F_OK) == 0 ? "dray.yaml" : "/etc/dray/dray.yaml";
}

enum cli_exit
cli_fail_config(struct cli *cli, enum err e, const struct buf *errors)
{
	if (buf_len(errors) == 0)
		return cli_fail(
		    cli, CLI_CONFIG, "cannot read %s: %s", cli_config_path(cli), err_text(e));
	fwrite(buf_slice(errors).ptr, 1, buf_len(errors), cli->err);
	return CLI_CONFIG;
}

enum cli_exit
cli_load_config(struct cli *cli, struct config **ret_config)
{
	struct buf errors _cleanup_(buf_fini);

	buf_init(&errors, CLI_CONFIG_ERRORS_MAX);
	*ret_config = NULL;
	enum err e = config_load(cli_config_path(cli), ret_config, &errors);
	return e == ERR_OK ? CLI_OK : cli_fail_config(cli, e, &errors);
}

enum cli_exit
cli_check_length(struct cli *cli, const char *what, const char *text, size_t max)
{
	if (strlen(text) <= max)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE, "the %s is longer than %zu bytes", what, max);
}

enum cli_exit
cli_no_such(struct cli *cli, const char *what, const char *name)
{
	char shown[SHOWN_MAX];

	return cli_fail(cli, CLI_NOT_FOUND, "no %s is called \"%s\" in %s", what,
	    text_escape(slice_str(name), shown, sizeof shown), cli_config_path(cli));
}

/* The command line is wrong: what about it, and where to read on. */
static enum cli_exit
fail_usage(struct cli *cli, const struct command *c, const char *story)
{
	char usage[COMMAND_USAGE_MAX];

	cli_fail(cli, CLI_USAGE, "%s", story);
	if (c == NULL)
		fputs("usage: dray COMMAND … (dray help lists the commands)\n", cli->err);
	else
		fprintf(cli->err, "usage: dray %s [--json]\n", command_usage(c, usage));
	return CLI_USAGE;
}

/* False, with a story, when an option was given that the command doesn't take. */
static bool
options_fit(const struct command *c, const struct options *options, struct story *story)
{
	uint64_t wrong = options->given & ~(OPTIONS_GENERAL | c->options);

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((wrong & OPTION_BIT(OPTIONS[i].id)) != 0) {
			story_set(story, "%s takes no --%s", c->words, OPTIONS[i].name);
			return false;
		}
	}
	return true;
}

static enum cli_exit
run_command(struct cli *cli, const struct command *c, int argc, char *const *argv)
{
	struct story story;

	if (option_given(&cli->options, OPTION_HELP)) {
		help_print(cli->out, c);
		return CLI_OK;
	}
	enum err e = options_parse(argc, argv, OPTIONS_GENERAL | c->options, &cli->options, &story);
	if (e != ERR_OK || !options_fit(c, &cli->options, &story) ||
	    !command_takes(c, cli->n_arguments, &story))
		return fail_usage(cli, c, story.text);
	if (c->run == NULL)
		return cli_fail(cli, CLI_USAGE, "%s comes first: dray %s ...", c->words, c->words);
	return c->run(cli);
}

/* A command that reads its own line, when it is the first word; or NULL. */
static const struct command *
find_own_line(int argc, char *const *argv)
{
	for (size_t i = 0; i < N_COMMANDS && argc > 1; i++) {
		if (COMMANDS[i].run_line != NULL && strcmp(argv[1], COMMANDS[i].words) == 0)
			return &COMMANDS[i];
	}
	return NULL;
}

static enum cli_exit
run_line(struct cli *cli, int argc, char *const *argv)
{
	struct story story;
	size_t n_own;

	if (options_words(argc, argv, &cli->options, &story) != ERR_OK)
		return fail_usage(cli, NULL, story.text);
	cli->json = option_given(&cli->options, OPTION_JSON);
	if (option_given(&cli->options, OPTION_VERSION))
		return cmd_version(cli);
	if (cli->options.n_words == 0) {
		bool asked = option_given(&cli->options, OPTION_HELP);
		help_print(asked ? cli->out : cli->err, NULL);
		return asked ? CLI_OK : CLI_USAGE;
	}
	const struct command *c =
	    command_find(cli->options.words, cli->options.n_words, &n_own, &story);
	if (c == NULL)
		return fail_usage(cli, NULL, story.text);
	cli->arguments = cli->options.words + n_own;
	cli->n_arguments = cli->options.n_words - n_own;
	return run_command(cli, c, argc, argv);
}

enum cli_exit
cli_run(struct cli *cli, int argc, char *const *argv)
{
	const struct command *own = find_own_line(argc, argv);
	enum cli_exit code;

	if (own != NULL)
		return (enum cli_exit)own->run_line(cli, argc - 1, argv + 1);
	code = run_line(cli, argc, argv);
	options_fini(&cli->options);
	/* An answer that could not be written (a full disk behind >FILE) is no success. */
	if ((fflush(cli->out) != 0 || ferror(cli->out) != 0) && code == CLI_OK)
		return cli_fail(
		    cli, CLI_FAILED, "cannot write the answer: %s", err_text(err_last()));
	return code;
}
