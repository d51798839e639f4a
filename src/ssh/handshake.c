#include "ssh/handshake.h"

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/server.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/socket.h"
#include "ssh/algorithms.h"
#include "ssh/privkey.h"
#include "ssh/reason.h"

/* Where libssh would look for files: nowhere. The user stands in for the real one, which is given
 * with the login; libssh would ask the system's user database for one otherwise. */
struct session_option {
	enum ssh_options_e option;
	const char *value;
};

static const struct session_option NO_FILES[] = {
    {SSH_OPTIONS_SSH_DIR, "/nonexistent"},
    {SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},
    {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
    {SSH_OPTIONS_USER, "nobody"},
};

/* Whatever a server asks of us, the answer is no. */
static int
refuse_message(ssh_session session, ssh_message msg, void *ctx)
{
	(void)session;
	(void)msg;
	(void)ctx;
	return 1;
}

static enum err
set_options(ssh_session session, int fd, const char *host_key_algorithms)
{
	bool read_config = false;

	if (ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &read_config) != 0 ||
	    ssh_options_set(session, SSH_OPTIONS_FD, &fd) != 0)
		return ERR_UNSUPPORTED;
	for (size_t i = 0; i < ARRAY_LEN(NO_FILES); i++) {
		if (ssh_options_set(session, NO_FILES[i].option, NO_FILES[i].value) != 0)
			return ERR_UNSUPPORTED;
	}
	return algorithms_for_client(session, host_key_algorithms);
}

enum err
handshake_init(struct handshake *h, int fd, const char *host, uint16_t port, int64_t deadline_us,
    const char *host_key_algorithms)
{
	*h = (struct handshake){.host = host, .port = port, .fd = fd, .deadline_us = deadline_us};
	buf_init(&h->key, BLOB_MAX);
	(void)!socket_set_nodelay(fd);
	h->session = ssh_new();
	enum err e =
	    h->session == NULL ? ERR_NOMEM : set_options(h->session, fd, host_key_algorithms);
	if (e != ERR_OK) {
		handshake_fini(h);
		return e;
	}
	ssh_set_blocking(h->session, 0);
	ssh_set_counters(h->session, &h->socket_bytes, NULL);
	ssh_set_message_callback(h->session, refuse_message, NULL);
	return ERR_OK;
}

void
handshake_fini(struct handshake *h)
{
	/* A session that had begun to use the descriptor closes it; one that hadn't doesn't. */
	if (h->session != NULL && ssh_get_fd(h->session) == h->fd)
		h->fd = -1;
	else if (h->session != NULL && ssh_get_status(h->session) != 0)
		h->fd = -1;
	ssh_free(h->session);
	h->session = NULL;
	fd_closep(&h->fd);
	buf_fini(&h->key);
}

enum err
handshake_wait(struct handshake *h)
{
	struct pollfd fd = {.fd = ssh_get_fd(h->session), .events = POLLIN};
	int64_t left_us = h->deadline_us - time_mono_us();

	if (left_us <= 0)
		return ERR_TIMEOUT;
	if ((ssh_get_poll_flags(h->session) & SSH_WRITE_PENDING) != 0)
		fd.events |= POLLOUT;
	int64_t ms = (left_us + US_PER_MS - 1) / US_PER_MS;
	(void)poll(&fd, 1, ms > INT_MAX ? INT_MAX : (int)ms);
	return ERR_OK;
}

/* Nobody there has said that it is an SSH server. False when it has. */
static bool
tell_stranger(const struct handshake *h, enum err e, const struct reason *why, struct story *story)
{
	const char *banner = ssh_get_serverbanner(h->session);
	unsigned port = h->port;
	char text[128];

	if (banner != NULL && why->kind == REASON_VERSION)
		story_set(story, "remote \"%s\" port %u does not speak SSH 2: \"%s\"", h->host,
		    port, text_escape(slice_str(banner), text, sizeof text));
	else if (banner != NULL)
		return false;
	else if (h->socket_bytes.in_bytes > 0)
		story_set(
		    story, "remote \"%s\" port %u doesn't answer as an SSH server", h->host, port);
	else if (e == ERR_TIMEOUT)
		story_set(story,
		    "remote \"%s\" port %u took the connection, but said nothing in time", h->host,
		    port);
	else if (why->kind == REASON_CLOSED)
		story_set(story,
		    "remote \"%s\" port %u closed the connection before it said anything", h->host,
		    port);
	else
		return false;
	return true;
}

enum transport_outcome
handshake_lost(const struct handshake *h, enum err e, const char *doing, struct story *story)
{
	struct reason why = reason_of(ssh_get_error(h->session));
	unsigned port = h->port;
	char words[STORY_MAX / 2];

	(void)text_escape(why.words, words, sizeof words);
	if (tell_stranger(h, e, &why, story))
		return TRANSPORT_UNREACHABLE;
	if (e == ERR_TIMEOUT)
		story_set(story, "remote \"%s\" port %u did not answer in time while %s", h->host,
		    port, doing);
	else if (why.kind == REASON_CLOSED)
		story_set(story, "remote \"%s\" port %u closed the connection while %s", h->host,
		    port, doing);
	else if (why.kind == REASON_DISCONNECT)
		story_set(story, "remote \"%s\" port %u ended the connection while %s: \"%s\"",
		    h->host, port, doing, words);
	else
		story_set(story, "remote \"%s\" port %u: the connection broke while %s: %s",
		    h->host, port, doing, words);
	return TRANSPORT_UNREACHABLE;
}

/* libssh's words for what can't be agreed upon; they name what either side offers. */
static enum transport_outcome
explain_failure(const struct handshake *h, struct story *story)
{
	char reason[STORY_MAX - 128];
	const char *error = ssh_get_error(h->session);

	bool none = strstr(error, "no match for method") != NULL;
	bool weak = strstr(error, "RSA_MIN_SIZE") != NULL;
	if (!none && !weak)
		return handshake_lost(h, ERR_CLOSED, "the keys were exchanged", story);
	story_set(story, "remote \"%s\" port %u and we have no algorithm in common: %s", h->host,
	    (unsigned)h->port,
	    weak ? "its host key is an RSA key of less than 2048 bits"
		 : text_escape(slice_str(error), reason, sizeof reason));
	return TRANSPORT_NO_ALGORITHM;
}

static enum err
note_key(struct handshake *h)
{
	ssh_key key = NULL;

	if (ssh_get_server_publickey(h->session, &key) != SSH_OK)
		return ERR_NOMEM;
	enum err e = privkey_blob(key, &h->key);
	ssh_key_free(key);
	return e == ERR_OK ? blob_fingerprint(buf_slice(&h->key), h->fingerprint) : e;
}

enum transport_outcome
handshake_run(struct handshake *h, struct story *story)
{
	int rc;

	while ((rc = ssh_connect(h->session)) == SSH_AGAIN) {
		enum err e = handshake_wait(h);
		if (e != ERR_OK)
			return handshake_lost(h, e, "the keys were exchanged", story);
	}
	if (rc != SSH_OK)
		return explain_failure(h, story);
	enum err e = note_key(h);
	/* libssh made the socket blocking when it took it. */
	if (e == ERR_OK)
		e = fd_set_nonblocking(ssh_get_fd(h->session));
	if (e != ERR_OK) {
		story_set(
		    story, "remote \"%s\": its host key can't be read: %s", h->host, err_text(e));
		return TRANSPORT_LOCAL_FAILURE;
	}
	return TRANSPORT_LOGGED_IN;
}
