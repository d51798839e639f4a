/* The authentication protocol over a link that only remembers what is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../pki/material.h"
#include "../pki/token.h"
#include "base/rd.h"
#include "child.h"
#include "sweep.h"
#include "wire/message.h"
#include "wire/userauth.h"

/* The link. */

struct wire_link {
	struct buf sent; /* the last payload */
	bool closed;     /* a key exchange is under way */
	uint32_t disconnected;
};

static const char SESSION_ID[] = "0123456789abcdef0123456789abcdef";

bool
wire_link_open(const struct wire_link *l)
{
	return !l->closed;
}

enum err
wire_link_send(struct wire_link *l, struct slice head, struct slice body)
{
	assert_false(l->closed);
	buf_clear(&l->sent);
	assert_int_equal(buf_put(&l->sent, head.ptr, head.len), ERR_OK);
	return buf_put(&l->sent, body.ptr, body.len);
}

struct slice
wire_link_session_id(const struct wire_link *l)
{
	(void)l;
	return slice_str(SESSION_ID);
}

void
wire_link_disconnect(struct wire_link *l, uint32_t reason, const char *text)
{
	assert_true(strlen(text) > 0);
	l->disconnected = reason;
}

/* One server, and what it said last. */

struct desk {
	struct wire_link link;
	struct userauth *u;
	bool asks;
	struct wire_auth auth;
	struct story story;
	enum err e;
};

static void
desk_init(struct desk *d, uint32_t methods, uint32_t max_failures)
{
	*d = (struct desk){0};
	buf_init(&d->link.sent, 1 << 20);
	assert_int_equal(userauth_new(&d->u, &d->link, methods, max_failures), ERR_OK);
}

static void
desk_fini(struct desk *d)
{
	userauth_free(d->u);
	buf_fini(&d->link.sent);
}

static enum err
desk_give(struct desk *d, struct slice payload)
{
	buf_clear(&d->link.sent);
	d->e = userauth_input(d->u, payload, &d->asks, &d->auth, &d->story);
	return d->e;
}

static enum err
desk_answer(struct desk *d, enum wire_verdict verdict, uint32_t methods)
{
	buf_clear(&d->link.sent);
	d->asks = false;
	return userauth_answer(d->u, verdict, methods);
}

/* The number of the message that was sent; 0 for none. */
static uint8_t
said(const struct desk *d)
{
	struct slice sent = buf_slice(&d->link.sent);

	return sent.len == 0 ? 0 : sent.ptr[0];
}

enum { SAID_NOTHING = 0, SAID_ACCEPT = 6, SAID_FAILURE = 51, SAID_SUCCESS = 52, SAID_PK_OK = 60 };

static void
assert_failure(const struct desk *d, const char *methods, bool partial)
{
	struct rd r = rd_of(buf_slice(&d->link.sent));

	assert_int_equal(rd_u8(&r), SAID_FAILURE);
	assert_true(slice_is(rd_string(&r, 100), methods));
	assert_int_equal(rd_u8(&r), partial ? 1 : 0);
	assert_int_equal(rd_done(&r), ERR_OK);
}

/* Requests. */

static void
put_request(struct buf *b, const char *user, const char *service, const char *method)
{
	buf_clear(b);
	assert_int_equal(buf_put_u8(b, 50), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str(user)), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str(service)), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str(method)), ERR_OK);
}

static void
put_password(struct buf *b, const char *user, struct slice password)
{
	put_request(b, user, "ssh-connection", "password");
	assert_int_equal(buf_put_u8(b, 0), ERR_OK);
	assert_int_equal(buf_put_string(b, password), ERR_OK);
}

static void
put_key(struct buf *b, bool is_signed, const char *algorithm, struct slice key)
{
	put_request(b, "hans", "ssh-connection", "publickey");
	assert_int_equal(buf_put_u8(b, is_signed ? 1 : 0), ERR_OK);
	assert_int_equal(buf_put_string(b, slice_str(algorithm)), ERR_OK);
	assert_int_equal(buf_put_string(b, key), ERR_OK);
}

static void
sign_request(struct buf *b, const struct pki_key *key, const char *algorithm)
{
	struct buf data _cleanup_(buf_fini);
	struct buf signature _cleanup_(buf_fini);

	buf_init(&data, 1 << 16);
	buf_init(&signature, PKI_SIGNATURE_MAX);
	assert_int_equal(buf_put_string(&data, slice_str(SESSION_ID)), ERR_OK);
	assert_int_equal(buf_put(&data, buf_slice(b).ptr, buf_len(b)), ERR_OK);
	assert_int_equal(pki_sign(key, algorithm, buf_slice(&data), &signature), ERR_OK);
	assert_int_equal(buf_put_string(b, buf_slice(&signature)), ERR_OK);
}

static enum err
ask_service(struct desk *d, const char *name)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, 200);
	assert_int_equal(buf_put_u8(&b, 5), ERR_OK);
	assert_int_equal(buf_put_string(&b, slice_str(name)), ERR_OK);
	return desk_give(d, buf_slice(&b));
}

/* A desk at which the service was asked for. */
static void
desk_begin(struct desk *d, uint32_t methods, uint32_t max_failures)
{
	desk_init(d, methods, max_failures);
	assert_int_equal(ask_service(d, "ssh-userauth"), ERR_OK);
	assert_int_equal(said(d), SAID_ACCEPT);
}

static struct scratch dir;
static struct buf request;

static int
keys_up(void **state)
{
	(void)state;
	buf_init(&request, 1 << 20);
	material_keys(&dir);
	if (!material_run(&dir, "ssh-keygen -q -N '' -t ed25519 -f ca"))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (!material_run(&dir, "ssh-keygen -q -s ca -I %s -n hans -z 7 %s.pub",
			KINDS[i].name, KINDS[i].name))
			return -1;
	}
	return 0;
}

static int
keys_down(void **state)
{
	(void)state;
	buf_fini(&request);
	scratch_fini(&dir);
	return 0;
}

/* Each key: first whether it would do, then its signature, as OpenSSH's client does it. */
static void
lets_keys_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct pki_key *key = material_key(&dir, KINDS[i].name);
		const char *algorithm = pki_key_algorithm(key, 0);
		struct desk d;
		desk_begin(&d, WIRE_PUBLICKEY, 3);
		put_key(&request, false, algorithm, pki_key_blob(key));
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		assert_true(d.asks && !d.auth.proven && !d.auth.forged);
		assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
		struct rd r = rd_of(buf_slice(&d.link.sent));
		assert_int_equal(rd_u8(&r), SAID_PK_OK);
		assert_true(slice_is(rd_string(&r, 100), algorithm));
		assert_true(slice_equal(rd_string(&r, 4096), pki_key_blob(key)));
		assert_int_equal(rd_done(&r), ERR_OK);
		assert_false(userauth_done(d.u));

		put_key(&request, true, algorithm, pki_key_blob(key));
		sign_request(&request, key, algorithm);
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		/* What was given may go; the event stays. */
		memset(request.mem, 0xee, request.cap);
		assert_true(d.asks && d.auth.proven && !d.auth.forged);
		assert_int_equal(d.auth.method, WIRE_PUBLICKEY);
		assert_true(slice_is(d.auth.user, "hans"));
		assert_true(slice_is(d.auth.algorithm, algorithm));
		assert_true(slice_equal(d.auth.key, pki_key_blob(key)));
		assert_null(d.auth.cert);
		assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
		assert_int_equal(said(&d), SAID_SUCCESS);
		assert_int_equal(buf_len(&d.link.sent), 1);
		assert_true(userauth_done(d.u));
		desk_fini(&d);
		pki_key_free(key);
	}
}

/* The names of certificates: of the blob, and of the algorithm that the client says. */
static void
lets_certificates_in(void **state)
{
	static const struct {
		const char *name, *blob_algorithm, *algorithm;
		bool asks;
	} CASES[] = {
	    {"ed25519", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", true},
	    {"p521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", true},
	    {"rsa", "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", true},
	    {"rsa", "rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", true},
	    {"rsa", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256", false}, /* SHA-1 */
	    {"rsa", "rsa-sha2-256", "rsa-sha2-256", false},
	    {"ed25519", "ssh-ed25519", "ssh-ed25519", false},
	    {"ed25519", "rsa-sha2-256-cert-v01@openssh.com", "ssh-ed25519", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct pki_key *key = material_key(&dir, CASES[i].name);
		struct buf cert _cleanup_(buf_fini);
		char file[64];
		struct desk d;
		(void)snprintf(file, sizeof file, "%s-cert.pub", CASES[i].name);
		material_blob(&dir, file, &cert);
		desk_begin(&d, WIRE_PUBLICKEY, 3);
		put_key(&request, true, CASES[i].blob_algorithm, buf_slice(&cert));
		sign_request(&request, key, CASES[i].algorithm);
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		if (d.asks != CASES[i].asks)
			fail_msg("%s", CASES[i].blob_algorithm);
		if (d.asks) {
			assert_true(d.auth.proven);
			assert_true(slice_is(d.auth.algorithm, CASES[i].algorithm));
			assert_true(slice_equal(d.auth.key, pki_key_blob(key)));
			assert_int_equal(d.auth.cert->serial, 7);
			assert_true(slice_is(d.auth.cert->principals[0], "hans"));
			assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
			assert_int_equal(said(&d), SAID_SUCCESS);
		} else {
			assert_failure(&d, "publickey", false);
		}
		desk_fini(&d);
		pki_key_free(key);
	}
}

/* A plain key under a certificate's name is none. */
static void
wants_a_certificate_where_one_is_named(void **state)
{
	struct pki_key *key = material_key(&dir, "ed25519");
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PUBLICKEY, 3);
	put_key(&request, false, "ssh-ed25519-cert-v01@openssh.com", pki_key_blob(key));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	assert_failure(&d, "publickey", false);
	desk_fini(&d);
	pki_key_free(key);
}

static void
tells_what_a_token_says(void **state)
{
	struct token t;
	struct desk d;
	struct buf data _cleanup_(buf_fini);
	struct buf signature _cleanup_(buf_fini);

	(void)state;
	token_init(&t, false, "ssh:");
	buf_init(&data, 4096);
	buf_init(&signature, 4096);
	desk_begin(&d, WIRE_PUBLICKEY, 3);
	put_key(&request, true, t.type, buf_slice(&t.blob));
	assert_int_equal(buf_put_string(&data, slice_str(SESSION_ID)), ERR_OK);
	assert_int_equal(buf_put(&data, buf_slice(&request).ptr, buf_len(&request)), ERR_OK);
	token_sign(&t, PKI_SK_TOUCHED, 9, buf_slice(&data), &signature);
	assert_int_equal(buf_put_string(&request, buf_slice(&signature)), ERR_OK);
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_true(d.asks && d.auth.proven && d.auth.sk.is_sk);
	assert_int_equal(d.auth.sk.flags, PKI_SK_TOUCHED);
	assert_int_equal(d.auth.sk.counter, 9);
	desk_fini(&d);
	token_fini(&t);
}

/* With any bit of it flipped, a signed request lets nobody in. */
static bool
is_proven(const uint8_t *bytes, size_t len, void *ctx)
{
	struct desk d;

	(void)ctx;
	desk_begin(&d, WIRE_PUBLICKEY | WIRE_PASSWORD, 3);
	enum err e = desk_give(&d, slice_of(bytes, len));
	bool proven = e == ERR_OK && d.asks && d.auth.proven;
	if (e == ERR_OK && d.asks && d.auth.forged) {
		assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
		assert_false(userauth_done(d.u));
	}
	assert_true(e == ERR_OK || d.link.disconnected != 0);
	desk_fini(&d);
	return proven;
}

static void
believes_no_damaged_request(void **state)
{
	struct pki_key *key = material_key(&dir, "ed25519");
	struct buf cert _cleanup_(buf_fini);

	(void)state;
	material_blob(&dir, "ed25519-cert.pub", &cert);
	for (size_t certified = 0; certified < 2; certified++) {
		if (certified == 0)
			put_key(&request, true, "ssh-ed25519", pki_key_blob(key));
		else
			put_key(
			    &request, true, "ssh-ed25519-cert-v01@openssh.com", buf_slice(&cert));
		sign_request(&request, key, "ssh-ed25519");
		uint8_t copy[2048];
		size_t len = buf_len(&request);
		assert_true(len <= sizeof copy);
		memcpy(copy, buf_slice(&request).ptr, len);
		assert_true(is_proven(copy, len, NULL));
		assert_int_equal(sweep_truncations(is_proven, copy, len, NULL), 0);
		for (size_t bit = 0; bit < len * 8; bit++) {
			copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			if (sweep_decode_exact(is_proven, copy, len, NULL))
				fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
			copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
	}
	pki_key_free(key);
}

/* It is told of, the answer is no whatever is answered, and it costs a try. */
static void
tells_of_forgeries(void **state)
{
	struct pki_key *key = material_key(&dir, "ed25519"), *other = material_key(&dir, "p256");
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PUBLICKEY, 2);
	put_key(&request, true, "ssh-ed25519", pki_key_blob(key));
	sign_request(&request, other, "ecdsa-sha2-nistp256");
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_true(d.asks && d.auth.forged && !d.auth.proven);
	assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
	assert_failure(&d, "publickey", false);
	assert_false(userauth_done(d.u));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_int_equal(desk_answer(&d, WIRE_DENY, 0), ERR_LIMIT);
	assert_int_equal(d.link.disconnected, SSH_DISCONNECT_PROTOCOL_ERROR);
	assert_int_equal(said(&d), SAID_NOTHING);
	desk_fini(&d);
	pki_key_free(key);
	pki_key_free(other);
}

static void
takes_passwords(void **state)
{
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PUBLICKEY | WIRE_PASSWORD, 3);
	put_password(&request, "hans", slice_str("secret"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	memset(request.mem, 0xee, request.cap);
	assert_true(d.asks);
	assert_int_equal(d.auth.method, WIRE_PASSWORD);
	assert_true(slice_is(d.auth.password, "secret"));
	assert_true(slice_is(d.auth.user, "hans"));
	assert_int_equal(desk_answer(&d, WIRE_DENY, 0), ERR_OK);
	assert_failure(&d, "publickey,password", false);
	/* The longest, and one byte more. */
	char big[WIRE_PASSWORD_MAX + 1];
	memset(big, 'x', sizeof big);
	put_password(&request, "hans", slice_of(big, sizeof big));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	assert_failure(&d, "publickey,password", false);
	put_password(&request, "hans", slice_of(big, sizeof big - 1));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_true(d.asks);
	assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
	assert_int_equal(said(&d), SAID_SUCCESS);
	desk_fini(&d);
}

static void
changes_no_passwords(void **state)
{
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PASSWORD, 3);
	put_request(&request, "hans", "ssh-connection", "password");
	assert_int_equal(buf_put_u8(&request, 1), ERR_OK);
	assert_int_equal(buf_put_string(&request, slice_str("old")), ERR_OK);
	assert_int_equal(buf_put_string(&request, slice_str("new")), ERR_OK);
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	assert_failure(&d, "password", false);
	desk_fini(&d);
}

/* Methods that aren't offered are none, whatever the client thinks. */
static void
offers_what_it_was_told_to(void **state)
{
	static const char *const METHODS[] = {"none", "password", "keyboard-interactive",
	    "hostbased", "publickey-hostbound-v00@openssh.com", "PublicKey", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
		struct desk d;
		desk_begin(&d, WIRE_PUBLICKEY, 3);
		put_request(&request, "hans", "ssh-connection", METHODS[i]);
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		assert_false(d.asks);
		assert_failure(&d, "publickey", false);
		desk_fini(&d);
	}
	/* With a body that an honest client would send. */
	struct desk d;
	desk_begin(&d, WIRE_PUBLICKEY, 3);
	put_password(&request, "hans", slice_str("secret"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	desk_fini(&d);
}

/* Section 5.1: the key was right, and now the password. */
static void
goes_step_by_step(void **state)
{
	struct pki_key *key = material_key(&dir, "ed25519");
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PUBLICKEY, 2);
	put_key(&request, false, "ssh-ed25519", pki_key_blob(key));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_int_equal(desk_answer(&d, WIRE_PARTIAL, WIRE_PASSWORD), ERR_OK);
	assert_int_equal(said(&d), SAID_PK_OK);
	put_key(&request, true, "ssh-ed25519", pki_key_blob(key));
	sign_request(&request, key, "ssh-ed25519");
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_int_equal(desk_answer(&d, WIRE_PARTIAL, WIRE_PASSWORD), ERR_OK);
	assert_failure(&d, "password", true);
	assert_false(userauth_done(d.u));
	/* The key's turn is over. */
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	assert_failure(&d, "password", false);
	put_password(&request, "hans", slice_str("secret"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
	assert_int_equal(said(&d), SAID_SUCCESS);
	desk_fini(&d);
	pki_key_free(key);
}

/* Four questions cost as much as one try. */
static void
counts_tries(void **state)
{
	static const struct {
		const char *steps; /* q: a question, n: none, p: a password, u: an unknown method */
		enum err last;
	} CASES[] = {
	    {"pp", ERR_OK},
	    {"ppp", ERR_LIMIT},
	    {"qqqqqqqqqqq", ERR_OK},
	    {"qqqqqqqqqqqq", ERR_LIMIT},
	    {"nnnnnnnnnnnn", ERR_LIMIT},
	    {"nqqpup", ERR_LIMIT},
	    {"nqqpu", ERR_OK},
	    {"uuu", ERR_LIMIT},
	};
	struct pki_key *key = material_key(&dir, "ed25519");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct desk d;
		desk_begin(&d, WIRE_PUBLICKEY | WIRE_PASSWORD, 3);
		for (const char *step = CASES[i].steps; *step != '\0'; step++) {
			if (*step == 'q')
				put_key(&request, false, "ssh-ed25519", pki_key_blob(key));
			else if (*step == 'p')
				put_password(&request, "hans", slice_str("x"));
			else
				put_request(&request, "hans", "ssh-connection",
				    *step == 'n' ? "none" : "gssapi-with-mic");
			enum err e = desk_give(&d, buf_slice(&request));
			if (d.asks)
				e = desk_answer(&d, WIRE_DENY, 0);
			enum err want = step[1] == '\0' ? CASES[i].last : ERR_OK;
			if (e != want)
				fail_msg("%s at %s: %s", CASES[i].steps, step, err_name(e));
			assert_int_equal(said(&d), e == ERR_OK ? SAID_FAILURE : SAID_NOTHING);
			assert_int_equal(d.link.disconnected != 0, e != ERR_OK);
		}
		desk_fini(&d);
	}
	pki_key_free(key);
}

static void
ends_floods(void **state)
{
	struct desk d;
	enum err e = ERR_OK;
	size_t n = 0;

	(void)state;
	desk_init(&d, WIRE_PUBLICKEY, 1000);
	while (e == ERR_OK && n++ <= WIRE_USERAUTH_REQUESTS_MAX)
		e = ask_service(&d, "ssh-userauth");
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(n, WIRE_USERAUTH_REQUESTS_MAX + 1);
	assert_true(d.link.disconnected != 0);
	desk_fini(&d);
}

/* Who doesn't keep to the protocol, and how that ends. */
static void
ends_what_is_out_of_order(void **state)
{
	static const struct {
		const char *first_user, *user, *service;
		enum err e;
		uint32_t reason;
	} CASES[] = {
	    {"hans", "hans", "ssh-connection", ERR_OK, 0},
	    {"hans", "greta", "ssh-connection", ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR},
	    {"hans", "", "ssh-connection", ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR},
	    {"", "hans", "ssh-connection", ERR_FORMAT, SSH_DISCONNECT_PROTOCOL_ERROR},
	    {"hans", "hans", "ssh-userauth", ERR_FORMAT, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct desk d;
		desk_begin(&d, WIRE_PUBLICKEY, 3);
		put_request(&request, CASES[i].first_user, "ssh-connection", "none");
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		put_request(&request, CASES[i].user, CASES[i].service, "none");
		assert_int_equal(desk_give(&d, buf_slice(&request)), CASES[i].e);
		assert_int_equal(d.link.disconnected, CASES[i].reason);
		if (d.e != ERR_OK)
			assert_true(strlen(d.story.text) > 0);
		desk_fini(&d);
	}
}

static void
wants_its_service_first(void **state)
{
	static const uint8_t OTHERS[] = {0, 4, 6, 20, 51, 52, 60, 61, 79, 90};
	struct desk d;

	(void)state;
	desk_init(&d, WIRE_PUBLICKEY, 3);
	put_request(&request, "hans", "ssh-connection", "none");
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_FORMAT);
	assert_int_equal(d.link.disconnected, SSH_DISCONNECT_PROTOCOL_ERROR);
	desk_fini(&d);
	desk_init(&d, WIRE_PUBLICKEY, 3);
	assert_int_equal(ask_service(&d, "ssh-connection"), ERR_FORMAT);
	assert_int_equal(d.link.disconnected, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE);
	desk_fini(&d);
	for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++) {
		desk_begin(&d, WIRE_PUBLICKEY, 3);
		assert_int_equal(desk_give(&d, slice_of(&OTHERS[i], 1)), ERR_FORMAT);
		desk_fini(&d);
	}
	desk_begin(&d, WIRE_PUBLICKEY, 3);
	assert_int_equal(desk_give(&d, slice_of(NULL, 0)), ERR_FORMAT);
	desk_fini(&d);
}

/* A name that is too long is nobody's; a request that is too long is nobody's either. */
static void
keeps_its_limits(void **state)
{
	char name[WIRE_USER_MAX + 2];
	struct desk d;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	desk_begin(&d, WIRE_PASSWORD, 3);
	put_password(&request, name, slice_str("x"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_false(d.asks);
	assert_failure(&d, "password", false);
	name[WIRE_USER_MAX] = '\0';
	put_password(&request, name, slice_str("x"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_true(d.asks);
	assert_int_equal(d.auth.user.len, WIRE_USER_MAX);
	desk_fini(&d);
	desk_begin(&d, WIRE_PASSWORD, 3);
	uint8_t *big = calloc(1, 200000);
	assert_non_null(big);
	put_password(&request, "hans", slice_of(big, 200000));
	free(big);
	assert_int_not_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_true(d.link.disconnected != 0);
	desk_fini(&d);
}

/* Section 5.1: void once somebody is logged in. */
static void
ignores_requests_after_success(void **state)
{
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PASSWORD, 3);
	put_password(&request, "hans", slice_str("x"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_OK);
	for (size_t i = 0; i < 2 * WIRE_USERAUTH_REQUESTS_MAX; i++) {
		put_password(&request, "greta", slice_str("x"));
		assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
		assert_false(d.asks);
		assert_int_equal(said(&d), SAID_NOTHING);
	}
	desk_fini(&d);
}

/* A client that has the link busy with keys while it is answered. */
static void
ends_when_the_link_is_busy(void **state)
{
	struct desk d;

	(void)state;
	desk_begin(&d, WIRE_PASSWORD, 3);
	put_password(&request, "hans", slice_str("x"));
	assert_int_equal(desk_give(&d, buf_slice(&request)), ERR_OK);
	d.link.closed = true;
	assert_int_equal(desk_answer(&d, WIRE_ACCEPT, 0), ERR_LIMIT);
	assert_false(userauth_done(d.u));
	assert_true(d.link.disconnected != 0);
	desk_fini(&d);
}

/* Bugs of the caller's. */

static int
answer_nothing(void *ctx)
{
	struct desk d;

	(void)ctx;
	desk_begin(&d, WIRE_PASSWORD, 3);
	return userauth_answer(d.u, WIRE_ACCEPT, 0) == ERR_OK;
}

static int
give_two(void *ctx)
{
	struct desk d;

	(void)ctx;
	desk_begin(&d, WIRE_PASSWORD, 3);
	put_password(&request, "hans", slice_str("x"));
	(void)desk_give(&d, buf_slice(&request));
	return desk_give(&d, buf_slice(&request)) == ERR_OK;
}

static void
takes_no_nonsense_of_its_caller(void **state)
{
	static child_fn *const BUGS[] = {answer_nothing, give_two};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BUGS); i++) {
		int status = child_run(BUGS[i], NULL);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
	userauth_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lets_keys_in),
	    cmocka_unit_test(lets_certificates_in),
	    cmocka_unit_test(wants_a_certificate_where_one_is_named),
	    cmocka_unit_test(tells_what_a_token_says),
	    cmocka_unit_test(believes_no_damaged_request),
	    cmocka_unit_test(tells_of_forgeries),
	    cmocka_unit_test(takes_passwords),
	    cmocka_unit_test(changes_no_passwords),
	    cmocka_unit_test(offers_what_it_was_told_to),
	    cmocka_unit_test(goes_step_by_step),
	    cmocka_unit_test(counts_tries),
	    cmocka_unit_test(ends_floods),
	    cmocka_unit_test(ends_what_is_out_of_order),
	    cmocka_unit_test(wants_its_service_first),
	    cmocka_unit_test(keeps_its_limits),
	    cmocka_unit_test(ignores_requests_after_success),
	    cmocka_unit_test(ends_when_the_link_is_busy),
	    cmocka_unit_test(takes_no_nonsense_of_its_caller),
	};

	return cmocka_run_group_tests_name("wire/userauth", tests, keys_up, keys_down);
}
