/* The small parts: attributes, longnames, status codes, frames, handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/attrs.h"
#include "sftp/frame.h"
#include "sftp/handles.h"
#include "sftp/longname.h"
#include "sftp/server.h"
#include "sftp/status.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

/* Every set of flags puts what it says and gets it back. */
static void
test_attrs_flags(void **state unused_arg)
{
	for (uint32_t flags = 0; flags < 16; flags++) {
		const struct sftp_attrs a = {flags, 1, 2, 3, 4, 5, 6};
		struct sftp_attrs got;
		struct buf b;
		buf_init(&b, 64);
		assert_int_equal(sftp_attrs_put(&b, &a), ERR_OK);
		struct rd r = rd_of(buf_slice(&b));
		sftp_attrs_get(&r, &got);
		assert_int_equal(rd_done(&r), ERR_OK);
		assert_int_equal(got.flags, flags);
		assert_int_equal(got.size, flags & 1 ? 1 : 0);
		assert_int_equal(got.uid, flags & 2 ? 2 : 0);
		assert_int_equal(got.permissions, flags & 4 ? 4 : 0);
		assert_int_equal(got.mtime, flags & 8 ? 6 : 0);
		buf_fini(&b);
	}
}

static void
test_attrs_extended(void **state unused_arg)
{
	static const struct {
		struct slice bytes;
		enum err err;
	} cases[] = {
	    {S("\200\0\0\1\0\0\0\0\0\0\0\7\0\0\0\1\0\0\0\1t\0\0\0\2xy"), ERR_OK},
	    {S("\200\0\0\0\0\0\0\0"), ERR_OK},
	    {S("\200\0\0\0\0\0\0\1\0\0\0\1t"), ERR_FORMAT},
	    {S("\200\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0"), ERR_FORMAT},
	    {S("\0\0\0\100"), ERR_OK}, /* a bit of a later version, as version 3 reads it */
	    {S("\0\0\0\1\0\0\0"), ERR_FORMAT},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rd r = rd_of(cases[i].bytes);
		struct sftp_attrs a;
		sftp_attrs_get(&r, &a);
		assert_int_equal(rd_done(&r), cases[i].err);
		assert_int_equal(a.flags & ~UINT32_C(15), 0);
		if (cases[i].err != ERR_OK)
			assert_int_equal(a.flags, 0);
	}
}

static void
test_attrs_from_stat(void **state unused_arg)
{
	struct stat st = {.st_size = 5, .st_mode = S_IFDIR | 0700, .st_uid = 7, .st_gid = 8};
	struct sftp_attrs a;

	st.st_mtim.tv_sec = -1;
	st.st_atim.tv_sec = (time_t)UINT32_MAX + 1;
	sftp_attrs_from_stat(&a, &st);
	assert_int_equal(a.flags, 15);
	assert_int_equal(a.size, 5);
	assert_int_equal(a.permissions, S_IFDIR | 0700);
	assert_int_equal(a.uid, 7);
	assert_int_equal(a.gid, 8);
	assert_int_equal(a.mtime, 0);
	assert_int_equal(a.atime, UINT32_MAX);
}

static void
test_longnames(void **state unused_arg)
{
	static const struct {
		struct sftp_attrs attrs;
		int64_t now;
		const char *line;
	} cases[] = {
	    {{15, 4096, 1000, 100, S_IFREG | 0644, 0, 1700000000}, 1700000000,
		"-rw-r--r--    1 1000     100          4096 Nov 14 22:13 n"},
	    {{15, 0, 0, 0, S_IFDIR | 01777, 0, 1700000000}, 1800000000,
		"drwxrwxrwt    1 0        0               0 Nov 14  2023 n"},
	    {{15, UINT64_MAX, UINT32_MAX, UINT32_MAX, S_IFREG | 06001, 0, UINT32_MAX}, 0,
		"---S--S--x    1 4294967295 4294967295 18446744073709551615 Feb  7  2106 n"},
	    {{15, 1, 0, 0, S_IFLNK | 04777, 0, 0}, 1,
		"lrwsrwxrwx    1 0        0               1 "
		"Jan  1 00:00 n"},
	    {{0}, 1, "??????????    1 0        0               0 Jan  1 00:00 n"},
	    {{4, 0, 0, 0, 0644, 0, 0}, INT64_C(1) << 40,
		"?rw-r--r--    1 0        0               0 Jan  1  1970 n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 256);
		assert_int_equal(
		    sftp_longname_put(&b, slice_str("n"), &cases[i].attrs, cases[i].now), ERR_OK);
		assert_int_equal(buf_put_u8(&b, 0), ERR_OK);
		assert_string_equal((const char *)buf_slice(&b).ptr, cases[i].line);
		buf_fini(&b);
	}
	struct buf small;
	buf_init(&small, 70);
	static const uint8_t long_name[64] = {0};
	assert_int_equal(
	    sftp_longname_put(&small, slice_of(long_name, 64), &cases[0].attrs, 0), ERR_NOMEM);
	assert_int_equal(buf_len(&small), 0);
	buf_fini(&small);
}

static void
test_status(void **state unused_arg)
{
	assert_string_equal(sftp_status_text(SSH_FX_NO_SUCH_FILE), "no such file");
	assert_string_equal(sftp_status_text(14), "no space left on the file system");
	assert_string_equal(sftp_status_text(25), "unknown status");
	assert_string_equal(sftp_status_text(UINT32_MAX), "unknown status");
	for (uint32_t code = 0; code < 25; code++)
		assert_true(strlen(sftp_status_text(code)) > 0);
	/* Only success is success, and every code is one of version 3. */
	for (unsigned e = 0; e < ERR_N; e++) {
		struct sftp_result result = sftp_result_of((enum err)e);
		assert_int_equal(result.status == SSH_FX_OK, e == ERR_OK);
		assert_true(result.status <= SSH_FX_OP_UNSUPPORTED);
	}
	assert_int_equal(sftp_status_from_err(ERR_ACCESS), SSH_FX_PERMISSION_DENIED);
	/* What is outside is told like what does not exist. */
	assert_ptr_equal(sftp_result_of(ERR_ESCAPE).message, sftp_result_of(ERR_NOENT).message);
}

/* Three packets, cut into pieces of every length. */
static void
test_frame_splits(void **state unused_arg)
{
	static const uint8_t bytes[] = "\0\0\0\1a\0\0\0\5hello\0\0\0\2xy";
	static const struct slice packets[] = {S("a"), S("hello"), S("xy")};
	const size_t len = sizeof bytes - 1;

	for (size_t step = 1; step <= len; step++) {
		struct sftp_frame f;
		size_t n = 0;
		sftp_frame_init(&f);
		for (size_t at = 0; at < len; at += step) {
			struct slice piece =
					 slice_of(bytes + at, len - at < step ? len - at : step),
				     packet;
			while (sftp_frame_next(&f, &piece, &packet) == ERR_OK)
				assert_true(slice_equal(packet, packets[n++]));
			assert_int_equal(piece.len, 0);
		}
		assert_int_equal(n, ARRAY_LEN(packets));
		sftp_frame_fini(&f);
	}
}

static void
test_frame_whole_is_not_copied(void **state unused_arg)
{
	static const uint8_t bytes[] = "\0\0\0\3abc";
	struct slice all = slice_of(bytes, 7), packet;
	struct sftp_frame f;

	sftp_frame_init(&f);
	assert_int_equal(sftp_frame_next(&f, &all, &packet), ERR_OK);
	assert_ptr_equal(packet.ptr, bytes + 4);
	assert_int_equal(sftp_frame_next(&f, &all, &packet), ERR_AGAIN);
	sftp_frame_fini(&f);
}

static void
test_frame_bad_lengths(void **state unused_arg)
{
	static const struct slice bad[] = {
	    S("\0\0\0\0"), S("\0\4\0\1"), S("\377\377\377\377"), S("\0\0\0\0x")};
	static const struct slice good = S("\0\4\0\0");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct slice whole = bad[i], packet;
		struct sftp_frame f;
		sftp_frame_init(&f);
		assert_int_equal(sftp_frame_next(&f, &whole, &packet), ERR_FORMAT);
		/* The same in two pieces. */
		struct slice head = slice_of(bad[i].ptr, 2);
		struct slice tail = slice_of(bad[i].ptr + 2, bad[i].len - 2);
		assert_int_equal(sftp_frame_next(&f, &head, &packet), ERR_AGAIN);
		assert_int_equal(sftp_frame_next(&f, &tail, &packet), ERR_FORMAT);
		sftp_frame_fini(&f);
	}
	struct slice whole = good, packet;
	struct sftp_frame f;
	sftp_frame_init(&f);
	assert_int_equal(sftp_frame_next(&f, &whole, &packet), ERR_AGAIN);
	sftp_frame_fini(&f);
}

static void
test_handles(void **state unused_arg)
{
	struct sftp_handles h;
	uint8_t first[8], second[8];
	int a, b;

	sftp_handles_init(&h, SFTP_HANDLES_MAX);
	assert_int_equal(sftp_handles_prepare(&h), ERR_OK);
	sftp_handles_add(&h, SFTP_SLOT_FILE, &a, first);
	struct sftp_slot *slot = sftp_handles_find(&h, slice_of(first, 8), SFTP_SLOT_FILE);
	assert_ptr_equal(slot->object, &a);
	assert_null(sftp_handles_find(&h, slice_of(first, 8), SFTP_SLOT_DIR));
	sftp_handles_release(&h, slot);
	assert_null(sftp_handles_find(&h, slice_of(first, 8), SFTP_SLOT_FILE));
	/* The same slot again: the old handle stays dead. */
	sftp_handles_add(&h, SFTP_SLOT_DIR, &b, second);
	assert_memory_equal(first, second, 4);
	assert_null(sftp_handles_find(&h, slice_of(first, 8), SFTP_SLOT_DIR));
	for (size_t len = 0; len < 8; len++)
		assert_null(sftp_handles_find(&h, slice_of(second, len), SFTP_SLOT_DIR));
	for (size_t bit = 0; bit < 64; bit++) {
		uint8_t flipped[8];
		memcpy(flipped, second, 8);
		flipped[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_null(sftp_handles_find(&h, slice_of(flipped, 8), SFTP_SLOT_DIR));
	}
	sftp_handles_fini(&h);
}

static void
test_handles_limit_and_closing(void **state unused_arg)
{
	struct sftp_handles h;
	uint8_t handles[SFTP_HANDLES_MAX][8];
	int object;

	sftp_handles_init(&h, SFTP_HANDLES_MAX);
	for (size_t i = 0; i < SFTP_HANDLES_MAX; i++) {
		assert_int_equal(sftp_handles_prepare(&h), ERR_OK);
		sftp_handles_add(&h, SFTP_SLOT_FILE, &object, handles[i]);
	}
	assert_int_equal(sftp_handles_prepare(&h), ERR_LIMIT);
	/* A closing file keeps its slot, and its handle is dead. */
	struct sftp_slot *slot = sftp_handles_find(&h, slice_of(handles[5], 8), SFTP_SLOT_FILE);
	uint32_t number = sftp_handles_closing(&h, slot, 77);
	assert_int_equal(sftp_handles_prepare(&h), ERR_LIMIT);
	assert_null(sftp_handles_find(&h, slice_of(handles[5], 8), SFTP_SLOT_FILE));
	assert_null(sftp_handles_find_closing(&h, 4, number));
	assert_null(sftp_handles_find_closing(&h, 5, number + 1));
	assert_null(sftp_handles_find_closing(&h, SFTP_HANDLES_MAX, number));
	slot = sftp_handles_find_closing(&h, 5, number);
	assert_int_equal(slot->request_id, 77);
	sftp_handles_release(&h, slot);
	assert_null(sftp_handles_find_closing(&h, 5, number));
	assert_int_equal(sftp_handles_prepare(&h), ERR_OK);
	assert_int_equal(h.n_closing, 0);
	/* Memory is given back only when nothing is open, and handles stay dead. */
	sftp_handles_trim(&h);
	assert_non_null(sftp_handles_find(&h, slice_of(handles[6], 8), SFTP_SLOT_FILE));
	for (size_t i = 0; i < SFTP_HANDLES_MAX; i++) {
		slot = sftp_handles_find(&h, slice_of(handles[i], 8), SFTP_SLOT_FILE);
		if (slot != NULL)
			sftp_handles_release(&h, slot);
	}
	sftp_handles_trim(&h);
	assert_null(h.slots);
	assert_int_equal(sftp_handles_prepare(&h), ERR_OK);
	sftp_handles_add(&h, SFTP_SLOT_FILE, &object, handles[0]);
	assert_null(sftp_handles_find(&h, slice_of(handles[6], 8), SFTP_SLOT_FILE));
	sftp_handles_fini(&h);
}

/* Whatever the limit, and in whatever order slots come free: each add has one, and they differ. */
static void
test_handles_odd_limits(void **state unused_arg)
{
	static const uint32_t limits[] = {1, 2, 15, 16, 17, 100};
	int object;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct sftp_handles h;
		uint8_t handles[100][8];
		sftp_handles_init(&h, limits[i]);
		for (uint32_t round = 0; round < 5; round++) {
			for (uint32_t n = h.n_open; n < limits[i]; n++) {
				assert_int_equal(sftp_handles_prepare(&h), ERR_OK);
				uint8_t handle[8];
				sftp_handles_add(&h, SFTP_SLOT_FILE, &object, handle);
				memcpy(handles[handle[3]], handle, 8);
			}
			assert_int_equal(sftp_handles_prepare(&h), ERR_LIMIT);
			for (uint32_t n = round % 3; n < limits[i]; n += 2) {
				struct sftp_slot *slot =
				    sftp_handles_find(&h, slice_of(handles[n], 8), SFTP_SLOT_FILE);
				assert_non_null(slot);
				assert_int_equal(sftp_handles_index(&h, slot), n);
				sftp_handles_release(&h, slot);
			}
		}
		sftp_handles_fini(&h);
	}
}

/* A packet that is put back comes again, from the caller's bytes or from the frame's own. */
static void
test_frame_back(void **state unused_arg)
{
	static const uint8_t bytes[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c'};

	for (size_t cut = 0; cut <= 6; cut++) {
		struct sftp_frame f;
		struct slice first = slice_of(bytes, cut), packet;
		struct slice rest = slice_of(bytes + cut, sizeof bytes - cut);
		sftp_frame_init(&f);
		enum err e = sftp_frame_next(&f, &first, &packet);
		assert_int_equal(e, cut == 6 ? ERR_OK : ERR_AGAIN);
		for (unsigned again = 0; again < 3 && cut < 6; again++) {
			struct slice before = rest;
			assert_int_equal(sftp_frame_next(&f, &rest, &packet), ERR_OK);
			assert_true(slice_is(packet, "ab"));
			if (again < 2)
				sftp_frame_back(&f, &rest, before);
			sftp_frame_trim(&f);
		}
		assert_int_equal(sftp_frame_next(&f, &rest, &packet), ERR_OK);
		assert_true(slice_is(packet, "c"));
		sftp_frame_fini(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_attrs_flags),
	    cmocka_unit_test(test_attrs_extended),
	    cmocka_unit_test(test_attrs_from_stat),
	    cmocka_unit_test(test_longnames),
	    cmocka_unit_test(test_status),
	    cmocka_unit_test(test_frame_splits),
	    cmocka_unit_test(test_frame_whole_is_not_copied),
	    cmocka_unit_test(test_frame_bad_lengths),
	    cmocka_unit_test(test_handles),
	    cmocka_unit_test(test_handles_limit_and_closing),
	    cmocka_unit_test(test_handles_odd_limits),
	    cmocka_unit_test(test_frame_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
