/* The names that may be made in a mount, and where they are asked for. */
#include "vfs/names.h"

#include "vfs/world.h"

static void
test_patterns(void **state unused_arg)
{
	static const struct {
		struct slice names, no_names;
		const char *path;
		bool allowed;
	} CASES[] = {
#define GLOBS(s) {(const uint8_t *)(s), sizeof(s)}
#define NONE            \
	{               \
		NULL, 0 \
	}
	    {NONE, NONE, "/anything", true},
	    {GLOBS("*.csv"), NONE, "/a.csv", true},
	    {GLOBS("*.csv"), NONE, "/a.csv.exe", false},
	    {GLOBS("*.csv"), NONE, "/d.csv/a.txt", false},
	    {GLOBS("*.csv"), NONE, "/.a.csv", false},
	    {GLOBS("*.csv"), NONE, "/A.CSV", false},
	    {GLOBS("*.csv\0*.xml"), NONE, "/a.xml", true},
	    {GLOBS("*.csv\0*.xml"), NONE, "/a.txt", false},
	    {NONE, GLOBS("*.exe"), "/a.exe", false},
	    {NONE, GLOBS("*.exe"), "/a.csv", true},
	    /* A leading dot hides nothing from what is forbidden. */
	    {NONE, GLOBS("*.exe"), "/.a.exe", false},
	    {NONE, GLOBS("*.exe"), "/.exe", false},
	    {NONE, GLOBS("?*"), "/.x", false},
	    {NONE, GLOBS(".*"), "/.x", false},
	    {NONE, GLOBS(".*"), "/x", true},
	    {GLOBS("*.csv"), GLOBS("secret*"), "/secret.csv", false},
	    {GLOBS("*.csv"), GLOBS("secret*\0*~"), "/open.csv", true},
	    {NONE, GLOBS("[!a-z]*"), "/Upper", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct mount m = {.at = NULL};

		assert_int_equal(names_check(CASES[i].names), ERR_OK);
		assert_int_equal(names_check(CASES[i].no_names), ERR_OK);
		m.names = names_dup(CASES[i].names);
		m.no_names = names_dup(CASES[i].no_names);
		assert_int_equal(names_allow(&m, CASES[i].path), CASES[i].allowed);
		free(m.names);
		free(m.no_names);
	}
}

static void
test_bad_globs(void **state unused_arg)
{
	static const struct slice BAD[] = {
	    {(const uint8_t *)"*.csv", 5}, /* not ended */
	    GLOBS(""),
	    GLOBS("a\0"),
	    GLOBS("[a"),
	    GLOBS("a/b"),
	    GLOBS("*.csv\0[a"),
	    GLOBS("*********"),
	};

	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		const struct vfs_mount_options options = {
		    .at = "/x", .folder = "store", .allow = VFS_ALL, .no_names = BAD[i]};

		assert_int_equal(names_check(BAD[i]), ERR_INVALID);
		assert_int_equal(vfs_mount(the_world.v, &options, world_dir("store"),
				     world_dir("store.staging")),
		    ERR_INVALID);
	}
}

/* Each operation that makes a name; and those that don't. */
static void
test_operations(void **state unused_arg)
{
	for (int direct = 0; direct < 2; direct++) {
		the_world.names = "*.csv";
		the_world.direct = direct == 1;
		world_allow(VFS_ALL);
		world_put("store/old.txt", "x");
		world_put("store/a.csv", "x");
		the_world.n_denied = 0;
		struct sftp_result r;
		assert_null(op_open("/b.txt", PUT, &r));
		assert_int_equal(r.status, SSH_FX_PERMISSION_DENIED);
		assert_string_equal(r.message, "the name is not allowed here");
		assert_string_equal(the_world.denied,
		    "upload store:b.txt: the mount's name patterns do not allow the name");
		assert_int_equal(op_open_status("/old.txt", PUT), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_mkdir("/dir"), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_mkdir("/dir.csv"), SSH_FX_OK);
		assert_int_equal(op_rename("/a.csv", "/a.txt", false), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(op_rename("/old.txt", "/new.csv", false), SSH_FX_OK);
		assert_int_equal(
		    the_world.ops->link(the_world.v, slice_str("/a.csv"), slice_str("/a.txt"))
			.status,
		    SSH_FX_PERMISSION_DENIED);
		assert_int_equal(the_world.n_denied, 5);
		/* A temporary name has to be allowed, too. */
		assert_int_equal(op_open_status("/a.csv.filepart", PUT), SSH_FX_PERMISSION_DENIED);
		void *f = op_open("/up.csv", PUT, NULL);
		assert_int_equal(op_rename("/up.csv", "/up.txt", false), SSH_FX_PERMISSION_DENIED);
		the_world.ops->abandon(f);
		assert_int_equal(op_remove("/up.csv"), SSH_FX_OK);
		/* What is there already can be read and removed. */
		world_put("store/old.txt", "x");
		assert_int_equal(op_open_status("/old.txt", GET), SSH_FX_OK);
		assert_int_equal(op_remove("/old.txt"), SSH_FX_OK);
		assert_int_equal(op_rmdir("/dir.csv"), SSH_FX_OK);
		assert_int_equal(op_remove("/new.csv"), SSH_FX_OK);
		world_forget_events();
	}
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_patterns),
	    WORLD_TEST(test_bad_globs),
	    WORLD_TEST(test_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
