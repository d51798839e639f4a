/*
 * Renaming, within one folder's storage only: between folders it would be a copy, which can break
 * off half way, and would pass by what routes say of the other folder.
 *
 * RENAME never overwrites (draft-ietf-secsh-filexfer-02 section 6.5), by the kernel's word and not
 * by a look before; posix-rename does, where the mount allows it.
 *
 * Clients that upload under a temporary name rename it when its CLOSE was answered, and some don't
 * wait for the answer: what is being closed at either name is finished first.
 */
#include "vfs/denial.h"
#include "vfs/names.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

/* One end of a rename: what has the name, the first of these that there is. */
struct rename_end {
	struct vpath path;
	struct place place;
	struct upload *own;
	struct partial *partial;
	struct host_entry entry;
};

static void
end_fini(struct rename_end *end)
{
	host_entry_fini(&end->entry);
}

static struct sftp_result
end_resolve(struct vfs *v, struct slice raw, struct rename_end *end)
{
	enum err e = namespace_resolve(v, raw, &end->path, &end->place);

	if (e != ERR_OK)
		return denial_of(v, &end->place, ACCESS_RENAME, e);
	if (end->place.fixed)
		return denial_by_right(v, &end->place, ACCESS_RENAME);
	return result_of(upload_finish_beneath(v, end->path.text));
}

/* After both ends are resolved, since that may wait for the journal. */
static struct sftp_result
end_find(struct vfs *v, struct rename_end *end)
{
	struct stat st;

	enum err e = partial_find(v, &end->place, &end->partial, &st);
	end->own = upload_find(v, end->path.text);
	if (end->own != NULL)
		end->partial = NULL;
	if (e == ERR_OK)
		e = host_find(end->place.mount->dir_fd, end->place.rel, &end->entry);
	return denial_of(v, &end->place, ACCESS_RENAME, e);
}

static bool
end_is_private(const struct rename_end *end)
{
	return end->own != NULL || end->partial != NULL;
}

static bool
end_exists(const struct rename_end *end)
{
	return end_is_private(end) || end->entry.kind != HOST_NONE;
}

/* The partial that had the new name gives way. */
static void
discard_replaced(struct vfs *v, const struct rename_end *to)
{
	if (to->partial != NULL)
		(void)!partial_discard(v, to->place.mount, to->partial);
}

/* The uploader renames what is private still: it will be published under the new name. */
static struct sftp_result
rename_private(
    struct vfs *v, const struct rename_end *from, const struct rename_end *to, bool replace)
{
	if (!place_allows(&to->place, ACCESS_CREATE))
		return denial_by_right(v, &to->place, ACCESS_CREATE);
	if (to->entry.kind == HOST_DIR)
		return result_of(ERR_ISDIR);
	if (to->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, &to->place, ACCESS_CREATE);
	if (end_exists(to) && !replace)
		return result_of(ERR_EXISTS);
	/* A partial alone is in nobody's way. */
	if ((to->own != NULL || to->entry.kind == HOST_FILE) &&
	    !place_allows(&to->place, ACCESS_REPLACE))
		return denial_by_right(v, &to->place, ACCESS_REPLACE);
	enum err e = from->own != NULL ? upload_retarget(from->own, to->place.mount, to->path.text)
				       : partial_move(v, from->partial, to->place.rel);
	if (e == ERR_OK)
		discard_replaced(v, to);
	return result_of(e);
}

static struct sftp_result
check_placed(
    struct vfs *v, const struct rename_end *from, const struct rename_end *to, bool replace)
{
	enum access_op op = replace && end_exists(to) ? ACCESS_RENAME_OVER : ACCESS_RENAME;

	if (!place_allows(&from->place, ACCESS_RENAME))
		return denial_by_right(v, &from->place, ACCESS_RENAME);
	if (!place_allows(&to->place, op))
		return denial_by_right(v, &to->place, op);
	if (from->entry.kind == HOST_HIDDEN)
		return denial_of(v, &from->place, ACCESS_RENAME, ERR_ESCAPE);
	if (from->entry.kind == HOST_NONE)
		return result_of(ERR_NOENT);
	if (end_exists(to) && !replace)
		return result_of(ERR_EXISTS);
	if (to->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, &to->place, ACCESS_RENAME);
	return result_ok();
}

/* The new name first. Most renames are within one directory. */
static enum err
sync_both(const struct rename_end *from, const struct rename_end *to)
{
	struct stat from_st, to_st;

	enum err e = mount_sync_dir(to->place.mount, to->entry.parent_fd);
	if (e != ERR_OK)
		return e;
	if (fstat(from->entry.parent_fd, &from_st) < 0 || fstat(to->entry.parent_fd, &to_st) < 0)
		return err_last();
	if (from_st.st_ino == to_st.st_ino && from_st.st_dev == to_st.st_dev)
		return ERR_OK;
	return mount_sync_dir(from->place.mount, from->entry.parent_fd);
}

static enum err
move(const struct rename_end *from, const struct rename_end *to, bool over)
{
	enum err (*rename_fn)(int, const char *, int, const char *) =
	    over ? file_rename_over : file_rename_new;

	enum err e =
	    rename_fn(from->entry.parent_fd, from->entry.name, to->entry.parent_fd, to->entry.name);
	return e == ERR_OK ? sync_both(from, to) : e;
}

static void
tell_renamed(struct vfs *v, const struct rename_end *from, const struct rename_end *to)
{
	bool same = from->entry.st.st_ino == to->entry.st.st_ino &&
		    from->entry.st.st_dev == to->entry.st.st_dev;
	/* rename(2) between two names of one file does nothing. */
	bool replaced = to->entry.kind == HOST_FILE && !same;

	v->journal->changed(v->journal_ctx, "renamed", from->place.mount->folder, from->place.rel,
	    to->place.rel, replaced ? -(int64_t)to->entry.st.st_size : 0, replaced ? -1 : 0);
}

static struct sftp_result
rename_placed(
    struct vfs *v, const struct rename_end *from, const struct rename_end *to, bool replace)
{
	struct sftp_result result = check_placed(v, from, to, replace);

	if (result.status != SSH_FX_OK)
		return result;
	enum err e = move(from, to, replace && place_allows(&to->place, ACCESS_RENAME_OVER));
	if (e != ERR_OK)
		return denial_of(v, &to->place, ACCESS_RENAME, e);
	tell_renamed(v, from, to);
	discard_replaced(v, to);
	if (from->entry.kind != HOST_DIR)
		return result_ok();
	e = upload_move_beneath(v, from->path.text, to->path.text);
	enum err e2 =
	    partial_move_beneath(v, from->place.mount->folder, from->place.rel, to->place.rel);
	return result_of(e == ERR_OK ? e2 : e);
}

struct sftp_result
rename_path(void *fs, struct slice raw_from, struct slice raw_to, bool replace)
{
	struct rename_end from _cleanup_(end_fini) = {.entry.parent_fd = -1};
	struct rename_end to _cleanup_(end_fini) = {.entry.parent_fd = -1};
	struct vfs *v = fs;

	struct sftp_result result = end_resolve(v, raw_from, &from);
	if (result.status == SSH_FX_OK)
		result = end_resolve(v, raw_to, &to);
	if (result.status != SSH_FX_OK)
		return result;
	if (!mount_same_store(from.place.mount, to.place.mount))
		return result_say(
		    SSH_FX_FAILURE, "the new name is in another folder: copy it instead");
	if (!names_allow(to.place.mount, to.path.text))
		return names_refuse(v, &to.place, ACCESS_RENAME);
	result = end_find(v, &from);
	/* Onto itself: a private file is where it shall be. */
	if (result.status == SSH_FX_OK && end_is_private(&from) &&
	    strcmp(from.path.text, to.path.text) == 0)
		return replace ? result_ok() : result_of(ERR_EXISTS);
	if (result.status == SSH_FX_OK)
		result = end_find(v, &to);
	if (result.status != SSH_FX_OK)
		return result;
	return end_is_private(&from) ? rename_private(v, &from, &to, replace)
				     : rename_placed(v, &from, &to, replace);
}
