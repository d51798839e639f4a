/* What sessions tell of the files that their accounts put in. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/holdings.h"
#include "roles/core_partial.h"
#include "roles/core_quota.h"
#include "roles/grant.h"
#include "transfer/recover.h"
#include "vfs/mount.h"

/* An upload that the session may speak of. */
static bool
is_granted(const struct core_session *s, struct slice folder, struct slice staging_name)
{
	return grant_covers(s->grant, folder, VFS_UPLOAD) &&
	       grant_is_upload_name(s->account, staging_name);
}

/* The private file that it speaks of, if we know it: one of its account's, and open nowhere else.
 */
static struct core_partial *
find_own(struct core_session *s, struct slice folder, struct slice staging_name)
{
	struct core_partial *p = core_partial_find(s->peer.core, folder, staging_name);

	return p != NULL && (p->session == 0 || p->session == s->id) ? p : NULL;
}

enum err
core_upload_on_opened(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_upload_opened *u = &m->upload_opened;

	if (!is_granted(s, u->folder, u->staging_name) || !grant_path_is_clean(u->path) ||
	    (u->from.len > 0 && !grant_is_upload_name(s->account, u->from)))
		return ERR_FORMAT;
	if (u->from.len > 0)
		log_info("upload.resumed", F_U64("session", s->id), F_STR("account", s->account),
		    F_SLICE("folder", u->folder), F_SLICE("path", u->path),
		    F_SLICE("file", u->staging_name));
	/* An open upload has no row yet; one that was gone on with has. */
	if (u->from.len == 0)
		core_be_patient(s->peer.core);
	return core_partial_opened(s, u);
}

enum err
core_upload_on_moved(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_upload_moved *u = &m->upload_moved;

	if (!is_granted(s, u->folder, u->staging_name) || !grant_path_is_clean(u->path))
		return ERR_FORMAT;
	/* One that expired in this moment is not missed. */
	struct core_partial *p = find_own(s, u->folder, u->staging_name);
	return p == NULL ? ERR_OK : core_partial_moved(s->peer.core, p, u->path, s->id);
}

enum err
core_upload_on_discarded(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_upload_discarded *u = &m->upload_discarded;

	if (!is_granted(s, u->folder, u->staging_name))
		return ERR_FORMAT;
	struct core_partial *p = find_own(s, u->folder, u->staging_name);
	return p == NULL ? ERR_OK : core_partial_gone(s->peer.core, p, s->id);
}

enum err
core_upload_on_abandoned(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_upload_abandoned *u = &m->upload_abandoned;

	if (!is_granted(s, u->folder, u->staging_name) || !grant_path_is_clean(u->path))
		return ERR_FORMAT;
	log_warn("upload.abandoned", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("folder", u->folder), F_SLICE("path", u->path), F_U64("bytes", u->size),
	    F_SLICE("file", u->staging_name));
	struct core_partial *p = find_own(s, u->folder, u->staging_name);
	if (p == NULL || p->session == 0)
		return ERR_OK;
	core_partial_leave(p);
	return core_partials_settle(s->peer.core);
}

/* a: session, b: tag, c: transfer. The row is durable: the session may publish. */
static enum err
deed_upload_recorded(void *ctx, const struct turn_args *args)
{
	struct core *c = ctx;
	struct core_session *s = core_session_find(c, args->a);

	if (s == NULL)
		return ERR_OK;
	core_peer_send(&s->peer, IPC_UPLOAD_RECORDED,
	    &(struct ipc_upload_recorded){
		.tag = (uint32_t)args->b, .error = ERR_OK, .transfer = args->c});
	return ERR_OK;
}

/* Did the folder's owner give durability up for speed? */
static bool
is_relaxed(const struct core_session *s, struct slice folder)
{
	const struct config_folder *f = config_find_folder(s->config, folder);

	return f != NULL && f->durability == CONFIG_DURABILITY_RELAXED;
}

enum err
core_upload_on_staged(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
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
	if (!is_granted(s, u->folder, u->staging_name) || !grant_path_is_clean(u->path))
		return ERR_FORMAT;
	s->n_recording++;
	enum err e = ledger_upload(c->gateway.ledger, &t, &out, time_now_us(), &id);
	/* From here on its row is the upload's. */
	struct core_partial *p = find_own(s, u->folder, u->staging_name);
	if (e == ERR_OK && p != NULL)
		e = core_partial_gone(c, p, s->id);
	if (e != ERR_OK)
		return e;
	struct turn_args args = {.a = s->id, .b = u->tag, .c = id};
	if (!is_relaxed(s, u->folder))
		return turn_defer(&c->gateway.turn, deed_upload_recorded, c, args);
	/* The row becomes durable as the bytes do: soon. */
	core_be_patient(c);
	return deed_upload_recorded(c, &args);
}

/* The one output of an upload. */
static enum err
copy_output(void *ctx, const struct transfer_output *out)
{
	*(struct transfer_output *)ctx = *out;
	return ERR_OK;
}

/* Its bytes are the folder's content now, and its account holds them. */
static enum err
charge(struct core_session *s, const struct transfer *t, const struct ipc_upload_published *u)
{
	struct gateway *g = &s->peer.core->gateway;
	struct transfer_output out = {.n = 0};
	struct holding h = {.size = t->size};

	enum err e = ledger_each_output(g->ledger, t->id, copy_output, &out);
	if (e != ERR_OK || out.folder[0] == '\0')
		return e;
	core_quota_published(s, out.folder, (struct quota_amount){t->size, 1});
	quota_content(g, out.folder, (int64_t)(t->size - u->replaced_bytes), u->replaced ? 0 : 1);
	(void)snprintf(h.folder, sizeof h.folder, "%s", out.folder);
	(void)snprintf(h.path, sizeof h.path, "%s", out.path);
	(void)snprintf(h.account, sizeof h.account, "%s", s->account);
	return ledger_holding_put(g->ledger, &h);
}

/* A recorded upload that the session speaks of: only its own, and each once. */
static enum err
get_recorded(struct core_session *s, uint64_t id, struct transfer *ret_t)
{
	enum err e = ledger_get(s->peer.core->gateway.ledger, id, ret_t);

	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_FORMAT : e;
	if (ret_t->route[0] != '\0' || strcmp(ret_t->source, s->account) != 0 ||
	    ret_t->state != TRANSFER_PROCESSED)
		return ERR_FORMAT;
	s->n_recording -= s->n_recording > 0 ? 1 : 0;
	return ERR_OK;
}

/* What it has left to others to look at, when it has nothing recorded itself any more. */
static enum err
hand_on(struct core_session *s)
{
	if (s->n_recording > 0 || !s->inherits)
		return ERR_OK;
	s->inherits = false;
	return core_session_take_over(s->peer.core, s->account);
}

enum err
core_upload_on_published(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	struct gateway *g = &s->peer.core->gateway;
	uint64_t id = m->upload_published.transfer;
	struct transfer t;

	enum err e = get_recorded(s, id, &t);
	if (e != ERR_OK)
		return e;
	core_be_patient(s->peer.core);
	e = charge(s, &t, &m->upload_published);
	if (e == ERR_OK)
		e = ledger_move(g->ledger, id, TRANSFER_PLACED, NULL, "", time_now_us());
	if (e == ERR_OK)
		e = ledger_move(
		    g->ledger, id, TRANSFER_TOLD, NULL, "close answered", time_now_us());
	if (e == ERR_OK)
		log_info("upload.published", F_U64("transfer", id), F_STR("account", s->account),
		    F_STR("path", t.path), F_U64("size", t.size));
	return e == ERR_OK ? hand_on(s) : e;
}

/* What the session has leased for it, it gives back itself. */
enum err
core_upload_on_not_placed(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	struct core *c = s->peer.core;
	const struct ipc_upload_not_placed *u = &m->upload_not_placed;
	char why[IPC_TEXT_MAX];
	struct transfer t;

	enum err e = get_recorded(s, u->transfer, &t);
	if (e != ERR_OK)
		return e;
	text_escape(u->story, why, sizeof why);
	log_warn("upload.not-placed", F_U64("session", s->id), F_U64("transfer", t.id),
	    F_STR("account", s->account), F_STR("path", t.path), F_U64("size", t.size),
	    F_STR("why", why));
	e = recover_upload_not_placed(&c->gateway, &t, why, time_now_us());
	if (e == ERR_OK)
		e = core_partials_adopt_later(c);
	return e == ERR_OK ? hand_on(s) : e;
}
