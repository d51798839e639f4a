/* copy-data and check-file: what is done piece by piece, beside other requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "sftp/session.h"

enum { MIB = 1024 * 1024, BIG = 12 * MIB };

static int
setup(void **state)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -1;
	session_init(s, false);
	session_greet(s);
	memfs_add_file(&s->fs, "/a", "hello", 5);
	memfs_add_file(&s->fs, "/big", NULL, BIG);
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

static struct sftp_request
copy_request(const struct session_handle *from, uint64_t offset, uint64_t length,
    const struct session_handle *to, uint64_t to_offset)
{
	return (struct sftp_request){
	    .kind = SFTP_REQ_COPY_DATA,
	    .id = 5,
	    .handle = session_handle(from),
	    .offset = offset,
	    .range_length = length,
	    .to_handle = session_handle(to),
	    .to_offset = to_offset,
	};
}

static void
test_copies(void **state)
{
	struct session *s = *state;
	struct session_handle from = session_open(s, "/a", SSH_FXF_READ);
	static const struct {
		uint64_t offset, length, to_offset;
		uint32_t status;
		const char *content; /* of the target, which is "12345678" before */
	} cases[] = {
	    {0, 0, 0, SSH_FX_OK, "hello678"},
	    {0, 5, 0, SSH_FX_OK, "hello678"},
	    {1, 3, 6, SSH_FX_OK, "123456ell"},
	    {3, 0, 8, SSH_FX_OK, "12345678lo"},
	    {5, 0, 0, SSH_FX_OK, "12345678"}, /* nothing behind the end */
	    {99, 0, 0, SSH_FX_OK, "12345678"},
	    {0, 6, 0, SSH_FX_EOF, "hello678"}, /* what there is was copied */
	    {5, 1, 0, SSH_FX_EOF, "12345678"},
	    {0, UINT64_MAX, 0, SSH_FX_FAILURE, "12345678"},
	    {UINT64_MAX, 1, 0, SSH_FX_FAILURE, "12345678"},
	    {0, 1, UINT64_MAX, SSH_FX_FAILURE, "12345678"},
	    {0, 1, INT64_MAX, SSH_FX_FAILURE, "12345678"},
	};

	for (size_t most = 0; most < 4; most++) {
		s->fs.read_most = most;
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			memfs_add_file(&s->fs, "/to", "12345678", 8);
			struct session_handle to = session_open(s, "/to", SSH_FXF_WRITE);
			struct sftp_request r = copy_request(
			    &from, cases[i].offset, cases[i].length, &to, cases[i].to_offset);
			assert_status(session_ask(s, &r), cases[i].status);
			struct memfs_node *node = memfs_find(&s->fs, "/to");
			assert_true(slice_is(slice_of(node->data, node->len), cases[i].content));
			assert_status(ASK(s, .kind = SFTP_REQ_CLOSE, .handle = session_handle(&to)),
			    SSH_FX_OK);
			assert_status(
			    ASK(s, .kind = SFTP_REQ_REMOVE, .path = slice_str("/to")), SSH_FX_OK);
		}
	}
}

/* Within one handle: ranges that overlap are refused, and nothing is written. */
static void
test_copy_overlap(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/a", SSH_FXF_READ | SSH_FXF_WRITE);
	static const struct {
		uint64_t offset, length, to_offset;
		uint32_t status;
		const char *content;
	} cases[] = {
	    {0, 0, 0, SSH_FX_FAILURE, "hello"},
	    {0, 0, 4, SSH_FX_FAILURE, "hello"},
	    {4, 0, 4, SSH_FX_FAILURE, "hello"},
	    {1, 2, 0, SSH_FX_FAILURE, "hello"},
	    {0, 2, 1, SSH_FX_FAILURE, "hello"},
	    {0, UINT64_C(1) << 40, 5, SSH_FX_FAILURE, "hello"},
	    {3, 0, 0, SSH_FX_OK, "lollo"},
	    {0, 2, 3, SSH_FX_OK, "lollo"},
	    {0, 0, 5, SSH_FX_OK,
		"lollololl" /* and the end stays where it was */
		"o"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sftp_request r =
		    copy_request(&h, cases[i].offset, cases[i].length, &h, cases[i].to_offset);
		assert_status(session_ask(s, &r), cases[i].status);
		struct memfs_node *node = memfs_find(&s->fs, "/a");
		assert_true(slice_is(slice_of(node->data, node->len), cases[i].content));
	}
}

static void
test_copy_handles(void **state)
{
	struct session *s = *state;
	struct session_handle file = session_open(s, "/a", SSH_FXF_READ);
	struct session_handle again = session_open(s, "/a", SSH_FXF_WRITE);
	struct session_handle dir = session_opendir(s, "/");
	struct session_handle none = {{0xff}};
	const struct session_handle *bad[][2] = {
	    {&file, &dir}, {&dir, &file}, {&file, &none}, {&none, &file}, {&none, &none}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sftp_request r = copy_request(bad[i][0], 0, 0, bad[i][1], 100);
		assert_status(session_ask(s, &r), SSH_FX_FAILURE);
	}
	/* The file system's own refusal. */
	struct sftp_request r = copy_request(&file, 0, 0, &again, 0);
	assert_status(session_ask(s, &r), SSH_FX_FAILURE);
	assert_true(sftp_server_idle(s->server));
}

/* While a copy is under way others are answered; what is about its files waits, in order. */
static void
test_copy_beside_others(void **state)
{
	struct session *s = *state;
	struct session_handle from = session_open(s, "/big", SSH_FXF_READ);
	struct session_handle to = session_open(s, "/to", SSH_FXF_WRITE | SSH_FXF_CREAT);
	struct session_handle other = session_open(s, "/a", SSH_FXF_READ);
	struct sftp_request copy = copy_request(&from, 0, 0, &to, 0);
	struct sftp_response r;

	s->fs.read_most = MIB;
	session_put(s, &copy);
	session_put(
	    s, &(struct sftp_request){
		   .kind = SFTP_REQ_READ, .id = 6, .handle = session_handle(&other), .length = 9});
	session_put(s,
	    &(struct sftp_request){.kind = SFTP_REQ_FSTAT, .id = 7, .handle = session_handle(&to)});
	session_put(s,
	    &(struct sftp_request){.kind = SFTP_REQ_CLOSE, .id = 8, .handle = session_handle(&to)});
	session_put(s, &(struct sftp_request){.kind = SFTP_REQ_LIMITS, .id = 9});
	assert_int_equal(session_feed(s), ERR_OK);
	assert_true(sftp_server_has_work(s->server));
	assert_false(sftp_server_idle(s->server));
	assert_true(session_next(s, &r));
	assert_int_equal(r.id, 6);
	assert_false(session_next(s, &r));
	assert_int_equal(session_work(s), ERR_OK);
	assert_int_equal(s->fs.n_copies, BIG / MIB);
	for (uint32_t id = 5; id <= 9; id++) {
		if (id == 6)
			continue;
		assert_true(session_next(s, &r));
		assert_int_equal(r.id, id);
		if (id == 7)
			assert_int_equal(r.attrs.size, BIG);
	}
	assert_true(sftp_server_idle(s->server));
	struct memfs_node *node = memfs_find(&s->fs, "/to");
	for (size_t i = 0; i < BIG; i++)
		assert_int_equal(node->data[i], memfs_byte(i));
}

/* The same, with bytes that arrive one by one: the request that waits was put together. */
static void
test_copy_holds_in_pieces(void **state)
{
	struct session *s = *state;
	struct session_handle from = session_open(s, "/big", SSH_FXF_READ);
	struct session_handle to = session_open(s, "/to", SSH_FXF_WRITE | SSH_FXF_CREAT);
	struct sftp_request copy = copy_request(&from, 0, 0, &to, 0);
	struct sftp_response r;
	size_t taken;

	s->fs.read_most = 100 * 1024;
	session_put(s, &copy);
	session_put(s,
	    &(struct sftp_request){.kind = SFTP_REQ_CLOSE, .id = 6, .handle = session_handle(&to)});
	session_put(s, &(struct sftp_request){.kind = SFTP_REQ_LIMITS, .id = 7});
	while (buf_len(&s->sent) > 0) {
		assert_int_equal(
		    sftp_server_feed(s->server, buf_slice(&s->sent).ptr, 1, &taken), ERR_OK);
		buf_consume(&s->sent, taken);
	}
	for (uint32_t id = 5; id <= 7; id++) {
		assert_true(session_next(s, &r));
		assert_int_equal(r.id, id);
	}
	assert_int_equal(memfs_find(&s->fs, "/to")->len, BIG);
}

/* No more than so many at once, each in turn, and all are answered. */
static void
test_many_jobs(void **state)
{
	struct session *s = *state;
	struct sftp_response r;
	bool seen[40] = {false};

	s->fs.read_most = 8192;
	for (uint32_t id = 0; id < 40; id++)
		session_put(s, &(struct sftp_request){.kind = SFTP_REQ_CHECK_FILE_NAME,
				   .id = id,
				   .path = slice_str(id % 2 == 0 ? "/big" : "/a"),
				   .algorithms = slice_str("md5")});
	assert_int_equal(session_feed(s), ERR_OK);
	assert_true(s->fs.n_files_open <= 16);
	assert_true(buf_len(&s->sent) > 0);
	assert_int_equal(session_work(s), ERR_OK);
	for (uint32_t n = 0; n < 40; n++) {
		assert_true(session_next(s, &r));
		assert_int_equal(r.type, SSH_FXP_EXTENDED_REPLY);
		assert_false(seen[r.id]);
		seen[r.id] = true;
		/* The short ones don't wait for the long ones. */
		if (n < 8)
			assert_int_equal(r.id % 2, 1);
	}
	assert_int_equal(s->fs.n_files_open, 0);
}

/* The connection ends in the middle of them. */
static void
test_jobs_are_dropped(void **state)
{
	struct session *s = *state;
	struct session_handle from = session_open(s, "/big", SSH_FXF_READ);
	struct session_handle to = session_open(s, "/to", SSH_FXF_WRITE | SSH_FXF_CREAT);
	struct sftp_request copy = copy_request(&from, 0, 0, &to, 0);

	s->fs.read_most = 4096;
	session_put(s, &copy);
	session_put(s, &(struct sftp_request){.kind = SFTP_REQ_CHECK_FILE_NAME,
			   .path = slice_str("/big"),
			   .algorithms = slice_str("sha256")});
	assert_int_equal(session_feed(s), ERR_OK);
	assert_int_equal(s->fs.n_files_open, 3);
	sftp_server_free(s->server);
	s->server = NULL;
	assert_int_equal(s->fs.n_files_open, 0);
	assert_int_equal(s->fs.n_abandoned, 3);
}

static void
put_digest(struct buf *b, const EVP_MD *md, struct slice bytes)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;

	assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, digest, &len, md, NULL), 1);
	assert_int_equal(buf_put(b, digest, len), ERR_OK);
}

/* What the draft says the reply is, reckoned in one go from the file's content. */
static void
put_expected(struct buf *b, const struct sftp_request *r, const char *name, const EVP_MD *md,
    struct slice range)
{
	size_t block = r->block_size == 0 ? range.len : r->block_size;

	if (r->kind == SFTP_REQ_CHECK_FILE)
		assert_int_equal(buf_put_string(b, slice_str("check-file")), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str(name)), ERR_OK);
	if (r->block_size == 0)
		put_digest(b, md, range);
	while (r->block_size != 0 && range.len > 0) {
		size_t len = range.len < block ? range.len : block;
		put_digest(b, md, slice_of(range.ptr, len));
		range = slice_of(range.ptr + len, range.len - len);
	}
}

static void
test_hashes(void **state)
{
	struct session *s = *state;
	struct memfs_node *big = memfs_find(&s->fs, "/big");
	struct session_handle h = session_open(s, "/big", SSH_FXF_READ);
	static const enum sftp_request_kind kinds[] = {
	    SFTP_REQ_CHECK_FILE, SFTP_REQ_CHECK_FILE_HANDLE, SFTP_REQ_CHECK_FILE_NAME};
	static const struct {
		const char *wanted, *used;
		uint64_t offset, length;
		uint32_t block_size;
		uint64_t hashed; /* bytes */
	} cases[] = {
	    {"sha256", "sha256", 0, 0, 0, BIG},
	    {"sha1,sha256", "sha1", 0, 0, 0, BIG},
	    {"sha512,crc32,md5,sha1", "md5", 1, 0, 0, BIG - 1},
	    {"md5", "md5", 100, 1000, 0, 1000},
	    {"md5", "md5", BIG - 10, 1000, 0, 10},
	    {"md5", "md5", BIG, 0, 0, 0},
	    {"md5", "md5", BIG, 0, 256, 0},
	    {"sha1", "sha1", 0, UINT64_MAX, 65536, BIG},
	    {"sha1", "sha1", 7, 100000, 256, 100000},
	    {"sha256", "sha256", 7, 512, 256, 512},
	    {"sha256", "sha256", 7, 513, 256, 513},
	    {"sha256", "sha256", 0, 0, UINT32_MAX, BIG},
	    {"sha256", "sha256", 0, 0, 100000, BIG},
	};
	struct buf expected;

	buf_init(&expected, SFTP_PACKET_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(kinds); i++) {
		size_t c = i / ARRAY_LEN(kinds);
		struct sftp_request request = {
		    .kind = kinds[i % ARRAY_LEN(kinds)],
		    .id = 7,
		    .handle = session_handle(&h),
		    .path = slice_str("/big"),
		    .algorithms = slice_str(cases[c].wanted),
		    .offset = cases[c].offset,
		    .range_length = cases[c].length,
		    .block_size = cases[c].block_size,
		};
		s->fs.read_most = i % 2 * 7777;
		struct sftp_response r = session_ask(s, &request);
		assert_int_equal(r.type, SSH_FXP_EXTENDED_REPLY);
		buf_clear(&expected);
		put_expected(&expected, &request, cases[c].used,
		    EVP_get_digestbyname(cases[c].used),
		    slice_of(big->data + cases[c].offset, (size_t)cases[c].hashed));
		assert_true(slice_equal(r.extended, buf_slice(&expected)));
	}
	buf_fini(&expected);
	/* To be hashed is not to be read, and what was opened for it was not closed as read. */
	assert_int_equal(s->fs.n_reads, 0);
	assert_int_equal(s->fs.n_closed, 0);
	assert_int_equal(s->fs.n_files_open, 1);
}

static void
test_hashes_refused(void **state)
{
	struct session *s = *state;
	struct session_handle h = session_open(s, "/big", SSH_FXF_READ);
	struct session_handle dir = session_opendir(s, "/");
	struct slice big = slice_str("/big"), sha256 = slice_str("sha256"), hs = session_handle(&h);
	const struct {
		struct sftp_request r;
		uint32_t status;
	} cases[] = {
	    {{.kind = SFTP_REQ_CHECK_FILE_HANDLE, .handle = hs}, SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_HANDLE, .handle = hs, .algorithms = slice_str("sha512,")},
		SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_HANDLE, .handle = hs, .algorithms = slice_str("sha25")},
		SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_HANDLE,
		 .handle = session_handle(&dir),
		 .algorithms = sha256},
		SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME,
		 .path = big,
		 .algorithms = sha256,
		 .block_size = 255},
		SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME, .path = big, .algorithms = sha256, .block_size = 1},
		SSH_FX_FAILURE},
	    /* Its hashes would not fit one packet. */
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME,
		 .path = big,
		 .algorithms = sha256,
		 .block_size = 256},
		SSH_FX_FAILURE},
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME,
		 .path = big,
		 .algorithms = sha256,
		 .offset = BIG + 1},
		SSH_FX_EOF},
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME, .path = slice_str("/none"), .algorithms = sha256},
		SSH_FX_NO_SUCH_FILE},
	    {{.kind = SFTP_REQ_CHECK_FILE_NAME, .path = slice_str("/"), .algorithms = sha256},
		SSH_FX_FAILURE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_status(session_ask(s, &cases[i].r), cases[i].status);
	assert_int_equal(s->fs.n_files_open, 1);
	assert_true(sftp_server_idle(s->server));
}

/* The longest list of hashes fits its packet, whichever of the two limits comes first. */
static void
test_longest_reply(void **state)
{
	struct session *s = *state;

	for (uint64_t n_blocks = 8185; n_blocks < 8195; n_blocks++) {
		struct sftp_response r = ASK(s, .kind = SFTP_REQ_CHECK_FILE_NAME,
		    .path = slice_str("/big"), .algorithms = slice_str("sha256"),
		    .range_length = n_blocks * 256, .block_size = 256);
		if (r.type == SSH_FXP_STATUS)
			assert_status(r, SSH_FX_FAILURE);
		else
			assert_int_equal(r.extended.len, 4 + 6 + n_blocks * 32);
		assert_int_equal(r.type == SSH_FXP_STATUS, n_blocks >= 8190);
	}
}

/* A file that becomes shorter while it is hashed ends where it ends then. */
static void
test_hash_of_shrinking_file(void **state)
{
	struct session *s = *state;
	struct buf expected;
	struct sftp_response r;

	s->fs.read_most = 4096;
	const struct sftp_request request = {.kind = SFTP_REQ_CHECK_FILE_NAME,
	    .id = 3,
	    .path = slice_str("/big"),
	    .algorithms = slice_str("sha1")};
	session_put(s, &request);
	assert_int_equal(session_feed(s), ERR_OK);
	memfs_find(&s->fs, "/big")->len = MIB;
	assert_int_equal(session_work(s), ERR_OK);
	assert_true(session_next(s, &r));
	buf_init(&expected, 1024);
	put_expected(&expected, &request, "sha1", EVP_sha1(),
	    slice_of(memfs_find(&s->fs, "/big")->data, MIB));
	assert_true(slice_equal(r.extended, buf_slice(&expected)));
	buf_fini(&expected);
}

/* A client that doesn't read gets no more work done for it than the output holds. */
static void
test_jobs_backpressure(void **state)
{
	struct session *s = *state;
	struct sftp_response r;
	uint32_t n_answers = 0;

	for (uint32_t id = 0; id < 60; id++)
		session_put(s, &(struct sftp_request){.kind = SFTP_REQ_CHECK_FILE_NAME,
				   .id = id,
				   .path = slice_str("/big"),
				   .algorithms = slice_str("sha256"),
				   .range_length = 8000 * 256,
				   .block_size = 256});
	assert_int_equal(session_work(s), ERR_OK);
	assert_true(buf_len(sftp_server_output(s->server)) <= MIB);
	assert_false(sftp_server_has_work(s->server));
	while (n_answers < 60) {
		assert_true(session_next(s, &r));
		assert_int_equal(r.type, SSH_FXP_EXTENDED_REPLY);
		n_answers++;
		assert_int_equal(session_work(s), ERR_OK);
	}
	assert_true(sftp_server_idle(s->server));
}

#define WITH_SESSION(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SESSION(test_copies),
	    WITH_SESSION(test_copy_overlap),
	    WITH_SESSION(test_copy_handles),
	    WITH_SESSION(test_copy_beside_others),
	    WITH_SESSION(test_copy_holds_in_pieces),
	    WITH_SESSION(test_many_jobs),
	    WITH_SESSION(test_jobs_are_dropped),
	    WITH_SESSION(test_hashes),
	    WITH_SESSION(test_hashes_refused),
	    WITH_SESSION(test_longest_reply),
	    WITH_SESSION(test_hash_of_shrinking_file),
	    WITH_SESSION(test_jobs_backpressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
