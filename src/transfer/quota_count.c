#include "transfer/quota_count.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

/* One walk: a directory at each level is open, none below a depth of QUOTA_DEPTH_MAX. */
struct count {
	struct quota_amount amount;
	size_t n_names;
	dev_t device;
};

static enum err count_dir(struct count *c, int dir_fd, const char *name, unsigned depth);

static enum err
count_entry(struct count *c, int dir_fd, const char *name, unsigned depth)
{
	struct stat st;

	if (++c->n_names > QUOTA_NAMES_MAX)
		return ERR_LIMIT;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != c->device)
		return ERR_OK;
	if (S_ISREG(st.st_mode)) {
		c->amount = quota_plus(c->amount, (struct quota_amount){(uint64_t)st.st_size, 1});
		return ERR_OK;
	}
	return S_ISDIR(st.st_mode) ? count_dir(c, dir_fd, name, depth + 1) : ERR_OK;
}

static enum err
count_dir(struct count *c, int dir_fd, const char *name, unsigned depth)
{
	int fd _cleanup_(fd_closep) = -1;
	struct dirent *entry;

	if (depth > QUOTA_DEPTH_MAX)
		return ERR_LIMIT;
	enum err e = file_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0, &fd);
	/* Gone, or no directory any more. */
	if (e != ERR_OK)
		return depth > 0 && (e == ERR_NOENT || e == ERR_NOTDIR || e == ERR_ESCAPE) ? ERR_OK
											   : e;
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		return err_last();
	(void)fd_take(&fd);
	while (e == ERR_OK && (entry = readdir(dir)) != NULL) {
		if (!slice_is(slice_str(entry->d_name), ".") &&
		    !slice_is(slice_str(entry->d_name), ".."))
			e = count_entry(c, dirfd(dir), entry->d_name, depth);
	}
	closedir(dir);
	return e;
}

enum err
quota_count(int dir_fd, struct quota_amount *ret_amount)
{
	struct count c = {.n_names = 0};
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return err_last();
	c.device = st.st_dev;
	enum err e = count_dir(&c, dir_fd, ".", 0);
	if (e == ERR_OK)
		*ret_amount = c.amount;
	return e;
}
