/* Removing, renaming, making directories, listing: outcomes, durability, and what is recorded. */
#include "vfs/world.h"

static void
test_remove(void **state unused_arg)
{
	world_put("store/f", "x");
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	world_forget_events();
	assert_int_equal(op_remove("/f"), SSH_FX_OK);
	world_assert_events((const char *const[]){"sync store", "removed store f", NULL});
	assert_int_equal(op_remove("/f"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_remove("/d"), SSH_FX_FAILURE);
	assert_int_equal(op_remove("/no/f"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_remove("/"), SSH_FX_PERMISSION_DENIED);
	world_assert_events((const char *const[]){NULL});
}

static void
test_directories(void **state unused_arg)
{
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	world_assert_events((const char *const[]){"sync store", "made-directory store d", NULL});
	assert_int_equal(op_mkdir("/d/e"), SSH_FX_OK);
	world_assert_events((const char *const[]){"sync d", "made-directory store d/e", NULL});
	assert_int_equal(op_mkdir("/d"), SSH_FX_FAILURE);
	assert_int_equal(op_mkdir("/no/d"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_rmdir("/d"), SSH_FX_FAILURE);
	assert_int_equal(op_rmdir("/no"), SSH_FX_NO_SUCH_FILE);
	world_put("store/f", "x");
	assert_int_equal(op_rmdir("/f"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_mkdir("/f"), SSH_FX_FAILURE);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(op_rmdir("/d/e"), SSH_FX_OK);
	world_assert_events((const char *const[]){"sync d", "removed-directory store d/e", NULL});
}

/* RENAME never overwrites; posix-rename does. */
static void
test_rename(void **state unused_arg)
{
	world_put("store/a", "a");
	world_put("store/b", "b");
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	world_forget_events();
	assert_int_equal(op_rename("/a", "/b", false), SSH_FX_FAILURE);
	world_assert_content("store/b", "b");
	assert_int_equal(op_rename("/a", "/a", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/no", "/x", true), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_rename("/a", "/no/x", true), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_rename("/d", "/d/e", false), SSH_FX_FAILURE);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(op_rename("/a", "/d/a", false), SSH_FX_OK);
	world_assert_events((const char *const[]){
	    "rename new a", "sync d", "sync store", "renamed store a d/a", NULL});
	assert_int_equal(op_rename("/b", "/d/a", true), SSH_FX_OK);
	world_assert_content("store/d/a", "b");
	assert_false(world_has("store/b"));
	assert_int_equal(op_rename("/d", "/e", false), SSH_FX_OK);
	world_assert_content("store/e/a", "b");
	assert_int_equal(op_rename("/e/a", "/e", true), SSH_FX_FAILURE);
}

/* Two mounts of one folder are one storage; another folder is another world. */
static void
test_rename_across(void **state unused_arg)
{
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(the_world.v, "/one", "store", VFS_ALL);
	world_mount(the_world.v, "/two", "store", VFS_ALL);
	world_mount(the_world.v, "/ro", "store", VFS_LIST | VFS_DOWNLOAD);
	world_mount(the_world.v, "/other", "other", VFS_ALL);
	world_put("store/a", "a");
	assert_int_equal(op_rename("/one/a", "/other/a", true), SSH_FX_FAILURE);
	struct sftp_result r =
	    the_world.ops->rename(the_world.v, slice_str("/one/a"), slice_str("/other/a"), false);
	assert_string_equal(r.message, "the new name is in another folder: copy it instead");
	assert_int_equal(op_rename("/one/a", "/ro/b", false), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(op_rename("/ro/a", "/one/b", false), SSH_FX_PERMISSION_DENIED);
	world_assert_content("store/a", "a");
	assert_int_equal(world_count("other"), 0);
	assert_int_equal(op_rename("/one/a", "/two/b", false), SSH_FX_OK);
	world_assert_content("store/b", "a");

	void *f = op_open("/one/up", PUT, NULL);
	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	assert_int_equal(op_rename("/one/up", "/other/up", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/one/up", "/ro/up", false), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(op_rename("/one/up", "/one/b", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/one/up", "/two/up2", false), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	world_assert_content("store/up2", "x");
}

/* Each sync and rename fails in turn: no success is told, and nothing is recorded. */
static void
test_every_call_fails(void **state unused_arg)
{
	world_put("store/f", "x");
	for (int nth = 1; nth <= 2; nth++) {
		world_forget_events();
		the_world.fail_call = nth;
		the_world.fail_errno = EIO;
		assert_int_equal(op_rename("/f", "/g", false), SSH_FX_FAILURE);
		for (size_t i = 0; i < the_world.n_events; i++)
			assert_memory_not_equal(the_world.events[i], "renamed", 7);
		assert_int_equal(world_count("store"), 1);
		(void)renameat(the_world.root_fd, "store/g", the_world.root_fd, "store/f");
	}
	world_forget_events();
	the_world.fail_call = 1;
	assert_int_equal(op_remove("/f"), SSH_FX_FAILURE);
	the_world.fail_call = 1;
	assert_int_equal(op_mkdir("/d"), SSH_FX_FAILURE);
	the_world.fail_call = 1;
	assert_int_equal(op_rmdir("/d"), SSH_FX_FAILURE);
	world_assert_events((const char *const[]){NULL});
}

/* A large directory, read while it changes: what stays is listed once. */
static void
test_large_listing(void **state unused_arg)
{
	static bool seen[3000];
	struct sftp_fs_entry entry;
	void *dir = NULL;
	char name[32];
	size_t n = 0, n_dots = 0;

	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		(void)snprintf(name, sizeof name, "store/n%zu", i);
		world_put(name, "");
	}
	assert_int_equal(
	    the_world.ops->opendir(the_world.v, slice_str("/"), &dir).status, SSH_FX_OK);
	while (the_world.ops->readdir(dir, &entry).status == SSH_FX_OK) {
		if (entry.name.ptr[0] == '.') {
			n_dots++;
			assert_true(S_ISDIR(entry.attrs.permissions));
			continue;
		}
		assert_true(slice_copy(entry.name, name, sizeof name));
		size_t i = strtoul(name + 1, NULL, 10);
		assert_false(seen[i]);
		seen[i] = true;
		/* The odd ones that come later go away meanwhile. */
		if (n++ == 0) {
			for (size_t odd = 1; odd < ARRAY_LEN(seen); odd += 2) {
				(void)snprintf(name, sizeof name, "store/n%zu", odd);
				(void)unlinkat(the_world.root_fd, name, 0);
			}
		}
	}
	the_world.ops->closedir(dir);
	for (size_t even = 0; even < ARRAY_LEN(seen); even += 2)
		assert_true(seen[even]);
	assert_int_equal(n_dots, 2);
}

/* An upload that ends while a listing is under way is listed once, as what it has become. */
static void
test_listing_while_uploads_end(void **state unused_arg)
{
	struct sftp_fs_entry entry;
	void *dir = NULL;
	size_t n_published = 0;

	void *published = op_open("/published", PUT, NULL);
	void *removed = op_open("/removed", PUT, NULL);
	assert_int_equal(
	    the_world.ops->opendir(the_world.v, slice_str("/"), &dir).status, SSH_FX_OK);
	assert_int_equal(op_close(published, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	assert_int_equal(op_remove("/removed"), SSH_FX_OK);
	while (the_world.ops->readdir(dir, &entry).status == SSH_FX_OK) {
		n_published += slice_is(entry.name, "published") ? 1 : 0;
		assert_false(slice_is(entry.name, "removed"));
	}
	assert_int_equal(n_published, 1);
	the_world.ops->closedir(dir);
	the_world.ops->abandon(removed);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_remove),
	    WORLD_TEST(test_directories),
	    WORLD_TEST(test_rename),
	    WORLD_TEST(test_rename_across),
	    WORLD_TEST(test_every_call_fails),
	    WORLD_TEST(test_large_listing),
	    WORLD_TEST(test_listing_while_uploads_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
