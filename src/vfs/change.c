/*
 * Removing, and making and removing directories. Each is durable before it is answered: a file that
 * its consumer removed must not come back after a power cut and be delivered twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/setstat.h"
#include "vfs/upload.h"

static void
tell_changed(struct vfs *v, const char *verb, const struct place *place)
{
	v->journal->changed(v->journal_ctx, verb, place->mount->folder, place->rel, "", 0, 0);
}

/* A private upload is its uploader's own: to give it up needs no right to delete. */
static struct sftp_result
remove_own(struct upload *own)
{
	if (own->state != UPLOAD_OPEN)
		return result_recording();
	return sftp_result_of(upload_discard(own));
}

/* Unlinks beneath place what is of the kind; durable when it returns ERR_OK. */
static enum err
unlink_kind(const struct place *place, enum host_kind kind)
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
	if (unlinkat(entry.parent_fd, entry.name, kind == HOST_DIR ? AT_REMOVEDIR : 0) < 0)
		return errno == EEXIST ? ERR_NOTEMPTY : err_last();
	return host_sync_dir(entry.parent_fd);
}

struct sftp_result
change_remove(void *fs, struct slice raw)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_REMOVE, e);
	struct upload *own = upload_find(v, path.text);
	if (own != NULL)
		return remove_own(own);
	if (!place_allows(&place, ACCESS_REMOVE))
		return denial_by_right(v, &place, ACCESS_REMOVE);
	e = unlink_kind(&place, HOST_FILE);
	if (e == ERR_OK)
		tell_changed(v, "removed", &place);
	return denial_of(v, &place, ACCESS_REMOVE, e);
}

struct sftp_result
change_rmdir(void *fs, struct slice raw)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_RMDIR, e);
	if (!place_allows(&place, ACCESS_RMDIR))
		return denial_by_right(v, &place, ACCESS_RMDIR);
	/* For its uploader the directory holds what it uploads there. */
	if (upload_find(v, path.text) != NULL)
		return sftp_result_of(ERR_NOTDIR);
	if (upload_beneath(v, path.text, UPLOAD_OPEN) ||
	    upload_beneath(v, path.text, UPLOAD_RECORDING))
		return sftp_result_of(ERR_NOTEMPTY);
	e = unlink_kind(&place, HOST_DIR);
	if (e == ERR_OK)
		tell_changed(v, "removed-directory", &place);
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
	return host_sync_dir(entry.parent_fd);
}

struct sftp_result
change_mkdir(void *fs, struct slice raw, const struct sftp_attrs *attrs)
{
	struct vfs *v = fs;
	struct vpath path;
	struct place place;

	enum err e = namespace_resolve(v, raw, &path, &place);
	if (e != ERR_OK)
		return denial_of(v, &place, ACCESS_MKDIR, e);
	/* Clients make the whole way to where they write, whether it is there or not. */
	if (place.fixed || upload_find(v, path.text) != NULL)
		return sftp_result_of(ERR_EXISTS);
	if (!place_allows(&place, ACCESS_MKDIR))
		return denial_by_right(v, &place, ACCESS_MKDIR);
	e = make_dir(&place, setstat_mode(place.mount, attrs, true));
	if (e == ERR_OK)
		tell_changed(v, "made-directory", &place);
	return denial_of(v, &place, ACCESS_MKDIR, e);
}

struct sftp_result
change_symlink(
    void *fs unused_arg, struct slice target unused_arg, struct slice link_path unused_arg)
{
	return result_say(SSH_FX_OP_UNSUPPORTED, "there are no symbolic links here");
}
