#include "wire/peer.h"

#include <openssl/crypto.h>

#include "base/bug.h"
#include "base/rd.h"
#include "pki/sign.h"
#include "pki/verify.h"
#include "wire/message.h"

const char PEER_VERSION[] = "SSH-2.0-Peer_1.0 a comment";

const char *const PEER_HOST_KEYS[PEER_N_HOST_KEYS] = {
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACDgbo2i1MBTItU97LMUcIu5dajPyFDqqSdZcY8k6rkTVAAAAIjUP7UO1D+1\n"
    "DgAAAAtzc2gtZWQyNTUxOQAAACDgbo2i1MBTItU97LMUcIu5dajPyFDqqSdZcY8k6rkTVA\n"
    "AAAEAVdvwNBD951dTgHw7LfLkiWgTw577SYSHRRSBi582BdeBujaLUwFMi1T3ssxRwi7l1\n"
    "qM/IUOqpJ1lxjyTquRNUAAAABHRlc3QB\n"
    "-----END OPENSSH PRIVATE KEY-----\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n"
    "1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQT8Oj4IUhppYH4P76V8YwfeYopVGqdy\n"
    "oSy5ibNsqFbTifJq23vQqxqj7eSUy1qxoH4OXafOw7rVUSlCcNwYJkZgAAAAoNBNORbQTT\n"
    "kWAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPw6PghSGmlgfg/v\n"
    "pXxjB95iilUap3KhLLmJs2yoVtOJ8mrbe9CrGqPt5JTLWrGgfg5dp87DutVRKUJw3BgmRm\n"
    "AAAAAgTvbo3qr4V3xBBa08qAxxTywunfDl/calIr1ci/7Ljt0AAAAEdGVzdAECAwQ=\n"
    "-----END OPENSSH PRIVATE KEY-----\n",
};

enum { KEXINIT_MAX = WIRE_PACKET_EARLY, ABOVE_MAX = 64 * 1024 * 1024 };

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
peer_init(struct peer *p, const struct peer_options *options)
{
	*p = (struct peer){.options = *options, .chunk = SIZE_MAX};
	must(wire_library_init());
	for (size_t i = 0; i < PEER_N_HOST_KEYS; i++)
		must(pki_key_parse(
		    slice_str(PEER_HOST_KEYS[i]), "test key", &p->host_keys[i], &p->story));
	must(packet_reader_init(&p->in, WIRE_PACKET_MAX));
	must(packet_writer_init(&p->out));
	p->out.output.max = ABOVE_MAX;
	buf_init(&p->public_ours, 4 + KEX_PUBLIC_MAX);
	buf_init(&p->kexinit_ours, KEXINIT_MAX);
	buf_init(&p->kexinit_theirs, KEXINIT_MAX);
	buf_init(&p->above, ABOVE_MAX);
	must(wire_link_new(&p->link, &(struct wire_link_config){
					 .host_keys = (const struct pki_key *const *)p->host_keys,
					 .n_host_keys = PEER_N_HOST_KEYS,
					 .rekey = options->rekey,
				     }));
}

void
peer_fini(struct peer *p)
{
	wire_link_free(p->link);
	for (size_t i = 0; i < PEER_N_HOST_KEYS; i++)
		pki_key_free(p->host_keys[i]);
	packet_reader_fini(&p->in);
	packet_writer_fini(&p->out);
	kex_pair_freep(&p->pair);
	buf_fini(&p->public_ours);
	buf_fini(&p->kexinit_ours);
	buf_fini(&p->kexinit_theirs);
	seal_free(p->next_out);
	buf_fini(&p->above);
}

void
peer_raw(struct peer *p, const void *bytes, size_t len)
{
	must(buf_put(&p->out.output, bytes, len));
}

void
peer_send(struct peer *p, const void *payload, size_t len)
{
	must(packet_write(&p->out, slice_of(payload, len), slice_of(NULL, 0)));
}

void
peer_send_u8(struct peer *p, uint8_t number)
{
	peer_send(p, &number, 1);
}

/* All that the link has, into our reader, as far as it has room. */
static void
take_output(struct peer *p)
{
	struct buf *output = wire_link_output(p->link);
	size_t room;
	uint8_t *space = packet_reader_space(&p->in, &room);
	size_t len = buf_len(output) < room ? buf_len(output) : room;

	if (len > 0)
		memcpy(space, buf_slice(output).ptr, len);
	packet_reader_filled(&p->in, len);
	buf_consume(output, len);
}

static enum err
take_payloads(struct peer *p)
{
	struct slice payload;
	enum err e;

	while ((e = wire_link_next(p->link, &payload, &p->story)) == ERR_OK)
		must(buf_put_string(&p->above, payload));
	return e;
}

enum err
peer_turn(struct peer *p)
{
	struct buf *line = &p->out.output;
	enum err e = take_payloads(p);

	while (buf_len(line) > 0 && e == ERR_AGAIN) {
		size_t room;
		uint8_t *space = wire_link_space(p->link, &room);
		size_t len = buf_len(line) < room ? buf_len(line) : room;
		if (len > p->chunk)
			len = p->chunk;
		BUG_ON(len == 0); /* it asks for more, and so must have room for it */
		memcpy(space, buf_slice(line).ptr, len);
		buf_consume(line, len);
		wire_link_filled(p->link, len);
		e = take_payloads(p);
	}
	take_output(p);
	return e;
}

bool
peer_next(struct peer *p, struct slice *ret_payload)
{
	enum err e = packet_reader_next(&p->in, ret_payload);

	if (e == ERR_AGAIN && buf_len(wire_link_output(p->link)) > 0) {
		take_output(p);
		e = packet_reader_next(&p->in, ret_payload);
	}
	return e == ERR_OK;
}

uint8_t
peer_next_number(struct peer *p)
{
	struct slice payload;

	return peer_next(p, &payload) ? payload.ptr[0] : 0;
}

bool
peer_above(struct peer *p, struct slice *ret_payload)
{
	struct rd r = rd_of(buf_slice(&p->above));

	*ret_payload = rd_string(&r, WIRE_PACKET_MAX);
	if (r.failed)
		return false;
	buf_consume(&p->above, 4 + ret_payload->len);
	return true;
}

void
peer_put_version(struct peer *p)
{
	peer_raw(p, PEER_VERSION, strlen(PEER_VERSION));
	peer_raw(p, "\r\n", 2);
}

static void
put_names(struct buf *b, const char *name, const char *more, const char *still_more)
{
	struct buf list _cleanup_(buf_fini) = {.max = 4096};

	must(
	    buf_printf(&list, "%s%s%s%s%s", name, more == NULL ? "" : ",", more == NULL ? "" : more,
		still_more == NULL ? "" : ",", still_more == NULL ? "" : still_more));
	must(buf_put_string(b, buf_slice(&list)));
}

void
peer_put_kexinit(struct peer *p)
{
	static const uint8_t COOKIE[16] = "cookie of a test";
	const struct peer_options *o = &p->options;
	const char *cipher = or_default(o->cipher, "aes128-gcm@openssh.com");
	const char *mac = or_default(o->mac, "hmac-sha2-256");
	const char *compression = or_default(o->compression, "none,zlib@openssh.com");
	struct buf *b = &p->kexinit_ours;

	buf_clear(b);
	must(buf_put_u8(b, SSH_MSG_KEXINIT));
	must(buf_put(b, COOKIE, sizeof COOKIE));
	put_names(b, or_default(o->kex, "curve25519-sha256"),
	    o->strict ? "kex-strict-c-v00@openssh.com" : NULL, o->ext_info ? "ext-info-c" : NULL);
	put_names(b, or_default(o->host_key, "ssh-ed25519"), NULL, NULL);
	put_names(b, cipher, NULL, NULL);
	put_names(b, or_default(o->cipher_back, cipher), NULL, NULL);
	put_names(b, mac, NULL, NULL);
	put_names(b, or_default(o->mac_back, mac), NULL, NULL);
	put_names(b, compression, NULL, NULL);
	put_names(b, compression, NULL, NULL);
	put_names(b, "", NULL, NULL);
	put_names(b, "", NULL, NULL);
	must(buf_put_u8(b, o->guess));
	must(buf_put_u32(b, 0));
	peer_send(p, buf_slice(b).ptr, buf_len(b));
}

/* The method that the link comes to: the first of our names that it has. */
static const struct kex_method *
method_chosen(struct slice names)
{
	while (names.len > 0) {
		struct slice name;
		names = slice_cut(names, ',', &name);
		for (size_t i = 0; kex_method_at(i) != NULL; i++) {
			if (slice_is(name, kex_method_at(i)->name))
				return kex_method_at(i);
		}
	}
	return NULL;
}

void
peer_put_kex_init(struct peer *p)
{
	struct buf b _cleanup_(buf_fini) = {.max = 8 + KEX_PUBLIC_MAX};

	p->kex = method_chosen(slice_str(or_default(p->options.kex, "curve25519-sha256")));
	BUG_ON(p->kex == NULL);
	kex_pair_freep(&p->pair);
	must(kex_pair_new(&p->pair, p->kex));
	buf_clear(&p->public_ours);
	must(kex_pair_public(p->pair, &p->public_ours));
	must(buf_put_u8(&b, SSH_MSG_KEX_INIT));
	must(buf_put(&b, buf_slice(&p->public_ours).ptr, buf_len(&p->public_ours)));
	peer_send(p, buf_slice(&b).ptr, buf_len(&b));
}

bool
peer_take_kexinit(struct peer *p)
{
	struct slice line, payload;

	if (p->version_theirs[0] == '\0') {
		take_output(p);
		if (packet_reader_line(&p->in, 255, &line) != ERR_OK ||
		    !slice_copy(line, p->version_theirs, sizeof p->version_theirs))
			return false;
	}
	if (!peer_next(p, &payload) || payload.ptr[0] != SSH_MSG_KEXINIT)
		return false;
	buf_clear(&p->kexinit_theirs);
	must(buf_put(&p->kexinit_theirs, payload.ptr, payload.len));
	return true;
}

static const struct cipher *
cipher_named(const char *name)
{
	for (size_t i = 0; cipher_at(i) != NULL; i++) {
		if (strcmp(cipher_at(i)->name, name) == 0)
			return cipher_at(i);
	}
	BUG("no such cipher");
}

static const struct mac *
mac_named(const struct cipher *cipher, const char *name)
{
	for (size_t i = 0; mac_at(i) != NULL && !cipher_authenticates(cipher); i++) {
		if (strcmp(mac_at(i)->name, name) == 0)
			return mac_at(i);
	}
	return NULL;
}

static struct seal *
make_seal(const struct keys_source *source, enum keys_way way, const char *cipher_name,
    const char *mac_name)
{
	const struct cipher *cipher = cipher_named(cipher_name);
	const struct mac *mac = mac_named(cipher, mac_name);
	struct seal_keys keys;
	struct seal *seal;

	must(keys_derive_seal(source, way, cipher, mac, &keys));
	must(seal_new(
	    &seal, way == KEYS_TO_SERVER ? SEAL_SENDS : SEAL_RECEIVES, cipher, mac, &keys));
	return seal;
}

static void
use_keys(struct peer *p, const struct keys_hash *hash, const struct buf *secret)
{
	const struct peer_options *o = &p->options;
	const char *cipher = or_default(o->cipher, "aes128-gcm@openssh.com");
	const char *mac = or_default(o->mac, "hmac-sha2-256");

	if (p->session.len == 0)
		p->session = *hash;
	const struct keys_source source = {
	    .digest = p->kex->digest,
	    .secret = buf_slice(secret),
	    .hash = slice_of(hash->bytes, hash->len),
	    .session_id = slice_of(p->session.bytes, p->session.len),
	};
	seal_free(p->next_out);
	p->next_out = make_seal(&source, KEYS_TO_SERVER, cipher, mac);
	packet_reader_rekey(&p->in,
	    make_seal(&source, KEYS_TO_CLIENT, or_default(o->cipher_back, cipher),
		or_default(o->mac_back, mac)),
	    o->strict);
}

/* Secret, hash, and the signature of it. */
static bool
check_reply(struct peer *p, struct slice host_key, struct slice theirs, struct slice signature,
    struct buf *secret, struct keys_hash *ret_hash)
{
	struct slice ours = buf_slice(&p->public_ours);
	const struct slice transcript[KEYS_TRANSCRIPT] = {
	    slice_str(PEER_VERSION),
	    slice_str(p->version_theirs),
	    buf_slice(&p->kexinit_ours),
	    buf_slice(&p->kexinit_theirs),
	    host_key,
	    slice_of(ours.ptr + 4, ours.len - 4),
	    theirs,
	};
	struct rd r = rd_of(signature);
	struct slice algorithm = rd_string(&r, 64);
	struct pki_sk sk;

	if (kex_pair_secret(p->pair, theirs, secret) != ERR_OK)
		return false;
	must(keys_exchange_hash(p->kex->digest, transcript, buf_slice(secret), ret_hash));
	return pki_verify(host_key, algorithm, slice_of(ret_hash->bytes, ret_hash->len), signature,
		   &sk) == ERR_OK;
}

bool
peer_take_reply(struct peer *p)
{
	struct buf secret _cleanup_(buf_wipe) = {.max = KEX_SECRET_MAX};
	struct keys_hash hash;
	struct slice payload;

	if (!peer_next(p, &payload))
		return false;
	struct rd r = rd_of(payload);
	uint8_t number = rd_u8(&r);
	struct slice host_key = rd_string(&r, 4096);
	struct slice theirs = rd_string(&r, KEX_PUBLIC_MAX);
	struct slice signature = rd_string(&r, PKI_SIGNATURE_MAX);
	if (number != SSH_MSG_KEX_REPLY || rd_done(&r) != ERR_OK ||
	    !check_reply(p, host_key, theirs, signature, &secret, &hash))
		return false;
	if (peer_next_number(p) != SSH_MSG_NEWKEYS)
		return false;
	use_keys(p, &hash, &secret);
	return true;
}

void
peer_put_newkeys(struct peer *p)
{
	peer_send_u8(p, SSH_MSG_NEWKEYS);
	packet_writer_rekey(&p->out, p->next_out, p->options.strict);
	p->next_out = NULL;
}

static bool
exchange(struct peer *p)
{
	peer_put_kexinit(p);
	if (peer_turn(p) != ERR_AGAIN || !peer_take_kexinit(p))
		return false;
	peer_put_kex_init(p);
	if (peer_turn(p) != ERR_AGAIN || !peer_take_reply(p))
		return false;
	peer_put_newkeys(p);
	return peer_turn(p) == ERR_AGAIN;
}

bool
peer_handshake(struct peer *p)
{
	peer_put_version(p);
	return exchange(p);
}

bool
peer_rekey(struct peer *p)
{
	return exchange(p);
}
