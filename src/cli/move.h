/*
 * What get and put share: a list of what is to be moved, and the one job that moves it, with its
 * report. The list is whole before the job begins: names with wildcards are asked for first.
 */
#ifndef CLI_MOVE_H
#define CLI_MOVE_H

#include "cli/remote_session.h"
#include "cli/transfer_report.h"

struct move_item {
	char *remote, *local;
	struct sftp_attrs attrs; /* flags 0: not known */
};

struct move {
	struct cli *cli;
	enum job_direction direction;
	struct job_options options;
	struct remote_session session;
	struct transfer_report report;
	struct move_item *items;
	size_t n, cap;
	size_t next; /* to be given to the job */
};

/* Reads the options, and connects to the server of url. move_fini in every case. */
enum cli_exit move_open(struct move *m, struct cli *cli, enum job_direction direction,
    const struct url *url) must_check;

/* Both paths are taken over. attrs may be NULL. */
void move_add(struct move *m, char *remote, char *local, const struct sftp_attrs *attrs);

/* Moves everything, and tells. CLI_USAGE, with nothing moved, when two would be one target. */
enum cli_exit move_run(struct move *m);

void move_fini(struct move *m);

/*
 * The target of a source beneath `directory`, or `directory` itself for one that is called "." or
 * "..", or has no name: then its content goes there. On the heap, never NULL.
 */
char *move_target(const char *directory, const char *source);

/* Progress that the command line wants: not with --quiet, --json, --no-progress. */
struct progress *move_progress(const struct cli *cli);

#endif
