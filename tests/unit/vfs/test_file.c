/* Open files: what counts as taking one, and what is never opened. */
#include "vfs/world.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A row of reads of a file of 10 bytes, and whether its CLOSE is a taking. */
static void
test_taken(void **state unused_arg)
{
	static const struct {
		struct {
			uint64_t offset;
			size_t len;
		} reads[6];
		size_t n_reads;
		const char *told;
	} CASES[] = {
	    {{{0}}, 0, NULL},
	    {{{0, 4}}, 1, "pieces store d/f 1"},
	    {{{0, 9}}, 1, "pieces store d/f 1"},
	    {{{0, 10}}, 1, "taken store d/f 10"},
	    {{{0, 100}, {10, 100}}, 2, "taken store d/f 10"},
	    {{{5, 5}, {0, 5}}, 2, "taken store d/f 10"},
	    {{{8, 2}, {4, 4}, {0, 2}, {2, 2}}, 4, "taken store d/f 10"},
	    {{{8, 2}, {4, 4}, {0, 2}, {3, 1}}, 4, "pieces store d/f 2"},
	    {{{1, 9}, {10, 5}}, 2, "pieces store d/f 1"},
	    {{{10, 5}}, 1, NULL},
	    {{{UINT64_MAX, 5}}, 1, NULL},
	    {{{0, 6}, {3, 7}, {0, 10}}, 3, "taken store d/f 10"},
	};
	uint8_t bytes[128];
	size_t got;

	assert_int_equal(mkdirat(the_world.root_fd, "store/d", 0750), 0);
	world_put("store/d/f", "0123456789");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		void *f = op_open("/d/f", GET, NULL);
		for (size_t r = 0; r < CASES[i].n_reads; r++)
			(void)the_world.ops->read(
			    f, CASES[i].reads[r].offset, bytes, CASES[i].reads[r].len, &got);
		world_forget_events();
		assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
		world_assert_events((const char *const[]){CASES[i].told, NULL});
	}
}

/* Which pieces, and of which version; a handle that isn't closed tells nothing. */
static void
test_pieces(void **state unused_arg)
{
	uint8_t bytes[8];
	struct stat st;
	size_t got;

	world_put("store/f", "0123456789");
	assert_int_equal(fstatat(the_world.root_fd, "store/f", &st, 0), 0);
	void *f = op_open("/f", GET, NULL);
	assert_int_equal(the_world.ops->read(f, 7, bytes, 8, &got).status, SSH_FX_OK);
	assert_int_equal(the_world.ops->read(f, 1, bytes, 2, &got).status, SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){"pieces store f 2", NULL});
	assert_int_equal(the_world.n_pieces, 2);
	assert_true(the_world.pieces[0].offset == 1 && the_world.pieces[0].end == 3);
	assert_true(the_world.pieces[1].offset == 7 && the_world.pieces[1].end == 10);
	assert_true(the_world.version.inode == st.st_ino && the_world.version.size == 10);
	assert_true(the_world.version.mtime_ns ==
		    st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
	f = op_open("/f", GET, NULL);
	assert_int_equal(the_world.ops->read(f, 0, bytes, 8, &got).status, SSH_FX_OK);
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){NULL});
}

/* Whatever changes a file while it is read, nobody knows which version was taken. */
static void
test_changed_while_read(void **state unused_arg)
{
	static const struct timespec TIMES[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char got[64];

	for (int how = 0; how < 3; how++) {
		world_put("store/f", "0123456789");
		void *f = op_open("/f", GET, NULL);
		int fd = openat(the_world.root_fd, "store/f", O_RDWR | O_CLOEXEC);
		assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
		if (how == 0)
			assert_int_equal(pwrite(fd, "longer than that", 16, 0), 16);
		else if (how == 1)
			assert_int_equal(ftruncate(fd, 3), 0);
		else
			assert_int_equal(futimens(fd, TIMES), 0);
		close(fd);
		assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	}
	/* Removed or replaced, it is still what was taken. */
	world_put("store/f", "0123456789");
	void *f = op_open("/f", GET, NULL);
	assert_int_equal(unlinkat(the_world.root_fd, "store/f", 0), 0);
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){"taken store f 10", NULL});
}

static void
test_empty_file(void **state unused_arg)
{
	uint8_t byte;
	size_t got;

	world_put("store/empty", "");
	void *f = op_open("/empty", GET, NULL);
	(void)op_close(f, 1);
	world_assert_events((const char *const[]){NULL});
	f = op_open("/empty", GET, NULL);
	assert_int_equal(the_world.ops->read(f, 0, &byte, 1, &got).status, SSH_FX_EOF);
	(void)op_close(f, 1);
	world_assert_events((const char *const[]){"taken store empty 0", NULL});
}

/* Looking, opening, and a line that breaks after the last byte are no takings. */
static void
test_not_taken(void **state unused_arg)
{
	char got[32];

	world_put("store/f", "0123456789");
	assert_int_equal(op_stat("/f", NULL), SSH_FX_OK);
	void *f = op_open("/f", GET, NULL);
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){NULL});
}

/* Bytes that were hashed for a client have not gone to it, even where it reads the rest. */
static void
test_peeked_is_not_taken(void **state unused_arg)
{
	uint8_t got[32];
	size_t len;

	world_put("store/f", "0123456789");
	void *f = op_open("/f", GET, NULL);
	assert_int_equal(the_world.ops->peek(f, 0, got, sizeof got, &len).status, SSH_FX_OK);
	assert_int_equal(len, 10);
	assert_memory_equal(got, "0123456789", 10);
	assert_int_equal(the_world.ops->peek(f, 10, got, 1, &len).status, SSH_FX_EOF);
	(void)op_close(f, 1);
	world_assert_events((const char *const[]){NULL});
	f = op_open("/f", GET, NULL);
	assert_int_equal(the_world.ops->read(f, 0, got, 9, &len).status, SSH_FX_OK);
	assert_int_equal(the_world.ops->peek(f, 9, got, 1, &len).status, SSH_FX_OK);
	assert_int_equal(the_world.ops->read(f, 10, got, 1, &len).status, SSH_FX_EOF);
	(void)op_close(f, 1);
	world_assert_events((const char *const[]){"pieces store f 1", NULL});
	void *writer = op_open("/g", PUT, NULL);
	assert_int_equal(
	    the_world.ops->peek(writer, 0, got, 1, &len).status, SSH_FX_PERMISSION_DENIED);
	the_world.ops->abandon(writer);
}

/* It grew while it was read: what was read isn't all of it. */
static void
test_grown_while_read(void **state unused_arg)
{
	char got[32];

	world_put("store/f", "0123456789");
	void *f = op_open("/f", GET, NULL);
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	world_put("store/f", "0123456789a");
	(void)op_close(f, 1);
	world_assert_events((const char *const[]){NULL});
}

static void
test_modes_of_handles(void **state unused_arg)
{
	const struct sftp_attrs size = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 1};
	uint8_t byte;
	size_t got;

	world_put("store/f", "0123456789");
	void *reader = op_open("/f", GET, NULL);
	assert_int_equal(op_write(reader, 0, "x"), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(the_world.ops->fsetstat(reader, &size).status, SSH_FX_PERMISSION_DENIED);
	assert_int_equal(the_world.ops->fsync(reader).status, SSH_FX_OK);
	the_world.ops->abandon(reader);
	void *writer = op_open("/g", PUT, NULL);
	assert_int_equal(
	    the_world.ops->read(writer, 0, &byte, 1, &got).status, SSH_FX_PERMISSION_DENIED);
	assert_int_equal(op_write(writer, 0, "xyz"), SSH_FX_OK);
	assert_int_equal(the_world.ops->fsetstat(writer, &size).status, SSH_FX_OK);
	the_world.ops->abandon(writer);
	world_assert_content("store/f", "0123456789");
}

/* Who may not read a file can't read the private copy of it either. */
static void
test_copy_is_no_way_around_download(void **state unused_arg)
{
	world_put("store/f", "secret");
	world_allow(VFS_ALL & ~VFS_DOWNLOAD);
	assert_int_equal(op_open_status("/f", GET), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(
	    op_open_status("/f", SSH_FXF_READ | SSH_FXF_WRITE), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(op_open_status("/f", SSH_FXF_WRITE), SSH_FX_OK);
	assert_int_equal(op_open_status("/f", SSH_FXF_READ | PUT), SSH_FX_OK);
	assert_int_equal(op_open_status("/new", SSH_FXF_READ | PUT), SSH_FX_OK);
}

static void
plant(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	world_put("outside/secret", "secret");
	assert_int_equal(symlinkat("../outside/secret", the_world.root_fd, "store/link"), 0);
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store/dirlink"), 0);
	assert_int_equal(symlinkat("/etc/passwd", the_world.root_fd, "store/abs"), 0);
	assert_int_equal(symlinkat("real", the_world.root_fd, "store/inner"), 0);
	assert_int_equal(symlinkat("loop", the_world.root_fd, "store/loop"), 0);
	assert_int_equal(symlinkat("nowhere", the_world.root_fd, "store/dangling"), 0);
	assert_int_equal(mknodat(the_world.root_fd, "store/fifo", S_IFIFO | 0666, 0), 0);
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/store/sock", the_world.root);
	assert_int_equal(bind(s, (const struct sockaddr *)&addr, sizeof addr), 0);
	close(s);
	world_put("store/real", "real");
}

/* Nothing but files and directories exists: not to be seen, opened, followed, written, renamed. */
static void
test_planted(void **state unused_arg)
{
	static const char *const HIDDEN[] = {"/link", "/dirlink", "/abs", "/inner", "/loop",
	    "/dangling", "/fifo", "/sock", "/dirlink/secret", "/dirlink/.", "/link/x",
	    "/dirlink/../outside/secret", "/../outside/secret", "../../../../etc/passwd"};
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 0};
	char names[64];
	struct buf b;

	plant();
	buf_init(&b, 4096);
	assert_list("/", "real");
	for (size_t i = 0; i < ARRAY_LEN(HIDDEN); i++) {
		assert_int_equal(op_stat(HIDDEN[i], NULL), SSH_FX_NO_SUCH_FILE);
		assert_int_equal(op_open_status(HIDDEN[i], GET), SSH_FX_NO_SUCH_FILE);
		assert_int_not_equal(op_open_status(HIDDEN[i], PUT), SSH_FX_OK);
		assert_int_not_equal(op_open_status(HIDDEN[i], SSH_FXF_WRITE), SSH_FX_OK);
		assert_int_not_equal(op_list(HIDDEN[i], names, sizeof names), SSH_FX_OK);
		assert_int_not_equal(op_remove(HIDDEN[i]), SSH_FX_OK);
		assert_int_not_equal(op_rmdir(HIDDEN[i]), SSH_FX_OK);
		assert_int_not_equal(op_mkdir(HIDDEN[i]), SSH_FX_OK);
		assert_int_not_equal(op_rename(HIDDEN[i], "/new", true), SSH_FX_OK);
		assert_int_not_equal(op_rename("/real", HIDDEN[i], true), SSH_FX_OK);
		assert_int_not_equal(
		    the_world.ops->setstat(the_world.v, slice_str(HIDDEN[i]), &a).status,
		    SSH_FX_OK);
		assert_int_not_equal(
		    the_world.ops->readlink(the_world.v, slice_str(HIDDEN[i]), &b).status,
		    SSH_FX_OK);
	}
	assert_int_equal(
	    the_world.ops->symlink(the_world.v, slice_str("/etc"), slice_str("/l")).status,
	    SSH_FX_OP_UNSUPPORTED);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
	world_assert_content("outside/secret", "secret");
	world_assert_content("store/real", "real");
	assert_int_equal(world_count("store.staging"), 0);
	assert_int_equal(world_count("outside"), 1);
}

/* Names and paths at their limits, and past them. */
static void
test_long_names(void **state unused_arg)
{
	static char path[8192];
	char names[512];

	memset(path, 'n', sizeof path - 1);
	path[0] = '/';
	path[256] = '\0';
	assert_int_equal(op_put(path, "x"), SSH_FX_OK);
	assert_list("/", path + 1);
	path[256] = 'n';
	path[257] = '\0';
	assert_int_equal(op_put(path, "x"), SSH_FX_FAILURE);
	path[257] = 'n';
	assert_int_equal(op_open_status(path, GET), SSH_FX_FAILURE);
	assert_int_equal(op_stat(path, NULL), SSH_FX_FAILURE);
	for (size_t i = 0; i < sizeof path - 1; i += 2)
		path[i] = '/';
	assert_int_equal(op_open_status(path, GET), SSH_FX_FAILURE);
	path[4094] = '\0';
	assert_int_equal(op_open_status(path, GET), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_open_status(path, PUT), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_list(path, names, sizeof names), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(world_count("store.staging"), 0);
}

/* Another size for a file in place: in one step, and readers keep what they opened. */
static void
test_resize(void **state unused_arg)
{
	static const struct {
		uint64_t size;
		uint32_t status;
		const char *prefix;
	} CASES[] = {
	    {6, SSH_FX_OK, "abcdef"},
	    {3, SSH_FX_OK, "abc"},
	    {0, SSH_FX_OK, ""},
	    {UINT64_MAX, SSH_FX_FAILURE, "abcdef"},
	    {INT64_MAX, SSH_FX_FAILURE, "abcdef"},
	};
	char got[32];

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct sftp_attrs a = {
		    .flags = SSH_FILEXFER_ATTR_SIZE, .size = CASES[i].size};

		world_put("store/f", "abcdef");
		void *reader = op_open("/f", GET, NULL);
		world_forget_events();
		assert_int_equal(the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status,
		    CASES[i].status);
		world_assert_content("store/f", CASES[i].prefix);
		bool changed = CASES[i].status == SSH_FX_OK && CASES[i].size != 6;
		const char *const none[] = {NULL};
		const char *const done[] = {
		    "sync file", "rename over f", "sync store", "resized store f", NULL};
		world_assert_events(changed ? done : none);
		assert_int_equal(op_read_all(reader, got, sizeof got), SSH_FX_EOF);
		assert_string_equal(got, "abcdef");
		the_world.ops->abandon(reader);
		assert_int_equal(world_count("store.staging"), 0);
	}
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_taken),
	    WORLD_TEST(test_pieces),
	    WORLD_TEST(test_changed_while_read),
	    WORLD_TEST(test_empty_file),
	    WORLD_TEST(test_not_taken),
	    WORLD_TEST(test_peeked_is_not_taken),
	    WORLD_TEST(test_grown_while_read),
	    WORLD_TEST(test_modes_of_handles),
	    WORLD_TEST(test_copy_is_no_way_around_download),
	    WORLD_TEST(test_planted),
	    WORLD_TEST(test_long_names),
	    WORLD_TEST(test_resize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
