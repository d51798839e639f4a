#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

enum { DIR_MODE = 0750, READ_CHUNK_MIN = 4096, READ_CHUNK_MAX = 64 * 1024 };

enum err
file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	    .mode = flags & O_CREAT ? mode : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: a rename raced with the walk and the kernel could not be sure; it is safe to ask
	 * again. */
	int tries = 8;
	do {
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
	} while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --tries > 0)));
	*ret_fd = (int)fd;
	if (fd >= 0)
		return ERR_OK;
	return errno == EXDEV ? ERR_ESCAPE : err_last();
}

enum err
file_open_parent(int dir_fd, const char *path, int *ret_parent_fd, const char **ret_name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t parent_len = slash == NULL ? 0 : (size_t)(slash - path);

	*ret_parent_fd = -1;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ERR_INVALID;
	if (path[0] == '/')
		return ERR_ESCAPE;
	if (strlen(name) > NAME_MAX ||
	    !slice_copy(slice_of(path, parent_len), parent, sizeof parent))
		return ERR_NAMETOOLONG;
	*ret_name = name;
	return file_open_beneath(
	    dir_fd, parent_len == 0 ? "." : parent, O_PATH | O_DIRECTORY, 0, ret_parent_fd);
}

enum err
file_stat_beneath(int dir_fd, const char *path, struct stat *ret_st)
{
	int parent _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = file_open_parent(dir_fd, path, &parent, &name);
	if (e == ERR_INVALID) {
		/* "." and the like: the directory itself, if it is one beneath dir_fd. */
		e = file_open_beneath(dir_fd, path, O_PATH | O_DIRECTORY, 0, &parent);
		if (e != ERR_OK)
			return e;
		return fstat(parent, ret_st) < 0 ? err_last() : ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	return fstatat(parent, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0 ? err_last() : ERR_OK;
}

enum err
file_statx_beneath(int dir_fd, const char *path, struct statx *ret_st)
{
	int parent _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = file_open_parent(dir_fd, path, &parent, &name);
	if (e != ERR_OK)
		return e;
	return statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, ret_st) < 0
		   ? err_last()
		   : ERR_OK;
}

/* Makes one directory, and its name durable. One that is there already is fine. */
static enum err
make_dir(int dir_fd, const char *path)
{
	int parent _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = file_open_parent(dir_fd, path, &parent, &name);
	if (e != ERR_OK)
		return e;
	if (mkdirat(parent, name, DIR_MODE) < 0)
		return errno == EEXIST ? ERR_OK : err_last();
	fd_closep(&parent);
	/* An O_PATH descriptor can't be synced: open the parent again for that. */
	char dir[PATH_MAX];
	size_t dir_len = (size_t)(name - path);
	if (!slice_copy(slice_of(path, dir_len), dir, sizeof dir))
		return ERR_NAMETOOLONG;
	e = file_open_beneath(dir_fd, dir_len == 0 ? "." : dir, O_RDONLY | O_DIRECTORY, 0, &parent);
	return e != ERR_OK ? e : file_sync(parent);
}

enum err
file_make_dirs(int dir_fd, const char *path)
{
	int made _cleanup_(fd_closep) = -1;
	char prefix[PATH_MAX];
	size_t len = strlen(path);

	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		if (!slice_copy(slice_of(path, i), prefix, sizeof prefix))
			return ERR_NAMETOOLONG;
		if (strcmp(prefix, ".") == 0)
			continue;
		enum err e = make_dir(dir_fd, prefix);
		if (e != ERR_OK)
			return e;
	}
	/* What was there already may be something else than a directory. */
	return file_open_beneath(dir_fd, path, O_PATH | O_DIRECTORY, 0, &made);
}

enum err
file_open_trusted(const char *path, int flags, mode_t mode, int *ret_fd)
{
	*ret_fd = open(path, flags | O_CLOEXEC, mode);
	return *ret_fd < 0 ? err_last() : ERR_OK;
}

enum err
file_make_trusted_dirs(const char *path)
{
	int base _cleanup_(fd_closep) = -1;
	bool absolute = path[0] == '/';
	char prefix[PATH_MAX];

	/* As file_make_dirs, without confinement: each step may pass through a symbolic link. */
	for (size_t i = absolute ? 2 : 1, len = strlen(path); i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		if (!slice_copy(slice_of(path, i), prefix, sizeof prefix))
			return ERR_NAMETOOLONG;
		if (mkdir(prefix, DIR_MODE) < 0 && errno != EEXIST)
			return err_last();
	}
	return file_open_trusted(path, O_RDONLY | O_DIRECTORY, 0, &base);
}

/* Most files are small, and a buffer that grows is wiped. */
static size_t
read_chunk(size_t n_read)
{
	if (n_read < READ_CHUNK_MIN)
		return READ_CHUNK_MIN;
	return n_read < READ_CHUNK_MAX ? n_read : READ_CHUNK_MAX;
}

enum err
file_read_all(int fd, struct buf *b)
{
	for (;;) {
		uint8_t *p;
		uint8_t past_end;
		size_t chunk = read_chunk(buf_len(b));
		size_t want = buf_room(b) < chunk ? buf_room(b) : chunk;

		enum err e = buf_reserve(b, want, &p);
		if (e != ERR_OK)
			return e;
		/* A full buffer: one byte more tells whether that was all. */
		ssize_t n = want == 0 ? read(fd, &past_end, 1) : read(fd, p, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_last() : ERR_OK;
		if (want == 0)
			return ERR_NOMEM;
		buf_commit(b, (size_t)n);
	}
}

enum err
file_write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_last();
		at += n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

enum err
file_pwrite_all(int fd, const void *bytes, size_t len, uint64_t offset)
{
	const uint8_t *at = bytes;

	if (offset > (uint64_t)INT64_MAX - len)
		return ERR_INVALID;
	while (len > 0) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_last();
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

enum err
file_pread_full(int fd, void *bytes, size_t len, uint64_t offset, size_t *ret_len)
{
	uint8_t *at = bytes;
	size_t got = 0;

	*ret_len = 0;
	if (offset > (uint64_t)INT64_MAX - len)
		return ERR_INVALID;
	while (got < len) {
		ssize_t n = pread(fd, at + got, len - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_last();
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_len = got;
	return ERR_OK;
}

enum err
file_sync(int fd)
{
	/* After a failed fsync the kernel may call the pages clean: never try twice, report it. */
	return fsync(fd) < 0 ? err_last() : ERR_OK;
}

/* Names of more than one part would be resolved without the confinement of file_open_parent. */
static bool
is_single_name(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strchr(name, '/') == NULL;
}

enum err
file_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	if (!is_single_name(from) || !is_single_name(to))
		return ERR_INVALID;
	return renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) < 0 ? err_last() : ERR_OK;
}

enum err
file_rename_over(int from_dir, const char *from, int to_dir, const char *to)
{
	if (!is_single_name(from) || !is_single_name(to))
		return ERR_INVALID;
	return renameat(from_dir, from, to_dir, to) < 0 ? err_last() : ERR_OK;
}

enum err
file_free_space(int fd, uint64_t *ret_bytes)
{
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) < 0)
		return err_last();
	*ret_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return ERR_OK;
}
