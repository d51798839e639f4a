/* Commands that do one thing to each of many paths of a server: what their URLs stand for, one
 * after another, and one exit code for all. */
#ifndef CLI_EACH_H
#define CLI_EACH_H

#include "cli/remote_session.h"
#include "cli/tally.h"

struct each {
	struct remote_session session;
	struct url_list urls;
	struct tally tally;
	void *ctx; /* the command's */
};

/* Connects to the server of the command's URLs, which are all of its arguments. each_fini in every
 * case. */
enum cli_exit each_open(struct each *e, struct cli *cli) must_check;

/* One path: true when the server did it, else with the answer that says why not. */
typedef bool each_fn(struct each *e, const char *path, struct ask_answer *a);

/*
 * fn for each path that the URLs stand for, wildcards expanded unless `plain`; failures are told.
 * Goes on after a failure, but not when the line is lost or a person stops it.
 */
enum cli_exit each_run(struct each *e, bool plain, each_fn *fn);

void each_fini(struct each *e);

/* With -v, or as JSON: what was done ("removed") to which path. */
void each_say(const struct each *e, const char *did, const char *path);

#endif
