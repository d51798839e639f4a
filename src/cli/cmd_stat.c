/* dray stat: what a server says of files. A link is told of itself. */
#include "cli/attrs_text.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/out.h"
#include "sftp/server.h"

static void
print_stat(struct cli *cli, const char *path, const struct sftp_attrs *attrs, struct slice target)
{
	if (cli->json) {
		json_t *o = json_new_object();
		json_put(o, "path", json_new_text(slice_str(path)));
		attrs_put_json(o, attrs);
		json_put(o, "target", target.len > 0 ? json_new_text(target) : json_null());
		json_print_line(o, cli->out);
		return;
	}
	out_text(cli->out, slice_str(path));
	fputc('\n', cli->out);
	attrs_print(cli->out, attrs);
	if (target.len > 0) {
		fputs("  target ", cli->out);
		out_text(cli->out, target);
		fputc('\n', cli->out);
	}
}

static bool
stat_one(struct each *e, const char *path, struct ask_answer *a)
{
	struct buf target _cleanup_(buf_fini);
	struct sftp_attrs attrs = {.flags = 0};
	struct ask_answer ignored;

	buf_init(&target, SFTP_PATH_MAX);
	if (!ask_lstat(e->session.remote, slice_str(path), &attrs, a))
		return false;
	/* A link that can't be read is a link all the same. */
	if (strcmp(attrs_type(&attrs), "link") == 0)
		(void)ask_readlink(e->session.remote, slice_str(path), &target, &ignored);
	print_stat(e->session.cli, path, &attrs, buf_slice(&target));
	return true;
}

enum cli_exit
cmd_stat(struct cli *cli)
{
	struct each e _cleanup_(each_fini) = {.session = {.cli = cli}};
	enum cli_exit code = each_open(&e, cli);

	return code == CLI_OK ? each_run(&e, false, stat_one) : code;
}
