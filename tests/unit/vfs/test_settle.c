/* Turns: what is closed together is made durable together, and in the order of vfs/upload.h. */
#include "vfs/world.h"

static void *
open_with(const char *path, const char *content)
{
	void *f = op_open(path, PUT, NULL);

	assert_non_null(f);
	assert_int_equal(op_write(f, 0, content), SSH_FX_OK);
	return f;
}

static void
close_in_turn(void *file, uint32_t request_id)
{
	assert_int_equal(op_close_only(file, request_id).status, SFTP_PENDING);
}

static void
record_all(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(
		    vfs_upload_recorded(the_world.v, the_world.tag - n + 1 + i, ERR_OK, i), ERR_OK);
}

static void
test_together(void **state unused_arg)
{
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	void *one = open_with("/one", "1"), *two = open_with("/d/two", "22");
	void *three = open_with("/three", "333");
	world_forget_events();
	close_in_turn(one, 1);
	close_in_turn(two, 2);
	close_in_turn(three, 3);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(vfs_n_recording(the_world.v), 3);
	vfs_settle(the_world.v);
	world_assert_events((const char *const[]){"writeback", "writeback", "writeback",
	    "sync file", "sync file", "sync file", "sync store.staging", "staged store one 1",
	    "staged store d/two 2", "staged store three 3", NULL});
	record_all(3);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(vfs_n_recording(the_world.v), 3);
	vfs_settle(the_world.v);
	world_assert_events((const char *const[]){"rename over one", "rename over two",
	    "rename over three", "sync store", "sync d", "published 0", "complete 1 status 0",
	    "published 1", "complete 2 status 0", "published 2", "complete 3 status 0", NULL});
	assert_int_equal(vfs_n_recording(the_world.v), 0);
	vfs_settle(the_world.v);
	world_assert_events((const char *const[]){NULL});
}

/* A file system that makes a new name durable with its file; but not one that was renamed. */
static void
test_names_synced_with_files(void **state unused_arg)
{
	the_world.fs_kind = WORLD_EXT4;
	world_allow(VFS_ALL);
	void *f = open_with("/a", "x");
	world_forget_events();
	close_in_turn(f, 1);
	vfs_settle(the_world.v);
	world_assert_events((const char *const[]){"sync file", "staged store a 1", NULL});
	record_all(1);
	vfs_settle(the_world.v);
	the_world.ops->abandon(open_with("/b", "y"));
	f = op_open("/b", SSH_FXF_WRITE, NULL);
	world_forget_events();
	close_in_turn(f, 2);
	vfs_settle(the_world.v);
	world_assert_events(
	    (const char *const[]){"sync file", "sync store.staging", "staged store b 1", NULL});
	record_all(1);
	vfs_settle(the_world.v);
}

static void
test_relaxed(void **state unused_arg)
{
	the_world.relaxed = true;
	world_allow(VFS_ALL);
	void *one = open_with("/one", "1"), *two = open_with("/two", "2");
	assert_int_equal(the_world.ops->fsync(one).status, SSH_FX_OK);
	close_in_turn(one, 1);
	close_in_turn(two, 2);
	vfs_settle(the_world.v);
	record_all(2);
	vfs_settle(the_world.v);
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	assert_int_equal(op_rename("/one", "/d/one", false), SSH_FX_OK);
	assert_int_equal(op_remove("/d/one"), SSH_FX_OK);
	assert_int_equal(op_rmdir("/d"), SSH_FX_OK);
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 100};
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/two"), &a).status, SSH_FX_OK);
	assert_int_equal(
	    the_world.ops->link(the_world.v, slice_str("/two"), slice_str("/2")).status, SSH_FX_OK);
	for (size_t i = 0; i < the_world.n_events; i++) {
		assert_memory_not_equal(the_world.events[i], "sync", 4);
		assert_memory_not_equal(the_world.events[i], "writ", 4);
	}
	assert_list("/", "2 two");
}

/* Each fsync and rename of a turn fails: who isn't concerned isn't hurt, and nothing is half. */
static void
test_one_of_many_fails(void **state unused_arg)
{
	/* Of three in two directories: 3 files, staging, then 3 renames, 2 directories. */
	enum { CALLS = 9 };
	static const char *const PATHS[] = {"/d0/f", "/d1/f", "/d0/g"};

	for (int nth = 1; nth <= CALLS; nth++) {
		char dirs[2][8] = {"/d0", "/d1"};
		size_t n_ok = 0, n_there = 0;
		void *files[3];

		world_allow(VFS_ALL);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(op_mkdir(dirs[i]), SSH_FX_OK);
		for (size_t i = 0; i < 3; i++)
			files[i] = open_with(PATHS[i], "content");
		world_forget_events();
		the_world.n_completed = 0;
		the_world.fail_call = nth;
		the_world.fail_errno = nth % 2 == 0 ? EIO : ENOSPC;
		the_world.tag = 0;
		for (uint32_t i = 0; i < 3; i++)
			close_in_turn(files[i], i);
		vfs_settle(the_world.v);
		for (uint32_t tag = 1; tag <= the_world.tag; tag++)
			assert_int_equal(
			    vfs_upload_recorded(the_world.v, tag, ERR_OK, tag), ERR_OK);
		vfs_settle(the_world.v);
		assert_int_equal(the_world.fail_call, 0);
		assert_int_equal(the_world.n_completed, 3);
		for (size_t i = 0; i < the_world.n_events; i++)
			n_ok += strstr(the_world.events[i], "status 0") != NULL ? 1 : 0;
		for (size_t i = 0; i < 3; i++) {
			char host[32];
			(void)snprintf(host, sizeof host, "store%s", PATHS[i]);
			if (!world_has(host))
				continue;
			n_there++;
			world_assert_content(host, "content");
			(void)unlinkat(the_world.root_fd, host, 0);
		}
		/* One is missing; with the staging directory all, with a directory those in it. */
		static const size_t OK[] = {2, 2, 2, 0, 2, 2, 2, 1, 2};
		static const size_t THERE[] = {2, 2, 2, 0, 2, 2, 2, 3, 3};
		assert_int_equal(n_ok, OK[nth - 1]);
		assert_int_equal(n_there, THERE[nth - 1]);
		(void)unlinkat(the_world.root_fd, "store/d0", AT_REMOVEDIR);
		(void)unlinkat(the_world.root_fd, "store/d1", AT_REMOVEDIR);
	}
}

static void
test_many_directories(void **state unused_arg)
{
	enum { N = 40 };
	void *files[N];
	char name[32];

	the_world.quiet = true;
	for (uint32_t i = 0; i < N; i++) {
		(void)snprintf(name, sizeof name, "/d%" PRIu32, i);
		assert_int_equal(op_mkdir(name), SSH_FX_OK);
		(void)snprintf(name, sizeof name, "/d%" PRIu32 "/f", i);
		files[i] = open_with(name, "x");
	}
	for (uint32_t i = 0; i < N; i++)
		close_in_turn(files[i], i);
	vfs_settle(the_world.v);
	record_all(N);
	vfs_settle(the_world.v);
	assert_int_equal(the_world.n_completed, N);
	assert_int_equal(world_count("store.staging"), 0);
	for (uint32_t i = 0; i < N; i++) {
		(void)snprintf(name, sizeof name, "store/d%" PRIu32 "/f", i);
		world_assert_content(name, "x");
	}
}

static void
test_same_name_in_one_turn(void **state unused_arg)
{
	void *one = open_with("/a", "first opened"), *two = open_with("/a", "second");

	close_in_turn(two, 2);
	close_in_turn(one, 1);
	vfs_settle(the_world.v);
	record_all(2);
	world_forget_events();
	vfs_settle(the_world.v);
	world_assert_events(
	    (const char *const[]){"rename over a", "rename over a", "sync store", "published 0",
		"complete 2 status 0", "published 1 over 6", "complete 1 status 0", NULL});
	world_assert_content("store/a", "first opened");
}

/* The client went away between its CLOSE and the end of the turn. */
static void
test_gone_within_the_turn(void **state unused_arg)
{
	void *f = open_with("/a", "all of it");

	close_in_turn(f, 1);
	the_world.ops->abandon(f);
	vfs_settle(the_world.v);
	record_all(1);
	vfs_settle(the_world.v);
	assert_int_equal(the_world.n_completed, 0);
	world_assert_content("store/a", "all of it");
}

static uint32_t
resize_a(void)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 1};

	return the_world.ops->setstat(the_world.v, slice_str("/d/a"), &a).status;
}

static uint32_t
link_a(void)
{
	return the_world.ops->link(the_world.v, slice_str("/d/a"), slice_str("/b")).status;
}

static uint32_t
remove_a(void)
{
	return op_remove("/d/a");
}

static uint32_t
rename_a(void)
{
	return op_rename("/d/a", "/b", false);
}

static uint32_t
rename_over_a(void)
{
	return op_rename("/other", "/d/a", true);
}

static uint32_t
rename_dir(void)
{
	return op_rename("/d", "/e", false);
}

/* Clients that don't wait for the answer to CLOSE: it is finished, answered, and then it goes on.
 */
static void
test_behind_a_close(void **state unused_arg)
{
	static const struct {
		uint32_t (*op)(void);
		const char *there, *content;
	} CASES[] = {
	    {rename_a, "store/b", "hello"},
	    {rename_over_a, "store/d/a", "other"},
	    {rename_dir, "store/e/a", "hello"},
	    {link_a, "store/b", "hello"},
	    {resize_a, "store/d/a", "h"},
	    {remove_a, "store/other", "other"},
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(CASES); i++) {
		assert_int_equal(world_setup(NULL), 0);
		bool told_already = i % 2 == 1;
		world_put("store/other", "other");
		assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
		close_in_turn(open_with("/d/a", "hello"), 1);
		if (told_already)
			vfs_settle(the_world.v);
		assert_int_equal(CASES[i / 2].op(), SSH_FX_OK);
		assert_int_equal(the_world.n_completed, 1);
		assert_int_equal(the_world.completed.status, SSH_FX_OK);
		world_assert_content(CASES[i / 2].there, CASES[i / 2].content);
		assert_int_equal(world_count("store.staging"), 0);
		assert_int_equal(vfs_n_recording(the_world.v), 0);
		assert_int_equal(world_teardown(NULL), 0);
	}
}

/* The journal is gone: nothing is renamed from under an upload that may be recorded. */
static void
test_behind_a_close_without_an_answer(void **state unused_arg)
{
	void *f = open_with("/a", "hello");

	close_in_turn(f, 1);
	the_world.await_error = ERR_CLOSED;
	assert_int_equal(op_rename("/a", "/b", false), SSH_FX_FAILURE);
	assert_int_equal(op_remove("/a"), SSH_FX_FAILURE);
	assert_int_equal(vfs_n_recording(the_world.v), 1);
	assert_int_equal(world_count("store.staging"), 1);
	/* What lies elsewhere doesn't wait for it. */
	world_put("store/x", "x");
	assert_int_equal(op_remove("/x"), SSH_FX_OK);
	the_world.ops->abandon(f);
}

static void
test_open_uploads(void **state unused_arg)
{
	void *f = open_with("/a", "x"), *removed = open_with("/b", "y");

	assert_int_equal(vfs_n_open_uploads(the_world.v), 2);
	assert_int_equal(op_remove("/b"), SSH_FX_OK);
	assert_int_equal(vfs_n_open_uploads(the_world.v), 1);
	close_in_turn(f, 1);
	assert_int_equal(vfs_n_open_uploads(the_world.v), 1);
	vfs_settle(the_world.v);
	record_all(1);
	vfs_settle(the_world.v);
	assert_int_equal(vfs_n_open_uploads(the_world.v), 0);
	the_world.ops->abandon(removed);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_together),
	    WORLD_TEST(test_names_synced_with_files),
	    WORLD_TEST(test_relaxed),
	    WORLD_TEST(test_one_of_many_fails),
	    WORLD_TEST(test_many_directories),
	    WORLD_TEST(test_same_name_in_one_turn),
	    WORLD_TEST(test_gone_within_the_turn),
	    cmocka_unit_test(test_behind_a_close),
	    WORLD_TEST(test_behind_a_close_without_an_answer),
	    WORLD_TEST(test_open_uploads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
