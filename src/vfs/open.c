/*
 * What an OPEN means: SSH_FXF_* of draft-ietf-secsh-filexfer-02 section 6.3.
 *
 * Where uploads aren't direct (vfs/direct.h), every writer gets a private file. With TRUNC, or
 * under a name that is free, it is new and empty. Else (append, resume) it is
 *
 *	the account's partial, where there is one: it is gone on with (vfs/partial.h);
 *	a copy of what is there, so the file in place stays whole for its readers, and changes in
 *	one step at CLOSE. The price is that such an OPEN takes as long as the copy does, where
 *	the file system can't share blocks.
 *
 * A partial that isn't gone on with stays until the newer upload is in place, and goes then.
 */
#include <fcntl.h>

#include "vfs/denial.h"
#include "vfs/direct.h"
#include "vfs/names.h"
#include "vfs/result.h"
#include "vfs/setstat.h"

/* The bytes of a private file, its owner's alone to read. Never a taking of a file. */
static struct sftp_result
open_private(const struct mount *m, const char *staging_name, struct file *f)
{
	f->readable = true;
	return result_of(file_open_beneath(m->staging_fd, staging_name, O_RDONLY, 0, &f->fd));
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
	struct partial *partial;
	struct stat st;

	if (!place_allows(place, ACCESS_DOWNLOAD))
		return denial_by_right(v, place, ACCESS_DOWNLOAD);
	if (own != NULL)
		return open_private(own->mount, own->staging_name, f);
	enum err e = partial_find(v, place, &partial, &st);
	if (partial != NULL)
		return open_private(place->mount, partial->staging_name, f);
	if (e == ERR_OK)
		e = host_find(place->mount->dir_fd, place->rel, &entry);
	if (e == ERR_OK && entry.kind != HOST_FILE)
		e = NO_FILE[entry.kind];
	if (e != ERR_OK)
		return denial_of(v, place, ACCESS_DOWNLOAD, e);
	f->readable = true;
	f->taken_path = slice_dup(slice_str(place->rel));
	if (f->taken_path == NULL)
		return sftp_result_of(ERR_NOMEM);
	e = host_open_file(&entry, O_RDONLY, &f->fd, &st);
	if (e == ERR_OK)
		f->version = file_version(&st);
	return denial_of(v, place, ACCESS_DOWNLOAD, e);
}

/* What the name stands for now, as this session sees it: the first of these that there is. */
struct target {
	const struct upload *own;
	struct partial *partial;
	struct stat partial_st;
	bool partial_taken; /* there was one, as far as this session knew */
	struct host_entry entry;
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
		return result_of(ERR_ISDIR);
	if (t->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, place, ACCESS_CREATE);
	t->own = upload_find(v, path);
	if (t->own == NULL && !place->mount->direct) {
		bool was_known = partial_is_known(v, place);

		e = partial_find(v, place, &t->partial, &t->partial_st);
		if (e != ERR_OK)
			return result_of(e);
		t->partial_taken = was_known && t->partial == NULL;
	}
	t->exists = t->own != NULL || t->partial != NULL || t->entry.kind == HOST_FILE;
	return result_ok();
}

/* May the flags be used on the target, by this account? */
static struct sftp_result
check_target(struct vfs *v, const struct place *place, const struct target *t, uint32_t pflags)
{
	bool keeps = (pflags & SSH_FXF_TRUNC) == 0;

	if (!t->exists && (pflags & SSH_FXF_CREAT) == 0)
		return result_of(ERR_NOENT);
	if (!t->exists)
		return result_ok();
	if ((pflags & SSH_FXF_CREAT) != 0 && (pflags & SSH_FXF_EXCL) != 0)
		return result_say(SSH_FX_FAILURE, "a file of this name is there already");
	/* A partial alone is in nobody's way: its owner may go on with it, or begin anew. */
	if ((t->own != NULL || t->entry.kind == HOST_FILE) && !place_allows(place, ACCESS_REPLACE))
		return denial_by_right(v, place, ACCESS_REPLACE);
	/* What is there may be read only by who may read it under its name, too. */
	if (keeps && (pflags & SSH_FXF_READ) != 0 && !place_allows(place, ACCESS_DOWNLOAD))
		return denial_by_right(v, place, ACCESS_DOWNLOAD);
	return result_ok();
}

/* What a new private file begins with; the caller closes its descriptor. */
static enum err
open_base(const struct target *t, uint32_t pflags, struct upload_base *ret_base, mode_t *mode)
{
	enum err e = ERR_OK;
	struct stat st;

	if (!t->exists || (pflags & SSH_FXF_TRUNC) != 0)
		return ERR_OK;
	if (t->own != NULL) {
		e = upload_reopen(t->own, O_RDONLY, &ret_base->fd);
		if (e == ERR_OK && fstat(ret_base->fd, &st) < 0)
			return err_last();
	} else {
		e = host_open_file(&t->entry, O_RDONLY, &ret_base->fd, &st);
	}
	if (e == ERR_OK) {
		ret_base->len = (uint64_t)st.st_size;
		*mode = (st.st_mode & 0777) | 0600;
	}
	return e;
}

static const struct sftp_result PARTIAL_TAKEN = {
    SSH_FX_FAILURE, "another session goes on with this upload already"};

static struct sftp_result
open_upload(struct vfs *v, const struct place *place, const struct target *t, uint32_t pflags,
    mode_t mode, struct file *f)
{
	struct upload_base base = {.fd = -1};
	enum err e;

	/* Who wants to write behind what was there must not begin with nothing. */
	if (t->partial_taken && (pflags & SSH_FXF_TRUNC) == 0)
		return PARTIAL_TAKEN;
	if (t->partial != NULL && (pflags & SSH_FXF_TRUNC) == 0) {
		e = upload_claim(v, place, t->partial, (uint64_t)t->partial_st.st_size, &f->upload);
		if (e == ERR_NOENT)
			return PARTIAL_TAKEN;
		return denial_of(v, place, ACCESS_CREATE, e);
	}
	e = open_base(t, pflags, &base, &mode);
	if (e == ERR_OK)
		e = upload_new(v, place->mount, place->path, mode, base, &f->upload);
	fd_closep(&base.fd);
	return denial_of(v, place, ACCESS_CREATE, e);
}

/* Written in place: a partial that the name had before this was so is in the way. */
static struct sftp_result
open_direct(struct vfs *v, const struct place *place, const struct target *t, uint32_t pflags,
    mode_t mode, struct file *f)
{
	struct sftp_result result = direct_open(v, place, &t->entry, pflags, mode, f);

	if (result.status == SSH_FX_OK)
		partial_discard_older(v, place->mount, place->rel, UINT64_MAX);
	return result;
}

struct sftp_result
file_open_writer(struct vfs *v, const struct vpath *path, const struct place *place,
    uint32_t pflags, const struct sftp_attrs *attrs, struct file *f)
{
	struct target target _cleanup_(target_fini) = {.entry.parent_fd = -1};
	mode_t mode = setstat_mode(place->mount, attrs, false);

	if (!place_allows(place, ACCESS_CREATE))
		return denial_by_right(v, place, ACCESS_CREATE);
	if (!names_allow(place->mount, path->text))
		return names_refuse(v, place, ACCESS_CREATE);
	struct sftp_result result = find_target(v, path->text, place, &target);
	if (result.status == SSH_FX_OK)
		result = check_target(v, place, &target, pflags);
	if (result.status != SSH_FX_OK)
		return result;
	f->readable = (pflags & SSH_FXF_READ) != 0;
	f->append = (pflags & SSH_FXF_APPEND) != 0;
	f->writable = f->append || (pflags & SSH_FXF_WRITE) != 0;
	return place->mount->direct ? open_direct(v, place, &target, pflags, mode, f)
				    : open_upload(v, place, &target, pflags, mode, f);
}
