/*
 * The journal of a session's file system: what its account does is told to core, which keeps the
 * ledger.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/bug.h"
#include "roles/session_internal.h"

static enum err
journal_staged(void *ctx, uint32_t tag, const char *folder, const char *path,
    const char *staging_name, uint64_t size)
{
	return session_tell(ctx, IPC_UPLOAD_STAGED,
	    &(struct ipc_upload_staged){
		.tag = tag,
		.folder = slice_str(folder),
		.path = slice_str(path),
		.staging_name = slice_str(staging_name),
		.size = size,
	    });
}

static void
journal_published(void *ctx, uint64_t transfer, bool replaced, uint64_t replaced_bytes)
{
	(void)session_tell(ctx, IPC_UPLOAD_PUBLISHED,
	    &(struct ipc_upload_published){
		.transfer = transfer, .replaced = replaced, .replaced_bytes = replaced_bytes});
}

static void
journal_not_placed(void *ctx, uint64_t transfer, const char *why)
{
	(void)session_tell(ctx, IPC_UPLOAD_NOT_PLACED,
	    &(struct ipc_upload_not_placed){.transfer = transfer, .story = slice_str(why)});
}

static void
journal_opened(
    void *ctx, const char *folder, const char *path, const char *staging_name, const char *from)
{
	(void)session_tell(ctx, IPC_UPLOAD_OPENED,
	    &(struct ipc_upload_opened){
		.folder = slice_str(folder),
		.path = slice_str(path),
		.staging_name = slice_str(staging_name),
		.from = slice_str(from),
	    });
}

static void
journal_moved(void *ctx, const char *folder, const char *path, const char *staging_name)
{
	(void)session_tell(ctx, IPC_UPLOAD_MOVED,
	    &(struct ipc_upload_moved){
		.folder = slice_str(folder),
		.path = slice_str(path),
		.staging_name = slice_str(staging_name),
	    });
}

static void
journal_discarded(void *ctx, const char *folder, const char *staging_name)
{
	(void)session_tell(ctx, IPC_UPLOAD_DISCARDED,
	    &(struct ipc_upload_discarded){
		.folder = slice_str(folder), .staging_name = slice_str(staging_name)});
}

static enum err
journal_quota_ask(void *ctx, const char *folder, uint64_t bytes, uint32_t files, bool ahead)
{
	return session_ask_quota(
	    ctx, &(struct ipc_quota_ask){
		     .folder = slice_str(folder), .bytes = bytes, .files = files, .ahead = ahead});
}

static void
journal_quota_back(void *ctx, const char *folder, uint64_t bytes, uint32_t files)
{
	(void)session_tell(ctx, IPC_QUOTA_BACK,
	    &(struct ipc_quota_back){.folder = slice_str(folder), .bytes = bytes, .files = files});
}

static enum err
journal_await(void *ctx)
{
	struct session *s = ctx;
	struct ipc_message m;

	enum err e = ipc_recv(&s->core, &m);
	if (e == ERR_OK)
		e = session_dispatch(s, &m);
	if (e != ERR_OK)
		session_end(s, e, "the line to the gateway's core was lost");
	return e;
}

static void
journal_taken(void *ctx, const char *folder, const char *path, uint64_t bytes,
    const struct vfs_version *version)
{
	(void)session_tell(ctx, IPC_FILE_TAKEN,
	    &(struct ipc_file_taken){
		.folder = slice_str(folder),
		.path = slice_str(path),
		.bytes = bytes,
		.inode = version->inode,
		.size = version->size,
		.mtime_ns = version->mtime_ns,
	    });
}

static void
journal_pieces(void *ctx, const char *folder, const char *path, const struct vfs_version *version,
    const struct vfs_range *ranges, size_t n_ranges)
{
	uint8_t bytes[IPC_RANGES_MAX];
	size_t len = 0;

	BUG_ON(n_ranges > IPC_RANGES_MAX / 16);
	for (size_t i = 0; i < n_ranges; i++, len += 16) {
		be64_store(bytes + len, ranges[i].offset);
		be64_store(bytes + len + 8, ranges[i].end);
	}
	(void)session_tell(ctx, IPC_FILE_PIECES,
	    &(struct ipc_file_pieces){
		.folder = slice_str(folder),
		.path = slice_str(path),
		.inode = version->inode,
		.size = version->size,
		.mtime_ns = version->mtime_ns,
		.ranges = slice_of(bytes, len),
	    });
}

static void
journal_changed(void *ctx, const char *verb, const char *folder, const char *path,
    const char *detail, int64_t bytes, int64_t files)
{
	(void)session_tell(ctx, IPC_FILE_CHANGED,
	    &(struct ipc_file_changed){
		.verb = slice_str(verb),
		.folder = slice_str(folder),
		.path = slice_str(path),
		.detail = slice_str(detail),
		.bytes = bytes,
		.files = files,
	    });
}

static void
journal_abandoned(
    void *ctx, const char *folder, const char *path, const char *staging_name, uint64_t bytes)
{
	(void)session_tell(ctx, IPC_UPLOAD_ABANDONED,
	    &(struct ipc_upload_abandoned){
		.folder = slice_str(folder),
		.path = slice_str(path),
		.staging_name = slice_str(staging_name),
		.size = bytes,
	    });
}

static void
journal_denied(void *ctx, const char *verb, const char *folder, const char *path, const char *why)
{
	(void)session_tell(ctx, IPC_FILE_DENIED,
	    &(struct ipc_file_denied){
		.verb = slice_str(verb),
		.folder = slice_str(folder),
		.path = slice_str(path),
		.why = slice_str(why),
	    });
}

const struct vfs_journal SESSION_JOURNAL = {
    .staged = journal_staged,
    .published = journal_published,
    .not_placed = journal_not_placed,
    .opened = journal_opened,
    .moved = journal_moved,
    .discarded = journal_discarded,
    .quota_ask = journal_quota_ask,
    .quota_back = journal_quota_back,
    .await = journal_await,
    .pieces = journal_pieces,
    .taken = journal_taken,
    .changed = journal_changed,
    .abandoned = journal_abandoned,
    .denied = journal_denied,
};

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
			e = session_dispatch(s, &m);
	}
	session_end(s, e, "the line to the gateway's core was lost");
	return e;
}

/* The account's; the configuration may have taken the folder away since it was left. */
enum err
session_on_partial(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	const struct ipc_partial *p = &m->partial;
	char folder[IPC_NAME_MAX + 1], path[IPC_PATH_MAX + 1], name[IPC_FILE_NAME_MAX + 1];

	if (!slice_copy(p->folder, folder, sizeof folder) ||
	    !slice_copy(p->path, path, sizeof path) ||
	    !slice_copy(p->staging_name, name, sizeof name))
		return ERR_FORMAT;
	if (s->vfs == NULL)
		return ERR_OK;
	enum err e = vfs_partial(s->vfs, folder, path, name, p->size);
	return e == ERR_NOENT ? ERR_OK : e;
}

enum err
session_on_partial_gone(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	const struct ipc_partial_gone *p = &m->partial_gone;
	char folder[IPC_NAME_MAX + 1], name[IPC_FILE_NAME_MAX + 1];

	if (!slice_copy(p->folder, folder, sizeof folder) ||
	    !slice_copy(p->staging_name, name, sizeof name))
		return ERR_FORMAT;
	if (s->vfs != NULL)
		vfs_partial_gone(s->vfs, folder, name);
	return ERR_OK;
}

enum err
session_on_upload_recorded(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	const struct ipc_upload_recorded *r = &m->upload_recorded;

	if (s->vfs == NULL || r->error >= ERR_N)
		return ERR_FORMAT;
	return vfs_upload_recorded(s->vfs, r->tag, (enum err)r->error, r->transfer);
}
