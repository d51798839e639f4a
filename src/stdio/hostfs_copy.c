/* Copies between open files of the plain file system. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "stdio/hostfs_file.h"
#include "stdio/hostfs_ops.h"

enum { COPY_AT_ONCE = 8 * 1024 * 1024, PIECE = 64 * 1024 };

/* What copy_file_range(2) says when the kernel can't, and reading and writing still may. */
static bool
can_otherwise(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static enum err
copy_by_hand(int from_fd, uint64_t from_offset, int to_fd, uint64_t to_offset, uint64_t len,
    uint64_t *ret_len)
{
	uint8_t bytes[PIECE];
	size_t got = PIECE;
	enum err e = ERR_OK;

	while (e == ERR_OK && got == PIECE && *ret_len < len) {
		size_t want = len - *ret_len < PIECE ? (size_t)(len - *ret_len) : PIECE;
		e = file_pread_full(from_fd, bytes, want, from_offset + *ret_len, &got);
		if (e == ERR_OK)
			e = file_pwrite_all(to_fd, bytes, got, to_offset + *ret_len);
		if (e == ERR_OK)
			*ret_len += got;
	}
	return e;
}

/* One file under two handles: the engine could not see it. ERR_INVALID: the ranges overlap. */
static enum err
check_overlap(int from_fd, uint64_t from_offset, int to_fd, uint64_t to_offset, uint64_t len)
{
	struct stat from, to;

	if (fstat(from_fd, &from) < 0 || fstat(to_fd, &to) < 0)
		return err_last();
	if (from.st_dev != to.st_dev || from.st_ino != to.st_ino)
		return ERR_OK;
	uint64_t apart =
	    from_offset < to_offset ? to_offset - from_offset : from_offset - to_offset;
	return apart < len ? ERR_INVALID : ERR_OK;
}

struct sftp_result
hostfs_copy(void *from_file, uint64_t from_offset, void *to_file, uint64_t to_offset, uint64_t len,
    uint64_t *ret_len)
{
	int from_fd = hostfs_fd(from_file), to_fd = hostfs_fd(to_file);
	off64_t from_at = (off64_t)from_offset, to_at = (off64_t)to_offset;

	*ret_len = 0;
	enum err e = check_overlap(from_fd, from_offset, to_fd, to_offset, len);
	if (e != ERR_OK)
		return e == ERR_INVALID ? hostfs_say("the two ranges overlap") : sftp_result_of(e);
	if (len > COPY_AT_ONCE)
		len = COPY_AT_ONCE;
	ssize_t n = copy_file_range(from_fd, &from_at, to_fd, &to_at, (size_t)len, 0);
	if (n < 0 && can_otherwise(errno))
		return sftp_result_of(
		    copy_by_hand(from_fd, from_offset, to_fd, to_offset, len, ret_len));
	*ret_len = n < 0 ? 0 : (uint64_t)n;
	return hostfs_result(n < 0 ? -1 : 0);
}
