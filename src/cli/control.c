#include "cli/control.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "cli/out.h"
#include "ipc/link.h"
#include "os/socket.h"

static enum control_outcome
fail(struct control_answer *answer, enum control_outcome outcome, enum err e, const char *message)
{
	answer->error = e;
	(void)snprintf(answer->message, sizeof answer->message, "%s", message);
	return outcome;
}

/* ERR_OK when there is something to receive, or the end of the line. */
static enum err
wait_readable(int fd, int64_t silence_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t deadline = time_mono_us() + silence_us;
	int n;

	do {
		int64_t left_ms = (deadline - time_mono_us()) / US_PER_MS;
		n = poll(&p, 1, silence_us == 0 ? -1 : left_ms < 0 ? 0 : (int)left_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_last();
	return n == 0 ? ERR_TIMEOUT : ERR_OK;
}

static bool
is_row(enum ipc_type type)
{
	static const enum ipc_type ROWS[] = {IPC_CTL_GATEWAY, IPC_CTL_ADDRESS, IPC_CTL_ROUTE,
	    IPC_CTL_REMOTE, IPC_CTL_SESSION, IPC_CTL_BAN, IPC_CTL_FOLDER, IPC_CTL_ACCOUNT,
	    IPC_CTL_TRANSFER, IPC_CTL_EVENT};

	for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
		if (ROWS[i] == type)
			return true;
	}
	return false;
}

/* The end of the answer: the command's own result. */
static enum err
take_done(const struct ipc_ctl_done *done, struct control_answer *answer)
{
	if (done->error >= ERR_N)
		return ERR_FORMAT;
	answer->error = (enum err)done->error;
	answer->cause = done->cause;
	answer->more = done->more;
	char *message _cleanup_(out_freep) = out_safe_story(done->message);
	(void)snprintf(answer->message, sizeof answer->message, "%s", message);
	return ERR_OK;
}

/* One message: a row is told, CTL_DONE sets *ret_done, anything else is ERR_FORMAT. */
static enum err
take_message(struct ipc_link *link, const struct control_question *q, struct control_answer *answer,
    bool *ret_done)
{
	struct ipc_message m;

	enum err e = wait_readable(link->fd, q->silence_us);
	if (e == ERR_OK)
		e = ipc_recv(link, &m);
	if (e != ERR_OK)
		return e;
	*ret_done = m.type == IPC_CTL_DONE;
	if (*ret_done)
		e = take_done(&m.ctl_done, answer);
	else if (!is_row(m.type))
		e = ERR_FORMAT;
	else if (q->row != NULL)
		q->row(q->ctx, &m);
	ipc_message_fini(&m);
	return e;
}

/* What a broken conversation means; other errors speak for themselves. */
static const struct {
	enum err err;
	const char *text;
} BROKEN[] = {
    {ERR_TIMEOUT, "drayd runs, but does not answer (its log may say why)"},
    {ERR_FORMAT, "drayd's answer is malformed: is it the same version as this dray?"},
    {ERR_CLOSED, "drayd closed the line before its answer was complete (its log may say why)"},
};

static enum control_outcome
broken(struct control_answer *answer, enum err e)
{
	for (size_t i = 0; i < ARRAY_LEN(BROKEN); i++) {
		if (BROKEN[i].err == e)
			return fail(answer, CONTROL_BROKEN, e, BROKEN[i].text);
	}
	return fail(answer, CONTROL_BROKEN, e, err_text(e));
}

static enum err
converse(struct ipc_link *link, const struct control_question *q, struct control_answer *answer)
{
	bool done = false;

	enum err e = ipc_send(link, q->type, q->body);
	while (e == ERR_OK && !done)
		e = take_message(link, q, answer, &done);
	return e;
}

enum control_outcome
control_ask(
    const char *socket_path, const struct control_question *q, struct control_answer *ret_answer)
{
	struct ipc_link link _cleanup_(ipc_link_fini) = {.fd = -1};
	struct story story;
	int fd = -1;

	*ret_answer = (struct control_answer){.error = ERR_OK};
	enum err e = socket_connect_unix(socket_path, &fd, &story);
	if (e != ERR_OK)
		return fail(ret_answer, CONTROL_UNREACHABLE, e, story.text);
	e = ipc_link_init(&link, fd, IPC_ROLE_CORE);
	link.state = IPC_RUNNING;
	if (e == ERR_OK)
		e = converse(&link, q, ret_answer);
	return e == ERR_OK ? CONTROL_ANSWERED : broken(ret_answer, e);
}

static enum cli_exit
fail_unreachable(struct cli *cli, const struct control_answer *answer)
{
	const char *path = cli_config_path(cli);

	if (answer->error == ERR_ACCESS)
		return cli_fail(cli, CLI_NO_DAEMON,
		    "cannot reach drayd: %s (run dray as the user that drayd runs as, or as root)",
		    answer->message);
	return cli_fail(cli, CLI_NO_DAEMON,
	    "cannot reach drayd: %s: is it running? (start it with: drayd -c %s)", answer->message,
	    path);
}

enum cli_exit
control_find(struct cli *cli, struct control_daemon *ret_daemon)
{
	const char *path = cli_config_path(cli);
	struct buf errors _cleanup_(buf_fini);

	*ret_daemon = (struct control_daemon){.config = NULL};
	buf_init(&errors, CLI_CONFIG_ERRORS_MAX);
	enum err e = config_load(path, &ret_daemon->config, &errors);
	if (e == ERR_OK) {
		if (slice_copy(slice_str(ret_daemon->config->control_socket),
			ret_daemon->socket_path, sizeof ret_daemon->socket_path))
			return CLI_OK;
		return cli_fail(cli, CLI_CONFIG, "%s: the control socket's path is too long", path);
	}
	if (config_peek_control(path, ret_daemon->socket_path, sizeof ret_daemon->socket_path) !=
	    ERR_OK)
		return cli_fail_config(cli, e, &errors);
	fprintf(cli->err,
	    "dray: warning: %s has errors (dray check lists them); the gateway may run with an "
	    "earlier version of it\n",
	    path);
	return CLI_OK;
}

void
control_forget(struct control_daemon *daemon)
{
	config_unrefp(&daemon->config);
}

/* What the command came to, for an answer that says no. */
static enum cli_exit
fail_refused(struct cli *cli, const struct control_question *q, const struct control_answer *answer)
{
	const char *why = answer->message[0] != '\0' ? answer->message : err_text(answer->error);
	enum cli_exit code =
	    answer->cause > 0 ? exit_from_cause(answer->cause) : exit_from_err(answer->error);

	if (code == CLI_NOT_FOUND && q->missing != NULL)
		return cli_fail(cli, code, "%s", q->missing);
	if (q->about != NULL)
		return cli_fail(cli, code, "%s: %s", q->about, why);
	return cli_fail(cli, code, "%s", why);
}

enum cli_exit
control_ask_for(struct cli *cli, const struct control_daemon *daemon,
    const struct control_question *q, struct control_answer *ret_answer)
{
	enum control_outcome outcome = control_ask(daemon->socket_path, q, ret_answer);

	if (outcome == CONTROL_UNREACHABLE)
		return fail_unreachable(cli, ret_answer);
	if (outcome == CONTROL_BROKEN)
		return cli_fail(cli, CLI_FAILED, "%s", ret_answer->message);
	return ret_answer->error == ERR_OK ? CLI_OK : fail_refused(cli, q, ret_answer);
}
