#include "plainlink.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/rd.h"

enum err
wire_link_new(struct wire_link **ret_l, const struct wire_link_config *config unused_arg)
{
	struct wire_link *l = calloc(1, sizeof *l);

	if (l == NULL)
		return ERR_NOMEM;
	buf_init(&l->input, WIRE_INPUT_MAX);
	buf_init(&l->output, PLAINLINK_OUTPUT_MAX);
	*ret_l = l;
	return ERR_OK;
}

void
wire_link_free(struct wire_link *l)
{
	if (l == NULL)
		return;
	buf_fini(&l->input);
	buf_fini(&l->output);
	free(l);
}

/* A borrowed payload is out of date from now on, and AddressSanitizer shall know it. */
static void
forget_payload(struct wire_link *l)
{
	struct buf fresh;

	if (l->taken == 0)
		return;
	buf_consume(&l->input, l->taken);
	l->taken = 0;
	buf_init(&fresh, WIRE_INPUT_MAX);
	struct slice left = buf_slice(&l->input);
	if (buf_put(&fresh, left.ptr, left.len) != ERR_OK)
		abort();
	buf_fini(&l->input);
	l->input = fresh;
}

uint8_t *
wire_link_space(struct wire_link *l, size_t *ret_len)
{
	uint8_t *space;

	forget_payload(l);
	*ret_len = buf_room(&l->input);
	if (*ret_len == 0 || buf_reserve(&l->input, *ret_len, &space) != ERR_OK) {
		*ret_len = 0;
		return NULL;
	}
	return space;
}

void
wire_link_filled(struct wire_link *l, size_t len)
{
	buf_commit(&l->input, len);
}

enum err
wire_link_next(struct wire_link *l, struct slice *ret_payload, struct story *story)
{
	for (;;) {
		forget_payload(l);
		struct rd r = rd_of(buf_slice(&l->input));
		uint32_t len = rd_u32(&r);
		if (r.failed)
			return ERR_AGAIN;
		if (len == PLAINLINK_REKEY) {
			l->rekeying = !l->rekeying;
			buf_consume(&l->input, 4);
			continue;
		}
		l->goodbye = len == PLAINLINK_BYE;
		if (l->goodbye)
			return story_fail(story, ERR_CLOSED, "bye");
		if (len == 0 || len > WIRE_PACKET_MAX)
			return story_fail(story, ERR_FORMAT, "a packet of %u bytes", len);
		struct slice payload = rd_bytes(&r, len);
		if (r.failed)
			return ERR_AGAIN;
		l->taken = 4 + len;
		*ret_payload = payload;
		return ERR_OK;
	}
}

bool
wire_link_ended_orderly(const struct wire_link *l)
{
	return l->goodbye;
}

bool
wire_link_open(const struct wire_link *l)
{
	return !l->rekeying && !l->disconnected;
}

enum err
wire_link_send(struct wire_link *l, struct slice head, struct slice body)
{
	BUG_ON(!wire_link_open(l));
	BUG_ON(head.len + body.len == 0);
	enum err e = buf_put_u32(&l->output, (uint32_t)(head.len + body.len));
	if (e == ERR_OK)
		e = buf_put(&l->output, head.ptr, head.len);
	return e == ERR_OK ? buf_put(&l->output, body.ptr, body.len) : e;
}

struct buf *
wire_link_output(struct wire_link *l)
{
	return &l->output;
}

struct slice
wire_link_session_id(const struct wire_link *l unused_arg)
{
	return slice_str("0123456789abcdef0123456789abcdef");
}

enum err
wire_link_unimplemented(struct wire_link *l)
{
	l->n_unimplemented++;
	return ERR_OK;
}

enum err
wire_link_prepare(struct wire_link *l unused_arg)
{
	return ERR_OK;
}

void
wire_link_trim(struct wire_link *l)
{
	if (buf_len(&l->output) == 0)
		buf_fini(&l->output);
}

void
wire_link_disconnect(struct wire_link *l, uint32_t reason unused_arg, const char *text unused_arg)
{
	l->disconnected = true;
}

void
wire_link_authenticated(struct wire_link *l)
{
	l->authenticated = true;
}

const struct wire_facts *
wire_link_facts(const struct wire_link *l)
{
	return &l->facts;
}
