/* Uploads: private until closed, durable in the right order, and what failures leave behind. */
#include "vfs/world.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* The published order of upload.h: nothing is in place before the record, nothing is told before it
 * is durable. */
static void
test_order_of_a_close(void **state unused_arg)
{
	void *f = op_open("/a.csv", PUT, NULL);

	assert_int_equal(op_write(f, 0, "hello"), SSH_FX_OK);
	assert_false(world_has("store/a.csv"));
	assert_int_equal(op_close(f, 42).status, SFTP_PENDING);
	assert_false(world_has("store/a.csv"));
	world_assert_events((const char *const[]){
	    "opened store a.csv", "sync file", "sync store.staging", "staged store a.csv 5", NULL});
	assert_int_equal(vfs_n_recording(the_world.v), 1);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 9), ERR_OK);
	world_assert_events((const char *const[]){
	    "rename over a.csv", "sync store", "published 9", "complete 42 status 0", NULL});
	world_assert_content("store/a.csv", "hello");
	assert_int_equal(world_count("store.staging"), 0);
	assert_int_equal(vfs_n_recording(the_world.v), 0);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 9), ERR_FORMAT);
}

static void
test_name_in_staging(void **state unused_arg)
{
	void *f = op_open("/a.csv", PUT, NULL);
	struct stat st;

	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(strlen(the_world.staging_name), strlen("up.erp.") + 16);
	assert_memory_equal(the_world.staging_name, "up.erp.", 7);
	assert_int_equal(strspn(the_world.staging_name + 7, "0123456789abcdef"), 16);
	int dir = world_dir("store.staging");
	assert_int_equal(fstatat(dir, the_world.staging_name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640u, 0);
	close(dir);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
}

static void
test_private_until_closed(void **state unused_arg)
{
	struct sftp_attrs a;
	struct vfs *mine = the_world.v, *theirs;
	char names[256];

	assert_int_equal(vfs_new(&theirs, "other", &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(theirs, "/", "store", VFS_ALL);
	void *f = op_open("/dir/../a.csv", PUT, NULL);
	assert_int_equal(op_write(f, 0, "12345"), SSH_FX_OK);
	assert_int_equal(op_stat("/a.csv", &a), SSH_FX_OK);
	assert_int_equal(a.size, 5);
	assert_int_equal(op_write(f, 5, "678"), SSH_FX_OK);
	assert_int_equal(op_stat("a.csv", &a), SSH_FX_OK);
	assert_int_equal(a.size, 8);
	assert_true(S_ISREG(a.permissions));
	assert_list("/", "a.csv");
	/* Its own bytes can be read back, and that is no taking of the file. */
	void *reader = op_open("/a.csv", GET, NULL);
	assert_int_equal(op_read_all(reader, names, sizeof names), SSH_FX_EOF);
	assert_string_equal(names, "12345678");
	world_forget_events();
	assert_int_equal(op_close(reader, 0).status, SSH_FX_OK);
	world_assert_events((const char *const[]){NULL});

	the_world.v = theirs;
	assert_int_equal(op_stat("/a.csv", &a), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_open_status("/a.csv", GET), SSH_FX_NO_SUCH_FILE);
	assert_list("/", "");
	the_world.v = mine;
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_stat("/a.csv", &a), SSH_FX_OK);
	assert_int_equal(a.size, 8);
	the_world.v = theirs;
	assert_list("/", "");
	the_world.v = mine;
	assert_int_equal(op_recorded(mine, the_world.tag, ERR_OK, 1), ERR_OK);
	the_world.v = theirs;
	assert_list("/", "a.csv");
	assert_int_equal(op_stat("/a.csv", &a), SSH_FX_OK);
	the_world.v = mine;
	assert_list("/", "a.csv");
	vfs_free(theirs);
}

static void
test_last_close_wins_and_readers_keep_theirs(void **state unused_arg)
{
	char got[64];

	assert_int_equal(op_put("/a", "first"), SSH_FX_OK);
	void *reader = op_open("/a", GET, NULL);
	void *one = op_open("/a", PUT, NULL), *two = op_open("/a", PUT, NULL);
	assert_int_equal(op_write(one, 0, "one"), SSH_FX_OK);
	assert_int_equal(op_write(two, 0, "two"), SSH_FX_OK);
	assert_int_equal(op_close(two, 2).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 2), ERR_OK);
	world_assert_content("store/a", "two");
	assert_int_equal(op_close(one, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	world_assert_content("store/a", "one");
	assert_int_equal(op_read_all(reader, got, sizeof got), SSH_FX_EOF);
	assert_string_equal(got, "first");
	(void)op_close(reader, 3);
}

/* Answers of the journal in another order than the questions, each to its own upload. */
static void
test_answers_out_of_order(void **state unused_arg)
{
	uint32_t tags[3];
	char name[8];

	for (uint32_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof name, "/f%" PRIu32, i);
		void *f = op_open(name, PUT, NULL);
		assert_int_equal(op_write(f, 0, name), SSH_FX_OK);
		assert_int_equal(op_close(f, i).status, SFTP_PENDING);
		tags[i] = the_world.tag;
	}
	assert_int_equal(op_recorded(the_world.v, tags[2], ERR_OK, 2), ERR_OK);
	assert_list("/", "f0 f1 f2");
	assert_true(world_has("store/f2") && !world_has("store/f0") && !world_has("store/f1"));
	assert_int_equal(op_recorded(the_world.v, tags[0], ERR_IO, 0), ERR_OK);
	assert_int_equal(op_recorded(the_world.v, tags[1], ERR_OK, 1), ERR_OK);
	/* What could not be recorded is its uploader's still, and nobody else's. */
	assert_list("/", "f0 f1 f2");
	assert_false(world_has("store/f0"));
	world_assert_content("store/f1", "/f1");
}

static void
test_abandoned_stays_private(void **state unused_arg)
{
	void *f = op_open("/a", PUT, NULL);

	assert_int_equal(op_write(f, 0, "half"), SSH_FX_OK);
	world_forget_events();
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){"abandoned store a 4", NULL});
	assert_int_equal(world_count("store"), 0);
	assert_int_equal(world_count("store.staging"), 1);
	assert_memory_equal(the_world.staging_name, "up.erp.", 7);
	assert_list("/", "a");
	world_allow(VFS_ALL);
	assert_list("/", "");
}

/* Told under the name that it has by then; what was removed by name is not told. */
static void
test_abandoned_under_another_name(void **state unused_arg)
{
	void *f = op_open("/a", PUT, NULL), *removed = op_open("/b", PUT, NULL);

	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	assert_int_equal(op_rename("/a", "/d/c", false), SSH_FX_OK);
	assert_int_equal(op_remove("/b"), SSH_FX_OK);
	world_forget_events();
	the_world.ops->abandon(removed);
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){"abandoned store d/c 0", NULL});
}

/* Recorded, and the client gone: Dray answers for the file and puts it in place; nobody is told. */
static void
test_abandoned_while_recording(void **state unused_arg)
{
	void *f = op_open("/a", PUT, NULL);

	assert_int_equal(op_write(f, 0, "all"), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	world_forget_events();
	the_world.ops->abandon(f);
	world_assert_events((const char *const[]){NULL});
	assert_int_equal(vfs_n_recording(the_world.v), 1);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 3), ERR_OK);
	assert_int_equal(the_world.n_completed, 0);
	world_assert_content("store/a", "all");
}

static void
test_not_recorded(void **state unused_arg)
{
	void *f = op_open("/a", PUT, NULL);

	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	world_forget_events();
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_LIMIT, 0), ERR_OK);
	world_assert_events(
	    (const char *const[]){"abandoned store a 0", "complete 1 status 4", NULL});
	assert_non_null(the_world.completed.message);
	the_world.staged_error = ERR_CLOSED;
	assert_int_equal(op_put("/b", "x"), SSH_FX_FAILURE);
	assert_int_equal(world_count("store"), 0);
	assert_int_equal(world_count("store.staging"), 2);
}

/* Each sync and rename of an upload fails in turn: it is never told as done, never half there. */
static void
test_every_call_fails(void **state unused_arg)
{
	static const int ERRNOS[] = {EIO, ENOSPC, EDQUOT};

	for (int nth = 1; nth <= 4; nth++) {
		for (size_t i = 0; i < ARRAY_LEN(ERRNOS); i++) {
			world_forget_events();
			the_world.fail_call = nth;
			the_world.fail_errno = ERRNOS[i];
			assert_int_equal(op_put("/a", "content"), SSH_FX_FAILURE);
			assert_int_equal(the_world.fail_call, 0);
			for (size_t at = 0; at < the_world.n_events; at++)
				assert_memory_not_equal(the_world.events[at], "published", 9);
			/* Only after the rename it is there; and then all of it. */
			assert_int_equal(world_has("store/a"), nth == 4);
			if (nth == 4)
				world_assert_content("store/a", "content");
			(void)unlinkat(the_world.root_fd, "store/a", 0);
		}
	}
	assert_int_equal(op_put("/a", "content"), SSH_FX_OK);
}

static void
test_flags(void **state unused_arg)
{
	static const struct {
		uint32_t pflags;
		bool exists;
		uint32_t status;
		const char *after; /* what is in place after writing "XY" at 1 and CLOSE */
	} CASES[] = {
	    {SSH_FXF_WRITE, false, SSH_FX_NO_SUCH_FILE, NULL},
	    {SSH_FXF_WRITE | SSH_FXF_TRUNC, false, SSH_FX_NO_SUCH_FILE, NULL},
	    {SSH_FXF_WRITE, true, SSH_FX_OK, "aXYd"},
	    {SSH_FXF_WRITE | SSH_FXF_TRUNC, true, SSH_FX_OK, NULL},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT, true, SSH_FX_OK, "aXYd"},
	    {SSH_FXF_READ | SSH_FXF_WRITE, true, SSH_FX_OK, "aXYd"},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_EXCL, true, SSH_FX_FAILURE, NULL},
	    {SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_EXCL, false, SSH_FX_OK, NULL},
	    {SSH_FXF_WRITE | SSH_FXF_APPEND, true, SSH_FX_OK, "abcdXY"},
	    {SSH_FXF_APPEND | SSH_FXF_CREAT, false, SSH_FX_OK, "XY"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		(void)unlinkat(the_world.root_fd, "store/f", 0);
		world_forget_events();
		if (CASES[i].exists)
			world_put("store/f", "abcd");
		struct sftp_result r;
		void *f = op_open("/f", CASES[i].pflags, &r);
		assert_int_equal(r.status, CASES[i].status);
		if (f == NULL)
			continue;
		assert_int_equal(op_write(f, 1, "XY"), SSH_FX_OK);
		if (CASES[i].exists)
			world_assert_content("store/f", "abcd");
		assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
		assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
		if (CASES[i].after != NULL)
			world_assert_content("store/f", CASES[i].after);
		else
			assert_true(world_has("store/f"));
	}
	assert_int_equal(world_count("store.staging"), 0);
}

/* Without the right to overwrite, a file that came in between keeps its name. */
static void
test_name_taken_meanwhile(void **state unused_arg)
{
	world_allow(VFS_ALL & ~VFS_OVERWRITE);
	void *f = op_open("/a", PUT, NULL);
	assert_int_equal(op_write(f, 0, "mine"), SSH_FX_OK);
	world_put("store/a", "theirs");
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	world_forget_events();
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 7), ERR_OK);
	world_assert_events(
	    (const char *const[]){"not placed 7", "complete 1 status 4", "sync store", NULL});
	assert_int_equal(the_world.completed.status, SSH_FX_FAILURE);
	assert_string_equal(the_world.completed.message, "a file of this name is there already");
	assert_string_equal(the_world.denied,
	    "overwrite store:a: the name is in use, and the mount does not allow overwrite");
	world_assert_content("store/a", "theirs");
	assert_int_equal(world_count("store.staging"), 1);
	assert_int_equal(op_open_status("/a", PUT), SSH_FX_PERMISSION_DENIED);
}

static void
test_directory_gone_meanwhile(void **state unused_arg)
{
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	void *f = op_open("/d/a", PUT, NULL);
	assert_int_equal(op_rmdir("/d"), SSH_FX_FAILURE);
	assert_int_equal(unlinkat(the_world.root_fd, "store/d", AT_REMOVEDIR), 0);
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	assert_int_equal(the_world.completed.status, SSH_FX_NO_SUCH_FILE);
	assert_int_equal(world_count("store.staging"), 1);
	assert_int_equal(op_open_status("/no/such/dir", PUT), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(world_count("store.staging"), 1);
}

static void
test_rename_and_remove_while_open(void **state unused_arg)
{
	void *f = op_open("/a.part", PUT, NULL);

	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	assert_int_equal(op_rename("/a.part", "/a", false), SSH_FX_OK);
	assert_list("/", "a");
	world_forget_events();
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, 1), ERR_OK);
	world_assert_content("store/a", "x");

	f = op_open("/b", PUT, NULL);
	assert_int_equal(op_remove("/b"), SSH_FX_OK);
	assert_int_equal(op_stat("/b", NULL), SSH_FX_NO_SUCH_FILE);
	assert_int_equal(op_write(f, 0, "y"), SSH_FX_OK);
	assert_int_equal(op_close(f, 2).status, SSH_FX_OK);
	assert_int_equal(world_count("store.staging"), 0);
	assert_list("/", "a");
}

/* What is going to be in a directory moves along with it. */
static void
test_rename_of_the_directory(void **state unused_arg)
{
	assert_int_equal(op_mkdir("/d"), SSH_FX_OK);
	void *f = op_open("/d/a", PUT, NULL);
	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	assert_int_equal(op_rename("/d", "/e", false), SSH_FX_OK);
	assert_list("/e", "a");
	/* It is finished first: the journal was told where it goes. */
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_rename("/e", "/g", false), SSH_FX_OK);
	world_assert_content("store/g/a", "x");
}

static void
test_too_many_uploads(void **state unused_arg)
{
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
	struct sftp_result r = {.status = SSH_FX_OK};
	static void *files[3000];
	size_t n = 0;
	char name[16];

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		print_message("the limit of descriptors comes first: %s\n", strerror(errno));
	the_world.quiet = true;
	for (; n < ARRAY_LEN(files) && r.status == SSH_FX_OK; n++) {
		(void)snprintf(name, sizeof name, "/f%zu", n);
		files[n] = op_open(name, PUT, &r);
	}
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_true(n < ARRAY_LEN(files));
	assert_int_equal(world_count("store.staging"), n - 1);
	for (size_t i = 0; i + 1 < n; i++)
		the_world.ops->abandon(files[i]);
}

/* A write that fails spoils the upload, even for a client that doesn't look at the answer. */
static void
test_failed_write(void **state unused_arg)
{
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){.rlim_cur = 4, .rlim_max = before.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	void *f = op_open("/a", PUT, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(op_write(f, 0, "0123456789"), SSH_FX_FAILURE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(op_write(f, 10, "more"), SSH_FX_OK);
	world_forget_events();
	/* What is behind the gap is cut off: it can be gone on with where the client failed. */
	assert_int_equal(op_close(f, 1).status, SSH_FX_FAILURE);
	world_assert_events((const char *const[]){"abandoned store a 0", NULL});
	assert_int_equal(world_count("store"), 0);
}

static bool
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* A mount namespace of our own; for who isn't root, as root of a user namespace. */
static bool
enter_mount_namespace(void)
{
	char uid_map[32], gid_map[32];

	(void)snprintf(uid_map, sizeof uid_map, "0 %u 1", geteuid());
	(void)snprintf(gid_map, sizeof gid_map, "0 %u 1", getegid());
	if (unshare(CLONE_NEWNS) < 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
					    !write_proc("/proc/self/uid_map", uid_map) ||
					    !write_proc("/proc/self/setgroups", "deny") ||
					    !write_proc("/proc/self/gid_map", gid_map)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* In a child: a file system of 64 KiB over the folder and its staging. 0: as it should be. */
static int
fill_a_small_disk(void)
{
	static char block[32 * 1024];
	char store[80];
	struct sftp_result r;

	(void)snprintf(store, sizeof store, "%s/small", the_world.root);
	if (mkdir(store, 0700) < 0 || !enter_mount_namespace() ||
	    mount("none", store, "tmpfs", 0, "size=64k") < 0)
		return 77;
	/* The descriptor was opened in the namespace without the new mount. */
	close(the_world.root_fd);
	the_world.root_fd = open(the_world.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vfs_free(the_world.v);
	assert_int_equal(mkdirat(the_world.root_fd, "small/in", 0700), 0);
	assert_int_equal(mkdirat(the_world.root_fd, "small/in.staging", 0700), 0);
	if (vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world) != ERR_OK)
		return 1;
	world_mount(the_world.v, "/", "small/in", VFS_ALL);
	void *f = op_open("/a", PUT, &r);
	for (uint64_t at = 0; r.status == SSH_FX_OK && at < 4 * sizeof block; at += sizeof block)
		r = the_world.ops->write(f, at, slice_of(block, sizeof block));
	if (r.status != SSH_FX_FAILURE || strcmp(r.message, err_text(ERR_NOSPACE)) != 0)
		return 2;
	if (op_close(f, 1).status != SSH_FX_FAILURE || world_count("small/in") != 0)
		return 3;
	return 0;
}

static void
test_full_disk(void **state unused_arg)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(fill_a_small_disk());
	assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
	/* Where no mounts can be made, the limit of test_failed_write stands in for the disk. */
	if (WEXITSTATUS(status) == 77)
		print_message("no mount namespace to be had here\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_order_of_a_close),
	    WORLD_TEST(test_name_in_staging),
	    WORLD_TEST(test_private_until_closed),
	    WORLD_TEST(test_last_close_wins_and_readers_keep_theirs),
	    WORLD_TEST(test_answers_out_of_order),
	    WORLD_TEST(test_abandoned_stays_private),
	    WORLD_TEST(test_abandoned_under_another_name),
	    WORLD_TEST(test_abandoned_while_recording),
	    WORLD_TEST(test_not_recorded),
	    WORLD_TEST(test_every_call_fails),
	    WORLD_TEST(test_flags),
	    WORLD_TEST(test_name_taken_meanwhile),
	    WORLD_TEST(test_directory_gone_meanwhile),
	    WORLD_TEST(test_rename_and_remove_while_open),
	    WORLD_TEST(test_rename_of_the_directory),
	    WORLD_TEST(test_too_many_uploads),
	    WORLD_TEST(test_failed_write),
	    WORLD_TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
