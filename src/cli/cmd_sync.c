/* dray sync: a tree here made like one on a server, or the other way round. */
#include "cli/commands.h"
#include "cli/move.h"
#include "cli/out.h"
#include "term/tty.h"

static enum cli_exit
read_options(struct cli *cli, struct sync_pattern patterns[SYNC_PATTERNS_MAX],
    struct sync_options *ret_options)
{
	const struct options *o = &cli->options;

	_Static_assert(
	    (int)SYNC_PATTERNS_MAX >= (int)OPTION_PATTERNS_MAX, "each pattern has its place");
	for (size_t i = 0; i < o->n_patterns; i++)
		patterns[i] = (struct sync_pattern){
		    .include = o->patterns[i].include, .pattern = o->patterns[i].pattern};
	*ret_options = (struct sync_options){.checksum = option_given(o, OPTION_CHECKSUM),
	    .remove = option_given(o, OPTION_DELETE),
	    .dry_run = option_given(o, OPTION_DRY_RUN),
	    .patterns = patterns,
	    .n_patterns = o->n_patterns,
	    .max_age_us = o->max_age_us,
	    .min_size = o->min_size,
	    .max_size = o->max_size,
	    .mtime_slack_s = o->mtime_slack_us / US_PER_SEC};
	if (o->max_size != 0 && o->min_size > o->max_size)
		return cli_fail(cli, CLI_USAGE, "--min-size is more than --max-size");
	enum cli_exit code = session_job_options(cli, &ret_options->job);
	ret_options->job.recursive = ret_options->job.preserve = true;
	/* A sync is done again after an interrupt: with what that has left. */
	if (ret_options->job.upload != JOB_UPLOAD_IN_PLACE)
		ret_options->job.resume = JOB_RESUME_OURS;
	return code;
}

static enum cli_exit
run(struct remote_session *s, const struct url *url, enum job_direction direction,
    const char *local, const struct sync_options *options)
{
	struct transfer_report report;
	const struct sync_events events = {.job = transfer_report_events(&report),
	    .decided = transfer_report_decided,
	    .ctx = &report};
	char *path _cleanup_(out_freep) = url_path(url);
	struct story story = {.text = ""};
	struct sync_summary summary = {.bytes = 0};
	struct report_end end = {.story = story.text};

	s->progress = move_progress(s->cli);
	transfer_report_init(&report, s);
	report.go_on = "the same command goes on";
	end.outcome = sync_run(&s->remote, direction, path, local, options, &events, s->timeout_us,
	    tty_interrupt_fd(), &summary, &story);
	end.interrupted = tty_interrupts() > 0;
	end.connect = s->outcome;
	return transfer_report_finish(&report, &end);
}

enum cli_exit
cmd_sync(struct cli *cli)
{
	struct remote_session s _cleanup_(session_close) = {.cli = cli};
	struct url_list urls _cleanup_(url_list_fini) = {.items = NULL};
	struct sync_pattern patterns[SYNC_PATTERNS_MAX];
	struct sync_options options;
	bool get = url_is_remote(cli->arguments[0]);

	if (get == url_is_remote(cli->arguments[1]))
		return cli_fail(cli, CLI_USAGE, "one of the two must be on a server, and one here");
	if (cli->arguments[get ? 1 : 0][0] == '\0')
		return cli_fail(cli, CLI_USAGE, "an empty name is no directory's");
	enum cli_exit code = url_list_parse(cli, cli->arguments + (get ? 0 : 1), 1, &urls);
	if (code == CLI_OK)
		code = read_options(cli, patterns, &options);
	if (code == CLI_OK)
		code = session_open(&s, cli, &urls.items[0]);
	if (code != CLI_OK)
		return code;
	return run(
	    &s, &urls.items[0], get ? JOB_GET : JOB_PUT, cli->arguments[get ? 1 : 0], &options);
}
