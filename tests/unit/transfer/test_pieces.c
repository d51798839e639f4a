#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "transfer/pieces.h"

static const struct delivered_file FILE_A = {
    .folder = "in", .path = "a", .inode = 1, .size = 100, .mtime_ns = 5};

/* Adds [offset, end); tells whether it is whole then. */
static bool
add_at(struct pieces *p, const struct delivered_file *f, const char *account, uint64_t offset,
    uint64_t end, int64_t now_us)
{
	uint8_t bytes[16];
	bool whole;

	be64_store(bytes, offset);
	be64_store(bytes + 8, end);
	assert_int_equal(
	    pieces_add(p, f, account, slice_of(bytes, sizeof bytes), now_us, &whole), ERR_OK);
	return whole;
}

static bool
add(struct pieces *p, uint64_t offset, uint64_t end)
{
	return add_at(p, &FILE_A, "erp", offset, end, 0);
}

static void
together_they_are_whole(void **state)
{
	struct pieces p = {.files = {NULL}};

	(void)state;
	assert_false(add(&p, 50, 100));
	assert_false(add(&p, 0, 10));
	assert_false(add(&p, 5, 49));
	assert_true(add(&p, 49, 50));
	/* It counts once: the next one begins anew. */
	assert_false(add(&p, 49, 50));
	assert_true(add(&p, 0, 100));
	pieces_fini(&p);
}

static void
only_of_one_version_and_account(void **state)
{
	struct delivered_file others[5] = {FILE_A, FILE_A, FILE_A, FILE_A, FILE_A};
	struct pieces p = {.files = {NULL}};

	(void)state;
	others[0].inode++;
	others[1].mtime_ns++;
	others[2].size++;
	(void)snprintf(others[3].path, sizeof others[3].path, "b");
	(void)snprintf(others[4].folder, sizeof others[4].folder, "out");
	assert_false(add(&p, 0, 50));
	for (size_t i = 0; i < 5; i++)
		assert_false(add_at(&p, &others[i], "erp", 50, 100, 0));
	assert_false(add_at(&p, &FILE_A, "bank", 50, 100, 0));
	assert_true(add(&p, 50, 100));
	pieces_fini(&p);
}

static void
forgets_what_is_old(void **state)
{
	struct pieces p = {.files = {NULL}};

	(void)state;
	assert_false(add_at(&p, &FILE_A, "erp", 0, 50, 0));
	assert_true(add_at(&p, &FILE_A, "erp", 50, 100, PIECES_AGE_MAX));
	assert_false(add_at(&p, &FILE_A, "erp", 0, 50, 0));
	assert_false(add_at(&p, &FILE_A, "erp", 50, 100, PIECES_AGE_MAX + 1));
	pieces_fini(&p);
}

static void
forgets_the_idlest_when_there_are_too_many(void **state)
{
	struct pieces p = {.files = {NULL}};
	struct delivered_file f = FILE_A;

	(void)state;
	for (int i = 0; i < PIECES_FILES_MAX; i++) {
		f.inode = 100 + (uint64_t)i;
		assert_false(add_at(&p, &f, "erp", 0, 50, 10 + i));
	}
	/* The first is used again; so the second is the idlest, and goes. */
	f.inode = 100;
	assert_false(add_at(&p, &f, "erp", 50, 60, 1000));
	f.inode = 1;
	assert_false(add_at(&p, &f, "erp", 0, 50, 1001));
	f.inode = 100;
	assert_true(add_at(&p, &f, "erp", 60, 100, 1002));
	f.inode = 102;
	assert_true(add_at(&p, &f, "erp", 50, 100, 1003));
	f.inode = 101;
	assert_false(add_at(&p, &f, "erp", 50, 100, 1004));
	pieces_fini(&p);
}

/* More gaps than are remembered: never called whole by mistake. */
static void
bounded_ranges(void **state)
{
	struct delivered_file f = FILE_A;
	struct pieces p = {.files = {NULL}};

	(void)state;
	f.size = 1000;
	for (uint64_t i = 0; i < 400; i += 2)
		assert_false(add_at(&p, &f, "erp", i, i + 1, 0));
	for (uint64_t i = 1; i < 999; i += 2)
		assert_false(add_at(&p, &f, "erp", i, i + 1, 0));
	assert_true(add_at(&p, &f, "erp", 0, 1000, 0));
	pieces_fini(&p);
}

static void
refuses_nonsense(void **state)
{
	static const uint64_t BAD[][2] = {
	    {10, 9}, {0, 101}, {101, 101}, {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, 0}};
	struct pieces p = {.files = {NULL}};
	struct delivered_file huge = FILE_A;
	uint8_t bytes[32] = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		be64_store(bytes, BAD[i][0]);
		be64_store(bytes + 8, BAD[i][1]);
		assert_int_equal(
		    pieces_add(&p, &FILE_A, "erp", slice_of(bytes, 16), 0, &whole), ERR_FORMAT);
		assert_false(whole);
	}
	memset(bytes, 0, sizeof bytes);
	for (size_t len = 1; len < 32; len++) {
		enum err want = len % 16 == 0 ? ERR_OK : ERR_FORMAT;
		assert_int_equal(
		    pieces_add(&p, &FILE_A, "erp", slice_of(bytes, len), 0, &whole), want);
	}
	huge.size = UINT64_MAX;
	assert_int_equal(pieces_add(&p, &huge, "erp", slice_of(bytes, 16), 0, &whole), ERR_FORMAT);
	pieces_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(together_they_are_whole),
	    cmocka_unit_test(only_of_one_version_and_account),
	    cmocka_unit_test(forgets_what_is_old),
	    cmocka_unit_test(forgets_the_idlest_when_there_are_too_many),
	    cmocka_unit_test(bounded_ranges),
	    cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
