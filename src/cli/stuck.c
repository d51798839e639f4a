#include "cli/stuck.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/out.h"

/* The lines so far. */
struct stuck {
	const struct rows *rows;
	int64_t now_us;
	FILE *to;
	size_t n_lines;
	struct slice *told; /* the troubles in them, borrowed from the rows */
	size_t n_told;
};

/* "  what name: ". The first one has the title before it. */
static void
begin_line(struct stuck *s, const char *what, struct slice name)
{
	if (s->n_lines++ == 0)
		fputs("\nWhat is stuck, and why:\n", s->to);
	fprintf(s->to, "  %s", what);
	if (name.len > 0)
		fputc(' ', s->to);
	out_text(s->to, name);
	fputs(": ", s->to);
}

static bool
was_told(const struct stuck *s, struct slice trouble)
{
	for (size_t i = 0; i < s->n_told; i++) {
		if (slice_equal(s->told[i], trouble))
			return true;
	}
	return false;
}

/* The same long sentence is read once, and not again for everything that it is the reason for. */
static void
print_trouble(struct stuck *s, struct slice trouble)
{
	if (was_told(s, trouble)) {
		fputs("as above", s->to);
		return;
	}
	s->told = reallocarray(s->told, s->n_told + 1, sizeof *s->told);
	if (s->told == NULL)
		cli_no_memory();
	s->told[s->n_told++] = trouble;
	out_story(s->to, trouble);
}

/* A whole line: "  what name: condition: why". */
static void
print_line(struct stuck *s, const char *what, struct slice name, struct slice condition,
    struct slice trouble)
{
	begin_line(s, what, name);
	out_text(s->to, condition);
	if (condition.len > 0 && trouble.len > 0)
		fputs(": ", s->to);
	if (trouble.len > 0)
		print_trouble(s, trouble);
	fputc('\n', s->to);
}

/* Without what the line has said already: "cannot listen on 127.0.0.1 port 22: why". */
static struct slice
reason_of(struct slice trouble)
{
	size_t at = 0;

	if (!slice_starts_with(trouble, slice_str("cannot listen on ")))
		return trouble;
	while (at + 2 < trouble.len && memcmp(trouble.ptr + at, ": ", 2) != 0)
		at++;
	return at + 2 < trouble.len ? slice_of(trouble.ptr + at + 2, trouble.len - at - 2)
				    : trouble;
}

static void
print_address(struct stuck *s, const struct ipc_ctl_address *a)
{
	if (!a->listening)
		print_line(
		    s, "address", a->address, slice_str("not listening"), reason_of(a->trouble));
}

/* What its remote suffers from is the route's trouble too; beside a count it would be misleading.
 */
static void
print_route(struct stuck *s, const struct ipc_ctl_route *r)
{
	bool is_remotes = false;
	char counts[48];

	ROWS_FOREACH(row, s->rows, IPC_CTL_REMOTE)
	{
		is_remotes |= slice_equal(row->m.ctl_remote.trouble, r->trouble);
	}
	struct slice trouble = is_remotes ? slice_of(NULL, 0) : r->trouble;
	if (r->n_failed == 0 && trouble.len > 0)
		print_line(s, "route", r->name, r->condition, trouble);
	if (r->n_failed == 0)
		return;
	(void)snprintf(counts, sizeof counts, "%" PRIu64 " failed", r->n_failed);
	print_line(s, "route", r->name, slice_str(counts), trouble);
	fputs("    see: dray transfers --state failed --route ", s->to);
	out_text(s->to, r->name);
	fputc('\n', s->to);
}

/* The last part of a path. */
static struct slice
name_of(struct slice path)
{
	size_t at = path.len;

	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return slice_of(path.ptr + at, path.len - at);
}

/* "  transfer 22 of route r (name): ", or of the account that uploaded it. */
static void
begin_transfer(struct stuck *s, const struct ipc_ctl_transfer *t)
{
	char *of _cleanup_(out_freep) = out_safe(t->route.len > 0 ? t->route : t->source);
	char *name _cleanup_(out_freep) = out_safe(name_of(t->path));
	char *what _cleanup_(out_freep) = NULL;

	if (asprintf(&what, "transfer %" PRIu64 " of %s %s (%s)", t->id,
		t->route.len > 0 ? "route" : "account", of, name) < 0)
		cli_no_memory();
	begin_line(s, what, slice_of(NULL, 0));
}

static void
print_transfer(struct stuck *s, const struct ipc_ctl_transfer *t)
{
	bool gave_up = slice_is(t->state, "failed");
	char distance[TIME_TEXT_MAX];

	begin_transfer(s, t);
	if (gave_up)
		fputs("given up", s->to);
	else
		fprintf(s->to, "tried again %s",
		    t->retry_us > s->now_us ? out_distance(t->retry_us, s->now_us, distance)
					    : "at the next run");
	if (t->trouble.len > 0) {
		fputs(": ", s->to);
		print_trouble(s, t->trouble);
	}
	/* An upload is its client's to be tried again. */
	if (gave_up && t->route.len > 0)
		fprintf(s->to, ": dray retry %" PRIu64 " tries again", t->id);
	fputc('\n', s->to);
}

void
stuck_print(const struct rows *rows, int64_t now_us, FILE *to)
{
	const struct slice none = slice_of(NULL, 0);
	struct stuck s = {.rows = rows, .now_us = now_us, .to = to};

	ROWS_FOREACH(row, rows, IPC_CTL_GATEWAY)
	{
		if (row->m.ctl_gateway.trouble.len > 0)
			print_line(&s, "drayd", none, none, row->m.ctl_gateway.trouble);
	}
	ROWS_FOREACH(row, rows, IPC_CTL_ADDRESS)
	{
		print_address(&s, &row->m.ctl_address);
	}
	ROWS_FOREACH(row, rows, IPC_CTL_REMOTE)
	{
		const struct ipc_ctl_remote *r = &row->m.ctl_remote;
		if (r->trouble.len > 0)
			print_line(&s, "remote", r->name, r->condition, r->trouble);
	}
	ROWS_FOREACH(row, rows, IPC_CTL_ROUTE)
	{
		print_route(&s, &row->m.ctl_route);
	}
	ROWS_FOREACH(row, rows, IPC_CTL_TRANSFER)
	{
		print_transfer(&s, &row->m.ctl_transfer);
	}
	if (s.n_lines == 0)
		fputs("\nNothing is stuck.\n", to);
	free(s.told);
}
