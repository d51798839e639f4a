/* Partials: what a lost line leaves behind, seen, gone on with, renamed and removed by its owner.
 */
#include "vfs/world.h"

enum {
	RESUME = SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_APPEND, /* OpenSSH's put -a */
	ALONG = SSH_FXF_WRITE | SSH_FXF_CREAT,                   /* lftp, rclone, curl */
};

/* An upload whose line was lost. */
static void
leave(const char *path, const char *content)
{
	void *f = op_open(path, PUT, NULL);

	assert_non_null(f);
	assert_int_equal(op_write(f, 0, content), SSH_FX_OK);
	the_world.ops->abandon(f);
}

/* Another session, of the account that is named; it is told of the partial left last. */
static struct vfs *
session_of(const char *account, const char *path)
{
	struct vfs *v;

	assert_int_equal(vfs_new(&v, account, &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(v, "/", "store", VFS_ALL);
	if (path != NULL)
		assert_int_equal(vfs_partial(v, "store", path, the_world.staging_name, 0), ERR_OK);
	return v;
}

/* Goes on in a later session. */
static void
next_session(const char *path, uint32_t allow)
{
	world_allow(allow);
	assert_int_equal(
	    vfs_partial(the_world.v, "store", path, the_world.staging_name, 0), ERR_OK);
	world_forget_events();
}

static uint32_t
finish(void *f)
{
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	return the_world.completed.status;
}

static void
test_seen_by_its_owner_alone(void **state unused_arg)
{
	struct sftp_attrs a;
	char got[64];

	world_put("store/a", "in place");
	leave("/a", "half");
	struct vfs *other = session_of("other", NULL);
	next_session("a", VFS_ALL);
	assert_list("/", "a");
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.size, 4);
	void *f = op_open("/a", GET, NULL);
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	assert_string_equal(got, "half");
	/* That takes nothing. */
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	world_assert_events((const char *const[]){NULL});
	struct vfs *mine = the_world.v;
	the_world.v = other;
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.size, 8);
	the_world.v = mine;
	vfs_free(other);
}

/* The ways in which clients go on, and what is in place afterwards. */
static void
test_gone_on_with(void **state unused_arg)
{
	static const struct {
		uint32_t pflags;
		bool in_place;
		uint64_t offset;
		const char *want;
		bool again;
	} CASES[] = {
	    {RESUME, false, 4, "half and half", true},
	    {RESUME, false, 0, "half and half", true},
	    {RESUME, true, 4, "half and half", true},
	    {ALONG, false, 4, "half and half", true},
	    {ALONG, true, 2, "ha and half", true},
	    {SSH_FXF_WRITE, false, 4, "half and half", true},
	    {SSH_FXF_READ | SSH_FXF_WRITE, false, 4, "half and half", true},
	    {PUT, false, 0, " and half", false},
	    {PUT, true, 0, " and half", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		(void)unlinkat(the_world.root_fd, "store/a", 0);
		world_allow(VFS_ALL);
		if (CASES[i].in_place)
			world_put("store/a", "in place");
		leave("/a", "half");
		next_session("a", VFS_ALL);
		void *f = op_open("/a", CASES[i].pflags, NULL);
		assert_non_null(f);
		assert_string_equal(the_world.events[the_world.n_events - 1],
		    CASES[i].again ? "opened store a again" : "opened store a");
		assert_int_equal(world_count("store.staging"), CASES[i].again ? 1 : 2);
		assert_int_equal(op_write(f, CASES[i].offset, " and half"), SSH_FX_OK);
		assert_int_equal(world_has("store/a"), CASES[i].in_place);
		world_forget_events();
		assert_int_equal(finish(f), SSH_FX_OK);
		/* The older one has been replaced. */
		size_t n_discarded = 0;
		for (size_t k = 0; k < the_world.n_events; k++)
			n_discarded += strcmp(the_world.events[k], "discarded store") == 0 ? 1 : 0;
		assert_int_equal(n_discarded, CASES[i].again ? 0 : 1);
		world_assert_content("store/a", CASES[i].want);
		assert_int_equal(world_count("store.staging"), 0);
		assert_list("/", "a");
	}
}

static void
test_two_sessions_one_partial(void **state unused_arg)
{
	struct sftp_result r;

	leave("/a", "half");
	struct vfs *mine = the_world.v, *theirs = session_of("erp", "a");
	/* Who is first has it. */
	the_world.v = theirs;
	void *f = op_open("/a", RESUME, NULL);
	assert_non_null(f);
	assert_int_equal(op_write(f, 4, " more"), SSH_FX_OK);
	the_world.v = mine;
	/* The other finds it gone: to write behind it would make a file without a beginning. */
	assert_null(op_open("/a", RESUME, &r));
	assert_string_equal(r.message, "another session goes on with this upload already");
	/* Knowing that it is gone, an upload of its own: not a byte of the other's. */
	void *late = op_open("/a", RESUME, &r);
	assert_non_null(late);
	assert_int_equal(op_write(late, 0, "own"), SSH_FX_OK);
	assert_int_equal(finish(late), SSH_FX_OK);
	world_assert_content("store/a", "own");
	the_world.v = theirs;
	assert_int_equal(finish(f), SSH_FX_OK);
	world_assert_content("store/a", "half more");
	vfs_free(theirs);
	the_world.v = mine;
}

/* The other session is first between the look and the rename: see the hook in renameat2. */
static void
test_claimed_in_between(void **state unused_arg)
{
	struct sftp_result r;

	leave("/a", "half");
	world_forget_events();
	the_world.fail_call = 1;
	the_world.fail_errno = ENOENT;
	assert_null(op_open("/a", RESUME, &r));
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_string_equal(r.message, "another session goes on with this upload already");
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(vfs_n_open_uploads(the_world.v), 0);
	assert_int_equal(op_stat("/a", NULL), SSH_FX_NO_SUCH_FILE);
}

static void
test_renamed_and_removed(void **state unused_arg)
{
	leave("/a.part", "half");
	next_session("a.part", VFS_UPLOAD | VFS_LIST);
	/* With no other right than that to upload. */
	assert_int_equal(op_rename("/a.part", "/a", false), SSH_FX_OK);
	world_assert_events((const char *const[]){"moved store a", NULL});
	assert_list("/", "a");
	assert_int_equal(op_rename("/a", "/a", true), SSH_FX_OK);
	assert_int_equal(op_rename("/a", "/a", false), SSH_FX_FAILURE);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(op_mkdir("/a"), SSH_FX_FAILURE);
	assert_int_equal(op_remove("/a"), SSH_FX_OK);
	world_assert_events((const char *const[]){"discarded store", NULL});
	assert_int_equal(op_remove("/a"), SSH_FX_PERMISSION_DENIED);
	assert_list("/", "");
	assert_int_equal(world_count("store.staging"), 0);
}

static void
test_renamed_over(void **state unused_arg)
{
	leave("/a", "private");
	world_put("store/b", "in place");
	/* Onto what is in place: by posix-rename alone, with the right to overwrite. */
	assert_int_equal(op_rename("/a", "/b", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/a", "/b", true), SSH_FX_OK);
	world_assert_content("store/b", "in place");
	/* From what is in place: the partial gives way. */
	world_put("store/c", "newer");
	assert_int_equal(op_rename("/c", "/b", false), SSH_FX_FAILURE);
	world_forget_events();
	assert_int_equal(op_rename("/c", "/b", true), SSH_FX_OK);
	world_assert_events((const char *const[]){
	    "rename over b", "sync store", "renamed store c b", "discarded store", NULL});
	world_assert_content("store/b", "newer");
	assert_int_equal(world_count("store.staging"), 0);
	leave("/x", "1");
	leave("/y", "2");
	assert_int_equal(op_rename("/x", "/y", false), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/x", "/y", true), SSH_FX_OK);
	assert_int_equal(world_count("store.staging"), 1);
	assert_list("/", "b y");
}

static void
test_directories(void **state unused_arg)
{
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	leave("/d/a", "half");
	world_forget_events();
	assert_int_equal(op_mkdir("/d/a"), SSH_FX_FAILURE);
	assert_int_equal(op_rmdir("/d/a"), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_rmdir("/d"), SSH_FX_FAILURE);
	assert_int_equal(op_rename("/d", "/e", false), SSH_FX_OK);
	world_assert_events((const char *const[]){
	    "rename new e", "sync store", "renamed store d e", "moved store e/a", NULL});
	assert_list("/", "e");
	assert_list("/e", "a");
	/* Its file goes by another's hand: nothing holds the directory any more. */
	int dir = world_dir("store.staging");
	assert_int_equal(unlinkat(dir, the_world.staging_name, 0), 0);
	close(dir);
	assert_list("/e", "");
	assert_int_equal(op_rmdir("/e"), SSH_FX_OK);
}

/* Without the right to overwrite an upload can still be gone on with: it overwrites nothing. */
static void
test_rights(void **state unused_arg)
{
	leave("/a", "half");
	next_session("a", VFS_UPLOAD);
	assert_int_equal(op_open_status("/a", GET), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(
	    op_open_status("/a", SSH_FXF_READ | SSH_FXF_WRITE), SSH_FX_PERMISSION_DENIED);
	void *f = op_open("/a", RESUME, NULL);
	assert_non_null(f);
	the_world.ops->abandon(f);
	f = op_open("/a", PUT, NULL);
	assert_non_null(f);
	assert_int_equal(finish(f), SSH_FX_OK);
	assert_int_equal(world_count("store.staging"), 0);
	world_allow(VFS_ALL);
	leave("/b", "half");
	next_session("b", VFS_ALL & ~VFS_UPLOAD);
	assert_int_equal(op_open_status("/b", RESUME), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(op_rename("/b", "/c", false), SSH_FX_PERMISSION_DENIED);
}

/* Only what lies before the first gap is left: a client goes on behind the last byte. */
static void
test_cut_at_the_gap(void **state unused_arg)
{
	static const struct {
		uint64_t at[4];
		size_t n;
		uint64_t want;
	} CASES[] = {
	    {{0, 4, 8}, 3, 12},
	    {{8, 4, 0}, 3, 12},
	    {{0, 8}, 2, 4},
	    {{4}, 1, 0},
	    {{0, 2, 12, 4}, 4, 8},
	};
	struct sftp_attrs a;

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		void *f = op_open("/a", PUT, NULL);
		for (size_t k = 0; k < CASES[i].n; k++)
			assert_int_equal(op_write(f, CASES[i].at[k], "abcd"), SSH_FX_OK);
		the_world.ops->abandon(f);
		assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
		assert_int_equal(a.size, CASES[i].want);
		assert_int_equal(op_remove("/a"), SSH_FX_OK);
	}
	/* Room that was made ahead of the bytes is none of theirs. */
	const struct sftp_attrs size = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 100};
	void *f = op_open("/a", PUT, NULL);
	assert_int_equal(the_world.ops->fsetstat(f, &size).status, SSH_FX_OK);
	assert_int_equal(op_write(f, 0, "abcd"), SSH_FX_OK);
	the_world.ops->abandon(f);
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.size, 4);
	assert_int_equal(op_remove("/a"), SSH_FX_OK);
	/* And what was cut off by the client isn't there. */
	const struct sftp_attrs small = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 2};
	f = op_open("/a", PUT, NULL);
	assert_int_equal(op_write(f, 0, "abcd"), SSH_FX_OK);
	assert_int_equal(the_world.ops->fsetstat(f, &small).status, SSH_FX_OK);
	assert_int_equal(op_write(f, 4, "e"), SSH_FX_OK);
	the_world.ops->abandon(f);
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.size, 2);
}

/* Another session has gone on with it before this one noticed that its own line to core is over. */
static void
test_taken_while_open(void **state unused_arg)
{
	char name[512];
	struct stat st;

	void *f = op_open("/a", PUT, NULL);
	assert_int_equal(op_write(f, 0, "half"), SSH_FX_OK);
	(void)snprintf(name, sizeof name, "store.staging/%s", the_world.staging_name);
	assert_int_equal(
	    renameat(the_world.root_fd, name, the_world.root_fd, "store.staging/claimed"), 0);
	int fd = openat(the_world.root_fd, "store.staging/claimed", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, " and half", 9), 9);
	world_forget_events();
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){"discarded store", NULL});
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 13);
	(void)close(fd);
}

static void
test_attributes(void **state unused_arg)
{
	const struct sftp_attrs size = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 1};
	const struct sftp_attrs mode = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS | SSH_FILEXFER_ATTR_UIDGID,
	    .permissions = 0600,
	    .uid = 12345};
	struct sftp_attrs a;

	leave("/a", "half");
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/a"), &mode).status, SSH_FX_OK);
	assert_int_equal(
	    the_world.ops->setstat(the_world.v, slice_str("/a"), &size).status, SSH_FX_FAILURE);
	assert_int_equal(op_stat("/a", &a), SSH_FX_OK);
	assert_int_equal(a.permissions & 0777, 0600);
	assert_int_equal(a.size, 4);
	assert_true(a.uid == 0 && a.gid == 0);
}

/* What the journal says: moved by another session, gone, of a folder that isn't mounted. */
static void
test_told(void **state unused_arg)
{
	leave("/a", "half");
	assert_int_equal(vfs_partial(the_world.v, "store", "b", the_world.staging_name, 4), ERR_OK);
	assert_list("/", "b");
	assert_int_equal(
	    vfs_partial(the_world.v, "other", "b", the_world.staging_name, 4), ERR_NOENT);
	assert_int_equal(
	    vfs_partial(the_world.v, "store", "no/such/dir/c", "up.erp.0123", 4), ERR_OK);
	assert_list("/", "b");
	vfs_partial_gone(the_world.v, "other", the_world.staging_name);
	assert_list("/", "b");
	vfs_partial_gone(the_world.v, "store", the_world.staging_name);
	vfs_partial_gone(the_world.v, "store", the_world.staging_name);
	assert_list("/", "");
	/* A name that leads elsewhere is no private file. */
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store.staging/link"), 0);
	assert_int_equal(vfs_partial(the_world.v, "store", "b", "link", 4), ERR_OK);
	assert_list("/", "");
}

/* One that came after an upload had begun is newer than that, and stays. */
static void
test_newer_stays(void **state unused_arg)
{
	void *f = op_open("/a", PUT, NULL);

	assert_int_equal(op_write(f, 0, "older"), SSH_FX_OK);
	leave("/a", "newer");
	assert_int_equal(finish(f), SSH_FX_OK);
	world_assert_content("store/a", "older");
	assert_int_equal(world_count("store.staging"), 1);
	assert_int_equal(op_remove("/a"), SSH_FX_OK);
	world_assert_content("store/a", "older");
}

static void
test_bounded(void **state unused_arg)
{
	char path[16], name[32];

	world_put("store.staging/up.erp.0", "x");
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof path, "p%d", i);
		(void)snprintf(name, sizeof name, "up.erp.%d", i);
		assert_int_equal(vfs_partial(the_world.v, "store", path, name, 1), ERR_OK);
	}
	assert_list("/", "p0");
	assert_int_equal(op_stat("/p4999", NULL), SSH_FX_NO_SUCH_FILE);
}

/* A mount that can't write has no staging directory: no partial is seen through it. */
static void
test_without_staging(void **state unused_arg)
{
	const struct vfs_mount_options options = {
	    .at = "/", .folder = "store", .allow = VFS_LIST | VFS_DOWNLOAD};

	leave("/a", "half");
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
	assert_int_equal(vfs_mount(the_world.v, &options, world_dir("store"), -1), ERR_OK);
	assert_int_equal(vfs_partial(the_world.v, "store", "a", the_world.staging_name, 4), ERR_OK);
	assert_list("/", "");
	assert_int_equal(op_stat("/a", NULL), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_open_status("/a", GET), SSH_FX_NO_SUCH_FILE);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_seen_by_its_owner_alone),
	    WORLD_TEST(test_gone_on_with),
	    WORLD_TEST(test_two_sessions_one_partial),
	    WORLD_TEST(test_claimed_in_between),
	    WORLD_TEST(test_renamed_and_removed),
	    WORLD_TEST(test_renamed_over),
	    WORLD_TEST(test_directories),
	    WORLD_TEST(test_rights),
	    WORLD_TEST(test_cut_at_the_gap),
	    WORLD_TEST(test_taken_while_open),
	    WORLD_TEST(test_attributes),
	    WORLD_TEST(test_told),
	    WORLD_TEST(test_newer_stays),
	    WORLD_TEST(test_bounded),
	    WORLD_TEST(test_without_staging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
