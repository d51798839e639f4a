#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ssh/reason.h"

struct reason_case {
	const char *error;
	enum reason_kind kind;
	const char *words;
	bool by_application;
};

static const struct reason_case CASES[] = {
    {"", REASON_OTHER, "", false},
    {"Packet too long", REASON_OTHER, "Packet too long", false},
    {"Socket error: disconnected", REASON_CLOSED, "", false},
    {"Socket error: Broken pipe", REASON_BROKEN, "Broken pipe", false},
    {"Socket error", REASON_OTHER, "Socket error", false},
    {"Received SSH_MSG_DISCONNECT: 11:bye", REASON_DISCONNECT, "bye", true},
    {"Received SSH_MSG_DISCONNECT: 11:", REASON_DISCONNECT, "", true},
    {"Received SSH_MSG_DISCONNECT: 2:Too many: \x1b", REASON_DISCONNECT, "Too many: \x1b", false},
    {"Received SSH_MSG_DISCONNECT: 111:x", REASON_DISCONNECT, "x", false},
    {"Received SSH_MSG_DISCONNECT: 11", REASON_DISCONNECT, "", true},
    {"Received SSH_MSG_DISCONNECT: ", REASON_DISCONNECT, "", false},
    {"Channel request subsystem failed", REASON_REFUSED, "", false},
    {"No version of SSH protocol usable (banner: SSH-1.5)", REASON_VERSION, " (banner: SSH-1.5)",
	false},
};

static void
test_reasons(unused_arg void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct reason got = reason_of(CASES[i].error);
		if (got.kind != CASES[i].kind || !slice_is(got.words, CASES[i].words) ||
		    got.by_application != CASES[i].by_application)
			fail_msg(
			    "%s: %d \"%.*s\"", CASES[i].error, (int)got.kind, SLICE_ARG(got.words));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
