#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shell/destination.h"

static void
expect(const char *text, const char *what, const char *expected, const char *got)
{
	if ((expected == NULL) != (got == NULL) || (got != NULL && strcmp(expected, got) != 0))
		fail_msg("\"%s\": %s is \"%s\"", text, what, got == NULL ? "(none)" : got);
}

static void
test_good(unused_arg void **state)
{
	static const struct {
		const char *text, *user, *host, *path;
		uint16_t port;
	} CASES[] = {
	    {"host", NULL, "host", NULL, 0},
	    {"me@host", "me", "host", NULL, 0},
	    {"me@corp@host", "me@corp", "host", NULL, 0},
	    {"host:", NULL, "host", NULL, 0},
	    {"host:file", NULL, "host", "file", 0},
	    {"host:/a/b c", NULL, "host", "/a/b c", 0},
	    {"host:a@b", NULL, "host", "a@b", 0},
	    {"host:a:b", NULL, "host", "a:b", 0},
	    {"me@host:~/x", "me", "host", "~/x", 0},
	    {"[::1]", NULL, "::1", NULL, 0},
	    {"me@[fe80::1%eth0]:/x", "me", "fe80::1%eth0", "/x", 0},
	    {"sftp://host", NULL, "host", NULL, 0},
	    {"SFTP://host/", NULL, "host", NULL, 0},
	    {"sftp://me@host:2222/a/b", "me", "host", "a/b", 2222},
	    {"sftp://host:1//a", NULL, "host", "/a", 1},
	    {"sftp://[::1]:65535/x", NULL, "::1", "x", 65535},
	    {"sftp://m%40e;fingerprint=ssh-rsa@h/a%20b%2Fc", "m@e", "h", "a b/c", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story;
		struct destination d;
		if (destination_parse(CASES[i].text, &d, &story) != ERR_OK)
			fail_msg("\"%s\": %s", CASES[i].text, story.text);
		expect(CASES[i].text, "user", CASES[i].user, d.user);
		expect(CASES[i].text, "host", CASES[i].host, d.host);
		expect(CASES[i].text, "path", CASES[i].path, d.path);
		assert_int_equal(d.port, CASES[i].port);
		destination_fini(&d);
	}
}

static void
test_bad(unused_arg void **state)
{
	static const char *const CASES[] = {"", "@", "@host", "me@", ":x", "me@:x",
	    "-oProxyCommand=x", "me@-x", "host name", "h\nx", "[::1", "[::1]x", "[]", "sftp://",
	    "sftp:///x", "sftp://@h", "sftp://h:0/", "sftp://h:65536/", "sftp://h:x/", "sftp://h:/",
	    "sftp://h:22x/", "sftp://[::1]22/", "sftp://h/%", "sftp://h/%4", "sftp://h/%zz",
	    "sftp://h/a%00b", "sftp://a%0@h/"};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {.text = ""};
		struct destination d;
		if (destination_parse(CASES[i], &d, &story) != ERR_INVALID)
			fail_msg("\"%s\" is a destination", CASES[i]);
		assert_string_not_equal(story.text, "");
		destination_fini(&d);
	}
}

static void
test_too_long(unused_arg void **state)
{
	static char text[DESTINATION_MAX + 2];
	struct destination d;

	memset(text, 'h', sizeof text - 1);
	assert_int_equal(destination_parse(text, &d, NULL), ERR_INVALID);
	destination_fini(&d);
	text[DESTINATION_MAX] = '\0';
	assert_int_equal(destination_parse(text, &d, NULL), ERR_OK);
	destination_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
