/* dray get: files and trees of a server, fetched. */
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/move.h"
#include "cli/out.h"
#include "client/glob.h"

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What one URL stands for; a name without a match is told. */
static enum cli_exit
find_sources(struct move *m, const struct url *u, struct glob_matches *ret_matches)
{
	const char *pattern = u->pattern[0] == '\0' ? "." : u->pattern;
	struct ask_answer a;

	if (glob_remote(m->session.remote, pattern, false, ret_matches, &a))
		return CLI_OK;
	enum cli_exit code = session_over(&m->session);
	if (code == CLI_OK)
		transfer_report_refused(&m->report, pattern, &a);
	return code;
}

/* Each source gets its name in the directory `local`, or a single one is `local` itself. */
static void
add_sources(struct move *m, const struct glob_matches *matches, const char *local, bool beneath)
{
	for (size_t i = 0; i < matches->n; i++) {
		const struct glob_match *match = &matches->items[i];
		char *target = beneath ? move_target(local, match->path) : strdup(local);
		move_add(m, strdup(match->path), target, &match->attrs);
	}
}

/* A single source may be called otherwise here; more of them need a directory. */
static enum cli_exit
choose_targets(struct move *m, const struct glob_matches *found, size_t n_urls, const char *local)
{
	bool beneath = is_directory(local);
	size_t n = 0;

	for (size_t i = 0; i < n_urls; i++)
		n += found[i].n;
	if (!beneath && (n > 1 || n_urls > 1 || local[strlen(local) - 1] == '/')) {
		char *shown _cleanup_(out_freep) = out_safe(slice_str(local));
		return cli_fail(m->cli, CLI_FAILED,
		    "cannot fetch into it: %s: there is no such directory", shown);
	}
	for (size_t i = 0; i < n_urls; i++)
		add_sources(m, &found[i], local, beneath);
	return CLI_OK;
}

static enum cli_exit
get(struct move *m, const struct url_list *urls, const char *local)
{
	struct glob_matches *found = calloc(urls->n, sizeof *found);
	enum cli_exit code = CLI_OK;

	if (found == NULL)
		cli_no_memory();
	for (size_t i = 0; i < urls->n && code == CLI_OK; i++)
		code = find_sources(m, &urls->items[i], &found[i]);
	if (code == CLI_OK)
		code = choose_targets(m, found, urls->n, local);
	for (size_t i = 0; i < urls->n; i++)
		glob_matches_fini(&found[i]);
	free(found);
	return code == CLI_OK ? move_run(m) : code;
}

enum cli_exit
cmd_get(struct cli *cli)
{
	struct move m _cleanup_(move_fini) = {.cli = cli};
	struct url_list urls _cleanup_(url_list_fini) = {.items = NULL};
	const char *local = cli->arguments[cli->n_arguments - 1];
	bool has_local = cli->n_arguments > 1 && !url_is_remote(local);

	if (has_local && local[0] == '\0')
		return cli_fail(cli, CLI_USAGE, "an empty name is no file's");
	enum cli_exit code =
	    url_list_parse(cli, cli->arguments, cli->n_arguments - (has_local ? 1 : 0), &urls);
	if (code == CLI_OK)
		code = move_open(&m, cli, JOB_GET, &urls.items[0]);
	return code == CLI_OK ? get(&m, &urls, has_local ? local : ".") : code;
}
