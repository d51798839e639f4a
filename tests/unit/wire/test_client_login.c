/* The client's login against a server that says each word by hand; and host certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../pki/keys_dir.h"
#include "base/rd.h"
#include "wire/connection.h"
#include "wire/host.h"
#include "wire/message.h"

enum { REQUEST = 50, FAILURE = 51, SUCCESS = 52, BANNER = 53, SIXTY = 60, RESPONSE = 61 };

static enum wire_event_type
next_type(struct host *h)
{
	struct wire_client_event event;

	host_event(h, &event);
	return event.type;
}

static void
expect_closed(struct host *h, enum err error, enum wire_end end, const char *words)
{
	struct wire_client_event event = {0};

	for (int i = 0; i < 10 && event.type != WIRE_CLOSED; i++)
		host_event(h, &event);
	assert_int_equal(event.type, WIRE_CLOSED);
	if (event.error != error || event.end != end || strstr(event.story, words) == NULL)
		fail_msg("closed with %s, %d: \"%s\"", err_name(event.error), (int)event.end,
		    event.story);
}

/* A server that granted the service and was asked by this proof; its request is in *ret_request. */
static void
begin(struct host *h, const struct wire_proof *proof, struct slice *ret_request)
{
	host_init(h, &(struct host_options){0});
	assert_true(host_handshake(h));
	assert_int_equal(next_type(h), WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h->client, proof), ERR_OK);
	assert_int_equal(host_next_number(h), SSH_MSG_SERVICE_REQUEST);
	if (ret_request != NULL)
		assert_true(host_next(h, ret_request));
	host_say(h, "bs", SSH_MSG_SERVICE_ACCEPT, "ssh-userauth");
}

static const struct wire_proof NOTHING = {.type = WIRE_PROVE_NONE};
static const struct wire_proof KEYBOARD = {.type = WIRE_PROVE_KEYBOARD};

static struct wire_proof
password(void)
{
	return (struct wire_proof){.type = WIRE_PROVE_PASSWORD, .password = slice_str("secret")};
}

/* What every request has, and where the method's own fields begin. */
static struct rd
expect_request(struct slice request, const char *method)
{
	struct rd r = rd_of(request);

	assert_int_equal(rd_u8(&r), REQUEST);
	assert_true(slice_is(rd_string(&r, 64), "erp"));
	assert_true(slice_is(rd_string(&r, 64), "ssh-connection"));
	assert_true(slice_is(rd_string(&r, 64), method));
	return r;
}

/* The first flight is out before the server has said a word about its service. */
static void
asks_without_waiting(void **state)
{
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &NOTHING, &request);
	struct rd r = expect_request(request, "none");
	assert_int_equal(rd_done(&r), ERR_OK);
	assert_int_equal(wire_client_stage(h.client), WIRE_STAGE_LOGIN);
	host_say(&h, "bsb", FAILURE, "publickey,keyboard-interactive", 0);
	struct wire_client_event event;
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_true(slice_is(event.login.methods, "publickey,keyboard-interactive"));
	assert_false(event.login.partial);
	/* Told once, and nothing is heard before the answer. */
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_false(wire_client_wants_input(h.client));
	host_fini(&h);
}

static void
proves_by_password(void **state)
{
	struct wire_proof proof = password();
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &proof, &request);
	struct rd r = expect_request(request, "password");
	assert_int_equal(rd_u8(&r), 0);
	assert_true(slice_is(rd_string(&r, 64), "secret"));
	assert_int_equal(rd_done(&r), ERR_OK);
	host_say(&h, "b", SUCCESS);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(wire_client_authenticated(h.client));
	assert_int_equal(wire_client_stage(h.client), WIRE_STAGE_CHANNEL);
	assert_int_equal(host_next_number(&h), SSH_MSG_CHANNEL_OPEN);
	host_fini(&h);
}

/* Packets of passwords of different lengths are of the same length. */
static void
hides_the_length_of_a_password(void **state)
{
	static const char *const PASSWORDS[] = {"a", "abcdefghijklmnopqrst"};
	size_t lens[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wire_client_event event;
		struct wire_proof proof = password();
		struct host h;
		proof.password = slice_str(PASSWORDS[i]);
		host_init(&h, &(struct host_options){0});
		assert_true(host_handshake(&h));
		host_event(&h, &event);
		assert_int_equal(wire_client_prove(h.client, &proof), ERR_OK);
		lens[i] = buf_len(wire_client_output(h.client));
		host_fini(&h);
	}
	assert_int_equal(lens[0], lens[1]);
}

static void
tells_of_an_expired_password(void **state)
{
	struct wire_proof proof = password();
	struct wire_client_event event;
	struct host h;

	(void)state;
	begin(&h, &proof, NULL);
	host_say(&h, "bss", SIXTY, "It is \x1b too old.", "en");
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_true(slice_is(event.login.refusal, "It is \x1b too old."));
	assert_int_equal(wire_client_prove(h.client, &proof), ERR_OK);
	host_say(&h, "bsb", FAILURE, "password", 0);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_int_equal(event.login.refusal.len, 0);
	host_fini(&h);
}

/* publickey: the question, PK_OK, the signature. */
static void
asks_before_it_signs(void **state)
{
	struct wire_proof proof = {.type = WIRE_PROVE_PUBLICKEY,
	    .algorithm = "ssh-ed25519",
	    .blob = slice_str("a blob"),
	    .ask_first = true};
	struct wire_client_event event;
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &proof, &request);
	struct rd r = expect_request(request, "publickey");
	assert_int_equal(rd_u8(&r), 0);
	assert_true(slice_is(rd_string(&r, 64), "ssh-ed25519"));
	assert_true(slice_is(rd_string(&r, 64), "a blob"));
	assert_int_equal(rd_done(&r), ERR_OK);
	host_say(&h, "bss", SIXTY, "ssh-rsa", "a blob");
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_SIGN);
	struct rd s = rd_of(event.text);
	assert_int_equal(rd_string(&s, 64).len, h.session.len);
	r = expect_request(rd_rest(&s), "publickey");
	assert_int_equal(rd_u8(&r), 1);
	assert_true(slice_is(rd_string(&r, 64), "ssh-ed25519"));
	assert_true(slice_is(rd_string(&r, 64), "a blob"));
	assert_int_equal(rd_done(&r), ERR_OK);
	assert_int_equal(wire_client_sign(h.client, slice_str("a signature")), ERR_OK);
	assert_true(host_next(&h, &request));
	r = expect_request(request, "publickey");
	assert_int_equal(rd_u8(&r), 1);
	(void)rd_string(&r, 64);
	(void)rd_string(&r, 64);
	assert_true(slice_is(rd_string(&r, 64), "a signature"));
	assert_int_equal(rd_done(&r), ERR_OK);
	/* Asked once more, there is nothing to say yes to. */
	host_say(&h, "bss", SIXTY, "ssh-ed25519", "a blob");
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "a key that was not asked about");
	host_fini(&h);
}

static void
goes_on_without_a_signature(void **state)
{
	struct wire_proof proof = {
	    .type = WIRE_PROVE_PUBLICKEY, .algorithm = "ssh-ed25519", .blob = slice_str("b")};
	struct wire_client_event event;
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){0});
	assert_true(host_handshake(&h));
	assert_int_equal(next_type(&h), WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h.client, &proof), ERR_OK);
	assert_int_equal(next_type(&h), WIRE_SIGN);
	assert_int_equal(wire_client_skip(h.client), ERR_OK);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h.client, &NOTHING), ERR_OK);
	assert_int_equal(host_next_number(&h), SSH_MSG_SERVICE_REQUEST);
	assert_int_equal(host_next_number(&h), REQUEST);
	host_fini(&h);
}

static void
answers_prompts(void **state)
{
	const struct slice answers[] = {slice_str("otp"), slice_str("")};
	struct wire_client_event event;
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &KEYBOARD, &request);
	struct rd r = expect_request(request, "keyboard-interactive");
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_done(&r), ERR_OK);
	host_say(&h, "bsssusbsb", SIXTY, "name", "instruction", "", 2u, "Code: ", 0, "Place: ", 1);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_PROMPT);
	assert_true(slice_is(event.prompts->name, "name"));
	assert_true(slice_is(event.prompts->instruction, "instruction"));
	assert_int_equal(event.prompts->n, 2);
	assert_true(slice_is(event.prompts->prompts[0].text, "Code: "));
	assert_false(event.prompts->prompts[0].echo);
	assert_true(event.prompts->prompts[1].echo);
	assert_int_equal(wire_client_respond(h.client, answers), ERR_OK);
	assert_true(host_next(&h, &request));
	r = rd_of(request);
	assert_int_equal(rd_u8(&r), RESPONSE);
	assert_int_equal(rd_u32(&r), 2);
	assert_true(slice_is(rd_string(&r, 64), "otp"));
	assert_true(slice_is(rd_string(&r, 64), ""));
	assert_int_equal(rd_done(&r), ERR_OK);
	/* Words without a prompt: told, and answered by nothing. */
	host_say(&h, "bsssu", SIXTY, "", "Well done.", "", 0u);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_BANNER);
	assert_true(slice_is(event.text, "Well done."));
	assert_true(host_next(&h, &request));
	r = rd_of(request);
	assert_int_equal(rd_u8(&r), RESPONSE);
	assert_int_equal(rd_u32(&r), 0);
	host_say(&h, "b", SUCCESS);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(wire_client_authenticated(h.client));
	host_fini(&h);
}

/* The person has walked away: another request takes the prompt back. */
static void
skips_prompts(void **state)
{
	struct wire_proof proof = password();
	struct host h;

	(void)state;
	begin(&h, &KEYBOARD, NULL);
	host_say(&h, "bsssusb", SIXTY, "", "", "", 1u, "Code: ", 0);
	assert_int_equal(next_type(&h), WIRE_PROMPT);
	assert_int_equal(wire_client_skip(h.client), ERR_OK);
	assert_int_equal(next_type(&h), WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h.client, &proof), ERR_OK);
	host_say(&h, "b", SUCCESS);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(wire_client_authenticated(h.client));
	host_fini(&h);
}

/* Keys that the server begins to change while the person types. */
static void
answers_after_new_keys(void **state)
{
	struct wire_proof proof = password();
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &KEYBOARD, NULL);
	host_put_kexinit(&h);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_int_equal(host_next_number(&h), REQUEST);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	host_say(&h, "bsssusb", SIXTY, "", "", "", 1u, "Code: ", 0);
	assert_int_equal(next_type(&h), WIRE_PROMPT);
	assert_int_equal(wire_client_respond(h.client, &proof.password), ERR_OK);
	assert_true(host_take_newkeys(&h));
	assert_true(host_next(&h, &request));
	assert_int_equal(request.ptr[0], RESPONSE);
	host_fini(&h);
}

/* A server that is in the middle of an exchange when the caller has made up its mind. */
static void
waits_for_the_link(void **state)
{
	struct wire_proof proof = password();
	struct slice request;
	struct host h;

	(void)state;
	begin(&h, &NOTHING, NULL);
	assert_int_equal(host_next_number(&h), REQUEST);
	host_say(&h, "bsb", FAILURE, "password", 0);
	host_put_kexinit(&h);
	assert_int_equal(next_type(&h), WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h.client, &proof), ERR_OK);
	assert_int_equal(host_next_number(&h), REQUEST);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(host_take_newkeys(&h));
	host_say(&h, "b", SUCCESS);
	host_put_kexinit(&h);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_int_equal(host_next_number(&h), SSH_MSG_CHANNEL_OPEN);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	host_say(&h, "buuuu", SSH_MSG_CHANNEL_OPEN_CONFIRMATION, 0u, 7u, 1u << 20, 32768u);
	assert_int_equal(next_type(&h), WIRE_OPENED);
	assert_true(host_take_newkeys(&h));
	assert_true(host_next(&h, &request));
	assert_int_equal(request.ptr[0], SSH_MSG_CHANNEL_REQUEST);
	host_fini(&h);
}

static void
tells_banners(void **state)
{
	static char text[WIRE_BANNER_MAX + 100];
	struct wire_client_event event;
	struct host h;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	begin(&h, &NOTHING, NULL);
	for (size_t i = 0; i < WIRE_BANNERS_MAX + 5; i++)
		host_say(&h, "bss", BANNER, text, "en");
	host_say(&h, "bsb", FAILURE, "password", 1);
	for (size_t i = 0; i < WIRE_BANNERS_MAX; i++) {
		host_event(&h, &event);
		assert_int_equal(event.type, WIRE_BANNER);
		assert_int_equal(event.text.len, WIRE_BANNER_MAX);
	}
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_true(event.login.partial);
	host_fini(&h);
}

static void
knows_the_servers_signatures(void **state)
{
	struct wire_client_event event;
	struct host h;

	(void)state;
	host_init(&h, &(struct host_options){.strict = true});
	host_put_version(&h);
	host_put_kexinit(&h);
	assert_int_equal(next_type(&h), WIRE_NOTHING);
	assert_true(host_take_init(&h));
	host_put_reply(&h);
	host_say(&h, "buss", SSH_MSG_EXT_INFO, 1u, "server-sig-algs", "rsa-sha2-256");
	assert_int_equal(next_type(&h), WIRE_HOST_KEY);
	assert_int_equal(wire_client_accept_host_key(h.client), ERR_OK);
	assert_true(host_take_newkeys(&h));
	/* It came in the server's first flight, so it is known at the first question. */
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_true(slice_is(event.login.signatures, "rsa-sha2-256"));
	assert_int_equal(wire_client_prove(h.client, &NOTHING), ERR_OK);
	host_say(&h, "bs", SSH_MSG_SERVICE_ACCEPT, "ssh-userauth");
	host_say(&h, "buss", SSH_MSG_EXT_INFO, 1u, "server-sig-algs", "ssh-ed25519");
	host_say(&h, "bsb", FAILURE, "publickey", 0);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_AUTH_NEXT);
	assert_true(slice_is(event.login.signatures, "ssh-ed25519"));
	host_fini(&h);
}

/* Messages that a login has no place for. */
static const struct {
	const char *what, *fields;
	int number;
	const char *words;
} BAD[] = {
    {"PK_OK for nothing", "b", SIXTY, "no place in the login (60)"},
    {"a request", "b", REQUEST, "no place in the login (50)"},
    {"a response", "b", RESPONSE, "no place in the login (61)"},
    {"a failure without methods", "b", FAILURE, "USERAUTH_FAILURE is malformed"},
    {"a success with more", "bb", SUCCESS, "USERAUTH_SUCCESS is malformed"},
    {"a banner without text", "b", BANNER, "USERAUTH_BANNER is malformed"},
    {"the service again", "bs", SSH_MSG_SERVICE_ACCEPT, "was not asked for"},
    {"another service", "bb", SSH_MSG_SERVICE_ACCEPT, "SERVICE_ACCEPT is malformed"},
    {"a channel", "b", SSH_MSG_CHANNEL_OPEN, "does not wait for the login"},
};

static void
refuses_what_has_no_place(void **state)
{
	struct host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		begin(&h, &NOTHING, NULL);
		if (BAD[i].fields[1] == 's')
			host_say(&h, "bs", BAD[i].number, "ssh-userauth");
		else
			host_say(&h, BAD[i].fields, BAD[i].number, 1);
		expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, BAD[i].words);
		host_fini(&h);
	}
	/* Before the service was granted, nothing is. */
	host_init(&h, &(struct host_options){0});
	assert_true(host_handshake(&h));
	assert_int_equal(next_type(&h), WIRE_AUTH_NEXT);
	assert_int_equal(wire_client_prove(h.client, &NOTHING), ERR_OK);
	host_say(&h, "b", SUCCESS);
	expect_closed(&h, ERR_FORMAT, WIRE_END_LINE, "no place in the login (52)");
	assert_false(wire_client_authenticated(h.client));
	host_fini(&h);
}

static void
bounds_what_it_is_asked(void **state)
{
	struct wire_client_event event;
	struct host h;

	(void)state;
	begin(&h, &KEYBOARD, NULL);
	host_say(&h, "bsssu", SIXTY, "", "", "", 17u);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "asks for 17 answers at once");
	host_fini(&h);
	/* For ever, without a prompt. */
	begin(&h, &KEYBOARD, NULL);
	for (int i = 0; i < 1100; i++)
		host_say(&h, "bsssu", SIXTY, "", "", "", 0u);
	expect_closed(&h, ERR_LIMIT, WIRE_END_LINE, "too many messages before the login");
	host_fini(&h);
	/* Long texts are cut. */
	static char text[WIRE_PROMPT_MAX + 100];
	memset(text, 'x', sizeof text - 1);
	begin(&h, &KEYBOARD, NULL);
	host_say(&h, "bsssusb", SIXTY, text, text, "", 1u, text, 0);
	host_event(&h, &event);
	assert_int_equal(event.type, WIRE_PROMPT);
	assert_int_equal(event.prompts->name.len, WIRE_PROMPT_MAX);
	assert_int_equal(event.prompts->instruction.len, WIRE_PROMPT_MAX);
	assert_int_equal(event.prompts->prompts[0].text.len, WIRE_PROMPT_MAX);
	host_fini(&h);
}

/* Host keys. */

static const struct {
	const char *key, *file; /* "" for none: the plain key */
	const char *name, *signature;
	const char *words; /* NULL: it is good */
} HOST_KEYS[] = {
    {"ed25519", "ed25519-host.pub", "ssh-ed25519-cert-v01@openssh.com", NULL, NULL},
    {"p256", "p256-host.pub", "ecdsa-sha2-nistp256-cert-v01@openssh.com", NULL, NULL},
    {"p384", "p384-host.pub", "ecdsa-sha2-nistp384-cert-v01@openssh.com", NULL, NULL},
    {"p521", "p521-host.pub", "ecdsa-sha2-nistp521-cert-v01@openssh.com", NULL, NULL},
    {"rsa", "rsa-host.pub", "rsa-sha2-512-cert-v01@openssh.com", NULL, NULL},
    {"rsa", "rsa-host.pub", "rsa-sha2-256-cert-v01@openssh.com", NULL, NULL},
    {"rsa", "", "rsa-sha2-256", NULL, NULL},
    /* A user's certificate, and names that don't fit what is shown. */
    {"ed25519", "ed25519-user.pub", "ssh-ed25519-cert-v01@openssh.com", NULL, "not a host's"},
    {"ed25519", "ed25519-host.pub", "ssh-ed25519", NULL, "not one for ssh-ed25519"},
    {"ed25519", "", "ssh-ed25519-cert-v01@openssh.com", NULL, "not acceptable"},
    {"p256", "", "ssh-ed25519", "ecdsa-sha2-nistp256", "not one for ssh-ed25519"},
    {"p256", "ed25519-host.pub", "ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256",
	"signature is not good"},
    /* The other key's, the other hash. */
    {"ed25519", "p256.pub", "ecdsa-sha2-nistp256", "ssh-ed25519", "signature is not good"},
    {"rsa", "", "rsa-sha2-512", "rsa-sha2-256", "signature is not good"},
    {"rsa", "short.pub", "rsa-sha2-512", NULL, "not acceptable"},
};

static void
knows_host_keys(void **state)
{
	struct wire_client_event event;
	struct host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HOST_KEYS); i++) {
		struct pki_key *key = material_key(&dir, HOST_KEYS[i].key);
		struct buf blob _cleanup_(buf_fini) = {0};
		if (HOST_KEYS[i].file[0] != '\0')
			material_blob(&dir, HOST_KEYS[i].file, &blob);
		host_init(&h, &(struct host_options){
				  .host_key = HOST_KEYS[i].name,
				  .signature = HOST_KEYS[i].signature,
				  .key = key,
				  .blob = buf_slice(&blob),
			      });
		host_put_version(&h);
		host_put_kexinit(&h);
		host_event(&h, &event);
		assert_true(host_take_init(&h));
		host_put_reply(&h);
		if (HOST_KEYS[i].words != NULL) {
			expect_closed(&h, ERR_ACCESS, WIRE_END_HOST_KEY, HOST_KEYS[i].words);
		} else {
			host_event(&h, &event);
			assert_int_equal(event.type, WIRE_HOST_KEY);
			assert_true(slice_equal(event.host_key.key, pki_key_blob(key)));
			assert_int_equal(event.host_key.cert != NULL, HOST_KEYS[i].file[0] != '\0');
			if (event.host_key.cert != NULL)
				assert_true(slice_is(event.host_key.cert->principals[0], "files"));
			assert_int_equal(wire_client_accept_host_key(h.client), ERR_OK);
			assert_true(host_take_newkeys(&h));
			assert_non_null(
			    strstr(wire_client_facts(h.client)->peer_version, "SSH-2.0-Host_1.0"));
			assert_int_equal(next_type(&h), WIRE_AUTH_NEXT);
			/* And again, by the same certificate. */
			assert_int_equal(wire_client_prove(h.client, &NOTHING), ERR_OK);
			(void)host_next_number(&h);
			(void)host_next_number(&h);
			assert_true(host_rekey(&h));
		}
		host_fini(&h);
		pki_key_free(key);
	}
}

static int
set_up(void **state)
{
	(void)keys_up(state);
	if (!material_run(&dir, "ssh-keygen -q -N '' -t ed25519 -f ca") ||
	    !material_run(&dir, "openssl genrsa -traditional -out short 1024 2>/dev/null && "
				"chmod 600 short && ssh-keygen -y -f short > short.pub"))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		const char *name = KINDS[i].name;
		if (!material_run(&dir,
			"ssh-keygen -q -s ca -h -I %s -n files %s.pub && mv %s-cert.pub "
			"%s-host.pub && ssh-keygen -q -s ca -I %s -n files %s.pub && "
			"mv %s-cert.pub %s-user.pub",
			name, name, name, name, name, name, name, name))
			return -1;
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_without_waiting),
	    cmocka_unit_test(proves_by_password),
	    cmocka_unit_test(hides_the_length_of_a_password),
	    cmocka_unit_test(tells_of_an_expired_password),
	    cmocka_unit_test(asks_before_it_signs),
	    cmocka_unit_test(goes_on_without_a_signature),
	    cmocka_unit_test(answers_prompts),
	    cmocka_unit_test(skips_prompts),
	    cmocka_unit_test(answers_after_new_keys),
	    cmocka_unit_test(waits_for_the_link),
	    cmocka_unit_test(tells_banners),
	    cmocka_unit_test(knows_the_servers_signatures),
	    cmocka_unit_test(refuses_what_has_no_place),
	    cmocka_unit_test(bounds_what_it_is_asked),
	    cmocka_unit_test(knows_host_keys),
	};

	return cmocka_run_group_tests(tests, set_up, keys_down);
}
