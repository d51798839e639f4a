/* How a file ends: complete and verified, failed, skipped or stopped. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "client/get_internal.h"

/* The end of the task, once nothing is due. The file's end was told, or is main's to tell. */
void
get_leave(struct get *g)
{
	g->state = GET_LEAVING;
	job_task_hungry(&g->task, 0);
	if (g->open && !g->close_sent)
		get_close(g);
	if (g->n_due == 0)
		job_task_release(&g->task);
}

static void
on_closed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	struct get *g = ctx;

	/* What was read is read, whatever the server thinks of the CLOSE. */
	g->n_due--;
	g->open = false;
	if (g->state == GET_LEAVING)
		job_task_release(&g->task);
	else
		get_settle(g);
}

void
get_close(struct get *g)
{
	enum err e = sftp_client_close(g->c, slice_of(g->handle, g->handle_len), on_closed, g);

	g->close_sent = true;
	if (e == ERR_OK)
		g->n_due++;
	else
		g->open = false;
}

static void
end(struct get *g, enum job_outcome outcome, enum err e, const char *story)
{
	struct get_file *f = g->f;
	const struct job_task_end task_end = {
	    .outcome = outcome,
	    .error = e,
	    .resumed = f->resumed,
	    .hash = f->hash[0] == '\0' ? NULL : f->hash,
	    .story = story,
	};

	job_task_ended(&g->task, &task_end);
	get_leave(g);
}

void
get_end_failed(struct get *g)
{
	local_target_fini(&g->f->local, false);
	end(g, JOB_FAILED, g->f->error, g->f->story.text);
}

/* What is there without a gap stays, so that it can be gone on with. */
void
get_keep_prefix(struct get_file *f)
{
	uint64_t prefix = get_prefix(f);

	if (f->local.fd >= 0)
		(void)!local_target_cut(&f->local, prefix);
	local_target_fini(&f->local, prefix > 0 && !f->options->read_once);
}

void
get_end_stopped(struct get *g)
{
	struct get_file *f = g->f;
	char size[16];
	uint64_t prefix = get_prefix(f);
	struct story story;

	get_keep_prefix(f);
	if (prefix > 0 && !f->options->read_once)
		story_set(&story, "interrupted: its first %s are kept, a resume goes on from there",
		    text_size(prefix, size));
	else
		story_set(&story, "interrupted");
	end(g, JOB_INTERRUPTED, ERR_AGAIN, story.text);
}

void
get_end_skipped(struct get *g, const char *why)
{
	char path[256];
	struct story story;

	story_set(&story, "%s: %s", text_escape(get_path(g), path, sizeof path), why);
	local_target_fini(&g->f->local, false);
	end(g, JOB_SKIPPED, ERR_OK, story.text);
}

static void
finish(struct get *g)
{
	enum err e = get_finish_local(g);

	if (e == ERR_EXISTS) {
		get_end_skipped(g, "the target exists");
		return;
	}
	if (e != ERR_OK) {
		get_end_failed(g);
		return;
	}
	local_target_fini(&g->f->local, true);
	end(g, JOB_DONE, ERR_OK, g->f->story.text);
}

static void
on_verified(void *ctx, const struct proof_answer *answer)
{
	struct get *g = ctx;

	g->proof = NULL;
	g->n_due--;
	if (g->f->stopped) {
		get_settle(g);
		return;
	}
	if (answer->outcome == PROOF_EQUAL) {
		if (answer->has_hash)
			text_hex(answer->hash, sizeof answer->hash, g->f->hash);
		finish(g);
		return;
	}
	if (!g->f->failed) {
		g->f->failed = true;
		g->f->error = answer->error == ERR_OK ? ERR_FORMAT : answer->error;
		story_set(&g->f->story, "not verified: %s", answer->story.text);
	}
	get_end_failed(g);
}

bool
get_start_proof(struct get *g, enum job_proof how, uint64_t len, bool whole,
    void (*done)(void *ctx, const struct proof_answer *answer))
{
	const struct proof_config config = {
	    .how = how,
	    .local_fd = g->f->local.fd,
	    .path = get_path(g),
	    .len = len,
	    .whole = whole,
	    .done = done,
	    .ctx = g,
	};

	return get_submitted(g, proof_start(&g->proof, g->task.remote, &config));
}

/* Everything is there. */
void
get_complete(struct get *g, uint64_t size)
{
	struct get_file *f = g->f;

	f->complete = true;
	f->end = size;
	if (!get_cut_local(g, size)) {
		get_end_failed(g);
		return;
	}
	if (!f->options->verify || f->options->read_once) {
		finish(g);
		return;
	}
	g->state = GET_VERIFYING;
	if (!get_start_proof(g, JOB_PROOF_HASH, size, true, on_verified))
		get_end_failed(g);
}

static void read_again(struct get *g, uint64_t size);

/* The file ended before its size: has it become shorter, or doesn't the server tell the truth? */
static void
on_checked(void *ctx, const struct sftp_reply *reply)
{
	struct get *g = ctx;
	struct get_file *f = g->f;
	char why[160];
	uint64_t size = f->size_known ? f->size : f->high;

	g->n_due--;
	if (f->failed || f->stopped) {
		get_settle(g);
		return;
	}
	if (reply->status == SSH_FX_OK && (reply->attrs.flags & SSH_FILEXFER_ATTR_SIZE))
		size = reply->attrs.size;
	if (size <= f->eof_at) {
		story_set(&f->story, "it became shorter while it was fetched");
		get_complete(g, f->eof_at);
		return;
	}
	if (f->n_checks++ < GET_CHECKS_MAX) {
		read_again(g, size);
		return;
	}
	(void)snprintf(why, sizeof why,
	    "it ends at byte %" PRIu64 ", but the server says that it has %" PRIu64, f->eof_at,
	    size);
	get_fail(g, ERR_FORMAT, "reading", why);
	get_settle(g);
}

/* Every range is through. */
void
get_all_read(struct get *g)
{
	struct get_file *f = g->f;
	uint64_t expected = f->high;
	char why[96];

	if (f->size_known && f->size > expected)
		expected = f->size;
	if (f->eof_at >= expected) {
		get_complete(g, expected);
	} else if (f->options->read_once) {
		(void)snprintf(why, sizeof why, "it ends at byte %" PRIu64 " of %" PRIu64,
		    f->eof_at, expected);
		get_fail(g, ERR_FORMAT, "reading", why);
		get_end_failed(g);
	} else {
		g->state = GET_CHECKING;
		if (!get_submitted(g, sftp_client_stat(g->c, get_path(g), on_checked, g)))
			get_end_failed(g);
	}
}

static void
read_again(struct get *g, uint64_t size)
{
	struct get_file *f = g->f;

	get_todo_add(f, f->eof_at, GET_END);
	f->eof_at = UINT64_MAX;
	f->size = size;
	g->has_range = false;
	g->state = GET_READING;
	get_settle(g);
}
