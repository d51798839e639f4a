#include "transfer/partials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"

bool
partial_name_parse(const char *staging_name, char ret_account[LEDGER_NAME_MAX + 1])
{
	struct slice name = slice_str(staging_name), prefix = slice_str("up.");
	const char *dot = strrchr(staging_name, '.');

	/* From the end: an account's name may have dots in it. */
	if (!slice_starts_with(name, prefix) || dot < staging_name + prefix.len)
		return false;
	struct slice account =
	    slice_of(staging_name + prefix.len, (size_t)(dot - staging_name) - prefix.len);
	return account.len > 0 && slice_copy(account, ret_account, LEDGER_NAME_MAX + 1);
}

enum err
partial_stat(
    const struct gateway *g, const char *folder, const char *staging_name, struct stat *ret_st)
{
	const struct store *store = stores_find(&g->stores, folder);

	if (store == NULL)
		return ERR_NOENT;
	return file_stat_beneath(store->uploads_fd, staging_name, ret_st);
}

/* No other file's second name: what an account may not change isn't cut for it. */
static enum err
cut_at_hole(int fd, struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1 || st->st_size == 0)
		return ERR_OK;
	off_t hole = lseek(fd, 0, SEEK_HOLE);
	if (hole < 0)
		return err_last();
	if (hole >= st->st_size)
		return ERR_OK;
	if (ftruncate(fd, hole) < 0)
		return err_last();
	st->st_size = hole;
	return ERR_OK;
}

enum err
partial_mend(
    const struct gateway *g, const char *folder, const char *staging_name, struct stat *ret_st)
{
	const struct store *store = stores_find(&g->stores, folder);
	int fd _cleanup_(fd_closep) = -1;

	if (store == NULL)
		return ERR_NOENT;
	enum err e =
	    file_open_beneath(store->uploads_fd, staging_name, O_RDWR | O_NONBLOCK, 0, &fd);
	if (e == ERR_OK && fstat(fd, ret_st) < 0)
		e = err_last();
	return e == ERR_OK ? cut_at_hole(fd, ret_st) : e;
}

int64_t
partial_expires_us(const struct gateway *g, const char *folder, int64_t since_us)
{
	const struct config_folder *config = config_find_folder(g->config, slice_str(folder));

	/* Out of reach until the folder comes back. */
	if (config == NULL || config->keep_partial_us > INT64_MAX - since_us)
		return INT64_MAX;
	return since_us + config->keep_partial_us;
}

/* "invoices/a.csv of maker, 1234 bytes: nobody has gone on with it" */
static enum err
note_removed(
    struct gateway *g, const struct partial_row *p, uint64_t bytes, const char *why, int64_t now_us)
{
	char detail[LEDGER_TEXT_MAX], path[200];

	text_escape(slice_str(p->path[0] != '\0' ? p->path : p->staging_name), path, sizeof path);
	(void)snprintf(detail, sizeof detail, "%s/%s of %s, %" PRIu64 " bytes: %s", p->folder, path,
	    p->account, bytes, why);
	log_info("partial.removed", F_STR("account", p->account), F_STR("folder", p->folder),
	    F_STR("path", p->path), F_U64("bytes", bytes), F_STR("file", p->staging_name),
	    F_STR("why", why));
	return ledger_note(g->ledger, 0, "partial-removed", detail, now_us);
}

enum err
partial_remove(struct gateway *g, const struct partial_row *p, const char *why, int64_t now_us)
{
	const struct store *store = stores_find(&g->stores, p->folder);
	struct stat st;

	enum err e = partial_stat(g, p->folder, p->staging_name, &st);
	bool there = e == ERR_OK;
	if (there && unlinkat(store->uploads_fd, p->staging_name, 0) < 0 && errno != ENOENT)
		e = err_last();
	if (e != ERR_OK && e != ERR_NOENT) {
		log_error("partial.not-removed", F_STR("folder", p->folder),
		    F_STR("file", p->staging_name), F_STR("error", err_text(e)));
		return ERR_OK;
	}
	e = ledger_partial_drop(g->ledger, p->folder, p->staging_name);
	if (e != ERR_OK || !there)
		return e;
	return note_removed(g, p, (uint64_t)st.st_size, why, now_us);
}

struct recovering {
	struct gateway *g;
	int64_t now_us;
	ledger_partial_fn *fn;
	void *ctx;
};

static int64_t
last_written_us(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * US_PER_SEC + st->st_mtim.tv_nsec / 1000;
}

static enum err
recover_row(void *ctx, const struct partial_row *row)
{
	struct recovering *r = ctx;
	struct partial_row p = *row;
	struct stat st;

	/* Kept for the day on which its folder comes back. */
	if (stores_find(&r->g->stores, p.folder) == NULL)
		return ERR_OK;
	enum err e = partial_mend(r->g, p.folder, p.staging_name, &st);
	if (e == ERR_NOENT)
		return ledger_partial_drop(r->g->ledger, p.folder, p.staging_name);
	if (e != ERR_OK)
		return ERR_OK;
	p.size = (uint64_t)st.st_size;
	/* It may have been open until the crash, and written to for hours since its row. */
	if (last_written_us(&st) > p.since_us && last_written_us(&st) <= r->now_us)
		p.since_us = last_written_us(&st);
	return r->fn(r->ctx, &p);
}

/* A file without a row: whose, its name tells; for which path, nobody knows any more. */
static enum err
recover_file(struct recovering *r, const struct store *store, const char *name)
{
	struct partial_row p = {.path = ""};
	struct stat st;
	bool found;

	if (!partial_name_parse(name, p.account) ||
	    !slice_copy(slice_str(name), p.staging_name, sizeof p.staging_name))
		return ERR_OK;
	(void)snprintf(p.folder, sizeof p.folder, "%s", store->folder->name);
	enum err e = ledger_partial_find(r->g->ledger, p.folder, name, &found);
	if (e != ERR_OK || found)
		return e;
	if (file_stat_beneath(store->uploads_fd, name, &st) != ERR_OK || !S_ISREG(st.st_mode))
		return ERR_OK;
	p.size = (uint64_t)st.st_size;
	p.since_us = last_written_us(&st) < r->now_us ? last_written_us(&st) : r->now_us;
	return r->fn(r->ctx, &p);
}

static enum err
recover_files(struct recovering *r, const struct store *store)
{
	int fd _cleanup_(fd_closep) = -1;
	struct dirent *entry;

	enum err e = file_open_beneath(store->uploads_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e != ERR_OK)
		return e;
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		return err_last();
	(void)fd_take(&fd);
	while (e == ERR_OK && (entry = readdir(dir)) != NULL)
		e = recover_file(r, store, entry->d_name);
	closedir(dir);
	return e;
}

enum err
partials_recover(struct gateway *g, int64_t now_us, ledger_partial_fn *fn, void *ctx)
{
	struct recovering r = {.g = g, .now_us = now_us, .fn = fn, .ctx = ctx};

	enum err e = ledger_each_partial(g->ledger, recover_row, &r);
	for (size_t i = 0; i < g->stores.n_stores && e == ERR_OK; i++)
		e = recover_files(&r, &g->stores.stores[i]);
	return e;
}
