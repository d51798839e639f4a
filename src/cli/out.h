/*
 * What people read: text from outside made safe, moments, and columns. Whatever the daemon, a
 * server or a file name contributed goes through out_safe, once, on its way here.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/slice.h"

/* s escaped as by text_escape, whole, on the heap. Caller frees; never NULL. */
char *out_safe(struct slice s);

/* For char *text _cleanup_(out_freep). */
void out_freep(char **text);

/*
 * As out_safe, for a story: names in it were escaped by who told it, so that its backslashes stay
 * as they are. Everything else that isn't printable is escaped all the same.
 */
char *out_safe_story(struct slice s);

/* Write the text escaped. */
void out_text(FILE *to, struct slice s);
void out_story(FILE *to, struct slice s);

/* "2026-03-01T12:34:56Z", "never" for 0. Returns dst, as the others. */
const char *out_moment(int64_t at_us, char dst[TIME_TEXT_MAX]);

/* "12s ago", "in 3m00s", "now", "never" for 0. */
const char *out_distance(int64_t at_us, int64_t now_us, char dst[TIME_TEXT_MAX]);

/* A table whose columns are as wide as their widest cell. A last column is not padded. */
enum { TABLE_COLUMNS_MAX = 10 };

struct table_column {
	const char *title;
	bool right; /* numbers stand at the right edge */
};

struct table {
	const struct table_column *columns; /* borrowed */
	size_t n_columns;
	char **cells; /* row after row */
	size_t n_cells;
	size_t cap;
};

void table_init(struct table *t, const struct table_column *columns, size_t n_columns);
void table_fini(struct table *t);

/* The next cell, from left to right and from top to bottom. */
void table_add(struct table *t, const char *safe_text);
void table_add_text(struct table *t, struct slice unsafe_text);
/* At most so many characters of a story: if there are more, the last one is an ellipsis. */
void table_add_cut(struct table *t, struct slice story, size_t width);
void table_add_u64(struct table *t, uint64_t number);

size_t table_rows(const struct table *t);

/* The titles and the rows. An unfinished row is a bug. */
void table_print(const struct table *t, FILE *to);

#endif
