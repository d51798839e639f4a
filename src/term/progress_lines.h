/* The two lines of a progress as text, for a width: apart from the terminal, for its test. */
#ifndef TERM_PROGRESS_LINES_H
#define TERM_PROGRESS_LINES_H

#include "term/progress.h"

enum { PROGRESS_LINE_MAX = 1024, PROGRESS_WIDTH_MIN = 20, PROGRESS_WIDTH_MAX = 240 };

/* "name   45%  12.3 MiB": the name takes what the rest leaves. Returns dst, as the other. */
const char *progress_file_line(
    const struct progress_state *s, size_t width, char dst[PROGRESS_LINE_MAX]);

/* "3/12 files  1.2/3.4 GiB  35%  160.0 MiB/s  00:12 left". bytes_per_s 0: not known. */
const char *progress_job_line(const struct progress_state *s, uint64_t bytes_per_s, size_t width,
    char dst[PROGRESS_LINE_MAX]);

/*
 * The rate over the last seconds: samples of the job's bytes, a new one at most every half second.
 * How many bytes a second between the oldest and now; 0 until a second has passed.
 */
enum { PROGRESS_SAMPLES = 16 };

struct progress_meter {
	struct {
		int64_t at_us;
		uint64_t bytes;
	} samples[PROGRESS_SAMPLES];
	size_t n, next;
};

uint64_t progress_meter_rate(struct progress_meter *m, uint64_t bytes, int64_t now_us);

#endif
