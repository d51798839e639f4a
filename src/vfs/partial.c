#include "vfs/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "vfs/staging.h"

static struct partial *
find_named(const struct vfs *v, const char *folder, const char *staging_name)
{
	struct partial *p;

	TAILQ_FOREACH (p, &v->partials, entry) {
		if (strcmp(p->staging_name, staging_name) == 0 && strcmp(p->folder, folder) == 0)
			return p;
	}
	return NULL;
}

/* Mounts of one folder share its staging; those that can't write have none. */
static bool
is_mounted(const struct vfs *v, const char *folder)
{
	for (size_t i = 0; i < v->n_mounts; i++) {
		if (strcmp(v->mounts[i].folder, folder) == 0)
			return true;
	}
	return false;
}

void
partial_forget(struct vfs *v, struct partial *p)
{
	if (p == NULL)
		return;
	TAILQ_REMOVE(&v->partials, p, entry);
	v->n_partials--;
	free(p->folder);
	free(p->path);
	free(p->staging_name);
	free(p);
}

void
partial_forget_all(struct vfs *v)
{
	while (!TAILQ_EMPTY(&v->partials))
		partial_forget(v, TAILQ_FIRST(&v->partials));
}

/* The size isn't kept: the file itself is asked, whenever somebody wants to know. */
enum err
vfs_partial(struct vfs *v, const char *folder, const char *path, const char *staging_name,
    uint64_t size unused_arg)
{
	if (!is_mounted(v, folder))
		return ERR_NOENT;
	/* Moved by another session: it stands at its new path alone. */
	partial_forget(v, find_named(v, folder, staging_name));
	if (v->n_partials == PARTIALS_MAX)
		return ERR_OK;
	struct partial *p = calloc(1, sizeof *p);
	if (p == NULL)
		return ERR_NOMEM;
	p->folder = slice_dup(slice_str(folder));
	p->path = slice_dup(slice_str(path));
	p->staging_name = slice_dup(slice_str(staging_name));
	p->age = ++v->last_age;
	TAILQ_INSERT_HEAD(&v->partials, p, entry);
	v->n_partials++;
	if (p->folder != NULL && p->path != NULL && p->staging_name != NULL)
		return ERR_OK;
	partial_forget(v, p);
	return ERR_NOMEM;
}

void
vfs_partial_gone(struct vfs *v, const char *folder, const char *staging_name)
{
	partial_forget(v, find_named(v, folder, staging_name));
}

/* Among those from p on. */
static struct partial *
next_at(struct partial *p, const char *folder, const char *path)
{
	for (; p != NULL; p = TAILQ_NEXT(p, entry)) {
		if (strcmp(p->path, path) == 0 && strcmp(p->folder, folder) == 0)
			break;
	}
	return p;
}

bool
partial_is_known(const struct vfs *v, const struct place *place)
{
	return place->mount != NULL && place->mount->staging_fd >= 0 &&
	       next_at(TAILQ_FIRST(&v->partials), place->mount->folder, place->rel) != NULL;
}

enum err
partial_find(struct vfs *v, const struct place *place, struct partial **ret_p, struct stat *ret_st)
{
	struct partial *p, *next;

	*ret_p = NULL;
	if (!partial_is_known(v, place))
		return ERR_OK;
	const struct mount *m = place->mount;
	for (p = TAILQ_FIRST(&v->partials); (p = next_at(p, m->folder, place->rel)) != NULL;
	     p = next) {
		int rc = fstatat(m->staging_fd, p->staging_name, ret_st, AT_SYMLINK_NOFOLLOW);
		/* Only what is surely gone is forgotten: who goes on with it counts on its bytes.
		 */
		if (rc < 0 && errno != ENOENT)
			return err_last();
		if (rc == 0 && S_ISREG(ret_st->st_mode)) {
			*ret_p = p;
			return ERR_OK;
		}
		next = TAILQ_NEXT(p, entry);
		partial_forget(v, p);
	}
	return ERR_OK;
}

enum err
partial_discard(struct vfs *v, const struct mount *m, struct partial *p)
{
	enum err e = staging_unlink(m, p->staging_name);

	if (e == ERR_OK)
		v->journal->discarded(v->journal_ctx, p->folder, p->staging_name);
	if (e == ERR_OK || e == ERR_NOENT)
		partial_forget(v, p);
	return e;
}

void
partial_discard_older(struct vfs *v, const struct mount *m, const char *path, uint64_t age)
{
	struct partial *p, *next;

	for (p = TAILQ_FIRST(&v->partials); (p = next_at(p, m->folder, path)) != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		/* One that can't be removed is core's to clear away, when its time is up. */
		if (p->age < age)
			(void)!partial_discard(v, m, p);
	}
}

enum err
partial_move(struct vfs *v, struct partial *p, const char *path)
{
	char *copy = slice_dup(slice_str(path));

	if (copy == NULL)
		return ERR_NOMEM;
	free(p->path);
	p->path = copy;
	v->journal->moved(v->journal_ctx, p->folder, p->path, p->staging_name);
	return ERR_OK;
}

const char *
partial_after(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, ".") == 0)
		return path;
	return strncmp(path, dir, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

enum err
partial_beneath(struct vfs *v, const struct place *dir)
{
	struct partial *p, *found, *next;

	if (dir->mount->staging_fd < 0)
		return ERR_OK;
	for (p = TAILQ_FIRST(&v->partials); p != NULL; p = next) {
		struct place place = {.mount = dir->mount, .rel = p->path};
		struct stat st;

		next = TAILQ_NEXT(p, entry);
		if (strcmp(p->folder, dir->mount->folder) != 0 ||
		    partial_after(p->path, dir->rel) == NULL)
			continue;
		enum err e = partial_find(v, &place, &found, &st);
		if (e != ERR_OK || found != NULL)
			return e != ERR_OK ? e : ERR_NOTEMPTY;
		/* It, and what else was at its path, is forgotten: begin again. */
		next = TAILQ_FIRST(&v->partials);
	}
	return ERR_OK;
}

enum err
partial_move_beneath(struct vfs *v, const char *folder, const char *from, const char *to)
{
	enum err first = ERR_OK;
	struct partial *p;

	TAILQ_FOREACH (p, &v->partials, entry) {
		const char *after = partial_after(p->path, from);
		char moved[2 * VPATH_SIZE];

		if (after == NULL || strcmp(p->folder, folder) != 0)
			continue;
		(void)snprintf(moved, sizeof moved, "%s/%s", to, after);
		enum err e =
		    strlen(moved) >= VPATH_SIZE ? ERR_NAMETOOLONG : partial_move(v, p, moved);
		first = first == ERR_OK ? e : first;
	}
	return first;
}
