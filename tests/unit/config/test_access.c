#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/bad.h"
#include "config/config.h"

/* What is said of configurations that would let in nobody, or not as was meant. */

#define KEY  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKsPyOqmBEkEoIP2n4ylX7wLjD2GwO5cOBpI3DVYJiLg"
#define HASH "$y$j75$iTAN3jPJMQsOYwuiXxcc.1$L6FmHjK39ohzNypUn3M5VwkxWAaG5ZFtEwOPbkcQWs2"

#define ACCOUNT(lines)                                                 \
	"home: /h\nfolders: {f: {path: p}, g: {path: q}}\naccounts:\n" \
	"  a:\n    mounts: [{at: /, folder: f, allow: list}]\n" lines

static const struct bad LOGINS[] = {
    {ACCOUNT(""), "4:3: account \"a\" has no key: it needs \"authorized_keys\", \"keys\" or "
		  "\"trusted_user_ca\"\n"},
    {ACCOUNT("    login: password\n"),
	"4:3: account \"a\" has no \"password\", and its login asks for one\n"},
    {ACCOUNT("    login: key+password\n"),
	"4:3: account \"a\" has no \"password\", and its login asks for one\n"
	"4:3: account \"a\" has no key: it needs \"authorized_keys\", \"keys\" or "
	"\"trusted_user_ca\"\n"},
    {ACCOUNT("    authorized_keys: k\n    password: " HASH "\n"),
	"7:15: \"password\" is never asked for: set \"login\" to password, or to key+password\n"},
    {ACCOUNT("    authorized_keys: k\n    login: password\n    password: " HASH "\n"),
	"6:22: a key is never asked for: \"login\" is password (key+password asks for both)\n"},
    {ACCOUNT("    keys: ['" KEY "']\n    login: password\n    password: " HASH "\n"),
	"6:11: a key is never asked for: \"login\" is password (key+password asks for both)\n"},
    {ACCOUNT("    authorized_keys: k\n    login: keys\n"),
	"7:12: unknown word \"keys\" in \"login\": it must be key, password or key+password\n"},
    {ACCOUNT("    keys: ['" KEY "']\n    login: password+key\n    password: " HASH "\n"),
	"7:12: unknown word \"password+key\" in \"login\": it must be key, password or "
	"key+password\n"
	"8:15: \"password\" is never asked for: set \"login\" to password, or to key+password\n"},
};

/* A password that stands where its hash belongs is not told to anybody. */
static const struct bad PASSWORDS[] = {
#define PASSWORD(hash) ACCOUNT("    login: password\n    password: " hash "\n")
#define SAID(why)      "7:15: \"password\": " why "\n"
#define MAKES          "(dray key password makes a good one)"
    {PASSWORD("hunter2"),
	SAID("it is no hash as crypt(5) writes it, and a password itself has no place here "
	     "(dray key password makes the hash of one)")},
    {PASSWORD("XPQ37PfA3KP6P"),
	SAID("it is no hash as crypt(5) writes it, and a password itself has no place here "
	     "(dray key password makes the hash of one)")},
    {PASSWORD("$1$JBPfSmoO$XPQ37PfA3KP6PrAMKHv0N/"), SAID("this kind of hash is too weak " MAKES)},
    {PASSWORD("$5$5f8U8zvTP7uWqsqi$HlpDh6y8zmIAtik2WTs1rCefeVZ9lFEBX8GBBxaFxx."),
	SAID("this kind of hash is too weak " MAKES)},
    {PASSWORD("_J9..rasmBYk8r9AiWNc"), SAID("this kind of hash is too weak " MAKES)},
    {PASSWORD("$y$j75$iTAN3jPJMQsOYwuiXxcc.1$L6FmHjK39ohzNypUn3M5VwkxWAaG5ZFtEwOPbkcQWs"),
	SAID("the hash is not whole (dray key password makes one)")},
    {PASSWORD("$y$j75$iTAN3jPJMQsOYwuiXxcc.1"),
	SAID("the hash is not whole (dray key password makes one)")},
    {PASSWORD("'$y$j75$iTAN3jPJMQsO!wuiXxcc.1$L6FmHjK39ohzNypUn3M5VwkxWAaG5ZFtEwOPbkcQWs2'"),
	SAID("the hash is not whole (dray key password makes one)")},
    {PASSWORD("$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$"
	      "RdescudvJCsgt3ub+b8dWRWJTmaaJObGRdescudvJCs"),
	SAID("this system's libcrypt can't check this kind of hash (dray key password makes one)")},
};

static const struct bad VALUES[] = {
#define KEYED(lines) ACCOUNT("    authorized_keys: k\n" lines)
    {ACCOUNT("    keys: [AAAA, 'ssh-ed25519 AAAA', '# nothing']\n"),
	"6:12: \"keys\" has a key that can't be used: it begins neither with a type of key "
	"nor with an option that is known here\n"
	"6:18: \"keys\" has a key that can't be used: its key is not of the type that "
	"stands before it\n"
	"6:38: \"keys\" has a key that can't be used: it holds no key\n"},
    {KEYED(
	 "    networks: [10.0.0.1/8, 10.0.0.0/33, host, '::1%lo', 10.0.0.0/, '1.2.3.4,1.2.3.5']\n"),
	"7:16: \"networks\": 10.0.0.1 has bits behind its first 8: it is an address, not a "
	"network\n"
	"7:28: \"networks\" must be an address or a network such as 192.0.2.0/24 or "
	"2001:db8::/32, not \"10.0.0.0/33\"\n"
	"7:41: \"networks\" must be an address or a network such as 192.0.2.0/24 or "
	"2001:db8::/32, not \"host\"\n"
	"7:47: \"networks\" must be an address or a network such as 192.0.2.0/24 or "
	"2001:db8::/32, not \"::1%lo\"\n"
	"7:57: \"networks\" must be an address or a network such as 192.0.2.0/24 or "
	"2001:db8::/32, not \"10.0.0.0/\"\n"
	"7:68: \"networks\" must be an address or a network such as 192.0.2.0/24 or "
	"2001:db8::/32, not \"1.2.3.4,1.2.3.5\"\n"},
    {KEYED("    expires: 2026-02-30\n"),
	"7:14: \"expires\" must be a date such as 2026-12-31, or a date and time such as "
	"2026-12-31 18:00, not \"2026-02-30\"\n"},
    {KEYED("    hours: [always, mon-fri 6-22]\n"),
	"7:13: \"hours\" must be days and hours such as mon-fri 06:00-22:00, not \"always\"\n"
	"7:21: \"hours\" must be days and hours such as mon-fri 06:00-22:00, not \"mon-fri "
	"6-22\"\n"},
    {KEYED("    bandwidth: {upload: fast, download: 10MiB/h, up: 1}\n"),
	"7:25: \"upload\" must be a rate such as 512KiB/s or 10MiB/s, not \"fast\"\n"
	"7:41: \"download\" must be a rate such as 512KiB/s or 10MiB/s, not \"10MiB/h\"\n"
	"7:50: unknown key \"up\" in \"bandwidth\"\n"},
    {KEYED("    quota: 5GiB\n"), "7:12: \"quota\" must be a mapping of keys to values\n"},
    {KEYED("    idle_timeout: 0\n    max_sessions: 100001\n"),
	"7:19: \"idle_timeout\" must be between 1s and 30d, not 0\n"
	"8:19: \"max_sessions\" must be between 0 and 100000, not 100001\n"},
    {"home: /h\nlimits:\n  drop: {from: 20, percent: 101}\n  max_unauthenticated: 10\n"
     "  ban: {time: 2d, never: x}\n",
	"3:16: \"from\" is above \"max_unauthenticated\" (10): none would be dropped\n"
	"3:29: \"percent\" must be between 0 and 100, not 101\n"
	"5:15: the first ban (\"time\") is longer than the longest (\"max\")\n"
	"5:26: \"never\" must be an address or a network such as 192.0.2.0/24 or 2001:db8::/32, "
	"not \"x\"\n"},
};

static const struct bad FOLDERS[] = {
    {"home: /h\nfolders:\n  f: {path: p, consumers: [erp, erb, erp]}\naccounts:\n"
     "  erp: {authorized_keys: k, mounts: [{at: /, folder: f, allow: list}]}\n",
	"3:28: the consumer \"erp\" has no mount of folder \"f\" that allows download: no file of "
	"it would ever be delivered\n"
	"3:33: no account is named \"erb\" (did you mean \"erp\"?)\n"
	"3:38: the consumer \"erp\" has no mount of folder \"f\" that allows download: no file of "
	"it would ever be delivered\n"
	"3:38: the consumer \"erp\" is there twice (first at /etc/dray/dray.yaml:3:28)\n"},
    {"home: /h\nfolders:\n  f: {path: p, archive: old}\n",
	"3:25: \"archive\" gets no file: set \"on_delivered\" to archive\n"},
    {"home: /h\nfolders:\n  f: {path: p, uploads: in-place, on_delivered: move, keep_partial: "
     "2y}\n",
	"3:25: unknown word \"in-place\" in \"uploads\": it must be private or direct\n"
	"3:49: unknown word \"move\" in \"on_delivered\": it must be keep, delete or archive\n"
	"3:69: \"keep_partial\" must be a duration such as 500ms, 30s or 1h30m, not \"2y\"\n"},
};

TABLE_TEST(test_logins, LOGINS)
TABLE_TEST(test_passwords, PASSWORDS)
TABLE_TEST(test_values, VALUES)
TABLE_TEST(test_folders, FOLDERS)

/* Every way to log in, alone. */
static void
test_good_logins(unused_arg void **state)
{
	static const char *const TEXTS[] = {
	    ACCOUNT("    authorized_keys: k\n"),
	    ACCOUNT("    keys: 'from=\"10.0.0.0/8\" " KEY " comment'\n"),
	    ACCOUNT("    trusted_user_ca: ca\n"),
	    ACCOUNT("trusted_user_ca: ca\n"),
	    ACCOUNT("    login: password\n    password: " HASH "\n"),
	    ACCOUNT("    login: password\n    password: "
		    "$2b$05$kg.R0tCO14d0K7YbH.T.KebGGNHzfIR/0jThsx2WbzPPc9fSpQuHC\n"),
	    ACCOUNT("    login: password\n    password: "
		    "$6$Nh/PIXDCE/YkOvSw$J9QASXId44F3LxQX75YDAsK11416JPBCzUwOwacRxJzXGNjsY6/"
		    "9iNgjDseSBtW8rA5PRlE8Tw/CSdp7A7Pq71\n"),
	    ACCOUNT("    login: password\n    password: "
		    "$gy$j75$nOXT2j2/do166SwEAIsC8/$TgDm5t/ZGNMLfPQKYzM7iix5SkvnlyoJ402f4lGMqX4\n"),
	};

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		struct buf errors;
		struct config *c = parse(TEXTS[i], &errors);
		assert_string_equal(errors_text(&errors), "");
		assert_non_null(c);
		assert_int_equal(c->accounts[0].n_principals, 1);
		assert_string_equal(c->accounts[0].principals[0], "a");
		config_unref(c);
		buf_fini(&errors);
	}
}

/* What travels in one message is bounded here, where it can be told. */
static void
test_lists_that_are_too_long(unused_arg void **state)
{
	static const char *const HEADS[] = {
	    "home: /h\nfolders: {f: {path: p}}\naccounts:\n  a: {authorized_keys: k, mounts: [{at: "
	    "/, "
	    "folder: f, allow: list, names: [",
	    "home: /h\nlisten: [{address: '1.1.1.1:1', host_keys: k, proxy_protocol: [",
	};
	static const char *const ITEMS[] = {"'a-name-of-a-file-*.csv',", "192.0.2.100,"};
	static const char *const TAILS[] = {"]}]}\n", "]}]\n"};
	static const char *const SAID[] = {
	    "4:75: the patterns of \"names\" have more than 4096 bytes together\n",
	    "2:63: the networks of \"proxy_protocol\" have more than 4096 bytes together\n"};

	for (size_t i = 0; i < ARRAY_LEN(HEADS); i++) {
		struct buf text, errors;
		buf_init(&text, 64 * 1024);
		assert_int_equal(buf_printf(&text, "%s", HEADS[i]), ERR_OK);
		for (int n = 0; n < 400; n++)
			assert_int_equal(buf_printf(&text, "%s", ITEMS[i]), ERR_OK);
		assert_int_equal(buf_printf(&text, "%s", TAILS[i]), ERR_OK);
		assert_null(parse_text(buf_slice(&text), &errors));
		if (strstr(errors_text(&errors), SAID[i]) == NULL)
			assert_string_equal(errors_text(&errors), SAID[i]);
		buf_fini(&errors);
		buf_fini(&text);
	}
}

static void
test_too_many_mounts(unused_arg void **state)
{
	for (int n = CONFIG_MOUNTS_MAX; n <= CONFIG_MOUNTS_MAX + 1; n++) {
		struct buf text, errors;
		buf_init(&text, 64 * 1024);
		assert_int_equal(buf_printf(&text, "home: /h\nfolders: {f: {path: p}}\naccounts:\n"
						   "  a: {authorized_keys: k, mounts: ["),
		    ERR_OK);
		for (int i = 0; i < n; i++)
			assert_int_equal(
			    buf_printf(&text, "{at: /m%d, folder: f, allow: list},", i), ERR_OK);
		assert_int_equal(buf_printf(&text, "]}\n"), ERR_OK);
		struct config *c = parse_text(buf_slice(&text), &errors);
		assert_string_equal(errors_text(&errors),
		    n == CONFIG_MOUNTS_MAX
			? ""
			: "/etc/dray/dray.yaml:4:3: account \"a\" has more than 64 mounts\n");
		config_unref(c);
		buf_fini(&errors);
		buf_fini(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_logins),
	    cmocka_unit_test(test_passwords),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_good_logins),
	    cmocka_unit_test(test_lists_that_are_too_long),
	    cmocka_unit_test(test_too_many_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
