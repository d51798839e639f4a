/* The server engine: sessions over a file system in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/session.h"
#include "sftp/status.h"

static int
setup(void **state)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -1;
	session_init(s, false);
	session_greet(s);
	memfs_add_file(&s->fs, "/a", "hello", 5);
	*state = s;
	return 0;
}

static int
setup_read_only(void **state)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -1;
	session_init(s, true);
	memfs_add_file(&s->fs, "/a", "hello", 5);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	session_fini(*state);
	free(*state);
	return 0;
}

static void
test_reads(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/a", SSH_FXF_READ);
	static const struct {
		uint64_t offset;
		uint32_t length;
		const char *data; /* NULL: end of file */
	} cases[] = {
	    {0, 5, "hello"},
	    {0, 100, "hello"},
	    {0, UINT32_MAX, "hello"},
	    {3, 1, "l"},
	    {4, 10, "o"},
	    {5, 1, NULL},
	    {0, 0, NULL},
	    {INT64_MAX, 1, NULL},
	    {UINT64_MAX, UINT32_MAX, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sftp_response r =
		    ASK(s, .kind = SFTP_REQ_READ, .id = 9, .handle = session_handle(&h),
			.offset = cases[i].offset, .length = cases[i].length);
		if (cases[i].data == NULL) {
			assert_status(r, SSH_FX_EOF);
			continue;
		}
		assert_int_equal(r.type, SSH_FXP_DATA);
		assert_true(slice_is(r.data, cases[i].data));
	}
	assert_int_equal(sftp_server_stats(s->server).bytes_read, 5 + 5 + 5 + 1 + 1);
}

/* A READ gets at most SFTP_READ_MAX, and the right bytes of it. */
static void
test_read_cap(void **state)
{
	struct session *s = *state;
	memfs_add_file(&s->fs, "/big", NULL, 300 * 1024);
	struct session_handle h = session_open(s, "/big", SSH_FXF_READ);
	struct sftp_response r = ASK(s, .kind = SFTP_REQ_READ, .id = 9,
	    .handle = session_handle(&h), .offset = 3, .length = UINT32_MAX);

	assert_int_equal(r.data.len, SFTP_READ_MAX);
	for (size_t i = 0; i < r.data.len; i++)
		assert_int_equal(r.data.ptr[i], memfs_byte(i + 3));
}

static void
test_writes(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/w", SSH_FXF_WRITE | SSH_FXF_CREAT);
	struct slice hs = session_handle(&h), data = slice_str("abc");

	assert_status(
	    ASK(s, .kind = SFTP_REQ_WRITE, .handle = hs, .offset = 2, .data = data), SSH_FX_OK);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_WRITE, .handle = hs, .offset = INT64_MAX - 2, .data = data),
	    SSH_FX_FAILURE);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_WRITE, .handle = hs, .offset = UINT64_MAX, .data = data),
	    SSH_FX_FAILURE);
	assert_status(ASK(s, .kind = SFTP_REQ_FSYNC, .handle = hs), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_FSETSTAT, .handle = hs,
			  .attrs = {.flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = 0600}),
	    SSH_FX_OK);
	struct sftp_response r = ASK(s, .kind = SFTP_REQ_FSTAT, .handle = hs);
	assert_int_equal(r.attrs.size, 5);
	assert_int_equal(r.attrs.permissions, S_IFREG | 0600);
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = hs), SSH_FX_OK);
	assert_memory_equal(memfs_find(&s->fs, "/w")->data, "\0\0abc", 5);
	assert_int_equal(s->fs.n_fsyncs, 1);
	assert_int_equal(sftp_server_stats(s->server).bytes_written, 3);
	assert_true(sftp_server_idle(s->server));
}

static void
test_paths(void **state)
{
	struct session *s = *state;
	struct slice a = slice_str("/a"), b = slice_str("/b"), d = slice_str("/d");

	assert_status(ASK(s, .kind = SFTP_REQ_MKDIR, .path = d), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_RENAME, .path = a, .to = b), SSH_FX_OK);
	memfs_add_file(&s->fs, "/a", "new", 3);
	assert_status(ASK(s, .kind = SFTP_REQ_RENAME, .path = a, .to = b), SSH_FX_FAILURE);
	assert_status(ASK(s, .kind = SFTP_REQ_POSIX_RENAME, .path = a, .to = b), SSH_FX_OK);
	assert_int_equal(ASK(s, .kind = SFTP_REQ_STAT, .path = b).attrs.size, 3);
	assert_status(ASK(s, .kind = SFTP_REQ_STAT, .path = a), SSH_FX_NO_SUCH_FILE);
	assert_status(ASK(s, .kind = SFTP_REQ_LSTAT, .path = a), SSH_FX_NO_SUCH_FILE);
	assert_status(ASK(s, .kind = SFTP_REQ_SETSTAT, .path = b), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_LSETSTAT, .path = b), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_REMOVE, .path = b), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_RMDIR, .path = d), SSH_FX_OK);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_SYMLINK, .path = slice_str("to"), .to = slice_str("/link")),
	    SSH_FX_OK);
	struct sftp_response r = ASK(s, .kind = SFTP_REQ_READLINK, .path = slice_str("/link"));
	struct rd cursor = rd_of(r.names);
	struct sftp_name name;
	assert_int_equal(r.n_names, 1);
	assert_true(sftp_names_next(&cursor, &name));
	assert_true(slice_is(name.filename, "to"));
}

static void
test_real_paths(void **state)
{
	struct session *s = *state;
	static const struct {
		enum sftp_request_kind kind;
		const char *path;
		const char *real; /* NULL: refused */
	} cases[] = {
	    {SFTP_REQ_REALPATH, ".", "/"},
	    {SFTP_REQ_REALPATH, "x", "/x"},
	    {SFTP_REQ_EXPAND_PATH, "~", "/"},
	    {SFTP_REQ_EXPAND_PATH, "~/", "/"},
	    {SFTP_REQ_EXPAND_PATH, "~/x/y", "/x/y"},
	    {SFTP_REQ_EXPAND_PATH, "~///x", "/x"},
	    {SFTP_REQ_EXPAND_PATH, "/x", "/x"},
	    {SFTP_REQ_EXPAND_PATH, "", "/"},
	    {SFTP_REQ_EXPAND_PATH, "~root/x", NULL},
	    {SFTP_REQ_HOME_DIRECTORY, "me", "/"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice path = slice_str(cases[i].path);
		struct sftp_response r =
		    ASK(s, .kind = cases[i].kind, .id = 3, .path = path, .user = path);
		if (cases[i].real == NULL) {
			assert_status(r, SSH_FX_NO_SUCH_FILE);
			continue;
		}
		struct rd cursor = rd_of(r.names);
		struct sftp_name name;
		assert_true(sftp_names_next(&cursor, &name));
		assert_true(slice_is(name.filename, cases[i].real));
	}
}

static struct sftp_result
homes(void *fs unused_arg, struct slice user, struct buf *ret_path)
{
	if (slice_is(user, "none"))
		return (struct sftp_result){SSH_FX_NO_SUCH_FILE, NULL};
	return sftp_result_of(buf_printf(ret_path, "/home/%.*s", SLICE_ARG(user)));
}

/* Where users have homes of their own. */
static void
test_homes(void **state unused_arg)
{
	static const struct {
		enum sftp_request_kind kind;
		const char *path, *real;
	} cases[] = {
	    {SFTP_REQ_EXPAND_PATH, "~", "/home/"},
	    {SFTP_REQ_EXPAND_PATH, "~/x", "/home//x"},
	    {SFTP_REQ_EXPAND_PATH, "~me", "/home/me"},
	    {SFTP_REQ_EXPAND_PATH, "~me/x/y", "/home/me/x/y"},
	    {SFTP_REQ_EXPAND_PATH, "~none/x", NULL},
	    {SFTP_REQ_EXPAND_PATH, "/~me", "/~me"},
	    {SFTP_REQ_HOME_DIRECTORY, "me", "/home/me"},
	    {SFTP_REQ_HOME_DIRECTORY, "", "/home/"},
	    {SFTP_REQ_HOME_DIRECTORY, "none", NULL},
	};
	struct sftp_fs_ops ops = *memfs_ops();
	char longest[SFTP_PATH_MAX + 1];
	struct session s;

	session_init(&s, false);
	sftp_server_free(s.server);
	ops.home = homes;
	assert_int_equal(sftp_server_new(&s.server, &ops, &s.fs, false), ERR_OK);
	session_greet(&s);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice path = slice_str(cases[i].path);
		struct sftp_response r =
		    ASK(&s, .kind = cases[i].kind, .id = 3, .path = path, .user = path);
		if (cases[i].real == NULL) {
			assert_status(r, SSH_FX_NO_SUCH_FILE);
			continue;
		}
		struct rd cursor = rd_of(r.names);
		struct sftp_name name;
		assert_true(sftp_names_next(&cursor, &name));
		size_t len = strlen(cases[i].real);
		/* memfs takes slashes off the end; homes come as they are. */
		while (cases[i].kind == SFTP_REQ_EXPAND_PATH && cases[i].real[len - 1] == '/')
			len--;
		assert_true(slice_equal(name.filename, slice_of(cases[i].real, len)));
	}
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "~me/", 4);
	assert_status(
	    ASK(&s, .kind = SFTP_REQ_EXPAND_PATH, .path = slice_of(longest, SFTP_PATH_MAX)),
	    SSH_FX_FAILURE);
	memset(longest, 'x', sizeof longest);
	longest[0] = '~';
	assert_status(
	    ASK(&s, .kind = SFTP_REQ_EXPAND_PATH, .path = slice_of(longest, SFTP_PATH_MAX)),
	    SSH_FX_FAILURE);
	session_fini(&s);
}

static void
test_extensions(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/a", SSH_FXF_READ);
	struct sftp_limits limits;
	struct sftp_fs_statvfs st;

	struct sftp_response r = ASK(s, .kind = SFTP_REQ_LIMITS);
	assert_int_equal(sftp_limits_get(r.extended, &limits), ERR_OK);
	assert_int_equal(limits.max_read, SFTP_READ_MAX);
	assert_int_equal(limits.max_write, SFTP_WRITE_ADVISED);
	assert_int_equal(limits.max_packet, SFTP_PACKET_MAX);
	r = ASK(s, .kind = SFTP_REQ_STATVFS, .path = slice_str("/"));
	assert_int_equal(sftp_statvfs_get(r.extended, &st), ERR_OK);
	assert_int_equal(st.f_namemax, 11);
	r = ASK(s, .kind = SFTP_REQ_FSTATVFS, .handle = session_handle(&h));
	assert_int_equal(sftp_statvfs_get(r.extended, &st), ERR_OK);
	assert_int_equal(st.f_bsize, 1);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_HARDLINK, .path = slice_str("/a"), .to = slice_str("/b")),
	    SSH_FX_OK);
	assert_int_equal(memfs_find(&s->fs, "/b")->len, 5);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_HARDLINK, .path = slice_str("/a"), .to = slice_str("/b")),
	    SSH_FX_FAILURE);
}

static void
test_users_groups(void **state)
{
	struct session *s = *state;
	static uint8_t zeros[1025 * 4];
	const struct {
		struct slice uids, gids;
		uint32_t status; /* 0: answered */
	} cases[] = {
	    {slice_of("\0\0\0\1\0\0\0\7", 8), slice_of("\0\0\0\2", 4), 0},
	    {slice_str(""), slice_str(""), 0},
	    {slice_of(zeros, 1024 * 4), slice_of(zeros, 1024 * 4), 0},
	    {slice_of(zeros, 1025 * 4), slice_str(""), SSH_FX_FAILURE},
	    {slice_str(""), slice_of(zeros, 1025 * 4), SSH_FX_FAILURE},
	    {slice_of(zeros, 7), slice_str(""), SSH_FX_BAD_MESSAGE},
	    {slice_str(""), slice_of(zeros, 1), SSH_FX_BAD_MESSAGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sftp_response r = ASK(s, .kind = SFTP_REQ_USERS_GROUPS, .id = 1,
		    .uids = cases[i].uids, .gids = cases[i].gids);
		if (cases[i].status != 0) {
			assert_status(r, cases[i].status);
			continue;
		}
		struct rd body = rd_of(r.extended);
		struct rd users = rd_of(rd_string(&body, body.left));
		struct rd groups = rd_of(rd_string(&body, body.left));
		assert_int_equal(rd_done(&body), ERR_OK);
		for (size_t n = 0; n < cases[i].uids.len / 4; n++) {
			struct slice name = rd_string(&users, users.left);
			const char *want = i > 0 ? "user-0" : n == 0 ? "user-1" : "";
			assert_true(slice_is(name, want));
		}
		for (size_t n = 0; n < cases[i].gids.len / 4; n++)
			assert_true(slice_starts_with(
			    rd_string(&groups, groups.left), slice_str("group-")));
		assert_int_equal(rd_done(&users), ERR_OK);
		assert_int_equal(rd_done(&groups), ERR_OK);
	}
}

static bool
is_offered(struct slice pairs, const char *name)
{
	struct rd r = rd_of(pairs);

	while (r.left > 0) {
		struct slice offered = rd_string(&r, r.left);
		(void)rd_string(&r, r.left);
		if (slice_is(offered, name))
			return true;
	}
	return false;
}

/* Read-only: what changes something is neither offered nor done. */
static void
test_read_only(void **state)
{
	struct session *s = *state;
	struct slice a = slice_str("/a"), b = slice_str("/b");
	struct sftp_response version = ASK(s, .kind = SFTP_REQ_INIT, .version = 3);
	const struct sftp_request refused[] = {
	    {.kind = SFTP_REQ_OPEN, .path = a, .pflags = SSH_FXF_READ | SSH_FXF_WRITE},
	    {.kind = SFTP_REQ_OPEN, .path = a, .pflags = SSH_FXF_READ | SSH_FXF_TRUNC},
	    {.kind = SFTP_REQ_OPEN, .path = b, .pflags = SSH_FXF_CREAT},
	    {.kind = SFTP_REQ_WRITE},
	    {.kind = SFTP_REQ_SETSTAT, .path = a},
	    {.kind = SFTP_REQ_FSETSTAT},
	    {.kind = SFTP_REQ_REMOVE, .path = a},
	    {.kind = SFTP_REQ_MKDIR, .path = b},
	    {.kind = SFTP_REQ_RMDIR, .path = b},
	    {.kind = SFTP_REQ_RENAME, .path = a, .to = b},
	    {.kind = SFTP_REQ_POSIX_RENAME, .path = a, .to = b},
	    {.kind = SFTP_REQ_SYMLINK, .path = a, .to = b},
	    {.kind = SFTP_REQ_LSETSTAT, .path = a},
	    {.kind = SFTP_REQ_FSYNC},
	    {.kind = SFTP_REQ_HARDLINK, .path = a, .to = b},
	    {.kind = SFTP_REQ_COPY_DATA},
	};

	assert_false(is_offered(version.pairs, SFTP_EXT_POSIX_RENAME));
	assert_false(is_offered(version.pairs, SFTP_EXT_HARDLINK));
	assert_false(is_offered(version.pairs, SFTP_EXT_COPY_DATA));
	assert_true(is_offered(version.pairs, SFTP_EXT_LIMITS));
	assert_true(is_offered(version.pairs, SFTP_EXT_CHECK_FILE));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_status(session_ask(s, &refused[i]), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(s->fs.n_changes, 0);
	(void)session_open(s, "/a", SSH_FXF_READ);
}

static void
test_version(void **state unused_arg)
{
	struct session s;

	session_init(&s, false);
	struct sftp_response r = ASK(&s, .kind = SFTP_REQ_INIT, .version = 6);
	assert_int_equal(r.version, 3);
	/* As OpenSSH's PROTOCOL has them, sections 4.3 to 4.12; and check-file. */
	static const struct {
		const char *name, *version;
	} offered[] = {
	    {"posix-rename@openssh.com", "1"},
	    {"statvfs@openssh.com", "2"},
	    {"fstatvfs@openssh.com", "2"},
	    {"hardlink@openssh.com", "1"},
	    {"fsync@openssh.com", "1"},
	    {"lsetstat@openssh.com", "1"},
	    {"limits@openssh.com", "1"},
	    {"expand-path@openssh.com", "1"},
	    {"home-directory", "1"},
	    {"users-groups-by-id@openssh.com", "1"},
	    {"copy-data", "1"},
	    {"check-file", "sha256,sha1,md5"},
	};
	struct rd pairs = rd_of(r.pairs);
	for (size_t i = 0; i < ARRAY_LEN(offered); i++) {
		assert_true(slice_is(rd_string(&pairs, pairs.left), offered[i].name));
		assert_true(slice_is(rd_string(&pairs, pairs.left), offered[i].version));
	}
	assert_int_equal(rd_done(&pairs), ERR_OK);
	session_fini(&s);
}

/* Refused by name: an answer of its own, and nothing offered. */
static void
test_refused_requests(void **state unused_arg)
{
	static const char *const names[] = {"remove", "copy-data", "limits"};
	const char *name;
	struct session s;

	session_init(&s, false);
	for (unsigned i = 0; (name = sftp_server_request_name(i)) != NULL; i++) {
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			if (strcmp(name, names[n]) == 0)
				sftp_server_refuse(s.server, i);
		}
	}
	memfs_add_file(&s.fs, "/a", "hello", 5);
	struct sftp_response r = ASK(&s, .kind = SFTP_REQ_INIT, .version = 3);
	assert_false(is_offered(r.pairs, SFTP_EXT_LIMITS));
	assert_false(is_offered(r.pairs, SFTP_EXT_COPY_DATA));
	assert_true(is_offered(r.pairs, SFTP_EXT_HARDLINK));
	assert_status(
	    ASK(&s, .kind = SFTP_REQ_REMOVE, .path = slice_str("/a")), SSH_FX_PERMISSION_DENIED);
	assert_status(ASK(&s, .kind = SFTP_REQ_LIMITS), SSH_FX_PERMISSION_DENIED);
	assert_int_equal(ASK(&s, .kind = SFTP_REQ_STAT, .path = slice_str("/a")).attrs.size, 5);
	session_fini(&s);
}

/* The caller's limits hold, are told, and don't stop what ends a wait. */
static void
test_limits(void **state unused_arg)
{
	struct session s;
	struct session_handle h[3];
	struct sftp_limits limits;
	struct sftp_response r;

	session_init(&s, false);
	sftp_server_set_limits(s.server, &(struct sftp_server_limits){3, 2});
	session_greet(&s);
	memfs_add_file(&s.fs, "/a", "hello", 5);
	r = ASK(&s, .kind = SFTP_REQ_LIMITS);
	assert_int_equal(sftp_limits_get(r.extended, &limits), ERR_OK);
	assert_int_equal(limits.max_handles, 3);
	for (size_t i = 0; i < 3; i++)
		h[i] = session_open(&s, "/a", SSH_FXF_READ);
	assert_status(ASK(&s, .kind = SFTP_REQ_OPENDIR, .path = slice_str("/")), SSH_FX_FAILURE);
	s.fs.close = MEMFS_CLOSE_LATER;
	for (uint32_t i = 0; i < 3; i++)
		session_put(
		    &s, &(struct sftp_request){
			    .kind = SFTP_REQ_CLOSE, .id = i, .handle = session_handle(&h[i])});
	assert_int_equal(session_work(&s), ERR_OK);
	/* The third waits in front of the engine until one of the others was answered. */
	assert_int_equal(s.fs.n_waiting, 2);
	assert_true(buf_len(&s.sent) > 0);
	memfs_complete(&s.fs, 0, SSH_FX_OK);
	assert_int_equal(session_work(&s), ERR_OK);
	assert_int_equal(s.fs.n_waiting, 2);
	assert_int_equal(buf_len(&s.sent), 0);
	for (uint32_t i = 0; i < 3; i++) {
		if (i > 0)
			memfs_complete(&s.fs, 0, SSH_FX_OK);
		assert_true(session_next(&s, &r));
		assert_int_equal(r.id, i);
	}
	session_fini(&s);
}

/* Memory that is given back is got again; what is in use stays. */
static void
test_trim(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/a", SSH_FXF_READ);
	struct sftp_response r;
	size_t taken;

	session_put(s, &(struct sftp_request){.kind = SFTP_REQ_STAT, .path = slice_str("/a")});
	assert_int_equal(session_feed(s), ERR_OK);
	sftp_server_trim(s->server);
	assert_true(session_next(s, &r));
	/* Half a packet. */
	session_put(s, &(struct sftp_request){.kind = SFTP_REQ_STAT, .path = slice_str("/a")});
	assert_int_equal(sftp_server_feed(s->server, buf_slice(&s->sent).ptr, 7, &taken), ERR_OK);
	buf_consume(&s->sent, taken);
	sftp_server_trim(s->server);
	assert_int_equal(session_feed(s), ERR_OK);
	assert_true(session_next(s, &r));
	assert_int_equal(r.attrs.size, 5);
	r = ASK(s, .kind = SFTP_REQ_READ, .handle = session_handle(&h), .length = 9);
	assert_true(slice_is(r.data, "hello"));
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&h)), SSH_FX_OK);
	sftp_server_trim(s->server);
	assert_null(sftp_server_output(s->server)->mem);
	(void)session_open(s, "/a", SSH_FXF_READ);
}

/* An operation that the file system hasn't: not offered, and refused. */
static void
test_missing_operations(void **state unused_arg)
{
	struct sftp_fs_ops ops = *memfs_ops();
	struct session s;

	session_init(&s, false);
	sftp_server_free(s.server);
	ops.lsetstat = NULL;
	ops.symlink = NULL;
	ops.peek = NULL;
	assert_int_equal(sftp_server_new(&s.server, &ops, &s.fs, false), ERR_OK);
	struct sftp_response r = ASK(&s, .kind = SFTP_REQ_INIT, .version = 3);
	assert_false(is_offered(r.pairs, SFTP_EXT_LSETSTAT));
	assert_false(is_offered(r.pairs, SFTP_EXT_CHECK_FILE));
	assert_status(ASK(&s, .kind = SFTP_REQ_LSETSTAT), SSH_FX_OP_UNSUPPORTED);
	assert_status(ASK(&s, .kind = SFTP_REQ_CHECK_FILE_NAME), SSH_FX_OP_UNSUPPORTED);
	assert_status(ASK(&s, .kind = SFTP_REQ_SYMLINK), SSH_FX_OP_UNSUPPORTED);
	session_fini(&s);
}

/* What ends a session, and what is merely refused. */
static void
test_bad_packets(void **state unused_arg)
{
	static const struct {
		bool greeted;
		struct slice bytes;
		enum err err;
		uint32_t status;
	} cases[] = {
#define P(text) {(const uint8_t *)(text), sizeof(text) - 1}
	    {false, P("\0\0\0\6\13\0\0\0\1"), ERR_OK, 0}, /* only a part: nothing yet */
	    {false, P("\0\0\0\12\13\0\0\0\1\0\0\0\1/"), ERR_FORMAT, 0}, /* before INIT */
	    {false, P("\0\0\0\5\377\0\0\0\1"), ERR_FORMAT, 0},
	    {false, P("\0\0\0\4\1\0\0\0"), ERR_FORMAT, 0},  /* a cut INIT */
	    {true, P("\0\0\0\5\1\0\0\0\3"), ERR_FORMAT, 0}, /* a second INIT */
	    {true, P("\0\0\0\0"), ERR_FORMAT, 0},
	    {true, P("\0\4\0\1"), ERR_FORMAT, 0},
	    {true, P("\0\0\0\4\13\0\0\0"), ERR_FORMAT, 0}, /* no id to answer to */
	    {true, P("\0\0\0\5\377\0\0\0\1"), ERR_OK, SSH_FX_OP_UNSUPPORTED},
	    {true, P("\0\0\0\11\310\0\0\0\1\0\0\0\0"), ERR_OK, SSH_FX_OP_UNSUPPORTED},
	    {true, P("\0\0\0\5\13\0\0\0\1"), ERR_OK, SSH_FX_BAD_MESSAGE},
	    {true, P("\0\0\0\12\13\0\0\0\1\0\0\0\2/"), ERR_OK, SSH_FX_BAD_MESSAGE},
	    {true, P("\0\0\0\13\13\0\0\0\1\0\0\0\1/x"), ERR_OK, SSH_FX_BAD_MESSAGE},
	    {true, P("\0\0\0\12\13\0\0\0\1\0\0\0\1\0"), ERR_OK, SSH_FX_BAD_MESSAGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session s;
		struct sftp_response r;
		size_t taken;
		session_init(&s, false);
		if (cases[i].greeted)
			session_greet(&s);
		struct slice bytes = cases[i].bytes;
		assert_int_equal(
		    sftp_server_feed(s.server, bytes.ptr, bytes.len, &taken), cases[i].err);
		if (cases[i].status == 0)
			assert_false(session_next(&s, &r));
		else if (session_next(&s, &r))
			assert_status(r, cases[i].status);
		else
			fail();
		/* A broken session stays broken. */
		assert_int_equal(sftp_server_feed(s.server, bytes.ptr, 0, &taken), cases[i].err);
		session_fini(&s);
	}
}

/* The one packet that an honest client may come by. */
static void
test_path_too_long(void **state)
{
	uint8_t packet[13 + SFTP_PATH_MAX + 1] = {0, 0, 0x10, 10, SSH_FXP_OPENDIR, 0, 0, 0, 1};
	struct session *s = *state;
	struct sftp_response r;
	size_t taken;

	packet[11] = (SFTP_PATH_MAX + 1) >> 8;
	packet[12] = (SFTP_PATH_MAX + 1) & 0xff;
	memset(packet + 13, 'n', SFTP_PATH_MAX + 1);
	assert_int_equal(sftp_server_feed(s->server, packet, sizeof packet, &taken), ERR_OK);
	assert_true(session_next(s, &r));
	assert_status(r, SSH_FX_BAD_MESSAGE);
	assert_true(slice_is(r.message, "the request is malformed, or its path is too long"));
	/* One that is just short enough goes to the file system. */
	memset(packet + 13, '/', SFTP_PATH_MAX);
	assert_int_equal(
	    ASK(s, .kind = SFTP_REQ_STAT, .path = slice_of(packet + 13, SFTP_PATH_MAX)).type,
	    SSH_FXP_ATTRS);
}

static void
test_handles(void **state)
{
	struct session *s = *state;
	struct session_handle file = session_open(s, "/a", SSH_FXF_READ);
	struct session_handle dir = session_opendir(s, "/");
	static const enum sftp_request_kind of_file[] = {SFTP_REQ_READ, SFTP_REQ_WRITE,
	    SFTP_REQ_FSTAT, SFTP_REQ_FSETSTAT, SFTP_REQ_FSYNC, SFTP_REQ_FSTATVFS};

	/* Each kind of request takes its own kind of handle only. */
	for (size_t i = 0; i < ARRAY_LEN(of_file); i++)
		assert_status(
		    ASK(s, .kind = of_file[i], .handle = session_handle(&dir)), SSH_FX_FAILURE);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_READDIR, .handle = session_handle(&file)), SSH_FX_FAILURE);
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = slice_str("")), SSH_FX_FAILURE);
	/* Closed is closed, also when the slot lives again. */
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&file)), SSH_FX_OK);
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&dir)), SSH_FX_OK);
	(void)session_open(s, "/a", SSH_FXF_READ);
	(void)session_opendir(s, "/");
	for (size_t i = 0; i < ARRAY_LEN(of_file); i++)
		assert_status(
		    ASK(s, .kind = of_file[i], .handle = session_handle(&file)), SSH_FX_FAILURE);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&file)), SSH_FX_FAILURE);
	assert_status(
	    ASK(s, .kind = SFTP_REQ_READDIR, .handle = session_handle(&dir)), SSH_FX_FAILURE);
}

static void
test_handle_limit(void **state)
{
	struct session *s = *state;
	struct session_handle h = {{0}};

	for (size_t i = 0; i < SFTP_HANDLES_MAX; i++)
		h = i % 2 == 0 ? session_open(s, "/a", SSH_FXF_READ) : session_opendir(s, "/");
	assert_status(
	    ASK(s, .kind = SFTP_REQ_OPEN, .path = slice_str("/a"), .pflags = 1), SSH_FX_FAILURE);
	assert_status(ASK(s, .kind = SFTP_REQ_OPENDIR, .path = slice_str("/")), SSH_FX_FAILURE);
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&h)), SSH_FX_OK);
	(void)session_open(s, "/a", SSH_FXF_READ);
}

/* Closes wait, are completed out of order, and do not hold up what comes behind them. */
static void
test_pending_close(void **state)
{
	struct session *s = *state;
	struct session_handle h[3];
	struct sftp_response r;

	s->fs.close = MEMFS_CLOSE_LATER;
	for (uint32_t i = 0; i < 3; i++) {
		h[i] = session_open(s, "/a", SSH_FXF_READ);
		session_put(
		    s, &(struct sftp_request){
			   .kind = SFTP_REQ_CLOSE, .id = 10 + i, .handle = session_handle(&h[i])});
		assert_int_equal(session_feed(s), ERR_OK);
	}
	assert_false(session_next(s, &r));
	assert_false(sftp_server_idle(s->server));
	/* The handle is invalid at once, and others' requests are answered. */
	assert_status(ASK(s, .kind = SFTP_REQ_READ, .id = 20, .handle = session_handle(&h[0])),
	    SSH_FX_FAILURE);
	assert_int_equal(
	    ASK(s, .kind = SFTP_REQ_STAT, .id = 21, .path = slice_str("/a")).type, SSH_FXP_ATTRS);
	static const struct {
		size_t which;
		uint32_t id, status;
	} order[] = {{1, 11, SSH_FX_OK}, {1, 12, SSH_FX_FAILURE}, {0, 10, SSH_FX_OK}};
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		memfs_complete(&s->fs, order[i].which, order[i].status);
		assert_true(session_next(s, &r));
		assert_int_equal(r.id, order[i].id);
		assert_status(r, order[i].status);
	}
	assert_true(sftp_server_idle(s->server));
}

static void
test_close_completed_inside(void **state)
{
	struct session *s = *state;

	s->fs.close = MEMFS_CLOSE_INSIDE;
	for (size_t i = 0; i < 3; i++) {
		struct session_handle h = session_open(s, "/a", SSH_FXF_READ);
		assert_status(
		    ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&h)), SSH_FX_OK);
	}
	assert_true(sftp_server_idle(s->server));
}

/* One id for two CLOSEs: hostile, but each is answered, and the right file is ended. */
static void
test_pending_close_same_id(void **state)
{
	struct session *s = *state;
	struct session_handle first = session_open(s, "/a", SSH_FXF_READ);
	struct session_handle second = session_open(s, "/a", SSH_FXF_READ);
	struct sftp_response r;

	s->fs.close = MEMFS_CLOSE_LATER;
	session_put(
	    s, &(struct sftp_request){.kind = SFTP_REQ_CLOSE, .handle = session_handle(&first)});
	assert_int_equal(session_feed(s), ERR_OK);
	s->fs.close = MEMFS_CLOSE_INSIDE;
	assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&second)), SSH_FX_OK);
	assert_false(sftp_server_idle(s->server));
	memfs_complete(&s->fs, 0, SSH_FX_OK);
	assert_true(session_next(s, &r));
	assert_false(session_next(s, &r));
}

/* Files that are open or closing when the connection ends are abandoned, not closed. */
static void
test_abandon(void **state unused_arg)
{
	struct session s;

	session_init(&s, false);
	session_greet(&s);
	memfs_add_file(&s.fs, "/a", "hello", 5);
	(void)session_open(&s, "/a", SSH_FXF_READ);
	(void)session_opendir(&s, "/");
	struct session_handle h = session_open(&s, "/a", SSH_FXF_READ);
	s.fs.close = MEMFS_CLOSE_LATER;
	session_put(
	    &s, &(struct sftp_request){.kind = SFTP_REQ_CLOSE, .handle = session_handle(&h)});
	assert_int_equal(session_feed(&s), ERR_OK);
	sftp_server_free(s.server);
	s.server = NULL;
	assert_int_equal(s.fs.n_abandoned, 2);
	assert_int_equal(s.fs.n_closed, 0);
	assert_int_equal(s.fs.n_files_open, 0);
	assert_int_equal(s.fs.n_dirs_open, 0);
	assert_int_equal(s.fs.n_waiting, 0);
	session_fini(&s);
}

/* A big directory comes in several answers, whole; the end is asked for once (memfs checks it). */
static void
test_readdir(void **state)
{
	struct session *s = *state;
	static const uint32_t ends[] = {0, SSH_FX_PERMISSION_DENIED};

	s->fs.n_extra = 5000;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct session_handle h = session_opendir(s, "/");
		size_t n_names = 0, n_answers = 0;
		struct sftp_response r;
		s->fs.end_with = ends[i];
		while ((r = ASK(s, .kind = SFTP_REQ_READDIR, .handle = session_handle(&h))).type ==
		       SSH_FXP_NAME) {
			n_names += r.n_names;
			n_answers++;
			assert_true(r.names.len <= 48 * 1024);
		}
		assert_int_equal(n_names, 5001);
		assert_in_range(n_answers, 5, 50);
		uint32_t end = ends[i] == 0 ? SSH_FX_EOF : ends[i];
		assert_status(r, end);
		assert_status(ASK(s, .kind = SFTP_REQ_READDIR, .handle = session_handle(&h)), end);
	}
}

static void
test_empty_directory(void **state)
{
	struct session *s = *state;
	memfs_add_dir(&s->fs, "/empty");
	struct session_handle h = session_opendir(s, "/empty");

	assert_status(ASK(s, .kind = SFTP_REQ_READDIR, .handle = session_handle(&h)), SSH_FX_EOF);
}

/* A client that asks and doesn't read: the output stays bounded, and nothing is lost. */
static void
test_backpressure(void **state)
{
	struct session *s = *state;
	struct sftp_response r;
	uint32_t n_answers = 0;

	memfs_add_file(&s->fs, "/big", NULL, 1024 * 1024);
	struct session_handle h = session_open(s, "/big", SSH_FXF_READ);
	for (uint32_t i = 0; i < 200; i++)
		session_put(s, &(struct sftp_request){.kind = SFTP_REQ_READ,
				   .id = i,
				   .handle = session_handle(&h),
				   .offset = i,
				   .length = SFTP_READ_MAX});
	while (n_answers < 200) {
		assert_int_equal(session_feed(s), ERR_OK);
		assert_true(buf_len(sftp_server_output(s->server)) <= 1024 * 1024);
		assert_true(session_next(s, &r));
		assert_int_equal(r.id, n_answers);
		assert_int_equal(r.data.len, SFTP_READ_MAX);
		assert_int_equal(r.data.ptr[0], memfs_byte(n_answers));
		assert_int_equal(
		    r.data.ptr[SFTP_READ_MAX - 1], memfs_byte(n_answers + SFTP_READ_MAX - 1));
		n_answers++;
	}
	assert_int_equal(buf_len(&s->sent), 0);
	assert_false(session_next(s, &r));
}

/* One conversation, fed in pieces of every length: the answers are the same bytes. */
static void
test_every_split(void **state unused_arg)
{
	struct buf first;
	buf_init(&first, 1 << 20);

	for (size_t step = 0; step < 200; step++) {
		struct session s;
		session_init(&s, false);
		memfs_add_file(&s.fs, "/a", "hello", 5);
		session_put(&s, &(struct sftp_request){.kind = SFTP_REQ_INIT, .version = 3});
		session_put(&s, &(struct sftp_request){.kind = SFTP_REQ_OPEN,
				    .id = 1,
				    .path = slice_str("/a"),
				    .pflags = SSH_FXF_WRITE});
		/* The engine's first handle, as it is known to be. */
		struct slice h = slice_of("\0\0\0\0\0\0\0\1", 8);
		session_put(
		    &s, &(struct sftp_request){
			    .kind = SFTP_REQ_WRITE, .id = 2, .handle = h, .data = slice_str("HE")});
		session_put(&s, &(struct sftp_request){
				    .kind = SFTP_REQ_READ, .id = 3, .handle = h, .length = 10});
		session_put(
		    &s, &(struct sftp_request){.kind = SFTP_REQ_CLOSE, .id = 4, .handle = h});
		struct slice all = buf_slice(&s.sent);
		size_t taken, each = step == 0 ? all.len : step;
		for (size_t at = 0; at < all.len; at += taken) {
			size_t len = all.len - at < each ? all.len - at : each;
			assert_int_equal(
			    sftp_server_feed(s.server, all.ptr + at, len, &taken), ERR_OK);
			assert_int_equal(taken, len);
		}
		struct slice out = buf_slice(sftp_server_output(s.server));
		if (step == 0)
			assert_int_equal(buf_put(&first, out.ptr, out.len), ERR_OK);
		assert_true(slice_equal(out, buf_slice(&first)));
		assert_memory_equal(memfs_find(&s.fs, "/a")->data, "HEllo", 5);
		session_fini(&s);
	}
	buf_fini(&first);
}

#define WITH_SESSION(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SESSION(test_reads),
	    WITH_SESSION(test_read_cap),
	    WITH_SESSION(test_writes),
	    WITH_SESSION(test_paths),
	    WITH_SESSION(test_real_paths),
	    cmocka_unit_test(test_homes),
	    WITH_SESSION(test_extensions),
	    WITH_SESSION(test_users_groups),
	    cmocka_unit_test_setup_teardown(test_read_only, setup_read_only, teardown),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_refused_requests),
	    cmocka_unit_test(test_limits),
	    WITH_SESSION(test_trim),
	    cmocka_unit_test(test_missing_operations),
	    cmocka_unit_test(test_bad_packets),
	    WITH_SESSION(test_path_too_long),
	    WITH_SESSION(test_handles),
	    WITH_SESSION(test_handle_limit),
	    WITH_SESSION(test_pending_close),
	    WITH_SESSION(test_close_completed_inside),
	    WITH_SESSION(test_pending_close_same_id),
	    cmocka_unit_test(test_abandon),
	    WITH_SESSION(test_readdir),
	    WITH_SESSION(test_empty_directory),
	    WITH_SESSION(test_backpressure),
	    cmocka_unit_test(test_every_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
