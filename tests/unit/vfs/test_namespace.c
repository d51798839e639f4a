/* Mounts, nested mounts and grouping directories, as paths and as listings. */
#include "vfs/namespace.h"

#include "vfs/world.h"

static void
new_namespace(void)
{
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
}

/* /in is a mount with another in it, /x/y/z is one behind two grouping directories. */
static void
mount_three(void)
{
	new_namespace();
	world_mount(the_world.v, "/in", "store", VFS_ALL);
	world_mount(the_world.v, "/in/deep/other", "other", VFS_LIST | VFS_DOWNLOAD);
	world_mount(the_world.v, "/x/y/z", "other", VFS_ALL);
}

static void
test_find(void **state unused_arg)
{
	static const struct {
		const char *path, *at, *rel;
		bool fixed;
	} CASES[] = {
	    {"/", NULL, NULL, true},
	    {"/in", "/in", ".", true},
	    {"/in/a", "/in", "a", false},
	    {"/inn", NULL, NULL, false},
	    {"/in/deep", "/in", "deep", true},
	    {"/in/deep/a", "/in", "deep/a", false},
	    {"/in/deep/other", "/in/deep/other", ".", true},
	    {"/in/deep/other/a/b", "/in/deep/other", "a/b", false},
	    {"/in/deep/otherwise", "/in", "deep/otherwise", false},
	    {"/x", NULL, NULL, true},
	    {"/x/y", NULL, NULL, true},
	    {"/x/y/z/f", "/x/y/z", "f", false},
	    {"/x/a", NULL, NULL, false},
	};

	mount_three();
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct place p = namespace_find(the_world.v, CASES[i].path);

		assert_int_equal(p.fixed, CASES[i].fixed);
		assert_int_equal(p.mount == NULL, CASES[i].at == NULL);
		if (CASES[i].at == NULL)
			continue;
		assert_string_equal(p.mount->at, CASES[i].at);
		assert_string_equal(p.rel, CASES[i].rel);
	}
}

static void
test_listings(void **state unused_arg)
{
	char got[64];

	/* What the host has under the name of a mount, or of a way to one, is hidden. */
	assert_int_equal(mkdirat(the_world.root_fd, "store/deep", 0750), 0);
	assert_int_equal(mkdirat(the_world.root_fd, "store/deep/other", 0750), 0);
	world_put("store/deep/other/hidden", "");
	world_put("store/deep/shown", "");
	world_put("store/a", "");
	world_put("other/b", "");
	mount_three();
	assert_list("/", "in x");
	assert_list("", "in x");
	assert_list("/in", "a deep");
	assert_list("/in/deep", "other shown");
	assert_list("/in/deep/other", "b");
	assert_list("/x", "y");
	assert_list("/x/y", "z");
	assert_list("/x/y/z", "b");
	assert_list("/x/../in/deep/../deep/other/..", "other shown");
	assert_int_equal(op_list("/nowhere", got, sizeof got), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_stat("/in/deep/other/hidden", NULL), SSH_FX_NO_SUCH_FILE);
}

/* A file, or nothing at all, where a way leads: for the account it is a directory. */
static void
test_way_over_a_file(void **state unused_arg)
{
	struct sftp_attrs a;

	for (int has_file = 0; has_file <= 1; has_file++) {
		if (has_file)
			world_put("store/deep", "a file");
		mount_three();
		assert_int_equal(op_stat("/in/deep", &a), SSH_FX_OK);
		assert_true(S_ISDIR(a.permissions));
		assert_list("/in", "deep");
		assert_list("/in/deep", "other");
		assert_int_equal(op_open_status("/in/deep", GET), SSH_FX_FAILURE);
	}
}

/* Neither a mount nor the way to it can be changed, or be written over. */
static void
test_fixed_places(void **state unused_arg)
{
	static const char *const FIXED[] = {"/", "/in", "/in/deep", "/in/deep/other", "/x", "/x/y"};

	mount_three();
	world_put("store/a", "a");
	for (size_t i = 0; i < ARRAY_LEN(FIXED); i++) {
		assert_int_equal(op_stat(FIXED[i], NULL), SSH_FX_OK);
		assert_int_equal(op_remove(FIXED[i]), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_rmdir(FIXED[i]), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_mkdir(FIXED[i]), SSH_FX_FAILURE);
		assert_int_equal(op_rename(FIXED[i], "/in/b", true), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_rename("/in/a", FIXED[i], true), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_open_status(FIXED[i], PUT), SSH_FX_FAILURE);
	}
	assert_int_equal(op_mkdir("/new"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_put("/x/new", ""), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_put("/x/y/new", ""), SSH_FX_NO_SUCH_FILE);
	world_assert_content("store/a", "a");
}

static void
test_mounting(void **state unused_arg)
{
	static const struct {
		const char *at;
		enum err want;
	} CASES[] = {
	    {"/in", ERR_OK},
	    {"/in", ERR_EXISTS},
	    {"/in/", ERR_INVALID},
	    {"in", ERR_INVALID},
	    {"", ERR_INVALID},
	    {"/a/../b", ERR_INVALID},
	    {"//", ERR_INVALID},
	    {"/", ERR_OK},
	    {"/", ERR_EXISTS},
	};
	char at[16];

	new_namespace();
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_int_equal(vfs_mount(the_world.v,
				     &(struct vfs_mount_options){
					 .at = CASES[i].at, .folder = "store", .allow = VFS_ALL},
				     world_dir("store"), world_dir("store.staging")),
		    CASES[i].want);
	for (int i = 2; i < VFS_MOUNTS_MAX; i++) {
		(void)snprintf(at, sizeof at, "/m%d", i);
		world_mount(the_world.v, at, "store", VFS_ALL);
	}
	assert_int_equal(
	    vfs_mount(the_world.v,
		&(struct vfs_mount_options){.at = "/more", .folder = "store", .allow = VFS_ALL},
		world_dir("store"), world_dir("store.staging")),
	    ERR_LIMIT);
}

static void
test_account_names(void **state unused_arg)
{
	static const char *const BAD[] = {"", "a/b", "/"};
	char longest[256] = {0};
	struct vfs *v;

	for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
		assert_int_equal(vfs_new(&v, BAD[i], &WORLD_JOURNAL, NULL), ERR_INVALID);
	memset(longest, 'x', 201);
	assert_int_equal(vfs_new(&v, longest, &WORLD_JOURNAL, NULL), ERR_INVALID);
	vfs_free(NULL);
}

/* No mount at all: an empty directory. */
static void
test_empty(void **state unused_arg)
{
	struct sftp_fs_statvfs st;

	new_namespace();
	assert_list("/", "");
	assert_int_equal(op_stat("/", NULL), SSH_FX_OK);
	assert_int_equal(op_stat("/a", NULL), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(
	    the_world.ops->statvfs(the_world.v, slice_str("/"), &st).status, SSH_FX_OK);
	assert_int_equal(st.f_bavail, 0);
}

static void
test_realpath_and_statvfs(void **state unused_arg)
{
	struct sftp_fs_statvfs st;
	struct buf path;

	mount_three();
	buf_init(&path, 4096);
	assert_int_equal(
	    the_world.ops->realpath(the_world.v, slice_str("x/../../in/./not/there/"), &path)
		.status,
	    SSH_FX_OK);
	assert_true(slice_is(buf_slice(&path), "/in/not/there"));
	buf_fini(&path);
	assert_int_equal(
	    the_world.ops->statvfs(the_world.v, slice_str("/in"), &st).status, SSH_FX_OK);
	assert_true(st.f_blocks > 0 && (st.f_flag & SSH_FXE_STATVFS_ST_RDONLY) == 0);
	assert_int_equal(
	    the_world.ops->statvfs(the_world.v, slice_str("/in/deep/other"), &st).status,
	    SSH_FX_OK);
	assert_true((st.f_flag & SSH_FXE_STATVFS_ST_RDONLY) != 0);
	assert_int_equal(
	    the_world.ops->statvfs(the_world.v, slice_str("/no"), &st).status, SSH_FX_NO_SUCH_FILE);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_find),
	    WORLD_TEST(test_listings),
	    WORLD_TEST(test_way_over_a_file),
	    WORLD_TEST(test_fixed_places),
	    WORLD_TEST(test_mounting),
	    WORLD_TEST(test_account_names),
	    WORLD_TEST(test_empty),
	    WORLD_TEST(test_realpath_and_statvfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
