/*
 * Progress of long work on a terminal: a line for the file in hand and one for the whole job, drawn
 * at most ten times a second; nothing on a pipe. Messages that are printed meanwhile go through
 * progress_say, so that the lines are taken away and put back.
 */
#ifndef TERM_PROGRESS_H
#define TERM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/slice.h"

struct progress;

/* What is known now; totals 0: not known yet. */
struct progress_state {
	struct slice name; /* of the file in hand: unescaped */
	uint64_t file_bytes, file_total;
	uint64_t files, files_total;
	uint64_t bytes, bytes_total; /* of the whole job */
	bool totals_grow;            /* still counting: totals are shown with a "+" */
};

/* Draws to `to` if that is a terminal and `wanted`; else it is NULL, with which every call draws
 * nothing. */
struct progress *progress_new(FILE *to, bool wanted);
void progress_update(struct progress *p, const struct progress_state *state, int64_t now_us);
/* A finished line of text above the drawing (or plainly, without one). Safe text. */
void progress_say(struct progress *p, FILE *to, const char *format, ...) printf_like(3, 4);
/* Takes the drawing away, and frees. NULL-safe. */
void progress_free(struct progress *p);

/* "12.3 MiB/s" and "00:12 left" for who prints a summary; dst of at least 32. */
const char *progress_rate(uint64_t bytes, int64_t us, char dst[32]);

#endif
