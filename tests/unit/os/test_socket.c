#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "child.h"
#include "os/fd.h"
#include "os/socket.h"
#include "scratch.h"

struct pair {
	int a, b;
};

static int
pair_setup(void **state)
{
	static struct pair p;
	int fds[2];

	if (socket_packet_pair(fds) != ERR_OK)
		return -1;
	p = (struct pair){fds[0], fds[1]};
	*state = &p;
	return 0;
}

static int
pair_teardown(void **state)
{
	struct pair *p = *state;

	fd_closep(&p->a);
	fd_closep(&p->b);
	return 0;
}

static int
open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void
test_packets_keep_their_boundaries(void **state)
{
	struct pair *p = *state;
	uint8_t got[16];
	int fds[SOCKET_FDS_MAX];
	size_t len, n_fds;

	assert_true((fcntl(p->a, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(socket_send_packet(p->a, "one", 3, NULL, 0), ERR_OK);
	assert_int_equal(socket_send_packet(p->a, "second", 6, NULL, 0), ERR_OK);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_OK);
	assert_int_equal(len, 3);
	assert_int_equal(n_fds, 0);
	assert_int_equal(socket_recv_packet(p->b, got, 6, &len, fds, &n_fds), ERR_OK);
	assert_int_equal(len, 6);
	assert_memory_equal(got, "second", 6);
}

static void
test_descriptors_travel(void **state)
{
	struct pair *p = *state;
	uint8_t got[16];
	int sent[SOCKET_FDS_MAX], fds[SOCKET_FDS_MAX];
	size_t len, n_fds, n_before = scratch_count_fds();

	for (size_t n = 1; n <= SOCKET_FDS_MAX; n++) {
		for (size_t i = 0; i < n; i++)
			sent[i] = open_null();
		assert_int_equal(socket_send_packet(p->a, "x", 1, sent, n), ERR_OK);
		for (size_t i = 0; i < n; i++)
			fd_closep(&sent[i]);
		assert_int_equal(
		    socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_OK);
		assert_int_equal(n_fds, n);
		for (size_t i = 0; i < n_fds; i++) {
			assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
			assert_int_equal(write(fds[i], "x", 1), 1);
			fd_closep(&fds[i]);
		}
	}
	assert_int_equal(scratch_count_fds(), n_before);
}

static void
test_truncated_packet_is_refused_and_its_descriptors_closed(void **state)
{
	struct pair *p = *state;
	uint8_t got[4];
	int null _cleanup_(fd_closep) = open_null(), fds[SOCKET_FDS_MAX];
	size_t len, n_fds, n_before = scratch_count_fds();

	assert_int_equal(socket_send_packet(p->a, "12345", 5, &null, 1), ERR_OK);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_FORMAT);
	assert_int_equal(n_fds, 0);
	assert_int_equal(len, 0);
	assert_int_equal(scratch_count_fds(), n_before);
	/* The line itself still works: the packet is gone as a whole. */
	assert_int_equal(socket_send_packet(p->a, "next", 4, NULL, 0), ERR_OK);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_OK);
	assert_int_equal(len, 4);
}

/* What socket_send_packet refuses to send: a hostile peer has its own sendmsg. */
static void
send_many_fds(int sock, size_t n_fds)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = {.bytes = {0}};
	char byte = 'x';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)),
	};
	int null = open_null();

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	for (size_t i = 0; i < n_fds; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof null, &null, sizeof null);
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), 1);
	close(null);
}

static void
test_too_many_descriptors_are_refused_and_closed(void **state)
{
	struct pair *p = *state;
	uint8_t got[4];
	int fds[SOCKET_FDS_MAX];
	size_t len, n_fds, n_before = scratch_count_fds();

	for (size_t n = SOCKET_FDS_MAX + 1; n <= 64; n += 11) {
		send_many_fds(p->a, n);
		assert_int_equal(
		    socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_FORMAT);
		assert_int_equal(n_fds, 0);
		assert_int_equal(scratch_count_fds(), n_before);
	}
	send_many_fds(p->a, SOCKET_FDS_MAX);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_OK);
	assert_int_equal(n_fds, SOCKET_FDS_MAX);
	for (size_t i = 0; i < n_fds; i++)
		fd_closep(&fds[i]);
}

static int
send_too_many(void *ctx)
{
	int fds[SOCKET_FDS_MAX + 1] = {0};
	struct pair *p = ctx;

	return (int)socket_send_packet(p->a, "x", 1, fds, SOCKET_FDS_MAX + 1);
}

static void
test_sending_too_many_descriptors_is_a_bug(void **state)
{
	assert_true(child_finds_bug(send_too_many, *state));
}

static void
test_ends_of_the_line(void **state)
{
	struct pair *p = *state;
	uint8_t got[4];
	int fds[SOCKET_FDS_MAX];
	size_t len, n_fds;

	assert_int_equal(fd_set_nonblocking(p->b), ERR_OK);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_AGAIN);
	assert_int_equal(socket_send_packet(p->a, "last", 4, NULL, 0), ERR_OK);
	fd_closep(&p->a);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_OK);
	assert_int_equal(socket_recv_packet(p->b, got, sizeof got, &len, fds, &n_fds), ERR_CLOSED);
	/* No SIGPIPE, which would end this program. */
	assert_int_equal(socket_send_packet(p->b, "x", 1, NULL, 0), ERR_CLOSED);
	assert_int_equal(socket_send_packet(-1, "x", 1, NULL, 0), ERR_INVALID);
}

static void
test_full_socket_says_again(void **state)
{
	static const uint8_t BLOCK[8192];
	struct pair *p = *state;
	enum err e = ERR_OK;
	int n = 0;

	assert_int_equal(fd_set_nonblocking(p->a), ERR_OK);
	while (e == ERR_OK && n++ < 10000)
		e = socket_send_packet(p->a, BLOCK, sizeof BLOCK, NULL, 0);
	assert_int_equal(e, ERR_AGAIN);
}

static const struct {
	const char *text;
	uint16_t default_port;
	bool good;
	const char *host;
	uint16_t port;
} ADDRESSES[] = {
    {"192.0.2.1:22", 0, true, "192.0.2.1", 22},
    {"sftp.acme.example:2222", 22, true, "sftp.acme.example", 2222},
    {"sftp.acme.example", 22, true, "sftp.acme.example", 22},
    {"sftp.acme.example", 0, false, NULL, 0}, {"[2001:db8::1]:22", 0, true, "2001:db8::1", 22},
    {"[2001:db8::1]", 22, true, "2001:db8::1", 22}, {"[2001:db8::1]", 0, false, NULL, 0},
    {"[::]:65535", 0, true, "::", 65535}, {"host:1", 0, true, "host", 1},
    {"host:0", 22, false, NULL, 0}, {"host:65536", 22, false, NULL, 0},
    {"host:-1", 22, false, NULL, 0}, {"host:+1", 22, false, NULL, 0},
    {"host: 1", 22, false, NULL, 0}, {"host:22x", 22, false, NULL, 0},
    {"host:", 22, false, NULL, 0}, {":22", 22, false, NULL, 0}, {"", 22, false, NULL, 0},
    {":", 22, false, NULL, 0}, {"[]:22", 22, false, NULL, 0}, {"[", 22, false, NULL, 0},
    {"[::1", 22, false, NULL, 0}, {"[::1]22", 22, false, NULL, 0}, {"[::1]:", 22, false, NULL, 0},
    {"[::1]:22:", 22, false, NULL, 0}, {"2001:db8::1", 22, false, NULL, 0},
    {"host:22:33", 22, false, NULL, 0},
    {"host:18446744073709551638", 22, false, NULL, 0}, /* 2^64 + 22 */
};

static void
test_split_address(void **state)
{
	char host[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ADDRESSES); i++) {
		uint16_t port = 0;
		bool good = socket_split_address(
		    ADDRESSES[i].text, ADDRESSES[i].default_port, host, sizeof host, &port);
		if (good != ADDRESSES[i].good)
			fail_msg("\"%s\"", ADDRESSES[i].text);
		if (!good)
			continue;
		assert_string_equal(host, ADDRESSES[i].host);
		assert_int_equal(port, ADDRESSES[i].port);
	}
	uint16_t port;
	assert_false(socket_split_address("12345:22", 0, host, 5, &port));
	assert_true(socket_split_address("1234:22", 0, host, 5, &port));
}

static void
test_text_of_addresses(void **state)
{
	static const struct {
		int family;
		const char *host, *text, *plain;
	} CASES[] = {
	    {AF_INET, "192.0.2.1", "192.0.2.1:2222", "192.0.2.1"},
	    {AF_INET6, "2001:db8::1", "[2001:db8::1]:2222", "2001:db8::1"},
	    {AF_INET6, "::ffff:192.0.2.7", "192.0.2.7:2222", "192.0.2.7"},
	    {AF_UNIX, NULL, "?:0", "?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct sockaddr_storage ss = {.ss_family = (sa_family_t)CASES[i].family};
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(2222)};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(2222)};
		char dst[ADDRESS_TEXT_MAX];
		if (CASES[i].family == AF_INET) {
			assert_int_equal(inet_pton(AF_INET, CASES[i].host, &in.sin_addr), 1);
			memcpy(&ss, &in, sizeof in);
		} else if (CASES[i].family == AF_INET6) {
			assert_int_equal(inet_pton(AF_INET6, CASES[i].host, &in6.sin6_addr), 1);
			memcpy(&ss, &in6, sizeof in6);
		}
		socket_address_text(&ss, dst);
		assert_string_equal(dst, CASES[i].text);
		socket_address_host(&ss, dst);
		assert_string_equal(dst, CASES[i].plain);
	}
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

static void
test_tcp(void **state)
{
	int listener _cleanup_(fd_closep) = -1, client _cleanup_(fd_closep) = -1, second = -1;
	struct story story = {""};
	socklen_t len = sizeof(int);
	int nodelay = 0;

	(void)state;
	assert_int_equal(socket_listen_tcp("127.0.0.1", 0, &listener, &story), ERR_OK);
	uint16_t port = bound_port(listener);
	assert_int_equal(
	    socket_connect_tcp("127.0.0.1", port, 5 * US_PER_SEC, &client, &story), ERR_OK);
	assert_int_equal(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
	assert_true(nodelay != 0);
	assert_int_equal(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_not_equal(socket_listen_tcp("127.0.0.1", port, &second, &story), ERR_OK);
	assert_int_equal(second, -1);
	assert_non_null(strstr(story.text, "cannot listen on 127.0.0.1 port"));
	fd_closep(&client);
	fd_closep(&listener);
	assert_int_equal(socket_connect_tcp("127.0.0.1", port, 5 * US_PER_SEC, &client, &story),
	    ERR_UNREACHABLE);
	assert_int_equal(client, -1);
	assert_non_null(strstr(story.text, "Connection refused"));
	assert_int_equal(socket_listen_tcp("localhost", 0, &listener, &story), ERR_INVALID);
	assert_int_equal(
	    socket_connect_tcp("no-such-host.invalid", 22, US_PER_SEC, &client, &story),
	    ERR_UNREACHABLE);
}

/* As a child that was forked, and did not come to closing what it inherited. */
static void
test_listening_ends_whoever_holds_the_socket(void **state unused_arg)
{
	int listener _cleanup_(fd_closep) = -1, held _cleanup_(fd_closep) = -1;
	int narrower _cleanup_(fd_closep) = -1, client _cleanup_(fd_closep) = -1;
	struct story story;

	assert_int_equal(socket_listen_tcp("0.0.0.0", 0, &listener, &story), ERR_OK);
	uint16_t port = bound_port(listener);
	assert_int_equal(fd_dup(listener, &held), ERR_OK);
	assert_int_not_equal(socket_listen_tcp("127.0.0.1", port, &narrower, &story), ERR_OK);
	assert_int_equal(
	    socket_connect_tcp("127.0.0.1", port, 5 * US_PER_SEC, &client, &story), ERR_OK);
	socket_stop_listening(&listener);
	assert_int_equal(listener, -1);
	socket_stop_listening(&listener);
	fd_closep(&client);
	assert_int_not_equal(
	    socket_connect_tcp("127.0.0.1", port, 5 * US_PER_SEC, &client, &story), ERR_OK);
	assert_int_equal(socket_listen_tcp("127.0.0.1", port, &narrower, &story), ERR_OK);
	assert_int_equal(
	    socket_connect_tcp("127.0.0.1", port, 5 * US_PER_SEC, &client, &story), ERR_OK);
}

/* A listener whose queue is full answers nothing: the time limit must end the wait. */
static void
test_connect_keeps_to_its_time(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[8];
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	enum err e = ERR_OK;
	size_t n = 0;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(listener, 0), 0);
	uint16_t port = bound_port(listener);
	int64_t started = time_mono_us();
	while (n < ARRAY_LEN(fds) && e == ERR_OK) {
		e = socket_connect_tcp("127.0.0.1", port, 200 * US_PER_MS, &fds[n], NULL);
		n += e == ERR_OK ? 1 : 0;
	}
	assert_int_equal(e, ERR_TIMEOUT);
	assert_true(time_mono_us() - started < 10 * US_PER_SEC);
	while (n > 0)
		close(fds[--n]);
	close(listener);
}

static void
test_control_socket(void **state)
{
	int listener _cleanup_(fd_closep) = -1, client _cleanup_(fd_closep) = -1, peer;
	struct scratch s;
	struct stat st;
	struct story story;
	char path[300];
	uid_t uid = 1;

	(void)state;
	scratch_init(&s);
	(void)snprintf(path, sizeof path, "%s/control", s.path);
	assert_int_equal(socket_connect_unix(path, &client, &story), ERR_NOENT);
	assert_int_equal(socket_listen_unix(path, &listener, &story), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(socket_connect_unix(path, &client, &story), ERR_OK);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(socket_peer_uid(peer, &uid), ERR_OK);
	assert_int_equal(uid, getuid());
	close(peer);
	fd_closep(&client);
	fd_closep(&listener);
	/* What a crashed predecessor left: nobody answers, and the name can be taken over. */
	assert_int_equal(socket_connect_unix(path, &client, &story), ERR_UNREACHABLE);
	assert_int_equal(socket_listen_unix(path, &listener, &story), ERR_OK);
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	fd_closep(&listener);
	assert_int_equal(socket_listen_unix(path, &listener, &story), ERR_NAMETOOLONG);
	assert_int_equal(socket_connect_unix(path, &client, &story), ERR_NAMETOOLONG);
	scratch_fini(&s);
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PAIR_TEST(test_packets_keep_their_boundaries),
	    PAIR_TEST(test_descriptors_travel),
	    PAIR_TEST(test_truncated_packet_is_refused_and_its_descriptors_closed),
	    PAIR_TEST(test_too_many_descriptors_are_refused_and_closed),
	    PAIR_TEST(test_sending_too_many_descriptors_is_a_bug),
	    PAIR_TEST(test_ends_of_the_line),
	    PAIR_TEST(test_full_socket_says_again),
	    cmocka_unit_test(test_split_address),
	    cmocka_unit_test(test_text_of_addresses),
	    cmocka_unit_test(test_tcp),
	    cmocka_unit_test(test_listening_ends_whoever_holds_the_socket),
	    cmocka_unit_test(test_connect_keeps_to_its_time),
	    cmocka_unit_test(test_control_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
