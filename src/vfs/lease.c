#include "vfs/lease.h"

enum err
lease_cover(struct lease *l, uint64_t bytes, uint32_t files)
{
	const struct vfs_journal *journal = l->vfs->journal;

	if (!l->mount->metered || (bytes <= l->bytes && files <= l->files))
		return ERR_OK;
	uint64_t need = bytes > l->bytes ? bytes - l->bytes : 0;
	uint32_t need_files = files > l->files ? files - l->files : 0;
	uint64_t piece = need > 0 && need < LEASE_PIECE ? LEASE_PIECE : need;

	enum err e = journal->quota_ask(
	    l->vfs->journal_ctx, l->mount->folder, piece, need_files, piece > need);
	if (e == ERR_QUOTA && piece > need) {
		piece = need;
		e = journal->quota_ask(
		    l->vfs->journal_ctx, l->mount->folder, piece, need_files, false);
	}
	if (e == ERR_OK) {
		l->bytes += piece;
		l->files += need_files;
	}
	return e;
}

static void
give_back(struct lease *l, uint64_t bytes, uint32_t files)
{
	if (bytes == 0 && files == 0)
		return;
	l->bytes -= bytes;
	l->files -= files;
	l->vfs->journal->quota_back(l->vfs->journal_ctx, l->mount->folder, bytes, files);
}

void
lease_trim(struct lease *l, uint64_t bytes)
{
	if (l->bytes > bytes)
		give_back(l, l->bytes - bytes, 0);
}

void
lease_end(struct lease *l)
{
	give_back(l, l->bytes, l->files);
}

void
lease_hand_over(struct lease *l)
{
	l->bytes = 0;
	l->files = 0;
}
