/*
 * Property: whatever requests come in whatever order, each id gets exactly one answer, and the
 * engine neither crashes nor ends the session. The seed is printed; SFTP_SEED=N repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "sftp/session.h"

enum { N_SESSIONS = 40, N_REQUESTS = 1500, N_HANDLES = 8 };

struct dice {
	uint64_t state;
};

/* xorshift64*; below n. */
static uint32_t
roll(struct dice *d, uint32_t n)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % n;
}

static const char *const PATHS[] = {
    "/", "/a", "/b", "/d", "/d/x", "/d/y", "/none", "", ".", "~", "/d/../a", "/very/long/name"};

static struct slice
any_path(struct dice *d)
{
	return slice_str(PATHS[roll(d, ARRAY_LEN(PATHS))]);
}

struct run {
	struct session s;
	struct dice dice;
	struct session_handle handles[N_HANDLES]; /* the last ones that were given */
	uint32_t n_handles;
	uint8_t n_answers[N_REQUESTS];
};

static struct sftp_request
any_request(struct run *run, uint32_t id)
{
	static const uint64_t offsets[] = {0, 1, 1000, INT64_MAX, UINT64_MAX};
	static const uint32_t lengths[] = {0, 1, 32768, SFTP_READ_MAX, UINT32_MAX};
	static const char content[2000] = {'x'};
	struct dice *d = &run->dice;

	return (struct sftp_request){
	    .kind = (enum sftp_request_kind)(1 + roll(d, SFTP_N_REQUESTS - 1)),
	    .id = id,
	    .path = any_path(d),
	    .to = any_path(d),
	    .pflags = roll(d, 64),
	    .offset = offsets[roll(d, ARRAY_LEN(offsets))],
	    .length = lengths[roll(d, ARRAY_LEN(lengths))],
	    .handle = session_handle(&run->handles[roll(d, N_HANDLES)]),
	    .data = slice_of(content, roll(d, sizeof content)),
	    .to_handle = session_handle(&run->handles[roll(d, N_HANDLES)]),
	    .to_offset = offsets[roll(d, ARRAY_LEN(offsets))],
	    .range_length = lengths[roll(d, ARRAY_LEN(lengths))],
	    .algorithms = slice_str(roll(d, 4) == 0 ? "crc32" : "crc32,md5,sha1"),
	    .block_size = roll(d, 3) * 255,
	    .uids = slice_of(content, roll(d, 30)),
	    .attrs = {.flags = roll(d, 16), .size = roll(d, 3000), .permissions = roll(d, 01000)},
	};
}

static void
take_answers(struct run *run)
{
	struct sftp_response r;

	while (session_next(&run->s, &r)) {
		assert_true(r.id < N_REQUESTS);
		run->n_answers[r.id]++;
		if (r.type != SSH_FXP_HANDLE)
			continue;
		struct session_handle *h = &run->handles[run->n_handles++ % N_HANDLES];
		memcpy(h->bytes, r.handle.ptr, sizeof h->bytes);
	}
}

/* Feeds what is there in pieces of any length; takes answers only now and then. */
static void
feed_some(struct run *run)
{
	struct slice bytes = buf_slice(&run->s.sent);
	uint32_t len = roll(&run->dice, 4000);
	size_t taken;

	enum err e =
	    sftp_server_feed(run->s.server, bytes.ptr, bytes.len < len ? bytes.len : len, &taken);
	assert_int_equal(e, ERR_OK);
	buf_consume(&run->s.sent, taken);
	if (roll(&run->dice, 3) == 0)
		take_answers(run);
	if (run->s.fs.n_waiting > 0 && roll(&run->dice, 4) == 0)
		memfs_complete(&run->s.fs, roll(&run->dice, (uint32_t)run->s.fs.n_waiting), 0);
}

static void
run_session(uint64_t seed)
{
	struct run *run = calloc(1, sizeof *run);

	assert_non_null(run);
	run->dice.state = seed;
	session_init(&run->s, roll(&run->dice, 8) == 0);
	if (roll(&run->dice, 2) == 0)
		sftp_server_set_limits(
		    run->s.server, &(struct sftp_server_limits){
				       1 + roll(&run->dice, 40), 1 + roll(&run->dice, 20)});
	session_greet(&run->s);
	memfs_add_file(&run->s.fs, "/a", NULL, 100000);
	memfs_add_dir(&run->s.fs, "/d");
	for (uint32_t id = 0; id < N_REQUESTS; id++) {
		struct sftp_request r = any_request(run, id);
		run->s.fs.close = (enum memfs_close)roll(&run->dice, 3);
		run->s.fs.read_most = roll(&run->dice, 2) * 5000;
		session_put(&run->s, &r);
		feed_some(run);
	}
	while (buf_len(&run->s.sent) > 0 || run->s.fs.n_waiting > 0 ||
	       sftp_server_has_work(run->s.server)) {
		feed_some(run);
		take_answers(run);
	}
	take_answers(run);
	for (uint32_t id = 0; id < N_REQUESTS; id++)
		assert_int_equal(run->n_answers[id], 1);
	assert_true(sftp_server_idle(run->s.server));
	session_fini(&run->s);
	free(run);
}

static void
test_each_request_is_answered_once(void **state unused_arg)
{
	uint64_t seed = (uint64_t)time_now_us();
	const char *given = getenv("SFTP_SEED");

	if (given != NULL)
		assert_true(text_to_u64(slice_str(given), UINT64_MAX, &seed));
	print_message("# SFTP_SEED=%llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < N_SESSIONS; i++)
		run_session((seed + i) | 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_request_is_answered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
