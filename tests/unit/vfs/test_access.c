/* Every operation against every set of rights: the table itself, and through the operations. */
#include "vfs/access.h"

#include "vfs/world.h"

static void
test_names_fit_the_bits(void **state unused_arg)
{
	static const char *const WANT[] = {"list", "download", "upload", "overwrite", "delete",
	    "rename", "mkdir", "rmdir", "setstat", "link"};

	for (size_t i = 0; i < ARRAY_LEN(WANT); i++)
		assert_string_equal(VFS_ALLOW_NAMES[i], WANT[i]);
	assert_null(VFS_ALLOW_NAMES[ARRAY_LEN(WANT)]);
	assert_int_equal(1 << (ARRAY_LEN(WANT) - 1), VFS_LINK);
}

/* What the operations need, said once more, independently. */
static const struct {
	enum access_op op;
	uint32_t needs;
} TABLE[] = {
    {ACCESS_LIST, VFS_LIST},
    {ACCESS_DOWNLOAD, VFS_DOWNLOAD},
    {ACCESS_CREATE, VFS_UPLOAD},
    {ACCESS_REPLACE, VFS_UPLOAD | VFS_OVERWRITE},
    {ACCESS_RESIZE, VFS_UPLOAD | VFS_OVERWRITE},
    {ACCESS_SETSTAT, VFS_SETSTAT},
    {ACCESS_REMOVE, VFS_DELETE},
    {ACCESS_RENAME, VFS_RENAME},
    {ACCESS_RENAME_OVER, VFS_RENAME | VFS_OVERWRITE},
    {ACCESS_MKDIR, VFS_MKDIR},
    {ACCESS_RMDIR, VFS_RMDIR},
    {ACCESS_LINK_FROM, VFS_LINK},
    {ACCESS_LINK, VFS_LINK | VFS_UPLOAD},
};

static void
test_table(void **state unused_arg)
{
	assert_int_equal(ARRAY_LEN(TABLE) + 1, ACCESS_N);
	for (uint32_t allow = 0; allow <= VFS_ALL; allow++) {
		for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
			assert_int_equal(access_allows(allow, TABLE[i].op),
			    (allow & TABLE[i].needs) == TABLE[i].needs);
			assert_int_equal(access_lacks(allow, TABLE[i].op), TABLE[i].needs & ~allow);
		}
		assert_int_equal(access_allows(allow, ACCESS_STAT), allow != 0);
	}
}

/* One try of an operation in a world with file, other, dir/ in place. */
static uint32_t
try_list(void)
{
	char names[64];

	return op_list("/", names, sizeof names);
}

static uint32_t
try_stat(void)
{
	return op_stat("/file", NULL);
}

static uint32_t
try_download(void)
{
	return op_open_status("/file", GET);
}

static uint32_t
try_create(void)
{
	return op_put("/new", "x");
}

static uint32_t
try_replace(void)
{
	return op_put("/file", "y");
}

static uint32_t
try_resize(void)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 1};

	return the_world.ops->setstat(the_world.v, slice_str("/file"), &a).status;
}

static uint32_t
try_remove(void)
{
	return op_remove("/file");
}

static uint32_t
try_rename(void)
{
	return op_rename("/file", "/new", false);
}

static uint32_t
try_rename_over(void)
{
	return op_rename("/file", "/other", true);
}

static uint32_t
try_mkdir(void)
{
	return op_mkdir("/newdir");
}

static uint32_t
try_rmdir(void)
{
	return op_rmdir("/dir");
}

static const struct {
	enum access_op op;
	uint32_t (*try_it)(void);
} TRIES[] = {
    {ACCESS_LIST, try_list},
    {ACCESS_STAT, try_stat},
    {ACCESS_DOWNLOAD, try_download},
    {ACCESS_CREATE, try_create},
    {ACCESS_REPLACE, try_replace},
    {ACCESS_RESIZE, try_resize},
    {ACCESS_REMOVE, try_remove},
    {ACCESS_RENAME, try_rename},
    {ACCESS_RENAME_OVER, try_rename_over},
    {ACCESS_MKDIR, try_mkdir},
    {ACCESS_RMDIR, try_rmdir},
};

static void
restore_files(void)
{
	world_put("store/file", "file");
	world_put("store/other", "other");
	(void)mkdirat(the_world.root_fd, "store/dir", 0750);
	(void)unlinkat(the_world.root_fd, "store/new", 0);
	(void)unlinkat(the_world.root_fd, "store/newdir", AT_REMOVEDIR);
}

static void
assert_untouched(void)
{
	world_assert_content("store/file", "file");
	world_assert_content("store/other", "other");
	assert_int_equal(world_count("store"), 3);
}

/* The operation whose right was asked for first, and was not there. */
static enum access_op
first_denied(uint32_t allow, enum access_op op)
{
	if (op == ACCESS_REPLACE && !access_allows(allow, ACCESS_CREATE))
		return ACCESS_CREATE;
	return op == ACCESS_RESIZE && allow == 0 ? ACCESS_SETSTAT : op;
}

/* One denial is told, by the operation's name; none when it was allowed. */
static void
assert_told(uint32_t allow, enum access_op op)
{
	const char *verb = access_verb(first_denied(allow, op));

	if (access_allows(allow, op)) {
		assert_int_equal(the_world.n_denied, 0);
		return;
	}
	assert_int_equal(the_world.n_denied, 1);
	assert_memory_equal(the_world.denied, verb, strlen(verb));
	assert_int_equal(the_world.denied[strlen(verb)], ' ');
	the_world.n_denied = 0;
}

/* Whatever is denied has changed nothing, and is told; whatever is allowed works. */
static void
test_operations(void **state unused_arg)
{
	the_world.quiet = true;
	for (uint32_t allow = 0; allow <= VFS_ALL; allow++) {
		world_allow(allow);
		for (size_t i = 0; i < ARRAY_LEN(TRIES); i++) {
			bool allowed = access_allows(allow, TRIES[i].op);

			restore_files();
			assert_int_equal(
			    TRIES[i].try_it(), allowed ? SSH_FX_OK : SSH_FX_PERMISSION_DENIED);
			if (!allowed)
				assert_untouched();
			assert_told(allow, TRIES[i].op);
		}
	}
}

/* Times and modes: kept where allowed, ignored where not, refused nowhere. */
static void
test_setstat(void **state unused_arg)
{
	const struct sftp_attrs a = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS | SSH_FILEXFER_ATTR_ACMODTIME |
		     SSH_FILEXFER_ATTR_UIDGID,
	    .permissions = 06777,
	    .atime = 1000,
	    .mtime = 2000,
	    .uid = 12345,
	    .gid = 12345,
	};
	struct stat st;

	for (uint32_t allow = 1; allow <= VFS_ALL; allow++) {
		bool kept = (allow & VFS_SETSTAT) != 0;

		restore_files();
		assert_int_equal(fchmodat(the_world.root_fd, "store/file", 0640, 0), 0);
		world_allow(allow);
		assert_int_equal(
		    the_world.ops->setstat(the_world.v, slice_str("/file"), &a).status, SSH_FX_OK);
		assert_int_equal(
		    the_world.ops->setstat(the_world.v, slice_str("/"), &a).status, SSH_FX_OK);
		assert_int_equal(fstatat(the_world.root_fd, "store/file", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, kept ? 0777 : 0640);
		assert_int_equal(st.st_mtime == 2000, kept);
		assert_int_equal(st.st_uid, geteuid());
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_fit_the_bits),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test_setup_teardown(test_operations, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(test_setstat, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
