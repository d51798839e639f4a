#include "sftp/frame.h"

#include "base/bug.h"
#include "base/rd.h"
#include "sftp/proto.h"
#include "sftp/server.h"

void
sftp_frame_init(struct sftp_frame *f)
{
	*f = (struct sftp_frame){0};
	buf_init(&f->partial, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
}

void
sftp_frame_fini(struct sftp_frame *f)
{
	buf_fini(&f->partial);
}

/* The length of the packet that head begins with, of which at least the length is there. */
static enum err
packet_len(struct slice head, size_t *ret_len)
{
	struct rd r = rd_of(head);

	*ret_len = rd_u32(&r);
	return *ret_len == 0 || *ret_len > SFTP_PACKET_MAX ? ERR_FORMAT : ERR_OK;
}

static struct slice
slice_take(struct slice *s, size_t len)
{
	struct slice head = slice_of(s->ptr, len);

	*s = slice_of(len == 0 ? s->ptr : s->ptr + len, s->len - len);
	return head;
}

/* Moves bytes into partial until it holds want bytes. ERR_AGAIN: there were too few. */
static enum err
partial_fill(struct sftp_frame *f, struct slice *bytes, size_t want)
{
	size_t missing = want - buf_len(&f->partial);
	struct slice more = slice_take(bytes, bytes->len < missing ? bytes->len : missing);
	uint8_t *p;

	/* Room for all of it at once, so that it is copied only once. */
	if (buf_reserve(&f->partial, missing, &p) != ERR_OK)
		return ERR_NOMEM;
	if (more.len > 0)
		memcpy(p, more.ptr, more.len);
	buf_commit(&f->partial, more.len);
	return more.len == missing ? ERR_OK : ERR_AGAIN;
}

/* Goes on with the packet that has begun in partial. */
static enum err
partial_next(struct sftp_frame *f, struct slice *bytes, struct slice *ret_packet)
{
	enum err e = ERR_OK;
	size_t len;

	if (buf_len(&f->partial) < SFTP_HEADER_LEN)
		e = partial_fill(f, bytes, SFTP_HEADER_LEN);
	if (e == ERR_OK)
		e = packet_len(buf_slice(&f->partial), &len);
	if (e == ERR_OK)
		e = partial_fill(f, bytes, SFTP_HEADER_LEN + len);
	if (e != ERR_OK)
		return e;
	*ret_packet = buf_slice(&f->partial);
	(void)slice_take(ret_packet, SFTP_HEADER_LEN);
	f->handed_out = true;
	return ERR_OK;
}

enum err
sftp_frame_next(struct sftp_frame *f, struct slice *bytes, struct slice *ret_packet)
{
	size_t len;

	if (f->handed_out) {
		buf_clear(&f->partial);
		f->handed_out = false;
	}
	if (buf_len(&f->partial) > 0 || bytes->len < SFTP_HEADER_LEN)
		return partial_next(f, bytes, ret_packet);
	enum err e = packet_len(*bytes, &len);
	if (e != ERR_OK)
		return e;
	if (bytes->len - SFTP_HEADER_LEN < len)
		return partial_next(f, bytes, ret_packet);
	(void)slice_take(bytes, SFTP_HEADER_LEN);
	*ret_packet = slice_take(bytes, len);
	return ERR_OK;
}

void
sftp_frame_back(struct sftp_frame *f, struct slice *bytes, struct slice before)
{
	/* One that was put together stays where it is, and its last bytes stay taken. */
	if (f->handed_out)
		f->handed_out = false;
	else
		*bytes = before;
}

void
sftp_frame_trim(struct sftp_frame *f)
{
	if (!f->handed_out && buf_len(&f->partial) > 0)
		return;
	f->handed_out = false;
	buf_fini(&f->partial);
}
