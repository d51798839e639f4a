#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
report_init(struct report *r)
{
	r->n_lines = r->n_more = r->n_errors = 0;
}

void
report_fini(struct report *r)
{
	for (size_t i = 0; i < r->n_lines; i++)
		free(r->lines[i].text);
	report_init(r);
}

static void report_add(struct report *r, struct place at, const char *prefix, const char *format,
    va_list args) printf_like(4, 0);

static void
report_add(struct report *r, struct place at, const char *prefix, const char *format, va_list args)
{
	char text[REPORT_TEXT_MAX];
	size_t len = strlen(prefix);

	memcpy(text, prefix, len);
	(void)vsnprintf(text + len, sizeof text - len, format, args);
	char *copy = r->n_lines < REPORT_MAX ? strdup(text) : NULL;
	if (copy == NULL)
		r->n_more++;
	else
		r->lines[r->n_lines++] = (struct report_line){.at = at, .text = copy};
}

void
report_error(struct report *r, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_add(r, at, "", format, args);
	va_end(args);
	r->n_errors++;
}

void
report_warning(struct report *r, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_add(r, at, "warning: ", format, args);
	va_end(args);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;

	if (x->at.source->index != y->at.source->index)
		return x->at.source->index < y->at.source->index ? -1 : 1;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.column != y->at.column)
		return x->at.column < y->at.column ? -1 : 1;
	return strcmp(x->text, y->text);
}

const char *
place_text(struct place at, char dst[PLACE_TEXT_MAX])
{
	if (at.line == 0)
		(void)snprintf(dst, PLACE_TEXT_MAX, "%s", at.source->shown);
	else
		(void)snprintf(dst, PLACE_TEXT_MAX, "%s:%u:%u", at.source->shown, (unsigned)at.line,
		    (unsigned)at.column);
	return dst;
}

void
report_write(struct report *r, struct buf *out)
{
	char where[PLACE_TEXT_MAX];

	qsort(r->lines, r->n_lines, sizeof *r->lines, compare_lines);
	for (size_t i = 0; i < r->n_lines; i++) {
		const struct report_line *line = &r->lines[i];
		if (buf_printf(out, "%s: %s\n", place_text(line->at, where), line->text) != ERR_OK)
			return;
	}
	if (r->n_more > 0 && buf_printf(out, "%zu more\n", r->n_more) != ERR_OK)
		return;
}
