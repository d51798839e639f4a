/* dray mv and mkdir: changes to names on a server. */
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/out.h"
#include "shell/paths.h"

enum { MODE = 0777 };

static bool
make_one(struct each *e, const char *path, struct ask_answer *a)
{
	if (!ask_mkdir(e->session.remote, slice_str(path), MODE, a))
		return false;
	each_say(e, "made", path);
	return true;
}

static bool
is_directory(struct each *e, const char *path, struct ask_answer *a)
{
	struct sftp_attrs attrs = {.flags = 0};

	return ask_stat(e->session.remote, slice_str(path), &attrs, a) &&
	       (attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && S_ISDIR(attrs.permissions);
}

/*
 * The directories above that are missing, too; one that is there is no failure. From the top: a
 * failure where the directory is there all the same, or can't be looked at, is told by the next.
 */
static bool
make_parents(struct each *e, const char *path, struct ask_answer *a)
{
	char *part _cleanup_(out_freep) = strdup(path);
	struct ask_answer looked;
	bool done = true;

	if (part == NULL)
		cli_no_memory();
	for (char *slash = part;; *slash = '/') {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		done = is_directory(e, part, &looked) || make_one(e, part, a);
		if (slash == NULL || (!done && session_is_over(&e->session)))
			break;
	}
	if (done)
		*a = (struct ask_answer){.error = ERR_OK};
	return done;
}

enum cli_exit
cmd_mkdir(struct cli *cli)
{
	struct each e _cleanup_(each_fini) = {.session = {.cli = cli}};
	enum cli_exit code = each_open(&e, cli);

	if (code != CLI_OK)
		return code;
	return each_run(
	    &e, true, option_given(&cli->options, OPTION_PARENTS) ? make_parents : make_one);
}

/* mv: into a directory that is there, or to the name itself. */
static bool
move_one(struct each *e, const char *from, const char *to, bool replace, struct ask_answer *a)
{
	struct remote *r = e->session.remote;
	struct ask_answer looked;
	char *target _cleanup_(out_freep) = NULL;

	if (is_directory(e, to, &looked)) {
		struct slice name = path_name(from);
		char *own _cleanup_(out_freep) = slice_dup(name);
		target = own == NULL ? NULL : path_join(to, own);
	} else {
		target = strdup(to);
	}
	if (target == NULL)
		cli_no_memory();
	if (!ask_rename(r, slice_str(from), slice_str(target), !replace, a))
		return false;
	each_say(e, "renamed", target);
	return true;
}

/* The new name is a URL of the same server, or just a path of it. */
static enum cli_exit
read_new_name(struct cli *cli, const struct url *from, const char *word, char **ret_path)
{
	struct url_list to _cleanup_(url_list_fini) = {.items = NULL};

	if (!url_is_remote(word)) {
		*ret_path = strdup(word);
		return word[0] == '\0' ? cli_fail(cli, CLI_USAGE, "an empty name is no file's")
				       : CLI_OK;
	}
	enum cli_exit code = url_list_parse(cli, &word, 1, &to);
	if (code == CLI_OK && !url_same_server(from, &to.items[0]))
		return cli_fail(cli, CLI_USAGE, "mv stays on one server: get and put move further");
	if (code == CLI_OK)
		*ret_path = url_path(&to.items[0]);
	return code;
}

enum cli_exit
cmd_mv(struct cli *cli)
{
	struct each e = {.session = {.cli = cli}};
	char *from _cleanup_(out_freep) = NULL, *to _cleanup_(out_freep) = NULL;
	struct ask_answer a = {.error = ERR_OK};

	enum cli_exit code = url_list_parse(cli, cli->arguments, 1, &e.urls);
	if (code == CLI_OK)
		code = read_new_name(cli, &e.urls.items[0], cli->arguments[1], &to);
	if (code == CLI_OK)
		code = session_open(&e.session, cli, &e.urls.items[0]);
	if (code == CLI_OK) {
		from = url_path(&e.urls.items[0]);
		bool replace = !option_given(&cli->options, OPTION_NO_CLOBBER);
		if (!move_one(&e, from, to, replace, &a))
			code = session_over(&e.session);
	}
	if (code == CLI_OK && a.error != ERR_OK) {
		tally_answer(&e.tally, &a);
		code = cli_fail(cli, tally_exit(&e.tally), "%s", a.story.text);
	}
	each_fini(&e);
	return code;
}
