#include "vfs/staging.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"

enum { STAGING_MODE = 0640, RANDOM_BYTES = 8 };

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

static enum err
make_name(const char *account, char dst[STAGING_NAME_SIZE])
{
	uint8_t random[RANDOM_BYTES];
	char hex[2 * RANDOM_BYTES + 1];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return ERR_IO;
	text_hex(random, sizeof random, hex);
	int n = snprintf(dst, STAGING_NAME_SIZE, "up.%s.%s", account, hex);
	return n < 0 || n >= STAGING_NAME_SIZE ? ERR_NAMETOOLONG : ERR_OK;
}

enum err
staging_create(const struct vfs *v, const struct mount *m, mode_t mode,
    char ret_name[STAGING_NAME_SIZE], int *ret_fd)
{
	int fd _cleanup_(fd_closep) = -1;
	enum err e = make_name(v->account, ret_name);

	if (e == ERR_OK)
		e = file_open_beneath(
		    m->staging_fd, ret_name, O_RDWR | O_CREAT | O_EXCL, STAGING_MODE, &fd);
	if (e != ERR_OK)
		return e;
	if (mode != 0 && fchmod(fd, mode) < 0) {
		e = err_last();
		(void)unlinkat(m->staging_fd, ret_name, 0);
		return e;
	}
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err
staging_claim(const struct vfs *v, const struct mount *m, const char *name,
    char ret_name[STAGING_NAME_SIZE], int *ret_fd)
{
	int fd _cleanup_(fd_closep) = -1;
	enum err e = make_name(v->account, ret_name);

	/* Opened first: once it is ours, nothing may fail. It isn't written before it is ours. */
	if (e == ERR_OK)
		e = file_open_beneath(m->staging_fd, name, O_RDWR, 0, &fd);
	if (e == ERR_OK)
		e = file_rename_new(m->staging_fd, name, m->staging_fd, ret_name);
	if (e == ERR_OK)
		*ret_fd = fd_take(&fd);
	return e;
}

enum err
staging_unlink(const struct mount *m, const char *name)
{
	return unlinkat(m->staging_fd, name, 0) < 0 ? err_last() : ERR_OK;
}

/*
 * POSIX promises nothing about the name of a file that is fsynced, and so its directory is, too.
 * But these three log the making of a file and its name as one, and fsync of the file writes that
 * log out; ext4 without a journal follows new files up to their directories. It saves a small
 * upload one of four waits for the disk. A claimed file (staging_claim) has been renamed, which
 * ext4 without a journal doesn't follow: there the directory is synced all the same.
 */
bool
staging_syncs_names(int staging_fd)
{
	static const unsigned KINDS[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC};
	struct statfs st;

	if (staging_fd < 0 || fstatfs(staging_fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if ((unsigned)st.f_type == KINDS[i])
			return true;
	}
	return false;
}
