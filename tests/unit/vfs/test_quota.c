/* Quotas while writing: asked before anything grows, given back to the last byte. */
#include "vfs/world.h"

enum { MIB = 1024 * 1024 };

static char block[MIB];

static void
with_quota(uint64_t bytes, uint64_t files, bool direct)
{
	the_world.metered = true;
	the_world.direct = direct;
	the_world.limit_bytes = bytes;
	the_world.limit_files = files;
	world_allow(VFS_ALL);
}

static uint32_t
write_block(void *f, uint64_t offset, size_t len)
{
	return the_world.ops->write(f, offset, slice_of(block, len)).status;
}

static void
assert_charges(uint64_t leased_bytes, uint64_t leased_files, int64_t bytes, int64_t files)
{
	assert_int_equal(the_world.leased_bytes, leased_bytes);
	assert_int_equal(the_world.leased_files, leased_files);
	assert_int_equal(the_world.content_bytes, bytes);
	assert_int_equal(the_world.content_files, files);
}

static uint32_t
finish(void *f)
{
	struct sftp_result r = op_close(f, 1);

	if (r.status != SFTP_PENDING)
		return r.status;
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, the_world.tag), ERR_OK);
	return the_world.completed.status;
}

static void
test_pieces(void **state unused_arg)
{
	with_quota(100 * MIB, 10, false);
	void *f = op_open("/a", PUT, NULL);
	assert_charges(0, 1, 0, 0);
	for (uint64_t at = 0; at < 6 * MIB; at += 32768)
		assert_int_equal(write_block(f, at, 32768), SSH_FX_OK);
	/* Not a question at each write. */
	assert_int_equal(the_world.n_asked, 1 + 2);
	assert_charges(8 * MIB, 1, 0, 0);
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_charges(6 * MIB, 1, 0, 0);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_OK, the_world.tag), ERR_OK);
	assert_charges(0, 0, 6 * MIB, 1);
	/* Over it: the difference. */
	assert_int_equal(op_put("/a", "small"), SSH_FX_OK);
	assert_charges(0, 0, 5, 1);
	assert_int_equal(op_remove("/a"), SSH_FX_OK);
	assert_charges(0, 0, 0, 0);
}

static void
test_to_the_last_byte(void **state unused_arg)
{
	struct sftp_result r;

	with_quota(5 * MIB, 10, false);
	void *f = op_open("/a", PUT, NULL);
	for (uint64_t at = 0; at < 5 * MIB; at += MIB)
		assert_int_equal(write_block(f, at, MIB), SSH_FX_OK);
	/* The last piece was more than was left, and less did: no refusal. */
	assert_int_equal(the_world.n_refused, 0);
	r = the_world.ops->write(f, 5 * MIB, slice_of(block, 1));
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_string_equal(r.message, "the quota is used up");
	assert_int_equal(the_world.n_refused, 1);
	/* What was written is kept for the client; it is no more than a partial, and no charge. */
	r = op_close(f, 1);
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_string_equal(r.message, "the quota is used up, so the file was not published");
	assert_charges(0, 0, 0, 0);
	assert_false(world_has("store/a"));
	assert_list("/", "a");
	/* Gone on with, it holds its quota again. */
	f = op_open("/a", SSH_FXF_WRITE, NULL);
	assert_charges(5 * MIB, 1, 0, 0);
	assert_int_equal(finish(f), SSH_FX_OK);
	assert_charges(0, 0, 5 * MIB, 1);
}

static void
test_files(void **state unused_arg)
{
	with_quota(MIB, 1, false);
	void *f = op_open("/a", PUT, NULL);
	struct sftp_result r;

	assert_null(op_open("/b", PUT, &r));
	assert_string_equal(r.message, "the quota is used up");
	assert_int_equal(world_count("store.staging"), 1);
	assert_int_equal(op_remove("/a"), SSH_FX_OK);
	assert_charges(0, 0, 0, 0);
	/* It writes on into what nobody will see, and is charged for it while it does. */
	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	assert_true(the_world.leased_bytes > 0);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	assert_charges(0, 0, 0, 0);
}

static void
test_other_ways_to_grow(void **state unused_arg)
{
	struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 2 * MIB};
	uint64_t n;

	for (int direct = 0; direct < 2; direct++) {
		(void)unlinkat(the_world.root_fd, "store/f", 0);
		(void)unlinkat(the_world.root_fd, "store/g", 0);
		with_quota(MIB, 10, direct == 1);
		the_world.content_bytes = 0;
		the_world.content_files = 0;
		world_put("store/f", "abcd");
		assert_int_equal(the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status,
		    SSH_FX_FAILURE);
		a.size = MIB;
		assert_int_equal(
		    the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status, SSH_FX_OK);
		assert_charges(0, 0, MIB - 4, 0);
		void *f = op_open("/g", PUT, NULL);
		a.size = 2 * MIB;
		assert_int_equal(the_world.ops->fsetstat(f, &a).status, SSH_FX_FAILURE);
		the_world.ops->abandon(f);
		assert_int_equal(op_remove("/g"), SSH_FX_OK);
		f = op_open("/g", PUT, NULL);
		void *from = op_open("/f", GET, NULL);
		/* Twice what fits. */
		assert_int_equal(the_world.ops->copy(from, 0, f, 0, MIB, &n).status, SSH_FX_OK);
		assert_true(n > 0);
		assert_int_equal(
		    the_world.ops->copy(from, 0, f, MIB, MIB, &n).status, SSH_FX_FAILURE);
		the_world.ops->abandon(from);
		the_world.ops->abandon(f);
		assert_int_equal(op_remove("/g"), SSH_FX_OK);
		assert_charges(0, 0, MIB - 4, 0);
		/* A second name counts as a second file. */
		assert_int_equal(
		    the_world.ops->link(the_world.v, slice_str("/f"), slice_str("/g")).status,
		    SSH_FX_OK);
		assert_charges(0, 0, 2 * MIB - 4, 1);
		the_world.limit_bytes = MIB - 1;
		assert_int_equal(
		    the_world.ops->link(the_world.v, slice_str("/f"), slice_str("/h")).status,
		    SSH_FX_FAILURE);
		assert_charges(0, 0, 2 * MIB - 4, 1);
		a.size = 2 * MIB;
	}
}

static void
test_direct(void **state unused_arg)
{
	with_quota(MIB, 2, true);
	void *f = op_open("/a", PUT, NULL);
	assert_charges(0, 1, 0, 0);
	assert_int_equal(write_block(f, 0, MIB / 2), SSH_FX_OK);
	assert_int_equal(write_block(f, MIB / 2, MIB), SSH_FX_FAILURE);
	/* Nothing grows where it overwrites. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(write_block(f, 0, MIB / 2), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SSH_FX_OK);
	assert_charges(0, 0, MIB / 2, 1);
	f = op_open("/a", PUT, NULL);
	assert_int_equal(write_block(f, 0, MIB / 4), SSH_FX_OK);
	/* It holds less than it did: nothing is leased. */
	assert_int_equal(the_world.leased_bytes, 0);
	the_world.ops->abandon(f);
	assert_charges(0, 0, MIB / 4, 1);
	the_world.limit_files = 0;
	assert_int_equal(op_open_status("/b", PUT), SSH_FX_FAILURE);
	assert_false(world_has("store/b"));
	assert_charges(0, 0, MIB / 4, 1);
}

/* An upload over a file begins as its copy, and holds all of it until the copy takes its place. */
static void
test_copy_of_what_is_there(void **state unused_arg)
{
	with_quota(10, 1, false);
	world_put("store/f", "0123456789A");
	assert_int_equal(op_open_status("/f", SSH_FXF_WRITE), SSH_FX_FAILURE);
	assert_charges(0, 0, 0, 0);
	assert_int_equal(world_count("store.staging"), 0);
	the_world.limit_bytes = MIB;
	the_world.content_bytes = 11;
	the_world.content_files = 1;
	void *f = op_open("/f", SSH_FXF_WRITE | SSH_FXF_APPEND, NULL);
	assert_int_equal(op_write(f, 0, "B"), SSH_FX_OK);
	assert_int_equal(finish(f), SSH_FX_OK);
	assert_charges(0, 0, 12, 1);
}

/* Wherever a CLOSE fails, nothing stays charged to the session. */
static void
test_failures(void **state unused_arg)
{
	with_quota(MIB, 2, false);
	for (int nth = 1; nth <= 4; nth++) {
		the_world.fail_call = nth;
		the_world.fail_errno = EIO;
		assert_int_equal(op_put("/a", "content"), SSH_FX_FAILURE);
		assert_charges(0, 0, 0, 0);
		(void)unlinkat(the_world.root_fd, "store/a", 0);
		(void)op_remove("/a");
	}
	the_world.staged_error = ERR_CLOSED;
	assert_int_equal(op_put("/a", "content"), SSH_FX_FAILURE);
	assert_charges(0, 0, 0, 0);
	the_world.staged_error = ERR_OK;
	void *f = op_open("/b", PUT, NULL);
	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	assert_int_equal(op_close(f, 1).status, SFTP_PENDING);
	assert_int_equal(op_recorded(the_world.v, the_world.tag, ERR_IO, 0), ERR_OK);
	assert_charges(0, 0, 0, 0);
	f = op_open("/c", PUT, NULL);
	assert_int_equal(op_write(f, 0, "x"), SSH_FX_OK);
	the_world.ops->abandon(f);
	assert_charges(0, 0, 0, 0);
}

int
main(void)
{
#define WORLD_TEST(t) cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_pieces),
	    WORLD_TEST(test_to_the_last_byte),
	    WORLD_TEST(test_files),
	    WORLD_TEST(test_other_ways_to_grow),
	    WORLD_TEST(test_direct),
	    WORLD_TEST(test_copy_of_what_is_there),
	    WORLD_TEST(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
