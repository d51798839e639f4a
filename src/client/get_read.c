/* The READs of one task, and what comes of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "client/get_internal.h"

/*
 * A file may grow while it is read, and is read to its end. One that goes on by this much more than
 * was told has none.
 */
#define GROWTH_MAX (UINT64_C(1) << 40)

static void on_read(void *ctx, const struct sftp_reply *reply);

void
get_todo_add(struct get_file *f, uint64_t from, uint64_t to)
{
	struct get_range *last = f->n_todo > 0 ? &f->todo[f->n_todo - 1] : NULL;

	if (from >= to)
		return;
	if (last != NULL && (f->n_todo == GET_TODO_MAX || last->to == from)) {
		/* Too many holes become one: some is fetched again. */
		last->from = last->from < from ? last->from : from;
		last->to = last->to > to ? last->to : to;
		return;
	}
	f->todo[f->n_todo++] = (struct get_range){.from = from, .to = to};
}

uint64_t
get_prefix(const struct get_file *f)
{
	uint64_t prefix = f->high;

	for (size_t i = 0; i < f->n_todo; i++)
		prefix = f->todo[i].from < prefix ? f->todo[i].from : prefix;
	/* What is left of an earlier run and not looked at yet stays as it is. */
	return f->ranged ? prefix : f->local.len;
}

static bool
take_range(struct get *g)
{
	struct get_file *f = g->f;

	if (f->n_todo == 0)
		return false;
	g->next = f->todo[0].from;
	g->to = f->todo[0].to;
	g->has_range = true;
	g->tail_ahead = f->size_known ? GET_TAIL_MIN : GET_TAIL_UNKNOWN;
	memmove(&f->todo[0], &f->todo[1], --f->n_todo * sizeof f->todo[0]);
	return true;
}

/* Where its range ends, as far as is known. Behind an end that was met nothing more is asked. */
static uint64_t
range_limit(const struct get *g)
{
	const struct get_file *f = g->f;
	uint64_t limit = g->to;

	if (limit == GET_END)
		limit = f->size_known ? f->size : 0;
	return limit < f->eof_at ? limit : f->eof_at;
}

/* Is there to be asked behind the end that was told? Mailboxes that are read once end where they
 * said. */
static bool
wants_tail(const struct get *g)
{
	const struct get_file *f = g->f;

	return g->to == GET_END && f->eof_at == UINT64_MAX &&
	       !(f->options->read_once && f->size_known);
}

bool
get_range_done(const struct get *g)
{
	return !g->has_range ||
	       (TAILQ_EMPTY(&g->pieces) && g->next >= range_limit(g) && !wants_tail(g));
}

static enum err
piece_ask(struct get_piece *p)
{
	struct get *g = p->g;
	enum err e = sftp_client_read(
	    g->c, slice_of(g->handle, g->handle_len), p->offset, p->len, on_read, p);

	if (e == ERR_OK)
		g->n_reads++;
	return e;
}

static void
piece_free(struct get_piece *p)
{
	if (p->charged > 0)
		job_task_credit(&p->g->task, p->charged, 0);
	if (p->tail)
		p->g->n_tail--;
	TAILQ_REMOVE(&p->g->pieces, p, entry);
	free(p);
}

static bool
ask_next(struct get *g, uint32_t len, bool tail)
{
	struct get_piece *p = calloc(1, sizeof *p);
	/* What is asked for in case the file has grown is seldom there. */
	uint32_t charged = tail && g->f->size_known ? 0 : len;

	if (p == NULL) {
		get_fail(g, ERR_NOMEM, "reading", err_text(ERR_NOMEM));
		return false;
	}
	*p = (struct get_piece){.g = g, .offset = g->next, .len = len, .tail = tail};
	enum err e = piece_ask(p);
	if (e != ERR_OK) {
		free(p);
		/* Others' requests fill the client: ours that are under way go on later. */
		if (e != ERR_NOMEM)
			get_fail(g, e, "reading", err_text(e));
		return false;
	}
	TAILQ_INSERT_TAIL(&g->pieces, p, entry);
	p->charged = charged;
	job_task_charge(&g->task, charged);
	g->n_tail += tail ? 1 : 0;
	g->next += len;
	return true;
}

static void
fill_range(struct get *g)
{
	uint32_t most = g->f->options->request_len,
		 read_len = remote_habits(g->task.remote)->read_len;

	most = most > 0 && most < read_len ? most : read_len;
	while (!g->f->failed) {
		uint64_t limit = range_limit(g), left = g->next < limit ? limit - g->next : 0;
		bool tail = left == 0 && wants_tail(g) && g->n_tail < g->tail_ahead;
		if (left == 0 && !tail)
			return;
		/* The first behind the end costs no room: nothing is expected from it. */
		bool probe = tail && g->n_tail == 0;
		uint64_t room = probe ? most : job_task_room(&g->task);
		uint32_t len = !tail && left < most ? (uint32_t)left : most;
		if (room == 0 || (room < len && g->task.charged > 0) || !ask_next(g, len, tail))
			return;
	}
}

/*
 * The CLOSE of a file all of whose READs were sent goes with them, where the server acts in order.
 * Should one be answered with less, the file is opened again.
 */
static void
close_along(struct get *g)
{
	if (g->task.is_part || g->f->n_parts > 0 || g->f->options->read_once || !g->f->size_known ||
	    !remote_habits(g->task.remote)->in_order)
		return;
	if (g->f->n_todo == 0 && g->next >= range_limit(g) && (g->n_tail > 0 || !wants_tail(g)))
		get_close(g);
}

void
get_fill(struct get *g)
{
	struct get_file *f = g->f;
	uint64_t limit;

	if (f->failed || f->stopped || !g->open || g->close_sent)
		return;
	do {
		if (!g->has_range || (get_range_done(g) && f->n_todo > 0))
			(void)take_range(g);
		if (g->has_range)
			fill_range(g);
	} while (!f->failed && f->n_todo > 0 && get_range_done(g));
	if (!g->has_range)
		return;
	limit = range_limit(g);
	if (g->next < limit)
		job_task_hungry(&g->task, limit - g->next);
	else if (wants_tail(g) && g->n_tail == 0)
		job_task_hungry(&g->task, UINT64_MAX);
	else
		job_task_hungry(&g->task, 0);
	close_along(g);
}

/* For when the file is open again. Behind the end that was told, the range ends here, and what
 * follows is another. */
static void
leave_rest(struct get_piece *p)
{
	struct get *g = p->g;

	if (p->tail)
		g->to = p->offset;
	get_todo_add(g->f, p->offset, p->tail ? GET_END : p->offset + p->len);
}

/* The rest of a piece, in its own place or, after the CLOSE, at another time. */
static void
piece_rest(struct get_piece *p)
{
	struct get *g = p->g;
	enum err e;

	if (!g->close_sent && !g->f->stopped) {
		e = piece_ask(p);
		if (e == ERR_OK)
			return;
		get_fail(g, e, "reading", err_text(e));
	} else {
		leave_rest(p);
	}
	piece_free(p);
}

static void
credit(struct get_piece *p, uint32_t len)
{
	uint32_t charged = len < p->charged ? len : p->charged;

	p->charged -= charged;
	job_task_credit(&p->g->task, charged, len);
}

static bool
grows_endlessly(const struct get *g, const struct get_piece *p)
{
	return p->tail && g->f->size_known && p->offset - g->f->size > GROWTH_MAX;
}

static void
take_data(struct get_piece *p, struct slice data)
{
	struct get *g = p->g;
	uint32_t len = (uint32_t)data.len;

	credit(p, len);
	if (len == 0)
		get_fail(g, ERR_FORMAT, "reading", "the server answers a READ with nothing");
	else if (grows_endlessly(g, p))
		get_fail(g, ERR_LIMIT, "reading", "it goes on without an end");
	if (g->f->failed || !get_write(g, p->offset, data)) {
		piece_free(p);
		return;
	}
	p->offset += len;
	p->len -= len;
	if (p->len > 0) {
		piece_rest(p);
		return;
	}
	if (p->tail && g->tail_ahead < GET_TAIL_MAX)
		g->tail_ahead *= 2;
	if (p->tail && g->close_sent)
		leave_rest(p);
	piece_free(p);
}

static void
on_read(void *ctx, const struct sftp_reply *reply)
{
	struct get_piece *p = ctx;
	struct get *g = p->g;
	struct get_file *f = g->f;

	g->n_reads--;
	if (f->failed) {
		piece_free(p);
	} else if (reply->status == SSH_FX_OK) {
		take_data(p, reply->data);
	} else if (reply->status == SSH_FX_EOF) {
		f->eof_at = p->offset < f->eof_at ? p->offset : f->eof_at;
		piece_free(p);
	} else {
		get_refused(g, "reading", reply);
		piece_free(p);
	}
	if (f->failed || g->n_reads == 0)
		get_settle(g);
	else if (g->next >= range_limit(g))
		get_fill(g);
}

void
get_give_back(struct get *g)
{
	uint64_t low = UINT64_MAX;
	struct get_piece *p;

	if (g->has_range && (g->next < range_limit(g) || wants_tail(g)))
		low = g->next;
	while ((p = TAILQ_FIRST(&g->pieces)) != NULL) {
		low = p->offset < low ? p->offset : low;
		TAILQ_REMOVE(&g->pieces, p, entry);
		free(p);
	}
	if (low != UINT64_MAX)
		get_todo_add(g->f, low, g->to);
	g->n_reads = g->n_tail = 0;
	g->has_range = false;
}

struct job_task *
get_split(struct job_task *t)
{
	struct get *g = (struct get *)t, *part;
	struct get_file *f = g->f;
	uint64_t limit = g->has_range ? range_limit(g) : 0;
	uint32_t read_len = remote_habits(t->remote)->read_len;

	if (f->no_split || f->failed || f->stopped || g->state != GET_READING || g->close_sent ||
	    g->next >= limit)
		return NULL;
	uint64_t half = (limit - g->next) / 2 / read_len * read_len;
	part = half == 0 ? NULL : calloc(1, sizeof *part);
	if (part == NULL)
		return NULL;
	part->task.ops = t->ops;
	part->f = f;
	TAILQ_INIT(&part->pieces);
	f->n_tasks++;
	f->n_parts++;
	part->has_range = true;
	part->next = g->next + half;
	part->to = g->to;
	part->tail_ahead = GET_TAIL_MIN;
	g->to = part->next;
	job_task_hungry(t, g->to - g->next);
	return &part->task;
}
