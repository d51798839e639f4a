/*
 * Renaming, within one folder's storage only: between folders it would be a copy, which can break
 * off half way, and would pass by what routes say of the other folder.
 *
 * RENAME never overwrites (draft-ietf-secsh-filexfer-02 section 6.5), by the kernel's word and not
 * by a look before; posix-rename does, where the mount allows it.
 */
#include "vfs/denial.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

/* One end of a rename. */
struct rename_end {
	struct vpath path;
	struct place place;
	struct upload *own; /* this session's upload of that name */
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
	end->own = upload_find(v, end->path.text);
	e = host_find(end->place.mount->dir_fd, end->place.rel, &end->entry);
	return denial_of(v, &end->place, ACCESS_RENAME, e);
}

static bool
end_exists(const struct rename_end *end)
{
	return end->own != NULL || end->entry.kind != HOST_NONE;
}

/* The uploader renames what it is still uploading: it will be published under the new name. */
static struct sftp_result
rename_own(struct vfs *v, const struct rename_end *from, const struct rename_end *to, bool replace)
{
	if (from->own->state != UPLOAD_OPEN)
		return result_recording();
	if (!place_allows(&to->place, ACCESS_CREATE))
		return denial_by_right(v, &to->place, ACCESS_CREATE);
	if (to->entry.kind == HOST_DIR)
		return sftp_result_of(ERR_ISDIR);
	if (end_exists(to) && !replace)
		return sftp_result_of(ERR_EXISTS);
	if (end_exists(to) && !place_allows(&to->place, ACCESS_REPLACE))
		return denial_by_right(v, &to->place, ACCESS_REPLACE);
	return sftp_result_of(upload_retarget(from->own, to->place.mount, to->path.text));
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
		return sftp_result_of(ERR_NOENT);
	if (end_exists(to) && !replace)
		return sftp_result_of(ERR_EXISTS);
	if (to->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, &to->place, ACCESS_RENAME);
	/* The journal was told where these go. */
	if (upload_beneath(v, from->path.text, UPLOAD_RECORDING))
		return result_recording();
	return result_ok();
}

static enum err
move(const struct rename_end *from, const struct rename_end *to, bool over)
{
	enum err (*rename_fn)(int, const char *, int, const char *) =
	    over ? file_rename_over : file_rename_new;

	enum err e =
	    rename_fn(from->entry.parent_fd, from->entry.name, to->entry.parent_fd, to->entry.name);
	if (e == ERR_OK)
		e = host_sync_dir(to->entry.parent_fd);
	return e == ERR_OK ? host_sync_dir(from->entry.parent_fd) : e;
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
	v->journal->changed(v->journal_ctx, "renamed", from->place.mount->folder, from->place.rel,
	    to->place.rel, 0, 0);
	if (from->entry.kind == HOST_DIR)
		e = upload_move_beneath(v, from->path.text, to->path.text);
	return sftp_result_of(e);
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
		return result_say(SSH_FX_FAILURE, "cannot rename across folders");
	if (from.own != NULL)
		return rename_own(v, &from, &to, replace);
	return rename_placed(v, &from, &to, replace);
}
