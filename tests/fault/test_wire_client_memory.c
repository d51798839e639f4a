/*
 * Every allocation of ours in a client's life fails once: the client isn't made, or ends with an
 * error and a story, or had no need of it; it never goes on as if nothing had been, and nothing
 * leaks. (That of libcrypto's own is its own.)
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject.h"
#include "wire/connection.h"
#include "wire/host.h"
#include "wire/message.h"

enum { SUCCESS = 52, REQUEST = 50 };

static void
say_first(struct host *h)
{
	host_put_version(h);
	host_put_kexinit(h);
}

static void
say_reply(struct host *h)
{
	assert_true(host_take_init(h));
	host_put_reply(h);
}

static void
say_success(struct host *h)
{
	assert_true(host_take_newkeys(h));
	assert_int_equal(host_next_number(h), SSH_MSG_SERVICE_REQUEST);
	assert_int_equal(host_next_number(h), REQUEST);
	host_say(h, "bs", SSH_MSG_SERVICE_ACCEPT, "ssh-userauth");
	host_say(h, "b", SUCCESS);
}

static void
say_confirmation(struct host *h)
{
	assert_int_equal(host_next_number(h), SSH_MSG_CHANNEL_OPEN);
	host_say(h, "buuuu", SSH_MSG_CHANNEL_OPEN_CONFIRMATION, 0u, 7u, 1u << 20, 32768u);
}

static enum err
accept(struct wire_client *w)
{
	return wire_client_accept_host_key(w);
}

static enum err
prove(struct wire_client *w)
{
	return wire_client_prove(
	    w, &(struct wire_proof){.type = WIRE_PROVE_PASSWORD, .password = slice_str("secret")});
}

/* What the host says, the client's event, and its answer. */
static const struct {
	void (*say)(struct host *h);
	enum wire_event_type type;
	enum err (*answer)(struct wire_client *w);
} STEPS[] = {
    {say_first, WIRE_NOTHING, NULL},
    {say_reply, WIRE_HOST_KEY, accept},
    {NULL, WIRE_AUTH_NEXT, prove},
    {say_success, WIRE_NOTHING, NULL},
    {say_confirmation, WIRE_OPENED, wire_client_keep_alive},
};

/* The end of a client without memory. */
static void
expect_end(struct host *h)
{
	struct wire_client_event event;

	for (int i = 0; i < 10; i++)
		wire_client_next_event(h->client, &event);
	assert_int_equal(event.type, WIRE_CLOSED);
	assert_int_equal(event.error, ERR_NOMEM);
	assert_int_equal(event.end, WIRE_END_OWN);
	assert_true(event.story[0] != '\0');
}

/* True: the n-th allocation in this step was reached, and failed. in_answer: in the answer to its
 * event, else before. */
static bool
fail_in_step(size_t failing, bool in_answer, enum fault_call call, unsigned nth)
{
	struct wire_client_event event;
	struct host h;
	bool fired = false;

	host_init(&h, &(struct host_options){.strict = true});
	for (size_t i = 0; i <= failing && !fired; i++) {
		if (STEPS[i].say != NULL)
			STEPS[i].say(&h);
		host_turn(&h);
		fault_arm(call, i == failing && !in_answer ? nth : UINT32_MAX, 1, ENOMEM);
		wire_client_next_event(h.client, &event);
		fired = fault_disarm();
		if (wire_client_is_over(h.client))
			break;
		assert_int_equal(event.type, STEPS[i].type);
		if (STEPS[i].answer == NULL)
			continue;
		fault_arm(call, i == failing && in_answer ? nth : UINT32_MAX, 1, ENOMEM);
		enum err e = STEPS[i].answer(h.client);
		fired = fault_disarm() || fired;
		assert_int_equal(e, wire_client_is_over(h.client) ? ERR_CLOSED : ERR_OK);
	}
	if (wire_client_is_over(h.client)) {
		assert_true(fired);
		expect_end(&h);
	}
	host_fini(&h);
	return fired;
}

static void
test_every_allocation_of_every_step(void **state)
{
	static const enum fault_call CALLS[] = {FAULT_MALLOC, FAULT_CALLOC};
	unsigned n_fired = 0;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(CALLS) * ARRAY_LEN(STEPS); i++) {
		enum fault_call call = CALLS[i / 2 % 2];
		for (unsigned nth = 1; fail_in_step(i / 4, i % 2 != 0, call, nth); nth++)
			n_fired++;
	}
	assert_true(n_fired > 10);
}

static void
test_a_client_that_is_not_made(void **state)
{
	const struct wire_client_config config = {.user = "erp", .subsystem = "sftp"};
	unsigned n_fired = 0;
	struct story story;

	(void)state;
	assert_int_equal(wire_library_load(), ERR_OK);
	for (int call = FAULT_MALLOC; call <= FAULT_CALLOC; call++) {
		bool fired = true;
		for (unsigned nth = 1; fired; nth++) {
			struct wire_client *w = NULL;
			fault_arm((enum fault_call)call, nth, 1, ENOMEM);
			enum err e = wire_client_new(&w, &config, &story);
			fired = fault_disarm();
			n_fired += fired;
			assert_int_equal(e, fired ? ERR_NOMEM : ERR_OK);
			wire_client_free(w);
		}
	}
	assert_true(n_fired > 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_allocation_of_every_step),
	    cmocka_unit_test(test_a_client_that_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
