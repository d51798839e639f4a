/*
 * What an OPEN means: SSH_FXF_* of draft-ietf-secsh-filexfer-02 section 6.3.
 *
 * Every writer gets a new private file. Where the name is in use already and TRUNC isn't set
 * (append, resume, writing in place), the private file begins as a copy of what is there, so the
 * file in place stays whole for its readers, and changes in one step at CLOSE. The price is that
 * such an OPEN takes as long as the copy does, where the file system can't share blocks.
 */
#include <fcntl.h>

#include "vfs/denial.h"
#include "vfs/file.h"
#include "vfs/result.h"
#include "vfs/setstat.h"

/* The bytes of this session's own upload, while it is private. Never a taking of a file. */
static struct sftp_result
open_own(const struct upload *u, struct file *f)
{
	f->readable = true;
	return sftp_result_of(upload_reopen(u, O_RDONLY, &f->fd));
}

/* What is wrong with a name that is to be read, when it is no file. */
static const enum err NO_FILE[] = {
    [HOST_NONE] = ERR_NOENT,
    [HOST_DIR] = ERR_ISDIR,
    [HOST_HIDDEN] = ERR_ESCAPE,
};

struct sftp_result
file_open_reader(struct vfs *v, const struct vpath *path, const struct place *place, struct file *f)
{
	struct host_entry entry _cleanup_(host_entry_fini) = {.parent_fd = -1};
	const struct upload *own = upload_find(v, path->text);
	struct stat st;

	if (!place_allows(place, ACCESS_DOWNLOAD))
		return denial_by_right(v, place, ACCESS_DOWNLOAD);
	if (own != NULL)
		return open_own(own, f);
	enum err e = host_find(place->mount->dir_fd, place->rel, &entry);
	if (e == ERR_OK && entry.kind != HOST_FILE)
		e = NO_FILE[entry.kind];
	if (e != ERR_OK)
		return denial_of(v, place, ACCESS_DOWNLOAD, e);
	f->readable = true;
	f->taken_path = slice_dup(slice_str(place->rel));
	if (f->taken_path == NULL)
		return sftp_result_of(ERR_NOMEM);
	e = host_open_file(&entry, O_RDONLY, &f->fd, &st);
	return denial_of(v, place, ACCESS_DOWNLOAD, e);
}

/* What the name stands for now, as this session sees it. */
struct target {
	struct host_entry entry;
	const struct upload *own; /* covers the entry */
	bool exists;
};

static void
target_fini(struct target *t)
{
	host_entry_fini(&t->entry);
}

static struct sftp_result
find_target(struct vfs *v, const char *path, const struct place *place, struct target *t)
{
	enum err e = host_find(place->mount->dir_fd, place->rel, &t->entry);

	if (e != ERR_OK)
		return denial_of(v, place, ACCESS_CREATE, e);
	if (t->entry.kind == HOST_DIR)
		return sftp_result_of(ERR_ISDIR);
	if (t->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, place, ACCESS_CREATE);
	t->own = upload_find(v, path);
	t->exists = t->own != NULL || t->entry.kind == HOST_FILE;
	return result_ok();
}

/* May the flags be used on the target, by this account? */
static struct sftp_result
check_target(struct vfs *v, const struct place *place, const struct target *t, uint32_t pflags)
{
	bool keeps = (pflags & SSH_FXF_TRUNC) == 0;

	if (!t->exists && (pflags & SSH_FXF_CREAT) == 0)
		return sftp_result_of(ERR_NOENT);
	if (!t->exists)
		return result_ok();
	if ((pflags & SSH_FXF_CREAT) != 0 && (pflags & SSH_FXF_EXCL) != 0)
		return result_say(SSH_FX_FAILURE, "a file of this name is there already");
	if (!place_allows(place, ACCESS_REPLACE))
		return denial_by_right(v, place, ACCESS_REPLACE);
	/* The copy of what is there may be read only by who may read what is there. */
	if (keeps && (pflags & SSH_FXF_READ) != 0 && !place_allows(place, ACCESS_DOWNLOAD))
		return denial_by_right(v, place, ACCESS_DOWNLOAD);
	return result_ok();
}

/* What the private file begins with; the caller closes its descriptor. */
static enum err
open_base(const struct target *t, uint32_t pflags, struct upload_base *ret_base, struct stat *st)
{
	enum err e = ERR_OK;

	if (!t->exists || (pflags & SSH_FXF_TRUNC) != 0)
		return ERR_OK;
	if (t->own != NULL) {
		e = upload_reopen(t->own, O_RDONLY, &ret_base->fd);
		if (e == ERR_OK && fstat(ret_base->fd, st) < 0)
			return err_last();
	} else {
		e = host_open_file(&t->entry, O_RDONLY, &ret_base->fd, st);
	}
	ret_base->len = e == ERR_OK ? (uint64_t)st->st_size : 0;
	return e;
}

struct sftp_result
file_open_writer(struct vfs *v, const struct vpath *path, const struct place *place,
    uint32_t pflags, const struct sftp_attrs *attrs, struct file *f)
{
	struct target target _cleanup_(target_fini) = {.entry.parent_fd = -1};
	struct upload_base base = {.fd = -1};
	struct stat st = {.st_mode = 0};

	if (!place_allows(place, ACCESS_CREATE))
		return denial_by_right(v, place, ACCESS_CREATE);
	struct sftp_result result = find_target(v, path->text, place, &target);
	if (result.status == SSH_FX_OK)
		result = check_target(v, place, &target, pflags);
	if (result.status != SSH_FX_OK)
		return result;
	enum err e = open_base(&target, pflags, &base, &st);
	mode_t mode = setstat_mode(place->mount, attrs, false);
	if (base.fd >= 0)
		mode = (st.st_mode & 0777) | 0600;
	if (e == ERR_OK)
		e = upload_new(v, place->mount, path->text, mode, base, &f->upload);
	fd_closep(&base.fd);
	f->readable = (pflags & SSH_FXF_READ) != 0;
	f->append = (pflags & SSH_FXF_APPEND) != 0;
	f->writable = f->append || (pflags & SSH_FXF_WRITE) != 0;
	return denial_of(v, place, ACCESS_CREATE, e);
}
