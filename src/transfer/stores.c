#include "transfer/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/fd.h"
#include "os/file.h"

static enum err
open_dir(const char *path, int *ret_fd, struct story *story)
{
	enum err e = file_open_trusted(path, O_RDONLY | O_DIRECTORY, 0, ret_fd);

	if (e == ERR_NOENT) {
		e = file_make_trusted_dirs(path);
		if (e != ERR_OK)
			return story_fail(
			    story, e, "cannot make the directory %s: %s", path, err_text(e));
		e = file_open_trusted(path, O_RDONLY | O_DIRECTORY, 0, ret_fd);
	}
	if (e != ERR_OK)
		return story_fail(story, e, "cannot open the directory %s: %s", path, err_text(e));
	return ERR_OK;
}

/* A directory of ours beneath another one. */
static enum err
open_own_dir(int dir_fd, const char *path, int *ret_fd)
{
	enum err e = file_make_dirs(dir_fd, path);

	return e == ERR_OK ? file_open_beneath(dir_fd, path, O_RDONLY | O_DIRECTORY, 0, ret_fd) : e;
}

/*
 * A rename is only atomic within one file system: publication depends on it, and so does what
 * becomes of delivered files. what: the key that says where other_fd is.
 */
static enum err
check_same_file_system(
    const struct store *s, int other_fd, const char *what, const char *path, struct story *story)
{
	struct stat dir, other;

	if (fstat(s->dir_fd, &dir) < 0 || fstat(other_fd, &other) < 0)
		return story_fail(
		    story, err_last(), "folder %s: %s", s->folder->name, strerror(errno));
	if (dir.st_dev != other.st_dev)
		return story_fail(story, ERR_XDEV,
		    "folder %s: %s and its %s %s are on different file systems, so that nothing "
		    "can be moved between them by a rename (set `%s` to a directory beside the "
		    "folder)",
		    s->folder->name, s->folder->path, what, path, what);
	return ERR_OK;
}

static enum err
open_archive(struct store *s, struct story *story)
{
	enum err e = open_dir(s->folder->archive, &s->archive_fd, story);

	return e == ERR_OK
		   ? check_same_file_system(s, s->archive_fd, "archive", s->folder->archive, story)
		   : e;
}

static enum err
open_store(struct store *s, const struct config_folder *folder, struct story *story)
{
	*s = (struct store){
	    .folder = folder, .dir_fd = -1, .staging_fd = -1, .uploads_fd = -1, .archive_fd = -1};
	enum err e = open_dir(folder->path, &s->dir_fd, story);
	if (e == ERR_OK)
		e = open_dir(folder->staging, &s->staging_fd, story);
	if (e == ERR_OK)
		e = check_same_file_system(s, s->staging_fd, "staging", folder->staging, story);
	if (e == ERR_OK && folder->on_delivered == CONFIG_DELIVERED_ARCHIVE)
		e = open_archive(s, story);
	if (e != ERR_OK)
		return e;
	e = open_own_dir(s->staging_fd, "uploads", &s->uploads_fd);
	if (e != ERR_OK)
		story_set(story, "cannot make %s/uploads: %s", folder->staging, err_text(e));
	return e;
}

enum err
stores_open(const struct config *c, struct stores *ret_s, struct story *story)
{
	struct stores s = {.home_fd = -1, .incoming_fd = -1};

	enum err e = open_dir(c->home, &s.home_fd, story);
	if (e == ERR_OK)
		e = open_own_dir(s.home_fd, "staging/incoming", &s.incoming_fd);
	if (e != ERR_OK && story->text[0] == '\0')
		story_set(story, "cannot make %s/staging/incoming: %s", c->home, err_text(e));
	if (e == ERR_OK) {
		s.stores = calloc(c->n_folders == 0 ? 1 : c->n_folders, sizeof *s.stores);
		e = s.stores == NULL ? ERR_NOMEM : ERR_OK;
	}
	for (size_t i = 0; e == ERR_OK && i < c->n_folders; i++) {
		s.n_stores = i + 1;
		e = open_store(&s.stores[i], &c->folders[i], story);
	}
	if (e != ERR_OK) {
		stores_close(&s);
		return e;
	}
	*ret_s = s;
	return ERR_OK;
}

void
stores_close(struct stores *s)
{
	for (size_t i = 0; i < s->n_stores; i++) {
		fd_closep(&s->stores[i].dir_fd);
		fd_closep(&s->stores[i].staging_fd);
		fd_closep(&s->stores[i].uploads_fd);
		fd_closep(&s->stores[i].archive_fd);
	}
	free(s->stores);
	fd_closep(&s->incoming_fd);
	fd_closep(&s->home_fd);
	*s = (struct stores){.home_fd = -1, .incoming_fd = -1};
}

enum err
stores_open_incoming(const struct stores *s, const char *remote, int *ret_fd)
{
	*ret_fd = -1;
	return open_own_dir(s->incoming_fd, remote, ret_fd);
}

const struct store *
stores_find(const struct stores *s, const char *folder)
{
	for (size_t i = 0; i < s->n_stores; i++) {
		if (strcmp(s->stores[i].folder->name, folder) == 0)
			return &s->stores[i];
	}
	return NULL;
}
