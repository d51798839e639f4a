/*
 * Recorded uploads into their places: steps 4 to 6 of vfs/upload.h. And what takes the place of a
 * file at once, without a record: another size for it.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/bug.h"
#include "vfs/denial.h"
#include "vfs/result.h"
#include "vfs/upload.h"
#include "vfs/upload_state.h"

/* Of directories that wait to be synced: each keeps a descriptor open. */
enum { PUBLISH_DIRS_MAX = 16 };

/* A directory that uploads were renamed into. */
struct publish_dir {
	dev_t dev;
	ino_t inode;
	int fd;
	enum err error; /* of its fsync */
};

struct publish_batch {
	struct publish_dir dirs[PUBLISH_DIRS_MAX];
	size_t n_dirs;
};

static void
batch_fini(struct publish_batch *b)
{
	for (size_t i = 0; i < b->n_dirs; i++)
		fd_closep(&b->dirs[i].fd);
}

/* The batch's entry for the directory behind parent_fd (O_PATH). ERR_AGAIN: there is no room. */
static enum err
batch_dir(struct publish_batch *b, int parent_fd, size_t *ret_i)
{
	struct stat st;

	if (fstat(parent_fd, &st) < 0)
		return err_last();
	for (size_t i = 0; i < b->n_dirs; i++) {
		if (b->dirs[i].dev == st.st_dev && b->dirs[i].inode == st.st_ino) {
			*ret_i = i;
			return ERR_OK;
		}
	}
	if (b->n_dirs == PUBLISH_DIRS_MAX)
		return ERR_AGAIN;
	struct publish_dir *dir = &b->dirs[b->n_dirs];
	*dir = (struct publish_dir){.dev = st.st_dev, .inode = st.st_ino, .fd = -1};
	/* Opened before the rename: afterwards is too late to fail. */
	enum err e = file_open_beneath(parent_fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir->fd);
	if (e == ERR_OK)
		*ret_i = b->n_dirs++;
	return e;
}

/* Renames into place. Without the right to overwrite, whoever has the name keeps it. */
static enum err
rename_into(const struct upload *u, int parent_fd, const char *name)
{
	if (access_allows(u->mount->allow, ACCESS_REPLACE))
		return file_rename_over(u->mount->staging_fd, u->staging_name, parent_fd, name);
	return file_rename_new(u->mount->staging_fd, u->staging_name, parent_fd, name);
}

/* Step 4. ERR_AGAIN: in the next batch. */
static enum err
place(struct publish_batch *b, struct upload *u)
{
	struct host_entry target _cleanup_(host_entry_fini) = {.parent_fd = -1};

	enum err e = host_find(u->mount->dir_fd, upload_rel(u), &target);
	if (e == ERR_OK && !u->mount->relaxed)
		e = batch_dir(b, target.parent_fd, &u->dir);
	if (e == ERR_OK)
		e = rename_into(u, target.parent_fd, target.name);
	if (e != ERR_OK)
		return e;
	upload_enter(u, UPLOAD_PLACED);
	u->replaced = target.kind == HOST_FILE;
	u->replaced_bytes = u->replaced ? (uint64_t)target.st.st_size : 0;
	return ERR_OK;
}

/*
 * Dray answers for what is recorded, also where it can't be put in place: its bytes stay, and the
 * journal makes a partial of them. This session hears of that as any other does, when it is
 * durable.
 */
static void
fail(struct upload *u, enum err e)
{
	struct place place = {.mount = u->mount, .path = u->path, .rel = upload_rel(u)};
	struct sftp_result result;

	if (e == ERR_EXISTS) {
		(void)denial_by_right(u->vfs, &place, ACCESS_REPLACE);
		result = result_say(SSH_FX_FAILURE, "a file of this name is there already");
	} else if (e == ERR_NOENT) {
		result = result_say(SSH_FX_NO_SUCH_FILE, "the directory of the upload is gone");
	} else {
		result = denial_of(u->vfs, &place, ACCESS_CREATE, e);
	}
	u->vfs->journal->not_placed(u->vfs->journal_ctx, u->transfer,
	    result.message != NULL ? result.message : err_text(e));
	upload_answer(u, result, upload_release);
}

/* Step 6. */
static void
finish(struct upload *u)
{
	struct vfs *v = u->vfs;

	v->journal->published(v->journal_ctx, u->transfer, u->replaced, u->replaced_bytes);
	lease_hand_over(&u->lease);
	partial_discard_older(v, u->mount, upload_rel(u), u->age);
	upload_answer(u, result_ok(), upload_release);
}

/* Some of what is recorded, in the order of their CLOSEs. False: nothing is left. */
static bool
publish_some(struct vfs *v)
{
	struct publish_batch batch _cleanup_(batch_fini) = {.n_dirs = 0};
	struct upload *u, *next;
	bool more = false;

	for (u = TAILQ_FIRST(&v->closing); u != NULL && !more; u = next) {
		next = TAILQ_NEXT(u, turn);
		if (u->state != UPLOAD_RECORDED)
			continue;
		enum err e = place(&batch, u);
		more = e == ERR_AGAIN;
		if (e != ERR_OK && !more)
			fail(u, e);
	}
	for (size_t i = 0; i < batch.n_dirs; i++)
		batch.dirs[i].error = file_sync(batch.dirs[i].fd);
	for (u = TAILQ_FIRST(&v->closing); u != NULL; u = next) {
		next = TAILQ_NEXT(u, turn);
		if (u->state != UPLOAD_PLACED)
			continue;
		enum err e = u->mount->relaxed ? ERR_OK : batch.dirs[u->dir].error;
		if (e == ERR_OK)
			finish(u);
		else
			fail(u, e);
	}
	return more;
}

void
publish_recorded(struct vfs *v)
{
	while (publish_some(v))
		;
}

/* The copy, at its new size and durable, takes the place of the file. */
static enum err
replace_with_copy(const struct mount *m, const char *staging_name, int fd,
    const struct host_entry *entry, uint64_t size)
{
	if (ftruncate(fd, (off_t)size) < 0)
		return err_last();
	enum err e = mount_sync(m, fd);
	if (e == ERR_OK)
		e = file_rename_over(m->staging_fd, staging_name, entry->parent_fd, entry->name);
	return e == ERR_OK ? mount_sync_dir(m, entry->parent_fd) : e;
}

enum err
upload_resize(struct vfs *v, const struct place *p, const struct host_entry *entry, uint64_t size)
{
	int from_fd _cleanup_(fd_closep) = -1, fd _cleanup_(fd_closep) = -1;
	struct lease lease = {.vfs = v, .mount = p->mount};
	char staging_name[STAGING_NAME_SIZE];
	struct stat st;

	if (size > (uint64_t)INT64_MAX)
		return ERR_INVALID;
	enum err e = host_open_file(entry, O_RDONLY, &from_fd, &st);
	uint64_t was = e == ERR_OK ? (uint64_t)st.st_size : 0;
	if (e != ERR_OK || was == size)
		return e;
	e = lease_cover(&lease, size > was ? size - was : 0, 0);
	if (e == ERR_OK)
		e = staging_create(v, p->mount, st.st_mode & 0777, staging_name, &fd);
	if (e == ERR_OK) {
		e = host_copy(from_fd, fd, size < was ? size : was);
		if (e == ERR_OK)
			e = replace_with_copy(p->mount, staging_name, fd, entry, size);
		/* A copy that didn't make it holds nothing of the client's. */
		if (e != ERR_OK)
			(void)!staging_unlink(p->mount, staging_name);
	}
	if (e == ERR_OK)
		v->journal->changed(v->journal_ctx, "resized", p->mount->folder, p->rel, "",
		    (int64_t)size - (int64_t)was, 0);
	lease_end(&lease);
	return e;
}
