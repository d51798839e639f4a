/* What sessions tell of the files that lie in folders: taken, changed, denied. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core_session.h"
#include "roles/grant.h"
#include "vfs/vfs.h"

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

enum err
core_files_on_taken(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
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

enum err
core_files_on_changed(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
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
enum err
core_files_on_denied(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_file_denied *denied = &m->file_denied;

	if (s->n_denied++ > VFS_DENIALS_MAX ||
	    !grant_may_be_denied(s->grant, denied->verb, denied->folder, denied->path))
		return ERR_FORMAT;
	log_warn("file.denied", F_U64("session", s->id), F_STR("account", s->account),
	    F_SLICE("verb", denied->verb), F_SLICE("folder", denied->folder),
	    F_SLICE("path", denied->path), F_SLICE("why", denied->why));
	return ERR_OK;
}
