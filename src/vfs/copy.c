/*
 * copy-data: from one open file into another, without a way over the line. The handles carry the
 * rights: the one to read, and the one to write. To copy a file is no taking of it.
 */
#include <errno.h>
#include <unistd.h>

#include "vfs/denial.h"
#include "vfs/file.h"
#include "vfs/ops.h"
#include "vfs/result.h"

enum { COPY_PIECE = 4 * 1024 * 1024, COPY_BY_HAND = 256 * 1024 };

/* How much there is to copy in one go. ERR_INVALID: onto itself (the draft forbids it). */
static enum err
measure(const struct file *from, uint64_t from_offset, const struct file *to, uint64_t to_offset,
    uint64_t len, uint64_t *ret_len)
{
	struct stat from_st, to_st;

	if (fstat(file_fd(from), &from_st) < 0 || fstat(file_fd(to), &to_st) < 0)
		return err_last();
	uint64_t size = (uint64_t)from_st.st_size;
	uint64_t left = from_offset < size ? size - from_offset : 0;
	uint64_t whole = len < left ? len : left;
	bool same = from_st.st_ino == to_st.st_ino && from_st.st_dev == to_st.st_dev;

	if (to_offset > (uint64_t)INT64_MAX - whole)
		return ERR_INVALID;
	if (same && from_offset < to_offset + whole && to_offset < from_offset + whole)
		return ERR_INVALID;
	*ret_len = whole < COPY_PIECE ? whole : COPY_PIECE;
	return ERR_OK;
}

/* Through memory, a smaller piece. */
static enum err
copy_by_hand(int from_fd, uint64_t from_offset, int to_fd, uint64_t to_offset, uint64_t *len)
{
	uint8_t *chunk = malloc(COPY_BY_HAND);
	size_t got = 0;

	if (chunk == NULL)
		return ERR_NOMEM;
	enum err e = file_pread_full(
	    from_fd, chunk, *len < COPY_BY_HAND ? (size_t)*len : COPY_BY_HAND, from_offset, &got);
	if (e == ERR_OK)
		e = file_pwrite_all(to_fd, chunk, got, to_offset);
	*len = got;
	free(chunk);
	return e;
}

/* Sharing blocks where the file system can. len: what is asked for, then what was done. */
static enum err
copy_range(int from_fd, uint64_t from_offset, int to_fd, uint64_t to_offset, uint64_t *len)
{
	off_t from_at = (off_t)from_offset, to_at = (off_t)to_offset;
	ssize_t n;

	do {
		n = copy_file_range(from_fd, &from_at, to_fd, &to_at, (size_t)*len, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		*len = (uint64_t)n;
		return ERR_OK;
	}
	if (n < 0 && (err_last() == ERR_NOSPACE || err_last() == ERR_QUOTA))
		return err_last();
	/* Not between these file systems, not by this kernel, not to the end of a file that is
	 * open for appending; and 0 isn't to be believed either (vfs/host.c). */
	return copy_by_hand(from_fd, from_offset, to_fd, to_offset, len);
}

struct sftp_result
copy_piece(void *from_file, uint64_t from_offset, void *to_file, uint64_t to_offset, uint64_t len,
    uint64_t *ret_len)
{
	struct file *from = from_file, *to = to_file;
	uint64_t n = 0;

	*ret_len = 0;
	if (!from->readable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for reading");
	if (!to->writable)
		return result_say(SSH_FX_PERMISSION_DENIED, "not opened for writing");
	enum err e = file_write_offset(to, &to_offset);
	if (e == ERR_OK)
		e = measure(from, from_offset, to, to_offset, len, &n);
	if (e == ERR_OK && n > 0)
		e = file_reserve(to, to_offset + n);
	if (e != ERR_OK || n == 0)
		return result_of(e);
	e = copy_range(file_fd(from), from_offset, file_fd(to), to_offset, &n);
	file_wrote(to, to_offset, n, e);
	*ret_len = e == ERR_OK ? n : 0;
	return result_of(e);
}
