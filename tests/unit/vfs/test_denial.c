/* What the journal is told of operations that are refused: which, where, why, and how often. */
#include "vfs/denial.h"

#include "sftp/status.h"
#include "vfs/world.h"

enum { READ_ONLY = VFS_LIST | VFS_DOWNLOAD };

/* The operations, by what the log calls them; from, to: paths as a client sends them. */
static uint32_t
try_upload(const char *from, const char *to unused_arg)
{
	return op_put(from, "x");
}

static uint32_t
try_download(const char *from, const char *to unused_arg)
{
	return op_open_status(from, GET);
}

static uint32_t
try_list(const char *from, const char *to unused_arg)
{
	char names[256];

	return op_list(from, names, sizeof names);
}

static uint32_t
try_stat(const char *from, const char *to unused_arg)
{
	return op_stat(from, NULL);
}

static uint32_t
try_delete(const char *from, const char *to unused_arg)
{
	return op_remove(from);
}

static uint32_t
try_rename(const char *from, const char *to)
{
	return op_rename(from, to, true);
}

static uint32_t
try_mkdir(const char *from, const char *to unused_arg)
{
	return op_mkdir(from);
}

static uint32_t
try_rmdir(const char *from, const char *to unused_arg)
{
	return op_rmdir(from);
}

static uint32_t
try_resize(const char *from, const char *to unused_arg)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 1};

	return the_world.ops->setstat(the_world.v, slice_str(from), &a).status;
}

/* An upload that is renamed while it is open. */
static uint32_t
try_rename_own(const char *from, const char *to)
{
	void *f = op_open(from, PUT, NULL);
	uint32_t status = op_rename(from, to, true);

	the_world.ops->abandon(f);
	return status;
}

typedef uint32_t try_fn(const char *from, const char *to);

struct denial_case {
	try_fn *try_it;
	const char *from, *to;
	const char *want; /* NULL: fails without being told */
};

#define READONLY(rights) "the mount is read-only: it does not allow " rights
#define IN_USE           "the name is in use, and the mount does not allow overwrite"
#define FIXED            "a mount, or the way to one, can't be changed"
#define LINK             "there is a symbolic link or a special file on the path"
#define NOWHERE          "no folder is mounted there"

/* /ro: store, only to be read; /up: store, all but overwrite and delete; /none: store, nothing;
 * /drop: store, upload alone; /x/y: other, everything. */
static void
mount_all(void)
{
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(the_world.v, "/ro", "store", READ_ONLY);
	world_mount(the_world.v, "/up", "store", VFS_ALL & ~(VFS_OVERWRITE | VFS_DELETE));
	world_mount(the_world.v, "/none", "store", 0);
	world_mount(the_world.v, "/drop", "store", VFS_UPLOAD);
	world_mount(the_world.v, "/x/y", "other", VFS_ALL);
}

static void
plant(void)
{
	world_put("store/f", "f");
	world_put("store/g", "g");
	world_put("other/f", "f");
	world_put("outside/secret", "secret");
	assert_int_equal(mkdirat(the_world.root_fd, "store/d", 0750), 0);
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store/out"), 0);
	assert_int_equal(symlinkat("../outside/secret", the_world.root_fd, "other/link"), 0);
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "other/out"), 0);
	assert_int_equal(mkfifoat(the_world.root_fd, "store/fifo", 0600), 0);
}

static void
assert_told(const struct denial_case *cases, size_t n)
{
	plant();
	the_world.quiet = true;
	for (size_t i = 0; i < n; i++) {
		const struct denial_case *c = &cases[i];

		mount_all();
		the_world.n_denied = 0;
		the_world.denied[0] = '\0';
		assert_int_not_equal(c->try_it(c->from, c->to), SSH_FX_OK);
		assert_string_equal(the_world.denied, c->want == NULL ? "" : c->want);
		assert_int_equal(the_world.n_denied, c->want == NULL ? 0 : 1);
	}
}

static void
test_rights(void **state unused_arg)
{
	static const struct denial_case CASES[] = {
	    {try_upload, "/ro/new", NULL, "upload store:new: " READONLY("upload")},
	    {try_upload, "/ro/f", NULL, "upload store:f: " READONLY("upload")},
	    {try_upload, "ro/./d/../d/n", NULL, "upload store:d/n: " READONLY("upload")},
	    {try_upload, "/up/f", NULL, "overwrite store:f: " IN_USE},
	    {try_upload, "/drop/f", NULL, "overwrite store:f: " IN_USE},
	    {try_download, "/drop/f", NULL, "download store:f: the mount does not allow download"},
	    {try_list, "/drop", NULL, "list store:: the mount does not allow list"},
	    {try_list, "/drop/d", NULL, "list store:d: the mount does not allow list"},
	    {try_delete, "/up/f", NULL, "delete store:f: the mount does not allow delete"},
	    {try_delete, "/ro/f", NULL, "delete store:f: " READONLY("delete")},
	    {try_rename, "/ro/f", "/up/h", "rename store:f: " READONLY("rename")},
	    {try_rename, "/up/f", "/ro/h", "rename store:h: " READONLY("rename")},
	    {try_rename, "/up/f", "/up/g", "rename store:g: " IN_USE},
	    {try_rename, "/up/f", "/drop/g",
		"rename store:g: the mount does not allow overwrite, rename"},
	    {try_rename_own, "/up/n", "/ro/n", "upload store:n: " READONLY("upload")},
	    {try_rename_own, "/up/n", "/up/f", "overwrite store:f: " IN_USE},
	    {try_mkdir, "/ro/new", NULL, "make-directory store:new: " READONLY("mkdir")},
	    {try_rmdir, "/ro/d", NULL, "remove-directory store:d: " READONLY("rmdir")},
	    {try_resize, "/ro/f", NULL, "resize store:f: " READONLY("upload, overwrite")},
	    {try_resize, "/up/f", NULL, "resize store:f: the mount does not allow overwrite"},
	    {try_stat, "/none/f", NULL, "stat store:f: the mount allows nothing"},
	    {try_upload, "/none/f", NULL, "upload store:f: the mount allows nothing"},
	    {try_delete, "/x/y", NULL, "delete other:: " FIXED},
	    {try_rmdir, "/x", NULL, "remove-directory :x: " FIXED},
	    {try_rmdir, "/", NULL, "remove-directory :: " FIXED},
	    {try_rename, "/x/y/f", "/x", "rename :x: " FIXED},
	};

	assert_told(CASES, ARRAY_LEN(CASES));
}

/* Symbolic links are told by whichever part of the path they are; ".." alone leads nowhere. */
static void
test_ways_out(void **state unused_arg)
{
	static const struct denial_case CASES[] = {
	    {try_download, "/ro/out/secret", NULL, "download store:out/secret: " LINK},
	    {try_download, "/ro/fifo", NULL, "download store:fifo: " LINK},
	    {try_download, "/x/y/link", NULL, "download other:link: " LINK},
	    {try_upload, "/x/y/link", NULL, "upload other:link: " LINK},
	    {try_upload, "/x/y/out/new", NULL, "upload other:out/new: " LINK},
	    {try_list, "/ro/out", NULL, "list store:out: " LINK},
	    {try_stat, "/ro/out/secret", NULL, "stat store:out/secret: " LINK},
	    {try_stat, "/ro/out", NULL, "stat store:out: " LINK},
	    {try_delete, "/x/y/out/secret", NULL, "delete other:out/secret: " LINK},
	    {try_delete, "/x/y/link", NULL, "delete other:link: " LINK},
	    {try_rmdir, "/x/y/out", NULL, "remove-directory other:out: " LINK},
	    {try_mkdir, "/x/y/out/d", NULL, "make-directory other:out/d: " LINK},
	    {try_rename, "/x/y/link", "/x/y/n", "rename other:link: " LINK},
	    {try_rename, "/x/y/f", "/x/y/out/f", "rename other:out/f: " LINK},
	    {try_rename, "/x/y/f", "/x/y/link", "rename other:link: " LINK},
	    {try_resize, "/x/y/link", NULL, "set-attributes other:link: " LINK},
	    {try_download, "/../../outside/secret", NULL, NULL},
	    {try_stat, "/ro/../../outside/secret", NULL, NULL},
	};

	assert_told(CASES, ARRAY_LEN(CASES));
}

/* A file put beside the mounts; looking there is no denial, nor is what simply isn't there. */
static void
test_beside_the_mounts(void **state unused_arg)
{
	static const struct denial_case CASES[] = {
	    {try_upload, "/new", NULL, "upload :new: " NOWHERE},
	    {try_upload, "/x/a b", NULL, "upload :x/a b: " NOWHERE},
	    {try_mkdir, "../new", NULL, "make-directory :new: " NOWHERE},
	    {try_rename, "/x/y/f", "/f", "rename :f: " NOWHERE},
	    {try_delete, "/f", NULL, "delete :f: " NOWHERE},
	    {try_download, "/f", NULL, NULL},
	    {try_list, "/f", NULL, NULL},
	    {try_stat, "/f", NULL, NULL},
	    {try_download, "/ro/no", NULL, NULL},
	    {try_upload, "/x/y/no/f", NULL, NULL},
	    {try_upload, "/x", NULL, NULL},
	    {try_delete, "/x/y/no", NULL, NULL},
	    {try_mkdir, "/ro", NULL, NULL},
	};

	assert_told(CASES, ARRAY_LEN(CASES));
}

/* What the host's own permissions refuse; root is refused nothing, so the errors are given. */
static void
test_errors_of_the_host(void **state unused_arg)
{
	static const struct {
		enum err e;
		const char *want;
	} CASES[] = {
	    {ERR_ACCESS, "upload store:f: the host's file system does not let the gateway do it"},
	    {ERR_READONLY, "upload store:f: the host's file system is read-only"},
	    {ERR_ESCAPE, "upload store:f: " LINK},
	    {ERR_NOENT, ""},
	    {ERR_EXISTS, ""},
	    {ERR_NOSPACE, ""},
	    {ERR_OK, ""},
	};
	struct place place = namespace_find(the_world.v, "/f");

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		the_world.denied[0] = '\0';
		struct sftp_result r = denial_of(the_world.v, &place, ACCESS_CREATE, CASES[i].e);
		assert_int_equal(r.status, sftp_result_of(CASES[i].e).status);
		assert_string_equal(the_world.denied, CASES[i].want);
	}
}

/* What the client reads: which of its rights is missing, or that none would do. */
static void
test_words_for_the_client(void **state unused_arg)
{
	static const struct {
		const char *path;
		enum access_op op;
		const char *want;
	} CASES[] = {
	    {"/ro/new", ACCESS_CREATE, "this directory is read-only"},
	    {"/ro/f", ACCESS_RESIZE, "this directory is read-only"},
	    {"/ro/f", ACCESS_LINK_FROM, "this directory is read-only"},
	    {"/up/f", ACCESS_REPLACE, "the name is in use, and files can't be overwritten here"},
	    {"/up/f", ACCESS_RENAME_OVER,
		"the name is in use, and files can't be overwritten here"},
	    {"/up/f", ACCESS_RESIZE, "files can't be changed here"},
	    {"/up/f", ACCESS_REMOVE, "files can't be deleted here"},
	    {"/drop/f", ACCESS_DOWNLOAD, "files can't be read here"},
	    {"/drop", ACCESS_LIST, "directories can't be listed here"},
	    {"/drop/f", ACCESS_RENAME, "nothing can be renamed here"},
	    {"/drop/d", ACCESS_MKDIR, "directories can't be made here"},
	    {"/drop/d", ACCESS_RMDIR, "directories can't be removed here"},
	    {"/none/f", ACCESS_CREATE, "nothing is allowed here"},
	    {"/none/f", ACCESS_STAT, "nothing is allowed here"},
	    {"/x/y", ACCESS_REMOVE, "this directory is the account's own and stays as it is"},
	    {"/x", ACCESS_RMDIR, "this directory is the account's own and stays as it is"},
	    {"/x/y", ACCESS_DOWNLOAD, "is a directory"},
	};

	mount_all();
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct place place = namespace_find(the_world.v, CASES[i].path);
		struct sftp_result r = denial_by_right(the_world.v, &place, CASES[i].op);

		assert_int_equal(r.status, SSH_FX_PERMISSION_DENIED);
		assert_string_equal(r.message, CASES[i].want);
	}
	/* Through an operation, and beside the mounts. */
	struct sftp_result r = the_world.ops->remove(the_world.v, slice_str("/ro/f"));
	assert_string_equal(r.message, "this directory is read-only");
	r = the_world.ops->remove(the_world.v, slice_str("/new"));
	assert_int_equal(r.status, SSH_FX_NO_SUCH_FILE);
	assert_string_equal(r.message, "no folder is mounted there");
}

/* Names that are malformed are refused, and are no denials. */
static void
test_malformed_names(void **state unused_arg)
{
	static char name[5000];

	mount_all();
	memset(name, 'n', sizeof name - 1);
	assert_int_not_equal(op_put(name, "x"), SSH_FX_OK);
	assert_int_not_equal(op_mkdir(name), SSH_FX_OK);
	assert_int_not_equal(op_rename(name, name, true), SSH_FX_OK);
	assert_int_not_equal(
	    the_world.ops->remove(the_world.v, slice_of("a\0b", 3)).status, SSH_FX_OK);
	assert_int_equal(the_world.n_denied, 0);
}

/* A client that tries for ever is answered for ever, and told of for a while. */
static void
test_bound(void **state unused_arg)
{
	world_allow(READ_ONLY);
	for (size_t i = 1; i <= 3 * VFS_DENIALS_MAX; i++) {
		assert_int_equal(op_mkdir("/d"), SSH_FX_PERMISSION_DENIED);
		assert_int_equal(
		    the_world.n_denied, i <= VFS_DENIALS_MAX ? i : VFS_DENIALS_MAX + 1);
		assert_string_equal(the_world.denied,
		    i <= VFS_DENIALS_MAX
			? "make-directory store:d: " READONLY("mkdir")
			: "make-directory store:d: more denials of this session are not told");
	}
	/* Another session has its own count. */
	world_allow(READ_ONLY);
	assert_int_equal(op_remove("/f"), SSH_FX_PERMISSION_DENIED);
	assert_string_equal(the_world.denied, "delete store:f: " READONLY("delete"));
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_rights),
	    WORLD_TEST(test_ways_out),
	    WORLD_TEST(test_beside_the_mounts),
	    WORLD_TEST(test_errors_of_the_host),
	    WORLD_TEST(test_words_for_the_client),
	    WORLD_TEST(test_malformed_names),
	    WORLD_TEST(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
