#include "cli/each.h"

#include "cli/json.h"
#include "cli/out.h"
#include "client/glob.h"

enum cli_exit
each_open(struct each *e, struct cli *cli)
{
	*e = (struct each){.session = {.cli = cli}};
	enum cli_exit code = url_list_parse(cli, cli->arguments, cli->n_arguments, &e->urls);

	return code == CLI_OK ? session_open(&e->session, cli, &e->urls.items[0]) : code;
}

/* CLI_OK: go on with the next. */
static enum cli_exit
tell_answer(struct each *e, const struct ask_answer *a)
{
	enum cli_exit code = a->error == ERR_OK ? CLI_OK : session_over(&e->session);

	if (code != CLI_OK)
		return code;
	tally_answer(&e->tally, a);
	if (a->error != ERR_OK)
		cli_fail(e->session.cli, CLI_FAILED, "%s", a->story.text);
	return CLI_OK;
}

static enum cli_exit
do_one(struct each *e, const char *path, each_fn *fn)
{
	struct ask_answer a = {.error = ERR_OK};

	(void)fn(e, path, &a);
	return tell_answer(e, &a);
}

static enum cli_exit
do_pattern(struct each *e, const char *pattern, each_fn *fn)
{
	struct glob_matches found = {.items = NULL};
	struct ask_answer a;
	enum cli_exit code = CLI_OK;

	if (!glob_remote(e->session.remote, pattern, false, &found, &a))
		code = tell_answer(e, &a);
	for (size_t i = 0; i < found.n && code == CLI_OK; i++)
		code = do_one(e, found.items[i].path, fn);
	glob_matches_fini(&found);
	return code;
}

enum cli_exit
each_run(struct each *e, bool plain, each_fn *fn)
{
	enum cli_exit code = CLI_OK;

	for (size_t i = 0; i < e->urls.n && code == CLI_OK; i++) {
		const struct url *u = &e->urls.items[i];
		char *path _cleanup_(out_freep) = url_path(u);
		if (plain || !glob_has_magic(u->pattern))
			code = do_one(e, path, fn);
		else
			code = do_pattern(e, u->pattern, fn);
	}
	return code == CLI_OK ? tally_exit(&e->tally) : code;
}

void
each_fini(struct each *e)
{
	session_close(&e->session);
	url_list_fini(&e->urls);
}

void
each_say(const struct each *e, const char *did, const char *path)
{
	struct cli *cli = e->session.cli;

	if (cli->json) {
		json_t *o = json_new_object();
		json_put(o, "event", json_new_text(slice_str(did)));
		json_put(o, "path", json_new_text(slice_str(path)));
		json_print_line(o, cli->out);
	} else if (cli->options.verbose > 0) {
		char *shown _cleanup_(out_freep) = out_safe(slice_str(path));
		fprintf(cli->out, "%s %s\n", did, shown);
	}
}
