/*
 * A session parses what a stranger sends, and so has no privilege at all: no file system before
 * login (an empty root), and after it only the directories of the account's mounts, which core
 * hands over as descriptors and Landlock confines it to. What must be recorded goes to core.
 */
#include "roles/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "sftp/server.h"
#include "vfs/vfs.h"

enum { MOUNTS_MAX = 64, READ_CHUNK = 512 * 1024 };

#define CLOSE_TIMEOUT (2 * US_PER_SEC)
#define FLUSH_LOOK    (10 * US_PER_MS)

struct session {
	struct ipc_link core;
	struct transport *transport;
	struct vfs *vfs;
	struct sftp_server *sftp;
	struct sandbox_rule rules[2 * MOUNTS_MAX];
	size_t n_rules;
	uint32_t n_mounts;
	char account[IPC_NAME_MAX + 1];
	enum err end; /* not ERR_OK: the session is over */
	char why[STORY_MAX];
	uint8_t *chunk; /* READ_CHUNK bytes between the channel and the engine */
	size_t chunk_len, chunk_taken;
	uint64_t bytes_in, bytes_out;
};

static void
end_session(struct session *s, enum err e, const char *why)
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
		end_session(s, ERR_CLOSED, "the client closed the connection");
		return;
	}
	const char *story = closed->story[0] != '\0' ? closed->story : err_text(closed->error);
	(void)snprintf(why, sizeof why, "%s%s", lost ? "the connection was lost: " : "", story);
	end_session(s, closed->error, why);
}

/* Something could not be done; when it is because the line is over, that tells more. */
static void
end_failed(struct session *s, enum err e, const char *what)
{
	struct transport_event event;
	char why[STORY_MAX];

	transport_next_event(s->transport, &event);
	if (event.type == TRANSPORT_CLOSED)
		end_with_line(s, &event);
	(void)snprintf(why, sizeof why, "%s: %s", what, err_text(e));
	end_session(s, e, why);
}

enum err
session_tell(struct session *s, enum ipc_type type, const void *body)
{
	enum err e = ipc_send(&s->core, type, body);

	if (e != ERR_OK)
		end_session(s, e, "the line to the gateway's core was lost");
	return e;
}

/* What core says. */

static enum err
on_auth_mount(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	struct ipc_auth_mount *mount = &m->auth_mount;
	char at[IPC_PATH_MAX + 1], folder[IPC_NAME_MAX + 1];
	bool writes = (mount->allow & ~(uint32_t)(VFS_LIST | VFS_DOWNLOAD)) != 0;

	if (s->n_mounts == MOUNTS_MAX || !slice_copy(mount->at, at, sizeof at) ||
	    !slice_copy(mount->folder, folder, sizeof folder))
		return ERR_FORMAT;
	if (s->vfs == NULL) {
		enum err e = vfs_new(&s->vfs, s->account, &SESSION_JOURNAL, s);
		if (e != ERR_OK)
			return e;
	}
	s->n_mounts++;
	s->rules[s->n_rules++] = (struct sandbox_rule){
	    .dir_fd = mount->dir, .access = writes ? SANDBOX_WRITE : SANDBOX_READ};
	/* Who only reads has no business in what others are uploading. */
	if (writes)
		s->rules[s->n_rules++] =
		    (struct sandbox_rule){.dir_fd = mount->staging, .access = SANDBOX_WRITE};
	else
		fd_closep(&mount->staging);
	const struct vfs_mount_options options = {
	    .at = at,
	    .folder = folder,
	    .allow = mount->allow,
	    .direct = mount->direct,
	    .relaxed = mount->relaxed,
	    .metered = mount->metered,
	    .names = mount->names,
	    .no_names = mount->no_names,
	};
	return vfs_mount(s->vfs, &options, fd_take(&mount->dir), fd_take(&mount->staging));
}

/*
 * Logged in: from here on the process reaches the account's mounts, and nothing else, until it
 * ends. The rules' descriptors belong to the vfs and are open as long as it lives.
 */
static enum err
confine_to_mounts(struct session *s)
{
	enum err e = sandbox_landlock(s->rules, s->n_rules);

	return e == ERR_UNSUPPORTED ? ERR_OK : e;
}

static enum err
accept_login(struct session *s)
{
	enum err e = s->vfs == NULL ? vfs_new(&s->vfs, s->account, &SESSION_JOURNAL, s) : ERR_OK;
	if (e == ERR_OK)
		e = confine_to_mounts(s);
	if (e == ERR_OK)
		e = sftp_server_new(&s->sftp, vfs_ops(), s->vfs, false);
	if (e == ERR_OK)
		s->core.state = IPC_RUNNING;
	return e;
}

static enum err
tell_facts(struct session *s)
{
	struct transport_facts facts;

	transport_facts(s->transport, &facts);
	return session_tell(s, IPC_SESSION_FACTS,
	    &(struct ipc_session_facts){.client = slice_str(facts.peer_version),
		.algorithms = slice_str(facts.algorithms)});
}

static enum err
on_upload_recorded(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	const struct ipc_upload_recorded *r = &m->upload_recorded;

	if (s->vfs == NULL || r->error >= ERR_N)
		return ERR_FORMAT;
	return vfs_upload_recorded(s->vfs, r->tag, (enum err)r->error, r->transfer);
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_AUTH_MOUNT, on_auth_mount},
    {IPC_UPLOAD_RECORDED, on_upload_recorded},
};

/* One message of core's, or the end of its line: then this session is to end. */
static void
hear_core(struct session *s)
{
	struct ipc_message m;

	enum err e = ipc_recv(&s->core, &m);
	if (e == ERR_OK)
		e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), s, &m);
	if (e != ERR_OK)
		end_session(s, e,
		    e == ERR_CLOSED ? "ended by the gateway" : "a message of core's made no sense");
}

/*
 * Asks core, and waits for the answer: nothing else can happen before it, and core answers from its
 * memory. On acceptance of a proven key its mounts have come before the answer.
 */
static enum err
ask_core(struct session *s, const struct transport_event *event, bool *ret_accepted)
{
	struct ipc_message m;

	*ret_accepted = false;
	if (event->user.len > IPC_NAME_MAX || event->algorithm.len > IPC_NAME_MAX ||
	    event->key.len > IPC_KEY_MAX || slice_has(event->user, 0))
		return ERR_OK;
	if (!slice_copy(event->user, s->account, sizeof s->account))
		return ERR_OK;
	enum err e = session_tell(s, IPC_AUTH_QUERY,
	    &(struct ipc_auth_query){
		.account = event->user,
		.algorithm = event->algorithm,
		.key = event->key,
		.proven = event->proven,
	    });
	while (e == ERR_OK) {
		e = ipc_recv(&s->core, &m);
		if (e != ERR_OK)
			break;
		if (m.type == IPC_AUTH_ANSWER) {
			*ret_accepted = m.auth_answer.verdict == IPC_VERDICT_ACCEPT;
			e = m.auth_answer.n_mounts == s->n_mounts ? ERR_OK : ERR_FORMAT;
			ipc_message_fini(&m);
			break;
		}
		e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), s, &m);
	}
	return e;
}

enum err
session_ask_quota(struct session *s, const struct ipc_quota_ask *ask)
{
	struct ipc_message m;

	enum err e = session_tell(s, IPC_QUOTA_ASK, ask);
	while (e == ERR_OK) {
		e = ipc_recv(&s->core, &m);
		if (e == ERR_OK && m.type == IPC_QUOTA_LEASE) {
			e = m.quota_lease.error < ERR_N ? (enum err)m.quota_lease.error
							: ERR_FORMAT;
			ipc_message_fini(&m);
			return e;
		}
		if (e == ERR_OK)
			e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), s, &m);
	}
	end_session(s, e, "the line to the gateway's core was lost");
	return e;
}

static void
on_auth(struct session *s, const struct transport_event *event)
{
	bool accepted, proven = event->proven;

	enum err e = ask_core(s, event, &accepted);
	if (e == ERR_OK && accepted && proven)
		e = accept_login(s);
	if (e == ERR_OK)
		e = transport_auth_answer(
		    s->transport, accepted ? TRANSPORT_AUTH_ACCEPT : TRANSPORT_AUTH_DENY, 0);
	/* The transport knows them from its own answer on. */
	if (e == ERR_OK && accepted && proven)
		e = tell_facts(s);
	if (e != ERR_OK)
		end_failed(s, e, "the login could not be answered");
}

/* Bytes from the channel into the engine, while it takes them. True when anything moved. */
static bool
feed_engine(struct session *s)
{
	size_t taken, len;

	if (s->chunk_taken == s->chunk_len) {
		enum err e = transport_read(s->transport, s->chunk, READ_CHUNK, &len);
		if (e != ERR_OK) {
			end_failed(s, e, "reading from the client failed");
			return false;
		}
		s->chunk_len = len;
		s->chunk_taken = 0;
		s->bytes_in += len;
	}
	enum err e = sftp_server_feed(
	    s->sftp, s->chunk + s->chunk_taken, s->chunk_len - s->chunk_taken, &taken);
	if (e != ERR_OK)
		end_session(s, e, "the client sent what is not SFTP");
	s->chunk_taken += taken;
	return taken > 0;
}

/* Bytes from the engine into the channel, while it takes them. True when anything moved. */
static bool
drain_engine(struct session *s)
{
	struct buf *out = sftp_server_output(s->sftp);
	struct slice bytes = buf_slice(out);
	size_t sent = 0;

	if (bytes.len == 0)
		return false;
	enum err e = transport_write(s->transport, bytes.ptr, bytes.len, &sent);
	if (e != ERR_OK) {
		end_failed(s, e, "writing to the client failed");
		return false;
	}
	buf_consume(out, sent);
	s->bytes_out += sent;
	return sent > 0;
}

static void
serve(struct session *s)
{
	bool moved = true;

	while (moved && s->end == ERR_OK) {
		moved = feed_engine(s);
		if (s->end == ERR_OK)
			moved = drain_engine(s) || moved;
	}
}

/* The client will send no more: what it asked for is answered, and then it is over. */
static bool
is_served(const struct session *s)
{
	return s->sftp == NULL || (s->chunk_taken == s->chunk_len && sftp_server_idle(s->sftp));
}

static void
handle(struct session *s, const struct transport_event *event, bool *peer_eof)
{
	switch (event->type) {
	case TRANSPORT_AUTH:
		on_auth(s, event);
		break;
	case TRANSPORT_PEER_EOF:
		*peer_eof = true;
		break;
	case TRANSPORT_CLOSED:
		end_with_line(s, event);
		break;
	case TRANSPORT_NOTHING:
	case TRANSPORT_OPENED:
	case TRANSPORT_READABLE:
		break;
	}
}

static void
run(struct session *s)
{
	struct transport_event event;
	bool core_speaks, peer_eof = false, opened = false;

	while (s->end == ERR_OK) {
		do {
			transport_next_event(s->transport, &event);
			opened = opened || event.type == TRANSPORT_OPENED;
			handle(s, &event, &peer_eof);
		} while (event.type != TRANSPORT_NOTHING && event.type != TRANSPORT_READABLE &&
			 s->end == ERR_OK);
		if (opened && s->sftp != NULL)
			serve(s);
		if (peer_eof && is_served(s) && transport_flushed(s->transport))
			end_session(s, ERR_CLOSED, "the client closed the connection");
		if (s->end != ERR_OK)
			break;
		/* No event tells that the last bytes have left: while that is awaited, look. */
		int64_t patience = peer_eof && is_served(s) ? FLUSH_LOOK : -1;
		enum err e = transport_wait(s->transport, s->core.fd, patience, &core_speaks);
		if (e != ERR_OK)
			end_failed(s, e, "the connection can't be waited for");
		else if (core_speaks)
			hear_core(s);
	}
}

/*
 * Gives up everything that serving a stranger doesn't need. Where the kernel can't give an empty
 * root, what remains before login is seccomp; the listener has said so at its start.
 */
static enum err
confine(int empty_dir)
{
	pid_t listener = getppid();
	enum err e = sandbox_no_new_privileges();

	if (e == ERR_OK) {
		e = sandbox_empty_root(empty_dir);
		if (e == ERR_UNSUPPORTED)
			e = ERR_OK;
	}
	if (e == ERR_OK)
		e = sandbox_drop_capabilities();
	/* Once more: the kernel forgets the first wish when a user namespace is entered. */
	if (e == ERR_OK && !process_die_with_parent(listener))
		e = ERR_CLOSED;
	return e == ERR_OK ? sandbox_seccomp() : e;
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

	while (e == ERR_OK && s->vfs != NULL && vfs_n_recording(s->vfs) > 0) {
		e = ipc_recv(&s->core, &m);
		if (e == ERR_OK)
			e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), s, &m);
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

int
session_run(const struct session_start *start)
{
	struct session s = {.n_rules = 0};

	enum err e = ipc_link_init(&s.core, start->core_fd, IPC_ROLE_CORE);
	s.chunk = malloc(READ_CHUNK);
	if (e == ERR_OK && s.chunk == NULL)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = confine(start->empty_dir);
	/* Not needed any more, and one thing less to hold. */
	(void)close(start->empty_dir);
	if (e == ERR_OK)
		e = transport_server_new(
		    &s.transport, start->socket_fd, start->host_keys, &start->limits);
	if (e != ERR_OK) {
		log_error("session.not-started", F_STR("error", err_text(e)));
		return 1;
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
	free(s.chunk);
	return 0;
}
