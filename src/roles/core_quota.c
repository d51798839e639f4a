#include "roles/core_quota.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles/grant.h"
#include "vfs/mount.h"

/* A client that goes on writing against its quota doesn't fill the log, too. */
enum { REFUSALS_TOLD_MAX = 20 };

static struct core_lease *
find(struct core_session *s, struct slice folder)
{
	struct core_lease *l;

	SLIST_FOREACH (l, &s->leases, entry) {
		if (slice_is(folder, l->folder))
			return l;
	}
	return NULL;
}

/* One per folder that is mounted for the account: as many as its configuration allows. */
static struct core_lease *
find_or_make(struct core_session *s, struct slice folder)
{
	struct core_lease *l = find(s, folder);

	if (l != NULL)
		return l;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	if (!slice_copy(folder, l->folder, sizeof l->folder)) {
		free(l);
		return NULL;
	}
	SLIST_INSERT_HEAD(&s->leases, l, entry);
	return l;
}

static void
log_refused(struct core_session *s, const struct ipc_quota_ask *ask, const char *why)
{
	if (s->n_quota_refused++ >= REFUSALS_TOLD_MAX)
		return;
	log_warn("quota.refused", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("folder", ask->folder), F_U64("bytes", ask->bytes), F_U64("files", ask->files),
	    F_STR("why", why));
}

enum err
core_quota_on_ask(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_quota_ask *ask = &m->quota_ask;
	struct quota_amount more = {ask->bytes, ask->files};
	struct story story = {.text = ""};

	if (!grant_covers(s->grant, ask->folder, VFS_UPLOAD))
		return ERR_FORMAT;
	struct core_lease *l = find_or_make(s, ask->folder);
	if (l == NULL)
		return ERR_NOMEM;
	enum err e =
	    quota_lease(&s->peer.core->gateway, l->folder, s->account, more, time_now_us(), &story);
	if (e != ERR_OK && e != ERR_QUOTA)
		return e;
	if (e == ERR_OK)
		l->amount = quota_plus(l->amount, more);
	else if (!ask->ahead)
		log_refused(s, ask, story.text);
	core_peer_send(&s->peer, IPC_QUOTA_LEASE,
	    &(struct ipc_quota_lease){
		.folder = ask->folder,
		.error = e,
		.bytes = e == ERR_OK ? ask->bytes : 0,
		.files = e == ERR_OK ? ask->files : 0,
	    });
	return ERR_OK;
}

/* No more than it has. */
static void
give_back(struct core_session *s, struct core_lease *l, struct quota_amount less)
{
	if (less.bytes > l->amount.bytes)
		less.bytes = l->amount.bytes;
	if (less.files > l->amount.files)
		less.files = l->amount.files;
	l->amount = quota_minus(l->amount, less);
	quota_release(&s->peer.core->gateway, l->folder, s->account, less);
}

enum err
core_quota_on_back(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_quota_back *back = &m->quota_back;

	struct core_lease *l = find(s, back->folder);
	if (l == NULL)
		return ERR_FORMAT;
	give_back(s, l, (struct quota_amount){back->bytes, back->files});
	return ERR_OK;
}

void
core_quota_published(struct core_session *s, const char *folder, struct quota_amount amount)
{
	struct core_lease *l = find(s, slice_str(folder));

	if (l != NULL)
		give_back(s, l, amount);
}

void
core_quota_session_gone(struct core_session *s)
{
	struct core_lease *l;

	while ((l = SLIST_FIRST(&s->leases)) != NULL) {
		give_back(s, l, l->amount);
		SLIST_REMOVE_HEAD(&s->leases, entry);
		free(l);
	}
}

enum err
core_quota_use_config(struct core *c)
{
	const struct core_session *s;
	const struct core_lease *l;

	enum err e = quotas_use_config(&c->gateway, time_now_us());
	if (e != ERR_OK)
		return e;
	TAILQ_FOREACH (s, &c->sessions, entry) {
		SLIST_FOREACH (l, &s->leases, entry)
			quota_charge(&c->gateway, l->folder, s->account, l->amount);
	}
	return ERR_OK;
}
