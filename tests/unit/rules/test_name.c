#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rules/name.h"

static void
test_check(unused_arg void **state)
{
	static const struct {
		const char *name;
		enum err err;
	} CASES[] = {
	    {"a", ERR_OK},
	    {"report.csv", ERR_OK},
	    {"...", ERR_OK},
	    {".hidden", ERR_OK},
	    {" ", ERR_OK},
	    {"-rf", ERR_OK},
	    {"\xff\xfe", ERR_OK},
	    {"ü", ERR_OK},
	    {"", ERR_INVALID},
	    {".", ERR_INVALID},
	    {"..", ERR_INVALID},
	    {"a/b", ERR_INVALID},
	    {"/", ERR_INVALID},
	    {"a\nb", ERR_INVALID},
	    {"a\x7f", ERR_INVALID},
	    {"\x1b[1m", ERR_INVALID},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct story story = {""};
		assert_int_equal(name_check(slice_str(CASES[i].name), &story), CASES[i].err);
		assert_int_equal(story.text[0] == '\0', CASES[i].err == ERR_OK);
		assert_null(strchr(story.text, '\x1b'));
		assert_int_equal(name_check(slice_str(CASES[i].name), NULL), CASES[i].err);
	}
	assert_int_equal(name_check(slice_of("a\0b", 3), NULL), ERR_INVALID);
}

static void
test_check_length(unused_arg void **state)
{
	char name[1000];
	struct story story;

	memset(name, 'n', sizeof name);
	assert_int_equal(name_check(slice_of(name, 255), NULL), ERR_OK);
	assert_int_equal(name_check(slice_of(name, 256), NULL), ERR_NAMETOOLONG);
	assert_int_equal(name_check(slice_of(name, sizeof name), &story), ERR_NAMETOOLONG);
	assert_non_null(strstr(story.text, "1000 bytes"));
}

static void
test_extension(unused_arg void **state)
{
	static const struct {
		const char *name, *stem, *ext;
	} CASES[] = {
	    {"report.csv", "report", "csv"},
	    {"a.tar.gz", "a.tar", "gz"},
	    {"plain", "plain", ""},
	    {".profile", ".profile", ""},
	    {".a.b", ".a", "b"},
	    {"name.", "name", ""},
	    {"..", ".", ""},
	    {".", ".", ""},
	    {"", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct slice stem, ext = name_extension(slice_str(CASES[i].name), &stem);
		assert_true(slice_is(stem, CASES[i].stem));
		assert_true(slice_is(ext, CASES[i].ext));
	}
}

static void
test_numbered(unused_arg void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		const char *result;
	} CASES[] = {
	    {"report.csv", 2, "report.2.csv"},
	    {"report.csv", 4294967295u, "report.4294967295.csv"},
	    {"a.tar.gz", 3, "a.tar.3.gz"},
	    {"plain", 2, "plain.2"},
	    {".profile", 2, ".profile.2"},
	    {"name.", 2, "name.2."},
	    {"ü", 2, "ü.2"},
	};
	char dst[NAME_LEN_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		name_numbered(CASES[i].name, CASES[i].n, dst);
		assert_string_equal(dst, CASES[i].result);
	}
}

/* Whatever the lengths of stem and extension: a good name, with the number in it,
 * and whole UTF-8. */
static void
test_numbered_fits(unused_arg void **state)
{
	char name[600], dst[NAME_LEN_MAX + 1];

	for (size_t stem = 1; stem <= 255; stem++) {
		for (size_t ext = 0; ext + stem < 256; ext += 7) {
			memset(name, 's', stem);
			memset(name + stem, 'e', ext);
			name[stem + ext] = '\0';
			if (ext > 0)
				name[stem] = '.';
			name_numbered(name, 4000000000u, dst);
			assert_int_equal(name_check(slice_str(dst), NULL), ERR_OK);
			assert_non_null(strstr(dst, ".4000000000"));
			assert_true(strcmp(dst, name) != 0);
		}
	}
	for (size_t lead = 0; lead < 4; lead++) {
		memset(name, 'x', lead);
		for (size_t i = 0; i < 70; i++)
			memcpy(name + lead + 4 * i, "\xf0\x9f\x98\x80", 5);
		name_numbered(name, 7, dst);
		size_t kept = strlen(dst) - 2;
		assert_string_equal(dst + kept, ".7");
		assert_int_equal((kept - lead) % 4, 0);
		assert_true(kept > 249);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_check_length),
	    cmocka_unit_test(test_extension),
	    cmocka_unit_test(test_numbered),
	    cmocka_unit_test(test_numbered_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
