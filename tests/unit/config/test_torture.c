#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "config/config.h"
#include "config/parse.h"

/*
 * Every allocation of ours fails once. The linker sends our calls here (--wrap); libyaml's own are
 * not among them.
 */

static unsigned n_calls, fail_at; /* 0: never */

static bool
fails_now(void)
{
	return fail_at > 0 && ++n_calls == fail_at;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__real_reallocarray(void *p, size_t n, size_t len);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t len);
void *__wrap_reallocarray(void *p, size_t n, size_t len);
char *__wrap_strdup(const char *s);

void *
__wrap_malloc(size_t len)
{
	return fails_now() ? NULL : __real_malloc(len);
}

void *
__wrap_calloc(size_t n, size_t len)
{
	return fails_now() ? NULL : __real_calloc(n, len);
}

void *
__wrap_realloc(void *p, size_t len)
{
	return fails_now() ? NULL : __real_realloc(p, len);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t len)
{
	return fails_now() ? NULL : __real_reallocarray(p, n, len);
}

char *
__wrap_strdup(const char *s)
{
	return fails_now() ? NULL : __real_strdup(s);
}

/* Loads the file with the n-th allocation failing; true when there were fewer than that. */
static bool
load_failing_at(const char *path, unsigned n, enum err *ret_err)
{
	struct config *c = NULL;
	struct buf errors;

	buf_init(&errors, ERRORS_MAX);
	fail_at = n;
	n_calls = 0;
	*ret_err = config_load(path, &c, &errors);
	fail_at = 0;
	bool all_went_well = n_calls < n;
	assert_int_equal(*ret_err == ERR_OK, c != NULL);
	config_unref(c);
	buf_fini(&errors);
	return all_went_well;
}

static void
test_each_allocation_fails(unused_arg void **state)
{
	unsigned n = 1;
	enum err e;

	for (; !load_failing_at(SOURCE_ROOT "/examples/dray.yaml", n, &e); n++)
		assert_int_equal(e, ERR_NOMEM);
	assert_int_equal(e, ERR_OK);
	assert_true(n > 50);
}

/* A bad file is never taken for a good one, whatever fails while its errors are told. */
static void
test_each_allocation_fails_for_a_bad_file(unused_arg void **state)
{
	unsigned n = 1;
	enum err e;

	for (; !load_failing_at(SOURCE_ROOT "/tests/fuzz/corpus/config/errors", n, &e); n++)
		assert_true(e == ERR_NOMEM || e == ERR_INVALID);
	assert_int_equal(e, ERR_INVALID);
	assert_true(n > 20);
}

static void
test_each_allocation_fails_while_peeking(unused_arg void **state)
{
	static const char WANTED[] = "/var/lib/dray/control.sock";
	char path[128] = "";
	enum err e = ERR_NOMEM;
	bool all_went_well = false;

	for (unsigned n = 1; !all_went_well; n++) {
		fail_at = n;
		n_calls = 0;
		e = config_peek_control(SOURCE_ROOT "/examples/dray.yaml", path, sizeof path);
		fail_at = 0;
		all_went_well = n_calls < n;
		assert_int_equal(e, all_went_well ? ERR_OK : ERR_NOMEM);
		assert_true(n < 1000);
	}
	assert_string_equal(path, WANTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_allocation_fails),
	    cmocka_unit_test(test_each_allocation_fails_for_a_bad_file),
	    cmocka_unit_test(test_each_allocation_fails_while_peeking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
