#include "cli/remote_session.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/login_ui.h"
#include "cli/out.h"
#include "client/glob.h"
#include "term/tty.h"

/* How long an answer may be due: flushing or hashing a large file takes its time. */
enum { ANSWER_DUE_S = 300 };

/* As between later connections (client/job.h). */
enum { FIRST_DELAY_MAX_S = 60 };

static enum err
open_login(struct remote_session *s, const struct url *url, struct story *story)
{
	const struct options *o = &s->cli->options;
	struct login_options l = {.host = url->host,
	    .user = url->user != NULL ? url->user : o->user,
	    .port = url->port != 0 ? url->port : (uint16_t)o->port,
	    .config_file = o->ssh_config,
	    .jump = o->jump,
	    .passphrase_file = o->passphrase_file,
	    .family = AF_UNSPEC,
	    .batch = !login_ui_may_ask(s->cli),
	    .timeout_us = o->timeout_us,
	    .verbose = (unsigned)(o->verbose > 9 ? 9 : o->verbose)};
	const struct login_ui ui = login_ui_of(s);

	if (option_given(o, OPTION_IPV4) != option_given(o, OPTION_IPV6))
		l.family = option_given(o, OPTION_IPV4) ? AF_INET : AF_INET6;
	if (o->identities.n > LOGIN_IDENTITIES_MAX)
		return story_fail(
		    story, ERR_INVALID, "more than %d identities", LOGIN_IDENTITIES_MAX);
	for (; l.n_options < o->ssh_options.n && l.n_options < LOGIN_OPTIONS_MAX; l.n_options++)
		l.options[l.n_options] = o->ssh_options.items[l.n_options];
	for (; l.n_identities < o->identities.n; l.n_identities++)
		l.identities[l.n_identities] = o->identities.items[l.n_identities];
	return login_new(&s->login, &l, &ui, story);
}

static enum transport_outcome
connect_stdio(struct remote_session *s, struct transport **ret_t, struct story *story)
{
	int fd;

	if (stdio_server_start(&s->servers, s->cli->options.stdio_server, &fd, story) != ERR_OK)
		return TRANSPORT_UNREACHABLE;
	enum err e = transport_plain_new(ret_t, fd);
	if (e == ERR_OK)
		return TRANSPORT_LOGGED_IN;
	story_set(story, "cannot talk to the SFTP server: %s", err_text(e));
	return TRANSPORT_LOCAL_FAILURE;
}

enum transport_outcome
session_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	struct remote_session *s = ctx;
	struct transport_facts facts = {.peer_version = ""};

	if (s->cli->options.stdio_server != NULL)
		s->outcome = connect_stdio(s, ret_t, story);
	else
		s->outcome = login_connect(s->login, ret_t, &facts, story);
	return s->outcome;
}

void
session_name_server(const struct remote_session *s, const char *text, struct story *ret_story)
{
	const char *host = s->login == NULL ? NULL : login_host(s->login);

	if (host == NULL || text[0] == '\0' || strstr(text, host) != NULL)
		story_set(ret_story, "%s", text);
	else
		story_set(ret_story, "%s port %u: %s", host, (unsigned)login_port(s->login), text);
}

/* Nobody waits for a person who has given up; and where an interrupt shows as a refusal, it is
 * still one. */
static enum cli_exit
fail_connect(struct remote_session *s, enum cli_exit code, const struct story *story)
{
	struct story named;

	if (tty_interrupts() > 0)
		return cli_fail(s->cli, CLI_INTERRUPTED, "interrupted");
	session_name_server(s, story->text, &named);
	return cli_fail(s->cli, code, "%s", named.text);
}

/* False: an interrupt came. */
static bool
wait_to_retry(const struct remote_session *s, uint64_t n, const struct story *why)
{
	const struct options *o = &s->cli->options;
	int64_t us = o->retry_delay_us > 0 ? o->retry_delay_us : US_PER_SEC;
	struct pollfd interrupt = {.fd = tty_interrupt_fd(), .events = POLLIN};
	char span[24], text[STORY_MAX + 64];

	for (uint64_t i = 1; i < n && us < FIRST_DELAY_MAX_S * US_PER_SEC; i++)
		us *= 2;
	us = us < FIRST_DELAY_MAX_S * US_PER_SEC ? us : FIRST_DELAY_MAX_S * US_PER_SEC;
	(void)snprintf(text, sizeof text, "%s; trying again in %s (%" PRIu64 " of %" PRIu64 ")",
	    why->text, text_duration(us, span), n, o->retries);
	char *safe _cleanup_(out_freep) = out_safe_story(slice_str(text));
	if (!s->cli->json && !option_given(o, OPTION_QUIET))
		(void)fprintf(s->cli->err, "dray: %s\n", safe);
	(void)poll(&interrupt, 1, (int)(us / US_PER_MS));
	return tty_interrupts() == 0;
}

/*
 * The first connection: where somebody waits for it, a wrong name or port is told at once; a
 * scheduler says --retries, and means this one, too.
 */
static enum cli_exit
connect_first(struct remote_session *s, struct story *story)
{
	struct transport *t = NULL;
	enum err e = ERR_OK;

	for (uint64_t n = 1;; n++) {
		if (session_connect(s, &t, story) == TRANSPORT_LOGGED_IN) {
			e = remote_new(&s->remote, t, s->timeout_us, story);
			if (e == ERR_OK)
				return CLI_OK;
		}
		bool transient = s->outcome == TRANSPORT_LOGGED_IN
				     ? err_class(e) == ERR_CLASS_TRANSIENT
				     : s->outcome == TRANSPORT_UNREACHABLE;
		if (!transient || n > s->cli->options.retries || !wait_to_retry(s, n, story))
			return s->outcome == TRANSPORT_LOGGED_IN ? CLI_UNREACHABLE
								 : exit_from_outcome(s->outcome);
	}
}

static enum cli_exit
make_remote(struct remote_session *s)
{
	struct story story = {.text = ""};
	enum cli_exit code = connect_first(s, &story);

	if (code != CLI_OK)
		return fail_connect(s, code, &story);
	ask_set_interrupt(s->remote, tty_interrupt_fd());
	return CLI_OK;
}

/* A failure to resolve what the options ask for: a file that isn't there, or words that are wrong.
 */
static enum cli_exit
exit_from_login(enum err e)
{
	return e == ERR_INVALID || e == ERR_FORMAT || e == ERR_NOENT ? CLI_USAGE : CLI_FAILED;
}

enum cli_exit
session_open(struct remote_session *s, struct cli *cli, const struct url *url)
{
	const struct options *o = &cli->options;
	struct story story = {.text = ""};

	*s = (struct remote_session){.cli = cli, .outcome = TRANSPORT_LOCAL_FAILURE};
	s->timeout_us = o->timeout_us != 0 ? o->timeout_us : ANSWER_DUE_S * US_PER_SEC;
	/* A peer or a pipe that is gone is an error of the write. */
	(void)signal(SIGPIPE, SIG_IGN);
	enum err e = tty_catch_interrupts();
	if (e == ERR_OK)
		e = transport_library_load();
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "cannot start: %s", err_text(e));
	if (o->stdio_server == NULL)
		e = open_login(s, url, &story);
	if (e != ERR_OK)
		return cli_fail(cli, exit_from_login(e), "%s", story.text);
	return make_remote(s);
}

enum cli_exit
session_over(const struct remote_session *s)
{
	struct story named;

	if (tty_interrupts() > 0)
		return cli_fail(s->cli, CLI_INTERRUPTED, "interrupted");
	if (s->remote != NULL && !remote_is_lost(s->remote))
		return CLI_OK;
	session_name_server(
	    s, s->remote == NULL ? "the connection is lost" : remote_lost_story(s->remote), &named);
	return cli_fail(s->cli, CLI_UNREACHABLE, "%s", named.text);
}

bool
session_is_over(const struct remote_session *s)
{
	return tty_interrupts() > 0 || s->remote == NULL || remote_is_lost(s->remote);
}

void
session_close(struct remote_session *s)
{
	progress_free(s->progress);
	remote_free(s->remote);
	login_free(s->login);
	stdio_servers_end(&s->servers);
	*s = (struct remote_session){.cli = s->cli};
}

enum cli_exit
url_list_parse(struct cli *cli, const char *const *words, size_t n, struct url_list *ret_list)
{
	struct story story = {.text = ""};

	*ret_list = (struct url_list){.items = calloc(n + 1, sizeof *ret_list->items)};
	if (ret_list->items == NULL)
		cli_no_memory();
	for (size_t i = 0; i < n; i++) {
		struct url *u = &ret_list->items[i];
		enum err e = url_parse(words[i], u, &story);
		ret_list->n++;
		if (e != ERR_OK)
			return cli_fail(cli, CLI_USAGE, "%s", story.text);
		if (!url_same_server(u, &ret_list->items[0]))
			return cli_fail(
			    cli, CLI_USAGE, "all URLs of one command must be of one server");
	}
	return CLI_OK;
}

void
url_list_fini(struct url_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		url_fini(&l->items[i]);
	free(l->items);
	*l = (struct url_list){.items = NULL};
}

char *
url_path(const struct url *u)
{
	char *path = strdup(u->pattern[0] == '\0' ? "." : u->pattern);

	if (path == NULL)
		cli_no_memory();
	glob_unquote(path);
	return path;
}
