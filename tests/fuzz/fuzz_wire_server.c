/*
 * The layers of our SSH server above the link, in whole sessions: login and channel, over a link
 * without keys. The first byte of the input turns the knobs; then come messages, each with a length
 * of two bytes before it, or one of two marks. Whatever they are: what waits stays bounded, the
 * stream is told in order, and after the end nothing is said.
 */
#include "base/bug.h"
#include "plainlink.h"
#include "wire/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	KNOB_BEGUN = 1,     /* the client has logged in and has its channel */
	KNOB_DENY = 2,      /* every second login is denied */
	KNOB_LEAVE = 4,     /* bytes of the stream are left for a while */
	KNOB_WRITE = 8,     /* the stream is written to */
	KNOB_DEAF_PEER = 16 /* the peer reads nothing */
};

enum { MARK_REKEY = 0xffff, MARK_BYE = 0xfffe, OUTPUT_BOUND = WIRE_OUTPUT_DEAF + 128 * 1024 };

static const uint8_t BEGIN[] =
    "\0\0\0\x11\x05\0\0\0\x0cssh-userauth"
    "\0\0\0\x36\x32\0\0\0\x01u\0\0\0\x0essh-connection\0\0\0\x08password\0\0\0\0\x0dsecret-secret"
    "\0\0\0\x18\x5a\0\0\0\x07session\0\0\0\x05\0\x01\0\0\0\0\x80\0"
    "\0\0\0\x1b\x62\0\0\0\0\0\0\0\x09subsystem\x01\0\0\0\x04sftp";

struct run {
	struct wire_server *w;
	uint8_t knobs;
	unsigned n_events;
	bool open, eof, over;
};

static void
give(struct run *r, const uint8_t *bytes, size_t len)
{
	while (len > 0 && wire_server_wants_input(r->w)) {
		size_t room;
		uint8_t *space = wire_server_space(r->w, &room);
		if (room == 0)
			return;
		room = room < len ? room : len;
		memcpy(space, bytes, room);
		wire_server_filled(r->w, room);
		bytes += room;
		len -= room;
	}
}

static void
move_bytes(struct run *r)
{
	static const uint8_t BYTES[5000];
	struct slice in = wire_server_peek(r->w);
	size_t n;

	BUG_ON(in.len > WIRE_WINDOW);
	if ((r->knobs & KNOB_LEAVE) == 0 || r->n_events % 3 == 0)
		wire_server_consume(r->w, in.len);
	if ((r->knobs & KNOB_WRITE) == 0)
		return;
	enum err e = wire_server_write(r->w, BYTES, sizeof BYTES, &n);
	BUG_ON(n > sizeof BYTES || (e != ERR_OK && n > 0));
}

static void
on_event(struct run *r, const struct wire_event *event)
{
	/* Bytes come between the opening and the end, and the end is the end. */
	BUG_ON(event->type == WIRE_READABLE && !r->open);
	BUG_ON(event->type == WIRE_READABLE && r->eof);
	BUG_ON(r->over && event->type != WIRE_CLOSED);
	r->n_events++;
	r->open = r->open || event->type == WIRE_OPENED;
	r->eof = r->eof || event->type == WIRE_PEER_EOF;
	r->over = event->type == WIRE_CLOSED;
	if (event->type == WIRE_AUTH) {
		bool deny = (r->knobs & KNOB_DENY) != 0 && r->n_events % 2 == 0;
		(void)!wire_server_answer(r->w, deny ? WIRE_DENY : WIRE_ACCEPT, 0);
	} else if (event->type == WIRE_READABLE) {
		move_bytes(r);
	}
}

static void
turn(struct run *r)
{
	struct wire_event event;

	for (int i = 0; i < 8; i++) {
		wire_server_next_event(r->w, &event);
		if (event.type == WIRE_NOTHING)
			break;
		on_event(r, &event);
	}
	BUG_ON(buf_len(wire_server_output(r->w)) > OUTPUT_BOUND);
	if ((r->knobs & KNOB_DEAF_PEER) == 0)
		buf_clear(wire_server_output(r->w));
}

static void
talk(struct run *r, const uint8_t *data, size_t len)
{
	uint8_t head[4] = {0};

	while (len >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];
		bool mark = n >= MARK_BYE;
		data += 2;
		len -= 2;
		be32_store(head, n == MARK_REKEY ? PLAINLINK_REKEY
				 : mark          ? PLAINLINK_BYE
						 : (uint32_t)n);
		n = mark ? 0 : n < len ? n : len;
		if (!mark)
			be32_store(head, (uint32_t)n);
		give(r, head, sizeof head);
		give(r, data, n);
		data += n;
		len -= n;
		turn(r);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct wire_server_config config = {
	    .methods = WIRE_PUBLICKEY | WIRE_PASSWORD, .max_failures = 3};
	struct run r = {.n_events = 0};

	if (len == 0 || wire_server_new(&r.w, &config) != ERR_OK)
		return 0;
	if ((data[0] & KNOB_BEGUN) != 0) {
		give(&r, BEGIN, sizeof BEGIN - 1);
		turn(&r);
		BUG_ON(!wire_server_authenticated(r.w) || !r.open);
	}
	r.knobs = data[0];
	talk(&r, data + 1, len - 1);
	wire_server_eof(r.w, NULL);
	/* Everything is taken now: so the end must come. */
	r.knobs = 0;
	buf_clear(wire_server_output(r.w));
	for (int i = 0; i < 1000 && !r.over; i++)
		turn(&r);
	BUG_ON(!r.over);
	wire_server_close(r.w);
	wire_server_end(r.w, ERR_OK, "");
	wire_server_free(r.w);
	return 0;
}
