/* Second names for files, and copies between open files. */
#include "vfs/world.h"

static struct sftp_result
do_link(const char *from, const char *to)
{
	return the_world.ops->link(the_world.v, slice_str(from), slice_str(to));
}

static uint32_t
copy(void *from, uint64_t from_offset, void *to, uint64_t to_offset, uint64_t len, uint64_t *ret_n)
{
	return the_world.ops->copy(from, from_offset, to, to_offset, len, ret_n).status;
}

static void
test_link(void **state unused_arg)
{
	struct stat a, b;

	world_put("store/a", "hello");
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	world_forget_events();
	assert_int_equal(do_link("/a", "/d/b").status, SSH_FX_OK);
	world_assert_events((const char *const[]){"linked store a d/b", "sync d", NULL});
	assert_int_equal(the_world.content_bytes, 5);
	assert_int_equal(the_world.content_files, 1);
	assert_int_equal(fstatat(the_world.root_fd, "store/a", &a, 0), 0);
	assert_int_equal(fstatat(the_world.root_fd, "store/d/b", &b, 0), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	/* An upload over one name leaves the other as it is. */
	assert_int_equal(op_put("/a", "newer"), SSH_FX_OK);
	world_assert_content("store/d/b", "hello");
}

static void
test_refused(void **state unused_arg)
{
	static const struct {
		const char *from, *to;
		uint32_t status;
	} CASES[] = {
	    {"/a", "/b", SSH_FX_FAILURE},
	    {"/a", "/a", SSH_FX_FAILURE},
	    {"/a", "/d", SSH_FX_FAILURE},
	    {"/a", "/open", SSH_FX_FAILURE},
	    {"/a", "/left", SSH_FX_FAILURE},
	    {"/a", "/link", SSH_FX_FAILURE},
	    {"/a", "/no/such", SSH_FX_NO_SUCH_FILE},
	    {"/none", "/x", SSH_FX_NO_SUCH_FILE},
	    {"/d", "/x", SSH_FX_FAILURE},
	    {"/open", "/x", SSH_FX_FAILURE},
	    {"/left", "/x", SSH_FX_FAILURE},
	    {"/link", "/x", SSH_FX_PERMISSION_DENIED},
	    {"/fifo", "/x", SSH_FX_PERMISSION_DENIED},
	    {"/out/x", "/x", SSH_FX_NO_SUCH_FILE},
	    {"/a", "/out/y", SSH_FX_NO_SUCH_FILE},
	    {"/", "/x", SSH_FX_PERMISSION_DENIED},
	    {"/a", "/", SSH_FX_PERMISSION_DENIED},
	};

	world_put("store/a", "a");
	world_put("store/b", "b");
	world_put("outside/x", "secret");
	assert_int_equal(mkdirat(the_world.root_fd, "store/d", 0750), 0);
	assert_int_equal(symlinkat("a", the_world.root_fd, "store/link"), 0);
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store/out"), 0);
	assert_int_equal(mknodat(the_world.root_fd, "store/fifo", S_IFIFO | 0600, 0), 0);
	void *left = op_open("/left", PUT, NULL);
	the_world.ops->abandon(left);
	void *f = op_open("/open", PUT, NULL);
	size_t n = world_count("store");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		assert_int_equal(do_link(CASES[i].from, CASES[i].to).status, CASES[i].status);
		assert_int_equal(world_count("store"), n);
	}
	assert_int_equal(world_count("outside"), 1);
	the_world.ops->abandon(f);
}

static void
mount_two(const char *folder, uint32_t allow_from, uint32_t allow_to)
{
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(the_world.v, "/from", "store", allow_from);
	world_mount(the_world.v, "/to", folder, allow_to);
}

/* A second name is no way around the rights of the first. */
static void
test_rights(void **state unused_arg)
{
	static const struct {
		uint32_t from, to;
		bool allowed;
	} CASES[] = {
	    {VFS_LINK, VFS_LINK | VFS_UPLOAD, true},
	    {VFS_ALL, VFS_ALL, true},
	    {VFS_ALL & ~VFS_LINK, VFS_ALL, false},
	    {VFS_ALL, VFS_ALL & ~VFS_LINK, false},
	    {VFS_ALL, VFS_ALL & ~VFS_UPLOAD, false},
	    {VFS_ALL & ~VFS_DOWNLOAD, VFS_ALL, false},
	    {VFS_ALL & ~VFS_OVERWRITE, VFS_ALL, false},
	    {VFS_ALL & ~VFS_DOWNLOAD, VFS_ALL & ~VFS_DOWNLOAD, true},
	};

	world_put("store/a", "a");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		mount_two("store", CASES[i].from, CASES[i].to);
		struct sftp_result r = do_link("/from/a", "/to/b");
		assert_int_equal(r.status, CASES[i].allowed ? SSH_FX_OK : SSH_FX_PERMISSION_DENIED);
		(void)unlinkat(the_world.root_fd, "store/b", 0);
	}
	mount_two("other", VFS_ALL, VFS_ALL);
	struct sftp_result r = do_link("/from/a", "/to/b");
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_string_equal(r.message, "the new name is in another folder: copy it instead");
	r = the_world.ops->rename(the_world.v, slice_str("/from/a"), slice_str("/to/b"), false);
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_string_equal(r.message, "the new name is in another folder: copy it instead");
	assert_int_equal(world_count("other"), 0);
}

static void
test_copy(void **state unused_arg)
{
	uint64_t n;

	world_put("store/a", "0123456789");
	void *from = op_open("/a", GET, NULL), *to = op_open("/b", PUT, NULL);
	world_forget_events();
	assert_int_equal(copy(from, 2, to, 0, 5, &n), SSH_FX_OK);
	assert_int_equal(n, 5);
	/* Up to the end, and not behind it. */
	assert_int_equal(copy(from, 8, to, 5, UINT64_MAX, &n), SSH_FX_OK);
	assert_int_equal(n, 2);
	assert_int_equal(copy(from, 10, to, 7, UINT64_MAX, &n), SSH_FX_OK);
	assert_int_equal(n, 0);
	assert_int_equal(copy(from, UINT64_MAX, to, 7, 1, &n), SSH_FX_OK);
	assert_int_equal(n, 0);
	assert_int_equal(copy(from, 0, to, INT64_MAX, 1, &n), SSH_FX_FAILURE);
	assert_int_equal(copy(from, 0, to, UINT64_MAX, UINT64_MAX, &n), SSH_FX_FAILURE);
	assert_int_equal(copy(from, 0, from, 0, 1, &n), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(copy(to, 0, from, 0, 1, &n), SSH_FX_PERMISSION_DENIED);
	/* To copy a file is not to take it. */
	assert_int_equal(op_close(from, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(op_close(to, 2).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	world_assert_content("store/b", "2345689");
}

/* Within one file: what doesn't overlap; and at the end of one that is open for appending. */
static void
test_copy_within(void **state unused_arg)
{
	uint64_t n;

	for (int direct = 0; direct < 2; direct++) {
		the_world.direct = direct == 1;
		world_allow(VFS_ALL);
		world_put("store/a", "abcd");
		void *f = op_open("/a", SSH_FXF_READ | SSH_FXF_WRITE, NULL);
		assert_int_equal(copy(f, 0, f, 2, 4, &n), SSH_FX_FAILURE);
		assert_int_equal(copy(f, 0, f, 0, 4, &n), SSH_FX_FAILURE);
		assert_int_equal(copy(f, 0, f, 4, 4, &n), SSH_FX_OK);
		assert_int_equal(n, 4);
		assert_int_equal(copy(f, 6, f, 0, 2, &n), SSH_FX_OK);
		(void)op_close(f, 1);
		if (direct == 0)
			assert_int_equal(
			    op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
		world_assert_content("store/a", "cdcdabcd");
		f = op_open("/a", SSH_FXF_READ | SSH_FXF_WRITE | SSH_FXF_APPEND, NULL);
		assert_int_equal(copy(f, 0, f, 0, 2, &n), SSH_FX_OK);
		assert_int_equal(n, 2);
		(void)op_close(f, 1);
		if (direct == 0)
			assert_int_equal(
			    op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
		world_assert_content("store/a", "cdcdabcdcd");
		world_forget_events();
	}
}

/* More than one piece, and pieces of any size: the engine asks again until nothing is left. */
static void
test_copy_in_pieces(void **state unused_arg)
{
	enum { BIG = 9 * 1024 * 1024 + 17 };
	uint8_t byte = 0x5a, got[2];
	uint64_t at = 0, n;
	size_t len;

	world_put("store/a", "");
	int fd = openat(the_world.root_fd, "store/a", O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, BIG), 0);
	assert_int_equal(pwrite(fd, &byte, 1, BIG - 1), 1);
	close(fd);
	void *from = op_open("/a", GET, NULL), *to = op_open("/b", PUT | SSH_FXF_READ, NULL);
	do {
		assert_int_equal(copy(from, at, to, at, UINT64_MAX, &n), SSH_FX_OK);
		at += n;
	} while (n > 0);
	assert_int_equal(at, BIG);
	assert_int_equal(the_world.ops->read(to, BIG - 1, got, sizeof got, &len).status, SSH_FX_OK);
	assert_true(len == 1 && got[0] == byte);
	the_world.ops->abandon(from);
	the_world.ops->abandon(to);
}

static void
test_owners_have_no_names(void **state unused_arg)
{
	struct sftp_attrs a;
	struct buf b;

	world_put("store/a", "x");
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_true((a.flags & SSH_FILEXFER_ATTR_UIDGID) != 0 && a.uid == 0 && a.gid == 0);
	buf_init(&b, 64);
	assert_int_equal(the_world.ops->user_name(the_world.v, 0, &b).status, SSH_FX_OK);
	assert_int_equal(the_world.ops->group_name(the_world.v, 0, &b).status, SSH_FX_OK);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
	const struct sftp_attrs owner = {.flags = SSH_FILEXFER_ATTR_UIDGID, .uid = 1, .gid = 1};
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/a"), &owner).status, SSH_FX_OK);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_link),
	    WORLD_TEST(test_refused),
	    WORLD_TEST(test_rights),
	    WORLD_TEST(test_copy),
	    WORLD_TEST(test_copy_within),
	    WORLD_TEST(test_copy_in_pieces),
	    WORLD_TEST(test_owners_have_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
