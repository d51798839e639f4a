#include "transfer/disposal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/holdings.h"
#include "os/fd.h"
#include "os/file.h"
#include "rules/name.h"
#include "transfer/quota.h"

enum { ALTERNATIVES_MAX = 10000, NAME_SIZE = 32 };

/*
 * A directory of a turn's disposals, synced once. First those that files went into: where a file
 * system has no log, a name is durable in its new place before it is gone from the old one.
 */
struct dir {
	dev_t dev;
	ino_t inode;
	int fd;
	bool is_target;
	enum err error; /* of its fsync */
};

enum { DIRS_OF_ONE = 3 };

/* One disposal on its way. */
struct way {
	struct gateway *g;
	struct disposal d;
	const struct store *store;
	char name[NAME_SIZE]; /* of the file in staging */
	int parent_fd;        /* of the file's directory; -1: that is gone */
	const char *last;     /* the last part of its path */
	bool is_done;         /* there is nothing left to do */
	bool was_there;       /* it was in its folder until now */
	char archived[LEDGER_PATH_MAX + 1];
	enum err error;
	size_t dirs[DIRS_OF_ONE]; /* those that it changes, of the batch */
	size_t n_dirs;
};

struct batch {
	struct way *ways;
	size_t n_ways;
	struct dir dirs[DISPOSALS_A_TURN * DIRS_OF_ONE];
	size_t n_dirs;
};

/* Opened before it is changed: afterwards is too late to fail. */
static enum err
batch_dir(struct batch *b, struct way *w, int dir_fd, bool is_target)
{
	struct stat st;
	size_t i = 0;

	if (fstat(dir_fd, &st) < 0)
		return err_last();
	while (i < b->n_dirs && (b->dirs[i].dev != st.st_dev || b->dirs[i].inode != st.st_ino))
		i++;
	if (i == b->n_dirs) {
		struct dir *dir = &b->dirs[i];
		*dir = (struct dir){.dev = st.st_dev, .inode = st.st_ino, .fd = -1};
		/* It may be open as a mere path. */
		enum err e = file_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir->fd);
		if (e != ERR_OK)
			return e;
		b->n_dirs++;
	}
	b->dirs[i].is_target = b->dirs[i].is_target || is_target;
	w->dirs[w->n_dirs++] = i;
	return ERR_OK;
}

static void
batch_sync(struct batch *b)
{
	for (int target = 1; target >= 0; target--) {
		for (size_t i = 0; i < b->n_dirs; i++) {
			if (b->dirs[i].is_target == (target == 1))
				b->dirs[i].error = file_sync(b->dirs[i].fd);
		}
	}
}

static void
batch_fini(struct batch *b)
{
	for (size_t i = 0; i < b->n_dirs; i++)
		fd_closep(&b->dirs[i].fd);
	free(b->ways);
}

static bool
is_version(const struct delivered_file *f, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_ino == f->inode && (uint64_t)st->st_size == f->size &&
	       (int64_t)st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec ==
		   f->mtime_ns;
}

static bool
stat_at(int dir_fd, const char *name, struct stat *ret_st)
{
	return dir_fd >= 0 && file_stat_beneath(dir_fd, name, ret_st) == ERR_OK;
}

/* Puts the file under the first name that is free: "a.csv", "a.2.csv", … */
static enum err
rename_numbered(const struct way *w, int dir_fd, char ret_name[NAME_LEN_MAX + 1])
{
	(void)snprintf(ret_name, NAME_LEN_MAX + 1, "%s", w->last);
	for (unsigned n = 2; n <= ALTERNATIVES_MAX; n++) {
		enum err e = file_rename_new(w->store->staging_fd, w->name, dir_fd, ret_name);
		if (e != ERR_EXISTS)
			return e;
		name_numbered(w->last, n, ret_name);
	}
	return ERR_EXISTS;
}

/*
 * Another version, and nobody has taken that: it gets its name again, or a number, where that was
 * taken meanwhile.
 */
static enum err
put_back(struct way *w)
{
	const struct delivered_file *f = &w->d.file;
	char name[NAME_LEN_MAX + 1];

	w->is_done = true;
	if (w->parent_fd < 0)
		return ERR_NOENT;
	enum err e = rename_numbered(w, w->parent_fd, name);
	if (e == ERR_OK && strcmp(name, w->last) != 0)
		log_warn("file.put-back", F_STR("folder", f->folder), F_STR("path", f->path),
		    F_STR("name", name));
	return e;
}

/*
 * The first step: out of the folder, into staging. What is there now may be another version: then
 * it is left alone, or put back. A newer one that took its place meanwhile stays. What a crash has
 * left in staging is looked at like anything else: it may have come before the look.
 */
static enum err
take_out(struct way *w)
{
	const struct delivered_file *f = &w->d.file;
	int staging = w->store->staging_fd;
	struct stat st;
	bool was_out = stat_at(staging, w->name, &st);

	if (!was_out) {
		if (!stat_at(w->parent_fd, w->last, &st) || !is_version(f, &st)) {
			w->is_done = true;
			return ERR_OK;
		}
		enum err e = file_rename_new(w->parent_fd, w->last, staging, w->name);
		if (e != ERR_OK)
			return e;
	}
	if (!stat_at(staging, w->name, &st) || !is_version(f, &st))
		return put_back(w);
	w->was_there = !was_out;
	return ERR_OK;
}

/* The archive has the directories that the folder has. */
static enum err
open_archive_dir(const struct way *w, int *ret_fd)
{
	char dir[LEDGER_PATH_MAX + 1] = ".";

	if (w->store->archive_fd < 0)
		return ERR_NOENT;
	if (w->last > w->d.file.path) {
		(void)snprintf(
		    dir, sizeof dir, "%.*s", (int)(w->last - w->d.file.path - 1), w->d.file.path);
		enum err e = file_make_dirs(w->store->archive_fd, dir);
		if (e != ERR_OK)
			return e;
	}
	return file_open_beneath(w->store->archive_fd, dir, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static enum err
put_into_archive(struct batch *b, struct way *w)
{
	int archive_dir _cleanup_(fd_closep) = -1;
	char name[NAME_LEN_MAX + 1];

	enum err e = open_archive_dir(w, &archive_dir);
	if (e == ERR_OK)
		e = batch_dir(b, w, archive_dir, true);
	if (e == ERR_OK)
		e = batch_dir(b, w, w->store->staging_fd, false);
	if (e == ERR_OK)
		e = rename_numbered(w, archive_dir, name);
	if (e == ERR_OK)
		(void)snprintf(w->archived, sizeof w->archived, "%.*s%s",
		    (int)(w->last - w->d.file.path), w->d.file.path, name);
	return e;
}

/* What is removed need not be gone from staging for good: without its row, recovery sweeps it. */
static enum err
put_away(struct batch *b, struct way *w)
{
	if (w->d.archive)
		return put_into_archive(b, w);
	if (unlinkat(w->store->staging_fd, w->name, 0) < 0 && errno != ENOENT)
		return err_last();
	return ERR_OK;
}

static void
log_finished(const struct way *w)
{
	const struct delivered_file *f = &w->d.file;
	const char *note = w->is_done ? "it was out of the folder already" : "";

	if (w->d.archive)
		log_info("file.archived", F_U64("transfer", f->transfer),
		    F_STR("folder", f->folder), F_STR("path", f->path), F_STR("as", w->archived),
		    F_U64("bytes", f->size), F_STR("note", note));
	else
		log_info("file.delivered-removed", F_U64("transfer", f->transfer),
		    F_STR("folder", f->folder), F_STR("path", f->path), F_U64("bytes", f->size),
		    F_STR("note", note));
}

/* At once, however the rest goes: by the next try a newer file may be charged under its name. */
static enum err
uncharge(const struct way *w)
{
	const struct delivered_file *f = &w->d.file;

	if (!w->was_there)
		return ERR_OK;
	quota_content(w->g, f->folder, -(int64_t)f->size, -1);
	return ledger_holding_drop(w->g->ledger, f->folder, f->path);
}

/* The row goes, and what it says happened. */
static enum err
finish(struct way *w, int64_t now_us)
{
	const struct delivered_file *f = &w->d.file;
	const char *what = w->d.archive ? "archived" : "delivered-removed";
	char detail[LEDGER_TEXT_MAX], path[200];

	enum err e = ledger_disposal_drop(w->g->ledger, w->d.id);
	if (e != ERR_OK)
		return e;
	text_escape(slice_str(w->archived[0] != '\0' ? w->archived : f->path), path, sizeof path);
	(void)snprintf(detail, sizeof detail, "%s/%s%s", f->folder, path,
	    w->is_done ? " (it was out of the folder already)" : "");
	log_finished(w);
	return ledger_note(w->g->ledger, f->transfer, what, detail, now_us);
}

static enum err
carry_out(struct batch *b, struct way *w)
{
	const char *path = w->d.file.path;

	w->store = stores_find(&w->g->stores, w->d.file.folder);
	if (w->store == NULL)
		return ERR_NOENT;
	(void)snprintf(w->name, sizeof w->name, "d%" PRIu64, w->d.id);
	enum err e = file_open_parent(w->store->dir_fd, path, &w->parent_fd, &w->last);
	if (e == ERR_NOENT || e == ERR_NOTDIR) {
		const char *slash = strrchr(path, '/');
		w->last = slash == NULL ? path : slash + 1;
		e = ERR_OK;
	} else if (e == ERR_OK) {
		e = batch_dir(b, w, w->parent_fd, false);
	}
	if (e == ERR_OK)
		e = take_out(w);
	return e == ERR_OK && !w->is_done ? put_away(b, w) : e;
}

/* After the directories were synced. */
static enum err
conclude(const struct batch *b, struct way *w, int64_t now_us)
{
	const struct delivered_file *f = &w->d.file;

	enum err e = uncharge(w);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < w->n_dirs && w->error == ERR_OK; i++)
		w->error = b->dirs[w->dirs[i]].error;
	if (w->error == ERR_OK)
		return finish(w, now_us);
	log_error("file.not-disposed", F_STR("folder", f->folder), F_STR("path", f->path),
	    F_STR("wanted", w->d.archive ? "archive" : "delete"),
	    F_STR("error", err_text(w->error)));
	return ERR_OK;
}

static enum err
begin(struct batch *b, struct gateway *g, uint64_t id)
{
	struct way *w = &b->ways[b->n_ways];

	*w = (struct way){.g = g, .parent_fd = -1};
	enum err e = ledger_disposal_get(g->ledger, id, &w->d);
	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_OK : e;
	w->error = carry_out(b, w);
	fd_closep(&w->parent_fd);
	b->n_ways++;
	return ERR_OK;
}

enum err
disposals_carry_out(struct gateway *g, const uint64_t *ids, size_t n_ids, int64_t now_us)
{
	struct batch b _cleanup_(batch_fini) = {.n_ways = 0};
	enum err e = ERR_OK;

	BUG_ON(n_ids > DISPOSALS_A_TURN);
	b.ways = calloc(n_ids + 1, sizeof *b.ways);
	if (b.ways == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_ids && e == ERR_OK; i++)
		e = begin(&b, g, ids[i]);
	batch_sync(&b);
	for (size_t i = 0; i < b.n_ways && e == ERR_OK; i++)
		e = conclude(&b, &b.ways[i], now_us);
	return e;
}

bool
disposal_name_parse(const char *name, uint64_t *ret_id)
{
	return name[0] == 'd' && text_to_u64(slice_str(name + 1), INT64_MAX, ret_id);
}
