/* One session of the server engine over a memfs, driven by requests and read by responses. */
#ifndef TESTS_SFTP_SESSION_H
#define TESTS_SFTP_SESSION_H

#include "base/bug.h"
#include "sftp/memfs.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"

struct session {
	struct memfs fs;
	struct sftp_server *server;
	struct buf sent;     /* requests that were not fed yet */
	struct buf received; /* the packet that the last response borrows from */
};

static inline void
session_init(struct session *s, bool read_only)
{
	memfs_init(&s->fs);
	buf_init(&s->sent, 64 * 1024 * 1024);
	buf_init(&s->received, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
	BUG_ON(sftp_server_new(&s->server, memfs_ops(), &s->fs, read_only) != ERR_OK);
}

static inline void
session_fini(struct session *s)
{
	sftp_server_free(s->server);
	memfs_fini(&s->fs);
	buf_fini(&s->sent);
	buf_fini(&s->received);
}

static inline void
session_put(struct session *s, const struct sftp_request *r)
{
	BUG_ON(sftp_request_encode(r, &s->sent) != ERR_OK);
}

/* Feeds what was put, as far as the server takes it. */
static inline enum err
session_feed(struct session *s)
{
	struct slice bytes = buf_slice(&s->sent);
	size_t taken;
	enum err e = sftp_server_feed(s->server, bytes.ptr, bytes.len, &taken);

	buf_consume(&s->sent, taken);
	return e;
}

/* As session_feed, until nothing is left that the engine could do by itself. */
static inline enum err
session_work(struct session *s)
{
	enum err e = session_feed(s);

	while (e == ERR_OK && sftp_server_has_work(s->server))
		e = session_feed(s);
	return e;
}

/* The next response that waits; false without one. Borrowed until the next call. */
static inline bool
session_next(struct session *s, struct sftp_response *ret_r)
{
	struct buf *output = sftp_server_output(s->server);
	struct rd r = rd_of(buf_slice(output));
	struct slice packet = rd_string(&r, SFTP_PACKET_MAX);

	if (buf_len(output) == 0)
		return false;
	BUG_ON(r.failed);
	buf_clear(&s->received);
	BUG_ON(buf_put(&s->received, packet.ptr, packet.len) != ERR_OK);
	buf_consume(output, SFTP_HEADER_LEN + packet.len);
	BUG_ON(sftp_response_decode(buf_slice(&s->received), ret_r) != ERR_OK);
	return true;
}

/* One request and its one answer. */
static inline struct sftp_response
session_ask(struct session *s, const struct sftp_request *r)
{
	struct sftp_response response;

	session_put(s, r);
	BUG_ON(session_work(s) != ERR_OK);
	BUG_ON(!session_next(s, &response));
	BUG_ON(response.type != SSH_FXP_VERSION && response.id != r->id);
	return response;
}

#define ASK(s, ...) session_ask((s), &(struct sftp_request){__VA_ARGS__})

static inline void
session_greet(struct session *s)
{
	struct sftp_response r = ASK(s, .kind = SFTP_REQ_INIT, .version = 3);

	BUG_ON(r.type != SSH_FXP_VERSION || r.version != 3);
}

/* A handle of this engine, copied out of its response. */
struct session_handle {
	uint8_t bytes[8];
};

static inline struct slice
session_handle(const struct session_handle *h)
{
	return slice_of(h->bytes, sizeof h->bytes);
}

static inline struct session_handle
session_open(struct session *s, const char *path, uint32_t pflags)
{
	struct sftp_response r =
	    ASK(s, .kind = SFTP_REQ_OPEN, .id = 1, .path = slice_str(path), .pflags = pflags);
	struct session_handle h;

	BUG_ON(r.type != SSH_FXP_HANDLE || r.handle.len != sizeof h.bytes);
	memcpy(h.bytes, r.handle.ptr, sizeof h.bytes);
	return h;
}

static inline struct session_handle
session_opendir(struct session *s, const char *path)
{
	struct sftp_response r = ASK(s, .kind = SFTP_REQ_OPENDIR, .id = 1, .path = slice_str(path));
	struct session_handle h;

	BUG_ON(r.type != SSH_FXP_HANDLE || r.handle.len != sizeof h.bytes);
	memcpy(h.bytes, r.handle.ptr, sizeof h.bytes);
	return h;
}

/* A STATUS with this code, and words for people. */
#define assert_status(r, code)                             \
	do {                                               \
		struct sftp_response r_ = (r);             \
		assert_int_equal(r_.type, SSH_FXP_STATUS); \
		assert_int_equal(r_.status, (code));       \
		assert_true(r_.message.len > 0);           \
	} while (0)

#endif
