/* Every message of the protocol: there and back, cut, and with each bit flipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/field.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"
#include "sweep.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define ALL_ATTRS                                                                              \
	{                                                                                      \
		.flags = 15, .size = 0x123456789a, .uid = 1, .gid = 2, .permissions = 0100644, \
		.atime = 3, .mtime = 4                                                         \
	}

#define CHECK .algorithms = S("sha256,md5"), .offset = 1, .range_length = 2, .block_size = 256

static const struct sftp_request REQUESTS[] = {
    {.kind = SFTP_REQ_INIT, .version = 3},
    {.kind = SFTP_REQ_INIT, .version = 6, .pairs = S("\0\0\0\1a\0\0\0\0")},
    {.kind = SFTP_REQ_OPEN, .id = 1, .path = S("/a"), .pflags = 26, .attrs = ALL_ATTRS},
    {.kind = SFTP_REQ_OPEN, .id = 1, .path = S(""), .pflags = 1},
    {.kind = SFTP_REQ_CLOSE, .id = 2, .handle = S("handle")},
    {.kind = SFTP_REQ_READ, .id = 3, .handle = S("h"), .offset = UINT64_MAX, .length = 32768},
    {.kind = SFTP_REQ_WRITE, .id = 4, .handle = S("h"), .offset = 1, .data = S("a\0b")},
    {.kind = SFTP_REQ_WRITE, .id = 4, .handle = S("h"), .offset = 1, .data = S("")},
    {.kind = SFTP_REQ_LSTAT, .id = 5, .path = S("/a")},
    {.kind = SFTP_REQ_FSTAT, .id = 6, .handle = S("h")},
    {.kind = SFTP_REQ_SETSTAT, .id = 7, .path = S("/a"), .attrs = {.flags = 1, .size = 9}},
    {.kind = SFTP_REQ_FSETSTAT, .id = 8, .handle = S("h"), .attrs = {.flags = 8, .mtime = 9}},
    {.kind = SFTP_REQ_OPENDIR, .id = 9, .path = S("/d")},
    {.kind = SFTP_REQ_READDIR, .id = 10, .handle = S("h")},
    {.kind = SFTP_REQ_REMOVE, .id = 11, .path = S("/a")},
    {.kind = SFTP_REQ_MKDIR, .id = 12, .path = S("/d"), .attrs = {.flags = 4}},
    {.kind = SFTP_REQ_RMDIR, .id = 13, .path = S("/d")},
    {.kind = SFTP_REQ_REALPATH, .id = 14, .path = S(".")},
    {.kind = SFTP_REQ_STAT, .id = 15, .path = S("/a")},
    {.kind = SFTP_REQ_RENAME, .id = 16, .path = S("/a"), .to = S("/b")},
    {.kind = SFTP_REQ_READLINK, .id = 17, .path = S("/l")},
    {.kind = SFTP_REQ_SYMLINK, .id = 18, .path = S("target"), .to = S("/link")},
    {.kind = SFTP_REQ_POSIX_RENAME, .id = 19, .path = S("/a"), .to = S("/b")},
    {.kind = SFTP_REQ_STATVFS, .id = 20, .path = S("/")},
    {.kind = SFTP_REQ_FSTATVFS, .id = 21, .handle = S("h")},
    {.kind = SFTP_REQ_HARDLINK, .id = 22, .path = S("/a"), .to = S("/b")},
    {.kind = SFTP_REQ_FSYNC, .id = 23, .handle = S("h")},
    {.kind = SFTP_REQ_LSETSTAT, .id = 24, .path = S("/a"), .attrs = ALL_ATTRS},
    {.kind = SFTP_REQ_LIMITS, .id = UINT32_MAX},
    {.kind = SFTP_REQ_EXPAND_PATH, .id = 26, .path = S("~/x")},
    {.kind = SFTP_REQ_HOME_DIRECTORY, .id = 27, .user = S("me")},
    {.kind = SFTP_REQ_USERS_GROUPS, .id = 28, .uids = S("\0\0\0\1"), .gids = S("")},
    {.kind = SFTP_REQ_COPY_DATA,
	.id = 29,
	.handle = S("h"),
	.offset = 1,
	.range_length = 2,
	.to_handle = S("g"),
	.to_offset = 3},
    {.kind = SFTP_REQ_CHECK_FILE, .id = 30, .handle = S("h"), CHECK},
    {.kind = SFTP_REQ_CHECK_FILE_HANDLE, .id = 31, .handle = S("h"), CHECK},
    {.kind = SFTP_REQ_CHECK_FILE_NAME, .id = 32, .path = S("/a"), CHECK},
};
#undef CHECK

#define ONE_NAME "\0\0\0\1a\0\0\0\4-r a\0\0\0\0"
static const struct sftp_response RESPONSES[] = {
    {.type = SSH_FXP_VERSION, .version = 3},
    {.type = SSH_FXP_VERSION, .version = 3, .pairs = S("\0\0\0\1a\0\0\0\0011")},
    {.type = SSH_FXP_STATUS, .id = 1, .status = 4, .message = S("no"), .language = S("en")},
    {.type = SSH_FXP_HANDLE, .id = 2, .handle = S("\0\1\2")},
    {.type = SSH_FXP_DATA, .id = 3, .data = S("abc")},
    {.type = SSH_FXP_NAME, .id = 4, .n_names = 2, .names = S(ONE_NAME ONE_NAME)},
    {.type = SSH_FXP_NAME, .id = 4, .n_names = 0},
    {.type = SSH_FXP_ATTRS, .id = 5, .attrs = ALL_ATTRS},
    {.type = SSH_FXP_ATTRS, .id = 5},
    {.type = SSH_FXP_EXTENDED_REPLY, .id = 6, .extended = S("anything")},
};

static void
assert_slices(struct slice a, struct slice b)
{
	assert_true(slice_equal(a, b));
}

static void
assert_attrs(const struct sftp_attrs *a, const struct sftp_attrs *b)
{
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->permissions, b->permissions);
	assert_int_equal(a->atime, b->atime);
	assert_int_equal(a->mtime, b->mtime);
}

/* The packet in b without its length, which must be right. */
static struct slice
packet_of(const struct buf *b)
{
	struct rd r = rd_of(buf_slice(b));
	struct slice packet = rd_string(&r, SFTP_PACKET_MAX);

	assert_int_equal(rd_done(&r), ERR_OK);
	return packet;
}

static void
assert_requests(const struct sftp_request *a, const struct sftp_request *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->pflags, b->pflags);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->offset, b->offset);
	assert_slices(a->handle, b->handle);
	assert_slices(a->path, b->path);
	assert_slices(a->to, b->to);
	assert_slices(a->data, b->data);
	assert_attrs(&a->attrs, &b->attrs);
	assert_slices(a->pairs, b->pairs);
	assert_int_equal(a->range_length, b->range_length);
	assert_int_equal(a->to_offset, b->to_offset);
	assert_slices(a->to_handle, b->to_handle);
	assert_slices(a->algorithms, b->algorithms);
	assert_int_equal(a->block_size, b->block_size);
	assert_slices(a->user, b->user);
	assert_slices(a->uids, b->uids);
	assert_slices(a->gids, b->gids);
}

static bool
decode_request(const uint8_t *data, size_t len, void *ctx unused_arg)
{
	struct sftp_request r;

	return sftp_request_decode(slice_of(data, len), &r) == ERR_OK;
}

static void
test_requests(void **state unused_arg)
{
	bool seen[SFTP_N_REQUESTS] = {false};

	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
		struct buf b;
		struct sftp_request r;
		buf_init(&b, SFTP_PACKET_MAX + 4);
		assert_int_equal(sftp_request_encode(&REQUESTS[i], &b), ERR_OK);
		struct slice packet = packet_of(&b);
		assert_int_equal(sftp_request_decode(packet, &r), ERR_OK);
		assert_requests(&r, &REQUESTS[i]);
		assert_int_equal(r.has_id, r.kind != SFTP_REQ_INIT);
		/* A cut in front of INIT's extensions leaves a whole INIT. */
		size_t legal = REQUESTS[i].kind == SFTP_REQ_INIT && r.pairs.len > 0 ? 1 : 0;
		assert_int_equal(
		    sweep_truncations(decode_request, packet.ptr, packet.len, NULL), legal);
		sweep_bit_flips(decode_request, packet.ptr, packet.len, NULL);
		seen[r.kind] = true;
		buf_fini(&b);
	}
	for (size_t kind = 0; kind < SFTP_N_REQUESTS; kind++)
		assert_true(seen[kind]);
}

static void
assert_responses(const struct sftp_response *a, const struct sftp_response *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->version, b->version);
	assert_slices(a->pairs, b->pairs);
	assert_int_equal(a->status, b->status);
	assert_slices(a->message, b->message);
	assert_slices(a->language, b->language);
	assert_slices(a->handle, b->handle);
	assert_slices(a->data, b->data);
	assert_int_equal(a->n_names, b->n_names);
	assert_slices(a->names, b->names);
	assert_attrs(&a->attrs, &b->attrs);
	assert_slices(a->extended, b->extended);
}

static bool
decode_response(const uint8_t *data, size_t len, void *ctx unused_arg)
{
	struct sftp_response r;

	return sftp_response_decode(slice_of(data, len), &r) == ERR_OK;
}

/* How many cuts leave a legal response: where something may be missing at the end. */
static size_t
legal_cuts(const struct sftp_response *r)
{
	if (r->type == SSH_FXP_STATUS)
		return 2;
	if (r->type == SSH_FXP_VERSION)
		return r->pairs.len > 0 ? 1 : 0;
	return r->type == SSH_FXP_EXTENDED_REPLY ? r->extended.len : 0;
}

static void
test_responses(void **state unused_arg)
{
	for (size_t i = 0; i < ARRAY_LEN(RESPONSES); i++) {
		struct buf b;
		struct sftp_response r;
		buf_init(&b, SFTP_PACKET_MAX + 4);
		assert_int_equal(sftp_response_encode(&RESPONSES[i], &b), ERR_OK);
		struct slice packet = packet_of(&b);
		assert_int_equal(sftp_response_decode(packet, &r), ERR_OK);
		assert_responses(&r, &RESPONSES[i]);
		assert_int_equal(sweep_truncations(decode_response, packet.ptr, packet.len, NULL),
		    legal_cuts(&r));
		sweep_bit_flips(decode_response, packet.ptr, packet.len, NULL);
		buf_fini(&b);
	}
}

/* Malformed packets, and whether they can be answered. */
static void
test_bad_requests(void **state unused_arg)
{
	static const struct {
		struct slice packet;
		enum err err;
		bool has_id;
	} cases[] = {
	    {S(""), ERR_FORMAT, false}, {S("\3\0\0\0"), ERR_FORMAT, false},
	    {S("\1\0\0"), ERR_FORMAT, false}, {S("\1\0\0\0\3x"), ERR_FORMAT, false},
	    {S("\0\0\0\0\7"), ERR_UNSUPPORTED, true}, {S("\2\0\0\0\7"), ERR_UNSUPPORTED, true},
	    {S("\25\0\0\0\7"), ERR_UNSUPPORTED, true}, {S("\377\0\0\0\7"), ERR_UNSUPPORTED, true},
	    {S("\310\0\0\0\7"), ERR_FORMAT, true},
	    {S("\310\0\0\0\7\0\0\0\1x"), ERR_UNSUPPORTED, true},
	    {S("\310\0\0\0\7\0\0\0\0"), ERR_UNSUPPORTED, true},
	    {S("\13\0\0\0\7\0\0\0\2a\0"), ERR_FORMAT, true},       /* a 0 in a path */
	    {S("\13\0\0\0\7\0\0\0\1ax"), ERR_FORMAT, true},        /* a byte left over */
	    {S("\13\0\0\0\7\377\377\377\377a"), ERR_FORMAT, true}, /* a length past the end */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sftp_request r;
		assert_int_equal(sftp_request_decode(cases[i].packet, &r), cases[i].err);
		assert_int_equal(r.has_id, cases[i].has_id);
		assert_int_equal(r.id, cases[i].has_id ? 7 : 0);
	}
}

static void
test_bounds(void **state unused_arg)
{
	static uint8_t as[SFTP_PACKET_MAX];
	struct buf b;
	struct sftp_request r;
	static const struct {
		enum sftp_request_kind kind;
		size_t len;
		enum err encoded, decoded;
	} cases[] = {
	    {SFTP_REQ_STAT, SFTP_PATH_MAX, ERR_OK, ERR_OK},
	    {SFTP_REQ_STAT, SFTP_PATH_MAX + 1, ERR_OK, ERR_FORMAT},
	    {SFTP_REQ_FSTAT, SFTP_HANDLE_MAX, ERR_OK, ERR_OK},
	    {SFTP_REQ_FSTAT, SFTP_HANDLE_MAX + 1, ERR_OK, ERR_FORMAT},
	    /* Before the data: type, id, handle, offset, length. */
	    {SFTP_REQ_WRITE, SFTP_PACKET_MAX - 21, ERR_OK, ERR_OK},
	    {SFTP_REQ_WRITE, SFTP_PACKET_MAX - 20, ERR_LIMIT, ERR_OK},
	};

	memset(as, 'a', sizeof as);
	buf_init(&b, 2 * SFTP_PACKET_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice value = slice_of(as, cases[i].len);
		r = (struct sftp_request){.kind = cases[i].kind, .path = value, .data = value};
		if (r.kind == SFTP_REQ_FSTAT)
			r.handle = value;
		buf_clear(&b);
		assert_int_equal(sftp_request_encode(&r, &b), cases[i].encoded);
		if (cases[i].encoded != ERR_OK)
			assert_int_equal(buf_len(&b), 0);
		else
			assert_int_equal(sftp_request_decode(packet_of(&b), &r), cases[i].decoded);
	}
	buf_fini(&b);
}

/* A full buffer takes nothing of a packet. */
static void
test_all_or_nothing(void **state unused_arg)
{
	for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
		enum err e = ERR_NOMEM;
		for (size_t max = 0; e != ERR_OK; max++) {
			struct buf b;
			buf_init(&b, max);
			e = sftp_request_encode(&REQUESTS[i], &b);
			assert_int_equal(buf_len(&b), e == ERR_OK ? max : 0);
			buf_fini(&b);
		}
	}
}

/* What Go's pkg/sftp 1.13.5 sends for a last piece of one byte: the data, and more behind it. */
static void
test_write_with_slack(void **state unused_arg)
{
	static const struct slice packet = S("\6\0\0\0\1\0\0\0\1h\0\0\0\0\0\0\200\0\0\0\0\1xyz");
	struct sftp_request r;

	assert_int_equal(sftp_request_decode(packet, &r), ERR_OK);
	assert_true(slice_is(r.data, "x"));
	assert_int_equal(r.offset, 32768);
}

/* What OpenSSH's sftp sends for `ln -s target /link`: the target comes first. */
static void
test_symlink_order(void **state unused_arg)
{
	static const struct slice packet = S("\24\0\0\0\1\0\0\0\6target\0\0\0\5/link");
	struct sftp_request r;

	assert_int_equal(sftp_request_decode(packet, &r), ERR_OK);
	assert_true(slice_is(r.path, "target"));
	assert_true(slice_is(r.to, "/link"));
}

static void
test_status_without_words(void **state unused_arg)
{
	static const struct slice packet = S("\145\0\0\0\7\0\0\0\4");
	struct sftp_response r;

	assert_int_equal(sftp_response_decode(packet, &r), ERR_OK);
	assert_int_equal(r.status, SSH_FX_FAILURE);
	assert_int_equal(r.message.len, 0);
}

/* The number of entries and the entries must agree. */
static void
test_names(void **state unused_arg)
{
	struct sftp_response r = {.type = SSH_FXP_NAME, .names = S(ONE_NAME ONE_NAME)};
	static const uint32_t wrong[] = {0, 1, 3, UINT32_MAX};
	struct sftp_name name;
	struct buf b;

	buf_init(&b, 1024);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct sftp_response decoded;
		r.n_names = wrong[i];
		buf_clear(&b);
		assert_int_equal(sftp_response_encode(&r, &b), ERR_OK);
		assert_int_equal(sftp_response_decode(packet_of(&b), &decoded), ERR_FORMAT);
	}
	buf_fini(&b);
	struct rd cursor = rd_of(r.names);
	for (size_t i = 0; i < 2; i++) {
		assert_true(sftp_names_next(&cursor, &name));
		assert_true(slice_is(name.filename, "a"));
		assert_true(slice_is(name.longname, "-r a"));
	}
	assert_false(sftp_names_next(&cursor, &name));
}

static void
test_pairs_bound(void **state unused_arg)
{
	struct buf pairs, b;
	struct sftp_response r, decoded;

	buf_init(&pairs, 65536);
	buf_init(&b, 65536);
	for (size_t n = 1; n <= SFTP_PAIRS_MAX + 1; n++) {
		assert_int_equal(buf_put_u64(&pairs, 0), ERR_OK);
		r = (struct sftp_response){.type = SSH_FXP_VERSION, .pairs = buf_slice(&pairs)};
		buf_clear(&b);
		assert_int_equal(sftp_response_encode(&r, &b), ERR_OK);
		assert_int_equal(sftp_response_decode(packet_of(&b), &decoded),
		    n <= SFTP_PAIRS_MAX ? ERR_OK : ERR_FORMAT);
	}
	buf_fini(&pairs);
	buf_fini(&b);
}

static void
test_bodies(void **state unused_arg)
{
	const struct sftp_limits limits = {1, 2, 3, UINT64_MAX};
	const struct sftp_fs_statvfs st = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
	struct sftp_limits got_limits;
	struct sftp_fs_statvfs got_st;
	struct buf b;

	buf_init(&b, 256);
	assert_int_equal(sftp_limits_put(&b, &limits), ERR_OK);
	assert_int_equal(sftp_limits_get(buf_slice(&b), &got_limits), ERR_OK);
	assert_memory_equal(&limits, &got_limits, sizeof limits);
	buf_unput(&b, 1);
	assert_int_equal(sftp_limits_get(buf_slice(&b), &got_limits), ERR_FORMAT);
	buf_clear(&b);
	assert_int_equal(sftp_statvfs_put(&b, &st), ERR_OK);
	assert_int_equal(buf_len(&b), 88);
	assert_int_equal(sftp_statvfs_get(buf_slice(&b), &got_st), ERR_OK);
	assert_memory_equal(&st, &got_st, sizeof st);
	buf_unput(&b, 1);
	assert_int_equal(sftp_statvfs_get(buf_slice(&b), &got_st), ERR_FORMAT);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_responses),
	    cmocka_unit_test(test_bad_requests),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_all_or_nothing),
	    cmocka_unit_test(test_write_with_slack),
	    cmocka_unit_test(test_symlink_order),
	    cmocka_unit_test(test_status_without_words),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_pairs_bound),
	    cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
