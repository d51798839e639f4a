/* Removing a file at the source: only the very file that we have,
 * as far as its size and time tell. */
#include <stdlib.h>

#include "base/text.h"
#include "roles/courier.h"
#include "sftp/proto.h"
#include "sftp/status.h"

struct removal {
	struct courier *courier;
	uint64_t transfer, size;
	int64_t mtime;
	char path[IPC_PATH_MAX + 1];
};

/* The answer to core, and the end of the removal. */
static void
answer(struct removal *r, enum ipc_file_outcome outcome, const char *story)
{
	courier_tell(r->courier, IPC_COURIER_REMOVED,
	    &(struct ipc_courier_removed){
		.transfer = r->transfer, .outcome = outcome, .story = slice_str(story)});
	free(r);
}

static void
answer_status(struct removal *r, const char *what, const struct sftp_reply *reply)
{
	char words[256];
	struct story story;

	if (reply->status == SSH_FX_NO_SUCH_FILE) {
		answer(r, IPC_OUTCOME_GONE, "");
		return;
	}
	text_escape(reply->message, words, sizeof words);
	story_set(&story, "the server refused to %s %s: %s", what, r->path,
	    words[0] != '\0' ? words : sftp_status_text(reply->status));
	answer(r, IPC_OUTCOME_REFUSED, story.text);
}

static void
on_removed(void *ctx, const struct sftp_reply *reply)
{
	struct removal *r = ctx;

	if (reply->status == SSH_FX_OK)
		answer(r, IPC_OUTCOME_DONE, "");
	else
		answer_status(r, "remove", reply);
}

static bool
is_ours(const struct removal *r, const struct sftp_attrs *a)
{
	if ((a->flags & SSH_FILEXFER_ATTR_SIZE) != 0 && a->size != r->size)
		return false;
	return (a->flags & SSH_FILEXFER_ATTR_ACMODTIME) == 0 || (int64_t)a->mtime == r->mtime;
}

static void
on_status(void *ctx, const struct sftp_reply *reply)
{
	struct removal *r = ctx;

	if (reply->status != SSH_FX_OK) {
		answer_status(r, "look at", reply);
		return;
	}
	if (!is_ours(r, &reply->attrs)) {
		answer(r, IPC_OUTCOME_CHANGED, "it has another size or time now");
		return;
	}
	if (sftp_client_remove(r->courier->sftp, slice_str(r->path), on_removed, r) != ERR_OK)
		answer(r, IPC_OUTCOME_LOCAL_FAILURE, "too much is under way");
}

enum err
courier_remove(struct courier *c, const struct ipc_courier_remove *m)
{
	struct removal *r = calloc(1, sizeof *r);

	if (r == NULL)
		return ERR_NOMEM;
	r->courier = c;
	r->transfer = m->transfer;
	r->size = m->size;
	r->mtime = m->mtime;
	if (!slice_copy(m->path, r->path, sizeof r->path)) {
		free(r);
		return ERR_FORMAT;
	}
	if (sftp_client_stat(c->sftp, slice_str(r->path), on_status, r) != ERR_OK)
		answer(r, IPC_OUTCOME_LOCAL_FAILURE, "too much is under way");
	return ERR_OK;
}
