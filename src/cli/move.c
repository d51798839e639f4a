#include "cli/move.h"

#include "base/text.h"
#include "cli/out.h"
#include "shell/paths.h"
#include "term/tty.h"

struct progress *
move_progress(const struct cli *cli)
{
	const struct options *o = &cli->options;

	return progress_new(cli->err,
	    !cli->json && !option_given(o, OPTION_QUIET) && !option_given(o, OPTION_NO_PROGRESS));
}

enum cli_exit
move_open(struct move *m, struct cli *cli, enum job_direction direction, const struct url *url)
{
	*m = (struct move){.cli = cli, .direction = direction, .session = {.cli = cli}};
	enum cli_exit code = session_job_options(cli, &m->options);

	if (code == CLI_OK)
		code = session_open(&m->session, cli, url);
	if (code != CLI_OK)
		return code;
	m->session.progress = move_progress(cli);
	transfer_report_init(&m->report, &m->session);
	return CLI_OK;
}

void
move_add(struct move *m, char *remote, char *local, const struct sftp_attrs *attrs)
{
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 64 : m->cap * 2;
		m->items = reallocarray(m->items, m->cap, sizeof *m->items);
	}
	if (m->items == NULL || remote == NULL || local == NULL)
		cli_no_memory();
	struct move_item *item = &m->items[m->n++];
	*item = (struct move_item){.remote = remote, .local = local};
	if (attrs != NULL)
		item->attrs = *attrs;
}

char *
move_target(const char *directory, const char *source)
{
	struct slice name = path_name(source);
	char *own = slice_dup(name), *target;

	if (own == NULL)
		cli_no_memory();
	bool is_name = !slice_is(name, ".") && !slice_is(name, "..");
	target = is_name ? path_join(directory, own) : strdup(directory);
	free(own);
	if (target == NULL)
		cli_no_memory();
	return target;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* a/x and b/x fetched into one directory: the first would be lost. */
static enum cli_exit
check_targets(struct move *m)
{
	const char **targets = calloc(m->n + 1, sizeof *targets), *twice = NULL;

	if (targets == NULL)
		cli_no_memory();
	for (size_t i = 0; i < m->n; i++)
		targets[i] = m->direction == JOB_GET ? m->items[i].local : m->items[i].remote;
	qsort(targets, m->n, sizeof *targets, compare_texts);
	for (size_t i = 1; i < m->n && twice == NULL; i++)
		twice = strcmp(targets[i - 1], targets[i]) == 0 ? targets[i] : NULL;
	free(targets);
	if (twice == NULL)
		return CLI_OK;
	char *shown _cleanup_(out_freep) = out_safe(slice_str(twice));
	return cli_fail(m->cli, CLI_USAGE, "two of the sources would be written to %s", shown);
}

/* The job has room: as many of the list as it takes. */
static bool
refill(void *ctx, struct job *job)
{
	struct move *m = (void *)((uint8_t *)ctx - offsetof(struct move, report));

	while (m->next < m->n) {
		const struct move_item *item = &m->items[m->next];
		const struct job_item wanted = {.direction = m->direction,
		    .remote = item->remote,
		    .local = item->local,
		    .attrs = item->attrs};
		enum err e = job_add(job, &wanted);
		if (e == ERR_AGAIN)
			return true;
		if (e != ERR_OK)
			cli_no_memory();
		m->next++;
	}
	return false;
}

static enum cli_exit
run_job(struct move *m)
{
	struct job_events events = transfer_report_events(&m->report);
	struct story story = {.text = ""};
	struct job *job = NULL;

	events.refill = refill;
	enum err e = job_new(&job, m->session.remote, &m->options, &events, m->session.timeout_us);
	if (e != ERR_OK)
		return cli_fail(m->cli, CLI_FAILED, "cannot begin: %s", err_text(e));
	struct report_end end = {.story = story.text};
	end.outcome = job_run(job, tty_interrupt_fd(), &story);
	end.interrupted = tty_interrupts() > 0;
	end.connect = job_connect_outcome(job);
	m->session.remote = job_remote(job);
	job_free(job);
	return transfer_report_finish(&m->report, &end);
}

enum cli_exit
move_run(struct move *m)
{
	enum cli_exit code = check_targets(m);

	return code == CLI_OK ? run_job(m) : code;
}

void
move_fini(struct move *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].remote);
		free(m->items[i].local);
	}
	free(m->items);
	session_close(&m->session);
	*m = (struct move){.cli = m->cli, .session = {.cli = m->cli}};
}
