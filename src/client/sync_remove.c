/* What the source doesn't have is removed last of all, and only when nothing has failed. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "client/erase.h"
#include "client/sync_internal.h"
#include "os/fd.h"
#include "os/file.h"

enum { DEPTH_MAX = 256, ERASE_AT_ONCE = 4096 };

bool
sync_removal_add(struct sync *s, const char *dir, const char *name, bool is_dir, bool recursive)
{
	if (s->n_removals == s->cap_removals) {
		size_t cap = s->cap_removals == 0 ? 64 : s->cap_removals * 2;
		struct sync_removal *all = reallocarray(s->removals, cap, sizeof *all);
		if (all == NULL)
			return false;
		s->removals = all;
		s->cap_removals = cap;
	}
	char *rel = dir[0] == '\0' ? slice_dup(slice_str(name)) : sync_join(dir, name);
	if (rel == NULL)
		return false;
	s->removals[s->n_removals++] =
	    (struct sync_removal){.rel = rel, .is_dir = is_dir, .recursive = recursive};
	return true;
}

static void
removed(struct sync *s, const char *rel)
{
	s->sum->n_removed++;
	sync_tell(s, SYNC_REMOVED, rel, "");
}

static enum err remove_at(int dir_fd, const char *name, unsigned depth);

/* Everything in a directory, whatever of it can be. */
static enum err
empty_dir(int dir_fd, const char *name, unsigned depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum err e = ERR_OK;
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		e = err_last();
		fd_closep(&fd);
		return e;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		enum err one = remove_at(fd, entry->d_name, depth + 1);
		e = e == ERR_OK ? one : e;
	}
	(void)closedir(dir);
	return e;
}

/* A file, a link itself, or a directory with what is in it. */
static enum err
remove_at(int dir_fd, const char *name, unsigned depth)
{
	if (unlinkat(dir_fd, name, 0) == 0)
		return ERR_OK;
	enum err e = err_last();
	struct stat st;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return e;
	e = depth < DEPTH_MAX ? empty_dir(dir_fd, name, depth) : ERR_LIMIT;
	if (e == ERR_OK && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		e = err_last();
	return e;
}

static void
remove_local(struct sync *s, const struct sync_removal *r)
{
	int parent _cleanup_(fd_closep) = -1;
	char path[128], why[256];
	const char *name;

	enum err e = file_open_parent(s->root_fd, r->rel, &parent, &name);
	/* A directory of which something is kept stays. */
	if (e == ERR_OK && r->is_dir && !r->recursive) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			removed(s, r->rel);
		return;
	}
	if (e == ERR_OK)
		e = remove_at(parent, name, 0);
	if (e == ERR_OK) {
		removed(s, r->rel);
		return;
	}
	(void)snprintf(why, sizeof why, "removing: %s: %s",
	    text_escape(slice_str(r->rel), path, sizeof path), err_text(e));
	sync_failed(s, why);
}

static void
on_erased(void *ctx, struct slice path, const struct ask_answer *answer)
{
	struct sync *s = ctx;
	size_t root_len = strlen(s->remote_root);

	if (answer->error != ERR_OK) {
		sync_failed(s, answer->story.text);
		return;
	}
	/* What the tree's root and a slash were put before. */
	if (root_len > 0 && s->remote_root[root_len - 1] != '/')
		root_len++;
	char *rel = slice_dup(slice_of(path.ptr + root_len, path.len - root_len));
	if (rel != NULL)
		removed(s, rel);
	free(rel);
}

static enum err
erase_some(struct sync *s, const char *const *paths, size_t n)
{
	const struct erase_options options = {.recursive = true, .interrupt_fd = s->interrupt_fd};
	enum err e = ERR_OK;

	if (n > 0)
		(void)erase_paths(s->r, paths, n, &options, on_erased, s, &e);
	return e;
}

/* Files, and directories that go whole. */
static enum err
remove_remote(struct sync *s)
{
	char **paths = calloc(ERASE_AT_ONCE, sizeof *paths);
	enum err e = paths == NULL ? ERR_NOMEM : ERR_OK;
	size_t n = 0;

	for (size_t i = 0; i <= s->n_removals && e == ERR_OK; i++) {
		bool last = i == s->n_removals;
		const struct sync_removal *r = last ? NULL : &s->removals[i];
		if (r != NULL && (!r->is_dir || r->recursive)) {
			paths[n] = sync_join(s->remote_root, r->rel);
			e = paths[n++] == NULL ? ERR_NOMEM : ERR_OK;
		}
		if (e == ERR_OK && (last || n == ERASE_AT_ONCE))
			e = erase_some(s, (const char *const *)paths, n);
		if (last || n == ERASE_AT_ONCE || e != ERR_OK) {
			while (n > 0)
				free(paths[--n]);
		}
	}
	free(paths);
	return e;
}

/* Directories of which something may be kept: those that are in others first. */
static void
remove_remote_dirs(struct sync *s)
{
	struct ask_answer answer;

	for (size_t i = s->n_removals; i > 0 && !remote_is_lost(s->r); i--) {
		const struct sync_removal *r = &s->removals[i - 1];
		if (!r->is_dir || r->recursive)
			continue;
		char *path = sync_join(s->remote_root, r->rel);
		if (path != NULL && ask_rmdir(s->r, slice_str(path), &answer))
			removed(s, r->rel);
		free(path);
	}
}

void
sync_remove_all(struct sync *s)
{
	bool keep = s->listing_failed || s->sum->n_failed > 0 || s->no_memory;

	if (keep || s->o->dry_run) {
		for (size_t i = 0; i < s->n_removals; i++) {
			if (keep)
				sync_tell(s, SYNC_KEPT, s->removals[i].rel,
				    "something has failed, so nothing is removed");
			else
				removed(s, s->removals[i].rel);
		}
		return;
	}
	if (s->direction == JOB_GET) {
		/* From the end: what is in a directory comes after it. */
		for (size_t i = s->n_removals; i > 0; i--)
			remove_local(s, &s->removals[i - 1]);
		return;
	}
	enum err e = remove_remote(s);
	if (e == ERR_AGAIN)
		s->interrupted = true;
	else if (e != ERR_OK)
		sync_failed(s, remote_is_lost(s->r) ? remote_lost_story(s->r) : err_text(e));
	else
		remove_remote_dirs(s);
}
