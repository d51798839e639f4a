#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rd.h"
#include "pki/sign.h"
#include "sweep.h"
#include "wire/algorithms.h"
#include "wire/message.h"
#include "wire/peer.h"

enum { N_LISTS = 10, KEXINIT_MAX = 512 * 1024 };

/* The name-lists of a KEXINIT, in the protocol's order; NULL: what we come to without trouble. */
struct offer {
	const char *lists[N_LISTS];
	bool guess;
};

static const char *const USUAL[N_LISTS] = {"curve25519-sha256", "ssh-ed25519",
    "aes128-gcm@openssh.com", "aes128-gcm@openssh.com", "hmac-sha2-256", "hmac-sha2-256", "none",
    "none", "", ""};

/* The tests' host keys and a configuration with them: Ed25519 first, then ECDSA. */
static struct peer fixture;
static struct wire_link_config config;

static int
setup(void **state)
{
	(void)state;
	peer_init(&fixture, &(struct peer_options){0});
	config = (struct wire_link_config){
	    .host_keys = (const struct pki_key *const *)fixture.host_keys, .n_host_keys = 2};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peer_fini(&fixture);
	return 0;
}

static void
offer_put(const struct offer *offer, struct buf *b)
{
	uint8_t head[17] = {SSH_MSG_KEXINIT};

	*b = (struct buf){.max = KEXINIT_MAX};
	assert_int_equal(buf_put(b, head, sizeof head), ERR_OK);
	for (size_t i = 0; i < N_LISTS; i++) {
		const char *names = offer->lists[i] == NULL ? USUAL[i] : offer->lists[i];
		assert_int_equal(buf_put_string(b, slice_str(names)), ERR_OK);
	}
	assert_int_equal(buf_put_u8(b, offer->guess), ERR_OK);
	assert_int_equal(buf_put_u32(b, 0), ERR_OK);
}

static enum err
agree(const struct offer *offer, struct algorithms *ret_a, struct story *story)
{
	struct buf b;

	offer_put(offer, &b);
	enum err e = algorithms_agree(&config, buf_slice(&b), ret_a, story);
	buf_fini(&b);
	return e;
}

static const char *const PROPOSAL[N_LISTS] = {
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
    "ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256",
    "ssh-ed25519,ecdsa-sha2-nistp256",
    "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,"
    "aes256-ctr,aes192-ctr,aes128-ctr",
    NULL,
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512",
    NULL,
    "none",
    NULL,
    "",
    NULL,
};

/* The policy, word for word; a change of it is to be seen here. */
static void
test_what_is_proposed(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct buf b = {.max = KEXINIT_MAX};
		assert_int_equal(algorithms_propose(&config, first, &b), ERR_OK);
		struct rd r = rd_of(buf_slice(&b));
		assert_int_equal(rd_u8(&r), SSH_MSG_KEXINIT);
		(void)rd_bytes(&r, 16);
		for (size_t i = 0; i < N_LISTS; i++) {
			struct slice list = rd_string(&r, KEXINIT_MAX);
			const char *want = PROPOSAL[i] == NULL ? PROPOSAL[i - 1] : PROPOSAL[i];
			char text[512];
			(void)snprintf(text, sizeof text, "%s%s", want,
			    first && i == 0 ? ",kex-strict-s-v00@openssh.com" : "");
			assert_true(slice_is(list, text));
		}
		assert_int_equal(rd_u8(&r), 0);
		assert_int_equal(rd_u32(&r), 0);
		assert_int_equal(rd_done(&r), ERR_OK);
		buf_fini(&b);
	}
}

static void
test_cookies_differ(void **state)
{
	struct buf one = {.max = KEXINIT_MAX}, other = {.max = KEXINIT_MAX};

	(void)state;
	assert_int_equal(algorithms_propose(&config, true, &one), ERR_OK);
	assert_int_equal(algorithms_propose(&config, true, &other), ERR_OK);
	assert_memory_not_equal(buf_slice(&one).ptr + 1, buf_slice(&other).ptr + 1, 16);
	buf_fini(&one);
	buf_fini(&other);
}

struct choice {
	struct offer offer;
	const char *text; /* what is agreed on */
};

static const struct choice CHOICES[] = {
    {{{0}}, "curve25519-sha256 aes128-gcm@openssh.com implicit ssh-ed25519"},
    /* The client's order decides, not ours. */
    {{{"diffie-hellman-group14-sha256,curve25519-sha256", "ecdsa-sha2-nistp256,ssh-ed25519",
	 "aes128-ctr,aes256-gcm@openssh.com", "aes128-ctr,aes256-gcm@openssh.com",
	 "hmac-sha2-512,hmac-sha2-256", "hmac-sha2-512,hmac-sha2-256"}},
	"diffie-hellman-group14-sha256 aes128-ctr hmac-sha2-512 ecdsa-sha2-nistp256"},
    /* Unknown names are passed over, in every list. */
    {{{"sntrup761x25519-sha512@openssh.com,ext-info-c,curve25519-sha256", "ssh-rsa,x,ssh-ed25519",
	 "3des-cbc,aes192-ctr", "arcfour,aes192-ctr", "hmac-md5,hmac-sha2-256",
	 "umac,hmac-sha2-256", "zlib,none", "zlib@openssh.com,none", "en", "de"}},
	"curve25519-sha256 aes192-ctr hmac-sha2-256 ssh-ed25519"},
    /* An authenticated cipher needs no MAC in common. */
    {{{NULL, NULL, NULL, NULL, "hmac-md5", ""}},
	"curve25519-sha256 aes128-gcm@openssh.com implicit ssh-ed25519"},
    /* Each way has its own. */
    {{{NULL, NULL, "chacha20-poly1305@openssh.com", "aes256-ctr", "", "hmac-sha2-256"}},
	"curve25519-sha256 chacha20-poly1305@openssh.com/aes256-ctr implicit/hmac-sha2-256 "
	"ssh-ed25519"},
    /* Odd lists: empty names, a comma at either end. */
    {{{",,curve25519-sha256,", ",ssh-ed25519"}},
	"curve25519-sha256 aes128-gcm@openssh.com implicit ssh-ed25519"},
};

static void
test_what_is_agreed_on(void **state)
{
	struct algorithms a;
	struct story story;
	char text[WIRE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CHOICES); i++) {
		assert_int_equal(agree(&CHOICES[i].offer, &a, &story), ERR_OK);
		algorithms_text(&a, text, sizeof text);
		assert_string_equal(text, CHOICES[i].text);
	}
}

struct refusal {
	struct offer offer;
	const char *story;
};

static const struct refusal REFUSALS[] = {
    {{{"diffie-hellman-group1-sha1,a\nb"}},
	"no method of key exchange in common: the client has only "
	"\"diffie-hellman-group1-sha1,a\\x0ab\""},
    {{{"kex-strict-s-v00@openssh.com"}}, "no method of key exchange in common: the client has "
					 "only \"kex-strict-s-v00@openssh.com\""},
    {{{NULL, "rsa-sha2-512"}},
	"no host key algorithm in common: the client has only \"rsa-sha2-512\""},
    {{{NULL, NULL, "none"}}, "no cipher in common: the client has only \"none\""},
    {{{NULL, NULL, NULL, "aes128-cbc"}}, "no cipher in common: the client has only \"aes128-cbc\""},
    {{{NULL, NULL, "aes128-ctr", NULL, "none"}}, "no MAC in common: the client has only \"none\""},
    {{{NULL, NULL, NULL, "aes128-ctr", NULL, "hmac-sha1"}},
	"no MAC in common: the client has only \"hmac-sha1\""},
    {{{NULL, NULL, NULL, NULL, NULL, NULL, "zlib"}},
	"no compression in common: the client has only \"zlib\""},
    {{{NULL, NULL, NULL, NULL, NULL, NULL, NULL, ""}},
	"no compression in common: the client has only \"\""},
    {{{""}}, "no method of key exchange in common: the client has only \"\""},
    /* A prefix isn't the name, nor is a longer one. */
    {{{"curve25519-sha25", NULL}},
	"no method of key exchange in common: the client has only \"curve25519-sha25\""},
    {{{"curve25519-sha2567", NULL}},
	"no method of key exchange in common: the client has only \"curve25519-sha2567\""},
};

static void
test_nothing_in_common(void **state)
{
	struct algorithms a;
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
		assert_int_equal(agree(&REFUSALS[i].offer, &a, &story), ERR_UNSUPPORTED);
		assert_string_equal(story.text, REFUSALS[i].story);
	}
}

struct mark_case {
	struct offer offer;
	bool strict, ext_info, guessed_wrong;
};

static const struct mark_case MARKS[] = {
    {{{0}}, false, false, false},
    {{{"curve25519-sha256,kex-strict-c-v00@openssh.com"}}, true, false, false},
    {{{"ext-info-c,curve25519-sha256"}}, false, true, false},
    {{{"curve25519-sha256,ext-info-s,kex-strict-s-v00@openssh.com"}}, false, false, false},
    {{{0}, true}, false, false, false},
    /* The first of either list decides, even where the second would be agreed on. */
    {{{"ecdh-sha2-nistp256,curve25519-sha256"}, true}, false, false, true},
    {{{"ecdh-sha2-nistp256,curve25519-sha256"}, false}, false, false, false},
    {{{NULL, "ecdsa-sha2-nistp256,ssh-ed25519"}, true}, false, false, true},
    {{{"unknown,curve25519-sha256"}, true}, false, false, true},
};

static void
test_marks_and_guesses(void **state)
{
	struct algorithms a;
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MARKS); i++) {
		assert_int_equal(agree(&MARKS[i].offer, &a, &story), ERR_OK);
		assert_int_equal(a.strict, MARKS[i].strict);
		assert_int_equal(a.wants_ext_info, MARKS[i].ext_info);
		assert_int_equal(a.guessed_wrong, MARKS[i].guessed_wrong);
	}
}

/* As many names as fit into the largest packet before the keys: answered, and in no time. */
static void
test_huge_lists(void **state)
{
	static char names[30000];
	struct algorithms a;
	struct story story;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof names; i++)
		names[i] = i % 2 == 0 ? 'a' : ',';
	assert_int_equal(agree(&(struct offer){.lists = {names}}, &a, &story), ERR_UNSUPPORTED);
	assert_true(strlen(story.text) < 300);
	for (size_t i = 0; i + 1 < sizeof names; i++)
		names[i] = ',';
	assert_int_equal(agree(&(struct offer){.lists = {names}}, &a, &story), ERR_UNSUPPORTED);
}

static bool
decode(const uint8_t *data, size_t len, void *ctx)
{
	struct algorithms a;

	return algorithms_agree(&config, slice_of(data, len), &a, ctx) != ERR_FORMAT;
}

static void
test_every_truncation_is_malformed(void **state)
{
	struct story story;
	struct buf b;

	(void)state;
	offer_put(&(struct offer){0}, &b);
	assert_true(decode(buf_slice(&b).ptr, buf_len(&b), &story));
	assert_int_equal(sweep_truncations(decode, buf_slice(&b).ptr, buf_len(&b), &story), 0);
	sweep_bit_flips(decode, buf_slice(&b).ptr, buf_len(&b), &story);
	assert_int_equal(buf_put_u8(&b, 0), ERR_OK);
	assert_false(decode(buf_slice(&b).ptr, buf_len(&b), &story));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_proposed),
	    cmocka_unit_test(test_cookies_differ),
	    cmocka_unit_test(test_what_is_agreed_on),
	    cmocka_unit_test(test_nothing_in_common),
	    cmocka_unit_test(test_marks_and_guesses),
	    cmocka_unit_test(test_huge_lists),
	    cmocka_unit_test(test_every_truncation_is_malformed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
