/*
 * Requests after the login (RFC 4254): one session channel, the "sftp" subsystem in it, and no to
 * everything else. Runs inside of libssh's reading of packets: it answers, and leaves the session
 * standing.
 */
#include "ssh/transport_internal.h"

static const char ONLY_SFTP[] = "This server does SFTP alone: no commands and no shell. For scp, "
				"use a version that speaks SFTP "
				"(OpenSSH 9.0 and later, without -O).\r\n";

/*
 * A command or a shell is not run. A plain refusal would leave a person with "exec request failed";
 * so the request is taken for the time of one sentence, which ends with exit status 1.
 */
void
transport_turn_away(struct transport *t)
{
	if (t->farewell != FAREWELL_DUE || t->channel == NULL)
		return;
	t->farewell = FAREWELL_SAID;
	(void)ssh_channel_write_stderr(t->channel, ONLY_SFTP, sizeof ONLY_SFTP - 1);
	(void)ssh_channel_request_send_exit_status(t->channel, 1);
	/* The first call may get no further than EOF. */
	if (ssh_channel_close(t->channel) == SSH_AGAIN)
		(void)ssh_channel_close(t->channel);
}

/* The answers that a message callback gives to libssh. */
enum { ANSWERED = 0, REFUSE = 1 };

static int
on_open(struct transport *t, ssh_message msg)
{
	if (ssh_message_subtype(msg) != SSH_CHANNEL_SESSION || t->channel != NULL ||
	    t->state != TRANSPORT_ACCEPTED)
		return REFUSE;
	ssh_channel channel = ssh_message_channel_request_open_reply_accept(msg);
	/* Without memory the channel stays as it is: every request in it is refused. */
	if (channel == NULL || transport_watch_channel(t, channel) != ERR_OK)
		return ANSWERED;
	return ANSWERED;
}

static int
on_subsystem(struct transport *t, ssh_message msg)
{
	const char *name = ssh_message_channel_request_subsystem(msg);

	if (name == NULL || strcmp(name, "sftp") != 0 || t->state != TRANSPORT_ACCEPTED ||
	    t->farewell != FAREWELL_NONE)
		return REFUSE;
	transport_set_state(t, TRANSPORT_OPEN);
	(void)ssh_message_channel_request_reply_success(msg);
	return ANSWERED;
}

static int
on_channel_request(struct transport *t, ssh_message msg)
{
	int type = ssh_message_subtype(msg);

	if (t->channel == NULL || ssh_message_channel_request_channel(msg) != t->channel)
		return REFUSE;
	if (type == SSH_CHANNEL_REQUEST_SUBSYSTEM)
		return on_subsystem(t, msg);
	if ((type == SSH_CHANNEL_REQUEST_EXEC || type == SSH_CHANNEL_REQUEST_SHELL) &&
	    t->state == TRANSPORT_ACCEPTED && t->farewell == FAREWELL_NONE) {
		t->farewell = FAREWELL_DUE;
		(void)ssh_message_channel_request_reply_success(msg);
		return ANSWERED;
	}
	return REFUSE;
}

static int
on_message(ssh_session session, ssh_message msg, void *ctx)
{
	struct transport *t = ctx;
	int answer = REFUSE;

	(void)session;
	if (ssh_message_type(msg) == SSH_REQUEST_CHANNEL_OPEN)
		answer = on_open(t, msg);
	else if (ssh_message_type(msg) == SSH_REQUEST_CHANNEL)
		answer = on_channel_request(t, msg);
	/* A flood of them ends the connection, but not from in here: see transport_turn. */
	if (answer == REFUSE)
		t->n_refusals++;
	return answer;
}

/* The client's side offers nothing, and refuses all. */
void
transport_serve_requests(struct transport *t)
{
	ssh_set_message_callback(t->session, on_message, t);
}
