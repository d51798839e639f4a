#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/fd.h"

static void
test_close_keeps_errno_and_forgets(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd, none = -1;

	(void)state;
	assert_true(fd >= 0);
	errno = ENOSPC;
	fd_closep(&fd);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	errno = ENOSPC;
	fd_closep(&none);
	assert_int_equal(errno, ENOSPC);
}

static void
test_take_hands_on(void **state)
{
	int fd = 42;

	(void)state;
	assert_int_equal(fd_take(&fd), 42);
	assert_int_equal(fd, -1);
	assert_int_equal(fd_take(&fd), -1);
}

static void
test_dup_is_close_on_exec_and_leaves_the_standard_three(void **state)
{
	int fd = -1, saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);

	(void)state;
	assert_true(saved >= 0);
	close(STDIN_FILENO);
	enum err e = fd_dup(saved, &fd);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	assert_int_equal(e, ERR_OK);
	assert_true(fd >= 3);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	fd_closep(&fd);
	assert_int_equal(fd_dup(-1, &fd), ERR_INVALID);
	assert_int_equal(fd, -1);
}

static void
test_nonblocking(void **state)
{
	char c;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_set_nonblocking(ends[0]), ERR_OK);
	assert_int_equal(read(ends[0], &c, 1), -1);
	assert_int_equal(err_last(), ERR_AGAIN);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(fd_set_nonblocking(-1), ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_close_keeps_errno_and_forgets),
	    cmocka_unit_test(test_take_hands_on),
	    cmocka_unit_test(test_dup_is_close_on_exec_and_leaves_the_standard_three),
	    cmocka_unit_test(test_nonblocking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
