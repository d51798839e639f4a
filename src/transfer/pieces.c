#include "transfer/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"

struct pieces_file {
	char account[LEDGER_NAME_MAX + 1], folder[LEDGER_NAME_MAX + 1];
	char *path;
	uint64_t inode, size;
	int64_t mtime_ns;
	int64_t at_us; /* of the last piece */
	struct coverage coverage;
};

static void
forget(struct pieces_file **slot)
{
	if (*slot != NULL)
		free((*slot)->path);
	free(*slot);
	*slot = NULL;
}

static bool
is_file(const struct pieces_file *known, const struct delivered_file *f, const char *account)
{
	return known->inode == f->inode && known->size == f->size &&
	       known->mtime_ns == f->mtime_ns && strcmp(known->account, account) == 0 &&
	       strcmp(known->folder, f->folder) == 0 && strcmp(known->path, f->path) == 0;
}

/* Where the file is, or may be put: a free slot, or the one that was idle longest. */
static struct pieces_file **
find_slot(struct pieces *p, const struct delivered_file *f, const char *account, int64_t now_us)
{
	struct pieces_file **best = NULL;

	for (size_t i = 0; i < PIECES_FILES_MAX; i++) {
		struct pieces_file **slot = &p->files[i];
		if (*slot != NULL && now_us - (*slot)->at_us > PIECES_AGE_MAX)
			forget(slot);
		if (*slot != NULL && is_file(*slot, f, account))
			return slot;
		if (best == NULL ||
		    (*best != NULL && (*slot == NULL || (*slot)->at_us < (*best)->at_us)))
			best = slot;
	}
	forget(best);
	return best;
}

static struct pieces_file *
new_file(const struct delivered_file *f, const char *account)
{
	struct pieces_file *file = calloc(1, sizeof *file);

	if (file == NULL)
		return NULL;
	file->path = strdup(f->path);
	file->inode = f->inode;
	file->size = f->size;
	file->mtime_ns = f->mtime_ns;
	(void)snprintf(file->account, sizeof file->account, "%s", account);
	(void)snprintf(file->folder, sizeof file->folder, "%s", f->folder);
	if (file->path == NULL)
		forget(&file);
	return file;
}

/* Ranges of a file of that size, checked, and added. */
static enum err
add_ranges(struct coverage *c, struct slice ranges, uint64_t size)
{
	struct rd r = rd_of(ranges);

	for (size_t n = ranges.len / 16; n > 0; n--) {
		uint64_t offset = rd_u64(&r), end = rd_u64(&r);
		if (offset > end || end > size)
			return ERR_FORMAT;
		coverage_add(c, offset, end - offset);
	}
	return rd_done(&r);
}

enum err
pieces_add(struct pieces *p, const struct delivered_file *f, const char *account,
    struct slice ranges, int64_t now_us, bool *ret_whole)
{
	*ret_whole = false;
	if (f->size > INT64_MAX)
		return ERR_FORMAT;
	struct pieces_file **slot = find_slot(p, f, account, now_us);
	if (*slot == NULL)
		*slot = new_file(f, account);
	if (*slot == NULL)
		return ERR_NOMEM;
	(*slot)->at_us = now_us;
	enum err e = add_ranges(&(*slot)->coverage, ranges, f->size);
	if (e != ERR_OK) {
		forget(slot);
		return e;
	}
	*ret_whole = coverage_is_whole(&(*slot)->coverage, f->size);
	if (*ret_whole)
		forget(slot);
	return ERR_OK;
}

void
pieces_fini(struct pieces *p)
{
	for (size_t i = 0; i < PIECES_FILES_MAX; i++)
		forget(&p->files[i]);
}
