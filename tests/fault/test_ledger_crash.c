/*
 * The process is killed, or the machine loses power, before the n-th change of a file, for every n:
 * what ledger_commit said was durable is there afterwards; the turn under way is there whole or not
 * at all; nothing else is.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "disk.h"
#include "ledger/fixture.h"
#include "turns.h"

/* In memory that the child shares with us: how many commits it was told of. */
static volatile unsigned *acknowledged;

static void
child(const struct fixture *f, enum disk_fault fault, unsigned n, uint64_t seed)
{
	struct ledger *l = NULL;

	disk_arm(fault, n, 0, seed);
	if (turns_open(f->path, &l, NULL) != ERR_OK)
		_exit(1);
	for (unsigned k = 0; k < N_TURNS; k++) {
		if (turns_play(l, k) != ERR_OK || ledger_commit(l) != ERR_OK)
			_exit(2);
		*acknowledged = k + 1;
	}
	ledger_close(l);
	_exit(0);
}

/* False when the child got through. */
static bool
run_child(const struct fixture *f, enum disk_fault fault, unsigned n, uint64_t seed)
{
	int status;

	*acknowledged = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(f, fault, n, seed);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DISK_EXIT);
	return WEXITSTATUS(status) != 0;
}

static bool
crash_and_recover(enum disk_fault fault, unsigned n, uint64_t seed)
{
	struct fixture f;
	struct story story = {""};

	fixture_init(&f);
	bool crashed = run_child(&f, fault, n, seed);
	enum err e = turns_open(f.path, &f.l, &story);
	if (e != ERR_OK)
		fail_msg("change %u, seed %llu: %s", n, (unsigned long long)seed, story.text);
	unsigned found = turns_count(f.l);
	if (found != *acknowledged && found != *acknowledged + 1)
		fail_msg("change %u, seed %llu: %u turns acknowledged, %u found", n,
		    (unsigned long long)seed, *acknowledged, found);
	turns_check(f.l, found);
	/* Life goes on from there. */
	assert_int_equal(turns_play(f.l, found), ERR_OK);
	assert_int_equal(ledger_commit(f.l), ERR_OK);
	turns_check(f.l, found + 1);
	ledger_close(f.l);
	f.l = NULL;
	turns_check_file(f.path);
	fixture_fini(&f);
	return crashed;
}

static void
sweep(enum disk_fault fault, unsigned n_seeds)
{
	unsigned n = 0;
	bool crashed = true;

	while (crashed) {
		n++;
		assert_true(n < 2000);
		for (uint64_t seed = 1; seed <= n_seeds; seed++)
			crashed = crash_and_recover(fault, n, seed);
	}
	assert_true(n > 80);
	print_message("# %u changes\n", n - 1);
}

static void
test_kill(void **state)
{
	(void)state;
	sweep(DISK_KILL, 1);
}

static void
test_power(void **state)
{
	(void)state;
	sweep(DISK_POWER, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kill),
	    cmocka_unit_test(test_power),
	};
	void *shared = mmap(
	    NULL, sizeof *acknowledged, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return 1;
	acknowledged = shared;
	disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
