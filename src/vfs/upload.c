#include "vfs/upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "vfs/upload_state.h"

enum { UPLOAD_MODE = 0640, RANDOM_BYTES = 8 };

/* Which state may follow which; everything else is a bug of ours. */
static const bool MAY_FOLLOW[][4] = {
    [UPLOAD_OPEN] = {[UPLOAD_STAGING] = true, [UPLOAD_DISCARDED] = true},
    [UPLOAD_STAGING] = {[UPLOAD_RECORDING] = true},
    [UPLOAD_RECORDING] = {false},
    [UPLOAD_DISCARDED] = {false},
};

void
upload_enter(struct upload *u, enum upload_state next)
{
	BUG_ON(!MAY_FOLLOW[u->state][next]);
	u->state = next;
}

void
upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	TAILQ_REMOVE(&u->vfs->uploads, u, entry);
	u->vfs->n_uploads--;
	fd_closep(&u->fd);
	free(u->path);
	free(u);
}

static enum err
make_staging_name(const char *account, char dst[UPLOAD_NAME_SIZE])
{
	uint8_t random[RANDOM_BYTES];
	char hex[2 * RANDOM_BYTES + 1];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return ERR_IO;
	text_hex(random, sizeof random, hex);
	int n = snprintf(dst, UPLOAD_NAME_SIZE, "up.%s.%s", account, hex);
	return n < 0 || n >= UPLOAD_NAME_SIZE ? ERR_NAMETOOLONG : ERR_OK;
}

/* The private file, with its first content. On failure nothing is left of it. */
static enum err
make_staging_file(struct upload *u, mode_t mode, struct upload_base base)
{
	enum err e = make_staging_name(u->vfs->account, u->staging_name);

	if (e != ERR_OK)
		return e;
	e = file_open_beneath(
	    u->mount->staging_fd, u->staging_name, O_RDWR | O_CREAT | O_EXCL, UPLOAD_MODE, &u->fd);
	if (e != ERR_OK)
		return e;
	if (mode != 0 && fchmod(u->fd, mode) < 0)
		e = err_last();
	if (e == ERR_OK && base.fd >= 0)
		e = host_copy(base.fd, u->fd, base.len);
	if (e != ERR_OK)
		(void)unlinkat(u->mount->staging_fd, u->staging_name, 0);
	return e;
}

enum err
upload_new(struct vfs *v, const struct mount *m, const char *path, mode_t mode,
    struct upload_base base, struct upload **ret_u)
{
	if (v->n_uploads >= UPLOADS_MAX)
		return ERR_LIMIT;
	struct upload *u = calloc(1, sizeof *u);
	if (u == NULL)
		return ERR_NOMEM;
	*u = (struct upload){.vfs = v, .mount = m, .fd = -1, .path = slice_dup(slice_str(path))};
	TAILQ_INSERT_HEAD(&v->uploads, u, entry);
	v->n_uploads++;
	enum err e = u->path == NULL ? ERR_NOMEM : make_staging_file(u, mode, base);
	if (e != ERR_OK) {
		upload_free(u);
		return e;
	}
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

static void
tell_abandoned(const struct upload *u)
{
	const struct vfs_journal *journal = u->vfs->journal;
	struct stat st;

	uint64_t bytes = upload_stat(u, &st) == ERR_OK ? (uint64_t)st.st_size : 0;
	journal->abandoned(
	    u->vfs->journal_ctx, u->mount->folder, upload_rel(u), u->staging_name, bytes);
}

void
upload_abandon(struct upload *u)
{
	if (u->state == UPLOAD_RECORDING) {
		u->waiting = NULL;
		return;
	}
	/* What was removed by its name is missed by nobody. */
	if (u->state == UPLOAD_OPEN)
		tell_abandoned(u);
	upload_free(u);
}

enum err
upload_discard(struct upload *u)
{
	if (unlinkat(u->mount->staging_fd, u->staging_name, 0) < 0)
		return err_last();
	upload_enter(u, UPLOAD_DISCARDED);
	return ERR_OK;
}

enum err
upload_retarget(struct upload *u, const struct mount *m, const char *path)
{
	BUG_ON(u->state != UPLOAD_OPEN || !mount_same_store(u->mount, m));
	char *copy = slice_dup(slice_str(path));

	if (copy == NULL)
		return ERR_NOMEM;
	free(u->path);
	u->path = copy;
	u->mount = m;
	return ERR_OK;
}

bool
upload_beneath(struct vfs *v, const char *dir, enum upload_state state)
{
	struct upload *u;

	TAILQ_FOREACH (u, &v->uploads, entry) {
		if (u->state == state && vpath_after(u->path, dir) != NULL)
			return true;
	}
	return false;
}

enum err
upload_move_beneath(struct vfs *v, const char *from, const char *to)
{
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
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
