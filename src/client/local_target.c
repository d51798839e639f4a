#include "client/local_target.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "os/fd.h"
#include "os/file.h"

enum { TEMP_MODE = 0600, TEMP_TRIES = 16 };

void
local_target_init(struct local_target *l)
{
	*l = (struct local_target){.dir_fd = -1, .fd = -1};
}

void
local_target_fini(struct local_target *l, bool keep)
{
	if (l->fd >= 0 && l->temp[0] != '\0' && !keep)
		(void)unlinkat(l->dir_fd, l->temp, 0);
	fd_closep(&l->fd);
	fd_closep(&l->dir_fd);
}

/* The directory of the operator's own path, through whatever links. */
static enum err
open_operators_dir(const char *local, int *ret_fd, const char **ret_name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(local, '/');

	*ret_name = slash == NULL ? local : slash + 1;
	if ((*ret_name)[0] == '\0' || strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "..") == 0)
		return ERR_ISDIR;
	if (slash == NULL)
		return file_open_trusted(".", O_RDONLY | O_DIRECTORY, 0, ret_fd);
	size_t len = slash == local ? 1 : (size_t)(slash - local);
	if (!slice_copy(slice_of(local, len), dir, sizeof dir))
		return ERR_NAMETOOLONG;
	return file_open_trusted(dir, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

enum err
local_target_find(
    struct local_target *l, const char *local, struct local_root *root, const char *beneath)
{
	const char *name;
	struct stat st;

	enum err e = root == NULL ? open_operators_dir(local, &l->dir_fd, &name)
				  : file_open_parent(root->fd, beneath, &l->dir_fd, &name);
	if (e != ERR_OK)
		return e;
	if (!slice_copy(slice_str(name), l->name, sizeof l->name))
		return ERR_NAMETOOLONG;
	if (fstatat(l->dir_fd, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ERR_OK : err_last();
	if (S_ISDIR(st.st_mode))
		return ERR_ISDIR;
	l->exists = true;
	l->mode = S_ISREG(st.st_mode) ? st.st_mode & 0777 : 0;
	return ERR_OK;
}

/* Ours alone, and still the one that has the name. */
static bool
is_ours(const struct local_target *l)
{
	struct stat st, named;

	if (flock(l->fd, LOCK_EX | LOCK_NB) < 0 || fstat(l->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 || st.st_uid != geteuid())
		return false;
	return fstatat(l->dir_fd, l->temp, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_ino == st.st_ino && named.st_dev == st.st_dev;
}

static enum err
open_new(struct local_target *l)
{
	l->fd = openat(
	    l->dir_fd, l->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, TEMP_MODE);
	if (l->fd < 0)
		return err_last();
	/* Somebody may have got hold of it in between: then it is theirs. */
	if (flock(l->fd, LOCK_EX | LOCK_NB) < 0) {
		fd_closep(&l->fd);
		return ERR_EXISTS;
	}
	return ERR_OK;
}

/* What an earlier run left, or one that goes on now: false. */
static bool
open_left(struct local_target *l, enum local_way way)
{
	struct stat st;

	l->fd = openat(l->dir_fd, l->temp, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, TEMP_MODE);
	if (l->fd < 0)
		return false;
	if (!is_ours(l) || fstat(l->fd, &st) < 0 ||
	    (way == LOCAL_FRESH && ftruncate(l->fd, 0) < 0)) {
		fd_closep(&l->fd);
		return false;
	}
	l->len = way == LOCAL_FRESH ? 0 : (uint64_t)st.st_size;
	return true;
}

static enum err
open_temp(struct local_target *l, enum local_way way, struct slice identity)
{
	struct slice name = slice_str(l->name);

	job_temp_name(name, identity, false, l->temp);
	enum err e = open_new(l);
	if (e == ERR_EXISTS && open_left(l, way))
		return ERR_OK;
	for (int i = 0; e == ERR_EXISTS && i < TEMP_TRIES; i++) {
		job_temp_name(name, identity, true, l->temp);
		e = open_new(l);
	}
	return e;
}

/* The operator's own target, whatever it is. Waiting for a FIFO's reader is what he wants. */
static enum err
open_in_place(struct local_target *l, enum local_way way, bool operators)
{
	int flags = O_CREAT | O_CLOEXEC | (operators ? 0 : O_NOFOLLOW);
	struct stat st;

	l->temp[0] = '\0';
	flags |= way == LOCAL_IN_PLACE ? 0 : O_TRUNC;
	l->fd = openat(l->dir_fd, l->name, flags | O_RDWR, 0666);
	if (l->fd < 0)
		l->fd = openat(l->dir_fd, l->name, flags | O_WRONLY, 0666);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_last();
	if (!S_ISREG(st.st_mode))
		return ERR_OK;
	l->len = (uint64_t)st.st_size;
	return flock(l->fd, LOCK_EX | LOCK_NB) < 0 ? err_last() : ERR_OK;
}

enum err
local_target_open(struct local_target *l, enum local_way way, bool operators, struct slice identity)
{
	struct stat st;

	BUG_ON(l->fd >= 0 || l->dir_fd < 0);
	if (way == LOCAL_IN_PLACE)
		return open_in_place(l, way, operators);
	if (operators && l->exists && fstatat(l->dir_fd, l->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		return open_in_place(l, way, operators);
	return open_temp(l, way, identity);
}

enum err
local_target_cut(struct local_target *l, uint64_t len)
{
	struct stat st;

	if (fstat(l->fd, &st) < 0)
		return err_last();
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= len)
		return ERR_OK;
	return ftruncate(l->fd, (off_t)len) < 0 ? err_last() : ERR_OK;
}

static enum err
set_attributes(struct local_target *l, const struct local_finish *f)
{
	const struct timespec times[2] = {{.tv_sec = f->atime}, {.tv_sec = f->mtime}};

	if (l->temp[0] != '\0' && fchmod(l->fd, f->mode & 0777) < 0)
		return err_last();
	return f->set_times && futimens(l->fd, times) < 0 ? err_last() : ERR_OK;
}

static enum err
rename_target(struct local_target *l, bool no_clobber)
{
	if (!no_clobber)
		return file_rename_over(l->dir_fd, l->temp, l->dir_fd, l->name);
	enum err e = file_rename_new(l->dir_fd, l->temp, l->dir_fd, l->name);
	if (e != ERR_INVALID && e != ERR_UNSUPPORTED)
		return e;
	/* A file system without RENAME_NOREPLACE: a link doesn't replace, either. */
	if (linkat(l->dir_fd, l->temp, l->dir_fd, l->name, 0) < 0)
		return err_last();
	(void)unlinkat(l->dir_fd, l->temp, 0);
	return ERR_OK;
}

static enum err
sync_dir(const struct local_target *l)
{
	int fd _cleanup_(fd_closep) = -1;

	/* dir_fd may be one that only leads there (O_PATH). */
	enum err e = file_open_beneath(l->dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	return e != ERR_OK ? e : file_sync(fd);
}

enum err
local_target_finish(struct local_target *l, const struct local_finish *f)
{
	enum err e = set_attributes(l, f);

	if (e == ERR_OK && f->fsync)
		e = file_sync(l->fd);
	if (e == ERR_OK && l->temp[0] != '\0')
		e = rename_target(l, f->no_clobber);
	if (e != ERR_OK)
		return e;
	if (l->temp[0] != '\0' && f->fsync)
		e = sync_dir(l);
	/* It has its name: nothing of it is temporary any more. */
	l->temp[0] = '\0';
	return e;
}
