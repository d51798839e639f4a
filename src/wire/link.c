#include "wire/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "wire/link_internal.h"
#include "wire/message.h"

static const char SOFTWARE[] = "Dray_" DRAY_VERSION;

static enum err
link_start(struct wire_link *l)
{
	enum err e = packet_reader_init(&l->in, WIRE_PACKET_EARLY);

	if (e == ERR_OK)
		e = packet_writer_init(&l->out);
	if (e == ERR_OK)
		e = buf_printf(&l->out.output, "%s\r\n", l->version_ours);
	return e == ERR_OK ? link_kex_offer(l) : e;
}

enum err
wire_link_new(struct wire_link **ret_l, const struct wire_link_config *config)
{
	BUG_ON(config->role == WIRE_SERVER &&
	       (config->n_host_keys == 0 || config->n_host_keys > WIRE_HOST_KEYS_MAX));
	BUG_ON(config->role == WIRE_CLIENT && config->offer == NULL);
	struct wire_link *l = calloc(1, sizeof *l);
	if (l == NULL)
		return ERR_NOMEM;
	l->config = *config;
	buf_init(&l->kexinit_ours, WIRE_PACKET_EARLY);
	buf_init(&l->kexinit_theirs, WIRE_PACKET_EARLY);
	buf_init(&l->pongs, LINK_PONGS_MAX);
	link_client_init(&l->client);
	(void)snprintf(l->version_ours, sizeof l->version_ours, "SSH-2.0-%.200s",
	    config->software != NULL ? config->software : SOFTWARE);
	enum err e = link_start(l);
	if (e != ERR_OK) {
		wire_link_free(l);
		return e;
	}
	*ret_l = l;
	return ERR_OK;
}

enum err
wire_link_prepare(struct wire_link *l)
{
	BUG_ON(l->prepared != NULL);
	return kex_pair_new(&l->prepared, kex_method_at(0));
}

void
wire_link_free(struct wire_link *l)
{
	if (l == NULL)
		return;
	packet_reader_fini(&l->in);
	packet_writer_fini(&l->out);
	kex_pair_freep(&l->prepared);
	seal_free(l->next_in);
	link_client_fini(&l->client);
	buf_fini(&l->kexinit_ours);
	buf_fini(&l->kexinit_theirs);
	buf_fini(&l->pongs);
	explicit_bzero(l, sizeof *l);
	free(l);
}

uint8_t *
wire_link_space(struct wire_link *l, size_t *ret_len)
{
	return packet_reader_space(&l->in, ret_len);
}

void
wire_link_filled(struct wire_link *l, size_t len)
{
	packet_reader_filled(&l->in, len);
}

enum err
link_put(struct wire_link *l, struct slice payload)
{
	if (l->disconnected)
		return ERR_OK;
	enum err e = packet_write(&l->out, payload, slice_of(NULL, 0));
	if (e == ERR_NOMEM && buf_room(&l->out.output) < payload.len + PACKET_OVERHEAD_MAX)
		return link_over(l, ERR_LIMIT, 0,
		    "the %s doesn't take the answers that it asks for", link_peer(l));
	return e;
}

static enum err
put_disconnect(struct wire_link *l, uint32_t reason, const char *text)
{
	struct buf b _cleanup_(buf_fini) = {.max = 2 * STORY_MAX};
	enum err e = buf_put_u8(&b, SSH_MSG_DISCONNECT);

	if (e == ERR_OK)
		e = buf_put_u32(&b, reason);
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_str(text));
	if (e == ERR_OK)
		e = buf_put_string(&b, slice_of(NULL, 0)); /* language */
	return e == ERR_OK ? packet_write(&l->out, buf_slice(&b), slice_of(NULL, 0)) : e;
}

void
wire_link_disconnect(struct wire_link *l, uint32_t reason, const char *text)
{
	if (l->disconnected)
		return;
	/* Past the output's bound nobody reads it anyway. */
	(void)!put_disconnect(l, reason, text);
	l->disconnected = true;
}

enum err
link_over(struct wire_link *l, enum err e, uint32_t reason, const char *format, ...)
{
	va_list args;

	if (l->over)
		return l->error;
	l->over = true;
	l->error = e;
	va_start(args, format);
	(void)vsnprintf(l->story.text, sizeof l->story.text, format, args);
	va_end(args);
	/* Who sent no version doesn't speak SSH, and gets no packet. */
	if (reason != 0 && l->has_version)
		wire_link_disconnect(l, reason, l->story.text);
	l->disconnected = true;
	return e;
}

/* Tells what was wrong with a packet. */
static enum err
bad_packet(struct wire_link *l, enum err e)
{
	if (e == ERR_LIMIT)
		return link_over(l, e, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "a packet of more than %zu bytes came", l->in.max);
	if (e == ERR_FORMAT)
		return link_over(l, e, SSH_DISCONNECT_PROTOCOL_ERROR, "a malformed packet came");
	if (e == ERR_ACCESS)
		return link_over(
		    l, ERR_FORMAT, SSH_DISCONNECT_MAC_ERROR, "a packet came that is not authentic");
	return link_over(l, e, SSH_DISCONNECT_PROTOCOL_ERROR, "a packet could not be decrypted");
}

static enum err
next_packet(struct wire_link *l, struct slice *ret_payload)
{
	/* A peer that doesn't answer our KEXINIT must not get so far that nonces come again. */
	if (l->in.n_packets >= UINT32_MAX)
		return link_over(l, ERR_LIMIT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "too many packets under the same keys");
	enum err e = packet_reader_next(&l->in, ret_payload);
	if (e == ERR_OK)
		l->last_seq = l->in.seq - 1;
	return e == ERR_OK || e == ERR_AGAIN ? e : bad_packet(l, e);
}

static enum err
next_payload(struct wire_link *l, struct slice *ret_payload)
{
	enum err e = l->has_version ? ERR_OK : link_take_version(l);

	/* What was handed out before, perhaps with a password in it, is nobody's now. */
	if (l->forget) {
		packet_reader_forget(&l->in);
		l->forget = false;
	}
	if (e == ERR_OK && link_kex_due(l, time_mono_us()))
		e = link_kex_offer(l);
	while (e == ERR_OK && !l->over) {
		bool above = false;
		if (l->state == KEX_SHOWN)
			return ERR_AGAIN;
		e = next_packet(l, ret_payload);
		if (e == ERR_OK)
			e = link_message(l, *ret_payload, &above);
		if (e == ERR_OK && above)
			return ERR_OK;
	}
	/* Errors that nobody has told a story of are of our own side: memory, the library. */
	if (e != ERR_OK && e != ERR_AGAIN)
		return link_over(l, e, SSH_DISCONNECT_PROTOCOL_ERROR, "%s", err_text(e));
	return e;
}

enum err
wire_link_next(struct wire_link *l, struct slice *ret_payload, struct story *story)
{
	enum err e = l->over ? l->error : next_payload(l, ret_payload);

	if (e != ERR_OK && e != ERR_AGAIN)
		story_set(story, "%s", l->story.text);
	return e;
}

bool
wire_link_ended_orderly(const struct wire_link *l)
{
	return l->orderly;
}

bool
wire_link_open(const struct wire_link *l)
{
	return !l->disconnected && l->session.len > 0 && (l->state & (KEX_NONE | KEX_REPLIED)) != 0;
}

enum err
wire_link_send(struct wire_link *l, struct slice head, struct slice body)
{
	BUG_ON(!wire_link_open(l));
	if (l->out.n_packets >= UINT32_MAX)
		return ERR_LIMIT;
	return packet_write(&l->out, head, body);
}

enum err
wire_link_send_secret(struct wire_link *l, struct slice payload)
{
	l->out.hide = PACKET_HIDE;
	enum err e = wire_link_send(l, payload, slice_of(NULL, 0));
	l->out.hide = 0;
	return e;
}

enum err
wire_link_unimplemented(struct wire_link *l)
{
	return link_unimplemented(l);
}

void
wire_link_trim(struct wire_link *l)
{
	packet_reader_trim(&l->in);
	if (buf_len(&l->out.output) == 0)
		buf_fini(&l->out.output);
}

struct buf *
wire_link_output(struct wire_link *l)
{
	return &l->out.output;
}

struct slice
wire_link_session_id(const struct wire_link *l)
{
	return slice_of(l->session.bytes, l->session.len);
}

void
wire_link_authenticated(struct wire_link *l)
{
	l->authenticated = true;
	l->forget = true;
}

const struct wire_facts *
wire_link_facts(const struct wire_link *l)
{
	return &l->facts;
}

const struct wire_host_key *
wire_link_host_key(const struct wire_link *l)
{
	return l->state == KEX_SHOWN && !l->over ? &l->client.shown : NULL;
}

enum err
wire_link_accept(struct wire_link *l)
{
	BUG_ON(l->state != KEX_SHOWN);
	enum err e = l->over ? l->error : link_kex_accept(l);
	return e == ERR_OK ? e : link_over(l, e, 0, "%s", err_text(e));
}

void
wire_link_abandon(struct wire_link *l)
{
	(void)link_over(l, ERR_ACCESS, 0, "the host key was refused");
	buf_clear(&l->out.output);
}

struct slice
wire_link_signatures(const struct wire_link *l)
{
	return buf_slice(&l->client.signatures);
}

const char *
wire_link_preamble(const struct wire_link *l)
{
	return l->client.preamble;
}

int64_t
wire_link_round_trip_us(const struct wire_link *l)
{
	return l->client.round_trip_us;
}
