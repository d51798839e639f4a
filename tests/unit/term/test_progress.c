/* What a progress says for which numbers and width, and that it is drawn on a terminal alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "term/columns.h"
#include "term/progress_lines.h"

#define NAME(text) .name = {(const uint8_t *)(text), sizeof(text) - 1}

enum { MIB = 1024 * 1024 };

static const struct {
	struct progress_state state;
	size_t width;
	const char *line;
} FILE_LINES[] = {
    {{NAME("a.csv"), .file_bytes = MIB, .file_total = 4 * MIB}, 30,
	"a.csv          25%     1.0 MiB"},
    {{NAME("a.csv"), .file_bytes = MIB}, 30, "a.csv                  1.0 MiB"},
    {{NAME("a-rather-long-name.csv"), .file_bytes = MIB, .file_total = MIB}, 30,
	"a-rather-lo…  100%     1.0 MiB"},
    {{NAME("Grüße-Grüße-Grüße"), .file_bytes = MIB - 1, .file_total = MIB}, 30,
	"Grüße-Grüße…   99%     1.0 MiB"},
    {{NAME("a\033[2Jb"), .file_bytes = 0, .file_total = 1}, 40,
	"a\\x1b[2Jb                 0%         0 B"},
    {{NAME(""), .file_bytes = 0, .file_total = 0}, 20, "                 0 B"},
};

static const struct {
	struct progress_state state;
	uint64_t rate;
	size_t width;
	const char *line;
} JOB_LINES[] = {
    {{.files = 3, .files_total = 12, .bytes = MIB, .bytes_total = 13 * MIB}, MIB, 80,
	"3/12 files  1.0 MiB of 13.0 MiB  1.0 MiB/s  00:12 left"},
    {{.files = 3, .files_total = 12, .bytes = MIB, .bytes_total = 13 * MIB, .totals_grow = true},
	MIB, 80, "3/12+ files  1.0 MiB of 13.0 MiB+  1.0 MiB/s"},
    {{.files = 3, .bytes = MIB}, 0, 80, "3 files  1.0 MiB"},
    {{.bytes_total = 7200, .files_total = 1}, 1, 80,
	"0/1 files  0 B of 7.0 KiB  1 B/s  2:00:00 left"},
    {{.bytes_total = UINT64_MAX, .files_total = 1}, 1, 80, "0/1 files  0 B of 16.0 EiB  1 B/s"},
    {{.bytes = 2, .bytes_total = 1, .files = 1, .files_total = 1}, 1, 80,
	"1/1 files  2 B of 1 B  1 B/s"},
    {{.files = 3, .files_total = 12, .bytes = MIB, .bytes_total = 13 * MIB}, MIB, 20, "3/12 files"},
    {{.files = UINT64_MAX, .files_total = UINT64_MAX}, UINT64_MAX, 20, "0 B  8.0 EiB/s"},
};

static void
test_file_lines(void **state)
{
	char line[PROGRESS_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FILE_LINES); i++) {
		progress_file_line(&FILE_LINES[i].state, FILE_LINES[i].width, line);
		assert_string_equal(line, FILE_LINES[i].line);
	}
}

static void
test_job_lines(void **state)
{
	char line[PROGRESS_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(JOB_LINES); i++) {
		progress_job_line(&JOB_LINES[i].state, JOB_LINES[i].rate, JOB_LINES[i].width, line);
		assert_string_equal(line, JOB_LINES[i].line);
	}
}

/* Whatever the name: as wide as it may be, and no wider. */
static void
test_widths(void **state)
{
	char name[300], line[PROGRESS_LINE_MAX];
	const struct progress_state s = {
	    .name = {(const uint8_t *)name, sizeof name}, .file_bytes = 5, .file_total = 10};

	(void)state;
	for (unsigned fill = 0; fill < 256; fill++) {
		memset(name, (int)fill, sizeof name);
		for (size_t width = PROGRESS_WIDTH_MIN; width <= PROGRESS_WIDTH_MAX; width++) {
			progress_file_line(&s, width, line);
			assert_int_equal(columns_of(line), width);
		}
	}
}

static void
test_meter(void **state)
{
	struct progress_meter m = {.n = 0};
	int64_t now = 5 * US_PER_SEC;

	(void)state;
	assert_int_equal(progress_meter_rate(&m, 0, now), 0);
	assert_int_equal(progress_meter_rate(&m, 500, now + US_PER_SEC / 2), 0);
	assert_int_equal(progress_meter_rate(&m, 1000, now + US_PER_SEC), 1000);
	/* What was long ago is forgotten: 100 s at 10 a second leave 10. */
	uint64_t bytes = 1000;
	for (int i = 1; i <= 200; i++) {
		bytes += 5;
		(void)progress_meter_rate(&m, bytes, now + US_PER_SEC + i * US_PER_SEC / 2);
	}
	assert_int_equal(progress_meter_rate(&m, bytes, now + 101 * US_PER_SEC), 10);
	assert_int_equal(progress_meter_rate(&m, 0, now + 102 * US_PER_SEC), 0);
}

static void
test_rates(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(progress_rate(MIB, US_PER_SEC, text), "1.0 MiB/s");
	assert_string_equal(progress_rate(MIB, 2 * US_PER_SEC, text), "512.0 KiB/s");
	assert_string_equal(progress_rate(MIB, 0, text), "0 B/s");
	assert_string_equal(progress_rate(UINT64_MAX, 1, text), "8.0 EiB/s");
}

static size_t
read_all(int fd, char *dst, size_t size)
{
	size_t len = 0;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (;;) {
		ssize_t n = read(fd, dst + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	dst[len] = '\0';
	return len;
}

static void
test_on_a_terminal(void **state)
{
	static const struct progress_state s = {NAME("a.csv"), .file_bytes = 1, .file_total = 2};
	const struct winsize size = {.ws_row = 5, .ws_col = 31};
	char seen[2048];
	int outer, inner;

	(void)state;
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(openpty(&outer, &inner, NULL, NULL, &size), 0);
	FILE *to = fdopen(inner, "w");
	assert_non_null(to);
	struct progress *p = progress_new(to, true);
	assert_non_null(p);
	progress_update(p, &s, 1000);
	progress_update(p, &s, 1001); /* too soon */
	progress_say(p, to, "dray: %s", "oops");
	progress_free(p);
	read_all(outer, seen, sizeof seen);
	assert_string_equal(seen, "a.csv          50%         1 B\r\n0 files  0 B"
				  "\r\033[K\033[A\033[K"
				  "dray: oops\r\n"
				  "a.csv          50%         1 B\r\n0 files  0 B"
				  "\r\033[K\033[A\033[K");
	assert_null(progress_new(to, false));
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_null(progress_new(to, true));
	fclose(to);
	close(outer);
}

static void
test_on_a_pipe(void **state)
{
	char *text;
	size_t len;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	FILE *pipe_end = fdopen(fds[1], "w"), *to = open_memstream(&text, &len);
	assert_null(progress_new(pipe_end, true));
	assert_null(progress_new(to, true));
	progress_update(NULL, &(struct progress_state){NAME("a")}, 0);
	progress_say(NULL, to, "one %d", 1);
	progress_free(NULL);
	fclose(to);
	assert_string_equal(text, "one 1\n");
	free(text);
	fclose(pipe_end);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file_lines),
	    cmocka_unit_test(test_job_lines),
	    cmocka_unit_test(test_widths),
	    cmocka_unit_test(test_meter),
	    cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_on_a_terminal),
	    cmocka_unit_test(test_on_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
