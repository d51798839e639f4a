/*
 * The PROXY header at the beginning of a connection. It is read here, and not in the listener,
 * because it is hostile bytes like all others: the listener has only made sure that the connection
 * comes from one of the proxies.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "os/proxyhdr.h"
#include "os/socket.h"
#include "roles/session_internal.h"

struct header {
	uint8_t bytes[PROXYHDR_MAX];
	size_t len;
	struct proxyhdr decoded;
};

/* Something has come, or the line is over; false when it is too late. */
static bool
wait_for_bytes(int fd, int64_t until_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left_us;

	while ((left_us = until_us - time_mono_us()) > 0) {
		int rc = poll(&p, 1, (int)(left_us / US_PER_MS) + 1);
		if (rc > 0)
			return true;
		if (rc < 0 && errno != EINTR)
			return false;
	}
	return false;
}

/*
 * Takes from the socket what belongs to the header, and leaves the client's first bytes, which may
 * have come with it, to the transport. NULL, or why there is none.
 */
static const char *
take_bytes(int fd, struct header *h, enum proxyhdr_result *ret_result)
{
	size_t room = sizeof h->bytes - h->len;
	ssize_t n = recv(fd, h->bytes + h->len, room, MSG_PEEK | MSG_DONTWAIT);

	*ret_result = PROXYHDR_MORE;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NULL;
	if (n <= 0)
		return "the proxy closed the connection";
	*ret_result = proxyhdr_decode(slice_of(h->bytes, h->len + (size_t)n), &h->decoded);
	if (*ret_result == PROXYHDR_BAD)
		return h->bytes[0] == 'S' ? "no PROXY header comes before the client's SSH"
					  : "the PROXY header is malformed";
	/* Of an unfinished header all of the bytes are its own. */
	size_t mine = *ret_result == PROXYHDR_DONE ? h->decoded.len - h->len : (size_t)n;
	if (recv(fd, h->bytes + h->len, mine, MSG_DONTWAIT) != (ssize_t)mine)
		return "the proxy's bytes can't be read";
	h->len += mine;
	return NULL;
}

enum err
session_read_proxy_header(struct session *s, int socket_fd, int64_t login_grace_us)
{
	int64_t until_us = time_mono_us() + login_grace_us;
	enum proxyhdr_result result = PROXYHDR_MORE;
	struct header h = {.len = 0};
	const char *why = NULL;
	char peer[ADDRESS_TEXT_MAX], host[ADDRESS_TEXT_MAX];

	while (result == PROXYHDR_MORE && why == NULL) {
		if (wait_for_bytes(socket_fd, until_us))
			why = take_bytes(socket_fd, &h, &result);
		else
			why = "the proxy sent no PROXY header in time";
	}
	if (why != NULL) {
		session_end(s, ERR_FORMAT, why);
		return ERR_OK;
	}
	if (!h.decoded.relayed)
		return ERR_OK;
	socket_address_text(&h.decoded.source, peer);
	socket_address_host(&h.decoded.source, host);
	return session_tell(s, IPC_SESSION_ADDRESS,
	    &(struct ipc_session_address){.peer = slice_str(peer), .peer_host = slice_str(host)});
}
