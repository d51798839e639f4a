/*
 * Removing, and making and removing directories. Each is durable before it is answered: a file that
 * its consumer removed must not come back after a power cut and be delivered twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/names.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/setstat.h"
#include "vfs/upload.h"

static void
tell_changed(
    struct vfs *v, const char *verb, const struct place *place, int64_t bytes, int64_t files)
{
	v->journal->changed(
	    v->journal_ctx, verb, place->mount->folder, place->rel, "", bytes, files);
}

/*
 * A private file is its uploader's own: to give it up needs no right to delete. False: there is
 * none of that name.
 */
static bool
remove_private(struct vfs *v, const struct place *place, struct sftp_result *ret_result)
{
	struct upload *own = upload_find(v, place->path);
	struct partial *partial;
	struct stat st;

	if (own != NULL) {
		*ret_result = result_of(upload_discard(own));
		return true;
	}
	enum err e = partial_find(v, place, &partial, &st);
	if (e == ERR_OK && partial == NULL)
		return false;
	*ret_result = result_of(e == ERR_OK ? partial_discard(v, place->mount, partial) : e);
	return true;
}

static enum err
find_private(struct vfs *v, const struct place *place, bool *ret_private)
{
	struct partial *partial;
	struct stat st;

	enum err e = partial_find(v, place, &partial, &st);
	*ret_private = upload_find(v, place->path) != NULL || partial != NULL;
	return e;
}

/*
 * Unlinks beneath place what is of the kind; durable when it returns ERR_OK. ret_bytes: what was in
 * it, when it is a file.
 */
static enum err
unlink_kind(const struct place *place, enum host_kind kind, int64_t *ret_bytes)
{
	struct host_entry entry _cleanup_(host_entry_fini) = {.parent_fd = -1};

	enum err e = host_find(place->mount->dir_fd, place->rel, &entry);
	if (e != ERR_OK)
		return e;
	if (entry.kind == HOST_NONE)
		return ERR_NOENT;
	if (entry.kind == HOST_HIDDEN)
		return ERR_ESCAPE;
	if (entry.kind != kind)
		return kind == HOST_FILE ? ERR_ISDIR : ERR_NOTDIR;
	*ret_bytes = kind == HOST_FILE ? (int64_t)entry.st.st_size : 0;
	if (unlinkat(entry.parent_fd, entry.name, kind == HOST_DIR ? AT_REMOVEDIR : 0) < 0)
		return errno == EEXIST ? ERR_NOTEMPTY : err_last();
	return mount_sync_dir(place->mount, entry.parent_fd);
}

struct sftp_result
change_remove(void *fs, struct slice raw)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	struct sftp_result result;
	int64_t bytes = 0;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e == ERR_OK)
		e = upload_finish_beneath(v, path.text);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_REMOVE, e);
	if (remove_private(v, &place, &result))
		return result;
	if (!place_allows(&place, ACCESS_REMOVE))
		return denial_by_right(v, &place, ACCESS_REMOVE);
	e = unlink_kind(&place, HOST_FILE, &bytes);
	if (e == ERR_OK)
		tell_changed(v, "removed", &place, -bytes, -1);
	return denial_of(v, &place, ACCESS_REMOVE, e);
}

struct sftp_result
change_rmdir(void *fs, struct slice raw)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	bool private;
	int64_t bytes;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_RMDIR, e);
	if (!place_allows(&place, ACCESS_RMDIR))
		return denial_by_right(v, &place, ACCESS_RMDIR);
	/* For its uploader the directory holds what it uploads there. */
	e = find_private(v, &place, &private);
	if (e == ERR_OK && private)
		e = ERR_NOTDIR;
	if (e == ERR_OK)
		e = upload_beneath(v, path.text) ? ERR_NOTEMPTY : partial_beneath(v, &place);
	if (e != ERR_OK)
		return result_of(e);
	e = unlink_kind(&place, HOST_DIR, &bytes);
	if (e == ERR_OK)
		tell_changed(v, "removed-directory", &place, 0, 0);
	return denial_of(v, &place, ACCESS_RMDIR, e);
}

static enum err
make_dir(const struct place *place, mode_t mode)
{
	struct host_entry entry _cleanup_(host_entry_fini) = {.parent_fd = -1};

	enum err e = host_find(place->mount->dir_fd, place->rel, &entry);
	if (e != ERR_OK)
		return e;
	if (mkdirat(entry.parent_fd, entry.name, mode == 0 ? 0750 : mode) < 0)
		return err_last();
	return mount_sync_dir(place->mount, entry.parent_fd);
}

struct sftp_result
change_mkdir(void *fs, struct slice raw, const struct sftp_attrs *attrs)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;
	bool private;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_MKDIR, e);
	/* Clients make the whole way to where they write, whether it is there or not. */
	e = find_private(v, &place, &private);
	if (e == ERR_OK && (place.fixed || private))
		e = ERR_EXISTS;
	if (e != ERR_OK)
		return result_of(e);
	if (!place_allows(&place, ACCESS_MKDIR))
		return denial_by_right(v, &place, ACCESS_MKDIR);
	if (!names_allow(place.mount, path.text))
		return names_refuse(v, &place, ACCESS_MKDIR);
	e = make_dir(&place, setstat_mode(place.mount, attrs, true));
	if (e == ERR_OK)
		tell_changed(v, "made-directory", &place, 0, 0);
	return denial_of(v, &place, ACCESS_MKDIR, e);
}

struct sftp_result
change_symlink(
    void *fs unused_arg, struct slice target unused_arg, struct slice link_path unused_arg)
{
	return result_say(SSH_FX_OP_UNSUPPORTED, "there are no symbolic links here");
}
