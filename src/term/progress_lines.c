#include "term/progress_lines.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "term/columns.h"

enum { SAMPLE_EVERY_US = 500 * 1000, RATE_AFTER_US = 1000 * 1000, PART_MAX = 128 };

const char *
progress_rate(uint64_t bytes, int64_t us, char dst[32])
{
	char size[16];
	double per_s = us <= 0 ? 0 : (double)bytes * (double)US_PER_SEC / (double)us;

	(void)snprintf(
	    dst, 32, "%s/s", text_size(per_s < 9e18 ? (uint64_t)per_s : INT64_MAX, size));
	return dst;
}

/* Whole percents; 100 only when it is all. */
static unsigned
percent(uint64_t part, uint64_t whole)
{
	if (part >= whole)
		return 100;
	unsigned p = (unsigned)((double)part / (double)whole * 100.0);
	return p > 99 ? 99 : p;
}

/* " 45%  12.3 MiB", or without the share where the whole isn't known. */
static void
file_numbers(const struct progress_state *s, char dst[PART_MAX])
{
	char size[16];

	if (s->file_total == 0)
		(void)snprintf(dst, PART_MAX, "%10s", text_size(s->file_bytes, size));
	else
		(void)snprintf(dst, PART_MAX, "%3u%%  %10s", percent(s->file_bytes, s->file_total),
		    text_size(s->file_bytes, size));
}

const char *
progress_file_line(const struct progress_state *s, size_t width, char dst[PROGRESS_LINE_MAX])
{
	char name[PROGRESS_LINE_MAX / 2], cut[PROGRESS_LINE_MAX / 2], numbers[PART_MAX];

	file_numbers(s, numbers);
	size_t room = width > strlen(numbers) + 2 ? width - strlen(numbers) - 2 : 0;
	text_escape(s->name, name, sizeof name);
	columns_cut(name, room, cut, sizeof cut);
	(void)snprintf(
	    dst, PROGRESS_LINE_MAX, "%s%*s  %s", cut, (int)(room - columns_of(cut)), "", numbers);
	return dst;
}

static void
job_files(const struct progress_state *s, char dst[PART_MAX])
{
	const char *more = s->totals_grow ? "+" : "";

	if (s->files_total == 0)
		(void)snprintf(dst, PART_MAX, "%" PRIu64 " files", s->files);
	else
		(void)snprintf(dst, PART_MAX, "%" PRIu64 "/%" PRIu64 "%s files", s->files,
		    s->files_total, more);
}

static void
job_bytes(const struct progress_state *s, char dst[PART_MAX])
{
	char done[16], total[16];
	const char *more = s->totals_grow ? "+" : "";

	if (s->bytes_total == 0)
		(void)snprintf(dst, PART_MAX, "%s", text_size(s->bytes, done));
	else
		(void)snprintf(dst, PART_MAX, "%s of %s%s", text_size(s->bytes, done),
		    text_size(s->bytes_total, total), more);
}

/* "00:12 left", "1:02:03 left"; empty where nobody can know. */
static void
job_left(const struct progress_state *s, uint64_t bytes_per_s, char dst[PART_MAX])
{
	dst[0] = '\0';
	if (bytes_per_s == 0 || s->totals_grow || s->bytes >= s->bytes_total)
		return;
	uint64_t left = (s->bytes_total - s->bytes - 1) / bytes_per_s + 1;
	if (left >= 100 * 3600)
		return;
	if (left >= 3600)
		(void)snprintf(dst, PART_MAX, "%" PRIu64 ":%02u:%02u left", left / 3600,
		    (unsigned)(left / 60 % 60), (unsigned)(left % 60));
	else
		(void)snprintf(
		    dst, PART_MAX, "%02u:%02u left", (unsigned)(left / 60), (unsigned)(left % 60));
}

const char *
progress_job_line(
    const struct progress_state *s, uint64_t bytes_per_s, size_t width, char dst[PROGRESS_LINE_MAX])
{
	char parts[4][PART_MAX] = {{0}};
	size_t len = 0;

	job_files(s, parts[0]);
	job_bytes(s, parts[1]);
	if (bytes_per_s > 0)
		progress_rate(bytes_per_s, US_PER_SEC, parts[2]);
	job_left(s, bytes_per_s, parts[3]);
	dst[0] = '\0';
	/* Whole parts only, the first ones first: half a number would be another number. */
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t gap = len == 0 ? 0 : 2, part = strlen(parts[i]);
		if (part == 0 || len + gap + part > width || len + gap + part >= PROGRESS_LINE_MAX)
			continue;
		(void)snprintf(dst + len, PROGRESS_LINE_MAX - len, "%*s%s", (int)gap, "", parts[i]);
		len += gap + part;
	}
	return dst;
}

uint64_t
progress_meter_rate(struct progress_meter *m, uint64_t bytes, int64_t now_us)
{
	size_t last = (m->next + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;

	if (m->n == 0 || now_us - m->samples[last].at_us >= SAMPLE_EVERY_US) {
		m->samples[m->next].at_us = now_us;
		m->samples[m->next].bytes = bytes;
		m->next = (m->next + 1) % PROGRESS_SAMPLES;
		m->n += m->n < PROGRESS_SAMPLES ? 1 : 0;
	}
	size_t oldest = m->n < PROGRESS_SAMPLES ? 0 : m->next;
	int64_t span = now_us - m->samples[oldest].at_us;
	/* A file that is begun again counts back: no rate is told then. */
	if (span < RATE_AFTER_US || bytes < m->samples[oldest].bytes)
		return 0;
	return (uint64_t)((double)(bytes - m->samples[oldest].bytes) * (double)US_PER_SEC /
			  (double)span);
}
