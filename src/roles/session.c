/*
 * A session parses what a stranger sends, and so has no privilege at all: no file system before
 * login (an empty root), and after it only the directories of the account's mounts, which core
 * hands over as descriptors and Landlock confines it to. What must be recorded goes to core.
 */
#include "roles/session_internal.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/sandbox.h"

#define CLOSE_TIMEOUT (2 * US_PER_SEC)
#define FLUSH_LOOK    (10 * US_PER_MS)
#define REST_AFTER    US_PER_SEC

/* Messages of core's between two looks at the client. */
enum { HEARD_AT_ONCE = 64 };

void
session_end(struct session *s, enum err e, const char *why)
{
	if (s->end != ERR_OK)
		return;
	s->end = e;
	(void)snprintf(s->why, sizeof s->why, "%s", why);
}

/*
 * The transport says that its line is over. A line that broke is told apart from an orderly end,
 * and from one that we made for a reason.
 */
static void
end_with_line(struct session *s, const struct transport_event *closed)
{
	bool lost = closed->error == ERR_CLOSED || closed->error == ERR_IO;
	char why[STORY_MAX + 32];

	if (closed->error == ERR_OK) {
		session_end(s, ERR_CLOSED, "the client closed the connection");
		return;
	}
	const char *story = closed->story[0] != '\0' ? closed->story : err_text(closed->error);
	(void)snprintf(why, sizeof why, "%s%s", lost ? "the connection was lost: " : "", story);
	session_end(s, closed->error, why);
}

/* Something could not be done; when it is because the line is over, that tells more. */
void
session_end_failed(struct session *s, enum err e, const char *what)
{
	struct transport_event event;
	char why[STORY_MAX];

	transport_next_event(s->transport, &event);
	if (event.type == TRANSPORT_CLOSED)
		end_with_line(s, &event);
	(void)snprintf(why, sizeof why, "%s: %s", what, err_text(e));
	session_end(s, e, why);
}

enum err
session_tell(struct session *s, enum ipc_type type, const void *body)
{
	enum err e = ipc_send(&s->core, type, body);

	if (e != ERR_OK)
		session_end(s, e, "the line to the gateway's core was lost");
	return e;
}

/* What core says. */

static const struct ipc_handler HANDLERS[] = {
    {IPC_AUTH_ACCOUNT, session_on_account},
    {IPC_AUTH_MOUNT, session_on_auth_mount},
    {IPC_UPLOAD_RECORDED, session_on_upload_recorded},
    {IPC_PARTIAL, session_on_partial},
    {IPC_PARTIAL_GONE, session_on_partial_gone},
    {IPC_SESSION_RATE, session_on_rate},
    {IPC_SESSION_STOP, session_on_stop},
};

enum err
session_dispatch(struct session *s, struct ipc_message *m)
{
	return ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), s, m);
}

static bool
core_says_more(const struct session *s)
{
	struct pollfd core = {.fd = s->core.fd, .events = POLLIN};

	return poll(&core, 1, 0) > 0;
}

/*
 * What core has said by now, or the end of its line: then this session is to end. Core answers the
 * uploads of a turn of its own one after the other: heard together, they are put in place together.
 */
void
session_hear_core(struct session *s)
{
	struct ipc_message m;
	unsigned n = 0;
	enum err e;

	do {
		e = ipc_recv(&s->core, &m);
		if (e == ERR_OK)
			e = session_dispatch(s, &m);
	} while (e == ERR_OK && s->end == ERR_OK && ++n < HEARD_AT_ONCE && core_says_more(s));
	if (e != ERR_OK)
		session_end(s, e,
		    e == ERR_CLOSED ? "ended by the gateway" : "a message of core's made no sense");
}

static void
handle(struct session *s, const struct transport_event *event)
{
	switch (event->type) {
	case TRANSPORT_AUTH:
		session_on_auth(s, event);
		break;
	case TRANSPORT_OPENED:
		s->opened = true;
		break;
	case TRANSPORT_PEER_EOF:
		s->peer_eof = true;
		break;
	case TRANSPORT_CLOSED:
		end_with_line(s, event);
		break;
	case TRANSPORT_NOTHING:
	case TRANSPORT_READABLE:
		break;
	}
}

/*
 * The client is silent: gives the memory back that only much traffic needs. Sessions are many, and
 * most of them idle. What was allocated in pieces stays with the C library unless it is asked for
 * it: hence malloc_trim.
 */
static void
rest(struct session *s)
{
	s->rested = true;
	if (s->sftp != NULL)
		sftp_server_trim(s->sftp);
	transport_trim(s->transport);
	(void)malloc_trim(0);
}

/* How long the loop may sleep now. */
static int64_t
patience_of(struct session *s)
{
	int64_t patience = session_pace_wait_us(s);
	int64_t most = s->rested ? INT64_MAX : REST_AFTER;

	if (session_has_work(s))
		most = 0;
	/* No event tells that the last bytes have left: while that is awaited, look. */
	else if (s->peer_eof && session_is_served(s))
		most = FLUSH_LOOK;
	return patience < 0 || patience > most ? (most == INT64_MAX ? -1 : most) : patience;
}

static void
wait_for_somebody(struct session *s)
{
	int64_t patience = patience_of(s), began_us = time_mono_us();
	bool core_speaks;

	if (s->end != ERR_OK)
		return;
	enum err e = transport_wait(s->transport, s->core.fd, patience, &core_speaks);
	if (e != ERR_OK)
		session_end_failed(s, e, "the connection can't be waited for");
	else if (core_speaks)
		session_hear_core(s);
	else if (!s->rested && time_mono_us() - began_us >= REST_AFTER)
		rest(s);
}

static void
run(struct session *s)
{
	struct transport_event event;

	while (s->end == ERR_OK) {
		do {
			transport_next_event(s->transport, &event);
			handle(s, &event);
		} while (event.type != TRANSPORT_NOTHING && event.type != TRANSPORT_READABLE &&
			 s->end == ERR_OK);
		uint64_t before = s->bytes_in + s->bytes_out;
		if (s->opened && s->sftp != NULL && s->end == ERR_OK)
			session_serve(s);
		if (s->bytes_in + s->bytes_out > before)
			s->rested = false;
		if (s->peer_eof && session_is_served(s) && transport_flushed(s->transport))
			session_end(s, ERR_CLOSED, "the client closed the connection");
		if (s->end == ERR_OK)
			wait_for_somebody(s);
	}
}

/*
 * Gives up everything that serving a stranger doesn't need. Where the kernel can't give an empty
 * root, what remains before login is seccomp; the listener has said so at its start.
 */
static enum err
confine(const struct session_start *start)
{
	pid_t listener = getppid();
	enum err e = sandbox_no_new_privileges();

	if (e == ERR_OK) {
		e = sandbox_empty_root(start->empty_dir);
		if (e == ERR_UNSUPPORTED)
			e = ERR_OK;
	}
	if (e == ERR_OK)
		e = sandbox_drop_capabilities();
	/* Once more: the kernel forgets the first wish when a user namespace is entered. */
	if (e == ERR_OK && !process_die_with_parent(listener))
		e = ERR_CLOSED;
	return e == ERR_OK ? sandbox_filter_load(start->filter) : e;
}

/*
 * The client is gone, but had closed these uploads: they are complete, and core is writing them
 * down. Its answer is short in coming; without a line to core they stay private.
 */
static void
finish_recording(struct session *s)
{
	struct ipc_message m;
	enum err e = ERR_OK;

	while (e == ERR_OK && s->vfs != NULL) {
		vfs_settle(s->vfs);
		if (vfs_n_recording(s->vfs) == 0)
			break;
		e = ipc_recv(&s->core, &m);
		if (e == ERR_OK)
			e = session_dispatch(s, &m);
	}
}

static void
tell_end(struct session *s)
{
	struct ipc_session_end end = {
	    .story = slice_str(s->why), .bytes_in = s->bytes_in, .bytes_out = s->bytes_out};
	enum err e = ipc_send(&s->core, IPC_SESSION_END, &end);

	/* Core may be the one that ended us: then nobody wants to know. */
	if (e != ERR_OK && e != ERR_CLOSED)
		log_warn("session.end-not-told", F_STR("error", err_text(e)));
}

/*
 * The connection, from the listener, whose the line is until then; core's from then on. ERR_CLOSED:
 * this process isn't needed.
 */
static enum err
await_connection(struct session *s, struct ipc_session_begin *ret_begin)
{
	struct ipc_message m;

	enum err e = ipc_recv(&s->core, &m);
	if (e != ERR_OK)
		return e;
	*ret_begin = m.session_begin;
	ret_begin->socket = fd_take(&m.session_begin.socket);
	ipc_message_fini(&m);
	s->core.peer = IPC_ROLE_CORE;
	return ERR_OK;
}

/* Not a word of SSH before the proxy has said whose the connection is. */
static enum err
begin(struct session *s, const struct ipc_session_begin *begin, int64_t login_grace_us)
{
	int64_t until_us = time_mono_us() + login_grace_us;
	enum err e = ERR_OK;

	session_pace_begin(s);
	if (begin->proxied)
		e = session_read_proxy_header(s, begin->socket, login_grace_us);
	if (e == ERR_OK && s->end == ERR_OK)
		transport_server_connect(s->transport, begin->socket, until_us - time_mono_us());
	return e;
}

int
session_run(const struct session_start *start)
{
	struct session s = {.n_rules = 0};
	struct ipc_session_begin connection;

	enum err e = ipc_link_init(&s.core, start->line_fd, IPC_ROLE_LISTENER);
	if (e == ERR_OK)
		e = confine(start);
	/* Not needed any more, and one thing less to hold. */
	(void)close(start->empty_dir);
	if (e == ERR_OK)
		e = transport_server_prepare(&s.transport, start->host_keys, &start->limits);
	if (e == ERR_OK) {
		e = await_connection(&s, &connection);
		if (e == ERR_CLOSED) {
			transport_free(s.transport);
			return 0;
		}
	}
	if (e == ERR_OK)
		e = begin(&s, &connection, start->limits.login_grace_us);
	if (e != ERR_OK) {
		log_error("session.not-started", F_STR("error", err_text(e)));
		return 1;
	}
	if (s.end != ERR_OK) {
		tell_end(&s);
		return 0;
	}
	run(&s);
	transport_close(s.transport, CLOSE_TIMEOUT);
	/* Files still open are abandoned: an upload that was not closed stays private, and core
	 * hears of it. */
	sftp_server_free(s.sftp);
	finish_recording(&s);
	vfs_free(s.vfs);
	tell_end(&s);
	transport_free(s.transport);
	ipc_link_fini(&s.core);
	return 0;
}
