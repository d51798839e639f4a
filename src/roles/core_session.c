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
#include "roles/core_defence.h"
#include "roles/core_login.h"
#include "roles/core_pace.h"
#include "roles/core_partial.h"
#include "roles/core_quota.h"
#include "roles/grant.h"
#include "transfer/recover.h"

/* What a session has to end by itself, and to say why, when its login grace is over. */
#define GRACE_MARGIN (5 * US_PER_SEC)

struct core_session *
core_session_find(struct core *c, uint64_t id)
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->id == id)
			return s;
	}
	return NULL;
}

static enum err
on_facts(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);

	log_info("session.facts", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("client", m->session_facts.client),
	    F_SLICE("algorithms", m->session_facts.algorithms));
	return ERR_OK;
}

static enum err
on_session_end(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_session_end *end = &m->session_end;

	s->told_end = true;
	log_info("session.end", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("from", s->address), F_U64("bytes_in", end->bytes_in),
	    F_U64("bytes_out", end->bytes_out), F_SLICE("why", end->story));
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_SESSION_ADDRESS, core_defence_on_address},
    {IPC_AUTH_CERT, core_auth_on_cert},
    {IPC_AUTH_QUERY, core_auth_on_query},
    {IPC_AUTH_PASSWORD, core_auth_on_password},
    {IPC_SESSION_FACTS, on_facts},
    {IPC_UPLOAD_OPENED, core_upload_on_opened},
    {IPC_UPLOAD_MOVED, core_upload_on_moved},
    {IPC_UPLOAD_DISCARDED, core_upload_on_discarded},
    {IPC_QUOTA_ASK, core_quota_on_ask},
    {IPC_QUOTA_BACK, core_quota_on_back},
    {IPC_UPLOAD_STAGED, core_upload_on_staged},
    {IPC_UPLOAD_PUBLISHED, core_upload_on_published},
    {IPC_UPLOAD_NOT_PLACED, core_upload_on_not_placed},
    {IPC_UPLOAD_ABANDONED, core_upload_on_abandoned},
    {IPC_FILE_TAKEN, core_files_on_taken},
    {IPC_FILE_PIECES, core_files_on_pieces},
    {IPC_FILE_CHANGED, core_files_on_changed},
    {IPC_FILE_DENIED, core_files_on_denied},
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

void
core_session_logged_in(struct core_session *s)
{
	struct core *c = s->peer.core;

	s->grace_timer = sd_event_source_disable_unref(s->grace_timer);
	core_listener_session_in(c, s->id);
	core_defence_login_ok(s);
	core_pace_changed(c, s->account);
}

void
core_session_hang_up(struct core_session *s)
{
	s->hung_up = true;
	core_peer_hang_up(&s->peer);
}

/* Its process may still be there: it is remembered until that is buried. */
static void
end(struct core_session *s)
{
	struct core *c = s->peer.core;

	if (s->is_buried || s->account[0] == '\0' || !core_listener_has(c, s->id)) {
		core_partials_leave_all(c, s->id);
		return;
	}
	s->ended->id = s->id;
	s->ended->recording = s->n_recording > 0 || s->inherits;
	(void)snprintf(s->ended->account, sizeof s->ended->account, "%s", s->account);
	TAILQ_INSERT_TAIL(&c->ended, s->ended, entry);
	s->ended = NULL;
}

void
core_session_free(struct core_session *s)
{
	if (!s->told_end)
		log_end_untold(s);
	TAILQ_REMOVE(&s->peer.core->sessions, s, entry);
	core_quota_session_gone(s);
	end(s);
	/* The process is the listener's child: it sees its line end, and ends. One that was taken
	 * over need not, and holds the account's directories: the listener sees to it. */
	core_listener_session_over(s->peer.core, s->id);
	s->grace_timer = sd_event_source_disable_unref(s->grace_timer);
	core_peer_fini(&s->peer);
	core_login_free(s->login);
	config_unref(s->config);
	free(s->ended);
	free(s);
}

/* One of this account that has ended with uploads that it may still put in place, or NULL. */
static struct core_ended *
find_ended_recording(struct core *c, const char *account)
{
	struct core_ended *e;

	TAILQ_FOREACH (e, &c->ended, entry) {
		if (e->recording && strcmp(e->account, account) == 0)
			return e;
	}
	return NULL;
}

/* A session of this account that has uploads that it may still speak of, or NULL. */
static struct core_session *
find_recording(struct core *c, const char *account)
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->n_recording > 0 && strcmp(s->account, account) == 0)
			return s;
	}
	return NULL;
}

enum err
core_session_take_over(struct core *c, const char *account)
{
	struct core_session *heir = find_recording(c, account);

	/* Nothing tells its uploads from those that nobody will speak of any more. */
	if (heir != NULL) {
		heir->inherits = true;
		return ERR_OK;
	}
	/* Its burial will look at all of them. */
	if (find_ended_recording(c, account) != NULL)
		return ERR_OK;
	enum err e = recover_uploads(&c->gateway, account, time_now_us());
	return e == ERR_OK ? core_partials_adopt_later(c) : e;
}

/* Nobody has its files open any more: what it left stays private, or is in place. */
static void
settle(struct core *c, const char *account, bool recording)
{
	if (c->stuck)
		return;
	enum err e = core_partials_settle(c);
	if (e == ERR_OK && recording)
		e = core_session_take_over(c, account);
	if (e != ERR_OK)
		core_ledger_failed(c, e);
}

static void
on_gone(struct core_peer *peer)
{
	struct core_session *s = core_session_of(peer);
	struct core *c = peer->core;
	bool recording = s->n_recording > 0 || s->inherits;
	char account[IPC_NAME_MAX + 1];
	uint64_t id = s->id;

	(void)snprintf(account, sizeof account, "%s", s->account);
	core_defence_session_gone(s);
	core_session_free(s);
	core_pace_changed(c, account);
	if (TAILQ_EMPTY(&c->ended) || TAILQ_LAST(&c->ended, core_ended_list)->id != id)
		settle(c, account, recording);
	core_drain_session_gone(c);
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
	core_session_hang_up(s);
	return 0;
}

void
core_session_new(struct core *c, struct ipc_session_new *m)
{
	struct core_session *s = calloc(1, sizeof *s);

	/* Dropping the message closes the line, and the session ends before it has said a word. */
	if (s == NULL || c->stopping) {
		free(s);
		return;
	}
	s->ended = calloc(1, sizeof *s->ended);
	if (s->ended == NULL || !slice_copy(m->peer, s->address, sizeof s->address) ||
	    !slice_copy(m->peer_host, s->host, sizeof s->host)) {
		free(s->ended);
		free(s);
		return;
	}
	s->id = m->session;
	s->proxied = m->proxied;
	s->since_us = time_now_us();
	enum err e = core_peer_init(&s->peer, c, fd_take(&m->channel), IPC_ROLE_SESSION, HANDLERS,
	    ARRAY_LEN(HANDLERS), on_gone);
	if (e != ERR_OK) {
		log_error(
		    "session.not-started", F_STR("from", s->address), F_STR("error", err_text(e)));
		free(s->ended);
		free(s);
		return;
	}
	TAILQ_INSERT_TAIL(&c->sessions, s, entry);
	core_after(c, &s->grace_timer, c->gateway.config->limits.login_grace_us + GRACE_MARGIN,
	    on_grace_over, s);
	log_info("session.connected", F_U64("session", s->id), F_STR("from", s->address),
	    F_U64("process", m->pid));
}

static void
bury(struct core *c, struct core_ended *e)
{
	TAILQ_REMOVE(&c->ended, e, entry);
	core_partials_leave_all(c, e->id);
	settle(c, e->account, e->recording);
	free(e);
}

void
core_session_ended(struct core *c, uint64_t id, uint32_t wait_status)
{
	struct core_session *s = core_session_find(c, id);
	struct core_ended *e;

	if (WIFSIGNALED((int)wait_status))
		log_error("session.crashed", F_U64("session", id),
		    F_I64("signal", WTERMSIG((int)wait_status)));
	/* What it said before its end may still be on its line. */
	if (s != NULL)
		s->is_buried = true;
	TAILQ_FOREACH (e, &c->ended, entry) {
		if (e->id == id) {
			bury(c, e);
			return;
		}
	}
}

void
core_session_forget_ended(struct core *c)
{
	struct core_ended *e;

	while ((e = TAILQ_FIRST(&c->ended)) != NULL) {
		TAILQ_REMOVE(&c->ended, e, entry);
		core_partials_leave_all(c, e->id);
		free(e);
	}
}

void
core_session_all_buried(struct core *c)
{
	struct core_ended *e;

	while ((e = TAILQ_FIRST(&c->ended)) != NULL)
		bury(c, e);
}
