/* Requests on open directories. */
#include "base/bug.h"
#include "base/clock.h"
#include "sftp/longname.h"
#include "sftp/serve.h"
#include "sftp/status.h"

enum {
	/* A NAME gets no more entries once it is as long as this. */
	NAMES_ENOUGH = 32 * 1024,
	/* The longest entry: the name twice, what `ls -l` has before it, attributes. */
	ENTRY_MAX = 2 * SFTP_PATH_MAX + 512,
	NAMES_MAX = NAMES_ENOUGH + ENTRY_MAX
};

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

static enum err
put_entry(struct buf *names, struct buf *longname, const struct sftp_fs_entry *entry, int64_t now)
{
	BUG_ON(entry->name.len > SFTP_PATH_MAX);
	buf_clear(longname);
	enum err e = sftp_longname_put(longname, entry->name, &entry->attrs, now);
	if (e != ERR_OK)
		return e;
	return sftp_name_put(names, &(struct sftp_name){
					.filename = entry->name,
					.longname = buf_slice(longname),
					.attrs = entry->attrs,
				    });
}

/*
 * Many entries to one answer. An end or a failure behind some entries is kept for the next READDIR,
 * so the operation isn't asked again after it.
 */
struct sftp_result
serve_readdir(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = sftp_handles_find(&s->handles, r->handle, SFTP_SLOT_DIR);
	struct sftp_response response = {.type = SSH_FXP_NAME, .id = r->id};
	int64_t now = time_now_us() / US_PER_SEC;
	struct buf names _cleanup_(buf_fini), longname _cleanup_(buf_fini);
	struct sftp_fs_entry entry;

	buf_init(&names, NAMES_MAX);
	buf_init(&longname, ENTRY_MAX);
	if (slot == NULL)
		return serve_status(SSH_FX_FAILURE, "no such handle");
	while (!slot->ended && buf_len(&names) < NAMES_ENOUGH) {
		slot->end = s->ops->readdir(slot->object, &entry);
		slot->ended = slot->end.status != SSH_FX_OK;
		if (slot->ended)
			break;
		enum err e = put_entry(&names, &longname, &entry, now);
		if (e != ERR_OK) {
			s->broken = e;
			return sftp_result_of(e);
		}
		response.n_names++;
	}
	if (response.n_names == 0)
		return slot->end;
	response.names = buf_slice(&names);
	return serve_answer(s, &response);
}
