#include "transfer/disposal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/holdings.h"
#include "os/fd.h"
#include "os/file.h"
#include "rules/name.h"
#include "transfer/quota.h"

enum { ALTERNATIVES_MAX = 10000, NAME_SIZE = 32 };

/* One disposal on its way. */
struct way {
	struct gateway *g;
	const struct disposal *d;
	const struct store *store;
	char name[NAME_SIZE]; /* of the file in staging */
	int parent_fd;        /* of the file's directory; -1: that is gone */
	const char *last;     /* the last part of its path */
	bool is_done;         /* there is nothing left to do */
	bool was_there;       /* it was in its folder until now */
	char archived[LEDGER_PATH_MAX + 1];
};

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

/* Both ends of a rename, durably. */
static enum err
sync_both(int parent_fd, int other_fd)
{
	int fd _cleanup_(fd_closep) = -1;

	/* The parent may be open as a mere path. */
	enum err e = file_open_beneath(parent_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e == ERR_OK)
		e = file_sync(fd);
	return e == ERR_OK ? file_sync(other_fd) : e;
}

/* Another version, and nobody has taken that: it gets its name again. */
static enum err
put_back(struct way *w)
{
	int staging = w->store->staging_fd;

	w->is_done = true;
	if (w->parent_fd < 0)
		return ERR_NOENT;
	enum err e = file_rename_new(staging, w->name, w->parent_fd, w->last);
	/* As the upload that took the name would have done. */
	if (e == ERR_EXISTS && unlinkat(staging, w->name, 0) == 0)
		e = ERR_OK;
	return e == ERR_OK ? sync_both(w->parent_fd, staging) : e;
}

/*
 * The first step: out of the folder, into staging. What is there now may be another version: then
 * it is left alone, or put back. A newer one that took its place meanwhile stays. What a crash has
 * left in staging is looked at like anything else: it may have come before the look.
 */
static enum err
take_out(struct way *w)
{
	const struct delivered_file *f = &w->d->file;
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
	return w->parent_fd < 0 ? ERR_OK : sync_both(w->parent_fd, staging);
}

/* Puts the file under the first name that is free: "a.csv", "a.2.csv", … */
static enum err
rename_numbered(struct way *w, int archive_dir)
{
	char name[NAME_LEN_MAX + 1];

	(void)snprintf(name, sizeof name, "%s", w->last);
	for (unsigned n = 2; n <= ALTERNATIVES_MAX; n++) {
		enum err e = file_rename_new(w->store->staging_fd, w->name, archive_dir, name);
		if (e != ERR_EXISTS) {
			size_t len = (size_t)(w->last - w->d->file.path);
			(void)snprintf(w->archived, sizeof w->archived, "%.*s%s", (int)len,
			    w->d->file.path, name);
			return e;
		}
		name_numbered(w->last, n, name);
	}
	return ERR_EXISTS;
}

/* The archive has the directories that the folder has. */
static enum err
open_archive_dir(const struct way *w, int *ret_fd)
{
	char dir[LEDGER_PATH_MAX + 1] = ".";

	if (w->store->archive_fd < 0)
		return ERR_NOENT;
	if (w->last > w->d->file.path) {
		(void)snprintf(
		    dir, sizeof dir, "%.*s", (int)(w->last - w->d->file.path - 1), w->d->file.path);
		enum err e = file_make_dirs(w->store->archive_fd, dir);
		if (e != ERR_OK)
			return e;
	}
	return file_open_beneath(w->store->archive_fd, dir, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static enum err
put_away(struct way *w)
{
	int archive_dir _cleanup_(fd_closep) = -1;

	if (!w->d->archive) {
		if (unlinkat(w->store->staging_fd, w->name, 0) < 0 && errno != ENOENT)
			return err_last();
		return file_sync(w->store->staging_fd);
	}
	enum err e = open_archive_dir(w, &archive_dir);
	if (e == ERR_OK)
		e = rename_numbered(w, archive_dir);
	if (e == ERR_OK)
		e = file_sync(archive_dir);
	return e == ERR_OK ? file_sync(w->store->staging_fd) : e;
}

static void
log_finished(const struct way *w)
{
	const struct delivered_file *f = &w->d->file;
	const char *note = w->is_done ? "it was out of the folder already" : "";

	if (w->d->archive)
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
	const struct delivered_file *f = &w->d->file;

	if (!w->was_there)
		return ERR_OK;
	quota_content(w->g, f->folder, -(int64_t)f->size, -1);
	return ledger_holding_drop(w->g->ledger, f->folder, f->path);
}

/* The row goes, and what it says happened. */
static enum err
finish(struct way *w, int64_t now_us)
{
	const struct delivered_file *f = &w->d->file;
	const char *what = w->d->archive ? "archived" : "delivered-removed";
	char detail[LEDGER_TEXT_MAX], path[200];

	enum err e = ledger_disposal_drop(w->g->ledger, w->d->id);
	if (e != ERR_OK)
		return e;
	text_escape(slice_str(w->archived[0] != '\0' ? w->archived : f->path), path, sizeof path);
	(void)snprintf(detail, sizeof detail, "%s/%s%s", f->folder, path,
	    w->is_done ? " (it was out of the folder already)" : "");
	log_finished(w);
	return ledger_note(w->g->ledger, f->transfer, what, detail, now_us);
}

static enum err
carry_out(struct way *w)
{
	const char *path = w->d->file.path;

	(void)snprintf(w->name, sizeof w->name, "d%" PRIu64, w->d->id);
	enum err e = file_open_parent(w->store->dir_fd, path, &w->parent_fd, &w->last);
	if (e == ERR_NOENT || e == ERR_NOTDIR) {
		const char *slash = strrchr(path, '/');
		w->last = slash == NULL ? path : slash + 1;
	} else if (e != ERR_OK) {
		return e;
	}
	e = take_out(w);
	return e == ERR_OK && !w->is_done ? put_away(w) : e;
}

enum err
disposal_carry_out(struct gateway *g, uint64_t id, int64_t now_us)
{
	struct disposal d;

	enum err e = ledger_disposal_get(g->ledger, id, &d);
	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_OK : e;
	struct way w = {
	    .g = g, .d = &d, .store = stores_find(&g->stores, d.file.folder), .parent_fd = -1};
	e = w.store == NULL ? ERR_NOENT : carry_out(&w);
	fd_closep(&w.parent_fd);
	enum err failed = uncharge(&w);
	if (failed != ERR_OK)
		return failed;
	if (e == ERR_OK)
		return finish(&w, now_us);
	log_error("file.not-disposed", F_STR("folder", d.file.folder), F_STR("path", d.file.path),
	    F_STR("wanted", d.archive ? "archive" : "delete"), F_STR("error", err_text(e)));
	return ERR_OK;
}
