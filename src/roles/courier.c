/*
 * A courier: one connection to one remote. It reads its private key and known_hosts from
 * descriptors, finds the address and connects, and then, before the first byte of the remote is
 * read, confines itself to staging. It acts for core: lists, fetches, removes.
 */
#include "roles/courier.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "roles/roles.h"
#include "sftp/listing.h"
#include "sftp/proto.h"
#include "ssh/knownhosts.h"

enum { PRIVATE_KEY_MAX = 64 * 1024, READ_CHUNK = 4 * 1024 * 1024, AHEAD_MAX = 32 * 1024 * 1024 };

#define CLOSE_TIMEOUT (2 * US_PER_SEC)

void
courier_tell(struct courier *c, enum ipc_type type, const void *body)
{
	enum err e = ipc_send(&c->core, type, body);

	if (e != ERR_OK && c->end == ERR_OK)
		c->end = e;
}

static void
tell_refused(struct courier *c, enum ipc_connect_outcome outcome, const char *story)
{
	courier_tell(c, IPC_COURIER_REFUSED,
	    &(struct ipc_courier_refused){.outcome = outcome, .story = slice_str(story)});
	if (c->end == ERR_OK)
		c->end = ERR_CLOSED;
}

/* Listing. */

static bool
is_regular(const struct sftp_attrs *a)
{
	/* A server that doesn't tell types: the size at least says that it has a content. */
	if ((a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) == 0 || (a->permissions & S_IFMT) == 0)
		return (a->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
	return S_ISREG(a->permissions);
}

static void
on_entry(void *ctx, const struct sftp_name *name)
{
	struct courier *c = ctx;

	if (!is_regular(&name->attrs))
		return;
	if (name->filename.len > IPC_FILE_NAME_MAX || slice_has(name->filename, 0)) {
		log_warn("courier.name-refused", F_STR("remote", c->remote),
		    F_SLICE("name", name->filename));
		return;
	}
	c->n_listed++;
	courier_tell(c, IPC_COURIER_ENTRY,
	    &(struct ipc_courier_entry){
		.name = name->filename, .size = name->attrs.size, .mtime = name->attrs.mtime});
}

static void
on_listed(void *ctx, uint32_t status, const struct story *story)
{
	struct courier *c = ctx;

	courier_tell(c, IPC_COURIER_LISTED,
	    &(struct ipc_courier_listed){
		.outcome = status == SSH_FX_OK ? IPC_OUTCOME_DONE : IPC_OUTCOME_REFUSED,
		.n_entries = c->n_listed,
		.story = slice_str(story->text),
	    });
}

enum err
courier_list(struct courier *c, const struct ipc_courier_list *m)
{
	struct sftp_listing_job job = {
	    .path = m->path,
	    .max_entries = m->max_entries,
	    .entry = on_entry,
	    .done = on_listed,
	    .ctx = c,
	};

	c->n_listed = 0;
	return sftp_listing_start(c->sftp, &job);
}

/* Messages of core. */

static enum err
read_fd(int fd, struct buf *b, struct story *story, const char *what)
{
	enum err e = file_read_all(fd, b);

	return e == ERR_OK ? e : story_fail(story, e, "cannot read the %s: %s", what, err_text(e));
}

/* Everything that needs names, files and sockets is done by now. */
static enum err
confine(const struct courier *c, struct story *story)
{
	struct sandbox_rule staging = {.dir_fd = c->staging_fd, .access = SANDBOX_WRITE};

	enum err e = sandbox_no_new_privileges();
	if (e == ERR_OK) {
		e = sandbox_landlock(&staging, 1);
		if (e == ERR_UNSUPPORTED)
			e = ERR_OK;
	}
	if (e == ERR_OK)
		e = sandbox_drop_capabilities();
	if (e == ERR_OK)
		e = sandbox_seccomp();
	return e == ERR_OK ? e
			   : story_fail(story, e, "cannot confine the courier: %s", err_text(e));
}

static const enum ipc_connect_outcome OUTCOMES[] = {
    [TRANSPORT_UNREACHABLE] = IPC_CONNECT_UNREACHABLE,
    [TRANSPORT_NO_ALGORITHM] = IPC_CONNECT_NO_ALGORITHM,
    [TRANSPORT_HOST_KEY_UNKNOWN] = IPC_CONNECT_HOST_KEY_UNKNOWN,
    [TRANSPORT_HOST_KEY_CHANGED] = IPC_CONNECT_HOST_KEY_CHANGED,
    [TRANSPORT_USER_KEY_REFUSED] = IPC_CONNECT_USER_KEY_REFUSED,
    [TRANSPORT_BAD_PRIVATE_KEY] = IPC_CONNECT_BAD_PRIVATE_KEY,
    [TRANSPORT_NO_SFTP] = IPC_CONNECT_NO_SFTP,
    [TRANSPORT_LOCAL_FAILURE] = IPC_CONNECT_LOCAL_FAILURE,
};

/* Unknown and changed keys: what a person does next. */
static void
add_advice(struct courier *c, enum transport_outcome outcome, struct story *story)
{
	size_t len = strlen(story->text);

	if (outcome != TRANSPORT_HOST_KEY_UNKNOWN && outcome != TRANSPORT_HOST_KEY_CHANGED)
		return;
	(void)snprintf(story->text + len, sizeof story->text - len,
	    "; inspect it with: dray host scan %s", c->remote);
}

static void
on_ready(void *ctx, const struct sftp_reply *reply)
{
	struct courier *c = ctx;
	struct transport_facts facts;

	if (reply->status != SSH_FX_OK) {
		tell_refused(c, IPC_CONNECT_NO_SFTP, "the server speaks no SFTP that we know");
		return;
	}
	transport_facts(c->transport, &facts);
	courier_tell(c, IPC_COURIER_CONNECTED,
	    &(struct ipc_courier_connected){
		.fingerprint = slice_str(facts.fingerprint),
		.server = slice_str(facts.peer_version),
		.algorithms = slice_str(facts.algorithms),
	    });
	c->core.state = IPC_RUNNING;
}

/* Answers out of order wait in memory: so much, whatever the line takes. */
static uint64_t
budget_max(const struct courier *c)
{
	size_t window = transport_window(c->transport);

	return window > 0 && window < AHEAD_MAX ? window : AHEAD_MAX;
}

static enum err
log_in(struct courier *c, const struct ipc_courier_connect *m, const char *host, const char *user,
    struct slice known_hosts, struct slice private_key)
{
	struct transport_client_config config = {
	    .host = host,
	    .port = (uint16_t)m->port,
	    .user = user,
	    .known_hosts = known_hosts,
	    .private_key = private_key,
	    .timeout_us = m->timeout_us,
	};
	struct transport_facts facts = {.fingerprint = ""};
	struct story story = {.text = ""};
	int fd = -1;

	enum err e = socket_connect_tcp(host, config.port, m->timeout_us, &fd, &story);
	if (e != ERR_OK) {
		tell_refused(c, IPC_CONNECT_UNREACHABLE, story.text);
		return ERR_OK;
	}
	e = confine(c, &story);
	if (e != ERR_OK) {
		fd_closep(&fd);
		tell_refused(c, IPC_CONNECT_LOCAL_FAILURE, story.text);
		return ERR_OK;
	}
	enum transport_outcome outcome =
	    transport_client_login(&c->transport, fd, &config, &facts, &story);
	if (outcome != TRANSPORT_LOGGED_IN) {
		add_advice(c, outcome, &story);
		tell_refused(c, OUTCOMES[outcome], story.text);
		return ERR_OK;
	}
	c->heard_us = time_mono_us();
	sftp_budget_init(&c->budget, transport_round_trip_us(c->transport), budget_max(c));
	e = sftp_client_new(&c->sftp);
	return e == ERR_OK ? sftp_client_start(c->sftp, on_ready, c) : e;
}

static enum err
on_connect(void *ctx, struct ipc_message *m)
{
	struct courier *c = ctx;
	struct ipc_courier_connect *connect = &m->courier_connect;
	struct buf key _cleanup_(buf_wipe), known_hosts _cleanup_(buf_fini);
	char host[IPC_HOST_MAX + 1], user[IPC_HOST_MAX + 1];
	struct story story = {.text = ""};

	buf_init(&key, PRIVATE_KEY_MAX);
	buf_init(&known_hosts, KNOWNHOSTS_FILE_MAX);
	if (c->staging_fd >= 0 || connect->port > UINT16_MAX ||
	    !slice_copy(connect->host, host, sizeof host) ||
	    !slice_copy(connect->user, user, sizeof user) ||
	    !slice_copy(connect->remote, c->remote, sizeof c->remote))
		return ERR_FORMAT;
	c->staging_fd = fd_take(&connect->staging);
	c->timeout_us = connect->timeout_us;
	enum err e = read_fd(connect->private_key, &key, &story, "private key");
	if (e == ERR_OK)
		e = read_fd(connect->known_hosts, &known_hosts, &story, "known_hosts file");
	/* From here on the buffers hold what the sandbox would no longer let us read. */
	fd_closep(&connect->private_key);
	fd_closep(&connect->known_hosts);
	if (e != ERR_OK) {
		tell_refused(c, IPC_CONNECT_LOCAL_FAILURE, story.text);
		return ERR_OK;
	}
	return log_in(c, connect, host, user, buf_slice(&known_hosts), buf_slice(&key));
}

static enum err
on_list(void *ctx, struct ipc_message *m)
{
	return courier_list(ctx, &m->courier_list);
}

static enum err
on_fetch(void *ctx, struct ipc_message *m)
{
	return courier_fetch(ctx, &m->courier_fetch);
}

static enum err
on_remove(void *ctx, struct ipc_message *m)
{
	return courier_remove(ctx, &m->courier_remove);
}

static enum err
on_bye(void *ctx, struct ipc_message *m unused_arg)
{
	struct courier *c = ctx;

	c->end = ERR_CLOSED;
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_COURIER_CONNECT, on_connect},
    {IPC_COURIER_LIST, on_list},
    {IPC_COURIER_FETCH, on_fetch},
    {IPC_COURIER_REMOVE, on_remove},
    {IPC_COURIER_BYE, on_bye},
};

static void
hear_core(struct courier *c)
{
	struct ipc_message m;

	enum err e = ipc_recv(&c->core, &m);
	if (e == ERR_OK)
		e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), c, &m);
	if (e != ERR_OK && c->end == ERR_OK)
		c->end = e;
}

/* The conversation with the remote. */

static void
line_lost(struct courier *c, const char *story)
{
	if (c->end != ERR_OK)
		return;
	courier_save_prefixes(c);
	tell_refused(c, IPC_CONNECT_UNREACHABLE, story[0] != '\0' ? story : "the connection broke");
}

static bool
receive(struct courier *c, uint8_t *chunk)
{
	size_t len;

	enum err e = transport_read(c->transport, chunk, READ_CHUNK, &len);
	if (e == ERR_OK && len > 0) {
		c->heard_us = time_mono_us();
		e = sftp_client_feed(c->sftp, chunk, len);
		if (e != ERR_OK) {
			line_lost(c, "the server sent what is not SFTP");
			return false;
		}
	}
	if (e != ERR_OK)
		line_lost(c, "the connection broke");
	return e == ERR_OK && len > 0;
}

static bool
transmit(struct courier *c)
{
	struct buf *out = sftp_client_output(c->sftp);
	struct slice bytes = buf_slice(out);
	size_t sent = 0;

	if (bytes.len == 0)
		return false;
	if (transport_write(c->transport, bytes.ptr, bytes.len, &sent) != ERR_OK) {
		line_lost(c, "the connection broke");
		return false;
	}
	buf_consume(out, sent);
	return sent > 0;
}

/* How long to wait for the remote: for ever while nothing is asked of it. */
static int64_t
patience(const struct courier *c)
{
	if (sftp_client_n_pending(c->sftp) == 0)
		return -1;
	int64_t left = c->heard_us + c->timeout_us - time_mono_us();
	return left < 0 ? 0 : left;
}

static void
hear_remote(struct courier *c)
{
	struct transport_event event;

	do {
		transport_next_event(c->transport, &event);
		if (event.type == TRANSPORT_CLOSED)
			line_lost(c, event.story);
		else if (event.type == TRANSPORT_PEER_EOF)
			line_lost(c, "the server closed the connection");
	} while (event.type != TRANSPORT_NOTHING && event.type != TRANSPORT_READABLE &&
		 c->end == ERR_OK);
}

/* One exchange with both sides, once there is a connection. */
static void
turn(struct courier *c, uint8_t *chunk)
{
	bool moved, core_speaks = false;

	do {
		moved = receive(c, chunk);
		moved = (c->end == ERR_OK && transmit(c)) || moved;
	} while (moved && c->end == ERR_OK);
	if (c->end == ERR_OK)
		hear_remote(c);
	if (c->end != ERR_OK)
		return;
	bool was_idle = sftp_client_n_pending(c->sftp) == 0;
	int64_t wait = patience(c);
	if (wait == 0) {
		line_lost(c, "the server did not answer in time");
		return;
	}
	if (transport_wait(c->transport, c->core.fd, wait, &core_speaks) != ERR_OK) {
		line_lost(c, "the connection broke");
		return;
	}
	if (core_speaks)
		hear_core(c);
	/* Its time begins when something is asked, not when it last spoke. */
	if (was_idle)
		c->heard_us = time_mono_us();
}

int
role_courier(int core_fd)
{
	struct courier c = {.staging_fd = -1};
	uint8_t *chunk = malloc(READ_CHUNK);

	process_set_name("dray-courier");
	TAILQ_INIT(&c.fetches);
	(void)signal(SIGPIPE, SIG_IGN);
	enum err e = ipc_link_init(&c.core, core_fd, IPC_ROLE_CORE);
	if (e == ERR_OK)
		e = chunk == NULL ? ERR_NOMEM : transport_library_init();
	if (e != ERR_OK) {
		log_error("courier.not-started", F_STR("error", err_text(e)));
		return 1;
	}
	while (c.end == ERR_OK) {
		if (c.transport == NULL)
			hear_core(&c);
		else
			turn(&c, chunk);
	}
	if (c.transport != NULL)
		transport_close(c.transport, CLOSE_TIMEOUT);
	if (c.end == ERR_CLOSED)
		return 0;
	log_error("courier.ended", F_STR("remote", c.remote), F_STR("error", err_text(c.end)));
	return 1;
}
