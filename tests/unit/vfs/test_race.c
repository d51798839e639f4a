/*
 * Races with somebody who can write in the folder on the host: while a client walks, other
 * processes swap directories for symbolic links to the outside, files for links and FIFOs, and move
 * a directory that the client is in out of the folder and back. Whatever the client gets is from
 * inside, and whatever it makes, changes, links or removes is inside.
 *
 * And with another session of the same account, which goes on with, renames and removes the same
 * private files: each of them has its own bytes, whoever is first.
 */
#include "vfs/world.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ROUNDS = 4000 };

/* The attackers: until they are killed. */

static void
swap_names(int root)
{
	for (;;) {
		/* store/d: a directory, or a link to the outside, by atomic exchange. */
		(void)syscall(SYS_renameat2, root, "store/d", root, "store/dlink", RENAME_EXCHANGE);
		(void)syscall(SYS_renameat2, root, "store/f", root, "store/flink", RENAME_EXCHANGE);
		(void)syscall(SYS_renameat2, root, "store/f", root, "store/ffifo", RENAME_EXCHANGE);
	}
}

static void
swap_depths(int root)
{
	for (;;) {
		/* store/p/q/r becomes store/r and back: ".." of whoever is in it leads elsewhere.
		 */
		(void)renameat(root, "store/p/q/r", root, "store/r");
		(void)syscall(
		    SYS_renameat2, root, "store/p/q", root, "store/plink", RENAME_EXCHANGE);
		(void)syscall(
		    SYS_renameat2, root, "store/p/q", root, "store/plink", RENAME_EXCHANGE);
		(void)renameat(root, "store/r", root, "store/p/q/r");
	}
}

static pid_t
start(void (*attack)(int root))
{
	pid_t pid = fork();

	if (pid == 0) {
		/* A test that fails must not leave it behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		the_world.quiet = true;
		attack(the_world.root_fd);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void
stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
lay_out(void)
{
	static const char *const DIRS[] = {"store/d", "store/p", "store/p/q", "store/p/q/r"};

	for (size_t i = 0; i < ARRAY_LEN(DIRS); i++)
		assert_int_equal(mkdirat(the_world.root_fd, DIRS[i], 0750), 0);
	world_put("store/d/x", "inside");
	world_put("store/p/q/r/x", "inside");
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store/dlink"), 0);
	world_put("store/f", "inside");
	assert_int_equal(symlinkat("../outside/x", the_world.root_fd, "store/flink"), 0);
	assert_int_equal(mknodat(the_world.root_fd, "store/ffifo", S_IFIFO | 0666, 0), 0);
	assert_int_equal(symlinkat("../../outside", the_world.root_fd, "store/plink"), 0);
	world_put("outside/x", "secret");
	world_put("outside/only-outside", "secret");
	assert_int_equal(mkdirat(the_world.root_fd, "outside/r", 0700), 0);
	assert_int_equal(fchmodat(the_world.root_fd, "outside/x", 0600, 0), 0);
	assert_int_equal(fchmodat(the_world.root_fd, "outside/only-outside", 0600, 0), 0);
}

/* As it was laid out: nothing came, went, was changed or has another name. */
static void
assert_outside_untouched(void)
{
	static const char *const FILES[] = {"outside/x", "outside/only-outside"};
	struct stat st;

	assert_int_equal(world_count("outside"), 3);
	assert_int_equal(world_count("outside/r"), 0);
	for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
		world_assert_content(FILES[i], "secret");
		assert_int_equal(fstatat(the_world.root_fd, FILES[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(st.st_nlink, 1);
	}
}

/* Reads what the path names now: from inside, or nothing. */
static size_t
read_inside(const char *path)
{
	char got[64];
	void *f = op_open(path, GET, NULL);

	if (f == NULL)
		return 0;
	assert_int_equal(op_read_all(f, got, sizeof got), SSH_FX_EOF);
	assert_string_equal(got, "inside");
	the_world.ops->abandon(f);
	return 1;
}

static void
list_inside(const char *path)
{
	char names[2048];

	if (op_list(path, names, sizeof names) == SSH_FX_OK)
		assert_null(strstr(names, "only-outside"));
}

/* Everything that changes something, on names that lead out half of the time. */
static void
change_inside(int round)
{
	static const char *const DIRS[] = {"/d", "/p/q", "/p/q/r"};
	const struct sftp_attrs mode = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = 0777};
	const struct sftp_attrs size = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 3};
	const char *dir = DIRS[round % 3];
	char name[64], other[64];

	(void)snprintf(name, sizeof name, "%s/n%d", dir, round % 8);
	(void)op_put(name, "inside");
	(void)snprintf(other, sizeof other, "%s/moved", dir);
	(void)the_world.ops->link(the_world.v, slice_str(name), slice_str("/linked"));
	(void)op_remove("/linked");
	(void)op_rename(name, other, true);
	(void)op_remove(name);
	(void)snprintf(other, sizeof other, "%s/sub", dir);
	(void)op_mkdir(other);
	(void)op_rmdir(other);
	(void)snprintf(other, sizeof other, "%s/only-outside", dir);
	(void)op_remove(other);
	(void)op_rename(other, "/stolen", true);
	(void)the_world.ops->link(the_world.v, slice_str(other), slice_str("/stolen"));
	(void)the_world.ops->setstat(the_world.v, slice_str(other), &mode);
	(void)the_world.ops->setstat(the_world.v, slice_str(other), &size);
	(void)the_world.ops->setstat(the_world.v, slice_str("/f"), &mode);
	/* Never the thing behind the link, and never the link's content. */
	assert_false(world_has("store/stolen"));
}

static void
swapped_while_walking(bool direct)
{
	static const char *const FILES[] = {"/d/x", "/f", "/p/q/r/x", "/r/x"};
	size_t n_read = 0;

	the_world.quiet = true;
	the_world.direct = direct;
	/* The device has no part in this. */
	the_world.relaxed = true;
	world_allow(VFS_ALL);
	lay_out();
	pid_t names = start(swap_names), depths = start(swap_depths);
	for (int round = 0; round < ROUNDS; round++) {
		n_read += read_inside(FILES[round % 4]);
		list_inside("/d");
		list_inside("/p/q");
		list_inside("/p/q/r/..");
		if (round % 4 == 0)
			change_inside(round / 4);
	}
	stop(names);
	stop(depths);
	/* It was a race, and not a closed door. */
	assert_true(n_read > 0);
	assert_outside_untouched();
}

static void
test_swapped_while_walking(void **state unused_arg)
{
	swapped_while_walking(false);
}

static void
test_swapped_while_writing_in_place(void **state unused_arg)
{
	swapped_while_walking(true);
}

/* Another session of the account, in a process of its own. */

enum { CONTEST_ROUNDS = 1500 };

/* Takes whatever partial it knows of, in one way or the other; what it writes is its own. */
static void
contend(const char *mark, const char *staging_name, int way)
{
	void *f = NULL;

	(void)!vfs_partial(the_world.v, "store", "a", staging_name, 0);
	if (way == 0)
		f = op_open("/a", SSH_FXF_WRITE | SSH_FXF_APPEND, NULL);
	else if (way == 1)
		(void)op_rename("/a", "/b", false);
	else
		(void)op_remove("/a");
	if (f == NULL) {
		/* Nobody's any more, for this session. */
		(void)op_remove("/b");
		return;
	}
	for (int i = 0; i < 8; i++)
		(void)op_write(f, 0, mark);
	if (op_close(f, 1).status == SFTP_PENDING)
		(void)!op_recorded(the_world.v, the_world.tag, ERR_OK, the_world.tag);
}

/* "half", and behind it the bytes of one session alone. */
static void
assert_not_mixed(void)
{
	char got[64] = "";

	int fd = openat(the_world.root_fd, "store/a", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	assert_true(read(fd, got, sizeof got - 1) == 12);
	close(fd);
	assert_true(strcmp(got, "halfMMMMMMMM") == 0 || strcmp(got, "halfTTTTTTTT") == 0);
	assert_int_equal(unlinkat(the_world.root_fd, "store/a", 0), 0);
}

static void
test_two_sessions(void **state unused_arg)
{
	size_t n_mine = 0, n_theirs = 0;

	int line[2];

	the_world.quiet = true;
	the_world.relaxed = true;
	world_allow(VFS_ALL);
	assert_int_equal(pipe2(line, O_CLOEXEC), 0);
	for (int round = 0; round < CONTEST_ROUNDS; round++) {
		char name[64], byte = 0;
		int status;

		(void)snprintf(name, sizeof name, "up.erp.%016d", round);
		char host[128];
		(void)snprintf(host, sizeof host, "store.staging/%s", name);
		world_put(host, "half");
		pid_t pid = fork();
		if (pid == 0) {
			(void)!write(line[1], &byte, 1);
			contend("T", name, round % 5 == 0 ? 2 : round % 3 == 0 ? 1 : 0);
			_exit(0);
		}
		/* Both at once, as nearly as may be. */
		assert_int_equal(read(line[0], &byte, 1), 1);
		contend("M", name, 0);
		assert_true(waitpid(pid, &status, 0) == pid && status == 0);
		char got[16] = "";
		int fd = openat(the_world.root_fd, "store/a", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			assert_true(pread(fd, got, 5, 0) == 5);
			close(fd);
		}
		n_mine += got[4] == 'M' ? 1 : 0;
		n_theirs += got[4] == 'T' ? 1 : 0;
		assert_not_mixed();
		/* One of them had it: nothing is left, but what was renamed. */
		assert_int_equal(world_count("store"), 0);
		assert_true(world_count("store.staging") == 0);
	}
	close(line[0]);
	close(line[1]);
	print_message("mine %zu, theirs %zu\n", n_mine, n_theirs);
	assert_true(n_mine > 0 && n_theirs > 0);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_swapped_while_walking),
	    WORLD_TEST(test_swapped_while_writing_in_place),
	    WORLD_TEST(test_two_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
