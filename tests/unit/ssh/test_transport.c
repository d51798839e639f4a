/* Both sides of the transport against each other: the stream, and what it costs. */
#include "world.h"

#include <fcntl.h>

#include "ssh/transport_client.h"

static void
echoes_small_and_large(void **state)
{
	static const size_t LENGTHS[] = {1, 2, 1000, 32757, 32758, 32759, 32768, 65536, 300000};
	static uint8_t sent[300000], got[300000];
	struct serve how = usual(SERVE_ECHO);
	pid_t pid;

	(void)state;
	struct transport *t = log_in(&how, &pid);
	for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
		pattern_fill(sent, LENGTHS[i], i * 1000);
		/* No more than both windows hold: the far side writes while we do. */
		write_all(t, sent, LENGTHS[i]);
		read_all(t, got, LENGTHS[i]);
		assert_memory_equal(sent, got, LENGTHS[i]);
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* A peer's goodbye is told once, as an orderly end, and what was said before it is not lost. */
static void
tells_the_end_after_the_bytes(void **state)
{
	struct serve how = usual(SERVE_SOURCE);
	struct transport_event ev;
	uint8_t bytes[1000], want[1000];
	pid_t pid;
	bool extra;

	(void)state;
	how.total = sizeof bytes;
	struct transport *t = log_in(&how, &pid);
	read_all(t, bytes, sizeof bytes);
	pattern_fill(want, sizeof want, 0);
	assert_memory_equal(bytes, want, sizeof want);
	assert_int_equal(transport_wait(t, -1, 50 * US_PER_MS, &extra), ERR_OK);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_NOTHING);
	transport_close(t, US_PER_SEC);
	transport_next_event(t, &ev);
	if (ev.type == TRANSPORT_PEER_EOF)
		transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_OK);
	assert_string_equal(ev.story, "");
	size_t n;
	assert_int_equal(transport_write(t, bytes, 1, &n), ERR_CLOSED);
	assert_int_equal(transport_read(t, bytes, 1, &n), ERR_OK);
	assert_int_equal(n, 0);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

static void
wait_until_flushed(struct transport *t)
{
	bool extra;

	while (!transport_flushed(t))
		assert_int_equal(transport_wait(t, -1, 10 * US_PER_MS, &extra), ERR_OK);
}

enum { BULK = 64 * 1024 * 1024 };

static void
takes_bulk(void **state)
{
	static uint8_t bytes[256 * 1024], want[256 * 1024];
	struct serve how = usual(SERVE_SOURCE);
	uint64_t done = 0;
	pid_t pid;

	(void)state;
	how.total = BULK;
	struct transport *t = log_in(&how, &pid);
	while (done < BULK) {
		size_t n = read_some(t, bytes, sizeof bytes);
		assert_true(n > 0);
		pattern_fill(want, n, done);
		assert_memory_equal(bytes, want, n);
		done += n;
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* Sends, drops the client's end without a word more, and looks how the server took that. */
static void
gives_bulk(void **state)
{
	static uint8_t bytes[256 * 1024];
	struct serve how = usual(SERVE_ECHO);
	EVP_MD_CTX *sent = EVP_MD_CTX_new(), *got = EVP_MD_CTX_new();
	uint8_t a[32], b[32];
	uint64_t out = 0, in = 0;
	pid_t pid;

	(void)state;
	EVP_DigestInit_ex(sent, EVP_sha256(), NULL);
	EVP_DigestInit_ex(got, EVP_sha256(), NULL);
	struct transport *t = log_in(&how, &pid);
	size_t len = 0, at = 0, n;
	while (in < BULK) {
		struct transport_event ev;
		if (at == len && out < BULK) {
			len = sizeof bytes;
			at = 0;
			pattern_fill(bytes, len, out);
			EVP_DigestUpdate(sent, bytes, len);
			out += len;
		}
		assert_int_equal(transport_write(t, bytes + at, len - at, &n), ERR_OK);
		at += n;
		transport_next_event(t, &ev);
		assert_int_not_equal(ev.type, TRANSPORT_CLOSED);
		if (ev.type == TRANSPORT_READABLE) {
			static uint8_t back[100000];
			assert_int_equal(transport_read(t, back, sizeof back, &n), ERR_OK);
			EVP_DigestUpdate(got, back, n);
			in += n;
		} else if (n == 0) {
			wait_for(t);
		}
	}
	EVP_DigestFinal_ex(sent, a, NULL);
	EVP_DigestFinal_ex(got, b, NULL);
	assert_memory_equal(a, b, sizeof a);
	EVP_MD_CTX_free(sent);
	EVP_MD_CTX_free(got);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* A client that opens its window far, as PuTTY does, and reads slowly: the server keeps its memory.
 */
static void
bounds_what_it_queues(void **state)
{
	struct serve how = usual(SERVE_SOURCE);
	static uint8_t bytes[64 * 1024];
	uint64_t done = 0;
	pid_t pid;

	(void)state;
	how.total = 2 * BULK;
#ifdef TEST_WITH_ASAN
	print_message("# memory is not measured: the sanitizer keeps what was freed\n");
#else
	how.bound_memory = true;
#endif
	struct transport *t = log_in(&how, &pid);
	wire_client_set_window(client_of(t)->wire, WIRE_CLIENT_WINDOW_MAX);
	/* Opened with the first bytes. */
	while (done < PIECE)
		done += read_some(t, bytes, sizeof bytes);
	wait_until_flushed(t);
	/* Time enough to queue it all, if nothing held it back. */
	(void)usleep(300000);
	while (done < how.total) {
		size_t got = read_some(t, bytes, sizeof bytes);
		if (got == 0)
			break;
		done += got;
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
	assert_int_equal(done, how.total);
}

/* The other way: a peer that doesn't read stops us; transport_wait sleeps instead of spinning. */
static void
sleeps_while_the_peer_does_not_read(void **state)
{
	struct serve how = usual(SERVE_IGNORE);
	static uint8_t bytes[64 * 1024];
	struct rusage before, after;
	size_t n, total = 0;
	bool extra;
	pid_t pid;

	(void)state;
	struct transport *t = log_in(&how, &pid);
	long start = resident_bytes();
	for (int idle = 0; idle < 5;) {
		assert_int_equal(transport_write(t, bytes, sizeof bytes, &n), ERR_OK);
		total += n;
		if (n > 0)
			continue;
		assert_int_equal(transport_wait(t, -1, 20 * US_PER_MS, &extra), ERR_OK);
		idle++;
	}
	assert_true(total > 0 && total < 16 * 1024 * 1024);
	assert_true(resident_bytes() - start < RSS_SLACK);
	(void)getrusage(RUSAGE_SELF, &before);
	assert_int_equal(transport_wait(t, -1, 500 * US_PER_MS, &extra), ERR_OK);
	(void)getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	assert_true(after.ru_utime.tv_usec - before.ru_utime.tv_usec < 200000 ||
		    after.ru_utime.tv_sec != before.ru_utime.tv_sec);
	transport_free(t);
	/* It reads nothing, so it can't see the end, which is behind what we sent. */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(child_status(pid), 1000 + SIGKILL);
}

/* A server that leaves bytes where they are still learns that the peer has hung up. */
static void
notices_a_hang_up_past_bytes(void **state)
{
	struct serve how = usual(SERVE_IGNORE);
	static uint8_t bytes[1000];
	pid_t pid;

	(void)state;
	struct transport *t = log_in(&how, &pid);
	write_all(t, bytes, sizeof bytes);
	wait_until_flushed(t);
	int64_t start = time_mono_us();
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
	assert_true(time_mono_us() - start < 10 * US_PER_SEC);
}

/* The caller's own descriptor wakes it, whether bytes wait that it doesn't take or not. */
static void
watches_the_callers_descriptor(void **state)
{
	struct serve how = usual(SERVE_SOURCE);
	struct transport_event ev;
	int pipe_fds[2];
	bool extra;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	how.total = 100000;
	struct transport *t = log_in(&how, &pid);
	do {
		wait_for(t);
		transport_next_event(t, &ev);
	} while (ev.type != TRANSPORT_READABLE);
	/* Told and not taken: no more reason to wake. */
	int64_t start = time_mono_us();
	assert_int_equal(transport_wait(t, pipe_fds[0], 100 * US_PER_MS, &extra), ERR_OK);
	assert_false(extra);
	assert_true(time_mono_us() - start >= 90 * US_PER_MS);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	start = time_mono_us();
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	/* Taken in part: what is left wakes at once, and the descriptor is still told of. */
	uint8_t byte;
	size_t n;
	assert_int_equal(transport_read(t, &byte, 1, &n), ERR_OK);
	assert_int_equal(n, 1);
	start = time_mono_us();
	assert_int_equal(transport_wait(t, -1, 10 * US_PER_SEC, &extra), ERR_OK);
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

static void
serves_inside_the_sandbox(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	uint8_t sent[5000], got[5000];
	pid_t pid;

	(void)state;
#ifdef TEST_WITH_ASAN
	print_message("# seccomp is left out: the sanitizer's own calls aren't on its list\n");
#endif
	how.sandbox = true;
	struct transport *t = log_in(&how, &pid);
	pattern_fill(sent, sizeof sent, 0);
	write_all(t, sent, sizeof sent);
	read_all(t, got, sizeof got);
	assert_memory_equal(sent, got, sizeof sent);
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

static void
answers_late(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	pid_t pid;

	(void)state;
	how.delay_ms = 150;
	struct transport *t = log_in(&how, &pid);
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/*
 * A connection whose socket is dead without our having read of it: the peer was killed with bytes
 * of ours unread. The caller's descriptor in `extra` stays silent.
 */
static struct transport *
log_in_and_lose_peer(int extra)
{
	static const uint8_t BYTES[1000];
	struct serve how = usual(SERVE_IGNORE);
	bool readable;
	size_t n;
	pid_t pid;

	struct transport *t = log_in(&how, &pid);
	assert_int_equal(transport_wait(t, extra, 10 * US_PER_MS, &readable), ERR_OK);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(transport_write(t, BYTES, sizeof BYTES, &n), ERR_OK);
	assert_int_equal(n, sizeof BYTES);
	assert_int_equal(transport_wait(t, extra, 10 * US_PER_MS, &readable), ERR_OK);
	assert_true(transport_flushed(t));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(child_status(pid), 1000 + SIGKILL);
	return t;
}

static void
a_dead_socket_keeps_nobody_waiting(void **state)
{
	struct transport_event ev;
	int pipe_fds[2];
	bool readable;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	struct transport *t = log_in_and_lose_peer(pipe_fds[0]);
	int64_t start = time_mono_us();
	transport_close(t, 10 * US_PER_SEC);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	transport_free(t);
	/* The same when it is found out between two waits, by what is written. */
	t = log_in_and_lose_peer(pipe_fds[0]);
	start = time_mono_us();
	size_t n;
	assert_int_equal(transport_write(t, (const uint8_t *)"x", 1, &n), ERR_OK);
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &readable), ERR_OK);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_CLOSED);
	transport_free(t);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void
frees_what_never_began(void **state)
{
	struct transport_server_limits limits = {US_PER_SEC, 3, TRANSPORT_PUBLICKEY};
	struct transport *t;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(transport_server_new(&t, fds[0], world.keys, &limits), ERR_OK);
	transport_free(t);
	/* Not even our version was sent, and the descriptor is closed. */
	char byte;
	assert_int_equal(read(fds[1], &byte, 1), 0);
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	(void)close(fds[1]);
	transport_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(echoes_small_and_large),
	    cmocka_unit_test(tells_the_end_after_the_bytes),
	    cmocka_unit_test(takes_bulk),
	    cmocka_unit_test(gives_bulk),
	    cmocka_unit_test(bounds_what_it_queues),
	    cmocka_unit_test(sleeps_while_the_peer_does_not_read),
	    cmocka_unit_test(notices_a_hang_up_past_bytes),
	    cmocka_unit_test(watches_the_callers_descriptor),
	    cmocka_unit_test(serves_inside_the_sandbox),
	    cmocka_unit_test(answers_late),
	    cmocka_unit_test(a_dead_socket_keeps_nobody_waiting),
	    cmocka_unit_test(frees_what_never_began),
	};

	return cmocka_run_group_tests_name("ssh/transport", tests, world_up, world_down);
}
