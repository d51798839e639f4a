/* os/file.h when the system fails under it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject.h"
#include "os/fd.h"
#include "os/file.h"
#include "scratch.h"

static struct scratch dir;

static int
dir_setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	scratch_mkdir(&dir, "staging");
	return 0;
}

static int
dir_teardown(void **state)
{
	(void)state;
	(void)fault_disarm();
	scratch_fini(&dir);
	return 0;
}

enum { CONTENT_LEN = 100000 };

static void
content_make(uint8_t bytes[CONTENT_LEN])
{
	for (size_t i = 0; i < CONTENT_LEN; i++)
		bytes[i] = (uint8_t)(i % 251);
}

/* What publishing a file comes down to: staged, synced, renamed into place, the place synced. */
static enum err
publish(const uint8_t bytes[CONTENT_LEN])
{
	int staging _cleanup_(fd_closep) = -1, file _cleanup_(fd_closep) = -1;
	int place _cleanup_(fd_closep) = -1;

	enum err e = file_open_beneath(dir.fd, "staging", O_RDONLY | O_DIRECTORY, 0, &staging);
	if (e == ERR_OK)
		e = file_make_dirs(dir.fd, "out/deep");
	if (e == ERR_OK)
		e = file_open_beneath(dir.fd, "out/deep", O_RDONLY | O_DIRECTORY, 0, &place);
	if (e == ERR_OK)
		e = file_open_beneath(staging, "u1", O_RDWR | O_CREAT | O_TRUNC, 0640, &file);
	if (e == ERR_OK)
		e = file_write_all(file, bytes, CONTENT_LEN / 2);
	if (e == ERR_OK)
		e = file_pwrite_all(
		    file, bytes + CONTENT_LEN / 2, CONTENT_LEN / 2, CONTENT_LEN / 2);
	if (e == ERR_OK)
		e = file_sync(file);
	if (e == ERR_OK)
		e = file_rename_new(staging, "u1", place, "file");
	if (e == ERR_OK)
		e = file_sync(place);
	return e;
}

/* The published file: absent, or whole. */
static bool
is_absent_or_whole(const uint8_t bytes[CONTENT_LEN], bool *ret_there)
{
	int fd _cleanup_(fd_closep) = openat(dir.fd, "out/deep/file", O_RDONLY | O_CLOEXEC);
	static uint8_t got[CONTENT_LEN + 1];
	size_t len;

	*ret_there = fd >= 0;
	if (fd < 0)
		return true;
	return file_pread_full(fd, got, sizeof got, 0, &len) == ERR_OK && len == CONTENT_LEN &&
	       memcmp(got, bytes, CONTENT_LEN) == 0;
}

static void
start_afresh(void)
{
	(void)unlinkat(dir.fd, "out/deep/file", 0);
	(void)unlinkat(dir.fd, "out/deep", AT_REMOVEDIR);
	(void)unlinkat(dir.fd, "out", AT_REMOVEDIR);
	(void)unlinkat(dir.fd, "staging/u1", 0);
}

/* Fails each call of this kind in turn; returns how many there were. */
static unsigned
torture(enum fault_call call, int errno_value, enum err want, const uint8_t bytes[CONTENT_LEN])
{
	size_t n_fds = scratch_count_fds();
	unsigned nth = 1;

	for (;; nth++) {
		bool there;
		start_afresh();
		fault_arm(call, nth, 1, errno_value);
		enum err e = publish(bytes);
		bool fired = fault_disarm();
		assert_true(is_absent_or_whole(bytes, &there));
		assert_int_equal(scratch_count_fds(), n_fds);
		if (!fired) {
			assert_int_equal(e, ERR_OK);
			assert_true(there);
			return nth - 1;
		}
		if (e != want)
			fail_msg("%s %u: %s", fault_call_name(call), nth, err_name(e));
		/* The same again, without the fault, ends well wherever it was cut off. */
		if (!there)
			assert_int_equal(publish(bytes), ERR_OK);
	}
}

static void
test_publishing_is_all_or_nothing(void **state)
{
	static const struct {
		enum fault_call call;
		int errno_value;
		enum err err;
		unsigned n_least;
	} ROWS[] = {
	    {FAULT_WRITE, ENOSPC, ERR_NOSPACE, 1},
	    {FAULT_WRITE, EIO, ERR_IO, 1},
	    {FAULT_PWRITE, EDQUOT, ERR_QUOTA, 1},
	    {FAULT_FSYNC, EIO, ERR_IO, 4},
	    {FAULT_MKDIRAT, ENOSPC, ERR_NOSPACE, 2},
	    {FAULT_RENAMEAT2, EIO, ERR_IO, 1},
	    {FAULT_OPENAT2, EMFILE, ERR_NOFILES, 6},
	    {FAULT_OPENAT2, EXDEV, ERR_ESCAPE, 6},
	};
	static uint8_t bytes[CONTENT_LEN];

	(void)state;
	content_make(bytes);
	for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
		unsigned n = torture(ROWS[i].call, ROWS[i].errno_value, ROWS[i].err, bytes);
		assert_true(n >= ROWS[i].n_least);
	}
}

static void
test_short_and_interrupted_calls_are_continued(void **state)
{
	static const struct {
		enum fault_call call;
		int how;
	} ROWS[] = {{FAULT_WRITE, FAULT_SHORT}, {FAULT_WRITE, EINTR}, {FAULT_PWRITE, FAULT_SHORT},
	    {FAULT_PWRITE, EINTR}, {FAULT_OPENAT2, EINTR}};
	static uint8_t bytes[CONTENT_LEN];

	(void)state;
	content_make(bytes);
	for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
		bool there;
		start_afresh();
		fault_arm(ROWS[i].call, 1, 3, ROWS[i].how);
		assert_int_equal(publish(bytes), ERR_OK);
		assert_true(fault_disarm());
		assert_true(is_absent_or_whole(bytes, &there) && there);
	}
}

static void
test_reads_are_continued(void **state)
{
	static const int HOW[] = {FAULT_SHORT, EINTR};
	uint8_t got[8];
	size_t len;

	(void)state;
	scratch_write(&dir, "text", "12345678");
	for (size_t i = 0; i < ARRAY_LEN(HOW); i++) {
		int fd _cleanup_(fd_closep) = openat(dir.fd, "text", O_RDONLY | O_CLOEXEC);
		struct buf b _cleanup_(buf_fini);
		buf_init(&b, 8);
		fault_arm(FAULT_PREAD, 1, 2, HOW[i]);
		assert_int_equal(file_pread_full(fd, got, sizeof got, 0, &len), ERR_OK);
		assert_true(fault_disarm());
		assert_int_equal(len, 8);
		assert_memory_equal(got, "12345678", 8);
		fault_arm(FAULT_READ, 1, 2, HOW[i]);
		assert_int_equal(file_read_all(fd, &b), ERR_OK);
		assert_true(fault_disarm());
		assert_true(slice_is(buf_slice(&b), "12345678"));
	}
}

static void
test_reads_report_failure_anywhere(void **state)
{
	bool fired = true;

	(void)state;
	scratch_write(&dir, "text", "12345678");
	for (unsigned nth = 1; fired; nth++) {
		int fd _cleanup_(fd_closep) = openat(dir.fd, "text", O_RDONLY | O_CLOEXEC);
		struct buf b _cleanup_(buf_fini);
		buf_init(&b, 8);
		fault_arm(FAULT_READ, nth, 1, EIO);
		enum err e = file_read_all(fd, &b);
		fired = fault_disarm();
		assert_int_equal(e, fired ? ERR_IO : ERR_OK);
		/* At the least: the text, and the question whether there is more. */
		assert_true(fired || nth > 2);
	}
}

/* The kernel answers EAGAIN when a rename raced with the walk: asked again, but not for ever. */
static void
test_a_race_in_the_kernel_is_asked_again(void **state)
{
	int fd = -1;

	(void)state;
	scratch_write(&dir, "text", "t");
	fault_arm(FAULT_OPENAT2, 1, 3, EAGAIN);
	assert_int_equal(file_open_beneath(dir.fd, "text", O_RDONLY, 0, &fd), ERR_OK);
	assert_true(fault_disarm());
	fd_closep(&fd);
	fault_arm(FAULT_OPENAT2, 1, 1000000, EAGAIN);
	assert_int_equal(file_open_beneath(dir.fd, "text", O_RDONLY, 0, &fd), ERR_AGAIN);
	assert_true(fault_disarm());
	assert_int_equal(fd, -1);
}

/* After a failed fsync the kernel may call the lost pages clean: a second try would lie. */
static void
test_a_failed_sync_is_not_tried_again(void **state)
{
	(void)state;
	fault_arm(FAULT_FSYNC, 1, 1, EIO);
	assert_int_equal(file_sync(dir.fd), ERR_IO);
	assert_true(fault_disarm());
	fault_arm(FAULT_FSYNC, 1, 1, EINTR);
	assert_int_not_equal(file_sync(dir.fd), ERR_OK);
	assert_true(fault_disarm());
}

static void
test_rename_over_reports_failure(void **state)
{
	char text[8];

	(void)state;
	scratch_write(&dir, "a", "a");
	scratch_write(&dir, "b", "b");
	fault_arm(FAULT_RENAMEAT, 1, 1, ENOSPC);
	assert_int_equal(file_rename_over(dir.fd, "a", dir.fd, "b"), ERR_NOSPACE);
	assert_true(fault_disarm());
	assert_true(scratch_read(&dir, "b", text, sizeof text));
	assert_string_equal(text, "b");
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_setup, dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    DIR_TEST(test_publishing_is_all_or_nothing),
	    DIR_TEST(test_short_and_interrupted_calls_are_continued),
	    DIR_TEST(test_reads_are_continued),
	    DIR_TEST(test_reads_report_failure_anywhere),
	    DIR_TEST(test_a_race_in_the_kernel_is_asked_again),
	    DIR_TEST(test_a_failed_sync_is_not_tried_again),
	    DIR_TEST(test_rename_over_reports_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
