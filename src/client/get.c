#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/get_internal.h"
#include "sftp/story.h"

static struct get *
get_of(struct job_task *t)
{
	return (struct get *)t;
}

void
get_fail(struct get *g, enum err e, const char *what, const char *why)
{
	struct get_file *f = g->f;

	if (f->failed)
		return;
	f->failed = true;
	f->error = e;
	sftp_story_own(&f->story, what, get_path(g), why);
}

void
get_refused(struct get *g, const char *what, const struct sftp_reply *reply)
{
	struct get_file *f = g->f;

	if (f->failed)
		return;
	f->failed = true;
	f->error = refusal_error(reply);
	sftp_story_refused(&f->story, what, get_path(g), reply);
}

bool
get_submitted(struct get *g, enum err e)
{
	if (e == ERR_OK)
		g->n_due++;
	else
		get_fail(g, e, "asking", err_text(e));
	return e == ERR_OK;
}

/* The end of the task, once nothing is due. The file's end was told, or is main's to tell. */
static void
leave(struct get *g)
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
	leave(g);
}

static void
end_failed(struct get *g)
{
	local_target_fini(&g->f->local, false);
	end(g, JOB_FAILED, g->f->error, g->f->story.text);
}

/* What is there without a gap stays, so that it can be gone on with. */
static void
keep_prefix(struct get_file *f)
{
	uint64_t prefix = get_prefix(f);

	if (f->local.fd >= 0)
		(void)!local_target_cut(&f->local, prefix);
	local_target_fini(&f->local, prefix > 0 && !f->options->read_once);
}

static void
end_stopped(struct get *g)
{
	struct get_file *f = g->f;
	char size[16];
	uint64_t prefix = get_prefix(f);
	struct story story;

	keep_prefix(f);
	if (prefix > 0 && !f->options->read_once)
		story_set(&story, "interrupted: its first %s are kept, a resume goes on from there",
		    text_size(prefix, size));
	else
		story_set(&story, "interrupted");
	end(g, JOB_INTERRUPTED, ERR_AGAIN, story.text);
}

static void
end_skipped(struct get *g, const char *why)
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
		end_skipped(g, "the target exists");
		return;
	}
	if (e != ERR_OK) {
		end_failed(g);
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
	end_failed(g);
}

static bool
start_proof(struct get *g, enum job_proof how, uint64_t len, bool whole,
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
static void
complete(struct get *g, uint64_t size)
{
	struct get_file *f = g->f;

	f->complete = true;
	f->end = size;
	if (!get_cut_local(g, size)) {
		end_failed(g);
		return;
	}
	if (!f->options->verify || f->options->read_once) {
		finish(g);
		return;
	}
	g->state = GET_VERIFYING;
	if (!start_proof(g, JOB_PROOF_HASH, size, true, on_verified))
		end_failed(g);
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
		complete(g, f->eof_at);
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
static void
all_read(struct get *g)
{
	struct get_file *f = g->f;
	uint64_t expected = f->high;
	char why[96];

	if (f->size_known && f->size > expected)
		expected = f->size;
	if (f->eof_at >= expected) {
		complete(g, expected);
	} else if (f->options->read_once) {
		(void)snprintf(why, sizeof why, "it ends at byte %" PRIu64 " of %" PRIu64,
		    f->eof_at, expected);
		get_fail(g, ERR_FORMAT, "reading", why);
		end_failed(g);
	} else {
		g->state = GET_CHECKING;
		if (!get_submitted(g, sftp_client_stat(g->c, get_path(g), on_checked, g)))
			end_failed(g);
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

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct get *g = ctx;

	g->n_due--;
	if (reply->status != SSH_FX_OK) {
		/* A part leaves its range to the others. */
		if (g->task.is_part)
			g->f->no_split = true;
		else
			get_refused(g, "opening", reply);
	} else {
		BUG_ON(reply->handle.len > sizeof g->handle);
		if (reply->handle.len > 0)
			memcpy(g->handle, reply->handle.ptr, reply->handle.len);
		g->handle_len = reply->handle.len;
		g->open = true;
		g->close_sent = false;
	}
	get_settle(g);
}

void
get_open(struct get *g)
{
	struct get_file *f = g->f;

	if (f->options->read_once && f->opened_once) {
		get_fail(g, ERR_CLOSED, "reading",
		    "the connection was lost while it was read, and it may be opened only once");
		return;
	}
	f->opened_once = true;
	(void)get_submitted(
	    g, sftp_client_open(g->c, get_path(g), SSH_FXF_READ, NULL, on_opened, g));
}

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
		(void)start_proof(g, f->options->proof, f->local.len, false, on_proved);
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

	if (f->n_parts > 0) {
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

static void
learn(struct get *g, const struct sftp_attrs *a)
{
	struct get_file *f = g->f;

	f->attrs = *a;
	f->size_known = (a->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
	f->size = f->size_known ? a->size : 0;
	job_task_know(&g->task, a);
}

static void
on_stat(void *ctx, const struct sftp_reply *reply)
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
		learn(g, &reply->attrs);
	if (changed && !f->failed)
		begin_anew(g);
	get_settle(g);
}

/* What kind of file it is; S_IFREG where that isn't known. */
static mode_t
kind_of(const struct sftp_attrs *a)
{
	mode_t kind = a->flags & SSH_FILEXFER_ATTR_PERMISSIONS ? a->permissions & S_IFMT : 0;

	return kind == 0 ? S_IFREG : kind;
}

static void
on_ignored(void *ctx unused_arg, const struct sftp_reply *reply unused_arg)
{
}

/* What is known is enough to decide how to go on. */
static void
looked(struct get *g)
{
	struct get_file *f = g->f;
	mode_t kind = kind_of(&f->attrs);

	if (S_ISDIR(kind)) {
		if (g->open)
			(void)!sftp_client_close(
			    g->c, slice_of(g->handle, g->handle_len), on_ignored, NULL);
		job_task_is_directory(&g->task);
		return;
	}
	if (!S_ISREG(kind)) {
		end_skipped(g, S_ISLNK(kind) ? "a symbolic link" : "not a regular file");
		return;
	}
	if (!get_find_local(g)) {
		end_failed(g);
		return;
	}
	if (f->complete) {
		complete(g, f->end);
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

static void
settle_main(struct get *g)
{
	struct get_file *f = g->f;

	if (g->n_reads == 0 && g->n_due == 0 && f->n_todo > 0 && get_range_done(g) && !g->open) {
		g->state = GET_OPENING;
		get_open(g);
		if (f->failed)
			get_settle(g);
		return;
	}
	get_fill(g);
	if (f->failed && g->n_reads == 0 && g->n_due == 0) {
		get_settle(g);
		return;
	}
	if (g->n_reads == 0 && f->n_parts == 0 && f->n_todo == 0 && get_range_done(g))
		all_read(g);
}

static void
settle_part(struct get *g)
{
	if (!g->open && g->state == GET_READING) {
		get_give_back(g);
		leave(g);
		return;
	}
	get_fill(g);
	if (g->n_reads == 0 && (g->f->failed || get_range_done(g)))
		leave(g);
}

/* Failed or stopped: everything that is under way has come. */
static void
wind_up(struct get *g)
{
	struct get_file *f = g->f;

	get_give_back(g);
	if (g->task.is_part)
		leave(g);
	else if (f->n_parts > 0)
		job_task_hungry(&g->task, 0);
	else if (f->failed)
		end_failed(g);
	else
		end_stopped(g);
}

void
get_settle(struct get *g)
{
	struct get_file *f = g->f;

	if (g->state == GET_LEAVING)
		return;
	if (f->failed || f->stopped) {
		/* A CLOSE that went along is waited for when it is told. */
		if (g->n_reads == 0 &&
		    (g->n_due == 0 || (g->close_sent && g->open && g->n_due == 1)))
			wind_up(g);
		return;
	}
	if (g->state == GET_READING) {
		if (g->task.is_part)
			settle_part(g);
		else
			settle_main(g);
		return;
	}
	if (g->n_due > 0)
		return;
	if (g->state == GET_LOOKING) {
		looked(g);
	} else if (g->state == GET_OPENING) {
		g->state = GET_READING;
		get_settle(g);
	}
}

static bool
file_make(struct get *g)
{
	struct get_file *f = calloc(1, sizeof *f);

	if (f == NULL)
		return false;
	f->main = g;
	f->n_tasks = 1;
	f->options = job_task_options(&g->task);
	f->eof_at = UINT64_MAX;
	local_target_init(&f->local);
	g->f = f;
	return true;
}

/* May the OPEN go with the STAT: would nothing but a failure keep us from it? */
static bool
may_open_along(const struct get *g)
{
	const struct job_options *o = g->f->options;

	return !o->recursive && !o->read_once && o->resume == JOB_RESUME_NONE && !g->f->ranged;
}

static void
begin_main(struct get *g)
{
	struct get_file *f = g->f;
	const struct sftp_attrs *a = &job_task_item(&g->task)->attrs;
	const uint32_t enough = SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_PERMISSIONS;
	bool again = f->ranged, link;

	if (!again && !f->looked)
		learn(g, a);
	link = S_ISLNK(kind_of(&f->attrs)) && f->options->follow;
	if (!get_find_local(g)) {
		end_failed(g);
		return;
	}
	if (f->options->no_clobber && f->local.exists && !again) {
		end_skipped(g, "the target exists");
		return;
	}
	g->state = GET_LOOKING;
	if (again || link || (!f->looked && (f->attrs.flags & enough) != enough)) {
		(void)get_submitted(g, sftp_client_stat(g->c, get_path(g), on_stat, g));
		if (may_open_along(g) && !f->failed)
			get_open(g);
	}
	if (g->n_due == 0)
		get_settle(g);
}

static void
get_begin(struct job_task *t)
{
	struct get *g = get_of(t);
	const struct job_task_end no_memory = {
	    .outcome = JOB_FAILED, .error = ERR_NOMEM, .story = err_text(ERR_NOMEM)};

	g->c = remote_sftp(t->remote);
	if (g->f == NULL && !file_make(g)) {
		job_task_ended(t, &no_memory);
		job_task_release(t);
		return;
	}
	if (!t->is_part) {
		begin_main(g);
		return;
	}
	g->state = GET_OPENING;
	get_open(g);
	if (g->n_due == 0)
		get_settle(g);
}

static void
get_room(struct job_task *t)
{
	struct get *g = get_of(t);

	job_task_hungry(t, 0);
	if (g->state == GET_READING || g->f->failed)
		get_settle(g);
}

static void
get_lost(struct job_task *t)
{
	struct get *g = get_of(t);

	get_give_back(g);
	g->open = g->close_sent = false;
	g->n_due = 0;
	g->proof = NULL;
	g->f->looked = g->f->looked && !g->f->ranged;
}

static void
get_stop(struct job_task *t)
{
	struct get *g = get_of(t);

	g->f->stopped = true;
	if (g->proof != NULL) {
		proof_forget(g->proof);
		g->proof = NULL;
		g->n_due--;
	}
	get_settle(g);
}

/* Main hears that a part has left, and takes over what that has left. */
static void
part_left(struct get_file *f)
{
	struct get *g = f->main;

	f->n_parts--;
	if (g == NULL || g->task.line == NULL)
		return;
	/* Not from here: it may end in there. */
	job_task_hungry(&g->task, 1);
}

static void
get_drop(struct job_task *t)
{
	struct get *g = get_of(t);
	struct get_file *f = g->f;
	struct get_piece *p;

	while ((p = TAILQ_FIRST(&g->pieces)) != NULL) {
		TAILQ_REMOVE(&g->pieces, p, entry);
		free(p);
	}
	if (f != NULL) {
		if (f->main == g)
			f->main = NULL;
		if (t->is_part)
			part_left(f);
		if (--f->n_tasks == 0) {
			/* Not ended: the line was lost for good, or the job goes. */
			keep_prefix(f);
			free(f);
		}
	}
	free(g);
}

struct job_task *
get_new(void)
{
	static const struct job_task_ops OPS = {
	    .begin = get_begin,
	    .room = get_room,
	    .lost = get_lost,
	    .stop = get_stop,
	    .split = get_split,
	    .drop = get_drop,
	};
	struct get *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->task.ops = &OPS;
	TAILQ_INIT(&g->pieces);
	return &g->task;
}
