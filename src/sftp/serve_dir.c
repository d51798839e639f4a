/* Requests on open directories. */
#include "base/bug.h"
#include "base/clock.h"
#include "sftp/longname.h"
#include "sftp/serve.h"
#include "sftp/status.h"

/*
 * An answer gets no more entries once it is as long as this: some 200 of them. Section 3 asks
 * clients to take packets of 34,000 bytes, and an entry with the longest name of a file (255
 * bytes) still fits below that. More would be no faster: a client asks again while it reads.
 */
enum { ANSWER_ENOUGH = 32 * 1024 };

struct sftp_result
serve_opendir(struct sftp_server *s, const struct sftp_request *r)
{
	enum err e = sftp_handles_prepare(&s->handles);
	void *dir = NULL;

	if (e != ERR_OK)
		return sftp_result_of(e == ERR_LIMIT ? ERR_NOFILES : e);
	struct sftp_result result = s->ops->opendir(s->fs, r->path, &dir);
	if (result.status != SSH_FX_OK)
		return result;
	return serve_new_handle(s, r->id, SFTP_SLOT_DIR, dir);
}

/* Appends an entry whole: its name, its line, and its attributes. */
static enum err
put_entry(struct buf *b, const struct sftp_fs_entry *entry, int64_t now)
{
	BUG_ON(entry->name.len > SFTP_PATH_MAX);
	enum err e = buf_put_string(b, entry->name);
	size_t length_at = buf_len(b);
	if (e == ERR_OK)
		e = buf_put_u32(b, 0);
	if (e == ERR_OK)
		e = sftp_longname_put(b, entry->name, &entry->attrs, now);
	if (e != ERR_OK)
		return e;
	buf_patch_u32(b, length_at, (uint32_t)(buf_len(b) - length_at - 4));
	return sftp_attrs_put(b, &entry->attrs);
}

/* Entries into the output, until an answer is full or the directory has ended. */
static enum err
put_entries(struct sftp_server *s, struct sftp_slot *slot, size_t begin, uint32_t *ret_n)
{
	int64_t now = time_now_us() / US_PER_SEC;
	struct sftp_fs_entry entry;
	enum err e = ERR_OK;

	*ret_n = 0;
	while (e == ERR_OK && buf_len(&s->output) - begin < ANSWER_ENOUGH) {
		slot->end = s->ops->readdir(slot->object, &entry);
		slot->ended = slot->end.status != SSH_FX_OK;
		if (slot->ended)
			break;
		e = put_entry(&s->output, &entry, now);
		(*ret_n)++;
	}
	return e;
}

/*
 * Many entries to one answer, in the place where it is sent from. An end or a failure behind some
 * entries is kept for the next READDIR, so the operation isn't asked again after it.
 */
struct sftp_result
serve_readdir(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = sftp_handles_find(&s->handles, r->handle, SFTP_SLOT_DIR);
	uint32_t n_names = 0;
	size_t begin;

	if (slot == NULL)
		return serve_no_handle();
	if (slot->ended)
		return slot->end;
	enum err e = sftp_names_begin(&s->output, r->id, &begin);
	if (e == ERR_OK)
		e = put_entries(s, slot, begin, &n_names);
	if (e != ERR_OK) {
		sftp_names_end(&s->output, begin, 0);
		s->broken = e;
		return sftp_result_of(e);
	}
	sftp_names_end(&s->output, begin, n_names);
	if (n_names == 0)
		return slot->end;
	s->stats.n_requests++;
	return serve_status(SERVE_ANSWERED, NULL);
}
