#include "transfer/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "rules/name.h"

enum { OUTPUT_MODE = 0640, ALTERNATIVES_MAX = 10000 };

static enum err
staging_inode(const struct store *store, uint64_t *ret_inode)
{
	struct stat st;

	if (fstat(store->staging_fd, &st) < 0)
		return err_last();
	*ret_inode = st.st_ino;
	return ERR_OK;
}

/* Takes what an earlier try left out of the way, and links the staged file there: ERR_XDEV if it
 * can't. */
static enum err
link_output(struct gateway *g, const struct transfer *t, const struct store *store,
    const struct transfer_output *out)
{
	char from[STAGING_PATH_MAX];

	if (unlinkat(store->staging_fd, out->staging_name, 0) < 0 && errno != ENOENT)
		return err_last();
	if (out->n > 0)
		return ERR_XDEV;
	staging_path(t->source, t->id, from);
	if (linkat(g->stores.incoming_fd, from, store->staging_fd, out->staging_name, 0) < 0)
		return err_last();
	return ERR_OK;
}

enum err
outputs_prepare(struct gateway *g, const struct transfer *t, uint32_t n, const struct store *store,
    struct transfer_output *ret_out, int *ret_fd, struct story *story)
{
	char name[STAGING_NAME_MAX] = "";
	uint64_t inode = 0;

	*ret_fd = -1;
	*ret_out = (struct transfer_output){.transfer = t->id, .n = n};
	enum err e = staging_inode(store, &inode);
	if (e == ERR_OK) {
		staging_output_name(t->id, n, inode, name);
		(void)snprintf(ret_out->folder, sizeof ret_out->folder, "%s", store->folder->name);
		(void)snprintf(ret_out->staging_name, sizeof ret_out->staging_name, "%s", name);
		e = link_output(g, t, store, ret_out);
	}
	if (e == ERR_XDEV)
		e = file_open_beneath(
		    store->staging_fd, name, O_WRONLY | O_CREAT | O_EXCL, OUTPUT_MODE, ret_fd);
	if (e != ERR_OK)
		story_set(story, "cannot make %s in the staging of folder %s: %s", name,
		    store->folder->name, err_text(e));
	return e;
}

/* An account's upload has a name of its own, and is never placed from here. */
static bool
is_ours(const struct transfer_output *out)
{
	return out->staging_name[0] == 't';
}

/*
 * The store of an output, which must be the one that the output was put into: the folder may have
 * been taken away, or moved, since.
 */
static enum err
find_store(struct gateway *g, const struct transfer_output *out, const struct store **ret_store,
    struct story *story)
{
	const char *suffix = strrchr(out->staging_name, '-');
	char text[32];
	uint64_t inode = 0;

	*ret_store = stores_find(&g->stores, out->folder);
	if (*ret_store == NULL)
		return story_fail(
		    story, ERR_NOENT, "folder %s is no longer in the configuration", out->folder);
	enum err e = staging_inode(*ret_store, &inode);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot look at the staging of folder %s", out->folder);
	(void)snprintf(text, sizeof text, "%" PRIx64, inode);
	if (!is_ours(out) || (suffix != NULL && strcmp(suffix + 1, text) == 0))
		return ERR_OK;
	return story_fail(story, ERR_XDEV,
	    "folder %s has another staging directory than when %s was put into it: bring that one "
	    "back",
	    out->folder, out->staging_name);
}

enum err
outputs_sync(struct gateway *g, const struct transfer_output *out, struct story *story)
{
	const struct store *store;

	enum err e = find_store(g, out, &store, story);
	if (e != ERR_OK)
		return e;
	e = file_sync(store->staging_fd);
	if (e != ERR_OK)
		story_set(
		    story, "cannot sync the staging of folder %s: %s", out->folder, err_text(e));
	return e;
}

enum err
outputs_is_staged(
    struct gateway *g, const struct transfer_output *out, bool *ret_staged, struct story *story)
{
	const struct store *store;
	struct stat st;

	*ret_staged = false;
	enum err e = find_store(g, out, &store, story);
	if (e != ERR_OK)
		return e;
	e = file_stat_beneath(
	    is_ours(out) ? store->staging_fd : store->uploads_fd, out->staging_name, &st);
	*ret_staged = e == ERR_OK;
	return e == ERR_NOENT ? ERR_OK : e;
}

enum err
outputs_size(struct gateway *g, const struct transfer_output *out, uint64_t *ret_size)
{
	const struct store *store;
	struct stat st;

	enum err e = find_store(g, out, &store, NULL);
	if (e == ERR_OK)
		e = file_stat_beneath(
		    is_ours(out) ? store->staging_fd : store->uploads_fd, out->staging_name, &st);
	if (e == ERR_OK)
		*ret_size = (uint64_t)st.st_size;
	return e;
}

/* The first alternative name that is free now; if somebody is quicker, we are asked again. */
static enum err
next_path(const struct store *store, struct transfer_output *out)
{
	char candidate[NAME_LEN_MAX + 1];
	struct stat st;

	for (unsigned n = 2; n <= ALTERNATIVES_MAX; n++) {
		name_numbered(out->path, n, candidate);
		enum err e = file_stat_beneath(store->dir_fd, candidate, &st);
		if (e == ERR_NOENT)
			return slice_copy(slice_str(candidate), out->path, sizeof out->path)
				   ? ERR_OK
				   : ERR_NAMETOOLONG;
		if (e != ERR_OK)
			return e;
	}
	return ERR_EXISTS;
}

/* After a rename its durability is that of both directories. */
static enum err
sync_both(const struct store *store)
{
	enum err e = file_sync(store->dir_fd);

	return e == ERR_OK ? file_sync(store->staging_fd) : e;
}

/*
 * The rename found nothing. Either the output is no longer in staging: an earlier try has placed it
 * and was cut off before it could say so; or it is still there, and the folder's directory itself
 * is gone.
 */
static enum err
explain_absence(struct gateway *g, const struct transfer_output *out)
{
	bool staged;

	enum err e = outputs_is_staged(g, out, &staged, NULL);
	if (e != ERR_OK)
		return e;
	return staged ? ERR_NOENT : ERR_OK;
}

/* Syncs the directory that path lies in; one that was removed since needs none. */
static enum err
sync_parent(const struct store *store, const char *path)
{
	char dir[LEDGER_PATH_MAX + 1];
	int fd _cleanup_(fd_closep) = -1;

	(void)snprintf(dir, sizeof dir, "%s", path);
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	enum err e = file_open_beneath(
	    store->dir_fd, slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e == ERR_NOENT || e == ERR_NOTDIR)
		return ERR_OK;
	return e == ERR_OK ? file_sync(fd) : e;
}

/*
 * An account's upload was renamed by its session, into whatever directory of the folder; here it is
 * only made sure that this lasts.
 */
static enum err
confirm_upload(struct gateway *g, const struct store *store, const struct transfer_output *out)
{
	bool staged;

	enum err e = outputs_is_staged(g, out, &staged, NULL);
	if (e == ERR_OK && staged)
		return ERR_EXISTS;
	if (e == ERR_OK)
		e = sync_parent(store, out->path);
	return e == ERR_OK ? file_sync(store->uploads_fd) : e;
}

/*
 * The folder's path must still lead to the directory that was opened: one that was moved away and
 * made anew would get the files, and nobody would see them.
 */
static enum err
check_folder(const struct store *store, struct story *story)
{
	struct stat opened, named;

	if (fstat(store->dir_fd, &opened) < 0)
		return err_last();
	if (stat(store->folder->path, &named) == 0 && named.st_ino == opened.st_ino &&
	    named.st_dev == opened.st_dev)
		return ERR_OK;
	return story_fail(story, ERR_NOENT,
	    "folder %s: %s is gone, or another directory than at the last start or reload (a "
	    "reload "
	    "takes the new one)",
	    store->folder->name, store->folder->path);
}

static enum err
place(struct gateway *g, const struct store *store, const struct transfer_output *out)
{
	enum err e =
	    file_rename_new(store->staging_fd, out->staging_name, store->dir_fd, out->path);

	if (e == ERR_NOENT)
		e = explain_absence(g, out);
	return e == ERR_OK ? sync_both(store) : e;
}

enum outputs_place_result
outputs_place(
    struct gateway *g, struct transfer_output *out, enum err *ret_error, struct story *story)
{
	const struct store *store;

	*ret_error = find_store(g, out, &store, story);
	bool upload = !is_ours(out);
	if (*ret_error == ERR_OK && !upload)
		*ret_error = check_folder(store, story);
	if (*ret_error != ERR_OK)
		return OUTPUTS_FAILED;
	*ret_error = upload ? confirm_upload(g, store, out) : place(g, store, out);
	if (*ret_error == ERR_EXISTS && !upload) {
		*ret_error = next_path(store, out);
		if (*ret_error == ERR_OK)
			return OUTPUTS_NAME_TAKEN;
	}
	if (*ret_error == ERR_OK)
		return OUTPUTS_PLACED;
	story_set(story, "cannot publish %s in folder %s: %s", out->path, out->folder,
	    err_text(*ret_error));
	return OUTPUTS_FAILED;
}

void
outputs_discard_incoming(struct gateway *g, const struct transfer *t)
{
	char path[STAGING_PATH_MAX];

	staging_path(t->source, t->id, path);
	/* What can't be removed now is removed by the next start's recovery. */
	(void)unlinkat(g->stores.incoming_fd, path, 0);
}
