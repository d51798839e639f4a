/*
 * The journal of a session's file system: what its account does is told to core, which keeps the
 * ledger.
 */
#include <stdio.h>

#include "ipc/link.h"
#include "roles/session.h"

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
journal_published(void *ctx, uint64_t transfer)
{
	(void)session_tell(
	    ctx, IPC_UPLOAD_PUBLISHED, &(struct ipc_upload_published){.transfer = transfer});
}

static void
journal_taken(void *ctx, const char *folder, const char *path, uint64_t bytes)
{
	(void)session_tell(ctx, IPC_FILE_TAKEN,
	    &(struct ipc_file_taken){
		.folder = slice_str(folder), .path = slice_str(path), .bytes = bytes});
}

static void
journal_changed(
    void *ctx, const char *verb, const char *folder, const char *path, const char *detail)
{
	(void)session_tell(ctx, IPC_FILE_CHANGED,
	    &(struct ipc_file_changed){
		.verb = slice_str(verb),
		.folder = slice_str(folder),
		.path = slice_str(path),
		.detail = slice_str(detail),
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
    .taken = journal_taken,
    .changed = journal_changed,
    .abandoned = journal_abandoned,
    .denied = journal_denied,
};
