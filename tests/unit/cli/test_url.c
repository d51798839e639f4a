/* What names a file on a server, what a local one, and what nobody should mean. */
#include "harness.h"

#include "cli/url.h"

static const struct {
	const char *text, *user, *host;
	uint16_t port;
	const char *pattern;
} GOOD[] = {
    {"sftp://h", NULL, "h", 0, ""},
    {"sftp://h/", NULL, "h", 0, "/"},
    {"sftp://h/~", NULL, "h", 0, ""},
    {"sftp://h/~/", NULL, "h", 0, ""},
    {"sftp://h/~/a/b", NULL, "h", 0, "a/b"},
    {"sftp://h/~a/b", NULL, "h", 0, "/~a/b"},
    {"sftp://h/a/b", NULL, "h", 0, "/a/b"},
    {"sftp://u@h:2222/a", "u", "h", 2222, "/a"},
    {"sftp://u@x@h/a", "u@x", "h", 0, "/a"},
    {"sftp://u%40x@h/a", "u@x", "h", 0, "/a"},
    {"sftp://[::1]/a", NULL, "::1", 0, "/a"},
    {"sftp://u@[fe80::1%25eth0]:22/a", "u", "fe80::1%eth0", 22, "/a"},
    {"sftp://h/a%20b%2Fc", NULL, "h", 0, "/a b/c"},
    {"sftp://h/a b", NULL, "h", 0, "/a b"},
    {"sftp://h/*.csv", NULL, "h", 0, "/*.csv"},
    {"sftp://h/%2A.c%3fv%5b1%5d%5c", NULL, "h", 0, "/\\*.c\\?v\\[1]\\\\"},
    {"sftp://h/a?b#c", NULL, "h", 0, "/a?b#c"},
    {"sftp://h//a", NULL, "h", 0, "//a"},
    {"sftp://h/%0a%ff", NULL, "h", 0, "/\n\xff"},
    {"h:", NULL, "h", 0, ""},
    {"h:a", NULL, "h", 0, "a"},
    {"h:/a:b", NULL, "h", 0, "/a:b"},
    {"u@h:a%20b", "u", "h", 0, "a%20b"},
    {"u@x@h:a", "u@x", "h", 0, "a"},
    {"[::1]:a", NULL, "::1", 0, "a"},
    {"u@[::1]:/a", "u", "::1", 0, "/a"},
    {"h:a\\*", NULL, "h", 0, "a\\*"},
    {"h:-x", NULL, "h", 0, "-x"},
    {"h:[a]*", NULL, "h", 0, "[a]*"},
    {"sftp:x", NULL, "sftp", 0, "x"},
};

static const struct {
	const char *text, *story;
} BAD[] = {
    {"sftp://", "that is no host's name"},
    {"sftp:///a", "that is no host's name"},
    {"sftp://u@/a", "that is no host's name"},
    {"sftp://@h/a", "that is no user's name"},
    {"sftp://u:secret@h/a", "a password doesn't belong there"},
    {"sftp://-oProxyCommand=x/a", "that is no host's name"},
    {"sftp://h%00/a", "a \"%\" needs"},
    {"sftp://h/%0", "a \"%\" needs"},
    {"sftp://h/%", "a \"%\" needs"},
    {"sftp://h/%zz", "a \"%\" needs"},
    {"sftp://h:0/a", "a port is a number"},
    {"sftp://h:65536/a", "a port is a number"},
    {"sftp://h:x/a", "a port is a number"},
    {"sftp://[::1/a", "that is no host's name"},
    {"sftp://[::1]x/a", "that is no host's name"},
    {"sftp://a b/c", "that is no host's name"},
    {"sftp://h;x/c", "that is no host's name"},
    {"-oProxyCommand=x:a", "that is no host's name"},
    {"h$(x):a", "that is no host's name"},
    {"u|x@h:a", "that is no user's name"},
    {"-l@h:a", "that is no user's name"},
    {"[::1:a", "it names no server"},
    {"@h:a", "that is no user's name"},
    {"plain", "it names no server"},
    {"", "it names no server"},
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
		struct url u;
		struct story story = {.text = ""};
		if (url_parse(GOOD[i].text, &u, &story) != ERR_OK)
			fail_msg("%s: %s", GOOD[i].text, story.text);
		assert_true(url_is_remote(GOOD[i].text));
		assert_string_equal(u.host, GOOD[i].host);
		assert_string_equal(u.pattern, GOOD[i].pattern);
		assert_int_equal(u.port, GOOD[i].port);
		assert_int_equal(u.user == NULL, GOOD[i].user == NULL);
		if (u.user != NULL)
			assert_string_equal(u.user, GOOD[i].user);
		assert_true(url_same_server(&u, &u));
		url_fini(&u);
	}
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		struct url u;
		struct story story = {.text = ""};
		if (url_parse(BAD[i].text, &u, &story) != ERR_INVALID)
			fail_msg("%s is no URL", BAD[i].text);
		assert_contains(story.text, BAD[i].story);
		url_fini(&u);
	}
}

static void
test_local(void **state)
{
	static const char *const LOCAL[] = {
	    "", "a", "./a:b", "/a:b", "a/b:c", ":a", "[a]b/c:", "-", "[::1]", "@/:", "sftp/:x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LOCAL); i++)
		assert_false(url_is_remote(LOCAL[i]));
}

static void
test_too_long(void **state)
{
	static const struct {
		const char *before, *after;
		size_t n;
	} CASES[] = {{"sftp://", "/a", URL_HOST_MAX}, {"", "@h:a", URL_USER_MAX},
	    {"h:", "", URL_PATH_MAX}, {"sftp://h/", "", URL_PATH_MAX - 1},
	    {"sftp://h/", "", URL_MAX}};
	char text[URL_MAX + 64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct url u;
			struct story story = {.text = ""};
			(void)snprintf(text, sizeof text, "%s%0*d%s", CASES[i].before,
			    (int)(CASES[i].n + more), 1, CASES[i].after);
			bool good = more == 0 && CASES[i].n != URL_MAX;
			assert_int_equal(url_parse(text, &u, &story), good ? ERR_OK : ERR_INVALID);
			if (!good)
				assert_contains(story.text, "it is too long");
			url_fini(&u);
		}
	}
}

static void
test_servers(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} CASES[] = {{"h:a", "h:b", true}, {"h:a", "sftp://h/b", true}, {"u@h:a", "h:a", false},
	    {"u@h:a", "u@h:b", true}, {"h:a", "i:a", false}, {"sftp://h:1/", "sftp://h:2/", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct url a, b;
		assert_int_equal(url_parse(CASES[i].a, &a, NULL), ERR_OK);
		assert_int_equal(url_parse(CASES[i].b, &b, NULL), ERR_OK);
		assert_int_equal(url_same_server(&a, &b), CASES[i].same);
		url_fini(&a);
		url_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_local),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
