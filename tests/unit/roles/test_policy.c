#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "config/when.h"
#include "pki/verify.h"
#include "roles/policy.h"

/* Who may log in: each rule at its edges. */

#define SECOND US_PER_SEC

/* 2026-03-27 12:00:00 UTC, a Friday. */
static const int64_t NOON = INT64_C(1774612800) * US_PER_SEC;

static void
assert_words(const char *why, const char *expected)
{
	if (expected == NULL)
		assert_null(why);
	else if (why == NULL)
		fail_msg("let in, instead of: %s", expected);
	else
		assert_string_equal(why, expected);
}

static void
test_disabled_and_expired(void **state)
{
	(void)state;
	static const struct {
		struct config_account account;
		const char *why;
	} CASES[] = {
	    {{.name = NULL}, NULL},
	    {{.disabled = true}, "the account is disabled"},
	    {{.expires_us = 1}, "the account has expired"},
	    {{.expires_us = INT64_C(1774612800) * US_PER_SEC}, "the account has expired"},
	    {{.expires_us = INT64_C(1774612800) * US_PER_SEC + 1}, NULL},
	    {{.disabled = true, .expires_us = 1}, "the account is disabled"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_words(policy_account(&CASES[i].account, "192.0.2.1", NOON), CASES[i].why);
}

static void
test_networks(void **state)
{
	(void)state;
	char v4[] = "192.0.2.0/25", v6[] = "2001:db8:0:1::/64", one[] = "198.51.100.7";
	char *networks[] = {v4, v6, one};
	const struct config_account account = {.networks = networks, .n_networks = 3};
	static const struct {
		const char *host;
		bool in;
	} CASES[] = {
	    {"192.0.2.0", true},
	    {"192.0.2.127", true},
	    {"192.0.2.128", false},
	    {"192.0.1.255", false},
	    {"::ffff:192.0.2.5", true}, /* an IPv4 client on an IPv6 socket */
	    {"198.51.100.7", true},
	    {"198.51.100.8", false},
	    {"2001:db8:0:1::1", true},
	    {"2001:db8:0:1:ffff:ffff:ffff:ffff", true},
	    {"2001:db8:0:2::1", false},
	    {"::c000:201", false}, /* the same bits as 192.0.2.1, and another address */
	    {"", false},
	    {"unknown", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_words(policy_account(&account, CASES[i].host, NOON),
		    CASES[i].in ? NULL : "the account may not log in from this address");
}

static void
test_hours(void **state)
{
	(void)state;
	struct config_hours hours[2];
	const struct config_account account = {.hours = hours, .n_hours = 2};
	static const struct {
		int64_t hour;
		bool in;
	} CASES[] = {{-7, false}, {-6, true}, {-1, true}, {0, false}, {1, false}, {2, true},
	    {3, true}, {4, false}};

	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	assert_true(when_parse_hours(slice_str("mon-fri 06:00-12:00"), &hours[0]));
	assert_true(when_parse_hours(slice_str("fri 14:00-16:00"), &hours[1]));
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_words(
		    policy_account(&account, "192.0.2.1", NOON + CASES[i].hour * 3600 * SECOND),
		    CASES[i].in ? NULL : "it is outside of the account's hours");
}

static void
test_sessions(void **state)
{
	(void)state;
	const struct config_account any = {.max_sessions = 0}, two = {.max_sessions = 2};

	assert_null(policy_sessions(&any, UINT32_MAX));
	assert_null(policy_sessions(&two, 1));
	assert_non_null(policy_sessions(&two, 2));
	assert_non_null(policy_sessions(&two, 3));
}

/* A certificate that is good at noon. */
static struct ipc_auth_cert
good_cert(void)
{
	return (struct ipc_auth_cert){
	    .valid_after = 1774612800,
	    .valid_before = 1774612801,
	    .principals = slice_of("erp\0shop\0", 9),
	};
}

static void
test_certificates(void **state)
{
	(void)state;
	struct ipc_auth_cert c = good_cert();

	assert_null(policy_cert(&c, "192.0.2.1", NOON));
	assert_null(policy_cert(&c, "192.0.2.1", NOON + SECOND - 1));
	assert_words(
	    policy_cert(&c, "192.0.2.1", NOON - 1), "the certificate is not valid at this time");
	assert_words(policy_cert(&c, "192.0.2.1", NOON + SECOND),
	    "the certificate is not valid at this time");
	assert_words(policy_cert(&c, "192.0.2.1", -1), "the certificate is not valid at this time");
	c.valid_after = 0;
	c.valid_before = UINT64_MAX;
	assert_null(policy_cert(&c, "192.0.2.1", NOON));
	assert_null(policy_cert(&c, "192.0.2.1", INT64_MAX));
	c.is_host = true;
	assert_words(policy_cert(&c, "192.0.2.1", NOON), "the certificate is one of a host");
	c = good_cert();
	c.principals = slice_of(NULL, 0);
	assert_words(policy_cert(&c, "192.0.2.1", NOON), "the certificate names no principal");
	c = good_cert();
	c.forces_command = true;
	assert_words(policy_cert(&c, "192.0.2.1", NOON), "the certificate forces a command");
}

static void
test_source_address(void **state)
{
	(void)state;
	static const struct {
		const char *list, *host;
		bool in;
	} CASES[] = {
	    {"192.0.2.0/24", "192.0.2.9", true},
	    {"192.0.2.0/24", "192.0.3.9", false},
	    {"10.0.0.0/8,192.0.2.9", "192.0.2.9", true},
	    {"10.0.0.0/8,2001:db8::/32", "2001:db8::1", true},
	    {"10.0.0.0/8,,192.0.2.9", "192.0.2.9", false},
	    {"192.0.2.0/24,!192.0.2.9", "192.0.2.9", false},
	    {"192.0.2.0/24,192.0.3.0/33", "192.0.2.9", false},
	    {",", "192.0.2.9", false},
	    {"0.0.0.0/33", "192.0.2.9", false},
	    {"everywhere", "192.0.2.9", false},
	    {"192.0.2.9 ", "192.0.2.9", false},
	    {"192.0.2.0/24", "", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct ipc_auth_cert c = good_cert();
		c.source_address = slice_str(CASES[i].list);
		assert_words(policy_cert(&c, CASES[i].host, NOON),
		    CASES[i].in ? NULL
				: "the certificate's source-address does not allow this address");
	}
}

static void
test_principals(void **state)
{
	(void)state;
	static const char WHY[] = "the certificate names none of the account's principals";
	char erp[] = "erp", shop[] = "shop", empty[] = "", part[] = "er", list[] = "erp,shop";
	struct {
		char *principal;
		const char *why;
	} cases[] = {{erp, NULL}, {shop, NULL}, {part, WHY}, {empty, WHY}, {list, WHY}};
	struct ipc_auth_cert c = good_cert();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_words(policy_principals(&c, &cases[i].principal, 1), cases[i].why);
	assert_words(policy_principals(&c, NULL, 0), WHY);
	char *both[] = {part, shop};
	assert_null(policy_principals(&c, both, 2));
	/* Without its last NUL the list's last name still is one, whole. */
	c.principals = slice_of("erp\0sho", 7);
	assert_words(policy_principals(&c, &cases[1].principal, 1), WHY);
	c.principals = slice_of("\0\0", 2);
	assert_words(policy_principals(&c, &cases[3].principal, 1), WHY);
}

static void
test_touch(void **state)
{
	(void)state;
	static const char TOUCH[] = "nobody has touched the key";
	static const char VERIFY[] = "the key has not checked who used it";
	static const struct {
		const char *type;
		uint32_t flags;
		bool no_touch, verify;
		const char *why;
	} CASES[] = {
	    {"ssh-ed25519", 0, false, true, NULL},
	    {"ecdsa-sha2-nistp256", 0, false, false, NULL},
	    {"sk-ssh-ed25519@openssh.com", 0, false, false, TOUCH},
	    {"sk-ssh-ed25519@openssh.com", PKI_SK_TOUCHED, false, false, NULL},
	    {"sk-ssh-ed25519@openssh.com", 0, true, false, NULL},
	    {"sk-ecdsa-sha2-nistp256@openssh.com", PKI_SK_VERIFIED, false, true, TOUCH},
	    {"sk-ecdsa-sha2-nistp256@openssh.com", PKI_SK_TOUCHED, false, true, VERIFY},
	    {"sk-ecdsa-sha2-nistp256@openssh.com", PKI_SK_TOUCHED | PKI_SK_VERIFIED, false, true,
		NULL},
	    {"sk-ecdsa-sha2-nistp256@openssh.com", 0, true, true, VERIFY},
	    {"sk-ssh-ed25519@openssh.com", 0xfa, false, false, TOUCH},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_words(policy_touch(slice_str(CASES[i].type), CASES[i].flags,
				 CASES[i].no_touch, CASES[i].verify),
		    CASES[i].why);
}

/* What each login asks for, and what is left of it: every way to get there. */
static void
test_methods(void **state)
{
	(void)state;
	enum { K = IPC_METHOD_PUBLICKEY, P = IPC_METHOD_PASSWORD };
	static const struct {
		enum config_login login;
		uint32_t proven;
		enum ipc_verdict verdict;
		uint32_t left;
	} CASES[] = {
	    {CONFIG_LOGIN_KEY, 0, IPC_VERDICT_PARTIAL, K},
	    {CONFIG_LOGIN_KEY, K, IPC_VERDICT_ACCEPT, 0},
	    {CONFIG_LOGIN_KEY, P, IPC_VERDICT_PARTIAL, K},
	    {CONFIG_LOGIN_KEY, K | P, IPC_VERDICT_ACCEPT, 0},
	    {CONFIG_LOGIN_PASSWORD, K, IPC_VERDICT_PARTIAL, P},
	    {CONFIG_LOGIN_PASSWORD, P, IPC_VERDICT_ACCEPT, 0},
	    {CONFIG_LOGIN_BOTH, 0, IPC_VERDICT_PARTIAL, K | P},
	    {CONFIG_LOGIN_BOTH, K, IPC_VERDICT_PARTIAL, P},
	    {CONFIG_LOGIN_BOTH, P, IPC_VERDICT_PARTIAL, K},
	    {CONFIG_LOGIN_BOTH, K | P, IPC_VERDICT_ACCEPT, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct config_account a = {.login = CASES[i].login};
		uint32_t left = 99;
		assert_int_equal(policy_verdict(&a, CASES[i].proven, &left), CASES[i].verdict);
		assert_int_equal(left, CASES[i].left);
	}
	const struct config_account by_key = {.login = CONFIG_LOGIN_KEY},
				    by_password = {.login = CONFIG_LOGIN_PASSWORD},
				    by_both = {.login = CONFIG_LOGIN_BOTH};
	assert_words(policy_method(&by_key, P), "the account does not log in by password");
	assert_words(policy_method(&by_password, K), "the account does not log in by key");
	assert_null(policy_method(&by_key, K));
	assert_null(policy_method(&by_password, P));
	assert_null(policy_method(&by_both, P));
	assert_null(policy_method(&by_both, K));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_disabled_and_expired),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_hours),
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_certificates),
	    cmocka_unit_test(test_source_address),
	    cmocka_unit_test(test_principals),
	    cmocka_unit_test(test_touch),
	    cmocka_unit_test(test_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
