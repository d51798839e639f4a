/*
 * Our SSH client against a server that says anything. The first two bytes turn the knobs, the rest
 * is what the server says: as bytes from the very start; or after a handshake, a login or the
 * channel's opening, as payloads that each have a 2-byte length before them, properly encrypted
 * (those of length 0 are a real step of an exchange of keys); or as bytes then. Whatever it is:
 * what waits stays bounded, events come in their order, bytes of the stream between its opening and
 * its end, and the end is final and has its story.
 */
#include "base/bug.h"
#include "base/rd.h"
#include "wire/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	KNOB_STRICT = 1,
	KNOB_PAYLOADS = 2, /* the input is payloads, not bytes */
	KNOB_SMALL_PIECES = 4,
	KNOB_REKEY = 8,  /* soon, by the client */
	KNOB_LEAVE = 16, /* bytes of the stream are left for a while */
	KNOB_WRITE = 32, /* the stream is written to */
	KNOB_SKIP = 64,  /* signatures and prompts are not to be had */
	KNOB_REFUSE = 128
};

/* Of the second byte: how far it goes by the book, what is proven, which cipher. */
enum { BEGIN_BITS = 3, BEGIN_UP = 3, PROOF_SHIFT = 2, CIPHER_SHIFT = 4 };

enum { OUTPUT_BOUND = WIRE_OUTPUT_DEAF + 256 * 1024, WINDOW = 128 * 1024 };

struct run {
	struct host h;
	uint8_t knobs, how;
	unsigned n_events;
	bool accepted, open, eof, over;
};

static void
prove(struct run *r)
{
	const struct wire_proof proof = {
	    .type = (enum wire_proof_type)((r->how >> PROOF_SHIFT) + r->n_events) % 4,
	    .algorithm = "ssh-ed25519",
	    .blob = slice_str("blob"),
	    .ask_first = r->n_events % 2 != 0,
	    .password = slice_str("secret"),
	};

	BUG_ON(!r->accepted);
	if (r->n_events > 50)
		wire_client_end(r->h.client, ERR_ACCESS, "nothing is left to prove");
	else
		(void)!wire_client_prove(r->h.client, &proof);
}

static void
answer(struct run *r, const struct wire_client_event *event)
{
	struct slice answers[WIRE_PROMPTS_MAX];

	if ((r->knobs & KNOB_SKIP) != 0 && r->n_events % 2 == 0) {
		(void)!wire_client_skip(r->h.client);
		return;
	}
	if (event->type == WIRE_SIGN) {
		(void)!wire_client_sign(r->h.client, slice_str("signature"));
		return;
	}
	BUG_ON(event->prompts->n == 0 || event->prompts->n > WIRE_PROMPTS_MAX);
	for (size_t i = 0; i < event->prompts->n; i++)
		answers[i] = event->prompts->prompts[i].text;
	(void)!wire_client_respond(r->h.client, answers);
}

static void
judge(struct run *r)
{
	BUG_ON(r->accepted);
	r->accepted = (r->knobs & KNOB_REFUSE) == 0;
	if (r->accepted)
		(void)!wire_client_accept_host_key(r->h.client);
	else
		wire_client_refuse_host_key(r->h.client, ERR_ACCESS, "refused");
}

static void
move_bytes(struct run *r)
{
	static const uint8_t BYTES[5000];
	struct slice in = wire_client_peek(r->h.client);
	size_t n;

	BUG_ON(in.len > WINDOW || in.len == 0);
	if ((r->knobs & KNOB_LEAVE) == 0 || r->n_events % 3 == 0)
		wire_client_consume(r->h.client, in.len);
	if ((r->knobs & KNOB_WRITE) == 0)
		return;
	enum err e = wire_client_write(r->h.client, BYTES, sizeof BYTES, &n);
	BUG_ON(n > sizeof BYTES || (e != ERR_OK && n > 0));
}

static void
on_event(struct run *r, const struct wire_client_event *event)
{
	BUG_ON(r->over && event->type != WIRE_CLOSED);
	BUG_ON(event->type == WIRE_READABLE && (!r->open || r->eof));
	BUG_ON(event->type == WIRE_OPENED && !wire_client_authenticated(r->h.client));
	r->n_events++;
	r->open = r->open || event->type == WIRE_OPENED;
	r->eof = r->eof || event->type == WIRE_PEER_EOF;
	r->over = event->type == WIRE_CLOSED;
	if (event->type == WIRE_HOST_KEY)
		judge(r);
	else if (event->type == WIRE_AUTH_NEXT)
		prove(r);
	else if (event->type == WIRE_SIGN || event->type == WIRE_PROMPT)
		answer(r, event);
	else if (event->type == WIRE_READABLE)
		move_bytes(r);
	else if (event->type == WIRE_OPENED)
		(void)!wire_client_keep_alive(r->h.client);
	BUG_ON(r->over && event->error != ERR_OK && event->story[0] == '\0');
}

static void
turn(struct run *r)
{
	struct wire_client_event event;

	for (int i = 0; i < 3000; i++) {
		BUG_ON(buf_len(wire_client_output(r->h.client)) > OUTPUT_BOUND);
		host_event(&r->h, &event);
		if (event.type == WIRE_NOTHING)
			break;
		on_event(r, &event);
		if (r->over)
			break;
		host_turn(&r->h);
	}
	buf_clear(wire_client_output(r->h.client));
}

static void
step_of_an_exchange(struct run *r)
{
	if (host_take_init(&r->h))
		host_put_reply(&r->h);
	else
		host_put_kexinit(&r->h);
}

static void
say_payloads(struct run *r, struct slice input)
{
	struct rd rd = rd_of(input);

	while (rd.left > 0 && !rd.failed && !r->over) {
		struct slice payload = rd_bytes(&rd, rd_u16(&rd));
		if (rd.failed)
			break;
		if (payload.len > 0)
			host_send(&r->h, payload);
		else
			step_of_an_exchange(r);
		turn(r);
	}
}

/* Some way by the book. */
static void
begin(struct run *r)
{
	struct host *h = &r->h;
	unsigned how = r->how % (BEGIN_BITS + 1);

	if (how == 0)
		return;
	BUG_ON(how == 1 && !host_handshake(h));
	BUG_ON(how == 2 && !host_log_in(h));
	BUG_ON(how == BEGIN_UP && !host_up(h));
	r->accepted = true;
	r->open = how == BEGIN_UP;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct run r;

	if (len < 2)
		return 0;
	r = (struct run){.knobs = data[0], .how = data[1]};
	host_init(&r.h, &(struct host_options){
			    .strict = (r.knobs & KNOB_STRICT) != 0,
			    .cipher = cipher_at((r.how >> CIPHER_SHIFT) % 6u)->name,
			    .client.window = WINDOW,
			    .client.rekey.packets = (r.knobs & KNOB_REKEY) != 0 ? 20 : 0,
			});
	begin(&r);
	r.h.chunk = (r.knobs & KNOB_SMALL_PIECES) != 0 ? 7 : SIZE_MAX;
	if ((r.knobs & KNOB_PAYLOADS) != 0 && (r.how & BEGIN_BITS) == 0)
		host_put_version(&r.h);
	if ((r.knobs & KNOB_PAYLOADS) != 0)
		say_payloads(&r, slice_of(data + 2, len - 2));
	else
		host_raw(&r.h, data + 2, len - 2);
	turn(&r);
	wire_client_hear_out(r.h.client);
	wire_client_eof(r.h.client, NULL);
	/* Everything is taken now: so the end must come. */
	r.knobs &= (uint8_t)~KNOB_LEAVE;
	for (int i = 0; i < 100 && !r.over; i++)
		turn(&r);
	BUG_ON(!r.over);
	wire_client_close(r.h.client);
	wire_client_end(r.h.client, ERR_OK, "");
	host_fini(&r.h);
	return 0;
}
