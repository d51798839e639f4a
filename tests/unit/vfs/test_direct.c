/* Files that are written in place: seen at once, here and there, as programs on a mount do it. */
#include "vfs/world.h"

enum { MAKE = SSH_FXF_READ | SSH_FXF_WRITE | SSH_FXF_CREAT };

static int
direct_setup(void **state)
{
	int rc = world_setup(state);

	the_world.direct = true;
	world_allow(VFS_ALL);
	return rc;
}

static void
test_seen_at_once(void **state unused_arg)
{
	struct sftp_attrs a;

	void *f = op_open("/a", MAKE, NULL);
	assert_true(world_has("store/a"));
	assert_int_equal(vfs_n_open_uploads(the_world.v), 1);
	assert_int_equal(op_write(f, 4, "efgh"), SSH_FX_OK);
	assert_int_equal(op_write(f, 0, "abcd"), SSH_FX_OK);
	world_assert_content("store/a", "abcdefgh");
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.size, 8);
	assert_list("/", "a");
	assert_int_equal(the_world.ops->fsync(f).status, SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events(
	    (const char *const[]){"sync file", "sync file", "sync store", "written store a", NULL});
	assert_int_equal(world_count("store.staging"), 0);
	assert_int_equal(the_world.content_bytes, 8);
	assert_int_equal(the_world.content_files, 1);
	assert_int_equal(vfs_n_open_uploads(the_world.v), 0);
}

/* What was written is there, also when its writer is gone. */
static void
test_line_lost(void **state unused_arg)
{
	void *f = op_open("/a", MAKE, NULL);

	assert_int_equal(op_write(f, 0, "half"), SSH_FX_OK);
	the_world.ops->abandon(f);
	world_assert_events(
	    (const char *const[]){"sync file", "sync store", "written store a", NULL});
	world_assert_content("store/a", "half");
}

static void
test_flags(void **state unused_arg)
{
	static const struct {
		uint32_t pflags;
		bool exists;
		uint32_t status;
		const char *after; /* writing "XY" at 1 */
		int64_t bytes;
	} CASES[] = {
	    {SSH_FXF_WRITE, false, SSH_FX_NO_SUCH_FILE, NULL, 0},
	    {SSH_FXF_WRITE | SSH_FXF_TRUNC, false, SSH_FX_NO_SUCH_FILE, NULL, 0},
	    {SSH_FXF_WRITE, true, SSH_FX_OK, "aXYd", 0},
	    {SSH_FXF_READ | SSH_FXF_WRITE, true, SSH_FX_OK, "aXYd", 0},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT, true, SSH_FX_OK, "aXYd", 0},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_EXCL, true, SSH_FX_FAILURE, "abcd", 0},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_EXCL, false, SSH_FX_OK, NULL, 3},
	    {SSH_FXF_WRITE | SSH_FXF_APPEND, true, SSH_FX_OK, "abcdXY", 2},
	    {PUT, true, SSH_FX_OK, NULL, -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct sftp_result r;

		(void)unlinkat(the_world.root_fd, "store/f", 0);
		if (CASES[i].exists)
			world_put("store/f", "abcd");
		the_world.content_bytes = 0;
		void *f = op_open("/f", CASES[i].pflags, &r);
		assert_int_equal(r.status, CASES[i].status);
		if (f != NULL) {
			assert_int_equal(op_write(f, 1, "XY"), SSH_FX_OK);
			assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
		}
		if (CASES[i].after != NULL)
			world_assert_content("store/f", CASES[i].after);
		assert_int_equal(the_world.content_bytes, CASES[i].bytes);
		world_forget_events();
	}
}

/* What was opened and left alone is no change. */
static void
test_unchanged(void **state unused_arg)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 4};

	world_put("store/f", "abcd");
	void *f = op_open("/f", SSH_FXF_READ | SSH_FXF_WRITE, NULL);
	assert_int_equal(the_world.ops->fsetstat(f, &a).status, SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){NULL});
}

static void
test_sizes(void **state unused_arg)
{
	struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 2};
	struct stat before, after;

	world_put("store/f", "abcd");
	assert_int_equal(fstatat(the_world.root_fd, "store/f", &before, 0), 0);
	void *f = op_open("/f", SSH_FXF_WRITE, NULL);
	assert_int_equal(the_world.ops->fsetstat(f, &a).status, SSH_FX_OK);
	world_assert_content("store/f", "ab");
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){"sync file", "written store f", NULL});
	assert_int_equal(the_world.content_bytes, -2);
	a.size = 1;
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status, SSH_FX_OK);
	world_assert_events((const char *const[]){"resized store f", "sync file", NULL});
	world_assert_content("store/f", "a");
	assert_int_equal(the_world.content_bytes, -3);
	assert_int_equal(fstatat(the_world.root_fd, "store/f", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	a.size = UINT64_MAX;
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status, SSH_FX_FAILURE);
	f = op_open("/f", SSH_FXF_WRITE, NULL);
	assert_int_equal(the_world.ops->fsetstat(f, &a).status, SSH_FX_FAILURE);
	assert_int_equal(op_write(f, UINT64_MAX - 1, "xx"), SSH_FX_FAILURE);
	assert_int_equal(op_write(f, INT64_MAX, "xx"), SSH_FX_FAILURE);
	the_world.ops->abandon(f);
	world_assert_content("store/f", "a");
}

static void
test_rights(void **state unused_arg)
{
	static const struct {
		uint32_t allow, pflags;
		const char *path;
		uint32_t status;
	} CASES[] = {
	    {VFS_UPLOAD, MAKE, "/new", SSH_FX_OK},
	    {VFS_UPLOAD, SSH_FXF_WRITE, "/f", SSH_FX_PERMISSION_DENIED},
	    {VFS_UPLOAD | VFS_OVERWRITE, SSH_FXF_WRITE, "/f", SSH_FX_OK},
	    {VFS_UPLOAD | VFS_OVERWRITE, MAKE, "/f", SSH_FX_PERMISSION_DENIED},
	    {VFS_ALL & ~VFS_UPLOAD, MAKE, "/new", SSH_FX_PERMISSION_DENIED},
	    {VFS_ALL, SSH_FXF_WRITE, "/d", SSH_FX_FAILURE},
	    {VFS_ALL, SSH_FXF_WRITE, "/link", SSH_FX_PERMISSION_DENIED},
	    {VFS_ALL, SSH_FXF_WRITE | SSH_FXF_CREAT, "/fifo", SSH_FX_PERMISSION_DENIED},
	};

	assert_int_equal(mkdirat(the_world.root_fd, "store/d", 0750), 0);
	assert_int_equal(symlinkat("f", the_world.root_fd, "store/link"), 0);
	assert_int_equal(mknodat(the_world.root_fd, "store/fifo", S_IFIFO | 0600, 0), 0);
	world_put("store/f", "x");
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		(void)unlinkat(the_world.root_fd, "store/new", 0);
		world_allow(CASES[i].allow);
		assert_int_equal(op_open_status(CASES[i].path, CASES[i].pflags), CASES[i].status);
	}
	world_assert_content("store/f", "x");
}

/* Bytes of a file that was opened for writing as well are no delivery. */
static void
test_reading_is_no_taking(void **state unused_arg)
{
	char got[64];

	world_put("store/f", "abcd");
	void *f = op_open("/f", SSH_FXF_READ | SSH_FXF_WRITE, NULL);
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	assert_string_equal(got, "abcd");
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){NULL});
}

/* git, on a mount: a temporary file, a second name for it, or a rename over what is there. */
static void
test_temporary_and_rename(void **state unused_arg)
{
	const struct sftp_attrs mode = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = 0444};

	void *f = op_open("/tmp_obj", MAKE | SSH_FXF_EXCL, NULL);
	assert_int_equal(op_write(f, 0, "object"), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/tmp_obj"), &mode).status, SSH_FX_OK);
	assert_int_equal(
	    the_world.ops->link(the_world.v, slice_str("/tmp_obj"), slice_str("/obj")).status,
	    SSH_FX_OK);
	assert_int_equal(op_remove("/tmp_obj"), SSH_FX_OK);
	f = op_open("/index.lock", MAKE | SSH_FXF_EXCL, NULL);
	/* Renamed while it is open still. */
	world_put("store/index", "older");
	assert_int_equal(op_rename("/index.lock", "/index", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/index.lock", "/index", true), SSH_FX_OK);
	assert_int_equal(op_write(f, 0, "index"), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_content("store/index", "index");
	world_assert_content("store/obj", "object");
	assert_list("/", "index obj");
	/* "older" was there before anybody counted. */
	assert_int_equal(the_world.content_files, 2 - 1);
	assert_int_equal(the_world.content_bytes, 11 - 5);
}

/* A partial from when the mount was not direct is out of the way, once it is written in place. */
static void
test_older_partial(void **state unused_arg)
{
	world_put("store.staging/up.erp.0", "old");
	assert_int_equal(vfs_partial(the_world.v, "store", "a", "up.erp.0", 3), ERR_OK);
	assert_list("/", "a");
	assert_int_equal(op_open_status("/a", SSH_FXF_WRITE), SSH_FX_NO_SUCH_FILE);
	void *f = op_open("/a", MAKE, NULL);
	assert_int_equal(op_write(f, 0, "new"), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	assert_string_equal(the_world.events[0], "discarded store");
	assert_int_equal(world_count("store.staging"), 0);
	world_assert_content("store/a", "new");
}

/* A CLOSE that can't be made durable fails; the change is told, for it is there. */
static void
test_sync_fails(void **state unused_arg)
{
	for (int nth = 1; nth <= 2; nth++) {
		(void)unlinkat(the_world.root_fd, "store/a", 0);
		void *f = op_open("/a", MAKE, NULL);
		world_forget_events();
		the_world.fail_call = nth;
		the_world.fail_errno = EIO;
		assert_int_equal(op_close(f, 1).status, SSH_FX_FAILURE);
		assert_int_equal(the_world.fail_call, 0);
		assert_string_equal(the_world.events[the_world.n_events - 1], "written store a");
	}
}

int
main(void)
{
#define DIRECT_TEST(t) cmocka_unit_test_setup_teardown(t, direct_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    DIRECT_TEST(test_seen_at_once),
	    DIRECT_TEST(test_line_lost),
	    DIRECT_TEST(test_flags),
	    DIRECT_TEST(test_unchanged),
	    DIRECT_TEST(test_sizes),
	    DIRECT_TEST(test_rights),
	    DIRECT_TEST(test_reading_is_no_taking),
	    DIRECT_TEST(test_temporary_and_rename),
	    DIRECT_TEST(test_older_partial),
	    DIRECT_TEST(test_sync_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
