/* What the server says of the file, and where to begin in it. */
#include "client/get_internal.h"

static void
begin_range(struct get *g, uint64_t from)
{
	struct get_file *f = g->f;

	f->ranged = true;
	f->resumed = f->high = from;
	get_todo_add(f, from, GET_END);
	if (!g->open && !f->failed)
		get_open(g);
	g->state = GET_OPENING;
}

static void
on_proved(void *ctx, const struct proof_answer *answer)
{
	struct get *g = ctx;
	struct get_file *f = g->f;

	g->proof = NULL;
	g->n_due--;
	if (f->failed || f->stopped) {
		get_settle(g);
		return;
	}
	if (answer->outcome == PROOF_EQUAL) {
		begin_range(g, f->local.len);
	} else if (answer->outcome == PROOF_DIFFERENT && f->options->resume == JOB_RESUME_OURS) {
		if (get_cut_local(g, 0))
			begin_range(g, 0);
	} else {
		f->failed = true;
		f->error = answer->error == ERR_OK ? ERR_INVALID : answer->error;
		story_set(&f->story, "not resumed: %s", answer->story.text);
	}
	get_settle(g);
}

/* Where to begin: behind what is there already, once that is proved. */
static void
decide_begin(struct get *g)
{
	struct get_file *f = g->f;
	bool too_long;

	if (f->options->resume == JOB_RESUME_NONE || f->options->read_once) {
		begin_range(g, 0);
		return;
	}
	if (!get_open_local(g))
		return;
	too_long = f->size_known && f->local.len > f->size;
	if (too_long && f->options->resume == JOB_RESUME_TARGET) {
		get_fail(g, ERR_INVALID, "resuming", "the local file is longer than it");
	} else if (too_long) {
		if (get_cut_local(g, 0))
			begin_range(g, 0);
	} else if (f->local.len == 0) {
		begin_range(g, 0);
	} else {
		g->state = GET_PROVING;
		(void)get_start_proof(g, f->options->proof, f->local.len, false, on_proved);
	}
}

/* After a lost line: is it still the file that was begun with? */
static bool
is_the_same(const struct sftp_attrs *a, const struct sftp_attrs *b)
{
	uint32_t both = a->flags & b->flags;

	if ((both & SSH_FILEXFER_ATTR_SIZE) && a->size != b->size)
		return false;
	return !(both & SSH_FILEXFER_ATTR_ACMODTIME) || a->mtime == b->mtime;
}

static void
begin_anew(struct get *g)
{
	struct get_file *f = g->f;

	/* Beginning anew would cut what a person had before: that is theirs to decide. */
	if (f->n_parts > 0 || (f->options->resume == JOB_RESUME_TARGET && f->resumed > 0)) {
		get_fail(g, ERR_INVALID, "reading", "it was changed while it was fetched");
		return;
	}
	f->n_todo = 0;
	f->eof_at = UINT64_MAX;
	f->complete = f->ranged = false;
	f->resumed = f->high = 0;
	if (f->local.fd >= 0 && !get_cut_local(g, 0))
		return;
	begin_range(g, 0);
}

void
get_learn(struct get *g, const struct sftp_attrs *a)
{
	struct get_file *f = g->f;

	f->attrs = *a;
	f->size_known = (a->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
	f->size = f->size_known ? a->size : 0;
	job_task_know(&g->task, a);
}

void
get_on_stat(void *ctx, const struct sftp_reply *reply)
{
	struct get *g = ctx;
	struct get_file *f = g->f;
	bool changed =
	    f->ranged && reply->status == SSH_FX_OK && !is_the_same(&f->attrs, &reply->attrs);

	g->n_due--;
	f->looked = true;
	/* Some servers let a file be read and not be looked at. */
	if (reply->status == SSH_FX_NO_SUCH_FILE)
		get_refused(g, "looking at", reply);
	else if (reply->status == SSH_FX_OK)
		get_learn(g, &reply->attrs);
	if (changed && !f->failed)
		begin_anew(g);
	get_settle(g);
}

/* What kind of file it is; S_IFREG where that isn't known. */
mode_t
get_kind_of(const struct sftp_attrs *a)
{
	mode_t kind = a->flags & SSH_FILEXFER_ATTR_PERMISSIONS ? a->permissions & S_IFMT : 0;

	return kind == 0 ? S_IFREG : kind;
}

static void
on_ignored(void *ctx unused_arg, const struct sftp_reply *reply unused_arg)
{
}

/* What is known is enough to decide how to go on. */
void
get_looked(struct get *g)
{
	struct get_file *f = g->f;
	mode_t kind = get_kind_of(&f->attrs);

	if (S_ISDIR(kind)) {
		if (g->open)
			(void)!sftp_client_close(
			    g->c, slice_of(g->handle, g->handle_len), on_ignored, NULL);
		job_task_is_directory(&g->task);
		return;
	}
	if (!S_ISREG(kind)) {
		get_end_skipped(g, S_ISLNK(kind) ? "a symbolic link" : "not a regular file");
		return;
	}
	if (!get_find_local(g)) {
		get_end_failed(g);
		return;
	}
	if (f->complete) {
		get_complete(g, f->end);
		return;
	}
	if (f->ranged) {
		g->state = GET_OPENING;
		if (!g->open)
			get_open(g);
	} else {
		decide_begin(g);
	}
	if (f->failed || g->n_due == 0)
		get_settle(g);
}
