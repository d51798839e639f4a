/*
 * Every allocation of ours in a link's life fails once: the link isn't made, or ends with an error
 * and a story, or had no need of it; never a payload that wasn't sent, and nothing leaks. (That of
 * libcrypto's own is its own.)
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject.h"
#include "wire/peer.h"

enum { STEPS = 6, SENT = 94 };

/* What the client does in one step, and the link's last word. */
static enum err
step(struct peer *p, int which, enum fault_call call, unsigned nth)
{
	static const uint8_t PAYLOAD[] = {SENT};

	if (which == 0)
		peer_put_version(p);
	if (which == 0 || which == 3)
		peer_put_kexinit(p);
	else if (which == 1 || which == 4)
		peer_put_kex_init(p);
	else
		peer_put_newkeys(p);
	if (which == 2)
		peer_send(p, PAYLOAD, sizeof PAYLOAD);
	/* The client's own buffer for that payload is not what fails. */
	uint8_t *room;
	assert_int_equal(buf_reserve(&p->above, 64, &room), ERR_OK);
	fault_arm(call, nth, 1, ENOMEM);
	return peer_turn(p);
}

/* True: the n-th allocation in this step was reached, and failed. */
static bool
fail_in_step(int failing, enum fault_call call, unsigned nth)
{
	struct peer p;
	bool fired = false;

	peer_init(
	    &p, &(struct peer_options){.strict = true, .cipher = "chacha20-poly1305@openssh.com"});
	for (int i = 0; i <= failing; i++) {
		enum err e = step(&p, i, call, i == failing ? nth : UINT32_MAX);
		fired = fault_disarm();
		if (fired && e != ERR_AGAIN) {
			assert_int_equal(e, ERR_NOMEM);
			assert_true(p.story.text[0] != '\0');
			assert_false(wire_link_open(p.link));
		} else {
			assert_int_equal(e, ERR_AGAIN);
			assert_true(i % 3 != 0 || peer_take_kexinit(&p));
			assert_true(i % 3 != 1 || peer_take_reply(&p));
		}
	}
	peer_fini(&p);
	return fired;
}

static void
test_every_allocation_of_every_step(void **state)
{
	static const enum fault_call CALLS[] = {FAULT_MALLOC, FAULT_CALLOC};
	unsigned n_fired = 0;

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(CALLS); c++) {
		for (int failing = 0; failing < STEPS; failing++) {
			for (unsigned nth = 1; fail_in_step(failing, CALLS[c], nth); nth++)
				n_fired++;
		}
	}
	assert_true(n_fired > 10);
}

static void
test_a_link_that_is_not_made(void **state)
{
	struct peer p;
	unsigned nth = 1, n_fired = 0;

	(void)state;
	peer_init(&p, &(struct peer_options){0});
	for (int call = FAULT_MALLOC; call <= FAULT_CALLOC; call++) {
		bool fired = true;
		for (nth = 1; fired; nth++) {
			struct wire_link *l = NULL;
			fault_arm((enum fault_call)call, nth, 1, ENOMEM);
			enum err e = wire_link_new(
			    &l, &(struct wire_link_config){
				    .host_keys = (const struct pki_key *const *)p.host_keys,
				    .n_host_keys = 2,
				});
			fired = fault_disarm();
			n_fired += fired;
			assert_int_equal(e, fired ? ERR_NOMEM : ERR_OK);
			wire_link_free(l);
		}
	}
	assert_true(n_fired > 4);
	peer_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_allocation_of_every_step),
	    cmocka_unit_test(test_a_link_that_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
