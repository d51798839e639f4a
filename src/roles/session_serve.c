/* The SFTP of a session: bytes between its channel and the engine. */
#include "roles/session_internal.h"

/* Answers are sent while they are still in the cache; few enough at a time, and together. */
enum { OUTPUT_BATCH = 128 * 1024 };

static bool
little_waits_to_be_sent(struct session *s)
{
	return buf_len(sftp_server_output(s->sftp)) < OUTPUT_BATCH;
}

/*
 * Bytes from the channel into the engine, while it takes them and little waits to be sent. True
 * when any were taken. Without any it goes on with its own work.
 */
static bool
feed_engine(struct session *s)
{
	size_t may = session_pace_may_read(s), taken = 0, before = may;

	while (little_waits_to_be_sent(s)) {
		struct slice bytes = transport_peek(s->transport);
		size_t len = bytes.len < may ? bytes.len : may;
		enum err e = sftp_server_feed(s->sftp, bytes.ptr, len, &taken);
		transport_consume(s->transport, taken);
		s->bytes_in += taken;
		may -= taken;
		if (e != ERR_OK)
			session_end(s, e, "the client sent what is not SFTP");
		if (e != ERR_OK || taken == 0)
			break;
	}
	return may < before;
}

/* Bytes from the engine into the channel, while it takes them. True when any did. */
static bool
drain_engine(struct session *s)
{
	struct buf *out = sftp_server_output(s->sftp);
	struct slice bytes = buf_slice(out);
	size_t may = session_pace_may_write(s), sent = 0;

	if (bytes.len > may)
		bytes.len = may;
	if (bytes.len == 0)
		return false;
	enum err e = transport_write(s->transport, bytes.ptr, bytes.len, &sent);
	if (e != ERR_OK) {
		session_end_failed(s, e, "writing to the client failed");
		return false;
	}
	buf_consume(out, sent);
	s->bytes_out += sent;
	return sent > 0;
}

/*
 * Moves bytes while any move. What was closed meanwhile is made durable together, when there is
 * nothing more to feed.
 */
void
session_serve(struct session *s)
{
	uint64_t in = s->bytes_in, out = s->bytes_out;
	bool moved = true;

	while (moved && s->end == ERR_OK) {
		moved = feed_engine(s);
		if (!moved && s->end == ERR_OK)
			vfs_settle(s->vfs);
		if (s->end == ERR_OK)
			moved = drain_engine(s) || moved;
	}
	session_pace_moved(s, s->bytes_in - in, s->bytes_out - out);
}

bool
session_has_work(struct session *s)
{
	return s->sftp != NULL && little_waits_to_be_sent(s) && sftp_server_has_work(s->sftp);
}

/* The client will send no more: what it asked for is answered, and then it is over. */
bool
session_is_served(const struct session *s)
{
	return s->sftp == NULL ||
	       (transport_peek(s->transport).len == 0 && sftp_server_idle(s->sftp));
}
