/*
 * The link of our SSH server against a client that says anything. The first byte turns the knobs,
 * the rest is what the client sends: as bytes from the very start; or after a handshake, as
 * payloads that each have a 2-byte length before them, properly encrypted; or as bytes then.
 * Whatever it is, the output stays bounded, nothing comes up to the layers above before there are
 * keys, and an end is final and has its story.
 */
#include "base/bug.h"
#include "base/rd.h"
#include "wire/message.h"
#include "wire/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	KNOB_STRICT = 1,
	KNOB_HANDSHAKE = 2, /* before the input */
	KNOB_PAYLOADS = 4,  /* the input is payloads, not bytes */
	KNOB_LOGGED_IN = 8, /* and so the link may begin exchanges, soon */
	KNOB_SMALL_PIECES = 16,
	KNOB_CIPHER = 32 /* 32 to 128: which one */
};

/* The payloads of the input, and a real step of an exchange where one has the length 0. */
static void
put_payloads(struct peer *p, struct slice input)
{
	struct rd r = rd_of(input);

	while (r.left > 0 && !r.failed) {
		struct slice payload = rd_bytes(&r, rd_u16(&r));
		if (r.failed)
			break;
		if (payload.len > 0)
			peer_send(p, payload.ptr, payload.len);
		else if (p->pair == NULL)
			peer_put_kexinit(p);
		else
			peer_put_kex_init(p);
	}
}

static void
check_end(struct peer *p, enum err e)
{
	struct slice payload;

	BUG_ON(buf_len(wire_link_output(p->link)) > PACKET_OUTPUT_MAX);
	BUG_ON(buf_len(&p->above) > 0 && wire_link_session_id(p->link).len == 0);
	if (e == ERR_AGAIN)
		return;
	BUG_ON(p->story.text[0] == '\0');
	BUG_ON(wire_link_open(p->link));
	BUG_ON(wire_link_next(p->link, &payload, &p->story) != e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct peer p;

	if (len == 0)
		return 0;
	bool logged_in = (data[0] & KNOB_LOGGED_IN) != 0;
	peer_init(&p, &(struct peer_options){
			  .strict = (data[0] & KNOB_STRICT) != 0,
			  .cipher = cipher_at((data[0] / KNOB_CIPHER) % 6)->name,
			  .rekey = {.packets = logged_in ? 3 : 0},
		      });
	if ((data[0] & KNOB_HANDSHAKE) != 0) {
		BUG_ON(!peer_handshake(&p));
		if (logged_in)
			wire_link_authenticated(p.link);
	} else if ((data[0] & KNOB_PAYLOADS) != 0) {
		peer_put_version(&p);
	}
	p.chunk = (data[0] & KNOB_SMALL_PIECES) != 0 ? 7 : SIZE_MAX;
	if ((data[0] & KNOB_PAYLOADS) != 0)
		put_payloads(&p, slice_of(data + 1, len - 1));
	else
		peer_raw(&p, data + 1, len - 1);
	check_end(&p, peer_turn(&p));
	peer_fini(&p);
	return 0;
}
