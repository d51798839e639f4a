/* A directory for one test, removed with everything in it; and small files in it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char path[256];
	int fd; /* open directory */
};

static inline void
scratch_init(struct scratch *s)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(s->path, sizeof s->path, "%s/dray-unit.XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(s->path) == NULL)
		abort();
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0)
		abort();
}

static inline int
scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
scratch_fini(struct scratch *s)
{
	(void)close(s->fd);
	(void)nftw(s->path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
scratch_write(const struct scratch *s, const char *name, const char *text)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
		abort();
}

static inline void
scratch_mkdir(const struct scratch *s, const char *name)
{
	if (mkdirat(s->fd, name, 0700) < 0)
		abort();
}

static inline void
scratch_symlink(const struct scratch *s, const char *target, const char *name)
{
	if (symlinkat(target, s->fd, name) < 0)
		abort();
}

/* The file's text in dst, terminated; false when it can't be read. */
static inline bool
scratch_read(const struct scratch *s, const char *name, char *dst, size_t dst_len)
{
	int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, dst_len - 1);

	if (fd >= 0)
		(void)close(fd);
	dst[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

/* How many descriptors this process has open: to find the ones that leak. */
static inline size_t
scratch_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (dir == NULL)
		abort();
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

#endif
