/* A byte stream without SSH, and waiting for several at once. */
#include "world.h"

#include <fcntl.h>

enum { N = 5 };

struct side {
	struct transport *t;
	int fd; /* the far end */
};

static struct side
side_up(void)
{
	struct side s;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(transport_plain_new(&s.t, fds[0]), ERR_OK);
	s.fd = fds[1];
	return s;
}

static void
side_down(struct side *s)
{
	transport_free(s->t);
	fd_closep(&s->fd);
}

static void
carries_bytes_both_ways(void **state)
{
	struct transport_event ev;
	uint8_t bytes[16];
	size_t n;

	(void)state;
	struct side s = side_up();
	assert_int_equal(transport_write(s.t, (const uint8_t *)"ping", 4, &n), ERR_OK);
	assert_int_equal(n, 4);
	assert_true(transport_flushed(s.t));
	assert_int_equal(read(s.fd, bytes, sizeof bytes), 4);
	assert_int_equal(write(s.fd, "pong!", 5), 5);
	wait_for(s.t);
	transport_next_event(s.t, &ev);
	assert_int_equal(ev.type, TRANSPORT_READABLE);
	assert_true(slice_is(transport_peek(s.t), "pong!"));
	transport_consume(s.t, 4);
	assert_int_equal(transport_read(s.t, bytes, sizeof bytes, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(transport_round_trip_us(s.t), 0);
	assert_int_equal(transport_window(s.t), 0);
	side_down(&s);
}

/* What was said last is told before the end, and both ends once. */
static void
tells_the_end(void **state)
{
	struct transport_event ev;
	uint8_t byte;
	size_t n;

	(void)state;
	struct side s = side_up();
	assert_int_equal(write(s.fd, "x", 1), 1);
	fd_closep(&s.fd);
	assert_int_equal(read_some(s.t, &byte, 1), 1);
	do {
		wait_for(s.t);
		transport_next_event(s.t, &ev);
	} while (ev.type == TRANSPORT_NOTHING);
	assert_int_equal(ev.type, TRANSPORT_PEER_EOF);
	transport_next_event(s.t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_OK);
	assert_string_equal(ev.story, "");
	assert_int_equal(transport_write(s.t, &byte, 1, &n), ERR_CLOSED);
	side_down(&s);
}

/* A far end that takes nothing stops us, in little memory; when it takes, there is room again. */
static void
waits_for_a_far_end_that_does_not_read(void **state)
{
	static uint8_t bytes[64 * 1024], taken[64 * 1024];
	size_t n = 1, total = 0, got = 0;

	(void)state;
	struct side s = side_up();
	while (n > 0) {
		pattern_fill(bytes, sizeof bytes, total);
		assert_int_equal(transport_write(s.t, bytes, sizeof bytes, &n), ERR_OK);
		total += n;
		assert_true(total < 16 * 1024 * 1024);
	}
	while (got < total) {
		ssize_t some = recv(s.fd, taken, sizeof taken, MSG_DONTWAIT);
		if (some < 0) {
			bool extra;
			assert_int_equal(transport_wait(s.t, -1, 10 * US_PER_MS, &extra), ERR_OK);
			continue;
		}
		pattern_fill(bytes, (size_t)some, got);
		assert_memory_equal(taken, bytes, (size_t)some);
		got += (size_t)some;
	}
	assert_true(transport_flushed(s.t));
	side_down(&s);
}

/* The one of many that has something to tell ends the wait for all, and so does the descriptor. */
static void
waits_for_many(void **state)
{
	struct transport *ts[N];
	struct transport_event ev;
	struct side sides[N];
	int pipe_fds[2];
	bool extra;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	for (size_t i = 0; i < N; i++) {
		sides[i] = side_up();
		ts[i] = sides[i].t;
	}
	assert_int_equal(transport_wait_many(ts, N, -1, 10 * US_PER_MS, &extra), ERR_OK);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(write(sides[i].fd, "x", 1), 1);
		int64_t start = time_mono_us();
		assert_int_equal(
		    transport_wait_many(ts, N, pipe_fds[0], 20 * US_PER_SEC, &extra), ERR_OK);
		assert_true(time_mono_us() - start < 10 * US_PER_SEC);
		assert_false(extra);
		for (size_t j = 0; j < N; j++) {
			transport_next_event(ts[j], &ev);
			assert_int_equal(ev.type, j == i ? TRANSPORT_READABLE : TRANSPORT_NOTHING);
		}
		transport_consume(ts[i], 1);
	}
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(transport_wait_many(ts, N, pipe_fds[0], 20 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	/* None at all: only the descriptor. */
	assert_int_equal(
	    transport_wait_many(NULL, 0, pipe_fds[0], 20 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	for (size_t i = 0; i < N; i++)
		side_down(&sides[i]);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

/* Who reads without having asked what there is, and asks afterwards, still hears of the next. */
static void
tells_of_more_after_an_unasked_read(void **state)
{
	struct transport_event ev;
	uint8_t bytes[16];
	size_t n;

	(void)state;
	struct side s = side_up();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(s.fd, "x", 1), 1);
		int64_t start = time_mono_us();
		wait_for(s.t);
		assert_true(time_mono_us() - start < 10 * US_PER_SEC);
		assert_int_equal(transport_read(s.t, bytes, sizeof bytes, &n), ERR_OK);
		assert_int_equal(n, 1);
		transport_next_event(s.t, &ev);
		assert_int_equal(ev.type, TRANSPORT_NOTHING);
	}
	side_down(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(carries_bytes_both_ways),
	    cmocka_unit_test(tells_the_end),
	    cmocka_unit_test(waits_for_a_far_end_that_does_not_read),
	    cmocka_unit_test(waits_for_many),
	    cmocka_unit_test(tells_of_more_after_an_unasked_read),
	};

	return cmocka_run_group_tests_name("ssh/transport_plain", tests, NULL, NULL);
}
