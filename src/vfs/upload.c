#include "vfs/upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bug.h"
#include "vfs/upload_state.h"

/* Which state may follow which; everything else is a bug of ours. */
static const bool MAY_FOLLOW[UPLOAD_STATES][UPLOAD_STATES] = {
    [UPLOAD_OPEN] = {[UPLOAD_CLOSED] = true, [UPLOAD_DISCARDED] = true},
    [UPLOAD_CLOSED] = {[UPLOAD_RECORDING] = true},
    [UPLOAD_RECORDING] = {[UPLOAD_RECORDED] = true},
    [UPLOAD_RECORDED] = {[UPLOAD_PLACED] = true},
    [UPLOAD_PLACED] = {false},
    [UPLOAD_DISCARDED] = {false},
};

bool
upload_is_closing(const struct upload *u)
{
	return u->state != UPLOAD_OPEN && u->state != UPLOAD_DISCARDED;
}

void
upload_enter(struct upload *u, enum upload_state next)
{
	BUG_ON(!MAY_FOLLOW[u->state][next]);
	u->state = next;
	if (next == UPLOAD_CLOSED)
		TAILQ_INSERT_TAIL(&u->vfs->closing, u, turn);
}

void
upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	if (upload_is_closing(u))
		TAILQ_REMOVE(&u->vfs->closing, u, turn);
	TAILQ_REMOVE(&u->vfs->uploads, u, entry);
	u->vfs->n_uploads--;
	fd_closep(&u->fd);
	free(u->path);
	free(u);
}

/* Listed, and without a file as yet. */
static enum err
make(struct vfs *v, const struct mount *m, const char *path, struct upload **ret_u)
{
	if (v->n_uploads >= UPLOADS_MAX)
		return ERR_LIMIT;
	struct upload *u = calloc(1, sizeof *u);
	char *copy = slice_dup(slice_str(path));
	if (u == NULL || copy == NULL) {
		free(u);
		free(copy);
		return ERR_NOMEM;
	}
	*u = (struct upload){
	    .vfs = v,
	    .mount = m,
	    .fd = -1,
	    .path = copy,
	    .age = ++v->last_age,
	    .lease = {.vfs = v, .mount = m},
	};
	TAILQ_INSERT_HEAD(&v->uploads, u, entry);
	v->n_uploads++;
	*ret_u = u;
	return ERR_OK;
}

static void
tell_opened(const struct upload *u, const char *from)
{
	const struct vfs *v = u->vfs;

	v->journal->opened(v->journal_ctx, u->mount->folder, upload_rel(u), u->staging_name, from);
}

enum err
upload_new(struct vfs *v, const struct mount *m, const char *path, mode_t mode,
    struct upload_base base, struct upload **ret_u)
{
	struct upload *u;

	enum err e = make(v, m, path, &u);
	if (e != ERR_OK)
		return e;
	e = lease_cover(&u->lease, base.len, 1);
	if (e == ERR_OK)
		e = staging_create(v, m, mode, u->staging_name, &u->fd);
	if (e != ERR_OK) {
		lease_end(&u->lease);
		upload_free(u);
		return e;
	}
	tell_opened(u, "");
	if (base.fd >= 0)
		e = host_copy(base.fd, u->fd, base.len);
	if (e != ERR_OK) {
		upload_drop(u);
		return e;
	}
	u->size = base.len;
	coverage_add(&u->written, 0, base.len);
	*ret_u = u;
	return ERR_OK;
}

enum err
upload_claim(struct vfs *v, const struct place *place, struct partial *partial, uint64_t size,
    struct upload **ret_u)
{
	char from[STAGING_NAME_SIZE];
	struct upload *u;

	if (!slice_copy(slice_str(partial->staging_name), from, sizeof from))
		return ERR_NAMETOOLONG;
	enum err e = make(v, place->mount, place->path, &u);
	if (e != ERR_OK)
		return e;
	e = lease_cover(&u->lease, size, 1);
	if (e == ERR_OK)
		e = staging_claim(v, u->mount, from, u->staging_name, &u->fd);
	if (e == ERR_OK || e == ERR_NOENT)
		vfs_partial_gone(v, u->mount->folder, from);
	if (e != ERR_OK) {
		lease_end(&u->lease);
		upload_free(u);
		return e;
	}
	u->claimed = true;
	u->size = size;
	coverage_add(&u->written, 0, size);
	tell_opened(u, from);
	*ret_u = u;
	return ERR_OK;
}

struct upload *
upload_find(struct vfs *v, const char *path)
{
	struct upload *u;

	/* The newest is first. */
	TAILQ_FOREACH (u, &v->uploads, entry) {
		if (u->state != UPLOAD_DISCARDED && strcmp(u->path, path) == 0)
			return u;
	}
	return NULL;
}

enum err
upload_stat(const struct upload *u, struct stat *ret_st)
{
	if (u->fd < 0) {
		*ret_st = u->st;
		return ERR_OK;
	}
	return fstat(u->fd, ret_st) < 0 ? err_last() : ERR_OK;
}

enum err
upload_reopen(const struct upload *u, int flags, int *ret_fd)
{
	return file_open_beneath(u->mount->staging_fd, u->staging_name, flags, 0, ret_fd);
}

const char *
upload_rel(const struct upload *u)
{
	return vpath_after(u->path, u->mount->at);
}

enum err
upload_reserve(struct upload *u, uint64_t end)
{
	enum err e = end > (uint64_t)INT64_MAX ? ERR_INVALID : lease_cover(&u->lease, end, 1);

	if (e != ERR_OK && u->spoilt == ERR_OK)
		u->spoilt = e;
	return e;
}

void
upload_wrote(struct upload *u, uint64_t offset, uint64_t len, enum err e)
{
	if (e != ERR_OK) {
		/* A client that ignores the answer and closes must not publish a gap. */
		if (u->spoilt == ERR_OK)
			u->spoilt = e;
		return;
	}
	coverage_add(&u->written, offset, len);
	if (offset + len > u->size)
		u->size = offset + len;
}

enum err
upload_truncate(struct upload *u, uint64_t size)
{
	enum err e = size > u->size ? upload_reserve(u, size) : ERR_OK;

	if (e == ERR_OK && ftruncate(u->fd, (off_t)size) < 0)
		e = err_last();
	if (e != ERR_OK) {
		upload_wrote(u, 0, 0, e);
		return e;
	}
	u->size = size;
	coverage_cut(&u->written, size);
	return ERR_OK;
}

enum err
upload_retarget(struct upload *u, const struct mount *m, const char *path)
{
	struct vfs *v = u->vfs;

	BUG_ON(u->state != UPLOAD_OPEN || !mount_same_store(u->mount, m));
	char *copy = slice_dup(slice_str(path));

	if (copy == NULL)
		return ERR_NOMEM;
	free(u->path);
	u->path = copy;
	u->mount = m;
	v->journal->moved(v->journal_ctx, m->folder, upload_rel(u), u->staging_name);
	return ERR_OK;
}

bool
upload_beneath(struct vfs *v, const char *dir)
{
	struct upload *u;

	TAILQ_FOREACH (u, &v->uploads, entry) {
		if (u->state != UPLOAD_DISCARDED && vpath_after(u->path, dir) != NULL)
			return true;
	}
	return false;
}

enum err
upload_move_beneath(struct vfs *v, const char *from, const char *to)
{
	enum err first = ERR_OK;
	struct upload *u;

	TAILQ_FOREACH (u, &v->uploads, entry) {
		const char *after = vpath_after(u->path, from);
		char moved[2 * VPATH_SIZE];

		if (u->state != UPLOAD_OPEN || after == NULL)
			continue;
		(void)snprintf(moved, sizeof moved, "%s/%s", to, after);
		enum err e = strlen(moved) >= VPATH_SIZE
				 ? ERR_NAMETOOLONG
				 : upload_retarget(u, namespace_find(v, moved).mount, moved);
		first = first == ERR_OK ? e : first;
	}
	return first;
}
