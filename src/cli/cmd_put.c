/* dray put: local files and trees, sent to a server. */
#include "cli/commands.h"
#include "cli/move.h"
#include "cli/out.h"
#include "sftp/proto.h"

/* Is the target a directory there? One that isn't there at all is a new name. */
static enum cli_exit
look_at_target(struct move *m, const char *path, bool *ret_is_directory)
{
	struct sftp_attrs attrs = {.flags = 0};
	struct ask_answer a;

	*ret_is_directory = false;
	if (ask_stat(m->session.remote, slice_str(path), &attrs, &a)) {
		*ret_is_directory = (attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 &&
				    S_ISDIR(attrs.permissions);
		return CLI_OK;
	}
	enum cli_exit code = session_over(&m->session);
	if (code != CLI_OK || a.status == SSH_FX_NO_SUCH_FILE)
		return code;
	/* A mailbox may let nobody look: the upload will tell. */
	return CLI_OK;
}

static enum cli_exit
put(struct move *m, const struct url *url, const char *const *sources, size_t n)
{
	char *path _cleanup_(out_freep) = url_path(url);
	bool beneath = strcmp(path, ".") == 0, must = n > 1 || path[strlen(path) - 1] == '/';
	enum cli_exit code = CLI_OK;

	if (!beneath)
		code = look_at_target(m, path, &beneath);
	if (code != CLI_OK)
		return code;
	if (must && !beneath) {
		char *shown _cleanup_(out_freep) = out_safe(slice_str(path));
		return cli_fail(m->cli, CLI_FAILED,
		    "cannot put anything into it: %s: there is no such directory on the server",
		    shown);
	}
	for (size_t i = 0; i < n; i++) {
		char *target = beneath ? move_target(path, sources[i]) : strdup(path);
		move_add(m, target, strdup(sources[i]), NULL);
	}
	return move_run(m);
}

/* All but the last are here. */
static enum cli_exit
check_sources(struct cli *cli, const char *const *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *shown _cleanup_(out_freep) = out_safe(slice_str(sources[i]));
		if (sources[i][0] == '\0')
			return cli_fail(cli, CLI_USAGE, "an empty name is no file's");
		if (url_is_remote(sources[i]))
			return cli_fail(cli, CLI_USAGE,
			    "%s is on a server: write ./%s if it is a local file", shown, shown);
	}
	return CLI_OK;
}

enum cli_exit
cmd_put(struct cli *cli)
{
	struct move m _cleanup_(move_fini) = {.cli = cli};
	struct url_list urls _cleanup_(url_list_fini) = {.items = NULL};
	size_t n = cli->n_arguments - 1;

	enum cli_exit code = url_list_parse(cli, cli->arguments + n, 1, &urls);
	if (code == CLI_OK)
		code = check_sources(cli, cli->arguments, n);
	if (code == CLI_OK)
		code = move_open(&m, cli, JOB_PUT, &urls.items[0]);
	return code == CLI_OK ? put(&m, &urls.items[0], cli->arguments, n) : code;
}
