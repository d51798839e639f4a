/*
 * Hard links (hardlink@openssh.com): a second name for a file of the same folder. Programs on a
 * mounted file system make them (git, over sshfs); it takes a right of its own, since each name is
 * counted, routed and taken as a file.
 *
 * A name never overwrites another, and none is made for what isn't published yet.
 */
#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/names.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

struct link_end {
	struct vpath path;
	struct place place;
	struct host_entry entry;
	bool is_private; /* an upload that isn't closed has the name, or a partial */
};

static void
end_fini(struct link_end *end)
{
	host_entry_fini(&end->entry);
}

static enum err
find_private(struct vfs *v, struct link_end *end)
{
	struct partial *partial;
	struct stat st;

	enum err e = partial_find(v, &end->place, &partial, &st);
	end->is_private = upload_find(v, end->path.text) != NULL || partial != NULL;
	return e;
}

static struct sftp_result
end_resolve(struct vfs *v, struct slice raw, enum access_op op, struct link_end *end)
{
	enum err e = namespace_resolve(v, raw, &end->path, &end->place);

	if (e != ERR_OK)
		return denial_of(v, &end->place, op, e);
	if (!place_allows(&end->place, op))
		return denial_by_right(v, &end->place, op);
	e = upload_finish_beneath(v, end->path.text);
	if (e == ERR_OK)
		e = host_find(end->place.mount->dir_fd, end->place.rel, &end->entry);
	if (e == ERR_OK)
		e = find_private(v, end);
	return denial_of(v, &end->place, op, e);
}

static struct sftp_result
check_ends(struct vfs *v, const struct link_end *from, const struct link_end *to)
{
	/* Under its other name the file must not be open to what its first name is closed to. */
	uint32_t gained = to->place.mount->allow & ~from->place.mount->allow;

	if (!mount_same_store(from->place.mount, to->place.mount))
		return result_say(
		    SSH_FX_FAILURE, "the new name is in another folder: copy it instead");
	if ((gained & (VFS_DOWNLOAD | VFS_OVERWRITE)) != 0) {
		denial_tell(v, &to->place, ACCESS_LINK,
		    "the mount of the new name allows what that of the old one does not");
		return result_denied();
	}
	if (!names_allow(to->place.mount, to->path.text))
		return names_refuse(v, &to->place, ACCESS_LINK);
	if (from->is_private)
		return result_say(SSH_FX_FAILURE, "the upload is not closed yet");
	if (from->entry.kind == HOST_HIDDEN)
		return denial_by_name(v, &from->place, ACCESS_LINK_FROM);
	if (from->entry.kind != HOST_FILE)
		return result_of(from->entry.kind == HOST_DIR ? ERR_ISDIR : ERR_NOENT);
	if (to->entry.kind != HOST_NONE || to->is_private)
		return result_of(ERR_EXISTS);
	return result_ok();
}

/* Should the old name stand for another thing by now, the new one goes again. */
static enum err
make_link(const struct link_end *from, const struct link_end *to)
{
	struct stat st;

	if (linkat(from->entry.parent_fd, from->entry.name, to->entry.parent_fd, to->entry.name,
		0) < 0)
		return err_last();
	if (fstatat(to->entry.parent_fd, to->entry.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_last();
	if (!S_ISREG(st.st_mode)) {
		(void)unlinkat(to->entry.parent_fd, to->entry.name, 0);
		return ERR_NOENT;
	}
	return ERR_OK;
}

struct sftp_result
link_path(void *fs, struct slice raw_from, struct slice raw_to)
{
	struct link_end from _cleanup_(end_fini) = {.entry.parent_fd = -1};
	struct link_end to _cleanup_(end_fini) = {.entry.parent_fd = -1};
	struct vfs *v = fs;

	struct sftp_result result = end_resolve(v, raw_from, ACCESS_LINK_FROM, &from);
	if (result.status == SSH_FX_OK)
		result = end_resolve(v, raw_to, ACCESS_LINK, &to);
	if (result.status == SSH_FX_OK)
		result = check_ends(v, &from, &to);
	if (result.status != SSH_FX_OK)
		return result;
	struct lease lease = {.vfs = v, .mount = to.place.mount};
	int64_t size = (int64_t)from.entry.st.st_size;
	enum err e = lease_cover(&lease, (uint64_t)size, 1);
	if (e == ERR_OK)
		e = make_link(&from, &to);
	if (e == ERR_OK) {
		v->journal->changed(v->journal_ctx, "linked", from.place.mount->folder,
		    from.place.rel, to.place.rel, size, 1);
		e = mount_sync_dir(to.place.mount, to.entry.parent_fd);
	}
	lease_end(&lease);
	return denial_of(v, &to.place, ACCESS_LINK, e);
}
