/* The ends of an upload that don't put it in place, and its CLOSE; see vfs/upload.h. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vfs/result.h"
#include "vfs/upload.h"
#include "vfs/upload_state.h"

/*
 * A later session goes on behind the last byte, and takes all before it for the client's. So what
 * came out of order, behind a gap, is cut off.
 */
static enum err
cut_at_gap(struct upload *u)
{
	uint64_t whole = coverage_prefix(&u->written);
	struct stat st;

	if (fstat(u->fd, &st) < 0)
		return err_last();
	if ((uint64_t)st.st_size > whole && ftruncate(u->fd, (off_t)whole) < 0)
		return err_last();
	u->size = whole;
	return ERR_OK;
}

/*
 * Has another session gone on with it? Core lets it when the line to this one has ended, which this
 * one may not have noticed: then its bytes are that one's.
 */
static bool
is_taken(const struct upload *u)
{
	struct stat ours, named;

	if (u->fd < 0 || fstat(u->fd, &ours) < 0)
		return false;
	if (fstatat(u->mount->staging_fd, u->staging_name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return ours.st_ino != named.st_ino || ours.st_dev != named.st_dev;
}

void
upload_leave(struct upload *u)
{
	struct vfs *v = u->vfs;

	if (is_taken(u)) {
		v->journal->discarded(v->journal_ctx, u->mount->folder, u->staging_name);
		upload_release(u);
		return;
	}
	if (u->fd >= 0 && cut_at_gap(u) != ERR_OK) {
		upload_drop(u);
		return;
	}
	v->journal->abandoned(
	    v->journal_ctx, u->mount->folder, upload_rel(u), u->staging_name, u->size);
	/* Without memory this session doesn't see it, and others do. */
	(void)!vfs_partial(v, u->mount->folder, upload_rel(u), u->staging_name, u->size);
	lease_end(&u->lease);
	upload_free(u);
}

void
upload_drop(struct upload *u)
{
	struct vfs *v = u->vfs;

	/* What can't be unlinked is told all the same: nobody is to go on with it. */
	(void)!staging_unlink(u->mount, u->staging_name);
	v->journal->discarded(v->journal_ctx, u->mount->folder, u->staging_name);
	lease_end(&u->lease);
	upload_free(u);
}

void
upload_release(struct upload *u)
{
	lease_end(&u->lease);
	upload_free(u);
}

void
upload_abandon(struct upload *u)
{
	if (upload_is_closing(u))
		u->waiting = NULL;
	else if (u->state == UPLOAD_OPEN)
		upload_leave(u);
	else
		upload_release(u);
}

static struct sftp_result
say_spoilt(enum err why)
{
	if (why == ERR_QUOTA)
		return result_say(
		    SSH_FX_FAILURE, "the quota is used up, so the file was not published");
	if (why == ERR_NOSPACE)
		return result_say(
		    SSH_FX_FAILURE, "the disk is full, so the file was not published");
	return result_say(SSH_FX_FAILURE, "a write failed, so the file was not published");
}

struct sftp_result
upload_close(struct upload *u, struct file *f, struct sftp_token token)
{
	if (u->state == UPLOAD_DISCARDED) {
		upload_release(u);
		return result_ok();
	}
	if (u->spoilt != ERR_OK) {
		struct sftp_result result = say_spoilt(u->spoilt);
		upload_leave(u);
		return result;
	}
	u->waiting = f;
	u->token = token;
	upload_enter(u, UPLOAD_CLOSED);
	return result_say(SFTP_PENDING, NULL);
}

enum err
upload_discard(struct upload *u)
{
	struct vfs *v = u->vfs;
	enum err e = staging_unlink(u->mount, u->staging_name);

	if (e != ERR_OK)
		return e;
	upload_enter(u, UPLOAD_DISCARDED);
	v->journal->discarded(v->journal_ctx, u->mount->folder, u->staging_name);
	lease_end(&u->lease);
	return ERR_OK;
}
