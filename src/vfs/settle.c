/*
 * The turns of a session: what was closed in one is staged together at its end, what was recorded
 * is put in place together. The steps are those of vfs/upload.h; 4 to 6 are in vfs/publish.c.
 */
#include <fcntl.h>
#include <unistd.h>

#include "vfs/file.h"
#include "vfs/result.h"
#include "vfs/upload.h"
#include "vfs/upload_state.h"

static const struct sftp_result NOT_RECORDED = {SSH_FX_FAILURE, "the upload could not be recorded"};

void
upload_answer(struct upload *u, struct sftp_result result, void (*end)(struct upload *))
{
	struct file *f = u->waiting;
	struct sftp_token token = u->token;

	end(u);
	if (f == NULL)
		return;
	file_free(f);
	sftp_fs_complete(token, result);
}

/* The next in state from u on. */
static struct upload *
next_in(struct upload *u, enum upload_state state)
{
	while (u != NULL && u->state != state)
		u = TAILQ_NEXT(u, turn);
	return u;
}

#define FOREACH_CLOSED(u, v)                                                        \
	for ((u) = next_in(TAILQ_FIRST(&(v)->closing), UPLOAD_CLOSED); (u) != NULL; \
	     (u) = next_in(TAILQ_NEXT(u, turn), UPLOAD_CLOSED))

/* So that the device works on all of them while the first is waited for. */
static void
begin_writeback(struct vfs *v)
{
	struct upload *u = next_in(TAILQ_FIRST(&v->closing), UPLOAD_CLOSED);

	/* A single one is synced at once anyway. */
	if (u == NULL || next_in(TAILQ_NEXT(u, turn), UPLOAD_CLOSED) == NULL)
		return;
	FOREACH_CLOSED(u, v)
	{
		if (!u->mount->relaxed)
			(void)sync_file_range(u->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
}

/* Step 1. What is charged from here on is its true size. */
static enum err
sync_bytes(struct upload *u)
{
	enum err e = mount_sync(u->mount, u->fd);

	if (e == ERR_OK && fstat(u->fd, &u->st) < 0)
		e = err_last();
	if (e == ERR_OK)
		lease_trim(&u->lease, (uint64_t)u->st.st_size);
	return e;
}

static void
sync_all_bytes(struct vfs *v)
{
	struct upload *u, *next;

	for (u = next_in(TAILQ_FIRST(&v->closing), UPLOAD_CLOSED); u != NULL; u = next) {
		next = next_in(TAILQ_NEXT(u, turn), UPLOAD_CLOSED);
		enum err e = sync_bytes(u);
		if (e != ERR_OK)
			upload_answer(u, result_of(e), upload_drop);
		else
			fd_closep(&u->fd);
	}
}

/* Has its name still to be made durable, in the staging directory of m's folder? */
static bool
wants_name_synced(const struct upload *u, const struct mount *m)
{
	return mount_same_store(u->mount, m) && !u->mount->relaxed &&
	       (u->claimed || !u->mount->names_sync);
}

/* Step 2 for the folder of m; where it fails, for all that wanted it. */
static void
sync_names_in(struct vfs *v, const struct mount *m)
{
	struct upload *u, *next;
	bool wanted = false;

	FOREACH_CLOSED(u, v)
	wanted = wanted || wants_name_synced(u, m);
	if (!wanted)
		return;
	enum err e = host_sync_dir(m->staging_fd);
	for (u = next_in(TAILQ_FIRST(&v->closing), UPLOAD_CLOSED); u != NULL && e != ERR_OK;
	     u = next) {
		next = next_in(TAILQ_NEXT(u, turn), UPLOAD_CLOSED);
		if (wants_name_synced(u, m))
			upload_answer(u, result_of(e), upload_leave);
	}
}

/* Is there no mount before the i-th of the same folder? Those that can't write don't count. */
static bool
is_first_of_folder(const struct vfs *v, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (v->mounts[k].staging_fd >= 0 && mount_same_store(&v->mounts[k], &v->mounts[i]))
			return false;
	}
	return v->mounts[i].staging_fd >= 0;
}

static void
sync_all_names(struct vfs *v)
{
	for (size_t i = 0; i < v->n_mounts; i++) {
		if (is_first_of_folder(v, i))
			sync_names_in(v, &v->mounts[i]);
	}
}

/* A tag that no waiting upload has. */
static uint32_t
next_tag(struct vfs *v)
{
	do {
		v->last_tag++;
	} while (upload_awaiting(v, v->last_tag) != NULL);
	return v->last_tag;
}

/* Step 3: the answers come through vfs_upload_recorded. */
static void
tell_all_staged(struct vfs *v)
{
	struct upload *u, *next;

	for (u = next_in(TAILQ_FIRST(&v->closing), UPLOAD_CLOSED); u != NULL; u = next) {
		next = next_in(TAILQ_NEXT(u, turn), UPLOAD_CLOSED);
		u->tag = next_tag(v);
		enum err e = v->journal->staged(v->journal_ctx, u->tag, u->mount->folder,
		    upload_rel(u), u->staging_name, (uint64_t)u->st.st_size);
		if (e == ERR_OK)
			upload_enter(u, UPLOAD_RECORDING);
		else
			upload_answer(u, NOT_RECORDED, upload_leave);
	}
}

static void
end_unrecorded(struct vfs *v)
{
	struct upload *u, *next;

	for (u = next_in(TAILQ_FIRST(&v->closing), UPLOAD_RECORDED); u != NULL; u = next) {
		next = next_in(TAILQ_NEXT(u, turn), UPLOAD_RECORDED);
		if (u->failure != ERR_OK)
			upload_answer(u, NOT_RECORDED, upload_leave);
	}
}

void
vfs_settle(struct vfs *v)
{
	if (next_in(TAILQ_FIRST(&v->closing), UPLOAD_CLOSED) != NULL) {
		begin_writeback(v);
		sync_all_bytes(v);
		sync_all_names(v);
		tell_all_staged(v);
	}
	if (next_in(TAILQ_FIRST(&v->closing), UPLOAD_RECORDED) != NULL) {
		end_unrecorded(v);
		publish_recorded(v);
	}
}

enum err
vfs_upload_recorded(struct vfs *v, uint32_t tag, enum err error, uint64_t transfer)
{
	struct upload *u = upload_awaiting(v, tag);

	if (u == NULL)
		return ERR_FORMAT;
	u->failure = error;
	u->transfer = transfer;
	upload_enter(u, UPLOAD_RECORDED);
	return ERR_OK;
}

enum err
upload_finish_beneath(struct vfs *v, const char *path)
{
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		struct upload *u;

		TAILQ_FOREACH (u, &v->closing, turn) {
			if (vpath_after(u->path, path) != NULL)
				break;
		}
		if (u == NULL)
			break;
		if (u->state == UPLOAD_RECORDING)
			e = v->journal->await(v->journal_ctx);
		else
			vfs_settle(v);
	}
	return e;
}

struct upload *
upload_awaiting(struct vfs *v, uint32_t tag)
{
	struct upload *u;

	TAILQ_FOREACH (u, &v->closing, turn) {
		if (u->state == UPLOAD_RECORDING && u->tag == tag)
			break;
	}
	return u;
}

size_t
vfs_n_open_uploads(const struct vfs *v)
{
	const struct upload *u;
	size_t n = v->n_direct;

	TAILQ_FOREACH (u, &v->uploads, entry) {
		n += u->state != UPLOAD_DISCARDED ? 1 : 0;
	}
	return n;
}

size_t
vfs_n_recording(const struct vfs *v)
{
	const struct upload *u;
	size_t n = 0;

	TAILQ_FOREACH (u, &v->closing, turn) {
		n++;
	}
	return n;
}
