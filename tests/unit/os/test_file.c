#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "child.h"
#include "os/fd.h"
#include "os/file.h"
#include "scratch.h"

/*
 * The tree of every test here; the directory that paths must stay beneath is "in".
 *
 *	secret              a file outside
 *	in/file, in/dir/, in/dir/deep
 *	in/up -> ..         in/out -> ../secret      in/abs -> /etc/passwd
 *	in/self -> file     in/dirlink -> dir        in/dir/up -> ../..
 */
struct tree {
	struct scratch s;
	int in;
};

static int
tree_setup(void **state)
{
	static struct tree t;

	scratch_init(&t.s);
	scratch_write(&t.s, "secret", "secret");
	scratch_mkdir(&t.s, "in");
	scratch_mkdir(&t.s, "in/dir");
	scratch_write(&t.s, "in/file", "content");
	scratch_write(&t.s, "in/dir/deep", "deep");
	scratch_symlink(&t.s, "..", "in/up");
	scratch_symlink(&t.s, "../secret", "in/out");
	scratch_symlink(&t.s, "/etc/passwd", "in/abs");
	scratch_symlink(&t.s, "file", "in/self");
	scratch_symlink(&t.s, "dir", "in/dirlink");
	scratch_symlink(&t.s, "../..", "in/dir/up");
	t.in = openat(t.s.fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &t;
	return t.in < 0 ? -1 : 0;
}

static int
tree_teardown(void **state)
{
	struct tree *t = *state;

	(void)close(t->in);
	scratch_fini(&t->s);
	return 0;
}

static const struct {
	const char *path;
	enum err err;
} OPENS[] = {
    {"file", ERR_OK},
    {"dir/deep", ERR_OK},
    {"./dir/./deep", ERR_OK},
    {"dir/../file", ERR_OK},
    {"dir//deep", ERR_OK},
    {"..", ERR_ESCAPE},
    {"../secret", ERR_ESCAPE},
    {"../in/file", ERR_ESCAPE},
    {"dir/../../secret", ERR_ESCAPE},
    {"dir/../../in/file", ERR_ESCAPE},
    {"/etc/passwd", ERR_ESCAPE},
    {"/", ERR_ESCAPE},
    {"out", ERR_ESCAPE},
    {"abs", ERR_ESCAPE},
    {"self", ERR_ESCAPE},
    {"up", ERR_ESCAPE},
    {"up/secret", ERR_ESCAPE},
    {"up/in/file", ERR_ESCAPE},
    {"dirlink/deep", ERR_ESCAPE},
    {"dir/up/secret", ERR_ESCAPE},
    {"dirlink/", ERR_ESCAPE},
    {"dirlink/.", ERR_ESCAPE},
    {"missing", ERR_NOENT},
    {"missing/../file", ERR_NOENT},
    {"file/x", ERR_NOTDIR},
    {"file/", ERR_NOTDIR},
    {"", ERR_NOENT},
};

static void
test_open_stays_beneath(void **state)
{
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(OPENS); i++) {
		int fd _cleanup_(fd_closep) = 99;
		enum err e = file_open_beneath(t->in, OPENS[i].path, O_RDONLY, 0, &fd);
		if (e != OPENS[i].err)
			fail_msg("%s: %s", OPENS[i].path, err_name(e));
		assert_int_equal(fd >= 0, e == ERR_OK);
		if (e == ERR_OK)
			assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	}
}

static void
test_creating_stays_beneath(void **state)
{
	static const char *const PATHS[] = {"../new", "up/new", "dir/up/new", "dirlink/new", "out",
	    "abs", "/tmp/dray-unit-must-not-appear"};
	struct tree *t = *state;
	struct stat st;
	char text[16];

	for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
		int fd _cleanup_(fd_closep) = -1;
		assert_int_equal(
		    file_open_beneath(t->in, PATHS[i], O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd),
		    ERR_ESCAPE);
	}
	assert_int_equal(fstatat(t->s.fd, "new", &st, 0), -1);
	assert_int_equal(fstatat(t->s.fd, "in/dir/new", &st, 0), -1);
	assert_true(scratch_read(&t->s, "secret", text, sizeof text));
	assert_string_equal(text, "secret");
}

static void
test_create_uses_the_mode(void **state)
{
	struct tree *t = *state;
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;
	mode_t mask = umask(0);

	assert_int_equal(
	    file_open_beneath(t->in, "new", O_WRONLY | O_CREAT | O_EXCL, 0640, &fd), ERR_OK);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fd_closep(&fd);
	assert_int_equal(
	    file_open_beneath(t->in, "new", O_WRONLY | O_CREAT | O_EXCL, 0640, &fd), ERR_EXISTS);
	/* A mode without O_CREAT must not upset openat2, which is strict. */
	assert_int_equal(file_open_beneath(t->in, "new", O_RDONLY, 0640, &fd), ERR_OK);
	(void)umask(mask);
}

static const struct {
	const char *path;
	enum err err;
	const char *name;
} PARENTS[] = {
    {"file", ERR_OK, "file"},
    {"missing", ERR_OK, "missing"},
    {"dir/deep", ERR_OK, "deep"},
    {"dir/../x", ERR_OK, "x"},
    {"self", ERR_OK, "self"},
    {"", ERR_INVALID, NULL},
    {".", ERR_INVALID, NULL},
    {"..", ERR_INVALID, NULL},
    {"dir/..", ERR_INVALID, NULL},
    {"dir/.", ERR_INVALID, NULL},
    {"dir/", ERR_INVALID, NULL},
    {"/", ERR_INVALID, NULL},
    {"/x", ERR_ESCAPE, NULL},
    {"/etc/passwd", ERR_ESCAPE, NULL},
    {"../x", ERR_ESCAPE, NULL},
    {"up/x", ERR_ESCAPE, NULL},
    {"dirlink/x", ERR_ESCAPE, NULL},
    {"missing/x", ERR_NOENT, NULL},
    {"file/x", ERR_NOTDIR, NULL},
};

static void
test_open_parent(void **state)
{
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(PARENTS); i++) {
		int fd _cleanup_(fd_closep) = -1;
		const char *name = NULL;
		enum err e = file_open_parent(t->in, PARENTS[i].path, &fd, &name);
		if (e != PARENTS[i].err)
			fail_msg("%s: %s", PARENTS[i].path, err_name(e));
		assert_int_equal(fd >= 0, e == ERR_OK);
		if (e == ERR_OK)
			assert_string_equal(name, PARENTS[i].name);
	}
}

static void
test_names_and_paths_have_limits(void **state)
{
	struct tree *t = *state;
	char name[NAME_MAX + 2], path[2 * PATH_MAX];
	int fd _cleanup_(fd_closep) = -1;
	const char *last;
	struct stat st;

	memset(name, 'n', sizeof name);
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(file_open_parent(t->in, name, &fd, &last), ERR_NAMETOOLONG);
	assert_int_equal(file_make_dirs(t->in, name), ERR_NAMETOOLONG);
	name[NAME_MAX] = '\0';
	assert_int_equal(file_open_parent(t->in, name, &fd, &last), ERR_OK);
	fd_closep(&fd);
	memset(path, '/', sizeof path);
	memcpy(path, "dir", 3);
	memcpy(path + sizeof path - 2, "x", 2);
	assert_int_equal(file_open_parent(t->in, path, &fd, &last), ERR_NAMETOOLONG);
	assert_int_equal(file_stat_beneath(t->in, path, &st), ERR_NAMETOOLONG);
	assert_int_equal(file_open_beneath(t->in, path, O_RDONLY, 0, &fd), ERR_NAMETOOLONG);
}

static void
test_stat_describes_links_themselves(void **state)
{
	static const struct {
		const char *path;
		enum err err;
		mode_t type;
	} CASES[] = {
	    {"file", ERR_OK, S_IFREG},
	    {"dir", ERR_OK, S_IFDIR},
	    {".", ERR_OK, S_IFDIR},
	    {"dir/", ERR_OK, S_IFDIR},
	    {"dir/..", ERR_OK, S_IFDIR},
	    {"out", ERR_OK, S_IFLNK},
	    {"abs", ERR_OK, S_IFLNK},
	    {"up", ERR_OK, S_IFLNK},
	    {"missing", ERR_NOENT, 0},
	    {"..", ERR_ESCAPE, 0},
	    {"dir/../..", ERR_ESCAPE, 0},
	    {"up/secret", ERR_ESCAPE, 0},
	    {"up/", ERR_ESCAPE, 0},
	    {"up/.", ERR_ESCAPE, 0},
	    {"/", ERR_ESCAPE, 0},
	    {"/etc/passwd", ERR_ESCAPE, 0},
	    {"file/", ERR_NOTDIR, 0},
	};
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct stat st;
		enum err e = file_stat_beneath(t->in, CASES[i].path, &st);
		if (e != CASES[i].err)
			fail_msg("%s: %s", CASES[i].path, err_name(e));
		if (e == ERR_OK)
			assert_int_equal(st.st_mode & S_IFMT, CASES[i].type);
	}
}

static void
test_make_dirs(void **state)
{
	static const struct {
		const char *path;
		enum err err;
	} CASES[] = {
	    {"a/b/c", ERR_OK},
	    {"a/b/c", ERR_OK},
	    {"a/b/d", ERR_OK},
	    {".", ERR_OK},
	    {"./e", ERR_OK},
	    {"dir", ERR_OK},
	    {"file", ERR_NOTDIR},
	    {"file/x", ERR_NOTDIR},
	    {"up", ERR_ESCAPE},
	    {"up/x", ERR_ESCAPE},
	    {"dirlink", ERR_ESCAPE},
	    {"dir/up/x", ERR_ESCAPE},
	    {"/x", ERR_ESCAPE},
	    {"..", ERR_INVALID},
	    {"../x", ERR_INVALID},
	    {"dir/../../x", ERR_INVALID},
	    {"a//b", ERR_INVALID},
	};
	struct tree *t = *state;
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		enum err e = file_make_dirs(t->in, CASES[i].path);
		if (e != CASES[i].err)
			fail_msg("%s: %s", CASES[i].path, err_name(e));
	}
	assert_int_equal(fstatat(t->in, "a/b/c", &st, 0), 0);
	assert_int_equal(fstatat(t->in, "a/b/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07027, 0);
	assert_int_equal(fstatat(t->s.fd, "x", &st, 0), -1);
}

static void
test_trusted_paths_follow_links(void **state)
{
	struct tree *t = *state;
	char path[PATH_MAX];
	int fd _cleanup_(fd_closep) = -1;

	(void)snprintf(path, sizeof path, "%s/in/out", t->s.path);
	assert_int_equal(file_open_trusted(path, O_RDONLY, 0, &fd), ERR_OK);
	fd_closep(&fd);
	(void)snprintf(path, sizeof path, "%s/in/dirlink/p/q", t->s.path);
	assert_int_equal(file_make_trusted_dirs(path), ERR_OK);
	assert_int_equal(file_make_trusted_dirs(path), ERR_OK);
	assert_int_equal(file_open_trusted(path, O_RDONLY | O_DIRECTORY, 0, &fd), ERR_OK);
	(void)snprintf(path, sizeof path, "%s/in/file", t->s.path);
	assert_int_equal(file_make_trusted_dirs(path), ERR_NOTDIR);
	(void)snprintf(path, sizeof path, "%s/in/file/x", t->s.path);
	assert_int_equal(file_make_trusted_dirs(path), ERR_NOTDIR);
	assert_int_equal(file_make_trusted_dirs("/"), ERR_OK);
	assert_int_equal(file_make_trusted_dirs(""), ERR_NOENT);
	fd_closep(&fd);
	assert_int_equal(file_open_trusted("", O_RDONLY, 0, &fd), ERR_NOENT);
}

/* A file of len bytes, whose content is known. */
static int
open_pattern(struct tree *t, size_t len)
{
	int fd = openat(t->in, "pattern", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)(i * 7 + i / 251);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
	}
	return fd;
}

static void
test_read_all_respects_the_maximum(void **state)
{
	static const struct {
		size_t file_len, max;
		enum err err;
	} CASES[] = {
	    {0, 0, ERR_OK},
	    {0, 10, ERR_OK},
	    {10, 10, ERR_OK},
	    {11, 10, ERR_NOMEM},
	    {1, 0, ERR_NOMEM},
	    {3000, 4096, ERR_OK},
	    {4097, 4096, ERR_NOMEM},
	};
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		int fd _cleanup_(fd_closep) = open_pattern(t, CASES[i].file_len);
		struct buf b _cleanup_(buf_fini);
		buf_init(&b, CASES[i].max);
		assert_int_equal(file_read_all(fd, &b), CASES[i].err);
		if (CASES[i].err == ERR_OK)
			assert_int_equal(buf_len(&b), CASES[i].file_len);
	}
}

static void
test_read_all_goes_on_from_the_position(void **state)
{
	int ends[2];
	struct buf b _cleanup_(buf_fini);

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(buf_put(&b, "kept ", 5), ERR_OK);
	assert_int_equal(write(ends[1], "added", 5), 5);
	close(ends[1]);
	assert_int_equal(file_read_all(ends[0], &b), ERR_OK);
	close(ends[0]);
	assert_true(slice_is(buf_slice(&b), "kept added"));
	assert_int_equal(file_read_all(ends[0], &b), ERR_INVALID);
}

static void
test_pread_and_pwrite(void **state)
{
	struct tree *t = *state;
	int fd _cleanup_(fd_closep) = open_pattern(t, 1000);
	uint8_t got[100];
	size_t len = 7;

	assert_int_equal(file_pread_full(fd, got, sizeof got, 0, &len), ERR_OK);
	assert_int_equal(len, sizeof got);
	assert_int_equal(got[99], (uint8_t)(99 * 7));
	assert_int_equal(file_pread_full(fd, got, sizeof got, 950, &len), ERR_OK);
	assert_int_equal(len, 50);
	assert_int_equal(file_pread_full(fd, got, sizeof got, 1000, &len), ERR_OK);
	assert_int_equal(len, 0);
	assert_int_equal(file_pread_full(fd, got, sizeof got, UINT64_MAX, &len), ERR_INVALID);
	assert_int_equal(file_pread_full(fd, got, sizeof got, INT64_MAX, &len), ERR_INVALID);
	assert_int_equal(file_pwrite_all(fd, got, sizeof got, UINT64_MAX - 50), ERR_INVALID);
	assert_int_equal(file_pwrite_all(fd, "tail", 4, 998), ERR_OK);
	assert_int_equal(file_pread_full(fd, got, sizeof got, 996, &len), ERR_OK);
	assert_int_equal(len, 6);
	assert_memory_equal(got + 2, "tail", 4);
	assert_int_equal(file_pwrite_all(fd, NULL, 0, 0), ERR_OK);
	assert_int_equal(file_write_all(fd, NULL, 0), ERR_OK);
	assert_int_equal(file_pwrite_all(-1, "x", 1, 0), ERR_INVALID);
}

static int
write_past_the_limit(void *ctx)
{
	const struct rlimit limit = {4096, 4096};
	static const uint8_t BYTES[10000];
	struct tree *t = ctx;
	int fd = openat(t->in, "big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)signal(SIGXFSZ, SIG_IGN);
	if (fd < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	/* The first write is short, the next one fails. */
	if (file_write_all(fd, BYTES, sizeof BYTES) != ERR_QUOTA)
		return 2;
	return file_pwrite_all(fd, BYTES, sizeof BYTES, 0) == ERR_QUOTA ? 0 : 3;
}

static void
test_short_writes_are_continued_until_the_error(void **state)
{
	assert_int_equal(child_exit_code(write_past_the_limit, *state), 0);
}

static void
test_rename_new_never_overwrites(void **state)
{
	struct tree *t = *state;
	char text[16];

	scratch_write(&t->s, "in/a", "a");
	scratch_write(&t->s, "in/b", "b");
	assert_int_equal(file_rename_new(t->in, "a", t->in, "b"), ERR_EXISTS);
	assert_int_equal(file_rename_new(t->in, "a", t->in, "abs"), ERR_EXISTS);
	assert_true(scratch_read(&t->s, "in/b", text, sizeof text));
	assert_string_equal(text, "b");
	assert_int_equal(file_rename_new(t->in, "a", t->in, "c"), ERR_OK);
	assert_int_equal(file_rename_new(t->in, "a", t->in, "d"), ERR_NOENT);
	assert_int_equal(file_rename_over(t->in, "c", t->in, "b"), ERR_OK);
	assert_true(scratch_read(&t->s, "in/b", text, sizeof text));
	assert_string_equal(text, "a");
	/* The link itself is replaced, not what it points at. */
	assert_int_equal(file_rename_over(t->in, "b", t->in, "out"), ERR_OK);
	assert_true(scratch_read(&t->s, "secret", text, sizeof text));
	assert_string_equal(text, "secret");
}

static void
test_renames_take_single_names_only(void **state)
{
	static const char *const NAMES[] = {"", ".", "..", "../x", "dir/x", "/x", "x/"};
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		assert_int_equal(file_rename_new(t->in, "file", t->in, NAMES[i]), ERR_INVALID);
		assert_int_equal(file_rename_new(t->in, NAMES[i], t->in, "x"), ERR_INVALID);
		assert_int_equal(file_rename_over(t->in, "file", t->in, NAMES[i]), ERR_INVALID);
		assert_int_equal(file_rename_over(t->in, NAMES[i], t->in, "x"), ERR_INVALID);
	}
}

enum { RACE_TRIES = 20000 };

/* Swaps in/dir with a link that leads out, as fast as it can, until it is killed. */
static void
swap_forever(int in)
{
	for (;;)
		(void)syscall(SYS_renameat2, in, "dir", in, "swap", RENAME_EXCHANGE);
}

/* Whatever an attacker with access to the directory does meanwhile: never the file outside. */
static void
test_races_do_not_lead_out(void **state)
{
	struct tree *t = *state;
	size_t n_opened = 0, n_refused = 0;

	scratch_write(&t->s, "deep", "outside");
	scratch_symlink(&t->s, "..", "in/swap");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		swap_forever(t->in);
	for (int i = 0; i < RACE_TRIES; i++) {
		int fd _cleanup_(fd_closep) = -1;
		char c = 'd';
		enum err e = file_open_beneath(t->in, "dir/deep", O_RDONLY, 0, &fd);
		if (e == ERR_OK) {
			assert_int_equal(read(fd, &c, 1), 1);
			n_opened++;
		} else if (e == ERR_ESCAPE) {
			n_refused++;
		}
		if (c != 'd')
			(void)kill(pid, SIGKILL);
		assert_int_equal(c, 'd');
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	print_message("# %zu opened, %zu refused\n", n_opened, n_refused);
	assert_true(n_opened > 0);
}

static void
test_sync_and_space(void **state)
{
	struct tree *t = *state;
	uint64_t bytes = 0;
	int ends[2];

	assert_int_equal(file_sync(t->in), ERR_OK);
	assert_int_equal(file_free_space(t->in, &bytes), ERR_OK);
	assert_true(bytes > 0);
	assert_int_equal(file_sync(-1), ERR_INVALID);
	assert_int_equal(file_free_space(-1, &bytes), ERR_INVALID);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_sync(ends[0]), ERR_INVALID);
	close(ends[0]);
	close(ends[1]);
}

static void
test_no_descriptor_leaks(void **state)
{
	struct tree *t = *state;
	size_t n_before = scratch_count_fds();
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(OPENS); i++) {
		int fd _cleanup_(fd_closep) = -1;
		const char *name;
		(void)!file_open_parent(t->in, OPENS[i].path, &fd, &name);
		(void)!file_stat_beneath(t->in, OPENS[i].path, &st);
		(void)!file_make_dirs(t->in, OPENS[i].path);
	}
	assert_int_equal(scratch_count_fds(), n_before);
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TREE_TEST(test_open_stays_beneath),
	    TREE_TEST(test_creating_stays_beneath),
	    TREE_TEST(test_create_uses_the_mode),
	    TREE_TEST(test_open_parent),
	    TREE_TEST(test_names_and_paths_have_limits),
	    TREE_TEST(test_stat_describes_links_themselves),
	    TREE_TEST(test_make_dirs),
	    TREE_TEST(test_trusted_paths_follow_links),
	    TREE_TEST(test_read_all_respects_the_maximum),
	    TREE_TEST(test_read_all_goes_on_from_the_position),
	    TREE_TEST(test_pread_and_pwrite),
	    TREE_TEST(test_short_writes_are_continued_until_the_error),
	    TREE_TEST(test_rename_new_never_overwrites),
	    TREE_TEST(test_renames_take_single_names_only),
	    TREE_TEST(test_races_do_not_lead_out),
	    TREE_TEST(test_sync_and_space),
	    TREE_TEST(test_no_descriptor_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
