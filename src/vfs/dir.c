/*
 * Listing a directory: first what the host has, streamed, then what only the namespace knows (ways
 * to mounts, this session's uploads, and the account's partials). The latter are noted when the
 * directory is opened, and looked at when they are listed; the host's entries under their names are
 * left out, so that each name comes once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/look.h"
#include "vfs/ops.h"
#include "vfs/result.h"
#include "vfs/upload.h"

struct dir {
	struct vfs *vfs;
	DIR *stream; /* NULL: the host has no such directory */
	/* Names to list besides, sorted: at most VFS_MOUNTS_MAX + UPLOADS_MAX + PARTIALS_MAX. */
	char **extras;
	size_t n_extras;
	size_t next_dot; /* 0: "." is next, 1: "..", 2: both were given */
	size_t next_extra;
	struct vpath path;  /* of the directory */
	struct vpath child; /* of the extra that was listed last */
};

static void
dir_free(struct dir *d)
{
	if (d == NULL)
		return;
	if (d->stream != NULL)
		(void)closedir(d->stream);
	for (size_t i = 0; i < d->n_extras; i++)
		free(d->extras[i]);
	free(d->extras);
	free(d);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
has_extra(const struct dir *d, const char *name)
{
	return d->n_extras > 0 &&
	       bsearch(&name, d->extras, d->n_extras, sizeof *d->extras, compare_names) != NULL;
}

/* In any order, and a name may come more than once, until sort_extras. */
static enum err
add_extra(struct dir *d, struct slice name)
{
	if (name.len == 0)
		return ERR_OK;
	d->extras[d->n_extras] = slice_dup(name);
	if (d->extras[d->n_extras] == NULL)
		return ERR_NOMEM;
	d->n_extras++;
	return ERR_OK;
}

static void
sort_extras(struct dir *d)
{
	size_t n = 0;

	if (d->n_extras == 0)
		return;
	qsort(d->extras, d->n_extras, sizeof *d->extras, compare_names);
	for (size_t i = 1; i < d->n_extras; i++) {
		if (strcmp(d->extras[n], d->extras[i]) == 0)
			free(d->extras[i]);
		else
			d->extras[++n] = d->extras[i];
	}
	d->n_extras = n + 1;
}

/* The name of what is directly in the directory, as path says; else empty. */
static struct slice
direct_child(const char *path, const char *dir)
{
	const char *after = vpath_after(path, dir);

	if (after == NULL || strchr(after, '/') != NULL)
		return slice_of(NULL, 0);
	return slice_str(after);
}

/* The partials of the folder: read_extra looks whether it is they that the name stands for. */
static enum err
note_partials(struct dir *d, const struct place *place)
{
	const struct partial *p;
	enum err e = ERR_OK;

	if (place->mount == NULL)
		return ERR_OK;
	TAILQ_FOREACH (p, &d->vfs->partials, entry) {
		const char *after = partial_after(p->path, place->rel);

		if (e == ERR_OK && after != NULL && strchr(after, '/') == NULL &&
		    strcmp(p->folder, place->mount->folder) == 0)
			e = add_extra(d, slice_str(after));
	}
	return e;
}

static enum err
note_extras(struct dir *d, const struct place *place)
{
	const struct upload *u;
	enum err e = ERR_OK;

	d->extras = calloc(
	    d->vfs->n_mounts + d->vfs->n_uploads + d->vfs->n_partials + 1, sizeof *d->extras);
	if (d->extras == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < d->vfs->n_mounts && e == ERR_OK; i++)
		e = add_extra(d, namespace_child(d->vfs, i, d->path.text));
	TAILQ_FOREACH (u, &d->vfs->uploads, entry) {
		if (e == ERR_OK && u->state != UPLOAD_DISCARDED)
			e = add_extra(d, direct_child(u->path, d->path.text));
	}
	if (e == ERR_OK)
		e = note_partials(d, place);
	if (e == ERR_OK)
		sort_extras(d);
	return e;
}

static enum err
open_stream(const struct place *place, DIR **ret_stream)
{
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_beneath(
	    place->mount->dir_fd, place->rel, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, &fd);
	if (e != ERR_OK)
		return e;
	*ret_stream = fdopendir(fd);
	if (*ret_stream == NULL)
		return err_last();
	(void)fd_take(&fd);
	return ERR_OK;
}

/* The host's part: none in a grouping directory, nor where another thing has a grouping's name. */
static enum err
open_host_part(const struct place *place, DIR **ret_stream)
{
	if (place->mount == NULL)
		return ERR_OK;
	enum err e = open_stream(place, ret_stream);
	bool absent = e == ERR_NOENT || e == ERR_NOTDIR || e == ERR_ESCAPE;
	return place->fixed && absent ? ERR_OK : e;
}

struct sftp_result
dir_open(void *fs, struct slice raw, void **ret_dir)
{
	struct place place;
	struct dir *d = calloc(1, sizeof *d);

	if (d == NULL)
		return sftp_result_of(ERR_NOMEM);
	d->vfs = fs;
	enum err e = namespace_resolve(d->vfs, raw, &d->path, &place);
	if (e == ERR_OK && place.mount != NULL && !access_allows(place.mount->allow, ACCESS_LIST)) {
		struct sftp_result denied = denial_by_right(d->vfs, &place, ACCESS_LIST);
		dir_free(d);
		return denied;
	}
	if (e == ERR_OK)
		e = open_host_part(&place, &d->stream);
	if (e == ERR_OK)
		e = note_extras(d, &place);
	struct sftp_result result = denial_of(d->vfs, &place, ACCESS_LIST, e);
	if (e == ERR_OK)
		*ret_dir = d;
	else
		dir_free(d);
	return result;
}

/* "." and "..", as clients know them; what ".." is on the host stays unsaid. */
static bool
read_dot(struct dir *d, struct sftp_fs_entry *ret_entry)
{
	struct stat st;

	if (d->next_dot == 2)
		return false;
	ret_entry->name = slice_str(d->next_dot++ == 0 ? "." : "..");
	if (look_status(d->vfs, d->path.text, &st) != ERR_OK)
		st = (struct stat){.st_mode = S_IFDIR | 0555};
	look_attrs(&ret_entry->attrs, &st);
	return true;
}

static bool
host_entry_is_shown(const struct dir *d, const struct dirent *ent, struct stat *ret_st)
{
	struct slice name = slice_str(ent->d_name);

	if (slice_is(name, ".") || slice_is(name, "..") || has_extra(d, ent->d_name))
		return false;
	if (ent->d_type != DT_REG && ent->d_type != DT_DIR && ent->d_type != DT_UNKNOWN)
		return false;
	/* It may be gone, or another thing, by now. */
	return fstatat(dirfd(d->stream), ent->d_name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       host_kind_of(ret_st) != HOST_HIDDEN;
}

/* ERR_NOENT after the last. */
static enum err
read_host(struct dir *d, struct sftp_fs_entry *ret_entry)
{
	while (d->stream != NULL) {
		struct stat st;

		errno = 0;
		const struct dirent *ent = readdir(d->stream);
		if (ent == NULL)
			return errno == 0 ? ERR_NOENT : err_last();
		if (!host_entry_is_shown(d, ent, &st))
			continue;
		ret_entry->name = slice_str(ent->d_name);
		look_attrs(&ret_entry->attrs, &st);
		return ERR_OK;
	}
	return ERR_NOENT;
}

/* An upload that ended meanwhile is what it became: a file in place, or nothing. */
static bool
read_extra(struct dir *d, struct sftp_fs_entry *ret_entry)
{
	while (d->next_extra < d->n_extras) {
		struct slice name = slice_str(d->extras[d->next_extra++]);
		struct stat st;

		d->child = d->path;
		if (vpath_join(&d->child, name) != ERR_OK ||
		    look_status(d->vfs, d->child.text, &st) != ERR_OK)
			continue;
		ret_entry->name = name;
		look_attrs(&ret_entry->attrs, &st);
		return true;
	}
	return false;
}

struct sftp_result
dir_read(void *dir, struct sftp_fs_entry *ret_entry)
{
	struct dir *d = dir;

	if (read_dot(d, ret_entry))
		return result_ok();
	enum err e = read_host(d, ret_entry);
	if (e == ERR_NOENT && !read_extra(d, ret_entry))
		return result_say(SSH_FX_EOF, NULL);
	return e == ERR_NOENT ? result_ok() : sftp_result_of(e);
}

void
dir_close(void *dir)
{
	dir_free(dir);
}
