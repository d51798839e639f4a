#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

enum err
files_act_as_owner(const char *home, struct story *story)
{
	struct stat st;

	if (geteuid() != 0 || stat(home, &st) < 0 || st.st_uid == 0)
		return ERR_OK;
	if (setgroups(1, &st.st_gid) < 0 || setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0)
		return story_fail(
		    story, err_last(), "cannot act as the owner of %s: %s", home, strerror(errno));
	return ERR_OK;
}

enum err
files_read(const char *path, struct buf *b, struct story *story)
{
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_trusted(path, O_RDONLY, 0, &fd);
	if (e == ERR_OK)
		e = file_read_all(fd, b);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot read %s: %s", path, err_text(e));
	return ERR_OK;
}

/* The directory of path, opened; made if it is missing. *ret_name is path's last part. */
static enum err
open_directory(const char *path, int *ret_fd, const char **ret_name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	*ret_name = slash == NULL ? path : slash + 1;
	if (!slice_copy(slice_of(path, len), dir, sizeof dir))
		return ERR_NAMETOOLONG;
	/* A file in "/" or in the working directory: that is there. */
	if (len == 0)
		return file_open_trusted(
		    slash == NULL ? "." : "/", O_RDONLY | O_DIRECTORY, 0, ret_fd);
	enum err e = file_make_trusted_dirs(dir);
	return e != ERR_OK ? e : file_open_trusted(dir, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static enum err
write_new(int dir, const char *name, struct slice content, mode_t mode)
{
	int fd _cleanup_(fd_closep) =
	    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return err_last();
	/* Exactly this mode: a umask must neither widen nor narrow it. */
	enum err e = fchmod(fd, mode) < 0 ? err_last() : ERR_OK;
	if (e == ERR_OK)
		e = file_write_all(fd, content.ptr, content.len);
	if (e == ERR_OK)
		e = file_sync(fd);
	return e;
}

/* Written beside its place and renamed there, so that half a key is never called a key. */
static enum err
create_in(int dir, const char *name, struct slice content, mode_t mode)
{
	char temporary[NAME_MAX + 1];

	int len = snprintf(temporary, sizeof temporary, ".%s.%d.new", name, (int)getpid());
	if (len < 0 || (size_t)len >= sizeof temporary)
		return ERR_NAMETOOLONG;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return ERR_EXISTS;
	enum err e = write_new(dir, temporary, content, mode);
	if (e == ERR_OK)
		e = file_rename_new(dir, temporary, dir, name);
	if (e != ERR_OK) {
		(void)unlinkat(dir, temporary, 0);
		return e;
	}
	return file_sync(dir);
}

enum err
files_create(const char *path, struct slice content, mode_t mode, struct story *story)
{
	int dir _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = open_directory(path, &dir, &name);
	if (e == ERR_OK)
		e = create_in(dir, name, content, mode);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot create %s: %s", path, err_text(e));
	return ERR_OK;
}

/* Does the file lack the end of its last line? */
static enum err
lacks_newline(int fd, uint64_t size, bool *ret_lacks)
{
	uint8_t last = '\n';
	size_t got;

	enum err e = size == 0 ? ERR_OK : file_pread_full(fd, &last, 1, size - 1, &got);
	*ret_lacks = last != '\n';
	return e;
}

/* At the end, as one write, and taken back if it fails. */
static enum err
append(int fd, struct slice line)
{
	struct buf b _cleanup_(buf_fini);
	struct stat st;
	bool lacks;

	buf_init(&b, line.len + 1);
	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return err_last();
	if (!S_ISREG(st.st_mode))
		return ERR_INVALID;
	enum err e = lacks_newline(fd, (uint64_t)st.st_size, &lacks);
	if (e == ERR_OK && lacks)
		e = buf_put_u8(&b, '\n');
	if (e == ERR_OK)
		e = buf_put(&b, line.ptr, line.len);
	if (e != ERR_OK)
		return e;
	e = file_write_all(fd, buf_slice(&b).ptr, buf_len(&b));
	if (e == ERR_OK)
		e = file_sync(fd);
	if (e != ERR_OK && ftruncate(fd, st.st_size) < 0)
		return err_last();
	return e;
}

enum err
files_append_line(const char *path, struct slice line, struct story *story)
{
	int dir _cleanup_(fd_closep) = -1;
	int fd _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = open_directory(path, &dir, &name);
	if (e == ERR_OK)
		e = file_open_trusted(path, O_RDWR | O_APPEND | O_CREAT, 0644, &fd);
	if (e == ERR_OK)
		e = append(fd, line);
	if (e == ERR_OK)
		e = file_sync(dir);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot append to %s: %s", path, err_text(e));
	return ERR_OK;
}
