#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "child.h"
#include "sample.h"
#include "scratch.h"
#include "sweep.h"

/* Encodes a sample; the descriptors in ret_fds are borrowed from it. */
static void
encode(const struct sample *s, struct buf *b, int ret_fds[SOCKET_FDS_MAX], size_t *ret_n_fds)
{
	buf_init(b, IPC_MAX_PACKET);
	assert_int_equal(ipc_encode(s->type, s->body.bytes, b, ret_fds, ret_n_fds), ERR_OK);
}

static void
test_schema_table_is_sound(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		const struct ipc_schema *schema = ipc_schema((enum ipc_type)type);
		size_t longest = 2, end = 0;
		assert_true(schema->n_fields > 0);
		assert_true(schema->states != 0 && (schema->states & ~(unsigned)IPC_ANY) == 0);
		assert_non_null(ipc_role_name(schema->sender));
		for (size_t i = 0; i < schema->n_fields; i++) {
			const struct ipc_field *f = &schema->fields[i];
			bool is_text = f->kind == IPC_STR || f->kind == IPC_BYTES;
			assert_int_equal(f->max > 0, is_text);
			assert_true(f->offset >= end && f->offset < schema->struct_size);
			end = f->offset + 1;
			longest += is_text ? 4 + f->max : 8;
		}
		if (longest > IPC_MAX_PACKET)
			fail_msg("%s can be longer than IPC_MAX_PACKET", schema->name);
		assert_true(sample_count_fds((enum ipc_type)type) <= SOCKET_FDS_MAX);
	}
}

static void
round_trip(enum ipc_type type, enum sample_level level)
{
	struct sample s;
	struct buf b;
	struct ipc_message m;
	int borrowed[SOCKET_FDS_MAX], fds[SOCKET_FDS_MAX];
	size_t n_fds;

	sample_init(&s, type, level);
	encode(&s, &b, borrowed, &n_fds);
	assert_int_equal(n_fds, sample_count_fds(type));
	sample_dup_fds(&s, fds, n_fds);
	assert_int_equal(ipc_decode(buf_slice(&b), fds, n_fds, &m), ERR_OK);
	if (!sample_matches(&s, &m))
		fail_msg("%s at level %d", ipc_schema(type)->name, (int)level);
	ipc_message_fini(&m);
	ipc_message_fini(&m); /* ending it twice closes nothing twice */
	buf_fini(&b);
	sample_fini(&s);
}

static void
test_every_type_makes_the_round_trip(void **state)
{
	size_t n_before = scratch_count_fds();

	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		for (int level = 0; level < SAMPLE_LEVELS; level++)
			round_trip((enum ipc_type)type, (enum sample_level)level);
	}
	assert_int_equal(scratch_count_fds(), n_before);
}

/* Decodes with the right number of descriptors; ctx is the sample. */
static bool
decode(const uint8_t *data, size_t len, void *ctx)
{
	const struct sample *s = ctx;
	struct ipc_message m;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = sample_count_fds(s->type);

	sample_dup_fds(s, fds, n_fds);
	if (ipc_decode(slice_of(data, len), fds, n_fds, &m) != ERR_OK)
		return false;
	ipc_message_fini(&m);
	return true;
}

static void
test_every_type_survives_truncation_and_bit_flips(void **state)
{
	size_t n_before = scratch_count_fds();

	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		struct sample s;
		struct buf b;
		int fds[SOCKET_FDS_MAX];
		size_t n_fds;
		/* Short texts: a sweep of the longest would take minutes and find no more. */
		sample_init(&s, (enum ipc_type)type, SAMPLE_LEAST);
		encode(&s, &b, fds, &n_fds);
		struct slice bytes = buf_slice(&b);
		assert_true(sweep_decode_exact(decode, bytes.ptr, bytes.len, &s));
		assert_int_equal(sweep_truncations(decode, bytes.ptr, bytes.len, &s), 0);
		sweep_bit_flips(decode, bytes.ptr, bytes.len, &s);
		assert_int_equal(buf_put_u8(&b, 0), ERR_OK);
		bytes = buf_slice(&b);
		assert_false(sweep_decode_exact(decode, bytes.ptr, bytes.len, &s));
		buf_fini(&b);
		sample_fini(&s);
	}
	assert_int_equal(scratch_count_fds(), n_before);
}

static void
test_long_fields_survive_truncation_and_bit_flips(void **state)
{
	static const enum ipc_type TYPES[] = {IPC_AUTH_QUERY, IPC_AUTH_MOUNT, IPC_CTL_EVENT};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		struct sample s;
		struct buf b;
		int fds[SOCKET_FDS_MAX];
		size_t n_fds;
		sample_init(&s, TYPES[i], SAMPLE_MOST);
		encode(&s, &b, fds, &n_fds);
		struct slice bytes = buf_slice(&b);
		assert_int_equal(sweep_truncations(decode, bytes.ptr, bytes.len, &s), 0);
		sweep_bit_flips(decode, bytes.ptr, bytes.len < 512 ? bytes.len : 512, &s);
		buf_fini(&b);
		sample_fini(&s);
	}
}

static void
test_wrong_number_of_descriptors(void **state)
{
	size_t n_before = scratch_count_fds();

	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		struct sample s;
		struct buf b;
		struct ipc_message m;
		int fds[SOCKET_FDS_MAX];
		size_t n_fds;
		sample_init(&s, (enum ipc_type)type, SAMPLE_MIDDLE);
		encode(&s, &b, fds, &n_fds);
		for (size_t n = 0; n <= SOCKET_FDS_MAX; n++) {
			if (n == n_fds)
				continue;
			sample_dup_fds(&s, fds, n);
			assert_int_equal(ipc_decode(buf_slice(&b), fds, n, &m), ERR_FORMAT);
		}
		buf_fini(&b);
		sample_fini(&s);
	}
	assert_int_equal(scratch_count_fds(), n_before);
}

/* For every text field of every message: one byte more than its bound. */
static void
test_fields_past_their_bound_are_refused(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		const struct ipc_schema *schema = ipc_schema((enum ipc_type)type);
		for (size_t long_one = 0; long_one < schema->n_fields; long_one++) {
			struct buf b;
			struct sample s = {.type = (enum ipc_type)type};
			uint8_t *text = calloc(1, IPC_MAX_PACKET);
			assert_non_null(text);
			memset(text, 't', IPC_MAX_PACKET);
			buf_init(&b, 2 * IPC_MAX_PACKET);
			assert_int_equal(buf_put_u16(&b, (uint16_t)type), ERR_OK);
			bool any = false;
			for (size_t i = 0; i < schema->n_fields; i++) {
				const struct ipc_field *f = &schema->fields[i];
				static const size_t SIZES[] = {[IPC_BOOL] = 1,
				    [IPC_U32] = 4,
				    [IPC_U64] = 8,
				    [IPC_I64] = 8,
				    [IPC_FD] = 0};
				static const uint8_t ZERO[8];
				enum err e;
				if (f->kind == IPC_STR || f->kind == IPC_BYTES) {
					any = any || i == long_one;
					e = buf_put_string(
					    &b, slice_of(text, i == long_one ? f->max + 1 : 1));
				} else {
					e = buf_put(&b, ZERO, SIZES[f->kind]);
				}
				assert_int_equal(e, ERR_OK);
			}
			s.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			bool accepted = decode(buf_slice(&b).ptr, buf_len(&b), &s);
			close(s.fd);
			if (accepted == any)
				fail_msg("%s.%s", schema->name, schema->fields[long_one].name);
			buf_fini(&b);
			free(text);
		}
	}
}

static const struct {
	uint8_t bytes[8];
	size_t len;
	enum err err;
} RAW[] = {
    {{0}, 0, ERR_FORMAT}, {{0}, 1, ERR_FORMAT}, {{0xff, 0xff}, 2, ERR_FORMAT},
    {{IPC_N_TYPES >> 8, IPC_N_TYPES & 0xff}, 2, ERR_FORMAT},
    {{0, IPC_CTL_TRACE, 0, 0, 0, 1, 'x'}, 7, ERR_OK},
    {{0, IPC_CTL_TRACE, 0, 0, 0, 1, 0}, 7, ERR_FORMAT}, /* a 0 in a text */
    {{0, IPC_CTL_TRACE, 0xff, 0xff, 0xff, 0xff, 'x'}, 7, ERR_FORMAT},
    {{0, IPC_CTL_RUN, 0, 0, 0, 0, 1}, 7, ERR_OK}, {{0, IPC_CTL_RUN, 0, 0, 0, 0, 0}, 7, ERR_OK},
    {{0, IPC_CTL_RUN, 0, 0, 0, 0, 2}, 7, ERR_FORMAT}, /* neither false nor true */
};

static void
test_raw_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(RAW); i++) {
		struct ipc_message m;
		enum err e = ipc_decode(slice_of(RAW[i].bytes, RAW[i].len), NULL, 0, &m);
		if (e != RAW[i].err)
			fail_msg("row %zu: %s", i, err_name(e));
		if (e == ERR_OK)
			ipc_message_fini(&m);
	}
}

static void
test_taken_descriptors_stay_open(void **state)
{
	struct sample s;
	struct buf b;
	struct ipc_message m;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds, n_before = scratch_count_fds();

	(void)state;
	sample_init(&s, IPC_AUTH_MOUNT, SAMPLE_MIDDLE);
	encode(&s, &b, fds, &n_fds);
	assert_int_equal(n_fds, 2);
	sample_dup_fds(&s, fds, n_fds);
	assert_int_equal(ipc_decode(buf_slice(&b), fds, n_fds, &m), ERR_OK);
	assert_int_equal(m.auth_mount.dir, fds[0]);
	assert_int_equal(m.auth_mount.staging, fds[1]);
	int taken = m.auth_mount.dir;
	m.auth_mount.dir = -1;
	ipc_message_fini(&m);
	assert_true(fcntl(taken, F_GETFD) >= 0);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	close(taken);
	buf_fini(&b);
	sample_fini(&s);
	assert_int_equal(scratch_count_fds(), n_before);
}

static void
test_encoding_keeps_to_the_buffer(void **state)
{
	struct sample s;
	struct buf b;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;

	(void)state;
	sample_init(&s, IPC_CTL_TRACE, SAMPLE_MOST);
	buf_init(&b, 100);
	assert_int_equal(ipc_encode(s.type, s.body.bytes, &b, fds, &n_fds), ERR_NOMEM);
	assert_true(buf_len(&b) <= 100);
	buf_fini(&b);
	sample_fini(&s);
}

enum sender_bug { TEXT_TOO_LONG, TEXT_WITH_ZERO, NO_DESCRIPTOR, NO_SUCH_TYPE, NO_SUCH_ROLE };

static int
send_nonsense(void *ctx)
{
	static char text[IPC_PATH_MAX + 2];
	struct ipc_ctl_trace trace = {.what = slice_of(text, sizeof text - 1)};
	struct ipc_listener_host_key key = {.name = slice_str("key"), .key = -1};
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;
	struct buf b;

	memset(text, 't', sizeof text - 1);
	buf_init(&b, IPC_MAX_PACKET);
	switch (*(enum sender_bug *)ctx) {
	case TEXT_TOO_LONG:
		return (int)ipc_encode(IPC_CTL_TRACE, &trace, &b, fds, &n_fds);
	case TEXT_WITH_ZERO:
		trace.what = slice_of("a\0b", 3);
		return (int)ipc_encode(IPC_CTL_TRACE, &trace, &b, fds, &n_fds);
	case NO_DESCRIPTOR:
		return (int)ipc_encode(IPC_LISTENER_HOST_KEY, &key, &b, fds, &n_fds);
	case NO_SUCH_TYPE:
		return (int)ipc_schema(IPC_N_TYPES)->n_fields;
	case NO_SUCH_ROLE:
		return ipc_role_name((enum ipc_role)(IPC_ROLE_CONTROL + 1))[0];
	}
	return 0;
}

static void
test_nonsense_of_the_sender_is_a_bug(void **state)
{
	(void)state;
	for (enum sender_bug bug = TEXT_TOO_LONG; bug <= NO_SUCH_ROLE; bug++)
		assert_true(child_finds_bug(send_nonsense, &bug));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_schema_table_is_sound),
	    cmocka_unit_test(test_every_type_makes_the_round_trip),
	    cmocka_unit_test(test_every_type_survives_truncation_and_bit_flips),
	    cmocka_unit_test(test_long_fields_survive_truncation_and_bit_flips),
	    cmocka_unit_test(test_wrong_number_of_descriptors),
	    cmocka_unit_test(test_fields_past_their_bound_are_refused),
	    cmocka_unit_test(test_raw_bytes),
	    cmocka_unit_test(test_taken_descriptors_stay_open),
	    cmocka_unit_test(test_encoding_keeps_to_the_buffer),
	    cmocka_unit_test(test_nonsense_of_the_sender_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
