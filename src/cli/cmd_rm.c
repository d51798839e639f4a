/* dray rm: files, and trees, of a server removed. */
#include "cli/commands.h"
#include "cli/each.h"
#include "client/erase.h"
#include "client/glob.h"
#include "term/tty.h"

/* The paths of all URLs are asked for first, then removed with many requests under way. */
struct removal {
	struct each *each;
	char **paths;
	size_t n, cap;
};

static void
removal_add(struct removal *r, const char *path)
{
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 64 : r->cap * 2;
		r->paths = reallocarray(r->paths, r->cap, sizeof *r->paths);
		if (r->paths == NULL)
			cli_no_memory();
	}
	r->paths[r->n] = strdup(path);
	if (r->paths[r->n++] == NULL)
		cli_no_memory();
}

static void
removal_fini(struct removal *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->paths[i]);
	free(r->paths);
}

static enum cli_exit
find_paths(struct removal *r)
{
	struct each *e = r->each;

	for (size_t i = 0; i < e->urls.n; i++) {
		struct glob_matches found = {.items = NULL};
		const char *pattern = e->urls.items[i].pattern;
		struct ask_answer a;
		if (!glob_remote(
			e->session.remote, pattern[0] == '\0' ? "." : pattern, false, &found, &a)) {
			enum cli_exit code = session_over(&e->session);
			if (code != CLI_OK)
				return code;
			tally_answer(&e->tally, &a);
			cli_fail(e->session.cli, CLI_FAILED, "%s", a.story.text);
		}
		for (size_t k = 0; k < found.n; k++)
			removal_add(r, found.items[k].path);
		glob_matches_fini(&found);
	}
	return CLI_OK;
}

static void
removed(void *ctx, struct slice path, const struct ask_answer *answer)
{
	struct removal *r = ctx;
	struct cli *cli = r->each->session.cli;
	char *text = slice_dup(path);

	if (text == NULL)
		cli_no_memory();
	/* What the line's end or an interrupt left is told once, after it. */
	if (tty_interrupts() == 0 && !remote_is_lost(r->each->session.remote)) {
		tally_answer(&r->each->tally, answer);
		if (answer->error != ERR_OK)
			cli_fail(cli, CLI_FAILED, "%s", answer->story.text);
	}
	if (answer->error == ERR_OK)
		each_say(r->each, "removed", text);
	free(text);
}

enum cli_exit
cmd_rm(struct cli *cli)
{
	struct each e _cleanup_(each_fini) = {.session = {.cli = cli}};
	struct removal r _cleanup_(removal_fini) = {.each = &e};
	enum err error = ERR_OK;

	enum cli_exit code = each_open(&e, cli);
	if (code == CLI_OK)
		code = find_paths(&r);
	if (code != CLI_OK)
		return code;
	const struct erase_options options = {
	    .recursive = option_given(&cli->options, OPTION_RECURSIVE),
	    .interrupt_fd = tty_interrupt_fd()};
	(void)erase_paths(
	    e.session.remote, (const char *const *)r.paths, r.n, &options, removed, &r, &error);
	if (error != ERR_OK)
		code = session_over(&e.session);
	return code == CLI_OK ? tally_exit(&e.tally) : code;
}
