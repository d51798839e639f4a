/*
 * A server that a test scripts, in the same process: a job turns, and from a thread of its own the
 * script answers. It reads requests one by one and may answer each with anything.
 */
#ifndef TESTS_CLIENT_SCRIPT_H
#define TESTS_CLIENT_SCRIPT_H

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "sftp/frame.h"
#include "sftp/proto.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"
#include "ssh/transport.h"

struct script;

/* Fills in the answer (type 0: none); false: hang up. raw, when filled, is sent instead. */
typedef bool script_fn(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw);

struct script {
	script_fn *fn;
	const char *extension; /* offered; NULL: none */
	void *ctx;
	unsigned n_seen[SFTP_N_REQUESTS];
	int fd;
	pthread_t thread;
	bool running;
};

static inline bool
script_send(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes = slice_of(bytes.ptr + n, bytes.len - (size_t)n);
	}
	return true;
}

static inline bool
script_answer(struct script *s, const struct sftp_request *r)
{
	struct sftp_response answer = {.id = r->id};
	struct buf out _cleanup_(buf_fini), pairs _cleanup_(buf_fini);
	bool go_on = true;

	buf_init(&out, 1024 * 1024);
	buf_init(&pairs, 1024);
	if (r->kind == SFTP_REQ_INIT) {
		if (s->extension != NULL)
			BUG_ON(buf_put_string(&pairs, slice_str(s->extension)) != ERR_OK ||
			       buf_put_string(&pairs, slice_str("1")) != ERR_OK);
		answer = (struct sftp_response){
		    .type = SSH_FXP_VERSION, .version = 3, .pairs = buf_slice(&pairs)};
	} else {
		go_on = s->fn(s, r, &answer, &out);
	}
	if (go_on && buf_len(&out) == 0 && answer.type != 0)
		BUG_ON(sftp_response_encode(&answer, &out) != ERR_OK);
	return go_on && script_send(s->fd, buf_slice(&out));
}

static inline void *
script_serve(void *ctx)
{
	static uint8_t bytes[64 * 1024];
	struct script *s = ctx;
	struct sftp_frame input;
	bool go_on = true;
	ssize_t n;

	sftp_frame_init(&input);
	while (go_on && (n = read(s->fd, bytes, sizeof bytes)) > 0) {
		struct slice left = slice_of(bytes, (size_t)n), packet;
		while (go_on && sftp_frame_next(&input, &left, &packet) == ERR_OK) {
			struct sftp_request r;
			BUG_ON(sftp_request_decode(packet, &r) != ERR_OK);
			s->n_seen[r.kind]++;
			go_on = script_answer(s, &r);
		}
	}
	sftp_frame_fini(&input);
	(void)shutdown(s->fd, SHUT_RDWR);
	return NULL;
}

static inline void
script_join(struct script *s)
{
	if (!s->running)
		return;
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	s->running = false;
}

/* For job_events.connect: the server from its beginning; one at a time. */
static inline enum transport_outcome
script_connect(struct script *s, struct transport **ret_t)
{
	int fds[2];

	script_join(s);
	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0);
	s->fd = fds[1];
	BUG_ON(transport_plain_new(ret_t, fds[0]) != ERR_OK);
	BUG_ON(pthread_create(&s->thread, NULL, script_serve, s) != 0);
	s->running = true;
	return TRANSPORT_LOGGED_IN;
}

#endif
