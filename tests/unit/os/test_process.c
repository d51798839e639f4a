#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "child.h"
#include "os/process.h"

static void
test_name_is_cut_at_fifteen_bytes(void **state)
{
	char name[17] = {0};

	(void)state;
	process_set_name("dray: a very long name");
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_string_equal(name, "dray: a very lo");
}

static int
outlive(void *ctx)
{
	int *ends = ctx;
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return 1;
	if (pid == 0) {
		bool set = process_die_with_parent(parent);
		(void)!write(ends[1], set ? "y" : "n", 1);
		for (;;)
			(void)pause();
	}
	/* Lives until the grandchild has said that it is tied to it. */
	char c;
	return read(ends[0], &c, 1) == 1 && c == 'y' ? 0 : 1;
}

static void
test_dies_with_its_parent(void **state)
{
	int say[2], ends[2];
	char c;

	(void)state;
	/* The grandchild holds the writing end: it is closed when the grandchild has died. */
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(say), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		_exit(outlive(say));
	}
	close(ends[1]);
	close(say[0]);
	close(say[1]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	(void)alarm(10);
	assert_int_equal(read(ends[0], &c, 1), 0);
	(void)alarm(0);
	close(ends[0]);
}

static int
orphaned(void *ctx)
{
	(void)ctx;
	/* Not our parent: as if it had died between fork and here. */
	return process_die_with_parent(getppid() + 1) ? 1 : 0;
}

static void
test_a_parent_that_is_gone_is_noticed(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(orphaned, NULL), 0);
}

static int
raise_fd_limit(void *ctx)
{
	struct rlimit limit = {.rlim_cur = 32, .rlim_max = 128};

	(void)ctx;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	process_raise_fd_limit();
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 128 ? 0 : 1;
}

static void
test_fd_limit_is_raised(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(raise_fd_limit, NULL), 0);
}

/* The test program itself, run as a role: says in which environment, by its exit status. */
enum { ROLE_IN_ORDER = 42 };

static int
be_a_role(const char *role)
{
	char c;
	bool bound = getenv("LD_BIND_NOW") != NULL;

	/* The channel alone is open; what the test opened is not. */
	if (recv(PROCESS_CHANNEL_FD, &c, 1, 0) != 1 || c != 'x' || getenv("HOME") != NULL)
		return 1;
	for (int fd = PROCESS_CHANNEL_FD + 1; fd < 64; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return 1;
	}
	return bound == (strcmp(role, "own") == 0) ? ROLE_IN_ORDER : 1;
}

/* The channel at descriptor number `at`, the program as given. */
static int
spawn_role(int program, const char *role, int at)
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(send(ends[0], "x", 1, 0), 1);
	int channel = fcntl(ends[1], F_DUPFD_CLOEXEC, at);
	assert_true(channel >= at);
	assert_int_equal(process_spawn_role(program, role, channel, &pid), ERR_OK);
	close(ends[0]);
	close(ends[1]);
	close(channel);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_a_role_has_its_channel_and_no_other_descriptor(void **state)
{
	(void)state;
	for (int at = 3; at < 8; at++)
		assert_int_equal(spawn_role(PROCESS_OURSELVES, "same", at), ROLE_IN_ORDER);
}

static void
test_a_program_of_its_own_lies_beside_ours(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(process_open_program(program_invocation_short_name, &fd), ERR_OK);
	for (int at = 3; at < 8; at++)
		assert_int_equal(spawn_role(fd, "own", at), ROLE_IN_ORDER);
	close(fd);
}

static void
test_a_program_that_is_not_there(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(process_open_program("dray-no-such-program", &fd), ERR_NOENT);
	assert_int_equal(fd, -1);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return be_a_role(argv[2]);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_name_is_cut_at_fifteen_bytes),
	    cmocka_unit_test(test_dies_with_its_parent),
	    cmocka_unit_test(test_a_parent_that_is_gone_is_noticed),
	    cmocka_unit_test(test_fd_limit_is_raised),
	    cmocka_unit_test(test_a_role_has_its_channel_and_no_other_descriptor),
	    cmocka_unit_test(test_a_program_of_its_own_lies_beside_ours),
	    cmocka_unit_test(test_a_program_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
