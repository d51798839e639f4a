/* The end of an upload's content: attributes, fsync, CLOSE, proof; and what is done when it failed.
 */
#include <unistd.h>

#include "base/text.h"
#include "client/put_internal.h"

enum end_step { END_SETSTAT, END_FSYNC, END_CLOSE, END_STEPS };

/* What the file shall have beside its content. */
static struct sftp_attrs
attrs_wanted(const struct put *p)
{
	struct sftp_attrs a = {0};

	if (p->options->preserve) {
		a.flags = SSH_FILEXFER_ATTR_ACMODTIME | SSH_FILEXFER_ATTR_PERMISSIONS;
		a.permissions = p->source.st_mode & 07777;
		a.atime = (uint32_t)p->source.st_atim.tv_sec;
		a.mtime = (uint32_t)p->source.st_mtim.tv_sec;
	} else if (!p->in_place && p->target_is &&
		   (p->target.flags & SSH_FILEXFER_ATTR_PERMISSIONS)) {
		/* The name keeps the mode that it had. */
		a.flags = SSH_FILEXFER_ATTR_PERMISSIONS;
		a.permissions = p->target.permissions & 07777;
	}
	return a;
}

static void
on_setstat(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status != SSH_FX_OK)
		p->setstat_refused = true;
	put_settle(p);
}

static void
on_fsync(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status == SSH_FX_OP_UNSUPPORTED)
		put_warn(p, "the server can't flush it to disk");
	else if (reply->status != SSH_FX_OK)
		put_refused(p, "flushing to disk", put_path(p), reply);
	put_settle(p);
}

static void
on_closed(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	p->open = false;
	if (reply->status != SSH_FX_OK && !p->stopped)
		put_refused(p, "closing", put_path(p), reply);
	put_settle(p);
}

/* Submits one step; false: there is nothing to do in it. */
static bool
end_step(struct put *p, enum end_step step)
{
	struct sftp_attrs attrs;
	enum err e;

	if (step == END_SETSTAT) {
		attrs = attrs_wanted(p);
		if (attrs.flags == 0)
			return false;
		e = sftp_client_fsetstat(p->c, put_handle(p), &attrs, on_setstat, p);
	} else if (step == END_FSYNC) {
		if (!p->options->fsync)
			return false;
		if (!remote_habits(p->task.remote)->fsync) {
			put_warn(p, "the server can't flush it to disk");
			return false;
		}
		e = sftp_client_fsync(p->c, put_handle(p), on_fsync, p);
	} else {
		e = sftp_client_close(p->c, put_handle(p), on_closed, p);
	}
	if (put_submitted(p, e))
		p->n_due++;
	return e == ERR_OK;
}

/* One step after another, or all at once where that is the order in which they are acted on. */
static void
end_go_on(struct put *p)
{
	bool at_once = remote_habits(p->task.remote)->in_order;

	while (p->step < END_STEPS && !p->failed) {
		bool sent = end_step(p, (enum end_step)p->step);
		p->step++;
		if (sent && !at_once)
			return;
	}
	if (p->n_due == 0)
		put_settle(p);
}

static bool
source_changed(const struct put *p)
{
	struct stat now;

	return fstat(p->fd, &now) < 0 || now.st_size != p->source.st_size ||
	       now.st_mtim.tv_sec != p->source.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != p->source.st_mtim.tv_nsec;
}

void
put_end_file(struct put *p)
{
	bool at_once = remote_habits(p->task.remote)->in_order;

	if (p->next < (uint64_t)p->source.st_size || (p->n_writes > 0 && !at_once))
		return;
	if (source_changed(p)) {
		put_fail(p, ERR_FORMAT, "it was changed while it was sent");
		put_settle(p);
		return;
	}
	p->state = PUT_ENDING;
	p->step = END_SETSTAT;
	end_go_on(p);
}

static void
on_setstat_again(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status != SSH_FX_OK)
		put_warn(p, "the server refuses to set times");
	put_settle(p);
}

/* Servers that refuse modes may take times, and by the path what they refuse by handle. */
static bool
setstat_again(struct put *p)
{
	struct sftp_attrs attrs = attrs_wanted(p);

	if (!p->setstat_refused)
		return false;
	p->setstat_refused = false;
	put_warn(p, "the server refuses to set its mode");
	attrs.flags &= SSH_FILEXFER_ATTR_ACMODTIME;
	if (attrs.flags == 0 ||
	    sftp_client_setstat(p->c, put_path(p), &attrs, on_setstat_again, p) != ERR_OK)
		return false;
	p->n_due++;
	return true;
}

static void
on_verified(void *ctx, const struct proof_answer *answer)
{
	struct put *p = ctx;

	p->n_due--;
	if (answer->outcome == PROOF_EQUAL) {
		if (answer->has_hash)
			text_hex(answer->hash, sizeof answer->hash, p->hash_text);
	} else if (!p->failed) {
		p->failed = true;
		p->error = answer->error == ERR_OK ? ERR_FORMAT : answer->error;
		story_set(&p->story, "verifying: %s", answer->story.text);
	}
	put_settle(p);
}

static void
verify(struct put *p)
{
	const struct proof_config config = {.how = JOB_PROOF_HASH,
	    .local_fd = p->fd,
	    .path = put_path(p),
	    .len = (uint64_t)p->source.st_size,
	    .whole = true,
	    .done = on_verified,
	    .ctx = p};
	struct proof *proof;

	if (put_submitted(p, proof_start(&proof, p->task.remote, &config)))
		p->n_due++;
	else
		put_settle(p);
}

static void
take_hash(struct put *p)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (p->hash != NULL && EVP_DigestFinal_ex(p->hash, hash, &len) == 1)
		text_hex(hash, 32, p->hash_text);
	EVP_MD_CTX_free(p->hash);
	p->hash = NULL;
}

/* Nothing is due. First the steps that are left, then what comes after the CLOSE. */
void
put_closed(struct put *p)
{
	if (p->step < END_STEPS) {
		end_go_on(p);
		return;
	}
	if (setstat_again(p))
		return;
	take_hash(p);
	p->state = PUT_VERIFYING;
	if (p->options->verify)
		verify(p);
	else
		put_settle(p);
}

static void
on_removed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	struct put *p = ctx;

	p->n_due--;
	put_settle(p);
}

/* What is in place and only half there is said to be that. */
static void
tell_incomplete(struct put *p)
{
	size_t len = strlen(p->story.text);

	if (p->in_place && p->next > p->start && p->state >= PUT_WRITING &&
	    !remote_habits(p->task.remote)->private_uploads)
		(void)snprintf(p->story.text + len, STORY_MAX - len,
		    "; what the server has under that name is incomplete");
}

void
put_clean(struct put *p)
{
	if (p->failed && p->state != PUT_CLEANING)
		tell_incomplete(p);
	p->state = PUT_CLEANING;
	/*
	 * Where uploads are private until they are closed, a CLOSE would publish half of the file.
	 * The handle ends with the connection: then the server keeps it for a resume.
	 */
	if (p->open && remote_habits(p->task.remote)->private_uploads) {
		p->open = false;
	} else if (p->open) {
		p->open = false;
		if (sftp_client_close(p->c, put_handle(p), on_removed, p) == ERR_OK)
			p->n_due++;
	} else if (p->created && p->failed) {
		p->created = false;
		if (sftp_client_remove(p->c, slice_str(p->temp), on_removed, p) == ERR_OK)
			p->n_due++;
	}
	if (p->n_due > 0)
		return;
	if (p->failed)
		put_finish(p, JOB_FAILED, p->story.text);
	else
		put_finish(p, JOB_INTERRUPTED, "stopped; what was sent is kept for a resume");
}
