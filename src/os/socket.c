#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"

enum { LISTEN_BACKLOG = 512 };

enum err
socket_packet_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? err_last()
										  : ERR_OK;
}

/* Room for the descriptors of one packet, aligned as the kernel wants it. */
union fds_control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
};

enum err
socket_send_packet(int fd, const void *bytes, size_t len, const int *fds, size_t n_fds)
{
	union fds_control control = {.bytes = {0}};
	struct iovec iov = {.iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	BUG_ON(n_fds > SOCKET_FDS_MAX);
	memcpy(&iov.iov_base, &bytes, sizeof bytes);
	if (n_fds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? err_last() : ERR_OK;
}

static void
close_all(const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		(void)close(fds[i]);
}

/* The descriptors of a received packet; a packet from our own roles has at most one such header. */
static size_t
take_fds(struct msghdr *msg, int ret_fds[SOCKET_FDS_MAX])
{
	size_t n_fds = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && n_fds < SOCKET_FDS_MAX; i++)
			memcpy(&ret_fds[n_fds++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return n_fds;
}

enum err
socket_recv_packet(int fd, void *dst, size_t dst_len, size_t *ret_len, int ret_fds[SOCKET_FDS_MAX],
    size_t *ret_n_fds)
{
	union fds_control control;
	struct iovec iov = {.iov_base = dst, .iov_len = dst_len};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	*ret_len = *ret_n_fds = 0;
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_last();
	size_t n_fds = take_fds(&msg, ret_fds);
	if (n == 0 || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		/* There was space for more, but not in our table of descriptors. */
		bool full = (msg.msg_flags & MSG_CTRUNC) != 0 && n_fds < SOCKET_FDS_MAX;
		close_all(ret_fds, n_fds);
		return n == 0 ? ERR_CLOSED : full ? ERR_NOFILES : ERR_FORMAT;
	}
	*ret_len = (size_t)n;
	*ret_n_fds = n_fds;
	return ERR_OK;
}

/* Numeric host text, with an IPv4 address inside of an IPv6 one shown as what it is. */
static void
host_text(const struct sockaddr_storage *addr, char dst[INET6_ADDRSTRLEN], uint16_t *ret_port)
{
	(void)snprintf(dst, INET6_ADDRSTRLEN, "?");
	*ret_port = 0;
	if (addr->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, addr, sizeof in);
		(void)inet_ntop(AF_INET, &in.sin_addr, dst, INET6_ADDRSTRLEN);
		*ret_port = ntohs(in.sin_port);
	} else if (addr->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, addr, sizeof in6);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			(void)inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], dst, INET6_ADDRSTRLEN);
		else
			(void)inet_ntop(AF_INET6, &in6.sin6_addr, dst, INET6_ADDRSTRLEN);
		*ret_port = ntohs(in6.sin6_port);
	}
}

void
socket_address_text(const struct sockaddr_storage *addr, char dst[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];
	uint16_t port;

	host_text(addr, host, &port);
	bool v6 = strchr(host, ':') != NULL;
	(void)snprintf(dst, ADDRESS_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

void
socket_address_host(const struct sockaddr_storage *addr, char dst[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];
	uint16_t port;

	host_text(addr, host, &port);
	(void)snprintf(dst, ADDRESS_TEXT_MAX, "%s", host);
}

bool
socket_split_address(
    const char *text, uint16_t default_port, char *ret_host, size_t host_len, uint16_t *ret_port)
{
	struct slice host, port = slice_of(NULL, 0);
	uint64_t number = default_port;

	if (text[0] == '[') {
		struct slice rest = slice_cut(slice_str(text + 1), ']', &host);
		if (rest.ptr == NULL || (rest.len > 0 && rest.ptr[0] != ':'))
			return false;
		if (rest.len > 0)
			port = slice_of(rest.ptr + 1, rest.len - 1);
		if (rest.len == 1)
			return false;
	} else {
		port = slice_cut(slice_str(text), ':', &host);
		if (port.ptr != NULL && (port.len == 0 || slice_has(port, ':')))
			return false;
	}
	if (port.ptr != NULL && !text_to_u64(port, UINT16_MAX, &number))
		return false;
	*ret_port = (uint16_t)number;
	return host.len > 0 && number > 0 && slice_copy(host, ret_host, host_len);
}

static void
port_text(uint16_t port, char dst[8])
{
	(void)snprintf(dst, 8, "%u", (unsigned)port);
}

static int
open_listener(const struct addrinfo *ai)
{
	int one = 1;
	int fd _cleanup_(fd_closep) =
	    socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
		return -1;
	if (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
		return -1;
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -1;
	return fd_take(&fd);
}

enum err
socket_listen_tcp(const char *host, uint16_t port, int *ret_fd, struct story *story)
{
	struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char service[8];

	port_text(port, service);
	int rc = getaddrinfo(host, service, &hints, &found);
	if (rc != 0)
		return story_fail(story, ERR_INVALID, "cannot listen on %s port %u: %s", host,
		    (unsigned)port, gai_strerror(rc));
	*ret_fd = open_listener(found);
	enum err e = *ret_fd < 0 ? err_last() : ERR_OK;
	freeaddrinfo(found);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot listen on %s port %u: %s", host, (unsigned)port,
		    strerror(errno));
	return ERR_OK;
}

void
socket_stop_listening(int *fd)
{
	/* To close our descriptor alone would leave it to the last holder when listening ends. */
	if (*fd >= 0)
		(void)shutdown(*fd, SHUT_RDWR);
	fd_closep(fd);
}

/* connect(2) with a time limit; the socket is blocking again afterwards. */
static enum err
connect_within(int fd, const struct addrinfo *ai, int64_t timeout_us)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0, n;
	socklen_t error_len = sizeof error;

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return ERR_OK;
	if (errno != EINPROGRESS)
		return err_last();
	int64_t deadline = time_mono_us() + timeout_us;
	do {
		int64_t left_ms = (deadline - time_mono_us()) / US_PER_MS;
		n = poll(&p, 1, left_ms < 0 ? 0 : (int)left_ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ERR_TIMEOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
		return err_last();
	errno = error;
	return error == 0 ? ERR_OK : err_last();
}

static enum err
open_connection(const struct addrinfo *ai, int64_t timeout_us, int *ret_fd)
{
	int fd _cleanup_(fd_closep) =
	    socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_last();
	enum err e = connect_within(fd, ai, timeout_us);
	if (e != ERR_OK)
		return e;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		return err_last();
	e = socket_set_keepalive(fd);
	if (e == ERR_OK)
		e = socket_set_nodelay(fd);
	if (e == ERR_OK)
		*ret_fd = fd_take(&fd);
	return e;
}

enum err
socket_connect_tcp(
    const char *host, uint16_t port, int64_t timeout_us, int *ret_fd, struct story *story)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	enum err e = ERR_UNREACHABLE;
	char service[8];

	*ret_fd = -1;
	port_text(port, service);
	int rc = getaddrinfo(host, service, &hints, &found);
	if (rc != 0)
		return story_fail(story, ERR_UNREACHABLE, "cannot find the address of %s: %s", host,
		    gai_strerror(rc));
	for (struct addrinfo *ai = found; ai != NULL && *ret_fd < 0; ai = ai->ai_next)
		e = open_connection(ai, timeout_us, ret_fd);
	freeaddrinfo(found);
	if (*ret_fd >= 0)
		return ERR_OK;
	return story_fail(story, e, "cannot connect to %s port %u: %s", host, (unsigned)port,
	    e == ERR_UNREACHABLE ? strerror(errno) : err_text(e));
}

static enum err
unix_address(const char *path, struct sockaddr_un *ret_addr, struct story *story)
{
	*ret_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!slice_copy(slice_str(path), ret_addr->sun_path, sizeof ret_addr->sun_path))
		return story_fail(story, ERR_NAMETOOLONG,
		    "%s: a socket's path has at most %zu bytes", path,
		    sizeof ret_addr->sun_path - 1);
	return ERR_OK;
}

enum err
socket_listen_unix(const char *path, int *ret_fd, struct story *story)
{
	struct sockaddr_un addr;
	int fd _cleanup_(fd_closep) =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return story_fail(story, err_last(), "cannot make a socket: %s", strerror(errno));
	enum err e = unix_address(path, &addr, story);
	if (e != ERR_OK)
		return e;
	/* What a crashed predecessor left. Its owner held the home directory's lock, and so do we
	 * now. */
	(void)unlink(path);
	mode_t mask = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)&addr, sizeof addr);
	(void)umask(mask);
	if (rc < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return story_fail(
		    story, err_last(), "cannot listen on %s: %s", path, strerror(errno));
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err
socket_connect_unix(const char *path, int *ret_fd, struct story *story)
{
	struct sockaddr_un addr;
	int fd _cleanup_(fd_closep) = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return story_fail(story, err_last(), "cannot make a socket: %s", strerror(errno));
	enum err e = unix_address(path, &addr, story);
	if (e != ERR_OK)
		return e;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return story_fail(
		    story, err_last(), "cannot connect to %s: %s", path, strerror(errno));
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err
socket_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return err_last();
	*ret_uid = cred.uid;
	return ERR_OK;
}

enum err
socket_set_keepalive(int fd)
{
	int one = 1, idle_s = 60, interval_s = 15, n_probes = 4;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n_probes, sizeof n_probes) < 0)
		return err_last();
	return ERR_OK;
}

enum err
socket_set_nodelay(int fd)
{
	int one = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ? err_last() : ERR_OK;
}

void
socket_acknowledge(int fd)
{
	int one = 1;

	(void)!setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}
