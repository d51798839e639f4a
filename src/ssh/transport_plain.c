/* A transport without SSH: the byte stream is the socket's own. */
#include <stdlib.h>
#include <unistd.h>

#include "ssh/transport_ops.h"

enum {
	/* Of one read(2), and of what waits to be written. */
	PLAIN_ROOM = 256 * 1024
};

struct plain {
	struct transport base;
	struct buf in, out;
	struct buf *output; /* &out, also for who only looks */
	bool peer_eof, told_eof;
	bool closing; /* nothing more is to be said */
	enum err error;
	struct story story;
};

static struct plain *
plain_of(struct transport *t)
{
	return (struct plain *)(void *)t;
}

static const struct plain *
plain_at(const struct transport *t)
{
	return (const struct plain *)(const void *)t;
}

/* The line. Only what was read before is taken is more read. */

static uint8_t *
plain_space(struct transport *t, size_t *ret_len)
{
	struct plain *p = plain_of(t);
	uint8_t *space;

	*ret_len = 0;
	if (buf_len(&p->in) > 0 || buf_reserve(&p->in, PLAIN_ROOM, &space) != ERR_OK)
		return NULL;
	*ret_len = PLAIN_ROOM;
	return space;
}

static void
plain_filled(struct transport *t, size_t len)
{
	buf_commit(&plain_of(t)->in, len);
}

static void
plain_eof(struct transport *t, const char *why)
{
	struct plain *p = plain_of(t);

	if (why != NULL && !p->peer_eof)
		p->error = story_fail(&p->story, ERR_CLOSED, "%s", why);
	p->peer_eof = true;
}

static struct buf *
plain_output(const struct transport *t)
{
	return plain_at(t)->output;
}

static bool
plain_wants_input(const struct transport *t)
{
	const struct plain *p = plain_at(t);

	return !p->peer_eof && buf_len(&p->in) == 0;
}

/* Whatever it said before is read as usual. */
static void
plain_hear_out(struct transport *t)
{
	(void)t;
}

/* Events. */

static enum wire_event_type
plain_look(struct transport *t)
{
	struct plain *p = plain_of(t);

	if (buf_len(&p->in) > 0)
		return WIRE_READABLE;
	if (!p->peer_eof)
		return WIRE_NOTHING;
	if (p->told_eof)
		return WIRE_CLOSED;
	p->told_eof = true;
	return WIRE_PEER_EOF;
}

static void
plain_tell(struct transport *t, struct transport_event *ret_event)
{
	const struct plain *p = plain_at(t);

	ret_event->error = p->error;
	ret_event->story = p->story.text;
}

/* The stream. */

static struct slice
plain_peek(struct transport *t)
{
	return buf_slice(&plain_of(t)->in);
}

static void
plain_consume(struct transport *t, size_t len)
{
	buf_consume(&plain_of(t)->in, len);
}

static bool
plain_may_write(const struct transport *t)
{
	const struct plain *p = plain_at(t);

	return !p->peer_eof && !p->closing && buf_len(&p->out) < PLAIN_ROOM;
}

static enum err
plain_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct plain *p = plain_of(t);
	size_t room = PLAIN_ROOM - buf_len(&p->out);
	size_t n = len < room ? len : room;

	*ret_len = 0;
	if (p->peer_eof || p->closing)
		return ERR_CLOSED;
	enum err e = buf_put(&p->out, bytes, n);
	if (e == ERR_OK)
		*ret_len = n;
	return e;
}

/* The end. */

static void
plain_close(struct transport *t)
{
	plain_of(t)->closing = true;
}

/* Nobody's answer is waited for: that all has left is enough. */
static bool
plain_is_closing(const struct transport *t)
{
	(void)t;
	return false;
}

static bool
plain_is_over(const struct transport *t)
{
	return plain_at(t)->peer_eof;
}

static void
plain_end(struct transport *t)
{
	struct plain *p = plain_of(t);

	p->closing = true;
	p->peer_eof = true;
}

static void
plain_trim(struct transport *t)
{
	struct plain *p = plain_of(t);

	if (buf_len(&p->in) == 0)
		buf_fini(&p->in);
	if (buf_len(&p->out) == 0)
		buf_fini(&p->out);
}

static void
plain_free(struct transport *t)
{
	struct plain *p = plain_of(t);

	buf_fini(&p->in);
	buf_fini(&p->out);
	free(p);
}

static const struct transport_engine PLAIN_ENGINE = {
    .space = plain_space,
    .filled = plain_filled,
    .eof = plain_eof,
    .output = plain_output,
    .wants_input = plain_wants_input,
    .hear_out = plain_hear_out,
    .look = plain_look,
    .tell = plain_tell,
    .peek = plain_peek,
    .consume = plain_consume,
    .write = plain_write,
    .may_write = plain_may_write,
    .close = plain_close,
    .is_closing = plain_is_closing,
    .is_closed = plain_is_over,
    .end = plain_end,
    .is_over = plain_is_over,
    .trim = plain_trim,
    .free = plain_free,
};

enum err
transport_plain_new(struct transport **ret_t, int fd)
{
	struct plain *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)close(fd);
		return ERR_NOMEM;
	}
	p->base.engine = &PLAIN_ENGINE;
	p->base.fd = fd;
	buf_init(&p->in, PLAIN_ROOM);
	buf_init(&p->out, PLAIN_ROOM);
	p->output = &p->out;
	*ret_t = &p->base;
	return ERR_OK;
}
