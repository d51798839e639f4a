/*
 * A complete upload gets its name. posix-rename replaces what has it. Without that RENAME, which
 * overwrites nothing: then the old file is
 *
 *	renamed aside ──▶ RENAME ──▶ the one aside is removed ──▶ done
 *	      │              └──▶ (refused) put back ──▶ failed
 *	      └──▶ failed
 *
 * so that a refusal at any step leaves the old file or the new one under the name. What must not
 * overwrite (no_clobber) takes RENAME alone.
 */
#include <stdlib.h>

#include "base/text.h"
#include "client/put_internal.h"

/* It has its name. */
static void
put_done(struct put *p)
{
	p->created = false;
	put_finish(p, JOB_DONE, p->warnings.text);
}

/* The old file stands aside, and could not be put back. */
static void
on_put_back(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;
	char aside[128];
	size_t len = strlen(p->story.text);

	p->n_due--;
	if (reply->status == SSH_FX_OK)
		(void)snprintf(p->story.text + len, STORY_MAX - len, "; the old file is untouched");
	else
		(void)snprintf(p->story.text + len, STORY_MAX - len,
		    "; the old file is now called %s",
		    text_escape(slice_str(p->aside), aside, sizeof aside));
	put_settle(p);
}

/* What is left aside is only untidy. */
static void
on_aside_removed(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;
	char aside[128];

	p->n_due--;
	if (reply->status != SSH_FX_OK && reply->status != SSH_FX_NO_SUCH_FILE)
		put_warn(p, "the old file could not be removed and is now called %s",
		    text_escape(slice_str(p->aside), aside, sizeof aside));
	put_done(p);
}

static void
ask(struct put *p, enum err e)
{
	p->n_due++;
	if (put_submitted(p, e))
		return;
	p->n_due--;
	put_settle(p);
}

void
put_renamed(struct put *p)
{
	p->state = PUT_RENAMING;
	p->created = false;
	if (p->aside_is)
		ask(p, sftp_client_remove(p->c, slice_str(p->aside), on_aside_removed, p));
	else
		put_done(p);
}

static void
on_renamed_again(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;
	struct slice aside = slice_str(p->aside), target = slice_str(p->remote);

	p->n_due--;
	if (reply->status == SSH_FX_OK) {
		put_renamed(p);
		return;
	}
	put_refused(p, "renaming", slice_str(p->temp), reply);
	ask(p, sftp_client_rename(p->c, aside, target, on_put_back, p));
}

static void
on_aside(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status != SSH_FX_OK) {
		put_refused(p, "moving the old file aside", slice_str(p->remote), reply);
		put_settle(p);
		return;
	}
	ask(p, sftp_client_rename(
		   p->c, slice_str(p->temp), slice_str(p->remote), on_renamed_again, p));
}

static void
move_aside(struct put *p)
{
	if (p->aside == NULL && asprintf(&p->aside, "%s.old", p->temp) < 0)
		p->aside = NULL;
	if (p->aside == NULL) {
		put_fail(p, ERR_NOMEM, err_text(ERR_NOMEM));
		put_settle(p);
		return;
	}
	p->aside_is = true;
	ask(p, sftp_client_rename(p->c, slice_str(p->remote), slice_str(p->aside), on_aside, p));
}

/* It is renaming itself that is refused, as in a directory where others' files may be written to
 * but not replaced. */
static void
rename_refused(struct put *p, const struct sftp_reply *reply)
{
	size_t len;

	/* With no_clobber it may be a file that has appeared: nothing is written over it. */
	if (p->options->upload == JOB_UPLOAD_AUTO && !p->options->no_clobber &&
	    put_blames_name(reply)) {
		put_warn(p, "sent in place, as the server refuses to rename");
		put_go_in_place(p);
		return;
	}
	put_refused(p, "renaming", slice_str(p->temp), reply);
	len = strlen(p->story.text);
	(void)snprintf(p->story.text + len, STORY_MAX - len,
	    "; --in-place sends straight to the target's name");
	put_settle(p);
}

static void
on_renamed(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status == SSH_FX_OK)
		put_renamed(p);
	else if (p->target_is && refusal_error(reply) != ERR_ACCESS)
		move_aside(p);
	else
		rename_refused(p, reply);
}

static void
on_posix_renamed(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status == SSH_FX_OP_UNSUPPORTED) {
		ask(p, sftp_client_rename(
			   p->c, slice_str(p->temp), slice_str(p->remote), on_renamed, p));
		return;
	}
	if (reply->status == SSH_FX_OK)
		put_renamed(p);
	else
		rename_refused(p, reply);
}

void
put_rename(struct put *p)
{
	struct slice from = slice_str(p->temp), to = slice_str(p->remote);

	p->state = PUT_RENAMING;
	if (p->in_place)
		put_done(p);
	else if (remote_habits(p->task.remote)->posix_rename && !p->options->no_clobber)
		ask(p, sftp_client_posix_rename(p->c, from, to, on_posix_renamed, p));
	else
		ask(p, sftp_client_rename(p->c, from, to, on_renamed, p));
}
