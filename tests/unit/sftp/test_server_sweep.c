/*
 * Every request, cut at every place and with every bit flipped, in a session: it is answered once
 * and with something well-formed, and the session goes on; or the session ends. Nothing is left
 * open behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/session.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
/* The engine's first handles, as they are known to be: a file, a directory, and a file. */
#define FILE_HANDLE  S("\0\0\0\0\0\0\0\1")
#define DIR_HANDLE   S("\0\0\0\1\0\0\0\2")
#define OTHER_HANDLE S("\0\0\0\2\0\0\0\3")
#define CHECK        .algorithms = S("sha256,md5"), .offset = 1, .range_length = 900, .block_size = 256

static const struct sftp_request REQUESTS[] = {
    {.kind = SFTP_REQ_OPEN, .path = S("/n"), .pflags = 26, .attrs = {.flags = 4}},
    {.kind = SFTP_REQ_CLOSE, .handle = FILE_HANDLE},
    {.kind = SFTP_REQ_READ, .handle = FILE_HANDLE, .offset = 1, .length = 100},
    {.kind = SFTP_REQ_WRITE, .handle = FILE_HANDLE, .offset = 1, .data = S("xyz")},
    {.kind = SFTP_REQ_LSTAT, .path = S("/a")},
    {.kind = SFTP_REQ_FSTAT, .handle = FILE_HANDLE},
    {.kind = SFTP_REQ_SETSTAT, .path = S("/a"), .attrs = {.flags = 12, .mtime = 5}},
    {.kind = SFTP_REQ_FSETSTAT, .handle = FILE_HANDLE, .attrs = {.flags = 1, .size = 9}},
    {.kind = SFTP_REQ_OPENDIR, .path = S("/")},
    {.kind = SFTP_REQ_READDIR, .handle = DIR_HANDLE},
    {.kind = SFTP_REQ_REMOVE, .path = S("/b")},
    {.kind = SFTP_REQ_MKDIR, .path = S("/e")},
    {.kind = SFTP_REQ_RMDIR, .path = S("/d")},
    {.kind = SFTP_REQ_REALPATH, .path = S(".")},
    {.kind = SFTP_REQ_STAT, .path = S("/a")},
    {.kind = SFTP_REQ_RENAME, .path = S("/b"), .to = S("/c")},
    {.kind = SFTP_REQ_READLINK, .path = S("/l")},
    {.kind = SFTP_REQ_SYMLINK, .path = S("a"), .to = S("/m")},
    {.kind = SFTP_REQ_POSIX_RENAME, .path = S("/b"), .to = S("/c")},
    {.kind = SFTP_REQ_STATVFS, .path = S("/")},
    {.kind = SFTP_REQ_FSTATVFS, .handle = FILE_HANDLE},
    {.kind = SFTP_REQ_HARDLINK, .path = S("/b"), .to = S("/c")},
    {.kind = SFTP_REQ_FSYNC, .handle = FILE_HANDLE},
    {.kind = SFTP_REQ_LSETSTAT, .path = S("/a"), .attrs = {.flags = 4}},
    {.kind = SFTP_REQ_LIMITS},
    {.kind = SFTP_REQ_EXPAND_PATH, .path = S("~/x")},
    {.kind = SFTP_REQ_HOME_DIRECTORY, .user = S("me")},
    {.kind = SFTP_REQ_USERS_GROUPS, .uids = S("\0\0\0\1\0\0\0\2"), .gids = S("\0\0\0\3")},
    {.kind = SFTP_REQ_COPY_DATA,
	.handle = FILE_HANDLE,
	.offset = 1,
	.range_length = 100,
	.to_handle = OTHER_HANDLE,
	.to_offset = 10},
    {.kind = SFTP_REQ_CHECK_FILE, .handle = FILE_HANDLE, CHECK},
    {.kind = SFTP_REQ_CHECK_FILE_HANDLE, .handle = FILE_HANDLE, CHECK},
    {.kind = SFTP_REQ_CHECK_FILE_NAME, .path = S("/a"), CHECK},
};

enum { LAST_ID = 0x5a5a5a5a };

static void
begin(struct session *s)
{
	session_init(s, false);
	session_greet(s);
	memfs_add_file(&s->fs, "/a", NULL, 1000);
	memfs_add_file(&s->fs, "/b", "b", 1);
	memfs_add_dir(&s->fs, "/d");
	(void)session_open(s, "/a", SSH_FXF_READ | SSH_FXF_WRITE);
	(void)session_opendir(s, "/");
	(void)session_open(s, "/b", SSH_FXF_READ | SSH_FXF_WRITE);
}

/* The packet in a session of its own, and one behind it that shows whether the session goes on. */
static void
try_packet(const uint8_t *bytes, uint32_t len)
{
	static const struct sftp_request behind = {.kind = SFTP_REQ_LIMITS, .id = LAST_ID};
	struct sftp_response first, last;
	struct session *s = calloc(1, sizeof *s);

	assert_non_null(s);
	begin(s);
	assert_int_equal(buf_put_string(&s->sent, slice_of(bytes, len)), ERR_OK);
	session_put(s, &behind);
	enum err e = session_work(s);
	if (e == ERR_OK) {
		assert_true(session_next(s, &first));
		assert_true(session_next(s, &last));
		assert_true(first.id == LAST_ID || last.id == LAST_ID);
		assert_false(session_next(s, &first));
		assert_true(sftp_server_idle(s->server));
	} else {
		assert_int_equal(e, ERR_FORMAT);
	}
	sftp_server_free(s->server);
	s->server = NULL;
	assert_int_equal(s->fs.n_files_open + s->fs.n_dirs_open, 0);
	session_fini(s);
	free(s);
}

static void
test_sweep(void **state unused_arg)
{
	uint8_t packet[256];
	bool seen[SFTP_N_REQUESTS] = {[SFTP_REQ_INIT] = true};
	struct buf b;

	buf_init(&b, sizeof packet);
	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
		buf_clear(&b);
		assert_int_equal(sftp_request_encode(&REQUESTS[i], &b), ERR_OK);
		uint32_t len = (uint32_t)buf_len(&b) - SFTP_HEADER_LEN;
		memcpy(packet, buf_slice(&b).ptr + SFTP_HEADER_LEN, len);
		for (uint32_t cut = 1; cut <= len; cut++)
			try_packet(packet, cut);
		for (uint32_t bit = 0; bit < len * 8; bit++) {
			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
			try_packet(packet, len);
			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		seen[REQUESTS[i].kind] = true;
	}
	for (size_t kind = 0; kind < SFTP_N_REQUESTS; kind++)
		assert_true(seen[kind]);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
