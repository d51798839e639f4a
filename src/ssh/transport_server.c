/* The server's side: its creation, its first bytes, and the events of both sides. */
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "os/fd.h"
#include "os/socket.h"
#include "pki/blob.h"
#include "ssh/algorithms.h"
#include "ssh/hostkeys_internal.h"
#include "ssh/transport_internal.h"

/*
 * The bind is only the way by which libssh takes options and host keys for a server's session; it
 * listens on nothing. It must read no file: the session's process can't open any.
 */
static enum err
bind_prepare(ssh_bind bind, const struct hostkeys *host_keys)
{
	bool read_config = false;
	int rsa_bits = BLOB_RSA_BITS_MIN;

	if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &read_config) != 0 ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BANNER, "Dray") != 0 ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_RSA_MIN_SIZE, &rsa_bits) != 0)
		return ERR_UNSUPPORTED;
	enum err e = algorithms_for_server(bind);
	return e == ERR_OK ? hostkeys_offer(host_keys, bind) : e;
}

static enum err
session_accept(ssh_session session, int fd, const struct hostkeys *host_keys)
{
	ssh_bind bind = ssh_bind_new();

	if (bind == NULL)
		return ERR_NOMEM;
	enum err e = bind_prepare(bind, host_keys);
	if (e == ERR_OK && ssh_bind_accept_fd(bind, session, fd) != SSH_OK)
		e = ERR_NOMEM;
	ssh_bind_free(bind);
	return e;
}

enum err
transport_server_new(struct transport **ret_t, int fd, const struct hostkeys *host_keys,
    const struct transport_server_limits *limits)
{
	/* Answers are small, and somebody waits for each. A Unix socket has no such option. */
	(void)!socket_set_nodelay(fd);
	enum err e = fd_set_nonblocking(fd);
	ssh_session session = ssh_new();
	struct transport *t = session == NULL ? NULL : transport_new(session, true);

	if (e == ERR_OK)
		e = t == NULL ? ERR_NOMEM : session_accept(session, fd, host_keys);
	if (e != ERR_OK) {
		/* The session may have taken the descriptor already, and closes it then. */
		if (session == NULL || ssh_get_fd(session) != fd)
			(void)close(fd);
		if (t != NULL)
			transport_free(t);
		else
			ssh_free(session);
		return e;
	}
	ssh_set_blocking(session, 0);
	ssh_set_auth_methods(session, SSH_AUTH_METHOD_PUBLICKEY);
	t->host_keys = host_keys;
	t->limits = *limits;
	t->deadline_us = time_mono_us() + limits->login_grace_us;
	*ret_t = t;
	return ERR_OK;
}

/* Sends our version and gets the key exchange going; from then on the event loop drives it. */
void
transport_server_start(struct transport *t)
{
	transport_set_state(t, TRANSPORT_LOGIN);
	int rc = ssh_handle_key_exchange(t->session);
	transport_notice_end(t);
	if (t->state == TRANSPORT_OVER)
		return;
	if (rc == SSH_ERROR)
		transport_over(t, ERR_FORMAT, "no key exchange: %s", ssh_get_error(t->session));
	else if (transport_watch_session(t) != ERR_OK)
		transport_over(t, ERR_NOMEM, "no memory for the connection");
	t->login_packets_waiting = true;
}

static void
tell_login(struct transport *t, struct transport_event *ret_event)
{
	/* One that awaits its answer was told already. */
	if (t->asked != NULL)
		return;
	transport_auth_step(t);
	if (t->asked == NULL)
		return;
	*ret_event = (struct transport_event){
	    .type = TRANSPORT_AUTH,
	    .user = slice_str(ssh_message_auth_user(t->asked)),
	    .algorithm = slice_str(t->asked_algorithm),
	    .key = buf_slice(&t->asked_key),
	    .proven = t->asked_proven,
	};
}

static void
tell_stream(struct transport *t, struct transport_event *ret_event)
{
	bool bytes = t->buffered + buf_len(&t->stash) > 0;

	if (!t->told_open && t->state == TRANSPORT_OPEN) {
		t->told_open = true;
		ret_event->type = TRANSPORT_OPENED;
	} else if (t->told_open && bytes) {
		t->told_readable = true;
		ret_event->type = TRANSPORT_READABLE;
	} else if (t->told_open && t->peer_eof && !t->told_eof) {
		t->told_eof = true;
		ret_event->type = TRANSPORT_PEER_EOF;
	} else if (t->peer_closed) {
		transport_over(t, ERR_OK, "%s", "");
	}
}

/* Bytes that came before the end are told before it. */
void
transport_next_event(struct transport *t, struct transport_event *ret_event)
{
	*ret_event = (struct transport_event){.type = TRANSPORT_NOTHING, .story = ""};
	if (t->state == TRANSPORT_NEW)
		transport_server_start(t);
	if (t->state == TRANSPORT_LOGIN)
		tell_login(t, ret_event);
	if (t->state == TRANSPORT_OPEN || (t->state == TRANSPORT_OVER && t->told_open))
		tell_stream(t, ret_event);
	else if (t->state == TRANSPORT_ACCEPTED && t->peer_closed)
		transport_over(t, ERR_OK, "%s", "");
	if (t->state == TRANSPORT_OVER && ret_event->type == TRANSPORT_NOTHING) {
		ret_event->type = TRANSPORT_CLOSED;
		ret_event->error = t->error;
		ret_event->story = t->story.text;
	}
}
