/* A login's line to the server over TCP: names, addresses, one after another. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/socket.h"
#include "ssh/login_internal.h"

static int
family_of(const struct login *l)
{
	return l->c.family == SSHCONFIG_INET    ? AF_INET
	       : l->c.family == SSHCONFIG_INET6 ? AF_INET6
						: AF_UNSPEC;
}

static enum err
bind_to(int fd, const struct login *l, int family, struct story *story)
{
	struct addrinfo hints = {
	    .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;

	if (l->c.bind_address == NULL)
		return ERR_OK;
	int rc = getaddrinfo(l->c.bind_address, NULL, &hints, &found);
	if (rc != 0)
		return story_fail(story, ERR_INVALID, "cannot connect from %s: %s",
		    l->c.bind_address, gai_strerror(rc));
	enum err e = bind(fd, found->ai_addr, found->ai_addrlen) < 0 ? err_last() : ERR_OK;
	if (e != ERR_OK)
		story_set(story, "cannot connect from %s: %s", l->c.bind_address, strerror(errno));
	freeaddrinfo(found);
	return e;
}

/* connect(2) with a time limit. */
static enum err
connect_within(int fd, const struct addrinfo *ai, int64_t timeout_us)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t deadline = time_mono_us() + timeout_us;
	int error = 0, n;
	socklen_t error_len = sizeof error;

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return ERR_OK;
	if (errno != EINPROGRESS)
		return err_last();
	do {
		int64_t left_ms = (deadline - time_mono_us()) / US_PER_MS;
		n = poll(&p, 1, left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ERR_TIMEOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
		return err_last();
	errno = error;
	return error == 0 ? ERR_OK : err_last();
}

static enum err
try_address(struct login *l, const struct addrinfo *ai, int *ret_fd, struct story *story)
{
	char address[ADDRESS_TEXT_MAX];
	struct sockaddr_storage where = {0};
	int fd _cleanup_(fd_closep) =
	    socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return story_fail(story, err_last(), "cannot make a socket: %s", strerror(errno));
	memcpy(&where, ai->ai_addr, ai->ai_addrlen);
	socket_address_text(&where, address);
	login_tell(l, 1, "connecting to %s", address);
	enum err e = bind_to(fd, l, ai->ai_family, story);
	if (e != ERR_OK)
		return e;
	e = connect_within(fd, ai, l->timeout_us);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot connect to %s (%s): %s", l->c.host_name,
		    address, e == ERR_TIMEOUT ? "it took too long" : strerror(errno));
	e = socket_set_nodelay(fd);
	if (e == ERR_OK && l->c.keep_alive == 1)
		e = socket_set_keepalive(fd);
	if (e == ERR_OK)
		*ret_fd = fd_take(&fd);
	return e;
}

static enum err
try_addresses(struct login *l, const struct addrinfo *found, int *ret_fd, struct story *story)
{
	const struct timespec pause = {.tv_sec = 1};
	enum err e = ERR_UNREACHABLE;

	for (int64_t i = 0; i < l->c.connect_attempts || i == 0; i++) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		for (const struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next) {
			e = try_address(l, ai, ret_fd, story);
			if (e == ERR_OK)
				return ERR_OK;
			if (ai->ai_next != NULL && story != NULL)
				login_tell(l, 1, "%s", story->text);
		}
	}
	return e;
}

enum err
login_connect_tcp(struct login *l, int *ret_fd, struct story *story)
{
	struct addrinfo hints = {
	    .ai_family = family_of(l), .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char service[8];

	(void)snprintf(service, sizeof service, "%u", (unsigned)l->c.port);
	int rc = getaddrinfo(l->c.host_name, service, &hints, &found);
	if (rc != 0)
		return story_fail(story, ERR_UNREACHABLE, "cannot find the address of %s: %s",
		    l->c.host_name, gai_strerror(rc));
	enum err e = try_addresses(l, found, ret_fd, story);
	freeaddrinfo(found);
	return e;
}
