/*
 * A command's way to the server that its URLs name: the options become a login, the login a
 * connection. Used by every command that talks to a server; what fails is told here, in words and
 * as an exit code.
 */
#ifndef CLI_REMOTE_SESSION_H
#define CLI_REMOTE_SESSION_H

#include "cli/cli.h"
#include "cli/stdio_server.h"
#include "cli/url.h"
#include "client/ask.h"
#include "client/job.h"
#include "ssh/login.h"
#include "term/progress.h"

struct remote_session {
	struct cli *cli;     /* borrowed */
	struct login *login; /* NULL with -D */
	struct stdio_servers servers;
	struct remote *remote;          /* NULL: none any more */
	struct progress *progress;      /* NULL: nothing is drawn */
	int64_t timeout_us;             /* how long an answer may be due */
	enum transport_outcome outcome; /* of the last try to connect */
};

/*
 * Connects to the server of url. Signals of a person are caught from here on (term/tty.h). Not
 * CLI_OK: it was told why. session_close in every case.
 */
enum cli_exit session_open(
    struct remote_session *s, struct cli *cli, const struct url *url) must_check;

/* One more connection, as job_events.connect: ctx is the session. */
enum transport_outcome session_connect(void *ctx, struct transport **ret_t, struct story *story);

/* Why the server can't be asked any more: interrupted (CLI_INTERRUPTED), the line lost
 * (CLI_UNREACHABLE, told); or CLI_OK: it can. */
enum cli_exit session_over(const struct remote_session *s) must_check;

/* The same question, without a word. */
bool session_is_over(const struct remote_session *s);

/* "sftp.example port 22: connection lost: …": what a login says names its server by itself. */
void session_name_server(const struct remote_session *s, const char *text, struct story *ret_story);

void session_close(struct remote_session *s);

/* The URLs of one command, all of one server. */
struct url_list {
	struct url *items;
	size_t n;
};

/* CLI_USAGE, told, for words that are no URLs, or not of one server. url_list_fini in every case.
 */
enum cli_exit url_list_parse(
    struct cli *cli, const char *const *words, size_t n, struct url_list *ret_list) must_check;
void url_list_fini(struct url_list *l);

/* A URL that means one path, without wildcards: unquoted, "." for the home. Caller frees; never
 * NULL. */
char *url_path(const struct url *u);

/* Descriptions for struct job_options of a command line; CLI_USAGE, told, for what doesn't go
 * together. */
enum cli_exit session_job_options(struct cli *cli, struct job_options *ret_options) must_check;

#endif
