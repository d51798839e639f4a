/* What sessions tell of the files that lie in folders: taken, changed, denied. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/holdings.h"
#include "roles/core_session.h"
#include "roles/grant.h"
#include "transfer/delivery.h"
#include "vfs/vfs.h"

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

/* What a session says of a change, as strings. */
struct change {
	char verb[LEDGER_NAME_MAX + 1], folder[LEDGER_NAME_MAX + 1];
	char path[LEDGER_PATH_MAX + 1], detail[LEDGER_PATH_MAX + 1];
	int64_t bytes, files; /* by which the folder's content has changed */
};

/* A version of a file, as the session names it. */
struct named {
	struct slice folder, path;
	uint64_t inode, size;
	int64_t mtime_ns;
};

static enum err
name_file(const struct core_session *s, const struct named *n, struct delivered_file *ret_f)
{
	if (!grant_covers(s->grant, n->folder, VFS_DOWNLOAD) || !grant_path_is_clean(n->path))
		return ERR_FORMAT;
	*ret_f =
	    (struct delivered_file){.inode = n->inode, .size = n->size, .mtime_ns = n->mtime_ns};
	return slice_copy(n->folder, ret_f->folder, sizeof ret_f->folder) &&
		       slice_copy(n->path, ret_f->path, sizeof ret_f->path)
		   ? ERR_OK
		   : ERR_FORMAT;
}

/* It was read whole. */
static enum err
taken(struct core_session *s, struct delivered_file *f, uint64_t bytes, const char *how)
{
	struct gateway *g = &s->peer.core->gateway;
	char detail[LEDGER_TEXT_MAX];

	describe(detail, s, slice_str(f->folder), slice_str(f->path), slice_of(NULL, 0));
	size_t len = strlen(detail);
	(void)snprintf(detail + len, sizeof detail - len, ", %" PRIu64 " bytes%s", bytes, how);
	log_info("file.taken", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("folder", f->folder), F_STR("path", f->path), F_U64("bytes", bytes));
	return delivery_taken(g, f, s->account, bytes, detail, time_now_us());
}

enum err
core_files_on_taken(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_file_taken *t = &m->file_taken;
	struct named n = {t->folder, t->path, t->inode, t->size, t->mtime_ns};
	struct delivered_file f;

	enum err e = name_file(s, &n, &f);
	return e == ERR_OK ? taken(s, &f, t->bytes, "") : e;
}

enum err
core_files_on_pieces(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_file_pieces *p = &m->file_pieces;
	struct named n = {p->folder, p->path, p->inode, p->size, p->mtime_ns};
	struct delivered_file f;
	bool whole;

	enum err e = name_file(s, &n, &f);
	if (e == ERR_OK)
		e = pieces_add(
		    &s->peer.core->pieces, &f, s->account, p->ranges, time_mono_us(), &whole);
	if (e != ERR_OK || !whole)
		return e;
	return taken(s, &f, f.size, " in pieces");
}

/* What an account's change means for what accounts hold: of its own kind for each verb. */

static enum err
hold_removed(struct core_session *s, const struct change *c)
{
	return ledger_holding_drop(s->peer.core->gateway.ledger, c->folder, c->path);
}

static enum err
hold_renamed(struct core_session *s, const struct change *c)
{
	return ledger_holding_rename(s->peer.core->gateway.ledger, c->folder, c->path, c->detail);
}

static enum err
hold(struct core_session *s, const struct change *c, const char *path, int64_t bytes)
{
	struct ledger *l = s->peer.core->gateway.ledger;
	struct holding h = {.size = 0};

	enum err e = ledger_holding_get(l, c->folder, path, &h);
	if (e == ERR_NOENT) {
		(void)snprintf(h.folder, sizeof h.folder, "%s", c->folder);
		(void)snprintf(h.path, sizeof h.path, "%s", path);
		(void)snprintf(h.account, sizeof h.account, "%s", s->account);
	} else if (e != ERR_OK) {
		return e;
	}
	/* Of another account's file without that right: that one came under the name meanwhile. */
	if (strcmp(h.account, s->account) != 0 &&
	    !grant_covers(s->grant, slice_str(c->folder), VFS_OVERWRITE))
		return ERR_OK;
	if (bytes < 0 && (uint64_t) - (bytes + 1) + 1 > h.size)
		h.size = 0;
	else
		h.size += (uint64_t)bytes;
	return ledger_holding_put(l, &h);
}

/* It grew or shrank; whose it is stays. */
static enum err
hold_resized(struct core_session *s, const struct change *c)
{
	return hold(s, c, c->path, c->bytes);
}

/* A new file, at the path of the detail. */
static enum err
hold_new(struct core_session *s, const struct change *c)
{
	enum err e = ledger_holding_drop(s->peer.core->gateway.ledger, c->folder, c->detail);

	return e == ERR_OK ? hold(s, c, c->detail, c->bytes) : e;
}

static const struct {
	const char *verb;
	enum err (*hold)(struct core_session *s, const struct change *c);
	bool has_detail; /* a path, too */
} HOLDS[] = {
    {"removed", hold_removed, false},
    {"renamed", hold_renamed, true},
    {"resized", hold_resized, false},
    {"written", hold_resized, false},
    {"linked", hold_new, true},
    {"copied", hold_new, true},
};

static enum err
follow(struct core_session *s, const struct change *c)
{
	quota_content(&s->peer.core->gateway, c->folder, c->bytes, c->files);
	for (size_t i = 0; i < ARRAY_LEN(HOLDS); i++) {
		if (strcmp(HOLDS[i].verb, c->verb) != 0)
			continue;
		if (HOLDS[i].has_detail && !grant_path_is_clean(slice_str(c->detail)))
			return ERR_FORMAT;
		return HOLDS[i].hold(s, c);
	}
	return ERR_OK;
}

/* The transfer that is published there, or 0: files also come into a folder by other ways. */
static enum err
published_as(struct ledger *l, const struct change *c, uint64_t *ret_id)
{
	*ret_id = 0;
	enum err e = ledger_find_published(l, c->folder, c->path, ret_id);
	return e == ERR_NOENT ? ERR_OK : e;
}

enum err
core_files_on_changed(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	struct ledger *l = s->peer.core->gateway.ledger;
	const struct ipc_file_changed *changed = &m->file_changed;
	struct change c = {.bytes = changed->bytes, .files = changed->files};
	char detail[LEDGER_TEXT_MAX];
	uint64_t id;

	uint32_t needs = grant_change_needs(changed->verb);
	if (needs == 0 || !grant_covers(s->grant, changed->folder, needs) ||
	    !grant_path_is_clean(changed->path) ||
	    !slice_copy(changed->verb, c.verb, sizeof c.verb) ||
	    !slice_copy(changed->folder, c.folder, sizeof c.folder) ||
	    !slice_copy(changed->path, c.path, sizeof c.path) ||
	    !slice_copy(changed->detail, c.detail, sizeof c.detail))
		return ERR_FORMAT;
	describe(detail, s, changed->folder, changed->path, changed->detail);
	log_info("file.changed", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("verb", c.verb), F_STR("folder", c.folder), F_STR("path", c.path),
	    F_STR("detail", c.detail));
	enum err e = published_as(l, &c, &id);
	if (e == ERR_OK)
		e = follow(s, &c);
	return e == ERR_OK ? ledger_note(l, id, c.verb, detail, time_now_us()) : e;
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
