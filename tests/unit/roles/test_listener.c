/* The listener's books: its children, and whom it turned away. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "roles/listener_children.h"
#include "roles/listener_drops.h"

static struct netaddr
address(uint32_t n)
{
	struct netaddr a = {.len = 4, .bytes = {10, 0, (uint8_t)(n >> 8), (uint8_t)n}};

	return a;
}

static struct child *
add(struct children *c, pid_t pid, uint64_t session, struct netaddr block)
{
	struct child *child = calloc(1, sizeof *child);

	assert_non_null(child);
	*child = (struct child){.pid = pid, .session = session, .block = block};
	children_add(c, child);
	return child;
}

static void
test_children(void **state)
{
	enum { N = 5000 };
	static struct children c;

	(void)state;
	children_init(&c);
	for (uint32_t i = 0; i < N; i++)
		(void)add(&c, (pid_t)(1000 + i), 7 * i, address(i % 50));
	assert_int_equal(c.n, N);
	for (uint32_t i = 0; i < N; i++) {
		struct child *child = children_find_pid(&c, (pid_t)(1000 + i));
		assert_non_null(child);
		assert_ptr_equal(child, children_find_session(&c, 7 * i));
	}
	assert_null(children_find_pid(&c, 999));
	assert_null(children_find_session(&c, 1));
	struct netaddr three = address(3), nobody = address(60);
	assert_int_equal(children_of_block(&c, &three), N / 50);
	assert_int_equal(children_of_block(&c, &nobody), 0);
	for (uint32_t i = 0; i < N; i++)
		children_remove(&c, children_find_session(&c, 7 * i));
	assert_int_equal(c.n, 0);
	assert_int_equal(c.n_unauthenticated, 0);
	assert_int_equal(children_of_block(&c, &three), 0);
}

static void
test_strangers(void **state)
{
	static const struct netaddr PROXIED = {.len = 0};
	static struct children c;

	(void)state;
	children_init(&c);
	struct child *one = add(&c, 10, 1, address(1)), *two = add(&c, 11, 2, PROXIED);
	assert_int_equal(c.n_unauthenticated, 2);
	assert_int_equal(children_of_block(&c, &PROXIED), 0);
	children_logged_in(&c, one);
	children_logged_in(&c, one);
	assert_int_equal(c.n_unauthenticated, 1);
	children_remove(&c, one);
	assert_int_equal(c.n_unauthenticated, 1);
	children_remove(&c, two);
	assert_int_equal(c.n_unauthenticated, 0);
}

static pid_t
sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void
test_overdue(void **state)
{
	static struct children c;
	pid_t first = sleeper(), second = sleeper();
	int status;

	(void)state;
	children_init(&c);
	struct child *a = add(&c, first, 1, address(1)), *b = add(&c, second, 2, address(1));
	assert_true(children_end_overdue(&c, US_PER_SEC) == INT64_MAX);
	children_over(&c, a, 1 * US_PER_SEC);
	children_over(&c, b, 2 * US_PER_SEC);
	/* Said twice, it has no more time than said once. */
	children_over(&c, a, 5 * US_PER_SEC);
	assert_int_equal(children_end_overdue(&c, 3 * US_PER_SEC), 11 * US_PER_SEC);
	assert_int_equal(children_end_overdue(&c, 11 * US_PER_SEC), 12 * US_PER_SEC);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	children_remove(&c, a);
	children_remove(&c, b);
	assert_true(children_end_overdue(&c, 100 * US_PER_SEC) == INT64_MAX);
	assert_int_equal(waitpid(second, &status, WNOHANG), 0);
	assert_int_equal(kill(second, SIGKILL), 0);
	assert_int_equal(waitpid(second, &status, 0), second);
}

static void
test_drops(void **state)
{
	struct drops d = {.n_kinds = 0};
	struct netaddr one = address(1);

	(void)state;
	assert_true(drops_due(&d) == INT64_MAX);
	drops_count(&d, &one, GATE_BANNED);
	drops_count(&d, &one, GATE_BANNED);
	drops_count(&d, &one, GATE_ADDRESS);
	assert_int_equal(drops_due(&d), 0);
	assert_int_equal(d.n_kinds, 2);
	assert_int_equal(d.kinds[0].n_dropped, 2);
	drops_told(&d, 100);
	assert_true(drops_due(&d) == INT64_MAX);
	drops_count(&d, &one, GATE_BANNED);
	assert_int_equal(drops_due(&d), 100 + 10 * US_PER_SEC);
}

/* However many addresses and reasons: the memory is bounded, and every connection is counted. */
static void
test_flood_of_drops(void **state)
{
	enum { N = 3000 };
	struct drops d = {.n_kinds = 0};
	uint32_t n_told = 0;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		struct netaddr a = address(i);
		drops_count(&d, &a, GATE_NOT_A_PROXY + i % (GATE_N_VERDICTS - GATE_NOT_A_PROXY));
	}
	assert_true(d.n_kinds <= ARRAY_LEN(d.kinds));
	for (size_t i = 0; i < d.n_kinds; i++)
		n_told += d.kinds[i].n_dropped;
	assert_int_equal(n_told, N);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_children),
	    cmocka_unit_test(test_strangers),
	    cmocka_unit_test(test_overdue),
	    cmocka_unit_test(test_drops),
	    cmocka_unit_test(test_flood_of_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
