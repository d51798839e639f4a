/* The client against our own server: all that both have, and much traffic while keys change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../pki/keys_dir.h"
#include "wire/client.h"
#include "wire/server.h"

struct pair_options {
	struct wire_client_config client;
	struct wire_rekey server_rekey;
	const char *host_key; /* of KINDS; NULL: all */
	const char *user_key; /* proves; NULL: a password does */
	const char *algorithm;
	bool ask_first;
	unsigned n_denied;  /* so many proofs are denied first */
	unsigned n_partial; /* then so many are a step */
};

struct pair {
	struct pair_options options;
	struct pki_key *host_keys[ARRAY_LEN(KINDS)];
	size_t n_host_keys;
	struct pki_key *user_key;
	struct wire_server *server;
	struct wire_client *client;
	size_t chunk;            /* bytes that are moved at once */
	unsigned n_next, n_auth; /* events */
	bool client_open, server_open, client_eof;
	bool refuses; /* the host key */
	bool last_partial;
	char last_methods[64];
	struct wire_client_event client_end; /* CLOSED */
	struct wire_event server_end;
	uint64_t n_to_client, n_to_server;      /* of the stream, received */
	uint64_t n_moved;                       /* bytes of the line */
	uint8_t next_to_client, next_to_server; /* the stream counts */
};

static void
pair_init(struct pair *p, const struct pair_options *options)
{
	struct wire_client_config client = options->client;
	struct story story = {""};

	*p = (struct pair){.options = *options, .chunk = SIZE_MAX};
	assert_int_equal(wire_library_load(), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (options->host_key == NULL || strcmp(options->host_key, KINDS[i].name) == 0)
			p->host_keys[p->n_host_keys++] = material_key(&dir, KINDS[i].name);
	}
	if (options->user_key != NULL)
		p->user_key = material_key(&dir, options->user_key);
	const struct wire_server_config server = {
	    .link.host_keys = (const struct pki_key *const *)p->host_keys,
	    .link.n_host_keys = p->n_host_keys,
	    .link.rekey = options->server_rekey,
	    .methods = WIRE_PUBLICKEY | WIRE_PASSWORD,
	    .max_failures = 3,
	};
	client.user = "hans";
	if (client.command == NULL && client.subsystem == NULL)
		client.subsystem = "sftp";
	assert_int_equal(wire_server_new(&p->server, &server), ERR_OK);
	assert_int_equal(wire_client_new(&p->client, &client, &story), ERR_OK);
}

static void
pair_fini(struct pair *p)
{
	wire_client_free(p->client);
	wire_server_free(p->server);
	for (size_t i = 0; i < p->n_host_keys; i++)
		pki_key_free(p->host_keys[i]);
	pki_key_free(p->user_key);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
to_client(struct pair *p)
{
	struct slice bytes = buf_slice(wire_server_output(p->server));
	size_t room;

	if (bytes.len == 0 || !wire_client_wants_input(p->client))
		return false;
	uint8_t *space = wire_client_space(p->client, &room);
	size_t len = least(least(bytes.len, room), p->chunk);
	if (len > 0)
		memcpy(space, bytes.ptr, len);
	wire_client_filled(p->client, len);
	buf_consume(wire_server_output(p->server), len);
	p->n_moved += len;
	return len > 0;
}

static bool
to_server(struct pair *p)
{
	struct slice bytes = buf_slice(wire_client_output(p->client));
	size_t room;

	if (bytes.len == 0 || !wire_server_wants_input(p->server))
		return false;
	uint8_t *space = wire_server_space(p->server, &room);
	size_t len = least(least(bytes.len, room), p->chunk);
	if (len > 0)
		memcpy(space, bytes.ptr, len);
	wire_server_filled(p->server, len);
	buf_consume(wire_client_output(p->client), len);
	p->n_moved += len;
	return len > 0;
}

static void
prove(struct pair *p, const struct wire_login_state *state)
{
	struct wire_proof proof = {.type = WIRE_PROVE_PASSWORD, .password = slice_str("secret")};

	p->n_next++;
	p->last_partial = state->partial;
	assert_true(slice_copy(state->methods, p->last_methods, sizeof p->last_methods));
	if (p->user_key != NULL)
		proof = (struct wire_proof){
		    .type = WIRE_PROVE_PUBLICKEY,
		    .algorithm = p->options.algorithm,
		    .blob = pki_key_blob(p->user_key),
		    .ask_first = p->options.ask_first,
		};
	assert_int_equal(wire_client_prove(p->client, &proof), ERR_OK);
}

static void
sign(struct pair *p, struct slice data)
{
	struct buf signature _cleanup_(buf_fini) = {.max = PKI_SIGNATURE_MAX};

	assert_int_equal(pki_sign(p->user_key, p->options.algorithm, data, &signature), ERR_OK);
	assert_int_equal(wire_client_sign(p->client, buf_slice(&signature)), ERR_OK);
}

/* The stream counts, so that a byte that is lost, doubled or moved is seen. */
static void
check_bytes(struct slice bytes, uint8_t *next, uint64_t *n)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i] != (*next)++)
			fail_msg("byte %llu of the stream is wrong", (unsigned long long)(*n + i));
	}
	*n += bytes.len;
}

static bool
on_client(struct pair *p)
{
	struct wire_client_event event;
	struct slice bytes;

	wire_client_next_event(p->client, &event);
	switch (event.type) {
	case WIRE_HOST_KEY:
		if (p->refuses)
			wire_client_refuse_host_key(p->client, ERR_ACCESS, "not that one");
		else
			assert_int_equal(wire_client_accept_host_key(p->client), ERR_OK);
		break;
	case WIRE_AUTH_NEXT:
		prove(p, &event.login);
		break;
	case WIRE_SIGN:
		sign(p, event.text);
		break;
	case WIRE_OPENED:
		p->client_open = true;
		break;
	case WIRE_READABLE:
		bytes = wire_client_peek(p->client);
		check_bytes(bytes, &p->next_to_client, &p->n_to_client);
		wire_client_consume(p->client, bytes.len);
		break;
	case WIRE_PEER_EOF:
		p->client_eof = true;
		break;
	case WIRE_CLOSED:
		p->client_end = event;
		return false;
	case WIRE_NOTHING:
		return false;
	case WIRE_AUTH:
	case WIRE_BANNER:
	case WIRE_PROMPT:
	default:
		fail_msg("event %d", (int)event.type);
	}
	return true;
}

static bool
on_server(struct pair *p)
{
	enum wire_verdict verdict = WIRE_ACCEPT;
	struct wire_event event;
	struct slice bytes;

	wire_server_next_event(p->server, &event);
	if (event.type == WIRE_AUTH) {
		bool proven = event.auth.proven || event.auth.method == WIRE_PASSWORD;
		assert_false(event.auth.forged);
		if (p->n_auth < p->options.n_denied)
			verdict = WIRE_DENY;
		else if (proven && p->n_auth < p->options.n_denied + p->options.n_partial)
			verdict = WIRE_PARTIAL;
		p->n_auth += proven || verdict == WIRE_DENY ? 1 : 0;
		assert_int_equal(
		    wire_server_answer(p->server, verdict, WIRE_PUBLICKEY | WIRE_PASSWORD), ERR_OK);
	} else if (event.type == WIRE_OPENED) {
		p->server_open = true;
	} else if (event.type == WIRE_READABLE) {
		bytes = wire_server_peek(p->server);
		check_bytes(bytes, &p->next_to_server, &p->n_to_server);
		wire_server_consume(p->server, bytes.len);
	} else if (event.type == WIRE_CLOSED) {
		p->server_end = event;
	}
	return event.type != WIRE_NOTHING && event.type != WIRE_CLOSED;
}

/* Until nothing moves any more. */
static void
pair_run(struct pair *p)
{
	bool more = true;

	while (more) {
		more = on_client(p);
		more = to_server(p) || more;
		more = on_server(p) || more;
		more = to_client(p) || more;
	}
}

static void
expect_up(struct pair *p, const char *what)
{
	pair_run(p);
	if (!p->client_open || !p->server_open)
		fail_msg("%s: not up: client \"%s\", server \"%s\"", what,
		    p->client_end.story == NULL ? "" : p->client_end.story,
		    p->server_end.story == NULL ? "" : p->server_end.story);
}

/* Bytes both ways, as far as they go. Each is given the next bytes of its count. */
static void
pair_talk(struct pair *p, size_t total)
{
	static uint8_t bytes[256 * 1024 + 256];
	uint64_t up = 0, down = 0, up_before = p->n_to_server, down_before = p->n_to_client;
	size_t n;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	while (up < total || down < total || p->n_to_server < up_before + total ||
	       p->n_to_client < down_before + total) {
		size_t len = least(total - up, 100000);
		assert_int_equal(
		    wire_client_write(p->client, bytes + (uint8_t)(up_before + up), len, &n),
		    ERR_OK);
		up += n;
		len = least(total - down, 256 * 1024);
		assert_int_equal(
		    wire_server_write(p->server, bytes + (uint8_t)(down_before + down), len, &n),
		    ERR_OK);
		down += n;
		uint64_t before = p->n_moved;
		pair_run(p);
		assert_true(p->n_moved > before);
	}
	assert_int_equal(p->n_to_server, up_before + total);
	assert_int_equal(p->n_to_client, down_before + total);
}

static void
goes_up_and_down(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){0});
	assert_int_equal(wire_client_stage(p.client), WIRE_STAGE_VERSION);
	expect_up(&p, "plain");
	assert_int_equal(wire_client_stage(p.client), WIRE_STAGE_OPEN);
	assert_true(wire_client_round_trip_us(p.client) > 0);
	assert_string_equal(wire_client_facts(p.client)->algorithms,
	    "curve25519-sha256 aes256-gcm@openssh.com implicit ssh-ed25519");
	pair_talk(&p, 1000000);
	wire_client_close(p.client);
	assert_true(wire_client_is_closing(p.client));
	pair_run(&p);
	assert_true(wire_client_is_closed(p.client));
	assert_int_equal(p.client_end.type, WIRE_CLOSED);
	assert_int_equal(p.client_end.error, ERR_OK);
	assert_string_equal(p.client_end.story, "");
	wire_client_end(p.client, ERR_OK, "");
	pair_run(&p);
	assert_int_equal(p.server_end.error, ERR_OK);
	pair_fini(&p);
}

/* Each algorithm that we have, alone. */
static void
has_every_algorithm(void **state)
{
	const char *name;
	struct pair p;

	(void)state;
	for (unsigned kind = WIRE_KIND_KEX; kind <= WIRE_KIND_MAC; kind++) {
		for (size_t i = 0; (name = wire_name_at((enum wire_kind)kind, i)) != NULL; i++) {
			struct pair_options o = {.host_key = NULL};
			const char **wanted[] = {
			    [WIRE_KIND_KEX] = &o.client.kex,
			    [WIRE_KIND_HOST_KEY] = &o.client.host_keys,
			    [WIRE_KIND_CIPHER] = &o.client.ciphers,
			    [WIRE_KIND_MAC] = &o.client.macs,
			};
			if (strstr(name, "-cert-") != NULL)
				continue; /* our server has none: see test_client_login.c */
			if (kind == WIRE_KIND_MAC)
				o.client.ciphers = "aes128-ctr";
			*wanted[kind] = name;
			pair_init(&p, &o);
			expect_up(&p, name);
			assert_non_null(strstr(wire_client_facts(p.client)->algorithms, name));
			pair_talk(&p, 70000);
			pair_fini(&p);
		}
	}
}

static void
has_every_host_and_user_key(void **state)
{
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct pki_key *key = material_key(&dir, KINDS[i].name);
		const char *algorithm;
		for (size_t a = 0; (algorithm = pki_key_algorithm(key, a)) != NULL; a++) {
			for (int ask = 0; ask < 2; ask++) {
				pair_init(&p, &(struct pair_options){
						  .host_key = KINDS[i].name,
						  .user_key = KINDS[i].name,
						  .algorithm = algorithm,
						  .ask_first = ask,
					      });
				expect_up(&p, algorithm);
				assert_int_equal(p.n_next, 1);
				pair_fini(&p);
			}
		}
		pki_key_free(key);
	}
}

static void
tries_again_and_goes_on(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){.n_denied = 2});
	expect_up(&p, "denied twice");
	assert_int_equal(p.n_next, 3);
	assert_false(p.last_partial);
	assert_string_equal(p.last_methods, "publickey,password");
	pair_fini(&p);
	pair_init(&p, &(struct pair_options){.n_partial = 1});
	expect_up(&p, "a step");
	assert_int_equal(p.n_next, 2);
	assert_true(p.last_partial);
	pair_fini(&p);
	/* A question that is denied. */
	pair_init(&p, &(struct pair_options){.n_denied = 1,
			  .user_key = "p256",
			  .algorithm = "ecdsa-sha2-nistp256",
			  .ask_first = true});
	expect_up(&p, "a question denied");
	assert_int_equal(p.n_next, 2);
	pair_fini(&p);
}

static void
tells_of_too_many_tries(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){.n_denied = 2});
	p.options.n_denied = 2;
	/* The third denial ends it; answering it is ERR_CLOSED on that side. */
	for (int i = 0; i < 100 && p.server_end.type != WIRE_CLOSED; i++) {
		struct wire_event event;
		(void)on_client(&p);
		(void)to_server(&p);
		wire_server_next_event(p.server, &event);
		if (event.type == WIRE_AUTH)
			(void)!wire_server_answer(p.server, WIRE_DENY, 0);
		if (event.type == WIRE_CLOSED)
			p.server_end = event;
		(void)to_client(&p);
	}
	pair_run(&p);
	assert_int_equal(p.client_end.type, WIRE_CLOSED);
	assert_int_equal(p.client_end.error, ERR_CLOSED);
	assert_int_equal(p.client_end.end, WIRE_END_LOGIN);
	assert_non_null(strstr(p.client_end.story, "Too many authentication failures"));
	pair_fini(&p);
}

/* Not a byte more, not even a goodbye. */
static void
says_nothing_to_the_wrong_host(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){0});
	p.refuses = true;
	while (p.client_end.type != WIRE_CLOSED) {
		(void)on_client(&p);
		if (p.client_end.type != WIRE_CLOSED)
			(void)to_server(&p);
		(void)on_server(&p);
		(void)to_client(&p);
	}
	assert_int_equal(p.client_end.error, ERR_ACCESS);
	assert_int_equal(p.client_end.end, WIRE_END_OWN);
	assert_string_equal(p.client_end.story, "not that one");
	assert_int_equal(buf_len(wire_client_output(p.client)), 0);
	wire_client_end(p.client, ERR_OK, "");
	wire_client_close(p.client);
	assert_int_equal(buf_len(wire_client_output(p.client)), 0);
	pair_fini(&p);
}

static const struct {
	const char *what;
	struct wire_rekey client, server;
	const char *cipher;
} REKEYS[] = {
    {"by the client's bytes", {.bytes = 100000}, {0}, NULL},
    {"by the server's bytes", {0}, {.bytes = 100000}, NULL},
    {"by both", {.bytes = 150000}, {.bytes = 140000}, "chacha20-poly1305@openssh.com"},
    {"by packets", {.packets = 7}, {.packets = 9}, "aes256-ctr"},
};

static void
keeps_the_stream_over_new_keys(void **state)
{
	static const size_t CHUNKS[] = {SIZE_MAX, 10000, 333};
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(REKEYS); i++) {
		for (size_t c = 0; c < ARRAY_LEN(CHUNKS); c++) {
			pair_init(&p,
			    &(struct pair_options){
				.client = {.rekey = REKEYS[i].client, .ciphers = REKEYS[i].cipher},
				.server_rekey = REKEYS[i].server,
			    });
			p.chunk = CHUNKS[c];
			expect_up(&p, REKEYS[i].what);
			pair_talk(&p, 3 * 1000 * 1000);
			for (int k = 0; k < 3; k++)
				assert_int_equal(wire_client_keep_alive(p.client), ERR_OK);
			assert_int_equal(wire_client_unanswered(p.client), 3);
			pair_run(&p);
			assert_int_equal(wire_client_unanswered(p.client), 0);
			pair_fini(&p);
		}
	}
}

/* Cut anywhere, all comes up the same way. */
static void
takes_its_input_in_pieces(void **state)
{
	struct pair p;

	(void)state;
	for (size_t chunk = 1; chunk < 20; chunk += 3) {
		pair_init(
		    &p, &(struct pair_options){
			    .user_key = "rsa", .algorithm = "rsa-sha2-256", .ask_first = true});
		p.chunk = chunk;
		expect_up(&p, "pieces");
		pair_talk(&p, 5000);
		pair_fini(&p);
	}
}

/* What the server may have under way is the window, before and after it was changed. */
static void
opens_its_window(void **state)
{
	static uint8_t bytes[256 * 1024];
	static const size_t WINDOWS[] = {64 * 1024, 1024 * 1024, 40 * 1024 * 1024};
	struct pair p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WINDOWS); i++) {
		pair_init(&p, &(struct pair_options){.client.window = WINDOWS[i]});
		expect_up(&p, "window");
		assert_int_equal(wire_client_window(p.client), WINDOWS[i]);
		for (int turn = 0; turn < 3; turn++) {
			uint64_t sent = 0;
			size_t window = wire_client_window(p.client);
			do {
				assert_int_equal(
				    wire_server_write(p.server, bytes, sizeof bytes, &n), ERR_OK);
				sent += n;
				buf_clear(wire_server_output(p.server));
			} while (n > 0);
			assert_true(sent <= window && sent + 1024 * 1024 >= window);
			/* The line was cleared, so the client can't go on: another one. */
			pair_fini(&p);
			pair_init(&p, &(struct pair_options){.client.window = WINDOWS[i]});
			expect_up(&p, "window again");
			wire_client_set_window(p.client, 2 * WINDOWS[i]);
			pair_run(&p);
			pair_talk(&p, 300000);
		}
		pair_fini(&p);
	}
}

static void
knows_what_it_offers(void **state)
{
	struct wire_client_config config = {
	    .user = "u", .subsystem = "sftp", .ciphers = "none,aes128-cbc,,\x1b"};
	struct wire_client *w;
	struct story story;

	(void)state;
	assert_int_equal(wire_client_new(&w, &config, &story), ERR_UNSUPPORTED);
	assert_string_equal(
	    story.text, "none of these ciphers is known: \"none,aes128-cbc,,\\x1b\"");
	config.ciphers = "none,aes128-ctr,aes128-ctr";
	config.kex = "";
	assert_int_equal(wire_client_new(&w, &config, &story), ERR_UNSUPPORTED);
	config.kex = NULL;
	assert_int_equal(wire_client_new(&w, &config, &story), ERR_OK);
	wire_client_free(w);
}

static void
tells_what_is_not_in_common(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){.host_key = "rsa", .client.host_keys = "ssh-ed25519"});
	pair_run(&p);
	assert_int_equal(p.client_end.error, ERR_UNSUPPORTED);
	assert_int_equal(p.client_end.end, WIRE_END_NO_ALGORITHM);
	assert_string_equal(p.client_end.story, "no host key algorithm in common: the server has "
						"only \"rsa-sha2-512,rsa-sha2-256\"");
	pair_fini(&p);
}

/* Our server does SFTP alone. */
static void
tells_what_is_not_served(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, &(struct pair_options){.client.command = "id"});
	pair_run(&p);
	assert_int_equal(p.client_end.type, WIRE_CLOSED);
	assert_int_equal(p.client_end.error, ERR_CLOSED);
	assert_non_null(strstr(p.client_end.story, "(exit status 1): This server does SFTP alone"));
	assert_int_equal(wire_client_exit(p.client)->status, 1);
	pair_fini(&p);
	pair_init(&p, &(struct pair_options){.client.subsystem = "netconf"});
	pair_run(&p);
	assert_int_equal(p.client_end.error, ERR_ACCESS);
	assert_int_equal(p.client_end.end, WIRE_END_NO_SUBSYSTEM);
	assert_string_equal(p.client_end.story, "the server does not run \"netconf\"");
	pair_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(goes_up_and_down),
	    cmocka_unit_test(has_every_algorithm),
	    cmocka_unit_test(has_every_host_and_user_key),
	    cmocka_unit_test(tries_again_and_goes_on),
	    cmocka_unit_test(tells_of_too_many_tries),
	    cmocka_unit_test(says_nothing_to_the_wrong_host),
	    cmocka_unit_test(keeps_the_stream_over_new_keys),
	    cmocka_unit_test(takes_its_input_in_pieces),
	    cmocka_unit_test(opens_its_window),
	    cmocka_unit_test(knows_what_it_offers),
	    cmocka_unit_test(tells_what_is_not_in_common),
	    cmocka_unit_test(tells_what_is_not_served),
	};

	return cmocka_run_group_tests(tests, keys_up, keys_down);
}
