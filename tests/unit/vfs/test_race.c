/*
 * Races with somebody who can write in the folder on the host: while a client walks, another
 * process swaps a directory for a symbolic link to the outside, and a file for a link, a FIFO and
 * back. Whatever the client gets is from inside, and whatever it writes stays inside.
 */
#include "vfs/world.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ROUNDS = 4000 };

/* The attacker: until it is killed. */
static void
swap_forever(int root)
{
	for (;;) {
		/* store/d: a directory, or a link to the outside, by atomic exchange. */
		(void)syscall(SYS_renameat2, root, "store/d", root, "store/dlink", RENAME_EXCHANGE);
		(void)syscall(SYS_renameat2, root, "store/f", root, "store/flink", RENAME_EXCHANGE);
		(void)syscall(SYS_renameat2, root, "store/f", root, "store/ffifo", RENAME_EXCHANGE);
	}
}

static pid_t
start_attacker(void)
{
	assert_int_equal(mkdirat(the_world.root_fd, "store/d", 0750), 0);
	world_put("store/d/x", "inside");
	assert_int_equal(symlinkat("../outside", the_world.root_fd, "store/dlink"), 0);
	world_put("store/f", "inside");
	assert_int_equal(symlinkat("../outside/x", the_world.root_fd, "store/flink"), 0);
	assert_int_equal(mknodat(the_world.root_fd, "store/ffifo", S_IFIFO | 0666, 0), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* A test that fails must not leave it behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		swap_forever(the_world.root_fd);
	}
	assert_true(pid > 0);
	return pid;
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
list_inside(void)
{
	char names[512];

	if (op_list("/d", names, sizeof names) == SSH_FX_OK)
		assert_null(strstr(names, "only-outside"));
}

static void
change_inside(int round)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = 0777};
	char name[32];

	(void)snprintf(name, sizeof name, "/d/n%d", round % 8);
	(void)op_put(name, "written");
	(void)op_mkdir("/d/sub");
	(void)op_rmdir("/d/sub");
	(void)op_rename(name, "/d/moved", true);
	(void)op_remove(name);
	(void)op_remove("/d/only-outside");
	(void)the_world.ops->setstat(the_world.v, slice_str("/d/only-outside"), &a);
	(void)the_world.ops->setstat(the_world.v, slice_str("/f"), &a);
}

static void
test_swapped_while_walking(void **state unused_arg)
{
	struct stat st;
	size_t n_read = 0;

	the_world.quiet = true;
	world_put("outside/x", "secret");
	world_put("outside/only-outside", "secret");
	assert_int_equal(fchmodat(the_world.root_fd, "outside/x", 0600, 0), 0);
	assert_int_equal(fchmodat(the_world.root_fd, "outside/only-outside", 0600, 0), 0);
	pid_t attacker = start_attacker();
	for (int round = 0; round < ROUNDS; round++) {
		n_read += read_inside("/d/x") + read_inside("/f");
		list_inside();
		if (round % 4 == 0)
			change_inside(round);
	}
	assert_int_equal(kill(attacker, SIGKILL), 0);
	assert_int_equal(waitpid(attacker, NULL, 0), attacker);
	/* It was a race, and not a closed door. */
	assert_true(n_read > 0);
	assert_int_equal(world_count("outside"), 2);
	world_assert_content("outside/x", "secret");
	world_assert_content("outside/only-outside", "secret");
	assert_int_equal(fstatat(the_world.root_fd, "outside/x", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(the_world.root_fd, "outside/only-outside", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_swapped_while_walking, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
