/* The agent's client: the codec, and agents that lie, stop or say too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ssh/agent.h"
#include "sweep.h"

static void
put_answer(struct buf *b, uint32_t n_said, uint32_t n)
{
	assert_int_equal(buf_put_u8(b, 12), ERR_OK);
	assert_int_equal(buf_put_u32(b, n_said), ERR_OK);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(buf_put_string(b, slice_str("a blob")), ERR_OK);
		assert_int_equal(buf_put_string(b, slice_str("a comment")), ERR_OK);
	}
}

static void
reads_identities(void **state)
{
	struct buf b _cleanup_(buf_fini);
	struct agent_keys keys;

	(void)state;
	buf_init(&b, AGENT_MESSAGE_MAX);
	put_answer(&b, 2, 2);
	assert_int_equal(agent_decode_identities(buf_slice(&b), &keys), ERR_OK);
	assert_int_equal(keys.n, 2);
	assert_true(slice_is(keys.key[1].blob, "a blob"));
	/* What is more than we look at is still well-formed. */
	buf_clear(&b);
	put_answer(&b, AGENT_KEYS_MAX + 5, AGENT_KEYS_MAX + 5);
	assert_int_equal(agent_decode_identities(buf_slice(&b), &keys), ERR_OK);
	assert_int_equal(keys.n, AGENT_KEYS_MAX);
}

static void
refuses_wrong_counts_and_types(void **state)
{
	static const uint32_t SAID[] = {0, 1, 3, 1000, UINT32_MAX};
	struct agent_keys keys;
	struct slice signature;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SAID); i++) {
		struct buf b _cleanup_(buf_fini);
		buf_init(&b, AGENT_MESSAGE_MAX);
		put_answer(&b, SAID[i], 2);
		assert_int_equal(agent_decode_identities(buf_slice(&b), &keys), ERR_FORMAT);
		assert_int_equal(keys.n, 0);
		assert_int_equal(agent_decode_signature(buf_slice(&b), &signature), ERR_FORMAT);
	}
	assert_int_equal(agent_decode_identities(slice_of("\5", 1), &keys), ERR_ACCESS);
	assert_int_equal(agent_decode_signature(slice_of("\5", 1), &signature), ERR_ACCESS);
	assert_int_equal(agent_decode_signature(slice_of("", 0), &signature), ERR_FORMAT);
}

static bool
decode(const uint8_t *data, size_t len, void *ctx)
{
	struct agent_keys keys;

	(void)ctx;
	return agent_decode_identities(slice_of(data, len), &keys) == ERR_OK;
}

static bool
decode_signature(const uint8_t *data, size_t len, void *ctx)
{
	struct slice signature;

	(void)ctx;
	return agent_decode_signature(slice_of(data, len), &signature) == ERR_OK;
}

static void
survives_damage(void **state)
{
	static const uint8_t SIGNATURE[] = {14, 0, 0, 0, 3, 'a', 'b', 'c'};
	struct buf b _cleanup_(buf_fini);

	(void)state;
	buf_init(&b, AGENT_MESSAGE_MAX);
	put_answer(&b, 3, 3);
	struct slice all = buf_slice(&b);
	assert_int_equal(sweep_truncations(decode, all.ptr, all.len, NULL), 0);
	sweep_bit_flips(decode, all.ptr, all.len, NULL);
	assert_int_equal(sweep_truncations(decode_signature, SIGNATURE, sizeof SIGNATURE, NULL), 0);
	sweep_bit_flips(decode_signature, SIGNATURE, sizeof SIGNATURE, NULL);
}

/* An agent that has said this before it was asked, and then says no more. */
struct fake {
	const char *bytes;
	size_t len;
	bool hangs_up;
	enum err wanted;
};

static void
bears_a_hostile_agent(void **state)
{
	static const struct fake FAKES[] = {
	    {"", 0, true, ERR_CLOSED},
	    {"", 0, false, ERR_TIMEOUT},
	    {"\0\0\0\0", 4, false, ERR_FORMAT},
	    {"\377\377\377\377", 4, false, ERR_FORMAT},
	    {"\0\0\0\5\f\0\0", 7, false, ERR_TIMEOUT},
	    {"\0\0\0\5\f\0\0", 7, true, ERR_CLOSED},
	    {"\0\0\0\5\f\0\0\0\1", 9, false, ERR_FORMAT},
	    {"\0\0\0\1\5", 5, false, ERR_ACCESS},
	    {"\0\0\0\5\f\0\0\0\0", 9, false, ERR_OK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FAKES); i++) {
		struct buf reply _cleanup_(buf_fini);
		struct agent_keys keys;
		int pair[2];
		buf_init(&reply, AGENT_MESSAGE_MAX);
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
		assert_int_equal(write(pair[1], FAKES[i].bytes, FAKES[i].len), FAKES[i].len);
		if (FAKES[i].hangs_up)
			assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
		assert_int_equal(
		    agent_list(pair[0], 20 * US_PER_MS, &reply, &keys), FAKES[i].wanted);
		assert_int_equal(keys.n, 0);
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
}

static void
finds_no_agent(void **state)
{
	char path[300];
	int fd = -1;

	(void)state;
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(agent_connect(path, &fd), ERR_NAMETOOLONG);
	assert_int_equal(agent_connect("/nowhere/at/all", &fd), ERR_NOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_identities),
	    cmocka_unit_test(refuses_wrong_counts_and_types),
	    cmocka_unit_test(survives_damage),
	    cmocka_unit_test(bears_a_hostile_agent),
	    cmocka_unit_test(finds_no_agent),
	};

	return cmocka_run_group_tests_name("ssh/agent", tests, NULL, NULL);
}
