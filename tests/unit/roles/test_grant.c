#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roles/grant.h"
#include "vfs/mount.h"

/* A configuration's texts belong to its snapshot, and so are not const. */
static char in[] = "in", out[] = "out", erp[] = "erp";
static char srv_in[] = "/srv/in", srv_out[] = "/srv/out", srv_elsewhere[] = "/srv/elsewhere";
static char at_in[] = "/in", at_up[] = "/up", at_out[] = "/out";

static const struct config_folder IN = {.name = in, .path = srv_in};
static const struct config_folder OUT = {.name = out, .path = srv_out};

static struct config_mount mounts[] = {
    {.at = at_in, .folder = &IN, .allow = VFS_LIST | VFS_DOWNLOAD | VFS_DELETE},
    {.at = at_up, .folder = &IN, .allow = VFS_UPLOAD},
    {.at = at_out, .folder = &OUT, .allow = VFS_LIST},
};
static const struct config_account ACCOUNT = {.name = erp, .mounts = mounts, .n_mounts = 3};

static void
test_rights_are_those_of_one_mount(unused_arg void **state)
{
	assert_true(grant_covers(&ACCOUNT, slice_str("in"), VFS_DOWNLOAD));
	assert_true(grant_covers(&ACCOUNT, slice_str("in"), VFS_UPLOAD));
	assert_false(grant_covers(&ACCOUNT, slice_str("in"), VFS_UPLOAD | VFS_DELETE));
	assert_false(grant_covers(&ACCOUNT, slice_str("out"), VFS_DOWNLOAD));
	assert_false(grant_covers(&ACCOUNT, slice_str("other"), VFS_LIST));
	assert_false(grant_covers(&ACCOUNT, slice_str(""), VFS_LIST));
	assert_false(grant_covers(&ACCOUNT, slice_str("i"), VFS_LIST));
}

static void
test_paths(unused_arg void **state)
{
	static const struct {
		const char *path;
		bool clean;
	} CASES[] = {
	    {"a", true},
	    {"a/b.c", true},
	    {"...", true},
	    {"a/..b", true},
	    {"", false},
	    {"/", false},
	    {"/a", false},
	    {"a/", false},
	    {"a//b", false},
	    {".", false},
	    {"..", false},
	    {"a/../b", false},
	    {"a/.", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (grant_path_is_clean(slice_str(CASES[i].path)) != CASES[i].clean)
			fail_msg("\"%s\"", CASES[i].path);
	}
}

static void
test_names_of_uploads(unused_arg void **state)
{
	static const struct {
		const char *name;
		bool own;
	} CASES[] = {
	    {"up.erp.0123456789abcdef", true},
	    {"up.erp.0123456789abcde", false},
	    {"up.erp.0123456789abcdef0", false},
	    {"up.erp.0123456789abcdeF", false},
	    {"up.erp.0123456789abcde/", false},
	    {"up.erp/0123456789abcdef", false},
	    {"up.er.00123456789abcdef", false},
	    {"up.erq.0123456789abcdef", false},
	    {"up.er", false},
	    {"up.erp.b.123456789abcde", false},
	    {"t1.0-1", false},
	    {"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (grant_is_upload_name("erp", slice_str(CASES[i].name)) != CASES[i].own)
			fail_msg("\"%s\"", CASES[i].name);
	}
	/* The upload of another account, whose name begins like ours. */
	assert_false(grant_is_upload_name("erp", slice_str("up.erp.b.0123456789abcdef")));
	assert_true(grant_is_upload_name("erp.b", slice_str("up.erp.b.0123456789abcdef")));
}

static void
test_verbs(unused_arg void **state)
{
	assert_int_equal(grant_change_needs(slice_str("removed")), VFS_DELETE);
	assert_int_equal(grant_change_needs(slice_str("renamed")), VFS_RENAME);
	assert_int_equal(grant_change_needs(slice_str("written")), VFS_UPLOAD);
	assert_int_equal(grant_change_needs(slice_str("linked")), VFS_UPLOAD);
	assert_int_equal(grant_change_needs(slice_str("copied")), VFS_UPLOAD);
	assert_int_equal(grant_change_needs(slice_str("delivered")), 0);
	assert_int_equal(grant_change_needs(slice_str("")), 0);
}

static void
test_denials(unused_arg void **state)
{
	static const struct {
		const char *verb, *folder, *path;
		bool may;
	} CASES[] = {
	    {"upload", "in", "a/b", true},
	    {"list", "out", "", true},
	    {"make-directory", "", "new", true},
	    {"remove-directory", "", "", true},
	    {"removed", "in", "a", false},
	    {"", "in", "a", false},
	    {"upload now", "in", "a", false},
	    {"upload", "other", "a", false},
	    {"upload", "in", "/a", false},
	    {"upload", "in", "../a", false},
	    {"upload", "", "a//b", false},
	    {"upload", "in", ".", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		if (grant_may_be_denied(&ACCOUNT, slice_str(CASES[i].verb),
			slice_str(CASES[i].folder), slice_str(CASES[i].path)) != CASES[i].may)
			fail_msg("%s \"%s/%s\"", CASES[i].verb, CASES[i].folder, CASES[i].path);
	}
}

static void
test_a_narrower_grant(unused_arg void **state)
{
	struct config_folder moved = {.name = in, .path = srv_elsewhere};
	struct config_mount changed[] = {mounts[0], mounts[1], mounts[2]};
	struct config_account has = {.name = erp, .mounts = changed, .n_mounts = 3};

	assert_true(grant_is_within(&ACCOUNT, &has));
	changed[0].allow |= VFS_RENAME;
	assert_true(grant_is_within(&ACCOUNT, &has));
	changed[0].allow &= ~(uint32_t)VFS_DELETE;
	assert_false(grant_is_within(&ACCOUNT, &has));
	changed[0] = mounts[0];
	changed[1].folder = &moved;
	assert_false(grant_is_within(&ACCOUNT, &has));
	changed[1] = mounts[1];
	has.n_mounts = 2;
	assert_false(grant_is_within(&ACCOUNT, &has));
}

/* Rights are not all that a session was told of at its login. */
static void
test_other_ways(void **state)
{
	(void)state;
	char csv[] = "*.csv", xml[] = "*.xml", name[] = "f", path[] = "/f", at[] = "/";
	char *names[] = {csv, xml}, *other[] = {csv, csv};
	const struct config_folder folder = {.name = name, .path = path};
	struct config_folder now_folder = folder;
	struct config_mount had_mount = {.at = at, .folder = &folder, .names = names, .n_names = 2};
	struct config_mount mount = had_mount;
	struct config_account had = {.mounts = &had_mount, .n_mounts = 1};
	struct config_account has = {.mounts = &mount, .n_mounts = 1};

	mount.folder = &now_folder;
	assert_true(grant_is_within(&had, &has));
	mount.n_names = 1;
	assert_false(grant_is_within(&had, &has));
	mount.n_names = 2;
	mount.names = other;
	assert_false(grant_is_within(&had, &has));
	mount.names = names;
	mount.no_names = other;
	mount.n_no_names = 1;
	assert_false(grant_is_within(&had, &has));
	mount.n_no_names = 0;
	now_folder.uploads = CONFIG_UPLOADS_DIRECT;
	assert_false(grant_is_within(&had, &has));
	now_folder.uploads = CONFIG_UPLOADS_PRIVATE;
	now_folder.durability = CONFIG_DURABILITY_RELAXED;
	assert_true(grant_is_within(&had, &has));
	assert_false(grant_is_within(&has, &had));
	now_folder.durability = CONFIG_DURABILITY_FULL;
	/* Who was not metered would not ask; who was goes on asking, and gets what there is. */
	now_folder.quota.files = 1;
	assert_false(grant_is_within(&had, &has));
	assert_true(grant_is_within(&has, &had));
	now_folder.quota.files = 0;
	has.quota.bytes = 1;
	assert_false(grant_is_within(&had, &has));
	had.quota.bytes = 5;
	assert_true(grant_is_within(&had, &has));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rights_are_those_of_one_mount),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_names_of_uploads),
	    cmocka_unit_test(test_verbs),
	    cmocka_unit_test(test_denials),
	    cmocka_unit_test(test_a_narrower_grant),
	    cmocka_unit_test(test_other_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
