/* The SFTP of a session: bytes between its channel and the engine. */
#include "roles/session_internal.h"

/* Bytes from the channel into the engine, while it takes them. True when anything moved. */
static bool
feed_engine(struct session *s)
{
	size_t taken, len;

	if (s->chunk_taken == s->chunk_len) {
		size_t may = session_pace_may_read(s);
		enum err e = transport_read(
		    s->transport, s->chunk, may < SESSION_CHUNK ? may : SESSION_CHUNK, &len);
		if (e != ERR_OK) {
			session_end_failed(s, e, "reading from the client failed");
			return false;
		}
		s->chunk_len = len;
		s->chunk_taken = 0;
		s->bytes_in += len;
	}
	enum err e = sftp_server_feed(
	    s->sftp, s->chunk + s->chunk_taken, s->chunk_len - s->chunk_taken, &taken);
	if (e != ERR_OK)
		session_end(s, e, "the client sent what is not SFTP");
	s->chunk_taken += taken;
	return taken > 0;
}

/* Bytes from the engine into the channel, while it takes them. True when anything moved. */
static bool
drain_engine(struct session *s)
{
	struct buf *out = sftp_server_output(s->sftp);
	struct slice bytes = buf_slice(out);
	size_t sent = 0;

	size_t may = session_pace_may_write(s);
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

void
session_serve(struct session *s)
{
	uint64_t in = s->bytes_in, out = s->bytes_out;
	bool moved = true;

	while (moved && s->end == ERR_OK) {
		moved = feed_engine(s);
		/* What was closed in what was read goes one way together. */
		vfs_settle(s->vfs);
		if (s->end == ERR_OK)
			moved = drain_engine(s) || moved;
	}
	session_pace_moved(s, s->bytes_in - in, s->bytes_out - out);
}

/* The client will send no more: what it asked for is answered, and then it is over. */
bool
session_is_served(const struct session *s)
{
	return s->sftp == NULL || (s->chunk_taken == s->chunk_len && sftp_server_idle(s->sftp));
}
