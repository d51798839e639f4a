/* What an upload finds on the server, what is decided from it, and its OPEN. */
#include <inttypes.h>

#include "base/bug.h"
#include "client/put_internal.h"

static uint64_t
source_size(const struct put *p)
{
	return (uint64_t)p->source.st_size;
}

/* May an earlier run, or line, have left something to go on with? */
static bool
may_resume(const struct put *p)
{
	if (p->options->resume == JOB_RESUME_TARGET || p->sure > 0 || p->renaming)
		return true;
	return p->options->resume == JOB_RESUME_OURS && source_size(p) >= PUT_RESUME_MIN;
}

static bool
has_size(const struct sftp_attrs *a)
{
	return (a->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
}

static bool
is_regular(const struct sftp_attrs *a)
{
	return !(a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) || (a->permissions & S_IFMT) == 0 ||
	       S_ISREG(a->permissions);
}

static void
on_target(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	p->target_is = reply->status == SSH_FX_OK;
	p->target = reply->attrs;
	/* A path that may not be looked at may be written to all the same. */
	put_settle(p);
}

static void
on_own(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	p->own_is =
	    reply->status == SSH_FX_OK && is_regular(&reply->attrs) && has_size(&reply->attrs);
	p->own_size = p->own_is ? reply->attrs.size : 0;
	put_settle(p);
}

void
put_look(struct put *p)
{
	bool resumes = may_resume(p);

	p->state = PUT_LOOKING;
	p->start = 0;
	p->target_is = p->own_is = false;
	p->must_look = resumes || p->options->no_clobber;
	if (!remote_habits(p->task.remote)->private_uploads || p->must_look) {
		p->n_due++;
		if (!put_submitted(p, sftp_client_stat(p->c, slice_str(p->remote), on_target, p)))
			p->n_due--;
	}
	/* Never through a link that somebody has put in the way. */
	if (resumes && !p->in_place && !p->failed) {
		p->n_due++;
		if (!put_submitted(p, sftp_client_lstat(p->c, slice_str(p->temp), on_own, p)))
			p->n_due--;
	}
	if (!p->must_look && !p->failed)
		put_open(p);
	else
		put_settle(p);
}

static void
on_proved(void *ctx, const struct proof_answer *answer)
{
	struct put *p = ctx;

	p->proof = NULL;
	p->n_due--;
	if (answer->outcome == PROOF_EQUAL) {
		put_settle(p);
		return;
	}
	if (p->options->resume == JOB_RESUME_TARGET) {
		p->error = answer->error == ERR_OK ? ERR_EXISTS : answer->error;
		p->story = answer->story;
		p->failed = true;
	} else if (answer->outcome == PROOF_LOCAL) {
		put_fail(p, answer->error, "it can't be compared with what was sent before");
	}
	/* What is left isn't ours, or can't be proved to be: from the beginning. */
	p->start = 0;
	put_settle(p);
}

static void
put_prove(struct put *p, uint64_t len)
{
	const struct proof_config config = {.how = p->options->proof,
	    .local_fd = p->fd,
	    .path = put_path(p),
	    .len = len,
	    .done = on_proved,
	    .ctx = p};

	p->state = PUT_PROVING;
	p->start = len;
	p->n_due++;
	if (put_submitted(p, proof_start(&p->proof, p->task.remote, &config)))
		return;
	p->n_due--;
	put_settle(p);
}

/* From where it goes on, now that it is known what is there. */
static void
decide_resume(struct put *p)
{
	bool there = p->in_place ? p->target_is && has_size(&p->target) : p->own_is;
	uint64_t have = p->in_place ? p->target.size : p->own_size;

	if (!there || have == 0 || !may_resume(p)) {
		put_open(p);
	} else if (p->sure > 0 && have >= p->sure) {
		/* An earlier line of this very run: what was confirmed needs no proof. */
		p->start = p->sure;
		put_open(p);
	} else if (have <= source_size(p)) {
		put_prove(p, have);
	} else if (p->options->resume == JOB_RESUME_TARGET) {
		put_fail(p, ERR_EXISTS, "the file on the server is longer");
		put_settle(p);
	} else {
		put_open(p);
	}
}

bool
put_target_differs(struct put *p)
{
	if (!p->target_is || is_regular(&p->target))
		return false;
	if (S_ISDIR(p->target.permissions)) {
		put_fail(p, ERR_ISDIR, "there is a directory on the server that has its name");
		put_settle(p);
		return true;
	}
	if (p->in_place)
		return false;
	put_go_in_place(p);
	return true;
}

/* The rename was done, and only its answer was lost: the complete temporary file is gone. */
static bool
was_renamed(const struct put *p)
{
	return p->renaming && !p->own_is && p->target_is && has_size(&p->target) &&
	       p->target.size == source_size(p);
}

void
put_looked(struct put *p)
{
	if (was_renamed(p)) {
		put_renamed(p);
	} else if (p->options->no_clobber && p->target_is && !p->began) {
		put_finish(p, JOB_SKIPPED, "it is there already");
	} else if (!put_target_differs(p)) {
		decide_resume(p);
	}
}

bool
put_blames_name(const struct sftp_reply *reply)
{
	enum err e = refusal_error(reply);

	return e != ERR_NOENT && e != ERR_NOSPACE && e != ERR_QUOTA && e != ERR_NOFILES;
}

static void
on_stale_removed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	struct put *p = ctx;

	p->n_due--;
	if (p->failed || p->stopped)
		put_settle(p);
	else
		put_open(p);
}

/* Something has the temporary name: an earlier run's, that isn't gone on with, or a stranger's. */
static void
remove_stale(struct put *p)
{
	p->removed = true;
	p->n_due++;
	if (!put_submitted(p, sftp_client_remove(p->c, put_path(p), on_stale_removed, p))) {
		p->n_due--;
		put_settle(p);
	}
}

static void
open_refused(struct put *p, const struct sftp_reply *reply)
{
	if (!p->in_place && !p->removed && put_blames_name(reply)) {
		remove_stale(p);
		return;
	}
	if (!p->in_place && p->options->upload == JOB_UPLOAD_AUTO && put_blames_name(reply)) {
		put_warn(p, "sent in place, as the server takes no temporary name");
		put_go_in_place(p);
		return;
	}
	put_refused(p, p->in_place ? "writing" : "creating the temporary file", put_path(p), reply);
	if (!p->in_place && put_blames_name(reply)) {
		size_t len = strlen(p->story.text);
		(void)snprintf(p->story.text + len, STORY_MAX - len,
		    "; --in-place sends straight to the target's name");
	}
	put_settle(p);
}

/*
 * There are servers that empty a file whenever it is opened for writing: then all of it is sent.
 * So it is where the server doesn't say, for what is written over what is there is right either
 * way, and a hole in front of what follows is not.
 */
static void
on_still_there(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status != SSH_FX_OK || !has_size(&reply->attrs) || reply->attrs.size < p->start)
		p->start = p->sure = 0;
	put_settle(p);
}

static void
ask_what_is_there(struct put *p)
{
	p->n_due++;
	if (!put_submitted(p, sftp_client_fstat(p->c, put_handle(p), on_still_there, p)))
		p->n_due--;
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct put *p = ctx;

	p->n_due--;
	if (reply->status != SSH_FX_OK) {
		if (p->failed || p->stopped)
			put_settle(p);
		else
			open_refused(p, reply);
		return;
	}
	BUG_ON(reply->handle.len > sizeof p->handle);
	if (reply->handle.len > 0)
		memcpy(p->handle, reply->handle.ptr, reply->handle.len);
	p->handle_len = reply->handle.len;
	p->open = true;
	p->created = !p->in_place;
	if (p->start > 0 && !p->failed && !p->stopped)
		ask_what_is_there(p);
	put_settle(p);
}

/* Servers whose uploads are private see to their names when they are closed. */
static bool
must_be_new(const struct put *p)
{
	if (!p->in_place)
		return true;
	return p->options->no_clobber && !p->began &&
	       !remote_habits(p->task.remote)->private_uploads;
}

/*
 * A temporary file is made exclusively, so that no link of somebody else's is followed; what is
 * gone on with was looked at before.
 */
void
put_open(struct put *p)
{
	struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = p->source.st_mode & 0777};
	uint32_t flags = SSH_FXF_WRITE;

	p->state = PUT_OPENING;
	if (p->start == 0)
		flags |= SSH_FXF_CREAT | SSH_FXF_TRUNC | (must_be_new(p) ? SSH_FXF_EXCL : 0);
	p->began = p->began || p->in_place;
	p->n_due++;
	if (!put_submitted(p, sftp_client_open(p->c, put_path(p), flags, &attrs, on_opened, p))) {
		p->n_due--;
		put_settle(p);
	}
}

static void
on_left_temporary(void *ctx, const struct sftp_reply *reply unused_arg)
{
	struct put *p = ctx;

	p->n_due--;
	if (p->n_due > 0)
		return;
	if (p->failed || p->stopped)
		put_settle(p);
	else
		put_open(p);
}

void
put_go_in_place(struct put *p)
{
	struct slice temp = slice_str(p->temp);

	p->state = PUT_OPENING;
	p->start = 0;
	/* Sending that has begun under the other name is forgotten. */
	p->sure = p->next = 0;
	if (p->open && sftp_client_close(p->c, put_handle(p), on_left_temporary, p) == ERR_OK)
		p->n_due++;
	if (p->created && sftp_client_remove(p->c, temp, on_left_temporary, p) == ERR_OK)
		p->n_due++;
	p->open = p->created = false;
	p->in_place = true;
	if (p->n_due == 0)
		put_open(p);
}
