/* -D: servers that start, that don't, and that are ended. */
#include "harness.h"

#include <errno.h>
#include <signal.h>

#include "cli/stdio_server.h"
#include "os/fd.h"

static void
test_line(void **state)
{
	struct stdio_servers s = {.n = 0};
	struct story story = {.text = ""};
	char seen[8] = "";
	int fd;

	(void)state;
	assert_int_equal(stdio_server_start(&s, " cat\t- ", &fd, &story), ERR_OK);
	assert_int_equal(s.n, 1);
	/* Ctrl-C at the terminal is for our process group alone. */
	assert_int_equal(getpgid(s.pids[0]), s.pids[0]);
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(read(fd, seen, sizeof seen), 5);
	assert_string_equal(seen, "hello");
	fd_closep(&fd);
	pid_t pid = s.pids[0];
	stdio_servers_end(&s);
	assert_int_equal(s.n, 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* One that doesn't end when its line does. */
static void
test_stubborn(void **state)
{
	struct stdio_servers s = {.n = 0};
	int fd;

	(void)state;
	assert_int_equal(stdio_server_start(&s, "sleep 1000", &fd, NULL), ERR_OK);
	fd_closep(&fd);
	pid_t pid = s.pids[0];
	stdio_servers_end(&s);
	assert_int_equal(kill(pid, 0), -1);
}

struct refused_case {
	const char *command, *story;
};

static void
test_refused(void **state)
{
	static const struct refused_case CASES[] = {
	    {"", "cannot start the SFTP server: \"\""},
	    {" \t ", "cannot start the SFTP server: \" \\x09 \""},
	    {"/no/such\nprogram x",
		"cannot start the SFTP server: /no/such\\x0aprogram x: no such"},
	    {"/dev/null", "permission denied"},
	    {"x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x "
	     "x x "
	     "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x "
	     "x",
		"cannot start the SFTP server"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct stdio_servers s = {.n = 0};
		struct story story = {.text = ""};
		int fd = -1;
		assert_int_not_equal(stdio_server_start(&s, CASES[i].command, &fd, &story), ERR_OK);
		assert_contains(story.text, CASES[i].story);
		assert_int_equal(fd, -1);
		assert_int_equal(s.n, 0);
	}
}

/* Those that have ended make room for others; too many at once are refused. */
static void
test_many(void **state)
{
	struct stdio_servers s = {.n = 0};
	int fds[STDIO_SERVERS_MAX], fd;

	(void)state;
	for (size_t i = 0; i < STDIO_SERVERS_MAX; i++)
		assert_int_equal(stdio_server_start(&s, "cat", &fds[i], NULL), ERR_OK);
	assert_int_equal(stdio_server_start(&s, "cat", &fd, NULL), ERR_INVALID);
	for (size_t i = 0; i < STDIO_SERVERS_MAX; i++)
		fd_closep(&fds[i]);
	stdio_servers_end(&s);
	assert_int_equal(stdio_server_start(&s, "cat", &fd, NULL), ERR_OK);
	fd_closep(&fd);
	stdio_servers_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(test_stubborn),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
