/* From CLOSE to the file in its place: the steps of vfs/upload.h, 1 to 5. */
#include <fcntl.h>
#include <unistd.h>

#include "base/bug.h"
#include "vfs/denial.h"
#include "vfs/result.h"
#include "vfs/upload.h"
#include "vfs/upload_state.h"

/* A tag that no waiting upload has. */
static uint32_t
next_tag(struct vfs *v)
{
	do {
		v->last_tag++;
	} while (upload_awaiting(v, v->last_tag) != NULL);
	return v->last_tag;
}

/* Step 1: the bytes, and the name by which recovery finds them. */
static enum err
make_durable(struct upload *u)
{
	enum err e = file_sync(u->fd);

	if (e != ERR_OK)
		return e;
	if (fstat(u->fd, &u->st) < 0)
		return err_last();
	e = host_sync_dir(u->mount->staging_fd);
	fd_closep(&u->fd);
	return e;
}

/* Step 2: its answer is vfs_upload_recorded. */
static enum err
tell_staged(struct upload *u)
{
	struct vfs *v = u->vfs;

	u->tag = next_tag(v);
	return v->journal->staged(v->journal_ctx, u->tag, u->mount->folder, upload_rel(u),
	    u->staging_name, (uint64_t)u->st.st_size);
}

struct sftp_result
upload_close(struct upload *u, struct file *f, struct sftp_token token)
{
	if (u->state == UPLOAD_DISCARDED) {
		upload_free(u);
		return result_ok();
	}
	if (u->spoilt) {
		upload_free(u);
		return result_say(SSH_FX_FAILURE, "a write failed, so the file was not published");
	}
	upload_enter(u, UPLOAD_STAGING);
	enum err e = make_durable(u);
	if (e != ERR_OK) {
		upload_free(u);
		return sftp_result_of(e);
	}
	if (tell_staged(u) != ERR_OK) {
		upload_free(u);
		return result_say(SSH_FX_FAILURE, "the upload could not be recorded");
	}
	u->waiting = f;
	u->token = token;
	upload_enter(u, UPLOAD_RECORDING);
	return result_say(SFTP_PENDING, NULL);
}

/* Renames into place. Without the right to overwrite, whoever has the name keeps it. */
static enum err
rename_into(const struct upload *u, int parent_fd, const char *name)
{
	if (access_allows(u->mount->allow, ACCESS_REPLACE))
		return file_rename_over(u->mount->staging_fd, u->staging_name, parent_fd, name);
	return file_rename_new(u->mount->staging_fd, u->staging_name, parent_fd, name);
}

/* Steps 3 and 4. */
static enum err
put_in_place(const struct upload *u)
{
	struct host_entry target _cleanup_(host_entry_fini);
	int dir_fd _cleanup_(fd_closep) = -1;

	enum err e = host_find(u->mount->dir_fd, upload_rel(u), &target);
	/* The directory that will be synced is opened first: afterwards is too late to fail. */
	if (e == ERR_OK)
		e = file_open_beneath(target.parent_fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir_fd);
	if (e == ERR_OK)
		e = rename_into(u, dir_fd, target.name);
	return e == ERR_OK ? file_sync(dir_fd) : e;
}

static struct sftp_result
publish(const struct upload *u, uint64_t transfer)
{
	struct place place = {.mount = u->mount, .path = u->path, .rel = upload_rel(u)};
	enum err e = put_in_place(u);

	if (e == ERR_EXISTS) {
		(void)denial_by_right(u->vfs, &place, ACCESS_REPLACE);
		return result_say(SSH_FX_FAILURE, "a file of this name is there already");
	}
	if (e == ERR_NOENT)
		return result_say(SSH_FX_NO_SUCH_FILE, "the directory of the upload is gone");
	if (e == ERR_OK)
		u->vfs->journal->published(u->vfs->journal_ctx, transfer, false, 0);
	return denial_of(u->vfs, &place, ACCESS_CREATE, e);
}

struct upload *
upload_awaiting(struct vfs *v, uint32_t tag)
{
	struct upload *u;

	TAILQ_FOREACH (u, &v->uploads, entry) {
		if (u->state == UPLOAD_RECORDING && u->tag == tag)
			break;
	}
	return u;
}

struct sftp_result
upload_recorded(struct upload *u, enum err error, uint64_t transfer)
{
	struct sftp_result result = result_say(SSH_FX_FAILURE, "the upload could not be recorded");

	if (error == ERR_OK)
		result = publish(u, transfer);
	upload_free(u);
	return result;
}

/* The copy, at its new size and durable, takes the place of the file. */
static enum err
replace_with_copy(struct upload *u, const struct host_entry *entry, uint64_t size)
{
	if (ftruncate(u->fd, (off_t)size) < 0)
		return err_last();
	enum err e = file_sync(u->fd);
	if (e == ERR_OK)
		e = file_rename_over(
		    u->mount->staging_fd, u->staging_name, entry->parent_fd, entry->name);
	return e == ERR_OK ? host_sync_dir(entry->parent_fd) : e;
}

enum err
upload_resize(struct vfs *v, const struct place *p, const struct host_entry *entry, uint64_t size)
{
	int fd _cleanup_(fd_closep) = -1;
	struct upload *u;
	struct stat st;

	if (size > (uint64_t)INT64_MAX)
		return ERR_INVALID;
	enum err e = host_open_file(entry, O_RDONLY, &fd, &st);
	if (e != ERR_OK || (uint64_t)st.st_size == size)
		return e;
	struct upload_base base = {.fd = fd, .len = size};
	e = upload_new(v, p->mount, p->path, st.st_mode & 0777, base, &u);
	if (e != ERR_OK)
		return e;
	e = replace_with_copy(u, entry, size);
	/* A copy that didn't make it holds nothing of the client's. */
	if (e != ERR_OK)
		(void)unlinkat(p->mount->staging_fd, u->staging_name, 0);
	else
		v->journal->changed(v->journal_ctx, "resized", p->mount->folder, p->rel, "", 0, 0);
	upload_free(u);
	return e;
}
