#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core.h"
#include "roles/grant.h"
#include "ssh/authkeys.h"
#include "ssh/userkey.h"
#include "transfer/recover.h"
#include "vfs/vfs.h"

/* A session asks about ten times. One that goes on counts on our patience, and floods the log. */
enum { QUERIES_MAX = 1000 };

/* What a session has to end by itself, and to say why, when its login grace is over. */
#define GRACE_MARGIN (5 * US_PER_SEC)

static struct core_session *
session_of(struct core_peer *peer)
{
	/* The peer is its first member. */
	return (struct core_session *)(void *)peer;
}

static struct core_session *
session_find(struct core *c, uint64_t id)
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->id == id)
			return s;
	}
	return NULL;
}

static void
warn_key_line(void *ctx, size_t line, const char *why)
{
	log_warn(
	    "account.key-unusable", F_STR("file", ctx), F_U64("line", line), F_STR("why", why));
}

/*
 * The account's keys as they are in the file now: a key that was taken out of it lets nobody in any
 * more, without a reload.
 */
static enum err
load_keys(const struct config_account *account, struct authkeys **ret_keys)
{
	struct buf content _cleanup_(buf_fini);
	int fd _cleanup_(fd_closep) = -1;

	buf_init(&content, AUTHKEYS_FILE_MAX);
	enum err e = file_open_trusted(account->authorized_keys, O_RDONLY, 0, &fd);
	if (e == ERR_OK)
		e = file_read_all(fd, &content);
	if (e == ERR_OK)
		e = authkeys_parse(
		    ret_keys, buf_slice(&content), warn_key_line, account->authorized_keys);
	if (e != ERR_OK)
		log_error("account.keys-unreadable", F_STR("account", account->name),
		    F_STR("file", account->authorized_keys), F_STR("error", err_text(e)));
	return e;
}

/* Why the account can't log in with this key from there; NULL when it can. */
static const char *
why_refused(const struct core_session *s, const struct config_account *account, struct slice key)
{
	static const char *const WORDS[] = {
	    [AUTHKEYS_ALLOWED] = NULL,
	    [AUTHKEYS_NO_SUCH_KEY] = "the key is not among the account's keys",
	    [AUTHKEYS_WRONG_ADDRESS] = "the key's from= does not allow this address",
	    [AUTHKEYS_EXPIRED] = "the key has expired",
	};
	struct authkeys *keys = NULL;

	if (account == NULL)
		return "no such account";
	if (account->disabled)
		return "the account is disabled";
	if (load_keys(account, &keys) != ERR_OK)
		return "the account's keys can't be read";
	struct authkeys_result result = authkeys_check(keys, key, s->host, time_now_us());
	authkeys_free(keys);
	return WORDS[result.verdict];
}

static enum err
send_mounts(struct core_session *s, const struct config_account *account)
{
	const struct stores *stores = &s->peer.core->gateway.stores;

	for (size_t i = 0; i < account->n_mounts; i++) {
		const struct config_mount *mount = &account->mounts[i];
		const struct store *store = stores_find(stores, mount->folder->name);
		if (store == NULL)
			return ERR_NOENT;
		core_peer_send(&s->peer, IPC_AUTH_MOUNT,
		    &(struct ipc_auth_mount){
			.at = slice_str(mount->at),
			.folder = slice_str(mount->folder->name),
			.allow = mount->allow,
			.dir = store->dir_fd,
			.staging = store->uploads_fd,
		    });
	}
	return ERR_OK;
}

static void
log_auth(const struct core_session *s, struct slice account, struct slice key, const char *why)
{
	char fingerprint[64];

	if (userkey_fingerprint(key, fingerprint) != ERR_OK)
		fingerprint[0] = '\0';
	if (why != NULL)
		log_warn("session.refused", F_U64("session", s->id), F_SLICE("account", account),
		    F_STR("from", s->address), F_STR("key", fingerprint), F_STR("why", why));
	else
		log_info("session.login", F_U64("session", s->id), F_SLICE("account", account),
		    F_STR("from", s->address), F_STR("key", fingerprint));
}

/*
 * Grants. A session gets the mounts of one account, once: afterwards its link is in another state,
 * in which this message is illegal.
 */
static enum err
on_auth_query(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	const struct ipc_auth_query *q = &m->auth_query;

	if (s->n_queries++ == QUERIES_MAX)
		return ERR_FORMAT;
	const struct config_account *account =
	    config_find_account(s->peer.core->gateway.config, q->account);
	const char *why = s->peer.core->stuck ? "the gateway can't record anything now"
					      : why_refused(s, account, q->key);
	uint32_t n_mounts = 0;

	if (q->proven && why == NULL) {
		if (send_mounts(s, account) != ERR_OK)
			return ERR_FORMAT;
		n_mounts = (uint32_t)account->n_mounts;
		if (!slice_copy(q->account, s->account, sizeof s->account))
			return ERR_FORMAT;
		s->config = config_ref(s->peer.core->gateway.config);
		s->grant = account;
		s->since_us = time_now_us();
	}
	if (q->proven || why != NULL)
		log_auth(s, q->account, q->key, why);
	core_peer_send(&s->peer, IPC_AUTH_ANSWER,
	    &(struct ipc_auth_answer){.accepted = why == NULL, .n_mounts = n_mounts});
	if (q->proven && why == NULL) {
		s->peer.link.state = IPC_RUNNING;
		s->grace_timer = sd_event_source_disable_unref(s->grace_timer);
	}
	return ERR_OK;
}

static enum err
on_facts(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);

	log_info("session.facts", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("client", m->session_facts.client),
	    F_SLICE("algorithms", m->session_facts.algorithms));
	return ERR_OK;
}

/* a: session, b: tag, c: transfer. The row is durable: the session may publish. */
static enum err
deed_upload_recorded(void *ctx, const struct turn_args *args)
{
	struct core *c = ctx;
	struct core_session *s = session_find(c, args->a);

	if (s == NULL)
		return ERR_OK;
	core_peer_send(&s->peer, IPC_UPLOAD_RECORDED,
	    &(struct ipc_upload_recorded){
		.tag = (uint32_t)args->b, .error = ERR_OK, .transfer = args->c});
	return ERR_OK;
}

static enum err
on_upload_staged(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	struct core *c = s->peer.core;
	const struct ipc_upload_staged *u = &m->upload_staged;
	struct transfer_output out = {.n = 0};
	struct transfer t = {.size = u->size, .mtime = time_now_us() / US_PER_SEC};
	uint64_t id;

	(void)snprintf(t.source, sizeof t.source, "%s", s->account);
	if (!slice_copy(u->path, t.path, sizeof t.path) ||
	    !slice_copy(u->path, out.path, sizeof out.path) ||
	    !slice_copy(u->folder, out.folder, sizeof out.folder) ||
	    !slice_copy(u->staging_name, out.staging_name, sizeof out.staging_name))
		return ERR_FORMAT;
	if (!grant_covers(s->grant, u->folder, VFS_UPLOAD) || !grant_path_is_clean(u->path) ||
	    !grant_is_upload_name(s->account, u->staging_name))
		return ERR_FORMAT;
	s->n_recording++;
	enum err e = ledger_upload(c->gateway.ledger, &t, &out, time_now_us(), &id);
	if (e == ERR_OK)
		e = turn_defer(&c->gateway.turn, deed_upload_recorded, c,
		    (struct turn_args){.a = s->id, .b = u->tag, .c = id});
	return e;
}

static enum err
on_upload_published(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	struct gateway *g = &s->peer.core->gateway;
	uint64_t id = m->upload_published.transfer;
	struct transfer t;

	enum err e = ledger_get(g->ledger, id, &t);
	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_FORMAT : e;
	/* Only its own uploads, and each once. */
	if (t.route[0] != '\0' || strcmp(t.source, s->account) != 0 ||
	    t.state != TRANSFER_PROCESSED)
		return ERR_FORMAT;
	s->n_recording -= s->n_recording > 0 ? 1 : 0;
	e = ledger_move(g->ledger, id, TRANSFER_PLACED, NULL, "", time_now_us());
	if (e == ERR_OK)
		e = ledger_move(
		    g->ledger, id, TRANSFER_TOLD, NULL, "close answered", time_now_us());
	if (e == ERR_OK)
		log_info("upload.published", F_U64("transfer", id), F_STR("account", s->account),
		    F_STR("path", t.path), F_U64("size", t.size));
	return e;
}

/* The transfer that is published there, or 0: files also come into a folder by other ways. */
static enum err
published_as(struct ledger *l, struct slice folder, struct slice path, uint64_t *ret_id)
{
	char folder_text[LEDGER_NAME_MAX + 1], path_text[LEDGER_PATH_MAX + 1];

	*ret_id = 0;
	if (!slice_copy(folder, folder_text, sizeof folder_text) ||
	    !slice_copy(path, path_text, sizeof path_text))
		return ERR_FORMAT;
	enum err e = ledger_find_published(l, folder_text, path_text, ret_id);
	return e == ERR_NOENT ? ERR_OK : e;
}

/* "invoices/a.csv by erp from 192.0.2.1:1234" */
static void
describe(char detail[LEDGER_TEXT_MAX], const struct core_session *s, struct slice folder,
    struct slice path, struct slice more)
{
	char path_text[200], more_text[200];

	text_escape(path, path_text, sizeof path_text);
	text_escape(more, more_text, sizeof more_text);
	(void)snprintf(detail, LEDGER_TEXT_MAX, "%.*s/%s%s%s by %s from %s", SLICE_ARG(folder),
	    path_text, more.len > 0 ? " to " : "", more_text, s->account, s->address);
}

static enum err
on_file_taken(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	struct ledger *l = s->peer.core->gateway.ledger;
	const struct ipc_file_taken *taken = &m->file_taken;
	char detail[LEDGER_TEXT_MAX];
	uint64_t id;

	if (!grant_covers(s->grant, taken->folder, VFS_DOWNLOAD) ||
	    !grant_path_is_clean(taken->path))
		return ERR_FORMAT;
	describe(detail, s, taken->folder, taken->path, slice_of(NULL, 0));
	log_info("file.taken", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("folder", taken->folder), F_SLICE("path", taken->path),
	    F_U64("bytes", taken->bytes));
	enum err e = published_as(l, taken->folder, taken->path, &id);
	if (e != ERR_OK)
		return e;
	if (id == 0)
		return ledger_note(l, 0, "taken", detail, time_now_us());
	struct transfer t;
	e = ledger_get(l, id, &t);
	enum transfer_state to;
	if (e == ERR_OK && !transfer_next(t.state, TRANSFER_TAKEN, &to))
		return ledger_note(l, id, "taken", detail, time_now_us());
	return e == ERR_OK ? ledger_move(l, id, TRANSFER_TAKEN, NULL, detail, time_now_us()) : e;
}

static enum err
on_file_changed(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	struct ledger *l = s->peer.core->gateway.ledger;
	const struct ipc_file_changed *changed = &m->file_changed;
	char detail[LEDGER_TEXT_MAX], verb[LEDGER_NAME_MAX + 1];
	uint64_t id;

	uint32_t needs = grant_change_needs(changed->verb);
	if (needs == 0 || !grant_covers(s->grant, changed->folder, needs) ||
	    !grant_path_is_clean(changed->path) || !slice_copy(changed->verb, verb, sizeof verb))
		return ERR_FORMAT;
	describe(detail, s, changed->folder, changed->path, changed->detail);
	log_info("file.changed", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("verb", verb), F_SLICE("folder", changed->folder), F_SLICE("path", changed->path),
	    F_SLICE("detail", changed->detail));
	enum err e = published_as(l, changed->folder, changed->path, &id);
	return e == ERR_OK ? ledger_note(l, id, verb, detail, time_now_us()) : e;
}

/* For the log alone: the ledger tells of what has been done. */
static enum err
on_file_denied(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	const struct ipc_file_denied *denied = &m->file_denied;

	if (s->n_denied++ > VFS_DENIALS_MAX ||
	    !grant_may_be_denied(s->grant, denied->verb, denied->folder, denied->path))
		return ERR_FORMAT;
	log_warn("file.denied", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("verb", denied->verb), F_SLICE("folder", denied->folder),
	    F_SLICE("path", denied->path), F_SLICE("why", denied->why));
	return ERR_OK;
}

static enum err
on_upload_abandoned(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	const struct ipc_upload_abandoned *u = &m->upload_abandoned;

	if (!grant_covers(s->grant, u->folder, VFS_UPLOAD) || !grant_path_is_clean(u->path) ||
	    !grant_is_upload_name(s->account, u->staging_name))
		return ERR_FORMAT;
	log_warn("upload.abandoned", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("folder", u->folder), F_SLICE("path", u->path), F_U64("bytes", u->size),
	    F_SLICE("file", u->staging_name));
	return ERR_OK;
}

static enum err
on_session_end(void *ctx, struct ipc_message *m)
{
	struct core_session *s = session_of(ctx);
	const struct ipc_session_end *end = &m->session_end;

	s->told_end = true;
	log_info("session.end", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("from", s->address), F_U64("bytes_in", end->bytes_in),
	    F_U64("bytes_out", end->bytes_out), F_SLICE("why", end->story));
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_AUTH_QUERY, on_auth_query},
    {IPC_SESSION_FACTS, on_facts},
    {IPC_UPLOAD_STAGED, on_upload_staged},
    {IPC_UPLOAD_PUBLISHED, on_upload_published},
    {IPC_FILE_TAKEN, on_file_taken},
    {IPC_FILE_CHANGED, on_file_changed},
    {IPC_FILE_DENIED, on_file_denied},
    {IPC_UPLOAD_ABANDONED, on_upload_abandoned},
    {IPC_SESSION_END, on_session_end},
};

/* Its line is closed, and it has not said a word of it. What it moved is not known. */
static void
log_end_untold(const struct core_session *s)
{
	const struct core *c = s->peer.core;
	bool ours = s->hung_up || c->stopping || c->stuck;

	log_info("session.end", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("from", s->address),
	    F_STR("why", ours ? "ended by the gateway" : "the line to its process broke"));
}

static void
hang_up(struct core_session *s)
{
	s->hung_up = true;
	core_peer_hang_up(&s->peer);
}

void
core_session_free(struct core_session *s)
{
	if (!s->told_end)
		log_end_untold(s);
	TAILQ_REMOVE(&s->peer.core->sessions, s, entry);
	/* The process is the listener's child: it sees its line end, and ends. One that was taken
	 * over need not, and holds the account's directories: the listener sees to it. */
	core_listener_session_over(s->peer.core, s->id);
	s->grace_timer = sd_event_source_disable_unref(s->grace_timer);
	core_peer_fini(&s->peer);
	config_unref(s->config);
	free(s);
}

/* Has another session of this account uploads that it may still speak of? */
static bool
others_are_recording(const struct core *c, const char *account)
{
	const struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->n_recording > 0 && strcmp(s->account, account) == 0)
			return true;
	}
	return false;
}

static void
on_gone(struct core_peer *peer)
{
	struct core_session *s = session_of(peer);
	struct core *c = peer->core;
	bool recording = s->n_recording > 0;
	char account[IPC_NAME_MAX + 1];

	(void)snprintf(account, sizeof account, "%s", s->account);
	core_session_free(s);
	if (!recording || c->stuck || others_are_recording(c, account))
		return;
	enum err e = recover_uploads(&c->gateway, account, time_now_us());
	if (e != ERR_OK)
		core_ledger_failed(c, e);
}

static uint32_t
count_unauthenticated(const struct core *c)
{
	const struct core_session *s;
	uint32_t n = 0;

	TAILQ_FOREACH (s, &c->sessions, entry)
		n += s->account[0] == '\0' ? 1 : 0;
	return n;
}

/*
 * A session ends itself when nobody logs in. One that was taken over by then need not: it would
 * hold its place among those that may knock.
 */
static int
on_grace_over(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core_session *s = userdata;

	log_warn("session.login-late", F_U64("session", s->id), F_STR("from", s->address));
	hang_up(s);
	return 0;
}

void
core_session_new(struct core *c, struct ipc_session_new *m)
{
	struct core_session *s = calloc(1, sizeof *s);

	if (s == NULL || !slice_copy(m->peer, s->address, sizeof s->address) ||
	    !slice_copy(m->peer_host, s->host, sizeof s->host)) {
		free(s);
		return;
	}
	/* Dropping the message closes the line, and the session ends before it has said a word. */
	if (count_unauthenticated(c) >= c->gateway.config->limits.max_unauthenticated) {
		log_warn("session.too-many", F_STR("from", s->address),
		    F_STR("limit", "limits.max_unauthenticated"));
		free(s);
		return;
	}
	s->id = m->session;
	s->since_us = time_now_us();
	enum err e = core_peer_init(&s->peer, c, fd_take(&m->channel), IPC_ROLE_SESSION, HANDLERS,
	    ARRAY_LEN(HANDLERS), on_gone);
	if (e != ERR_OK) {
		log_error(
		    "session.not-started", F_STR("from", s->address), F_STR("error", err_text(e)));
		free(s);
		return;
	}
	TAILQ_INSERT_TAIL(&c->sessions, s, entry);
	core_after(c, &s->grace_timer, c->gateway.config->limits.login_grace_us + GRACE_MARGIN,
	    on_grace_over, s);
	log_info("session.connected", F_U64("session", s->id), F_STR("from", s->address),
	    F_U64("process", m->pid));
}

void
core_session_ended(struct core *c unused_arg, uint64_t id, uint32_t wait_status)
{
	if (WIFSIGNALED((int)wait_status))
		log_error("session.crashed", F_U64("session", id),
		    F_I64("signal", WTERMSIG((int)wait_status)));
}

void
core_sessions_recheck(struct core *c)
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->account[0] == '\0')
			continue;
		const struct config_account *account =
		    config_find_account(c->gateway.config, slice_str(s->account));
		if (account != NULL && !account->disabled && grant_is_within(s->grant, account))
			continue;
		log_info("session.revoked", F_U64("session", s->id), F_STR("account", s->account));
		hang_up(s);
	}
}
