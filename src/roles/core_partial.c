#include "roles/core_partial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles/grant.h"
#include "transfer/partials.h"
#include "vfs/mount.h"
#include "vfs/upload.h"

static void
forget(struct core *c, struct core_partial *p)
{
	TAILQ_REMOVE(&c->partials, p, entry);
	free(p->path);
	free(p);
}

struct core_partial *
core_partial_find(struct core *c, struct slice folder, struct slice staging_name)
{
	struct core_partial *p;

	/* The newest are first, and the most asked for. */
	TAILQ_FOREACH (p, &c->partials, entry) {
		if (slice_is(staging_name, p->staging_name) && slice_is(folder, p->folder))
			return p;
	}
	return NULL;
}

static struct core_partial *
new_partial(struct core *c, struct slice folder, struct slice account, struct slice staging_name,
    struct slice path)
{
	struct core_partial *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->path = slice_dup(path);
	if (p->path == NULL || !slice_copy(folder, p->folder, sizeof p->folder) ||
	    !slice_copy(account, p->account, sizeof p->account) ||
	    !slice_copy(staging_name, p->staging_name, sizeof p->staging_name)) {
		free(p->path);
		free(p);
		return NULL;
	}
	p->since_us = time_now_us();
	TAILQ_INSERT_HEAD(&c->partials, p, entry);
	return p;
}

static void
row_of(const struct core_partial *p, struct partial_row *ret_row)
{
	*ret_row = (struct partial_row){.size = p->size, .since_us = p->since_us};
	(void)snprintf(ret_row->folder, sizeof ret_row->folder, "%s", p->folder);
	(void)snprintf(ret_row->account, sizeof ret_row->account, "%s", p->account);
	(void)snprintf(ret_row->staging_name, sizeof ret_row->staging_name, "%s", p->staging_name);
	(void)snprintf(ret_row->path, sizeof ret_row->path, "%s", p->path);
}

static void
send_partial(struct core_session *s, const struct core_partial *p)
{
	if (p->path[0] == '\0' || !grant_covers(s->grant, slice_str(p->folder), VFS_UPLOAD))
		return;
	core_peer_send(&s->peer, IPC_PARTIAL,
	    &(struct ipc_partial){
		.folder = slice_str(p->folder),
		.path = slice_str(p->path),
		.staging_name = slice_str(p->staging_name),
		.size = p->size,
	    });
}

/* Calls fn for the sessions of p's account but the one that knows already. */
static void
tell_account(struct core *c, const struct core_partial *p, uint64_t but,
    void (*fn)(struct core_session *s, const struct core_partial *p))
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->id != but && s->grant != NULL && strcmp(s->account, p->account) == 0)
			fn(s, p);
	}
}

static void
send_gone(struct core_session *s, const struct core_partial *p)
{
	core_peer_send(&s->peer, IPC_PARTIAL_GONE,
	    &(struct ipc_partial_gone){
		.folder = slice_str(p->folder),
		.staging_name = slice_str(p->staging_name),
	    });
}

void
core_partials_send(struct core_session *s)
{
	const struct core_partial *p;

	TAILQ_FOREACH (p, &s->peer.core->partials, entry) {
		/* A session that does not listen isn't worth core's memory. */
		if (s->peer.link.queued_bytes > IPC_QUEUE_MAX / 2)
			return;
		if (p->session == 0 && strcmp(p->account, s->account) == 0)
			send_partial(s, p);
	}
}

enum err
core_partial_write(struct core *c, struct core_partial *p)
{
	struct partial_row row;
	struct stat st;

	enum err e = partial_stat(&c->gateway, p->folder, p->staging_name, &st);
	if (e == ERR_NOENT)
		return core_partial_gone(c, p, 0);
	if (e == ERR_OK)
		p->size = (uint64_t)st.st_size;
	p->in_ledger = true;
	row_of(p, &row);
	return ledger_partial_put(c->gateway.ledger, &row);
}

/* An upload goes on with what another one left: its row moves to the new name, at once. */
static enum err
claim(struct core *c, struct core_partial *p, const struct ipc_upload_opened *u, uint64_t session)
{
	char *path = slice_dup(u->path);
	enum err e = ERR_OK;

	if (path == NULL)
		return ERR_NOMEM;
	tell_account(c, p, session, send_gone);
	if (p->in_ledger)
		e = ledger_partial_drop(c->gateway.ledger, p->folder, p->staging_name);
	free(p->path);
	p->path = path;
	p->session = session;
	p->left_by = 0;
	p->since_us = time_now_us();
	p->is_settled = false;
	if (!slice_copy(u->staging_name, p->staging_name, sizeof p->staging_name))
		return ERR_FORMAT;
	return e == ERR_OK ? core_partial_write(c, p) : e;
}

static size_t
count_open(const struct core *c, uint64_t session)
{
	const struct core_partial *p;
	size_t n = 0;

	TAILQ_FOREACH (p, &c->partials, entry)
		n += p->session == session ? 1 : 0;
	return n;
}

enum err
core_partial_opened(struct core_session *s, const struct ipc_upload_opened *u)
{
	struct core *c = s->peer.core;
	struct core_partial *from = NULL;

	if (core_partial_find(c, u->folder, u->staging_name) != NULL ||
	    count_open(c, s->id) >= UPLOADS_MAX)
		return ERR_FORMAT;
	if (u->from.len > 0)
		from = core_partial_find(c, u->folder, u->from);
	/* Which may have been open in another session when this one renamed it: no more, then. */
	if (from != NULL && strcmp(from->account, s->account) != 0)
		return ERR_FORMAT;
	if (from != NULL && from->session == 0)
		return claim(c, from, u, s->id);
	struct core_partial *p =
	    new_partial(c, u->folder, slice_str(s->account), u->staging_name, u->path);
	if (p == NULL)
		return ERR_NOMEM;
	p->session = s->id;
	core_partials_watch(c);
	return ERR_OK;
}

enum err
core_partial_moved(struct core *c, struct core_partial *p, struct slice path, uint64_t by)
{
	char *copy = slice_dup(path);
	struct partial_row row;

	if (copy == NULL)
		return ERR_NOMEM;
	free(p->path);
	p->path = copy;
	if (p->session == 0) {
		tell_account(c, p, by, send_gone);
		tell_account(c, p, by, send_partial);
	}
	if (!p->in_ledger)
		return ERR_OK;
	row_of(p, &row);
	return ledger_partial_put(c->gateway.ledger, &row);
}

enum err
core_partial_gone(struct core *c, struct core_partial *p, uint64_t by)
{
	enum err e = ERR_OK;

	if (p->in_ledger)
		e = ledger_partial_drop(c->gateway.ledger, p->folder, p->staging_name);
	if (p->is_settled)
		tell_account(c, p, by, send_gone);
	forget(c, p);
	return e;
}

enum err
core_partial_expire(struct core *c, struct core_partial *p, const char *why)
{
	struct partial_row row;
	struct stat st;

	row_of(p, &row);
	enum err e = partial_remove(&c->gateway, &row, why, time_now_us());
	if (e != ERR_OK)
		return e;
	if (partial_stat(&c->gateway, p->folder, p->staging_name, &st) != ERR_NOENT) {
		/* Again in a while. */
		p->since_us = time_now_us();
		return ERR_OK;
	}
	tell_account(c, p, 0, send_gone);
	forget(c, p);
	return ERR_OK;
}

void
core_partial_leave(struct core_partial *p)
{
	p->left_by = p->session;
	p->session = 0;
	p->since_us = time_now_us();
	p->is_settled = false;
}

void
core_partials_leave_all(struct core *c, uint64_t session)
{
	struct core_partial *p;

	TAILQ_FOREACH (p, &c->partials, entry) {
		if (p->session == session)
			core_partial_leave(p);
	}
}

static enum err
settle(struct core *c, struct core_partial *p)
{
	struct stat st;

	if (partial_mend(&c->gateway, p->folder, p->staging_name, &st) == ERR_NOENT)
		return core_partial_gone(c, p, p->left_by);
	enum err e = core_partial_write(c, p);
	if (e != ERR_OK)
		return e;
	p->is_settled = true;
	tell_account(c, p, p->left_by, send_partial);
	return core_partial_bound(c, p);
}

static struct core_partial *
next_unsettled(struct core *c)
{
	struct core_partial *p;

	TAILQ_FOREACH (p, &c->partials, entry) {
		if (p->session == 0 && !p->is_settled)
			return p;
	}
	return NULL;
}

enum err
core_partials_settle(struct core *c)
{
	struct core_partial *p;
	enum err e = ERR_OK;

	while (e == ERR_OK && (p = next_unsettled(c)) != NULL)
		e = settle(c, p);
	core_partials_watch(c);
	return e;
}

static enum err
adopt(void *ctx, const struct partial_row *row)
{
	struct core *c = ctx;

	if (core_partial_find(c, slice_str(row->folder), slice_str(row->staging_name)) != NULL)
		return ERR_OK;
	struct core_partial *p = new_partial(c, slice_str(row->folder), slice_str(row->account),
	    slice_str(row->staging_name), slice_str(row->path));
	if (p == NULL)
		return ERR_NOMEM;
	p->size = row->size;
	p->since_us = row->since_us;
	/* A file whose path nobody knows has no row, and is nobody's to go on with. */
	p->in_ledger = row->path[0] != '\0';
	p->is_settled = true;
	tell_account(c, p, 0, send_partial);
	return ERR_OK;
}

static enum err
deed_adopt(void *ctx, const struct turn_args *args unused_arg)
{
	struct core *c = ctx;
	enum err e = ledger_each_partial(c->gateway.ledger, adopt, c);

	core_partials_watch(c);
	return e;
}

enum err
core_partials_adopt_later(struct core *c)
{
	return turn_defer(&c->gateway.turn, deed_adopt, c, (struct turn_args){.a = 0});
}

enum err
core_partials_load(struct core *c)
{
	struct core_partial *p;

	/* A turn that was lost took rows with it: of what is known, all are written again. */
	TAILQ_FOREACH (p, &c->partials, entry)
		p->is_settled = p->path[0] == '\0';
	enum err e = core_partials_settle(c);
	if (e != ERR_OK)
		return e;
	core_partials_free(c);
	e = partials_recover(&c->gateway, time_now_us(), adopt, c);
	core_partials_watch(c);
	return e;
}

void
core_partials_free(struct core *c)
{
	struct core_partial *p;

	while ((p = TAILQ_FIRST(&c->partials)) != NULL)
		forget(c, p);
	c->partials_timer = sd_event_source_disable_unref(c->partials_timer);
}

void
core_partials_count(const struct core *c, const char *folder, uint64_t *ret_n, uint64_t *ret_bytes)
{
	const struct core_partial *p;

	*ret_n = *ret_bytes = 0;
	TAILQ_FOREACH (p, &c->partials, entry) {
		if (p->session != 0 || strcmp(p->folder, folder) != 0)
			continue;
		(*ret_n)++;
		*ret_bytes += p->size;
	}
}
