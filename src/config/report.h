/*
 * What is wrong with the configuration, and where: all of it, not just the first. Findings may come
 * in any order; they are told in the order of the files and their lines.
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

/* A file that was read. */
struct source {
	unsigned index;    /* 0 is the main file */
	const char *shown; /* as the user would write it, escaped */
};

/* A place in a file; line 0 stands for the file as a whole. Both count from 1. */
struct place {
	const struct source *source;
	uint32_t line;
	uint32_t column;
};

/* Past this many only their number is told. */
enum { REPORT_MAX = 100, REPORT_TEXT_MAX = 512 };

struct report_line {
	struct place at;
	char *text;
};

struct report {
	struct report_line lines[REPORT_MAX];
	size_t n_lines;
	size_t n_more;   /* that came after REPORT_MAX */
	size_t n_errors; /* without warnings */
};

void report_init(struct report *r);
void report_fini(struct report *r);

/* The words of the file in messages are escaped by SHOWN. */
void report_error(struct report *r, struct place at, const char *format, ...) printf_like(3, 4);
void report_warning(struct report *r, struct place at, const char *format, ...) printf_like(3, 4);

/* Appends the findings, one line each, as far as they fit. */
void report_write(struct report *r, struct buf *out);

/* "file:line:column", for a message that points at a second place. dst of PLACE_TEXT_MAX bytes. */
enum { PLACE_TEXT_MAX = 160 };
const char *place_text(struct place at, char dst[PLACE_TEXT_MAX]);

/* Text of the file as it may stand in a message; lives as long as the block around it. */
enum { SHOWN_MAX = 100 };
#define SHOWN(s) text_escape((s), (char[SHOWN_MAX]){""}, SHOWN_MAX)

#endif
