/*
 * The SFTP server engine without memory: a whole session, in which the first allocation fails, then
 * the second, and so on. Either every request is answered once, with something well-formed, or the
 * session ends for want of memory; and what was opened is ended in both cases.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bug.h"
#include "inject.h"
#include "sftp/frame.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"
#include "sftp/status.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

/* A file system that allocates nothing: one file of FILE_SIZE bytes, one directory. */
enum { FILE_SIZE = 3000, N_ENTRIES = 500 };

static int n_open;
static unsigned n_listed;
static const struct sftp_result OK = {SSH_FX_OK, NULL};

static struct sftp_result
op_open(void *fs unused_arg, struct slice path unused_arg, uint32_t pflags unused_arg,
    const struct sftp_attrs *attrs unused_arg, void **ret_file)
{
	n_open++;
	*ret_file = &n_open;
	return OK;
}

static struct sftp_result
op_read(void *file unused_arg, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	if (offset >= FILE_SIZE)
		return (struct sftp_result){SSH_FX_EOF, NULL};
	*ret_len = len < FILE_SIZE - offset ? len : FILE_SIZE - (size_t)offset;
	memset(dst, 'x', *ret_len);
	return OK;
}

static struct sftp_result
op_copy(void *from unused_arg, uint64_t from_offset unused_arg, void *to unused_arg,
    uint64_t to_offset unused_arg, uint64_t len, uint64_t *ret_len)
{
	*ret_len = len < 1000 ? len : 1000;
	return OK;
}

static struct sftp_result
op_close(void *file unused_arg, struct sftp_token token unused_arg)
{
	n_open--;
	return OK;
}

static void
op_end(void *object unused_arg)
{
	n_open--;
}

static struct sftp_result
op_fstat(void *file unused_arg, struct sftp_attrs *ret_attrs)
{
	*ret_attrs = (struct sftp_attrs){.flags = SSH_FILEXFER_ATTR_SIZE, .size = FILE_SIZE};
	return OK;
}

static struct sftp_result
op_opendir(void *fs unused_arg, struct slice path unused_arg, void **ret_dir)
{
	n_open++;
	n_listed = 0;
	*ret_dir = &n_open;
	return OK;
}

static struct sftp_result
op_readdir(void *dir unused_arg, struct sftp_fs_entry *ret_entry)
{
	*ret_entry = (struct sftp_fs_entry){.name = slice_str("entry")};
	return n_listed++ < N_ENTRIES ? OK : (struct sftp_result){SSH_FX_EOF, NULL};
}

static struct sftp_result
op_path(void *fs unused_arg, struct slice path, struct buf *ret_path)
{
	return sftp_result_of(buf_put(ret_path, path.ptr, path.len));
}

static struct sftp_result
op_name(void *fs unused_arg, uint32_t id, struct buf *ret_name)
{
	return sftp_result_of(buf_printf(ret_name, "name-%u", id));
}

static const struct sftp_fs_ops OPS = {
    .open = op_open,
    .read = op_read,
    .peek = op_read,
    .copy = op_copy,
    .close = op_close,
    .abandon = op_end,
    .fstat = op_fstat,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .closedir = op_end,
    .realpath = op_path,
    .home = op_path,
    .user_name = op_name,
    .group_name = op_name,
};

/* The engine's handles, as they are known to be. */
#define FIRST  S("\0\0\0\0\0\0\0\1")
#define SECOND S("\0\0\0\1\0\0\0\2")
#define DIR    S("\0\0\0\2\0\0\0\3")
#define CHECK  .algorithms = S("sha256"), .block_size = 256

static const struct sftp_request REQUESTS[] = {
    {.kind = SFTP_REQ_INIT, .version = 3},
    {.kind = SFTP_REQ_OPEN, .id = 0, .path = S("a")},
    {.kind = SFTP_REQ_OPEN, .id = 1, .path = S("b")},
    {.kind = SFTP_REQ_OPENDIR, .id = 2, .path = S("d")},
    {.kind = SFTP_REQ_READ, .id = 3, .handle = FIRST, .length = 100000},
    {.kind = SFTP_REQ_READDIR, .id = 4, .handle = DIR},
    {.kind = SFTP_REQ_COPY_DATA, .id = 5, .handle = FIRST, .to_handle = SECOND},
    {.kind = SFTP_REQ_CHECK_FILE_HANDLE, .id = 6, .handle = FIRST, CHECK},
    {.kind = SFTP_REQ_CHECK_FILE_NAME, .id = 7, .path = S("a"), CHECK},
    {.kind = SFTP_REQ_REALPATH, .id = 8, .path = S("x")},
    {.kind = SFTP_REQ_EXPAND_PATH, .id = 9, .path = S("~x/y")},
    {.kind = SFTP_REQ_HOME_DIRECTORY, .id = 10, .user = S("x")},
    {.kind = SFTP_REQ_USERS_GROUPS, .id = 11, .uids = S("\0\0\0\1\0\0\0\2"), .gids = S("\0\0\0\3")},
    {.kind = SFTP_REQ_LIMITS, .id = 12},
    {.kind = SFTP_REQ_CLOSE, .id = 13, .handle = SECOND},
    {.kind = SFTP_REQ_FSTAT, .id = 14, .handle = FIRST},
};
enum { N_IDS = ARRAY_LEN(REQUESTS) - 1, PIECE = 70 };

/* Well-formed, each for another request. */
static void
read_answers(struct slice bytes, bool answered[N_IDS])
{
	struct rd r = rd_of(bytes);
	struct sftp_response response;

	while (r.left > 0) {
		struct slice packet = rd_string(&r, SFTP_PACKET_MAX);
		assert_false(r.failed);
		assert_int_equal(sftp_response_decode(packet, &response), ERR_OK);
		if (response.type == SSH_FXP_VERSION)
			continue;
		assert_true(response.id < N_IDS && !answered[response.id]);
		answered[response.id] = true;
	}
}

/* In pieces, so that requests are put together, too. */
static enum err
feed(struct sftp_server *s, struct slice bytes)
{
	enum err e = ERR_OK;
	size_t taken;

	while (e == ERR_OK && (bytes.len > 0 || sftp_server_has_work(s))) {
		e = sftp_server_feed(s, bytes.ptr, bytes.len < PIECE ? bytes.len : PIECE, &taken);
		bytes = slice_of(bytes.ptr + taken, bytes.len - taken);
	}
	return e;
}

static enum err
run(struct slice bytes, bool answered[N_IDS])
{
	struct sftp_server *s;

	enum err e = sftp_server_new(&s, &OPS, NULL, false);
	if (e != ERR_OK)
		return e;
	e = feed(s, bytes);
	/* To look at the answers takes no memory. */
	read_answers(buf_slice(sftp_server_output(s)), answered);
	sftp_server_free(s);
	return e;
}

static void
torture(enum fault_call call, struct slice bytes)
{
	bool fired = true;
	unsigned nth;

	for (nth = 1; fired; nth++) {
		bool answered[N_IDS] = {false};
		fault_arm(call, nth, 1, ENOMEM);
		enum err e = run(bytes, answered);
		fired = fault_disarm();
		assert_true(e == ERR_OK || (fired && e == ERR_NOMEM));
		for (size_t id = 0; id < N_IDS && e == ERR_OK; id++)
			assert_true(answered[id]);
		assert_int_equal(n_open, 0);
		assert_true(nth < 1000);
	}
	/* The engine, a copy and two hashes allocate in either way. */
	assert_true(nth > 4);
}

static void
test_session_without_memory(void **state unused_arg)
{
	struct buf bytes;

	buf_init(&bytes, SFTP_PACKET_MAX);
	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++)
		assert_int_equal(sftp_request_encode(&REQUESTS[i], &bytes), ERR_OK);
	torture(FAULT_MALLOC, buf_slice(&bytes));
	torture(FAULT_CALLOC, buf_slice(&bytes));
	buf_fini(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_session_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
