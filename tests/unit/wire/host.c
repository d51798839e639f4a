#include "wire/host.h"

#include <stdarg.h>

#include "base/bug.h"
#include "base/rd.h"
#include "pki/cert.h"
#include "pki/sign.h"
#include "wire/connection.h"
#include "wire/message.h"
#include "wire/peer.h"

const char HOST_VERSION[] = "SSH-2.0-Host_1.0 a comment";

enum { LINE_MAX_LEN = 64 * 1024 * 1024, KEXINIT_MAX = WIRE_PACKET_EARLY };

static void
must(enum err e)
{
	BUG_ON(e != ERR_OK);
}

static const char *
or_default(const char *name, const char *otherwise)
{
	return name == NULL ? otherwise : name;
}

void
host_init(struct host *h, const struct host_options *options)
{
	struct wire_client_config config = options->client;
	struct story story;

	*h = (struct host){.options = *options, .chunk = SIZE_MAX};
	must(wire_library_load());
	must(pki_key_parse(slice_str(PEER_HOST_KEYS[0]), "test key", &h->own_key, &story));
	if (options->key == NULL)
		h->options.key = h->own_key;
	must(packet_reader_init(&h->in, WIRE_PACKET_MAX));
	must(packet_writer_init(&h->out));
	h->out.output.max = LINE_MAX_LEN;
	buf_init(&h->kexinit_ours, KEXINIT_MAX);
	buf_init(&h->kexinit_theirs, KEXINIT_MAX);
	buf_init(&h->value_theirs, KEX_PUBLIC_MAX);
	config.user = or_default(config.user, "erp");
	if (config.command == NULL)
		config.subsystem = or_default(config.subsystem, "sftp");
	must(wire_client_new(&h->client, &config, &story));
}

void
host_fini(struct host *h)
{
	wire_client_free(h->client);
	pki_key_free(h->own_key);
	packet_reader_fini(&h->in);
	packet_writer_fini(&h->out);
	buf_fini(&h->kexinit_ours);
	buf_fini(&h->kexinit_theirs);
	buf_fini(&h->value_theirs);
	seal_free(h->next_in);
}

void
host_raw(struct host *h, const void *bytes, size_t len)
{
	must(buf_put(&h->out.output, bytes, len));
}

void
host_send(struct host *h, struct slice payload)
{
	must(packet_write(&h->out, payload, slice_of(NULL, 0)));
}

void
host_say(struct host *h, const char *fields, ...)
{
	struct buf b _cleanup_(buf_fini) = {.max = WIRE_PACKET_MAX};
	va_list args;

	va_start(args, fields);
	for (const char *f = fields; *f != '\0'; f++) {
		if (*f == 'b') {
			must(buf_put_u8(&b, (uint8_t)va_arg(args, int)));
		} else if (*f == 'u') {
			must(buf_put_u32(&b, va_arg(args, uint32_t)));
		} else if (*f == 's') {
			must(buf_put_string(&b, slice_str(va_arg(args, const char *))));
		} else {
			struct slice bytes = va_arg(args, struct slice);
			must(*f == 'l' ? buf_put_string(&b, bytes)
				       : buf_put(&b, bytes.ptr, bytes.len));
		}
	}
	va_end(args);
	host_send(h, buf_slice(&b));
}

/* As much as fits; true: something moved. */
static bool
give(struct host *h)
{
	struct slice line = buf_slice(&h->out.output);
	size_t room;

	if (line.len == 0 || !wire_client_wants_input(h->client))
		return false;
	uint8_t *space = wire_client_space(h->client, &room);
	if (room > line.len)
		room = line.len;
	if (room > h->chunk)
		room = h->chunk;
	if (h->cuts && room > h->cut - h->n_given)
		room = (size_t)(h->cut - h->n_given);
	if (room == 0)
		return false;
	memcpy(space, line.ptr, room);
	if (h->flips && h->flip_bit / 8 >= h->n_given && h->flip_bit / 8 < h->n_given + room)
		space[h->flip_bit / 8 - h->n_given] ^= (uint8_t)(1u << h->flip_bit % 8);
	h->n_given += room;
	buf_consume(&h->out.output, room);
	wire_client_filled(h->client, room);
	return true;
}

static bool
take(struct host *h)
{
	struct buf *output = wire_client_output(h->client);
	size_t room;
	uint8_t *space = packet_reader_space(&h->in, &room);
	size_t len = buf_len(output) < room ? buf_len(output) : room;

	if (len > 0)
		memcpy(space, buf_slice(output).ptr, len);
	packet_reader_filled(&h->in, len);
	buf_consume(output, len);
	return len > 0;
}

void
host_turn(struct host *h)
{
	(void)take(h);
	(void)give(h);
}

void
host_event(struct host *h, struct wire_client_event *ret_event)
{
	for (;;) {
		wire_client_next_event(h->client, ret_event);
		(void)take(h);
		if (ret_event->type != WIRE_NOTHING || !give(h))
			return;
	}
}

bool
host_next(struct host *h, struct slice *ret_payload)
{
	enum err e = packet_reader_next(&h->in, ret_payload);

	if (e == ERR_AGAIN && take(h))
		e = packet_reader_next(&h->in, ret_payload);
	return e == ERR_OK;
}

uint8_t
host_next_number(struct host *h)
{
	struct slice payload;

	return host_next(h, &payload) ? payload.ptr[0] : 0;
}

/* The key exchange. */

void
host_put_version(struct host *h)
{
	host_raw(h, HOST_VERSION, strlen(HOST_VERSION));
	host_raw(h, "\r\n", 2);
}

static const char *
host_key_name(const struct host *h)
{
	return or_default(h->options.host_key, "ssh-ed25519");
}

static void
put_names(struct buf *b, const char *names, const char *more)
{
	struct buf list _cleanup_(buf_fini) = {.max = 4096};

	must(buf_printf(&list, "%s%s%s", names, more == NULL ? "" : ",", more == NULL ? "" : more));
	must(buf_put_string(b, buf_slice(&list)));
}

void
host_put_kexinit(struct host *h)
{
	static const uint8_t COOKIE[16] = "cookie of a test";
	const struct host_options *o = &h->options;
	struct buf *b = &h->kexinit_ours;

	buf_clear(b);
	must(buf_put_u8(b, SSH_MSG_KEXINIT));
	must(buf_put(b, COOKIE, sizeof COOKIE));
	put_names(b, or_default(o->kex, "curve25519-sha256"),
	    o->strict ? "kex-strict-s-v00@openssh.com" : NULL);
	put_names(b, host_key_name(h), NULL);
	for (int i = 0; i < 2; i++)
		put_names(b, or_default(o->cipher, "aes128-gcm@openssh.com"), NULL);
	for (int i = 0; i < 2; i++)
		put_names(b, or_default(o->mac, "hmac-sha2-256"), NULL);
	for (int i = 0; i < 2; i++)
		put_names(b, or_default(o->compression, "zlib@openssh.com,none"), NULL);
	put_names(b, "", NULL);
	put_names(b, "", NULL);
	must(buf_put_u8(b, o->guess));
	must(buf_put_u32(b, 0));
	host_send(h, buf_slice(b));
}

static bool
take_version(struct host *h)
{
	struct slice line;

	if (h->version_theirs[0] != '\0')
		return true;
	return packet_reader_line(&h->in, 255, &line) == ERR_OK &&
	       slice_copy(line, h->version_theirs, sizeof h->version_theirs);
}

static bool
keep(struct host *h, uint8_t number, struct buf *b)
{
	struct slice payload;

	if (!host_next(h, &payload) || payload.ptr[0] != number)
		return false;
	buf_clear(b);
	must(buf_put(b, payload.ptr, payload.len));
	return true;
}

bool
host_take_init(struct host *h)
{
	struct slice payload;

	(void)take(h);
	if (!take_version(h) || !keep(h, SSH_MSG_KEXINIT, &h->kexinit_theirs) ||
	    !host_next(h, &payload) || payload.ptr[0] != SSH_MSG_KEX_INIT)
		return false;
	struct rd r = rd_of(payload);
	(void)rd_u8(&r);
	struct slice value = rd_string(&r, KEX_PUBLIC_MAX);
	buf_clear(&h->value_theirs);
	must(buf_put(&h->value_theirs, value.ptr, value.len));
	return rd_done(&r) == ERR_OK;
}

static struct seal *
make_seal(struct host *h, const struct keys_source *source, enum keys_way way)
{
	const struct cipher *cipher =
	    cipher_find(or_default(h->options.cipher, "aes128-gcm@openssh.com"));
	const struct mac *mac = cipher_authenticates(cipher)
				    ? NULL
				    : mac_find(or_default(h->options.mac, "hmac-sha2-256"));
	struct seal_keys keys;
	struct seal *seal;

	must(keys_derive_seal(source, way, cipher, mac, &keys));
	must(seal_new(
	    &seal, way == KEYS_TO_CLIENT ? SEAL_SENDS : SEAL_RECEIVES, cipher, mac, &keys));
	return seal;
}

static struct slice
shown_blob(const struct host *h)
{
	return h->options.blob.len > 0 ? h->options.blob : pki_key_blob(h->options.key);
}

/* The signature's algorithm: what the name says without its certificate. */
static const char *
signature_name(const struct host *h)
{
	struct slice plain = cert_plain_type(slice_str(host_key_name(h)));

	if (h->options.signature != NULL)
		return h->options.signature;
	return plain.len > 0 ? (const char *)plain.ptr : host_key_name(h);
}

static void
use_secret(struct host *h, const struct keys_hash *hash, const struct buf *secret)
{
	if (h->session.len == 0)
		h->session = *hash;
	const struct keys_source source = {
	    .digest = h->kex->digest,
	    .secret = buf_slice(secret),
	    .hash = slice_of(hash->bytes, hash->len),
	    .session_id = slice_of(h->session.bytes, h->session.len),
	};
	seal_free(h->next_in);
	h->next_in = make_seal(h, &source, KEYS_TO_SERVER);
	host_say(h, "b", SSH_MSG_NEWKEYS);
	packet_writer_rekey(&h->out, make_seal(h, &source, KEYS_TO_CLIENT), h->options.strict);
}

static struct slice
content(const struct buf *string)
{
	return slice_of(buf_slice(string).ptr + 4, buf_len(string) - 4);
}

void
host_put_reply(struct host *h)
{
	struct kex_pair *pair _cleanup_(kex_pair_freep) = NULL;
	struct buf value _cleanup_(buf_fini) = {.max = 4 + KEX_PUBLIC_MAX};
	struct buf secret _cleanup_(buf_fini) = {.max = KEX_SECRET_MAX};
	struct buf signature _cleanup_(buf_fini) = {.max = PKI_SIGNATURE_MAX};
	struct keys_hash hash;

	h->kex = kex_method_find(or_default(h->options.kex, "curve25519-sha256"));
	must(kex_pair_new(&pair, h->kex));
	must(kex_pair_public(pair, &value));
	must(kex_pair_secret(pair, buf_slice(&h->value_theirs), &secret));
	const struct slice transcript[KEYS_TRANSCRIPT] = {
	    slice_str(h->version_theirs),
	    slice_str(HOST_VERSION),
	    buf_slice(&h->kexinit_theirs),
	    buf_slice(&h->kexinit_ours),
	    shown_blob(h),
	    buf_slice(&h->value_theirs),
	    content(&value),
	};
	must(keys_exchange_hash(h->kex->digest, transcript, buf_slice(&secret), &hash));
	must(pki_sign(h->options.key, signature_name(h),
	    h->options.forged ? slice_str("something else") : slice_of(hash.bytes, hash.len),
	    &signature));
	host_say(
	    h, "blll", SSH_MSG_KEX_REPLY, shown_blob(h), content(&value), buf_slice(&signature));
	use_secret(h, &hash, &secret);
}

bool
host_take_newkeys(struct host *h)
{
	if (host_next_number(h) != SSH_MSG_NEWKEYS)
		return false;
	packet_reader_rekey(&h->in, h->next_in, h->options.strict);
	h->next_in = NULL;
	return true;
}

bool
host_handshake(struct host *h)
{
	struct wire_client_event event;

	host_put_version(h);
	host_put_kexinit(h);
	host_event(h, &event);
	if (event.type != WIRE_NOTHING || !host_take_init(h))
		return false;
	host_put_reply(h);
	host_event(h, &event);
	return event.type == WIRE_HOST_KEY && wire_client_accept_host_key(h->client) == ERR_OK &&
	       host_take_newkeys(h);
}

bool
host_rekey(struct host *h)
{
	host_put_kexinit(h);
	while (give(h))
		(void)wire_client_peek(h->client);
	if (!host_take_init(h))
		return false;
	host_put_reply(h);
	while (give(h))
		(void)wire_client_peek(h->client);
	return host_take_newkeys(h);
}

bool
host_log_in(struct host *h)
{
	struct wire_client_event event;

	if (!host_handshake(h))
		return false;
	host_event(h, &event);
	if (event.type != WIRE_AUTH_NEXT ||
	    wire_client_prove(h->client, &(struct wire_proof){.type = WIRE_PROVE_PASSWORD,
					     .password = slice_str("secret")}) != ERR_OK)
		return false;
	if (host_next_number(h) != SSH_MSG_SERVICE_REQUEST || host_next_number(h) != 50)
		return false;
	host_say(h, "bs", SSH_MSG_SERVICE_ACCEPT, "ssh-userauth");
	host_say(h, "b", 52);
	host_event(h, &event);
	return event.type == WIRE_NOTHING && host_next_number(h) == SSH_MSG_CHANNEL_OPEN;
}

bool
host_up(struct host *h)
{
	struct wire_client_event event;

	if (!host_log_in(h))
		return false;
	host_say(h, "buuuu", SSH_MSG_CHANNEL_OPEN_CONFIRMATION, 0u, 7u, 1u << 20, 32768u);
	host_event(h, &event);
	return event.type == WIRE_OPENED && host_next_number(h) == SSH_MSG_CHANNEL_REQUEST;
}
