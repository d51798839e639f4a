#include "vfs/host.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { COPY_CHUNK = 256 * 1024, COPY_STEP = 1 << 30 };

enum host_kind
host_kind_of(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return HOST_FILE;
	return S_ISDIR(st->st_mode) ? HOST_DIR : HOST_HIDDEN;
}

enum err
host_find(int dir_fd, const char *rel, struct host_entry *ret_entry)
{
	*ret_entry = (struct host_entry){.parent_fd = -1};
	enum err e = file_open_parent(dir_fd, rel, &ret_entry->parent_fd, &ret_entry->name);

	if (e != ERR_OK)
		return e;
	if (fstatat(ret_entry->parent_fd, ret_entry->name, &ret_entry->st, AT_SYMLINK_NOFOLLOW) <
	    0) {
		ret_entry->kind = HOST_NONE;
		return errno == ENOENT ? ERR_OK : err_last();
	}
	ret_entry->kind = host_kind_of(&ret_entry->st);
	return ERR_OK;
}

void
host_entry_fini(struct host_entry *entry)
{
	fd_closep(&entry->parent_fd);
}

enum err
host_open_file(const struct host_entry *entry, int flags, int *ret_fd, struct stat *ret_st)
{
	int fd _cleanup_(fd_closep) = -1;

	/* O_NONBLOCK: should the name be a FIFO by now, the open must not hang. */
	enum err e =
	    file_open_beneath(entry->parent_fd, entry->name, flags | O_NONBLOCK | O_NOCTTY, 0, &fd);
	if (e != ERR_OK)
		return e;
	if (fstat(fd, ret_st) < 0)
		return err_last();
	if (!S_ISREG(ret_st->st_mode))
		return ERR_NOENT;
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err
host_sync_dir(int dir_fd)
{
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	return e != ERR_OK ? e : file_sync(fd);
}

/* Goes on at both descriptors' positions, through memory. */
static enum err
copy_by_hand(int from_fd, int to_fd, uint64_t len)
{
	uint8_t *chunk = malloc(COPY_CHUNK);
	enum err e = ERR_OK;

	if (chunk == NULL)
		return ERR_NOMEM;
	while (len > 0 && e == ERR_OK) {
		ssize_t n = read(from_fd, chunk, len < COPY_CHUNK ? (size_t)len : COPY_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			e = n < 0 ? err_last() : ERR_OK;
			break;
		}
		e = file_write_all(to_fd, chunk, (size_t)n);
		len -= (uint64_t)n;
	}
	free(chunk);
	return e;
}

enum err
host_copy(int from_fd, int to_fd, uint64_t len)
{
	while (len > 0) {
		ssize_t n = copy_file_range(
		    from_fd, NULL, to_fd, NULL, len < COPY_STEP ? (size_t)len : COPY_STEP, 0);
		if (n < 0 && errno == EINTR)
			continue;
		/* Not between these file systems, or not by this kernel. Nor is 0 to be believed:
		 * some file systems without support say so for files that have content. */
		if (n == 0 || (n < 0 && err_last() != ERR_NOSPACE && err_last() != ERR_QUOTA))
			return copy_by_hand(from_fd, to_fd, len);
		if (n < 0)
			return err_last();
		len -= (uint64_t)n;
	}
	return ERR_OK;
}
