/*
 * Runs the dray command in this process with its streams in memory, in a temporary directory of its
 * own, at a fixed moment: 2026-03-01T12:00:00Z.
 */
#ifndef TESTS_CLI_HARNESS_H
#define TESTS_CLI_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "os/file.h"

#define NOW_S  INT64_C(1772366400)
#define NOW_US (NOW_S * US_PER_SEC)

enum { ARGS_MAX = 12, PATH_LEN = 512 };

/* What came of a command. The texts are freed by answer_fini. */
struct answer {
	enum cli_exit code;
	char *out;
	char *err;
};

static inline void
answer_fini(struct answer *a)
{
	free(a->out);
	free(a->err);
}

static inline struct answer
run_dray(const char *const *args)
{
	struct answer a = {.code = CLI_FAILED};
	size_t out_len, err_len;
	char *argv[ARGS_MAX + 2] = {strdup("dray")};
	int argc = 1;

	for (; args[argc - 1] != NULL; argc++) {
		assert_true(argc <= ARGS_MAX);
		argv[argc] = strdup(args[argc - 1]);
	}
	struct cli cli = {.out = open_memstream(&a.out, &out_len),
	    .err = open_memstream(&a.err, &err_len),
	    .now_us = NOW_US};
	a.code = cli_run(&cli, argc, argv);
	fclose(cli.out);
	fclose(cli.err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return a;
}

#define DRAY(...) run_dray((const char *const[]){__VA_ARGS__, NULL})

/* A directory of the test's own, in which it stands. */
struct place {
	char path[PATH_LEN];
};

static inline int
place_setup(void **state)
{
	static struct place place;

	(void)snprintf(place.path, sizeof place.path, "/tmp/dray-cli-XXXXXX");
	if (mkdtemp(place.path) == NULL || chdir(place.path) < 0)
		return -1;
	*state = &place;
	return unsetenv("DRAY_CONFIG");
}

/* Runs a shell command and returns its exit status. */
static inline int shell(const char *format, ...) printf_like(1, 2);
static inline int
shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof command, format, args);
	va_end(args);
	int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int
place_teardown(void **state)
{
	struct place *place = *state;

	if (chdir("/") < 0)
		return -1;
	return shell("rm -rf '%s'", place->path);
}

static inline void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), ERR_OK);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* The file's text. Caller frees; NULL when there is none. */
static inline char *
read_file(const char *path)
{
	struct buf b;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	buf_init(&b, 1024 * 1024);
	assert_int_equal(file_read_all(fd, &b), ERR_OK);
	assert_int_equal(close(fd), 0);
	char *text = slice_dup(buf_slice(&b));
	buf_fini(&b);
	assert_non_null(text);
	return text;
}

static inline void
assert_file_is(const char *path, const char *expected)
{
	char *text = read_file(path);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static inline void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

#endif
