/* What sessions tell of the files that their accounts put in. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core_session.h"
#include "roles/grant.h"
#include "vfs/mount.h"

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

enum err
core_upload_on_published(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
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

enum err
core_upload_on_abandoned(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_upload_abandoned *u = &m->upload_abandoned;

	if (!grant_covers(s->grant, u->folder, VFS_UPLOAD) || !grant_path_is_clean(u->path) ||
	    !grant_is_upload_name(s->account, u->staging_name))
		return ERR_FORMAT;
	log_warn("upload.abandoned", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("folder", u->folder), F_SLICE("path", u->path), F_U64("bytes", u->size),
	    F_SLICE("file", u->staging_name));
	return ERR_OK;
}
