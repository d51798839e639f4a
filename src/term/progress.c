#include "term/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term/progress_lines.h"
#include "term/tty.h"

enum { DRAW_EVERY_US = 100 * 1000 };

/* Of ECMA-48: to the beginning of the line, up, and clear the rest of it. */
#define LINE_START "\r"
#define LINE_UP    "\033[A"
#define LINE_CLEAR "\033[K"

struct progress {
	FILE *to;
	bool drawn;
	int64_t drawn_us;
	struct progress_meter meter;
	char lines[2][PROGRESS_LINE_MAX];
};

/* A terminal that knows how to go up a line. */
static bool
can_draw(FILE *to)
{
	const char *term = getenv("TERM");

	return tty_is(fileno(to)) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

/* Who was sent to the background draws no more over what the foreground writes. */
static bool
is_foreground(FILE *to)
{
	pid_t owner = tcgetpgrp(fileno(to));

	return owner < 0 || owner == getpgrp();
}

struct progress *
progress_new(FILE *to, bool wanted)
{
	struct progress *p = wanted && can_draw(to) ? calloc(1, sizeof *p) : NULL;

	if (p != NULL)
		p->to = to;
	return p;
}

static void
take_away(struct progress *p)
{
	if (p->drawn)
		(void)fputs(LINE_START LINE_CLEAR LINE_UP LINE_CLEAR, p->to);
	p->drawn = false;
}

static void
draw(struct progress *p)
{
	take_away(p);
	(void)fprintf(p->to, "%s\n%s", p->lines[0], p->lines[1]);
	(void)fflush(p->to);
	p->drawn = true;
}

/* One column is left free, so that no terminal begins a new line by itself. */
static size_t
line_width(FILE *to)
{
	size_t width = tty_width(fileno(to)) - 1;

	return width < PROGRESS_WIDTH_MIN   ? PROGRESS_WIDTH_MIN
	       : width > PROGRESS_WIDTH_MAX ? PROGRESS_WIDTH_MAX
					    : width;
}

void
progress_update(struct progress *p, const struct progress_state *state, int64_t now_us)
{
	if (p == NULL || (p->drawn && now_us - p->drawn_us < DRAW_EVERY_US) ||
	    !is_foreground(p->to))
		return;
	size_t width = line_width(p->to);
	uint64_t rate = progress_meter_rate(&p->meter, state->bytes, now_us);
	progress_file_line(state, width, p->lines[0]);
	progress_job_line(state, rate, width, p->lines[1]);
	draw(p);
	p->drawn_us = now_us;
}

void
progress_say(struct progress *p, FILE *to, const char *format, ...)
{
	bool was_drawn = p != NULL && p->drawn;
	va_list args;

	if (was_drawn) {
		take_away(p);
		(void)fflush(p->to);
	}
	va_start(args, format);
	(void)vfprintf(to, format, args);
	va_end(args);
	(void)fputc('\n', to);
	if (was_drawn) {
		(void)fflush(to);
		draw(p);
	}
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	take_away(p);
	(void)fflush(p->to);
	free(p);
}
